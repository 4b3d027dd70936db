"""What the text lets happen in a scenario, told step by step.

The scenario is run on the model, and its trace is told in plain words; between two
entries of the trace stand the steps of the text that the model took there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from conformance.adapters.model import Explained, ModelFactory
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.simulation import run_simulated
from conformance.report.moves import moves
from conformance.scenario.format import Scenario
from conformance.trace import Entry, Trace
from spec_model.editions import Edition
from spec_model.editions import edition as edition_named
from spec_model.steps import STEPS


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
) -> Trace:
    """Play a scenario on the model.  Must be called outside trio.

    ``listen`` is told how many entries the trace has and what the model did then.
    ``checked``: the model's invariants are checked.  Raises what ``run_scenario`` raises.
    """
    oracle = _NothingDue()

    def heard(explained: Explained) -> None:
        if listen is not None:
            listen(oracle.entries, explained)

    factory = ModelFactory(edition, profile or {}, checked, heard)

    async def main() -> Trace:
        return await run_scenario(scenario, factory, lambda *_: oracle, bounds=Bounds.simulated())

    return run_simulated(main)


def explain(
    scenario: Scenario,
    edition: str = "amended",
    without: Sequence[str] = (),
    profile: Mapping[str, str] | None = None,
) -> str:
    """The scenario on the model as text: what everybody does and sees, and the steps taken.

    ``without``: clusters of amendments to leave out.  ``profile``: choices of the user agent.
    Raises UnknownCluster, KeyError for an unknown edition, Unsupported, ScenarioError.
    """
    chosen = edition_named(edition)
    for cluster in without:
        chosen = chosen.without(cluster)
    taken: dict[int, list[Explained]] = {}
    trace = run_on_model(
        scenario,
        chosen,
        profile=profile,
        listen=lambda at, explained: taken.setdefault(at, []).append(explained),
    )
    lines = [f"{scenario.scenario}: {scenario.title}", f"edition: {chosen.name}", ""]
    for index, move in enumerate(moves(trace)):
        for explained in taken.get(index, []):
            lines += _steps(explained)
        if move is not None:
            lines.append(move.sentence)
    for explained in taken.get(len(trace.entries), []):
        lines += _steps(explained)
    return "\n".join(lines) + "\n"


def _steps(explained: Explained) -> Iterator[str]:
    """One line a step, in the order in which they were first taken."""
    for step in dict.fromkeys(explained.steps):
        times = explained.steps.count(step)
        again = f" ({times} times)" if times > 1 else ""
        yield f"    {step:<16} {STEPS[step].paraphrase}{again}"
