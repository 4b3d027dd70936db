"""Blame by counterfactuals: the model is changed, and the changed step is named."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
import pytest

import conformance.protocol as p
from conformance.blame import blame, with_causes
from conformance.blame.again import Mark, Script, play
from conformance.blame.facts import differences
from conformance.judge.explain import run_on_model
from conformance.judge.judge import judge
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.simulation import run_simulated
from conformance.judge.texts import Texts
from conformance.judge.verdict import Judgement, Verdict
from conformance.liars import LIARS
from conformance.mutate.mutants import installed, mutants
from conformance.scenario.find import find
from conformance.scenario.load import load
from conformance.trace import Entry, Trace
from conformance.trace import load as load_trace
from spec_model.editions import AMENDED
from spec_model.state import UnknownName

FILES = {path.stem: path for path in find()}
CHROMIUM = Path(__file__).parents[3] / "reports" / "traces" / "chromium"
SCENARIOS = ("SC-26-gzip", "SC-49", "SC-61", "SC-88")

MUTANTS = (
    ("background_fetch._settle_event", "leave out: if reason:", "SC-57", "PERFORM-8.11"),
    ("background_fetch.get_ids", "negate: fetch.in_map", "SC-24-order", "GETIDS-1"),
    ("background_fetch.refuse", "'NotAllowedError'", "NT-refused-in-order", "FETCH-8.2"),
    ("process_response._temporarily_unavailable", "negate: method", "E28", "INFRA-1"),
    ("instances.update", "leave out: result=", "SC-26", "UPDATE-6.5"),
)
"""Function, change, scenario, and the step that has to be blamed."""

MOST = 8
"""Names that are blamed for one violation."""


@cache
def model_trace(name: str) -> Trace:
    return run_on_model(load(FILES[name]), AMENDED)


def liar_trace(liar: str, name: str) -> Trace:
    factory, texts = LIARS[liar].factory(), Texts()

    async def main() -> Trace:
        bounds = Bounds.simulated()
        return await run_scenario(load(FILES[name]), factory, lambda *_: texts, bounds=bounds)

    return run_simulated(main)


def judged(trace: Trace) -> Judgement:
    judgement = with_causes(judge(trace), trace)
    assert judgement.verdict is Verdict.VIOLATES
    return judgement


def explaining(judgement: Judgement) -> list[str]:
    return [cause.step for cause in judgement.causes or () if cause.explains]


# --- the model on the script of a trace -----------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_model_on_the_script_of_its_own_trace_shows_the_same(name: str) -> None:
    script = Script.of(model_trace(name), {})
    assert differences(script.shown, play(script)) == frozenset()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_goes_on_from_any_mark_as_it_went_on_then(name: str) -> None:
    script, marks = Script.of(model_trace(name), {}), list[Mark]()
    whole = play(script, marks=marks)
    assert marks
    for mark in marks:
        resumed = play(script, start=mark)
        assert (resumed.facts, resumed.order) == (whole.facts, whole.order)


# --- changed models -------------------------------------------------------------------


@pytest.mark.parametrize(("function", "change", "scenario", "step"), MUTANTS)
def test_a_changed_step_is_among_the_few_that_are_blamed(
    function: str, change: str, scenario: str, step: str
) -> None:
    (mutant, *_) = (
        each
        for each in mutants()
        if f"{each.module}.{each.function}".endswith(function) and change in each.description
    )
    with installed(mutant):
        trace = run_on_model(load(FILES[scenario]), AMENDED)
    blamed = judged(trace).blamed
    assert step in mutant.steps
    assert step in blamed
    assert len(blamed) <= MOST


# --- other implementations ------------------------------------------------------------


@pytest.mark.parametrize(
    ("liar", "scenario", "step"),
    [
        ("joins-other-version", "SC-135", "VALIDATE-4.1.1"),
        ("success-after-404", "SC-57", "PERFORM-5.3"),
        ("second-post", "SC-61-upload", "RECORD-11.R.1.1"),
        ("trusts-ranges", "SC-135-wrong-first", "VALIDATE-3"),
        ("forgets-at-quit", "SC-49", "RECORD-0"),
    ],
)
def test_a_liar_is_blamed_for_the_step_that_it_breaks(liar: str, scenario: str, step: str) -> None:
    judgement = judged(liar_trace(liar, scenario))
    assert step not in judgement.blame
    assert step in explaining(judgement)


def test_a_liar_that_is_seen_at_the_step_that_it_breaks_is_blamed_for_it() -> None:
    judgement = judged(liar_trace("no-quota", "SC-70"))
    assert judgement.blame == ("RECORD-11.R.6.3",)
    assert judgement.blame[0] in explaining(judgement)


@pytest.mark.parametrize(
    ("scenario", "step"),
    [
        ("SC-24", "INSTANCE-2"),  # a second object for one fetch
        ("SC-36-synthetic", "UPDATEUI-1.a"),  # an event that nobody fired is trusted
        ("SC-49", "RECORD-0"),  # what was stored is gone after a restart
        ("SC-44", "CREATE-2.9.2.3"),  # a header that is to be hidden
        ("SC-59", "MATCHALL-3.2"),  # records in an order of their own
    ],
)
def test_chromium_is_blamed_for_what_it_does_otherwise(scenario: str, step: str) -> None:
    judgement = judged(load_trace((CHROMIUM / f"{scenario}.jsonl").read_bytes()))
    assert step in explaining(judgement)


# --- nothing to say -------------------------------------------------------------------


def test_of_what_needs_no_explanation_nobody_is_blamed() -> None:
    trace = model_trace("SC-61")
    assert blame(trace, len(trace.entries) - 1).steps == ()
    assert with_causes(judge(trace), trace).causes is None


def test_a_trace_that_the_model_cannot_follow_leaves_it_undetermined() -> None:
    trace = model_trace("SC-61")
    strange = Entry(0, 0, sent=p.Busy(realm="p9", busy=True, seq=99))
    lost = msgspec.structs.replace(trace, entries=[*trace.entries, strange])
    with pytest.raises(UnknownName):
        play(Script.of(lost, {}))
    assert blame(lost, len(trace.entries)).steps == ()


def test_the_bound_on_what_is_played_is_kept() -> None:
    trace = liar_trace("success-after-404", "SC-57")
    at = judge(trace).unexplained
    assert at is not None
    assert len(blame(trace, at, limit=3).tried) <= 3
