"""Each cluster of amendments is shown by a scenario: with it and without it the model differs.

An edition named in a scenario's ``expect``, such as ``amended - E13``, is held against
the same edition with its last cluster.  That the model does in each what the scenario
expects is checked beside the scenarios.
"""

from __future__ import annotations

import pytest

from conformance.judge.explain import run_on_model
from conformance.judge.outcomes import observed
from conformance.scenario.find import find, packaged
from conformance.scenario.format import Scenario
from conformance.scenario.load import load
from spec_model import errata
from spec_model.editions import CLUSTERS, edition

SCENARIOS = [load(path) for path in find([packaged() / "errata"])]


def contrasts(scenario: Scenario) -> list[str]:
    """The editions that a scenario holds against others: not those that are only the ground."""
    return [
        name
        for name in scenario.expect
        if " - " in name
        and " + " not in name
        and not any(each.startswith(f"{name} - ") for each in scenario.expect)
    ]


CONTRASTS = [
    pytest.param(scenario, name, id=f"{scenario.scenario}, {name}")
    for scenario in SCENARIOS
    for name in contrasts(scenario)
]


def without(name: str) -> tuple[str, str]:
    """The edition that a name is held against, and the cluster in which the two differ."""
    against, _, cluster = name.rpartition(" - ")
    return against, cluster


@pytest.mark.parametrize(("scenario", "name"), CONTRASTS)
def test_a_contrast_comes_out_otherwise_with_its_cluster(scenario: Scenario, name: str) -> None:
    against, _ = without(name)
    with_it = observed(run_on_model(scenario, edition(against)))
    without_it = observed(run_on_model(scenario, edition(name)))
    assert with_it != without_it


def test_every_cluster_has_a_contrast() -> None:
    shown = {without(name)[1] for one in SCENARIOS for name in contrasts(one)}
    assert shown == set(CLUSTERS)


def test_a_contrast_is_a_source_of_its_cluster() -> None:
    for scenario in SCENARIOS:
        for name in contrasts(scenario):
            members = {each.id for each in errata.members(without(name)[1])}
            assert members & set(scenario.source), (scenario.scenario, name)


BASELINE_OF_ALL = {"E37", "E38", "E58", "E59"}
BY_OPTION = {"E12", "E39", "E40", "E42", "E53"}
ELSEWHERE = {
    "E46": "an order that every edition admits: tests of complete_record and of the acceptor",
    "E82": "a race, of which scenarios show the usual end: tests of calls",
}


def test_all_errata_that_run_are_shown_by_a_contrast_or_somewhere_else() -> None:
    shown = {
        each.id
        for one in SCENARIOS
        for name in contrasts(one)
        for each in errata.members(without(name)[1])
        if each.id in one.source
    }
    runs = {each.id for each in errata.ERRATA.values() if each.status == "executable"}
    assert runs == shown | BASELINE_OF_ALL | BY_OPTION | ELSEWHERE.keys()
    assert len(shown) == 54
    # What no scenario holds against the amended text differs by an option (test_choices_show).
    assert all(errata.get(each).choice for each in BY_OPTION)
