"""Plays a scenario on the model, and lets one listen."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from conformance.adapters.model import Explained, ModelFactory
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.simulation import run_simulated
from conformance.scenario.format import Scenario
from conformance.trace import Entry, Trace
from spec_model.editions import Edition


@attrs.define
class _NothingDue:
    """An oracle that judges nothing and counts entries: the model rests when it is quiet."""

    entries: int = 0

    def feed(self, entry: Entry) -> None:
        """Count."""
        self.entries += 1

    def pending(self) -> tuple[str, ...]:
        """Nothing."""
        return ()


def run_on_model(
    scenario: Scenario,
    edition: Edition,
    *,
    profile: Mapping[str, str] | None = None,
    checked: bool = False,
    listen: Callable[[int, Explained], None] | None = None,
    showing: Callable[[int, int], None] | None = None,
    backwards: bool = False,
    late: bool = False,
) -> Trace:
    """Play a scenario on the model.  Must be called outside trio.

    ``listen`` is told how many entries the trace has and what the model did then,
    ``showing`` the same number and that of the output that is shown next.
    ``checked``: the model's invariants are checked.  ``backwards``, ``late``: another order of
    the tasks, as ``ModelFactory`` says.  Raises what ``run_scenario`` raises.
    """
    oracle = _NothingDue()

    def heard(explained: Explained) -> None:
        if listen is not None:
            listen(oracle.entries, explained)

    def shown(number: int) -> None:
        if showing is not None:
            showing(oracle.entries, number)

    heard_by = listen and heard, showing and shown
    factory = ModelFactory(edition, profile or {}, checked, *heard_by, backwards, late)

    async def main() -> Trace:
        return await run_scenario(scenario, factory, lambda *_: oracle, bounds=Bounds.simulated())

    return run_simulated(main)
