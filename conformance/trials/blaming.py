"""Is the right step blamed?  Changed models are run, judged, and steps are named.

Number n is a mutant of the model, in a seeded order that takes all algorithms in turn,
playing a scenario that passes its place.  Where the verdict is ``violates``, the changed
step ought to be among those that are blamed.  The search knows the very change that was
made, which nobody will have made so in earnest; so it is also counted how often the step
is named *blind*, when that change may not be tried and only others can point at it.

The mutants fall into two halves, by a digest of their names.  The order in which steps are
named was chosen by looking at the one (``TUNED``); what counts is the other (``HELD_OUT``).
"""

from __future__ import annotations

import functools
import hashlib
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import attrs
import msgspec

import spec_model
from conformance.blame import blame
from conformance.blame.ranking import causes
from conformance.judge.judge import judge
from conformance.judge.verdict import Cause, Judgement, Verdict
from conformance.mutate.mutants import Mutant, installed, mutants
from conformance.mutate.playing import Known, impatient, know, plays
from conformance.trace import Trace
from conformance.trials.campaigns import Tally

_PACKAGE = Path(spec_model.__file__).parent
TUNED, HELD_OUT = "tuned", "held-out"
HALVES = (TUNED, HELD_OUT)

TRIED = 4
"""Scenarios that a mutant plays until one run of it violates."""

ENOUGH = 0.8
"""The share of violations in which the changed step has to be blamed."""

EXACT = 3
"""A change of a place that does more steps than these is easier to blame: counted apart."""

PLACES = (1, 3, 5)
"""Among so many of the first that are named the changed step is looked for."""


@functools.cache
def known(names: tuple[Path, ...] | None = None) -> tuple[Known, ...]:
    """The scenarios (all of them by default) under the amended text, and what they pass."""
    files = frozenset(map(str, _PACKAGE.rglob("*.py")))
    return tuple(know(each, files) for each in plays(names) if each.reading.name == "amended")


@functools.cache
def order(half: str) -> tuple[Mutant, ...]:
    """The mutants of one half that belong to a step: of each algorithm in turn, in seeded order."""
    found = [each for each in mutants() if each.steps and half_of(each) == half]
    Random("blame").shuffle(found)
    waiting: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in found:
        waiting[algorithm(mutant)].append(mutant)
    rounds = max(map(len, waiting.values()))
    return tuple(
        waiting[name][number]
        for number in range(rounds)
        for name in sorted(waiting)
        if number < len(waiting[name])
    )


_CAME_FROM = {"process_response": "complete_record", "record_end": "complete_record"}
"""The files that others were parts of when the halves were made."""


def half_of(mutant: Mutant) -> str:
    """Which half a mutant belongs to, for good: also where its function has moved."""
    file, rest = mutant.key.split(".", 1)
    name = f"{_CAME_FROM.get(file, file)}.{rest}"
    return HALVES[hashlib.sha256(name.encode()).digest()[-1] % 2]


def algorithm(mutant: Mutant) -> str:
    """The algorithm of the first step that a mutant belongs to."""
    return mutant.steps[0].rpartition("-")[0]


def violating(
    mutant: Mutant, number: int, field: tuple[Known, ...]
) -> tuple[Trace, Judgement] | None:
    """A run of a mutant that the judge calls a violation, if one is met soon."""
    for play in _passing(mutant, number, field):
        try:
            with installed(mutant), impatient():
                trace = play.play.run()
        except Exception:  # noqa: BLE001 - a changed model may break in any way
            continue
        judgement = judge(trace)
        if judgement.verdict is Verdict.VIOLATES and judgement.unexplained is not None:
            return trace, judgement
    return None


def _passing(mutant: Mutant, number: int, field: tuple[Known, ...]) -> Iterator[Known]:
    file = str(_PACKAGE.parent / mutant.file)
    places = {(file, line) for line in range(mutant.lines[0], mutant.lines[1] + 1)}
    passing = [each for each in field if places & each.lines]
    Random(number).shuffle(passing)
    yield from passing[:TRIED]


@attrs.frozen
class Blamed:
    """Whom a run of a mutant is blamed on: as it is, and blind.

    ``seen``: where the difference was seen; ``named``: all that is blamed, likeliest first.
    """

    mutant: Mutant
    seen: tuple[str, ...]
    named: tuple[str, ...]
    blind: tuple[str, ...]
    undetermined: bool

    def hits(self, steps: tuple[str, ...]) -> bool:
        """Whether the changed step is among these."""
        return not set(self.mutant.steps).isdisjoint(steps)


def blamed(mutant: Mutant, number: int, field: tuple[Known, ...]) -> Blamed | None:
    """Blame for a run of one mutant; None where no run of it violates."""
    found = violating(mutant, number, field)
    if found is None:
        return None
    trace, judgement = found
    assert judgement.unexplained is not None
    seen = judgement.blame
    if judgement.causes is not None:  # nothing had to be searched for
        return Blamed(mutant, seen, judgement.blamed, judgement.blamed, undetermined=False)
    said = blame(trace, judgement.unexplained, seen)
    others = causes((each for each in said.tried if each.change.key != mutant.key), seen)
    undetermined = not any(cause.explains for cause in said.causes)
    blind = _named(judgement, others)
    return Blamed(mutant, seen, _named(judgement, said.causes), blind, undetermined)


def _named(judgement: Judgement, found: tuple[Cause, ...]) -> tuple[str, ...]:
    return msgspec.structs.replace(judgement, causes=found).blamed


def blaming(half: str, numbers: range, progress: Callable[[], None] = lambda: None) -> Tally:
    """Mutants by number: how many violate, and for how many the changed step is blamed."""
    tally, began = Tally(), time.perf_counter()
    for number in numbers:
        progress()
        mutants_ = order(half)
        if number >= len(mutants_):
            continue
        one = blamed(mutants_[number], number, known())
        if one is None:
            tally.counts["not seen to violate"] += 1
            continue
        _count(tally, one)
    tally.seconds = time.perf_counter() - began
    return tally


def _count(tally: Tally, one: Blamed) -> None:
    tally.counts["violates"] += 1
    tally.counts["no single change explains it"] += one.undetermined
    tally.counts["seen at the changed step"] += one.hits(one.seen)
    for how, named in (("blamed", one.named), ("blamed blind", one.blind)):
        tally.counts[how] += one.hits(named)
        for place in PLACES:
            tally.counts[f"{how} among the first {place}"] += one.hits(named[:place])
    tally.counts[f"size {len(one.named)}"] += 1
    tally.counts[f"of {algorithm(one.mutant)}"] += 1
    tally.counts[f"of {algorithm(one.mutant)} blamed"] += one.hits(one.named)
    if len(one.mutant.steps) <= EXACT:
        tally.counts["exact"] += 1
        tally.counts["exact and blamed"] += one.hits(one.named)
        tally.counts["exact and blamed blind"] += one.hits(one.blind)
    tally.largest = max(tally.largest, len(one.named))
    if not one.hits(one.named):
        tally.cases.append(f"{one.mutant.key}: {' '.join(one.named) or 'nobody'}")


def well_blamed(counts: Mapping[str, int]) -> bool:
    """Whether the changed step is blamed often enough."""
    return counts.get("blamed", 0) >= ENOUGH * counts.get("violates", 0)


def summary(counts: Mapping[str, int]) -> str:
    """The figures in words, with the size of what is blamed."""
    violate = counts.get("violates", 0)
    if not violate:
        return "no run violated"
    sizes = [
        int(name.removeprefix("size "))
        for name, count in counts.items()
        if name.startswith("size ")
        for _ in range(count)
    ]

    def share(name: str) -> str:
        return f"{counts.get(name, 0) / violate:.0%}"

    first = ", ".join(f"{share(f'blamed among the first {place}')} in {place}" for place in PLACES)
    exact = counts.get("exact", 0) or 1
    exactly = f"{counts.get('exact and blamed', 0) / exact:.0%}"
    exactly_blind = f"{counts.get('exact and blamed blind', 0) / exact:.0%}"
    return (
        f"{violate} violations; the changed step is blamed in {share('blamed')} ({first}), blind "
        f"in {share('blamed blind')}; of {exact} changes of at most {EXACT} steps {exactly}, blind "
        f"{exactly_blind}; seen there in {share('seen at the changed step')}; steps "
        f"named: median {statistics.median(sizes):g}, mean {statistics.mean(sizes):.1f}, "
        f"at most {max(sizes)}"
    )
