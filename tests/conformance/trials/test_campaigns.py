"""The trials in their short forms; ``python -m conformance.trials`` is the long one."""

from __future__ import annotations

from random import Random

import pytest

from conformance.judge.judge import accept
from conformance.trace import dump
from conformance.trials.campaigns import ANY, agreement, logs, mutations, proved, run, soundness
from conformance.trials.mutate import spoilt
from conformance.trials.reorder import places, precedes, reordered
from conformance.trials.wild import wild_trace


@pytest.mark.parametrize("profile", ["spec", ANY])
def test_what_the_model_does_is_accepted_however_it_is_noted(profile: str) -> None:
    tally = soundness(profile, range(30))
    assert tally.cases == []
    assert tally.counts["accepted"] > 80


def test_what_is_spoilt_is_rejected_or_possible_all_the_same() -> None:
    tally = mutations("spec", range(6))
    assert tally.cases == []
    assert tally.counts["rejected"] > 40


def test_the_factored_acceptor_says_what_the_unfactored_one_says() -> None:
    tally = agreement("spec", range(1))
    assert tally.cases == []
    assert min(tally.counts["both accepted"], tally.counts["both rejected"]) > 5


def test_the_same_number_is_the_same_trace() -> None:
    first, second = run("spec", 7), run("spec", 7)
    assert first is not None and second is not None
    assert [dump(log) for log in logs(first)] == [dump(log) for log in logs(second)]


def test_another_log_of_a_run_has_the_same_entries_and_keeps_what_precedes() -> None:
    trace = wild_trace("reorder/1", {}, 4)
    assert trace is not None
    other = reordered(trace, Random(1), 200)
    assert [e.seen for e in trace.entries] != [e.seen for e in other.entries]
    before = [place.entry.sent for place in places(trace) if place.script]
    assert [place.entry.sent for place in places(other) if place.script] == before
    neighbours = zip(places(trace), places(trace)[1:], strict=False)
    assert any(precedes(*pair) for pair in neighbours)


def test_a_possible_trace_is_proved_and_an_impossible_one_is_a_hole() -> None:
    trace = wild_trace("proof/8", {}, 1)
    assert trace is not None
    assert proved(trace, frozenset()) == "equivalent"
    wrong = next(each for each in spoilt(trace) if each.what == "id")
    assert proved(wrong.trace, frozenset()) == "hole"
    assert accept(wrong.trace).fetch.rejection is not None
