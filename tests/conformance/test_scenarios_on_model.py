"""Every packaged scenario on the model, under every reading: it runs, and its invariants hold.

That the model shows what a scenario expects is checked beside the scenarios.
"""

from __future__ import annotations

import time

import pytest

from conformance.adapters.model import CAPABILITIES
from conformance.judge.explain import run_on_model
from conformance.judge.judge import judge
from conformance.judge.outcomes import observed
from conformance.judge.run_needs import required_capabilities
from conformance.judge.verdict import Verdict
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import load
from conformance.trace import dump
from spec_model.editions import AMENDED, AS_WRITTEN, CLUSTERS, Edition

SCENARIOS = [one for one in map(load, find()) if not required_capabilities(one) - set(CAPABILITIES)]
EACH = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.scenario)


@EACH
def test_a_script_runs_to_its_end_and_the_invariants_hold(scenario: Scenario) -> None:
    trace = run_on_model(scenario, AMENDED, checked=True)
    assert observed(trace).gave_up == []


@EACH
def test_as_written_the_invariants_hold_too(scenario: Scenario) -> None:
    run_on_model(scenario, AS_WRITTEN, checked=True)


ENDLESS = {("E24", "NT-partial-answers")}
"""As written an empty part is asked for again and again: that is what E24 is about."""


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_without_one_cluster_the_invariants_hold_too(cluster: str) -> None:
    # A third of the scenarios for each cluster: together they meet all of them.
    third = sorted(CLUSTERS).index(cluster) % 3
    for scenario in SCENARIOS[third::3]:
        if (cluster, scenario.scenario) not in ENDLESS:
            run_on_model(scenario, AMENDED.without(cluster), checked=True)


@EACH
def test_the_acceptor_accepts_what_the_model_does(scenario: Scenario) -> None:
    judgement = judge(run_on_model(scenario, AMENDED))
    assert (judgement.verdict, judgement.why) == (Verdict.CONFORMS, "")


@EACH
def test_the_same_scenario_gives_the_same_bytes(scenario: Scenario) -> None:
    assert dump(run_on_model(scenario, AMENDED)) == dump(run_on_model(scenario, AMENDED))


def test_all_scenarios_take_less_than_three_seconds_together() -> None:
    before = time.process_time()
    for scenario in SCENARIOS:
        run_on_model(scenario, AMENDED)
    assert time.process_time() - before < 3.0


def differing(edition: Edition) -> set[str]:
    """The scenarios that come out otherwise than amended."""
    return {
        one.scenario
        for one in SCENARIOS
        if observed(run_on_model(one, edition)) != observed(run_on_model(one, AMENDED))
    }


@pytest.mark.parametrize("cluster", ["E01", "E13", "E18", "E23"])
def test_a_scenario_named_after_an_erratum_shows_it(cluster: str) -> None:
    assert cluster in differing(AMENDED.without(cluster))
