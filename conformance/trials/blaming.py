"""Is the right step blamed?  Changed models are run, judged, and a step is named.

Number n is a mutant of the model, in a seeded order, playing a scenario that passes its
place.  Where the verdict is ``violates``, the search for an explaining change ought to
name a step that the mutant belongs to.  It knows the very change that was made, which
nobody will have made so in earnest; so it is also counted how often the step is named
when that change may not be tried and only its neighbours can point at it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import attrs

import spec_model
from conformance.blame import MOST_BLAMED, blame, ranked
from conformance.judge.judge import judge
from conformance.judge.verdict import Judgement, Verdict
from conformance.mutate.mutants import Mutant, installed, mutants
from conformance.mutate.playing import Known, know, plays
from conformance.trace import Trace
from conformance.trials.campaigns import Tally

_PACKAGE = Path(spec_model.__file__).parent
TRIED = 4
"""Scenarios that a mutant plays until one run of it violates."""


@functools.cache
def known(names: tuple[Path, ...] | None = None) -> tuple[Known, ...]:
    """The scenarios (all of them by default) under the amended text, and what they pass."""
    files = frozenset(map(str, _PACKAGE.glob("*.py")))
    return tuple(know(each, files) for each in plays(names) if each.reading.name == "amended")


@functools.cache
def order() -> tuple[Mutant, ...]:
    """Every mutant that belongs to a step, in a seeded order."""
    found = [each for each in mutants() if each.steps]
    Random("blame").shuffle(found)
    return tuple(found)


def violating(number: int, field: tuple[Known, ...]) -> tuple[Mutant, Trace, Judgement] | None:
    """A run of mutant ``number`` that the judge calls a violation, if one is met soon."""
    mutant = order()[number % len(order())]
    for play in _passing(mutant, number, field):
        try:
            with installed(mutant):
                trace = play.play.run()
        except Exception:  # noqa: BLE001 - a changed model may break in any way
            continue
        judgement = judge(trace)
        if judgement.verdict is Verdict.VIOLATES and judgement.unexplained is not None:
            return mutant, trace, judgement
    return None


def _passing(mutant: Mutant, number: int, field: tuple[Known, ...]) -> Iterator[Known]:
    file = str(_PACKAGE / f"{mutant.module.rpartition('.')[2]}.py")
    places = {(file, line) for line in range(mutant.lines[0], mutant.lines[1] + 1)}
    passing = [each for each in field if places & each.lines]
    Random(number).shuffle(passing)
    yield from passing[:TRIED]


@attrs.frozen
class Blamed:
    """Who was blamed for one mutant: where it was seen, with every change, without its own."""

    mutant: Mutant
    seen: frozenset[str]
    named: tuple[str, ...]
    unaided: tuple[str, ...]


def blamed(number: int, field: tuple[Known, ...]) -> Blamed | None:
    """Blame for a run of one mutant; None where no run of it violates."""
    found = violating(number, field)
    if found is None:
        return None
    mutant, trace, judgement = found
    assert judgement.unexplained is not None
    said = blame(trace, judgement.unexplained)
    others = ranked(each for each in said.explains if each.mutant.key != mutant.key)
    return Blamed(mutant, frozenset(judgement.blame), said.steps, others[:MOST_BLAMED])


def blaming(_: str, numbers: range, progress: Callable[[], None] = lambda: None) -> Tally:
    """Mutants by number: how many violate, and for how many the changed step is blamed."""
    tally, began = Tally(), time.perf_counter()
    for number in numbers:
        progress()
        one = blamed(number, known())
        if one is None:
            tally.counts["not seen to violate"] += 1
            continue
        own = set(one.mutant.steps)
        tally.counts["violates"] += 1
        tally.counts["changed step where it was seen"] += bool(own & one.seen)
        tally.counts["changed step blamed"] += bool(own & set(one.named))
        tally.counts["changed step blamed without that change"] += bool(own & set(one.unaided))
        tally.counts["undetermined"] += not one.named
        tally.counts[f"steps blamed: {len(one.named)}"] += 1
        tally.largest = max(tally.largest, len(one.named))
        if not own & set(one.named):
            tally.cases.append(f"{number} {one.mutant.key}: {' '.join(one.named) or 'nobody'}")
    tally.seconds = time.perf_counter() - began
    return tally
