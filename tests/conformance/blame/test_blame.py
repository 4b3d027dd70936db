"""Blame by counterfactuals: the model is changed, and the changed step is named."""

from __future__ import annotations

from random import Random

import pytest

from conformance.blame import MOST_BLAMED, blame
from conformance.blame.again import Script, play
from conformance.blame.facts import differences
from conformance.judge.explain import run_on_model
from conformance.judge.judge import judge
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.simulation import run_simulated
from conformance.judge.texts import Texts
from conformance.liars import LIARS
from conformance.mutate.mutants import installed, mutants
from conformance.scenario.find import find
from conformance.scenario.load import load
from conformance.trace import Trace
from spec_model.editions import AMENDED

FILES = {path.stem: path for path in find()}
SCENARIOS = ("SC-26", "SC-34", "SC-57", "SC-59", "SC-61")
SEEN = 0.8
"""The share of violations in which the changed step has to be among those blamed."""

VIOLATIONS = 3
FUNCTIONS = ("failure_reason", "settle", "body_ended", "_settle_event")


def model_trace(name: str) -> Trace:
    return run_on_model(load(FILES[name]), AMENDED)


def liar_trace(liar: str, name: str) -> Trace:
    factory, texts = LIARS[liar].factory(), Texts()

    async def main() -> Trace:
        bounds = Bounds.simulated()
        return await run_scenario(load(FILES[name]), factory, lambda *_: texts, bounds=bounds)

    return run_simulated(main)


def blamed(trace: Trace) -> set[str]:
    at = judge(trace).unexplained
    assert at is not None
    return set(blame(trace, at).steps)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_model_on_the_script_of_its_own_trace_shows_the_same(name: str) -> None:
    script = Script.of(model_trace(name), {})
    assert differences(script.shown, play(script)) == frozenset()


def test_the_changed_step_is_among_the_few_that_are_blamed() -> None:
    rng = Random(7)
    found = [each for each in mutants() if each.steps and each.function in FUNCTIONS]
    rng.shuffle(found)
    right = 0
    sizes: list[int] = []
    for mutant in found:
        if len(sizes) == VIOLATIONS:
            break
        try:
            with installed(mutant):
                trace = model_trace("SC-57")
        except Exception:  # noqa: BLE001 - a changed model may break in any way
            continue
        at = judge(trace).unexplained
        if at is None:
            continue
        steps = blame(trace, at).steps
        sizes.append(len(steps))
        right += bool(set(mutant.steps) & set(steps))
    assert len(sizes) == VIOLATIONS
    assert right >= SEEN * len(sizes)
    assert max(sizes) <= MOST_BLAMED


@pytest.mark.parametrize(
    ("liar", "scenario", "step"),
    [
        ("joins-other-version", "SC-135", "VALIDATE-4.1.1"),
        ("success-after-404", "SC-57", "PERFORM-5.3"),
        ("no-quota", "SC-70", "RECORD-11.R.6.3"),
        ("second-post", "SC-61-upload", "RECORD-11.R.1.1"),
    ],
)
def test_a_liar_is_blamed_for_the_step_that_it_breaks(liar: str, scenario: str, step: str) -> None:
    trace = liar_trace(liar, scenario)
    assert step not in judge(trace).blame
    assert step in blamed(trace)


def test_of_what_needs_no_explanation_nobody_is_blamed() -> None:
    trace = model_trace("SC-26")
    assert blame(trace, len(trace.entries) - 1).steps == ()


def test_a_trace_that_the_model_cannot_follow_leaves_it_undetermined() -> None:
    trace = model_trace("SC-26")
    cut = Trace("x", "x", "1", [], trace.origins, True, trace.entries[2:])
    assert blame(cut, len(cut.entries) - 1).steps == ()
