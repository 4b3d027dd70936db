"""Steps that a counterexample does not need are left out."""

from __future__ import annotations

from conformance.fuzz.machine import Unconforming
from conformance.fuzz.shorten import shortened
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.format import Scenario, Step


def wrong_after_time_has_passed(scenario: Scenario) -> Judgement:
    bad = any(step.pass_ is not None for step in scenario.script)
    return Judgement("x", "fake", "1", Verdict.VIOLATES if bad else Verdict.CONFORMS)


def test_only_what_goes_wrong_and_the_closing_steps_remain() -> None:
    needless = [Step(online=False), Step(online=True), Step(quit="clean"), Step(launch=True)]
    script = [*needless, Step(pass_=1.0), *needless, Step(quiet=True)]
    scenario = Scenario("x", "padded", [], script)
    found = Unconforming(scenario, wrong_after_time_has_passed(scenario), len(script) - 1)
    short = shortened(found, wrong_after_time_has_passed)
    assert short.steps == 1
    assert short.scenario.script == [Step(pass_=1.0), Step(quiet=True)]
