"""The trials at scale: numbered traces of each profile, and what the acceptor says of them.

Run number n of a profile is always the same, so a campaign is a range of numbers and
can go on where it was stopped.  Many runs are short, since what goes wrong with a few
steps goes wrong in the shortest trace that shows it.  Several logs are made of each run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import attrs

from conformance.judge.acceptor import Acceptor
from conformance.judge.memory import Memory
from conformance.judge.plain_acceptor import TooManyStates
from conformance.trace import Trace, dump
from conformance.trials.coverage import Coverage
from conformance.trials.every import SMALL, EveryTrace
from conformance.trials.mutate import Spoilt, spoilt
from conformance.trials.plain import PlainJudge, Unreadable
from conformance.trials.reorder import reordered, with_losses
from conformance.trials.walked import Walked, fed
from conformance.trials.wild_run import wild_run
from conformance.trials.witness import Attempt, Found, Search
from spec_model.choices import CHOICES
from spec_model.editions import AMENDED
from spec_model.profiles import PROFILES

ANY = "any"
"""Not a profile but one drawn for each trace: every combination of choices."""

LONGEST = 12
"""Steps of a script; every step more is less likely."""

LOGS = 5
"""Logs of one run that are judged: as it was, and as others at a distance may note it."""

EVERY_CHOICE = 10
"""Of so many runs one is judged with all choices open, the others with the profile's."""

MUTANTS_OF_ONE = 10

MOST_RUNS = 2_000
"""Runs of one small world; those that say nothing new end early."""

MUTATED = 1
"""Traces of one small world of which all mutants are tried."""

PROVABLE = 2_000
"""Explanations that the plain acceptor may hold."""

_WITHOUT_WAITING = AMENDED.without("E67")
"""Whether requests wait for the promise of fetch() is open."""

IN_ORDER = 800
"""Moves that are spent on a run that keeps the model's order of tasks, too."""

AT_ONCE = Attempt(0, 3)
"""Nothing lost, and few cuts."""


@attrs.frozen
class Run:
    """Run ``number`` of a profile, as somebody notes it who sees everything at once.

    ``made``: the choices that were made, ``steps``: the steps of the text that were taken.
    """

    profile: str
    number: int
    trace: Trace
    made: frozenset[str]
    steps: frozenset[str]

    @property
    def admitted(self) -> frozenset[str] | None:
        """The choices on which its logs are judged: those made, or all."""
        return None if self.number % EVERY_CHOICE == 0 else self.made


def choices_of(profile: str, rng: Random) -> dict[str, str]:
    """The answers of a profile."""
    if profile != ANY:
        return dict(PROFILES[profile].choices)
    # How many connections there are is part of a world here.
    return {
        key: rng.choice(choice.options)
        for key, choice in sorted(CHOICES.items())
        if key != "concurrency" and rng.random() < 0.5
    }


def _steps(rng: Random) -> int:
    steps = 1
    while steps < LONGEST and rng.random() < 0.6:
        steps += 1
    return steps


def run(profile: str, number: int) -> Run:
    """One run of the model."""
    rng = Random(f"{profile}/{number}")
    choices = choices_of(profile, rng)
    wild = wild_run(f"{profile}/{number}", choices, _steps(rng))
    made = {f"{k}={v}" for k, v in choices.items() if v != CHOICES[k].options[0]}
    return Run(profile, number, wild.trace, frozenset(made), wild.model.steps)


def logs(one: Run) -> Iterator[Trace]:
    """Logs of a run: the one that sees everything at once, then others, each once."""
    yield one.trace
    known = {dump(one.trace)}
    for which in range(1, LOGS):
        rng = Random(f"{one.profile}/{one.number}/{which}")
        lossy = with_losses(one.trace, rng)
        log = reordered(lossy, rng, 2 * len(lossy.entries))
        as_text = dump(log)
        if as_text not in known:
            known.add(as_text)
            yield log


@attrs.define
class Tally:
    """What came of a range of numbers.  ``cases`` names what ought to be looked at."""

    counts: Counter[str] = attrs.field(factory=Counter)
    cases: list[str] = attrs.field(factory=list)
    largest: int = 0
    seconds: float = 0.0
    covered: Coverage = attrs.field(factory=Coverage)


OVERFLOWED = "overflowed"
"""The count of traces with more explanations than the judge keeps: no verdict, neither way."""


def _verdict(acceptor: Acceptor) -> str:
    if acceptor.overflowed:
        return OVERFLOWED
    if acceptor.rejection is not None or acceptor.faults:
        return "rejected"
    return "accepted"


def soundness(profile: str, numbers: range, progress: Callable[[], None] = lambda: None) -> Tally:
    """Every log of every run of the model ought to be accepted."""
    tally, began, memory = Tally(), time.process_time(), Memory()
    for number in numbers:
        progress()
        one = run(profile, number)
        tally.covered.add(one.trace, one.steps)
        whole = Walked(one.trace, one.admitted, memory)
        for which, log in enumerate(logs(one)):
            acceptor = whole.judged(log)
            said = _said(tally, acceptor)
            tally.counts[said] += 1
            if acceptor.joined:
                tally.counts["joined"] += 1
            if said != "accepted":
                tally.cases.append(f"{profile}/{number}/{which}: {said}")
    tally.seconds = time.process_time() - began
    return tally


def _said(tally: Tally, acceptor: Acceptor) -> str:
    tally.largest = max(tally.largest, acceptor.largest)
    return _verdict(acceptor)


def some_spoilt(one: Run) -> list[Spoilt]:
    """Some mutants of one trace."""
    found = list(spoilt(one.trace))
    Random(f"{one.profile}/{one.number}/spoilt").shuffle(found)
    return found[:MUTANTS_OF_ONE]


def mutations(profile: str, numbers: range, progress: Callable[[], None] = lambda: None) -> Tally:
    """Every mutant ought to be rejected, or a possible trace for the plain acceptor too."""
    tally, began, memory = Tally(), time.process_time(), Memory()
    for number in numbers:
        progress()
        one = run(profile, number)
        whole = Walked(one.trace, one.made, memory)
        answers = Memory()
        for mutant in some_spoilt(one):
            said = _said(tally, whole.judged(mutant.trace))
            if said == "accepted":
                said = proved(mutant.trace, one.made, answers)
            tally.counts[said] += 1
            if said in ("hole", "undecided"):
                tally.cases.append(f"{profile}/{number}: {mutant.what} at {mutant.at}: {said}")
    tally.seconds = time.process_time() - began
    return tally


def proved(trace: Trace, admitted: frozenset[str], memory: Memory | None = None) -> str:
    """Why a spoilt trace that was accepted may have been.

    ``equivalent``: the model can make it.  ``order only``: it can, but for the order in
    which steps that the text runs in parallel have queued their tasks.  ``hole``: it cannot.
    ``undecided``: no run was found, and not everything was tried.  ``memory`` as for ``Search``.
    """
    memory = Memory() if memory is None else memory
    in_order = Search(trace, admitted, ordered=True, memory=memory)
    if in_order.run(IN_ORDER, [AT_ONCE]) is Found.WITNESS:
        return "equivalent"
    found = Search(trace, admitted, memory=memory).run()
    if found is not Found.WITNESS:
        freely = Search(trace, admitted, merging=True, edition=_WITHOUT_WAITING, memory=memory)
        found = freely.run()
    return {Found.WITNESS: "order only", Found.NONE: "hole"}.get(found, "undecided")


def agreement(profile: str, numbers: range, progress: Callable[[], None] = lambda: None) -> Tally:
    """Factored, unfactored and plain ought to say the same of all of a small world.

    A number is a world of ``every.SMALL``: all its traces are tried, and all mutants of the
    first of them.  A trace of the model is possible; of a mutant that is asked of the plain
    acceptor.  ``worlds listed whole``: no other run could be made within the bounds.
    """
    choices = choices_of(profile, Random("agreement"))
    made = frozenset(f"{k}={v}" for k, v in choices.items() if v != CHOICES[k].options[0])
    tally, began, memory = Tally(), time.process_time(), Memory()
    for number in numbers:
        if number >= len(SMALL):
            break
        progress()
        listed = EveryTrace(SMALL[number], MOST_RUNS, choices)
        for at, trace in enumerate(listed):
            mutants = spoilt(trace) if at < MUTATED else ()
            for mutant in (None, *mutants):
                said = _agreed(tally, mutant, trace, made, memory)
                tally.counts[said] += 1
                if not said.startswith("both"):
                    name = "itself" if mutant is None else f"{mutant.what} at {mutant.at}"
                    tally.cases.append(f"{SMALL[number].name} {at}: {name}: {said}")
        tally.counts["worlds listed whole" if listed.whole else "worlds cut short"] += 1
    tally.seconds = time.process_time() - began
    return tally


def _agreed(
    tally: Tally, mutant: Spoilt | None, trace: Trace, made: frozenset[str], memory: Memory
) -> str:
    trace = trace if mutant is None else mutant.trace
    factored = _said(tally, fed(trace, Acceptor(AMENDED, made, memory=memory)))
    naive = fed(trace, Acceptor(AMENDED, made, factored=False, memory=memory))
    if _verdict(naive) != factored:
        return f"{factored}, unfactored {_verdict(naive)}"
    if mutant is None:
        return "both accepted" if factored == "accepted" else f"{factored}, possible"
    try:
        # The acceptor does not judge the order of what one realm saw.
        possible = PlainJudge(made, PROVABLE, ordered=False).admits(trace)
    except Unreadable:
        return "unreadable"
    except TooManyStates:
        return "too large to prove"
    plain = "accepted" if possible else "rejected"
    return f"both {plain}" if plain == factored else f"{factored}, plain {plain}"
