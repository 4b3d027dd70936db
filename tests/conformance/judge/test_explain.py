"""A scenario played on the model."""

from __future__ import annotations

import pytest

from conformance.adapters.model import Explained
from conformance.judge.explain import run_on_model
from conformance.judge.runner import Unsupported
from conformance.scenario.load import loads
from spec_model.editions import AMENDED

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


def test_a_listener_hears_each_cause_before_what_it_shows_is_noted() -> None:
    heard: list[tuple[int, Explained]] = []
    shown: list[tuple[int, int]] = []
    trace = run_on_model(
        SCENARIO,
        AMENDED,
        listen=lambda entries, explained: heard.append((entries, explained)),
        showing=lambda entries, number: shown.append((entries, number)),
    )
    entries, first = heard[0]
    assert trace.entries[entries - 1].sent == first.cause
    assert shown[0] == (entries, 0)
    assert len(shown) == sum(len(each.shown) for _, each in heard)


def test_the_tasks_of_a_cause_take_its_steps_from_one_state_to_the_next() -> None:
    heard: list[Explained] = []
    run_on_model(SCENARIO, AMENDED, listen=lambda _, explained: heard.append(explained))
    for each in heard:
        assert [step for moved in each.moved for step in moved.steps] == list(each.steps)
        for before, after in zip(each.moved, each.moved[1:], strict=False):
            assert before.after == after.before


def test_what_the_model_cannot_do_is_unsupported() -> None:
    other = loads("""
scenario: other
title: A scenario of another specification
source: [SC-103]
api: sync
needs: [periodic-sync]
script:
  - sync: {tag: news}
""")
    with pytest.raises(Unsupported):
        run_on_model(other, AMENDED)
