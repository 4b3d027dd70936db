"""Scenarios on a changed model, and who notices the change.

The judge's acceptor cannot judge these runs: it is made of the model that is being changed.
(``replaying`` uses that the other way round.)
What notices a mutant must know better than the model does:

- *stated outcomes*: what a scenario says each edition of the text does (``expect``);
- *properties* of a trace, which know no model (as amended only: as written many are
  broken, which is why there are amendments);
- *invariants* that the model checks of its own states, and asserts in its own code;
- the machine: the model crashes, or never comes to rest.

That the trace is another one is not enough: nobody said what it should be.  Such a
mutant is *visible*, and a scenario could state it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import attrs

from conformance.adapters.model import CAPABILITIES
from conformance.judge.explain import run_on_model
from conformance.judge.outcomes import disagreements
from conformance.judge.properties import check_all
from conformance.judge.run_needs import required_capabilities
from conformance.mutate.tracing import lines_passed
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import load
from conformance.trace import Trace, dump
from spec_model import kernel
from spec_model.editions import AMENDED, Edition, edition
from spec_model.invariants import BrokenInvariant
from spec_model.kernel import NeverSettles

SETTLES_WITHIN = 2_000
"""Tasks after which a changed model counts as never coming to rest: scenarios take fewer."""

MOST_SAID = 160
"""Characters of a reason that are kept."""

How = Literal["outcome", "property", "invariant", "crash", "endless", "verdict"]


@attrs.frozen
class Play:
    """A scenario under one edition of the text."""

    scenario: Scenario
    edition: Edition

    def __str__(self) -> str:
        return f"{self.scenario.scenario} ({self.edition.name})"

    def run(self) -> Trace:
        """Run it on the model as it is now, its invariants checked."""
        return run_on_model(self.scenario, self.edition, checked=True)

    def broken(self, trace: Trace) -> frozenset[str]:
        """The properties that a trace breaks."""
        if self.edition != AMENDED:
            return frozenset()
        return frozenset(each.name for each in check_all(trace) if each.holds is False)


@attrs.frozen
class Known:
    """A play on the true model: its trace, the properties it breaks, the lines it passes."""

    play: Play
    trace: bytes
    broken: frozenset[str]
    lines: frozenset[tuple[str, int]]


@attrs.frozen
class Noticed:
    """Who noticed a change: ``by`` names the play, ``why`` says what it saw."""

    how: How
    by: str
    why: str


@attrs.frozen
class Found:
    """What came of one mutant: who noticed it first, else the plays whose trace it changed."""

    noticed: Noticed | None
    visible: tuple[str, ...] = ()


def plays(paths: Iterable[Path | str] | None = None) -> tuple[Play, ...]:
    """Every scenario that the model can play, as amended and as each edition it speaks of."""
    found = []
    for scenario in map(load, find(paths)):
        if required_capabilities(scenario) - {*CAPABILITIES}:
            continue
        names = dict.fromkeys(("amended", *scenario.expect))
        found += [Play(scenario, edition(name)) for name in names]
    return tuple(found)


def know(play: Play, files: frozenset[str]) -> Known:
    """Play it on the true model; ``files``: those whose lines are of interest."""
    with lines_passed(files) as passed:
        trace = play.run()
    return Known(play, dump(trace), play.broken(trace), frozenset(passed))


def notice(known: Iterable[Known]) -> Found:
    """Play on the changed model until something is noticed."""
    visible = []
    for each in known:
        noticed, differs = _play(each)
        if noticed is not None:
            return Found(noticed)
        if differs:
            visible.append(str(each.play))
    return Found(None, tuple(visible))


def _play(known: Known) -> tuple[Noticed | None, bool]:
    play, by = known.play, str(known.play)
    try:
        with _impatient():
            trace = play.run()
    except Exception as error:  # noqa: BLE001 - whatever a changed model does, it was noticed
        return raised(error, by), True
    if said := disagreements(trace, play.scenario, play.edition.name):
        return Noticed("outcome", by, said[0]), True
    if newly := play.broken(trace) - known.broken:
        return Noticed("property", by, min(newly)), True
    return None, dump(trace) != known.trace


def raised(error: BaseException, by: str) -> Noticed:
    """A changed model ended in an error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    how: How = "crash"
    if isinstance(error, BrokenInvariant):
        how = "invariant"
    elif isinstance(error, NeverSettles):
        how = "endless"
    return Noticed(how, by, f"{type(error).__name__}: {error}".split("\n")[0][:MOST_SAID])


@contextmanager
def _impatient() -> Iterator[None]:
    patience = kernel.LIMIT
    kernel.LIMIT = SETTLES_WITHIN
    try:
        yield
    finally:
        kernel.LIMIT = patience
