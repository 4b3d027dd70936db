"""Two readings told apart, and readings that nothing tells apart."""

from __future__ import annotations

from conformance.explore.difference import Difference, Same, difference
from conformance.explore.scenarios import scenario_of
from conformance.explore.scope import SCOPES
from conformance.scenario.dump import dump
from conformance.scenario.load import loads
from spec_model.editions import AMENDED


def test_a_response_without_a_body_tells_e18_apart_in_two_inputs() -> None:
    found = difference(SCOPES["null"], AMENDED, AMENDED.without("E18"))
    assert isinstance(found, Difference)
    assert found.depth == 2
    assert found.shown[0] and not found.shown[1]


def test_what_a_scope_has_no_input_for_is_not_observable_in_it() -> None:
    found = difference(SCOPES["null"], AMENDED, AMENDED.without("E14"))
    assert isinstance(found, Same)
    assert found.complete


def test_an_edition_is_like_itself() -> None:
    assert isinstance(difference(SCOPES["ui"], AMENDED, AMENDED), Same)


def test_a_bound_is_no_proof() -> None:
    found = difference(SCOPES["get"], AMENDED, AMENDED, most_pairs=5)
    assert isinstance(found, Same)
    assert not found.complete


def test_the_scenario_of_a_difference_can_be_loaded() -> None:
    found = difference(SCOPES["ui"], AMENDED, AMENDED.without("E81"))
    assert isinstance(found, Difference)
    strides = max(found.first, found.second, key=len)
    scenario = scenario_of(SCOPES["ui"], strides, name="x", title="t", source=())
    assert loads(dump(scenario)) == scenario
