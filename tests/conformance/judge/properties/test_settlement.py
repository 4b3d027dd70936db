"""S01, S02, S03."""

from __future__ import annotations

import pytest

from conformance.protocol import Snapshot
from tests.conformance.judge.properties.traces import (
    ABORT,
    ABORTED,
    DONE,
    FAIL,
    SUCCESS,
    Log,
    breaks,
    holds,
    judge,
    shows,
    unclear,
)

NOT_FOUND = shows(result="failure", reason="bad-status")


def test_one_settle_event_is_one_settlement() -> None:
    log = Log().begin()
    log.fetch()
    log.event()
    log.end()
    holds(judge("S01", log), 1)


def test_no_settle_event_leaves_one_settlement_vacuous() -> None:
    log = Log().begin()
    log.fetch()
    log.event("backgroundfetchclick", shows())
    holds(judge("S01", log), 0)


@pytest.mark.parametrize("name", [SUCCESS, FAIL, ABORT])
def test_a_second_settle_event_is_one_too_many(name: str) -> None:
    log = Log().begin()
    log.fetch()
    log.event()
    second = log.event(name, event="e2")
    breaks(judge("S01", log), second, name, "'a'")


def test_a_second_event_with_another_instance_of_the_only_fetch_is_one_too_many() -> None:
    log = Log().begin()
    log.fetch()
    log.event()
    second = log.event(event="e2", instance="w2")
    breaks(judge("S01", log), second)


def test_an_event_may_be_delivered_again_after_a_kill() -> None:
    log = Log().begin()
    log.fetch()
    log.event()
    log.quit(kill=True)
    log.event(event="e2", instance="w2")
    holds(judge("S01", log), 1)


def test_two_events_in_the_life_after_a_kill_are_one_too_many() -> None:
    log = Log().begin()
    log.fetch()
    log.quit(kill=True)
    log.event()
    second = log.event(event="e2")
    breaks(judge("S01", log), second)


def test_an_event_may_not_be_delivered_again_after_a_clean_restart() -> None:
    log = Log().begin()
    log.fetch()
    log.event()
    log.quit(kill=False)
    second = log.event(event="e2")
    breaks(judge("S01", log), second)


def test_an_id_used_again_has_an_event_of_its_own() -> None:
    log = Log().begin()
    log.fetch()
    log.event()
    log.end()
    log.fetch("c2", instance="i2")
    log.event(event="e2", instance="w2")
    holds(judge("S01", log), 2)


def test_an_event_of_one_of_two_live_fetches_of_an_id_cannot_be_told() -> None:
    log = Log().begin()
    log.fetch()
    log.abort("c2", True)
    log.fetch("c3", instance="i2")
    log.event(ABORT, ABORTED)
    unclear(judge("S01", log), "whose")


def test_three_events_of_two_fetches_are_one_too_many_whosesoever_they_are() -> None:
    log = Log().begin()
    log.fetch()
    log.abort("c2", True)
    log.fetch("c3", instance="i2")
    for number in (1, 2):
        log.event(ABORT, ABORTED, event=f"e{number}", instance=f"w{number}")
    third = log.event(ABORT, ABORTED, event="e3", instance="w3")
    breaks(judge("S01", log), third, "2 fetches")


@pytest.mark.parametrize(
    ("name", "snapshot"),
    [(SUCCESS, DONE), (ABORT, ABORTED), (FAIL, NOT_FOUND)],
)
def test_an_event_agrees_with_its_registration(name: str, snapshot: Snapshot) -> None:
    log = Log().begin()
    log.fetch()
    log.event(name, snapshot)
    holds(judge("S02", log), 1)


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        (SUCCESS, ("", "")),
        (SUCCESS, ("failure", "aborted")),
        (FAIL, ("", "")),
        (FAIL, ("success", "")),
        (FAIL, ("failure", "aborted")),
        (ABORT, ("success", "")),
        (ABORT, ("failure", "bad-status")),
    ],
)
def test_an_event_contradicts_its_registration(name: str, pair: tuple[str, str]) -> None:
    log = Log().begin()
    log.fetch()
    event = log.event(name, shows("a", *pair))
    breaks(judge("S02", log), event, name)


def test_an_event_without_attributes_cannot_be_compared() -> None:
    log = Log().begin()
    log.fetch()
    log.event(snapshot=None)
    unclear(judge("S02", log))


def test_a_click_says_nothing_about_the_state() -> None:
    log = Log().begin()
    log.fetch()
    log.event("backgroundfetchclick", shows())
    holds(judge("S02", log), 0)


def test_every_legal_pair_is_legal_wherever_it_shows() -> None:
    log = Log().begin()
    log.fetch()
    log.look("i1", DONE)
    log.progress(NOT_FOUND)
    log.event(ABORT, ABORTED)
    holds(judge("S03", log), 4)


@pytest.mark.parametrize("pair", [("success", "aborted"), ("failure", ""), ("failure", "success")])
def test_an_illegal_pair_is_found_wherever_it_shows(pair: tuple[str, str]) -> None:
    odd = shows("a", *pair)
    log = Log().begin()
    log.fetch()
    looked, pushed, dispatched = (Log(list(log.entries)) for _ in range(3))
    answer = looked.look("i1", odd) + 1
    breaks(judge("S03", looked), answer)
    progress = pushed.progress(odd)
    breaks(judge("S03", pushed), progress)
    event = dispatched.event(snapshot=odd)
    breaks(judge("S03", dispatched), event)


def test_a_trace_that_shows_no_instance_has_only_legal_pairs() -> None:
    holds(judge("S03", Log().begin()), 0)


def test_one_more_event_than_two_fetches_of_an_id_whose_own_are_known_is_too_many() -> None:
    log = Log().begin()
    log.fetch()
    log.event()
    log.fetch("c2", instance="i2")
    log.event(event="e2", instance="w2")
    third = log.event(event="e3", instance="w3")
    breaks(judge("S01", log), third, "2 fetches")
