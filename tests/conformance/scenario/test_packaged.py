"""The scenarios that come with the project."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from conformance.scenario.find import find
from conformance.scenario.format import Scenario, Step
from conformance.scenario.load import load

REQUIRED = (
    [f"SC-{n}" for n in (22, 24, 25, 26, 27, 30, *range(32, 38), 44, 49, 54, 56, 57, 58, 59)]
    + [f"SC-{n}" for n in (61, 62, 64, 65, 66, 68, 69, 70, 128, 129, 132, 134, 135)]
    + ["E01", "E13", "E18", "E23"]
    + ["SC-01", "SC-84", "SC-103"]
    + ["NT-abort-while-prompting", "NT-206-after-kill"]
    + ["NT-two-failing-siblings", "NT-late-snapshot"]
)


@cache
def scenarios() -> dict[Path, Scenario]:
    return {path: load(path) for path in find()}


def test_every_scenario_can_be_loaded_and_has_an_id_of_its_own() -> None:
    ids = [scenario.scenario for scenario in scenarios().values()]
    assert len(ids) == len(set(ids))


def test_the_required_ones_are_there() -> None:
    assert {s.scenario for s in scenarios().values()} >= set(REQUIRED)


def test_a_scenario_shows_what_its_id_says() -> None:
    for scenario in scenarios().values():
        family = "-".join(scenario.scenario.split("-")[: 2 if scenario.scenario[0] == "S" else 1])
        if family not in ("NT", "RD"):  # situations that the source documents do not number
            assert family in scenario.source, scenario.scenario


def test_every_scenario_expects_something_of_the_amended_text() -> None:
    for scenario in scenarios().values():
        assert "amended" in scenario.expect, scenario.scenario


def test_silence_is_part_of_every_scenario() -> None:
    for scenario in scenarios().values():
        assert any(step.quiet for step in scenario.script[-2:]), scenario.scenario


def test_contrasts_differ_from_the_amended_text() -> None:
    contrasts = 0
    for scenario in scenarios().values():
        for edition, expect in scenario.expect.items():
            # A reading with choices may also show that they hide a defect.
            if edition != "amended" and " + " not in edition:
                contrasts += 1
                assert expect != scenario.expect["amended"], (scenario.scenario, edition)
    assert contrasts >= 8


@pytest.mark.parametrize("limit", [300_000])
def test_bodies_are_small(limit: int) -> None:
    for scenario in scenarios().values():
        assert all(r.size <= limit for r in scenario.world.resources.values()), scenario.scenario


def _gates(steps: list[Step]) -> list[str]:
    return [step.release for step in steps if step.release is not None]


def test_no_gate_is_opened_twice() -> None:
    for scenario in scenarios().values():
        gates = _gates(scenario.script)
        assert len(gates) == len(set(gates)), scenario.scenario
