"""Which scenarios take which steps."""

from __future__ import annotations

import msgspec

from conformance.judge.walks import steps_taken
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import load


def scenario(name: str) -> Scenario:
    return next(one for one in map(load, find()) if one.scenario == name)


def test_a_scenario_takes_the_steps_of_the_amended_text_and_of_the_editions_it_expects() -> None:
    taken = steps_taken([scenario("E01")])
    assert taken["PERFORM-8.11.1"] == ("E01",)
    # Only without the repair a failure is never remembered.
    assert taken["PERFORM-8.12.1"] == ("E01",)


def test_a_step_that_no_scenario_takes_is_not_there() -> None:
    assert "GET-1" not in steps_taken([scenario("E01")])


def test_a_scenario_that_the_model_cannot_run_takes_none() -> None:
    other = msgspec.structs.replace(scenario("E01"), needs=["bgcache"])
    assert steps_taken([other]) == {}
