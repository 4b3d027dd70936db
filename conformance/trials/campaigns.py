"""The trials at scale: numbered traces of each profile, and what the acceptor says of them.

Trace number n of a profile is always the same, so a campaign is a range of numbers and
can go on where it was stopped.  Two thirds of the traces are short, since what goes
wrong with a few steps goes wrong in the shortest trace that shows it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import attrs

from conformance.judge.acceptor import Acceptor
from conformance.judge.judge import accept
from conformance.judge.plain_acceptor import TooManyStates
from conformance.trace import Trace
from conformance.trials.mutate import Spoilt, spoilt
from conformance.trials.plain import PlainJudge, Unreadable
from conformance.trials.reorder import reordered, with_losses
from conformance.trials.wild import wild_trace
from spec_model.choices import CHOICES
from spec_model.editions import AMENDED
from spec_model.profiles import PROFILES

ANY = "any"
"""Not a profile but one drawn for each trace: every combination of choices."""

LENGTHS = (1, 1, 2, 2, 2, 3, 3, 4, 6)
"""Steps of a script, each as likely."""

EVERY_CHOICE = 10
"""Of so many traces one is judged with all choices open, the others with the profile's."""

MUTANTS_OF_ONE = 10


@attrs.frozen
class Case:
    """Trace ``number`` of a profile, as a judge at a distance may note it."""

    profile: str
    number: int
    trace: Trace
    admitted: frozenset[str] | None


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


def case(profile: str, number: int, *, disturbed: bool = True) -> Case | None:
    """One trace; None where the run went round in a circle."""
    rng = Random(f"{profile}/{number}")
    choices = choices_of(profile, rng)
    trace = wild_trace(f"{profile}/{number}", choices, rng.choice(LENGTHS))
    if trace is None:
        return None
    if disturbed:
        trace = reordered(with_losses(trace, rng), rng, 2 * len(trace.entries))
    made = {f"{k}={v}" for k, v in choices.items() if v != CHOICES[k].options[0]}
    admitted = None if number % EVERY_CHOICE == 0 else frozenset(made)
    return Case(profile, number, trace, admitted)


@attrs.define
class Tally:
    """What came of a range of numbers.  ``cases`` names what ought to be looked at."""

    counts: Counter[str] = attrs.field(factory=Counter)
    cases: list[str] = attrs.field(factory=list)
    largest: int = 0
    seconds: float = 0.0


def _verdict(acceptor: Acceptor) -> str:
    if acceptor.overflowed:
        return "overflowed"
    if acceptor.rejection is not None or acceptor.faults:
        return "rejected"
    return "accepted"


def soundness(profile: str, numbers: range, progress: Callable[[], None] = lambda: None) -> Tally:
    """Every trace of the model, reordered and with losses, ought to be accepted."""
    tally, began = Tally(), time.perf_counter()
    for number in numbers:
        progress()
        one = case(profile, number)
        if one is None:
            tally.counts["circling"] += 1
            continue
        acceptor = accept(one.trace, AMENDED, one.admitted).fetch
        said = _verdict(acceptor)
        tally.counts[said] += 1
        tally.largest = max(tally.largest, acceptor.largest)
        if said != "accepted":
            tally.cases.append(f"{profile}/{number}: {said}")
    tally.seconds = time.perf_counter() - began
    return tally


def some_spoilt(profile: str, number: int) -> Iterator[tuple[Spoilt, frozenset[str]]]:
    """Some mutants of one trace."""
    one = case(profile, number, disturbed=False)
    if one is None:
        return
    rng = Random(f"{profile}/{number}/spoilt")
    found = list(spoilt(one.trace))
    rng.shuffle(found)
    for each in found[:MUTANTS_OF_ONE]:
        yield each, one.admitted or frozenset()


def mutations(profile: str, numbers: range, progress: Callable[[], None] = lambda: None) -> Tally:
    """Every mutant ought to be rejected, or a possible trace for the plain acceptor too."""
    tally, began = Tally(), time.perf_counter()
    for number in numbers:
        progress()
        for mutant, admitted in some_spoilt(profile, number):
            said = _verdict(accept(mutant.trace, AMENDED, admitted).fetch)
            if said == "accepted":
                said = proved(mutant.trace, admitted)
            tally.counts[said] += 1
            if said == "hole":
                tally.cases.append(f"{profile}/{number}: {mutant.what} at {mutant.at}")
    tally.seconds = time.perf_counter() - began
    return tally


def proved(trace: Trace, admitted: frozenset[str]) -> str:
    """Why a spoilt trace that was accepted may have been.

    ``equivalent``: the model can make it.  ``order only``: it can, but for the order of
    what one realm saw, which the acceptor does not judge.  ``hole``: it cannot.
    """
    try:
        if PlainJudge(admitted).admits(trace):
            return "equivalent"
        if PlainJudge(admitted, ordered=False).admits(trace):
            return "order only"
    except Unreadable:
        return "unreadable"
    except TooManyStates:
        return "too large to prove"
    return "hole"


def agreement(profile: str, numbers: range, progress: Callable[[], None] = lambda: None) -> Tally:
    """The factored and the unfactored acceptor ought to say the same of traces and mutants."""
    tally, began = Tally(), time.perf_counter()
    for number in numbers:
        progress()
        one = case(profile, number, disturbed=False)
        if one is None:
            continue
        admitted = one.admitted or frozenset()
        for trace, name in [(one.trace, "itself")] + [
            (mutant.trace, f"{mutant.what} at {mutant.at}") for mutant in spoilt(one.trace)
        ]:
            both = [Acceptor(AMENDED, admitted, factored=factored) for factored in (True, False)]
            for acceptor in both:
                for entry in trace.entries:
                    acceptor.feed(entry)
            factored, naive = map(_verdict, both)
            if naive == "overflowed":
                tally.counts["too large"] += 1
            elif factored == naive:
                tally.counts[f"both {naive}"] += 1
            else:
                tally.counts["disagreed"] += 1
                tally.cases.append(f"{profile}/{number}: {name}: {factored}, unfactored {naive}")
    tally.seconds = time.perf_counter() - began
    return tally
