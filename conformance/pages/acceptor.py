"""The page of how the acceptor was tried: counts, and what the trials have asked.

It is made of the report of ``python -m conformance.trials``; nothing is tried for it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from conformance.pages.parts import GENERATED
from conformance.trials.campaigns import MOST_RUNS, OVERFLOWED
from conformance.trials.wild import MOST_ASKED, MOST_MOVES
from spec_model.steps import NOT_MODELLED, STEPS

Trial: TypeAlias = Mapping[str, Any]
"""One trial of the report: profiles, each with its counts."""

_INTRODUCTION = """\
Who judges the judge? Traces that the model made must be accepted, however they are noted; a
trace that is spoilt in one observation must be rejected, or the model must be able to make it,
too. `python -m conformance.trials` tries that at scale and goes on where it was stopped.
"""

_SOUNDNESS = f"""\
A run is a script drawn at random, played by the model with its tasks, its network and the
script in random order. Logs of it differ in what is definite only: inputs are noted earlier,
outputs later, a kill loses what was on its way. One run of ten is judged with all choices
open, the others with those of the profile; `any` draws the choices for each run. A run that
has made more than {MOST_ASKED} requests, or {MOST_MOVES} moves, is judged as far as it came.
"""

_MUTATIONS = """\
One observation is dropped, doubled, put out of order or given another value. What the acceptor
admits all the same needs a witness: a run of the model that shows exactly the spoilt trace
(`conformance/trials/witness.py`). Then it is *equivalent* to what the model makes.

*In another order*, which is counted among these: the run needs what the text leaves open and
the model does at one moment. `get()`, `getIds()` and `abort()` run in parallel (GET-0,
GETIDS-0, ABORT-0), so they may act some time after they have returned; so does what follows
the end of an event (PERFORM-8.13.1). The edit queue, each fetch's update queue, each record and
each event are parallel to the others, so their tasks may come to one realm in any order; what is
seen of one promise, one object or one reader keeps its own, and so do promises of the edit queue.
A request that was cut off may arrive late or never, and a body be read before that; a connection
that breaks may take with it what nobody has read. How updates
are merged is open (E49), and so is whether requests wait for the promise of `fetch()` (E67). A
worker may be stopped before the last progress, and the interface go when all is over; nothing
says how many bytes a kill leaves, or whether an event comes again that was being handled then.

*Undecided*: no witness was found, and not everything was tried. *Holes*: everything was tried,
and there is none; `docs/decisions/0004-acceptor.md` says what they are.
"""

_AGREEMENT = f"""\
All traces of small worlds (`conformance/trials/every.py`), and mutants of them, judged three
times: in factored form, with every combination of records' states held apart, and by the plain
acceptor, which knows neither bounds nor factors. A world is *listed whole* if no other run of it
could be made, and *cut short* after {MOST_RUNS:,} runs.
"""

_BLAME = """\
The text is changed in one place, and a run of the changed model violates: is the changed step
blamed? *Blind*: when that very change may not be tried. The order in which steps are named was
chosen on other changes than these; `docs/decisions/0006-blame.md` says what is blamed and why.
"""

_COVERAGE = """\
In how many of the {runs:,} runs of soundness a script has asked for something, and something
was shown.
"""


def acceptor_page(reports: Path) -> str:
    """``docs/reference/acceptor.md``, of the report in a folder."""
    report: Trial = json.loads((reports / "acceptor.json").read_text("utf-8"))
    return (
        "\n".join(
            [
                GENERATED,
                "# Trials of the acceptor\n",
                _INTRODUCTION,
                *_soundness(report["soundness"]),
                *_sample(report.get("sample", {})),
                *_mutations(report["mutations"]),
                *_agreement(report["agreement"]),
                *_blame(report["blame"]),
                *_coverage(report["soundness"]),
            ]
        ).rstrip("\n")
        + "\n"
    )


def _soundness(trial: Trial) -> Iterator[str]:
    yield "## What the model made\n"
    yield _SOUNDNESS
    yield "| profile | runs | traces | accepted | rejected | explanations at most |"
    yield "|---|---:|---:|---:|---:|---:|"
    for profile, line in trial.items():
        counts = line["counts"]
        yield (
            f"| {profile} | {line['tried']:,} | {_traces(counts):,} "
            f"| {counts.get('accepted', 0):,} | {counts.get('rejected', 0):,} "
            f"| {line['largest']:,} |"
        )
    joined = sum(line["counts"].get(JOINED, 0) for line in trial.values())
    yield f"\nIn {joined:,} of these traces explanations were joined for being too many."
    unjudged = sum(line["counts"].get(OVERFLOWED, 0) for line in trial.values())
    if unjudged:
        yield f"{unjudged} had more explanations than the judge keeps: no verdict, neither way."


def _sample(trial: Trial) -> Iterator[str]:
    if not trial:
        return
    runs = ", ".join(f"{line['tried']:,} of {profile}" for profile, line in trial.items())
    counts = sum((Counter(line["counts"]) for line in trial.values()), Counter[str]())
    yield "\nThe judge has changed since the first of these were judged. As it is now, it has been"
    yield f"asked again about the first runs ({runs}): it has accepted"
    yield f"{counts['accepted']:,} traces and rejected {counts['rejected']:,}."


JOINED = "joined"
"""The count of traces in which explanations were joined."""


def _traces(counts: Mapping[str, int]) -> int:
    return sum(count for name, count in counts.items() if name != JOINED)


def _mutations(trial: Trial) -> Iterator[str]:
    yield "\n## What was spoilt\n"
    yield _MUTATIONS
    yield "| profile | mutants | rejected | equivalent | in another order | undecided | holes |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    lines = [(profile, Counter(line["counts"])) for profile, line in trial.items()]
    every = sum((counts for _, counts in lines), Counter[str]())
    for profile, counts in (*lines, ("all", every)):
        equivalent = counts["equivalent"] + counts["order only"]
        kinds = (counts["order only"], counts["undecided"], counts["hole"])
        cells = (_traces(counts), counts["rejected"], equivalent, *kinds)
        yield f"| {profile} | {' | '.join(f'{cell:,}' for cell in cells)} |"


def _agreement(trial: Trial) -> Iterator[str]:
    yield "\n## Small worlds\n"
    yield _AGREEMENT
    yield "| profile | worlds | what they said | traces |"
    yield "|---|---:|---|---:|"
    for profile, line in trial.items():
        for what, count in line["counts"].items():
            yield f"| {profile} | {line['tried']} | {what} | {count:,} |"


def _blame(trial: Trial) -> Iterator[str]:
    kinds = ("blamed", "blamed among the first 1", "blamed among the first 3", "blamed blind")
    yield "\n## Whom a violation is blamed on\n"
    yield _BLAME
    yield "| mutants | violations | blamed | named first | in the first three | blind | names |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for half, line in trial.items():
        counts = line["counts"]
        violate = counts.get("violates", 0) or 1
        shares = " | ".join(f"{counts.get(kind, 0) / violate:.0%}" for kind in kinds)
        named = sum(
            int(name.removeprefix("size ")) * count
            for name, count in counts.items()
            if name.startswith("size ")
        )
        yield (
            f"| {half} | {counts.get('violates', 0):,} | {shares} "
            f"| {named / violate:.1f} on average, {line['largest']} at most |"
        )


def _coverage(trial: Trial) -> Iterator[str]:
    runs = sum(line.get("runs", 0) for line in trial.values())
    yield "\n## What was asked and shown\n"
    yield _COVERAGE.format(runs=runs)
    for title, field in (("asked", "asked"), ("shown", "shown")):
        yield f"| {title} | runs |"
        yield "|---|---:|"
        for name, count in sorted(_sum(trial, field).items()):
            yield f"| {name} | {count:,} |"
        yield ""
    taken = _sum(trial, "steps")
    modelled = [step for step in STEPS if step not in NOT_MODELLED]
    never = [step for step in modelled if not taken[step]]
    yield (
        f"{len(modelled) - len(never)} of the {len(modelled)} steps that are modelled were taken;\n"
        "the others are in sentences that every run obeys without taking them, or in what only\n"
        f"an edition as written does: {', '.join(never) or 'none'}."
    )


def _sum(trial: Trial, field: str) -> Counter[str]:
    total = Counter[str]()
    for line in trial.values():
        total.update(line.get(field, {}))
    return total
