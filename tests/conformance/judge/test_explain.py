"""A scenario told step by step."""

from __future__ import annotations

import pytest

from conformance.judge.explain import explain, run_on_model
from conformance.judge.runner import Unsupported
from conformance.scenario.load import loads
from spec_model.editions import AMENDED, UnknownCluster

SCENARIO = loads("""
scenario: four-oh-four
title: A 404
source: [E01]
world:
  resources:
    /film: {attempts: [{status: 404, body: 20}]}
script:
  - fetch: {id: a, requests: [/film], as: a}
  - quiet: true
""")


def lines(*without: str) -> list[str]:
    return explain(SCENARIO, without=without).splitlines()


def test_it_begins_with_the_scenario_and_the_edition() -> None:
    assert lines("E01")[:2] == ["four-oh-four: A 404", "edition: amended - E01"]


def test_what_happens_is_told_in_order_and_steps_stand_before_what_they_led_to() -> None:
    told = lines()
    call = next(i for i, line in enumerate(told) if "calls fetch" in line)
    answer = told.index("the server answers /film with 404")
    event = next(i for i, line in enumerate(told) if "gets backgroundfetchfail" in line)
    step = next(i for i, line in enumerate(told) if line.strip().startswith("RECORD-11.R.7.2"))
    assert call < answer < step < event


def test_steps_come_with_words() -> None:
    (line,) = [line for line in lines() if line.strip().startswith("FETCH-8.13 ")]
    assert "active map" in line


def test_a_step_taken_often_stands_once() -> None:
    assert any(line.endswith(" times)") for line in lines())


def test_another_reading_tells_another_story() -> None:
    assert any("gets backgroundfetchsuccess" in line for line in lines("E01"))
    assert not any("gets backgroundfetchsuccess" in line for line in lines())


def test_a_profile_is_followed() -> None:
    text = explain(SCENARIO, profile={"id-order": "by-text"})
    assert "four-oh-four" in text


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownCluster):
        explain(SCENARIO, without=["E99"])


def test_what_the_model_cannot_do_is_unsupported() -> None:
    other = loads("""
scenario: other
title: A scenario of another specification
source: [SC-103]
api: sync
script:
  - sync: {tag: news}
""")
    with pytest.raises(Unsupported):
        run_on_model(other, AMENDED)
