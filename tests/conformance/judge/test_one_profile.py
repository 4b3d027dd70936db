"""One profile for a whole run: which user agents explain all that was seen."""

from __future__ import annotations

from conformance.judge.one_profile import admitted_by, explaining
from conformance.judge.verdict import Judgement, Verdict
from conformance.trace import Trace
from spec_model.profiles import PROFILES, Profile

SPEC, LIMITED = PROFILES["spec"], Profile("one-at-a-time", "t", "s", {"concurrency": "limited"})
TRACE = Trace("s", "toy", "1", [], {}, True, [])


def needing(*choices: str) -> Judgement:
    verdict = Verdict.CONFORMS_VIA if choices else Verdict.CONFORMS
    return Judgement("s", "toy", "1", verdict, choices=choices)


def never(_: Trace, admitted: frozenset[str]) -> Judgement:
    return Judgement("s", "toy", "1", Verdict.VIOLATES)


def names(*judgements: Judgement) -> tuple[str, ...]:
    return explaining([(each, TRACE) for each in judgements], [SPEC, LIMITED], never)


def test_what_conforms_as_it_is_is_explained_by_all() -> None:
    assert names(needing(), needing()) == ("spec", "one-at-a-time")


def test_a_choice_is_explained_by_who_makes_it() -> None:
    assert names(needing(), needing("concurrency=limited")) == ("one-at-a-time",)


def test_two_choices_that_nobody_makes_together_are_explained_by_none() -> None:
    assert names(needing("concurrency=limited"), needing("id-order=by-text")) == ()


def test_what_does_not_conform_needs_no_explanation() -> None:
    assert names(Judgement("s", "toy", "1", Verdict.VIOLATES)) == ("spec", "one-at-a-time")


def test_what_may_differ_from_run_to_run_is_made_by_everybody() -> None:
    assert names(needing("which-failure=another")) == ("spec", "one-at-a-time")


def test_a_trace_may_have_another_explanation_than_the_one_that_was_named() -> None:
    asked: list[frozenset[str]] = []

    def again(_: Trace, admitted: frozenset[str]) -> Judgement:
        asked.append(admitted)
        return needing("concurrency=limited")

    seen = [(needing("id-order=by-text"), TRACE)]
    assert explaining(seen, [LIMITED], again) == ("one-at-a-time",)
    assert asked == [admitted_by(LIMITED)]
    assert "concurrency=limited" in asked[0]
    assert "id-order=by-text" not in asked[0]


def test_without_its_trace_a_verdict_stands() -> None:
    assert explaining([(needing("id-order=by-text"), None)], [LIMITED], never) == ()
