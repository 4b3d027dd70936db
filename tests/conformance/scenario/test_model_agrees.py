"""What a packaged scenario expects of an edition is what the model does under it."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing

from conformance.adapters.model import CAPABILITIES, ModelFactory
from conformance.judge.outcomes import disagreements
from conformance.judge.run_needs import required_capabilities
from conformance.judge.runner import Bounds, run_scenario
from conformance.readings import reading
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import dump, load, loads
from conformance.trace import Entry, Trace


class Nobody:
    """An oracle that knows nothing: the model itself has no output pending between commands."""

    def feed(self, entry: Entry) -> None:
        """Judge nothing."""

    def pending(self) -> tuple[str, ...]:
        return ()


def run(scenario: Scenario, name: str) -> Trace:
    async def play() -> Trace:
        read = reading(name)
        factory = ModelFactory(read.edition, read.answers)
        return await run_scenario(scenario, factory, lambda *_: Nobody(), bounds=Bounds.simulated())

    return trio.run(play, clock=trio.testing.MockClock(autojump_threshold=0))


CASES = [
    pytest.param(path, name, id=f"{path.stem}, {name}")
    for path in find()
    for name in load(path).expect
]


@pytest.mark.parametrize(("path", "name"), CASES)
def test_the_model_shows_what_the_scenario_expects(path: Path, name: str) -> None:
    scenario = load(path)
    if lacking := required_capabilities(scenario) - set(CAPABILITIES):
        pytest.skip(f"the model has no {', '.join(sorted(lacking))} yet")
    assert disagreements(run(scenario, name), scenario, name) == []


def test_a_wrong_expectation_is_noticed() -> None:
    text = dump(load(next(path for path in find() if path.stem == "SC-56")))
    scenario = loads(text.replace("status: 404, length: 500", "status: 404, length: 501"))
    found = disagreements(run(scenario, "amended"), scenario, "amended")
    assert found == ["records films[0].length: expected 501, seen 500"]
