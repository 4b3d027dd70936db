"""No choice is dead: each option of each registered choice changes what some scenario shows.

A choice that the model never asks, or whose answer nobody can see, would be an excuse that
a judge hands out for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from conformance.adapters.model import CAPABILITIES
from conformance.judge.explain import run_on_model
from conformance.judge.run_needs import required_capabilities
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import load
from conformance.trace import dump
from spec_model import decide
from spec_model.choices import CHOICES
from spec_model.editions import AMENDED

UNSEEN = {
    "concurrency=limited": "the judge alone asks: the model starts every record at once",
    "replaced-reader=retarget": "the model has handed bytes to every reader before a restart",
}
"""Options that no scenario shows on the model, each with the reason."""

SCENARIOS = {one.scenario: one for one in map(load, find())}

OPTIONS = [f"{key}={option}" for key, choice in CHOICES.items() for option in choice.options[1:]]


@cache
def asked() -> dict[str, list[Scenario]]:
    """The scenarios in which the model asks a choice, by its key."""
    found: dict[str, list[Scenario]] = {}
    keys: set[str] = set()
    chosen, repaired = decide.Explain.choose, decide.Explain.repaired

    def choose(self: decide.Explain, key: str, options: Sequence[str] = ()) -> str:
        keys.add(key)
        return chosen(self, key, options)

    def repairs(self: decide.Explain, cluster: str) -> bool:
        keys.add(cluster)
        return repaired(self, cluster)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decide.Explain, "choose", choose)
        patch.setattr(decide.Explain, "repaired", repairs)
        for scenario in SCENARIOS.values():
            if required_capabilities(scenario) <= set(CAPABILITIES):
                keys.clear()
                run_on_model(scenario, AMENDED)
                for key in keys & CHOICES.keys():
                    found.setdefault(key, []).append(scenario)
    return found


@cache
def usual(scenario: str) -> bytes:
    """What the model shows with every default."""
    return dump(run_on_model(SCENARIOS[scenario], AMENDED))


def shows(needed: str) -> str:
    """A scenario that comes out otherwise with this option, or nothing."""
    key, _, option = needed.partition("=")
    for scenario in asked().get(key, []):
        if dump(run_on_model(scenario, AMENDED, profile={key: option})) != usual(scenario.scenario):
            return scenario.scenario
    return ""


@pytest.mark.parametrize("needed", [each for each in OPTIONS if each not in UNSEEN])
def test_each_option_changes_what_some_scenario_shows(needed: str) -> None:
    assert shows(needed), f"no scenario shows {needed}"


@pytest.mark.parametrize("needed", UNSEEN)
def test_what_is_said_to_be_unseen_is_an_option_and_unseen(needed: str) -> None:
    assert needed in OPTIONS
    assert not shows(needed), "it shows now: take it out of the list"
