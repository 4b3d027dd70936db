"""Leaves out of a counterexample every step that it does not need.

Hypothesis shrinks what a machine *drew*, within a budget; how far it gets depends on
where it began.  A script is simpler than that: steps, and pairs of steps such as a
quit and its launch, are left out one after the other as long as the rest is a valid
scenario that still goes wrong.  What remains is minimal in that sense, always.
"""

from __future__ import annotations

import msgspec

from conformance.adapter import AdapterError
from conformance.fuzz.machine import BAD, Judge, Unconforming
from conformance.judge.names import ScenarioError
from conformance.judge.verdict import Judgement
from conformance.scenario.check import check
from conformance.scenario.format import Scenario, Step
from conformance.scenario.yaml_tree import Wrong


def shortened(failure: Unconforming, judge: Judge) -> Unconforming:
    """The same fault with fewer of the steps that rules made; the closing steps stay."""
    scenario, judgement, steps = failure.scenario, failure.judgement, failure.steps
    again = True
    while again:
        again = False
        for width in (4, 3, 2, 1):
            at = steps - width
            while at >= 0:
                script = _without(scenario.script, at, width)
                left_out = len(scenario.script) - len(script)
                shorter = msgspec.structs.replace(scenario, script=script)
                verdict = _judged(shorter, judge)
                if verdict is not None and verdict.verdict in BAD:
                    scenario, judgement, steps, again = shorter, verdict, steps - left_out, True
                at = min(at, steps - width + 1) - 1
    return Unconforming(scenario, judgement, steps)


def _without(script: list[Step], at: int, width: int) -> list[Step]:
    """Without some steps, and without those that speak of what these would have named."""
    gone = script[at : at + width]
    named = {made.name for step in gone for made in (step.fetch, step.get) if made is not None}
    later = [
        step for step in script[at + width :] if step.abort is None or step.abort.on not in named
    ]
    return [*script[:at], *later]


def _judged(scenario: Scenario, judge: Judge) -> Judgement | None:
    """The judgement, or None where leaving the step out makes no sense, or nobody is there."""
    try:
        check(scenario)
        return judge(scenario)
    except (Wrong, ScenarioError, AdapterError):
        return None
