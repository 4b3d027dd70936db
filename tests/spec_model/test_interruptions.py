"""Pauses, aborts and restarts of one record."""

from __future__ import annotations

import attrs
import pytest

from spec_model.complete_record import asked_from
from spec_model.decide import Explain
from spec_model.editions import AMENDED, AS_WRITTEN, Edition
from spec_model.interruptions import interrupt, restarted
from spec_model.phases import RecordPhase
from spec_model.process_response import append, body_ended, body_errored, respond
from spec_model.record_state import RecordState, View
from spec_model.values import NOTHING, Extent, exactly
from tests.spec_model.records import GET, POST, VIEW, explain, head, reading, started

# --- interruptions --------------------------------------------------------------------


def test_a_pause_keeps_the_bytes_that_had_come() -> None:
    record = interrupt(reading(4), GET, exactly(2), View(paused=True), explain())
    assert record is not None
    assert (record.phase, record.stored) == (RecordPhase.WAITING_UNPAUSED, exactly(6))


def test_a_pause_does_not_touch_what_is_no_get() -> None:
    flying = started(POST)
    assert interrupt(flying, POST, NOTHING, View(paused=True), explain()) is None
    assert interrupt(flying, POST, NOTHING, View(paused=True), explain("E14")) is not None


def test_an_abort_outdoes_a_pause() -> None:
    view = View(paused=True, abort="user")
    record = interrupt(reading(4), GET, NOTHING, view, explain())
    assert record is not None
    assert record.result == "aborted"


@pytest.mark.parametrize(
    ("record", "result"), [(reading(4), "fetch-error"), (started(), "aborted")]
)
def test_as_written_a_pause_leaves_a_result_behind(record: RecordState, result: str) -> None:
    d = Explain(AMENDED.without("E03"), {"the abandoned attempt stops": "at once"})
    paused = interrupt(record, GET, NOTHING, View(paused=True), d)
    assert paused is not None
    assert (paused.settled, paused.result) == (False, result)


def test_as_written_the_end_of_an_aborted_attempt_overwrites_its_result() -> None:
    record = interrupt(reading(4), GET, NOTHING, View(abort="script"), explain("E03"))
    assert record is not None
    assert (record.settled, record.result) == (True, "fetch-error")


@pytest.mark.parametrize("edition", [AMENDED, AS_WRITTEN])
def test_nothing_stops_what_nobody_stops(edition: Edition) -> None:
    assert interrupt(reading(4), GET, NOTHING, VIEW, Explain(edition)) is None


# --- restarts -------------------------------------------------------------------------


def test_a_get_goes_on_from_its_bytes_after_a_restart() -> None:
    record = restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=False)
    assert (record.phase, record.stored) == (RecordPhase.WAITING_UNPAUSED, exactly(4))


def test_after_a_kill_any_prefix_may_be_left() -> None:
    record = restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=True)
    assert record.stored == Extent(0, 4)
    assert [part.length for part in record.parts] == [Extent(0, 4)]


def test_what_was_in_flight_and_no_get_is_not_sent_again() -> None:
    record = restarted(started(POST), POST, NOTHING, VIEW, explain(), killed=False)
    assert record.result == "fetch-error"
    waiting = restarted(RecordState(), POST, NOTHING, VIEW, explain(), killed=False)
    assert not waiting.settled


def test_a_result_survives_a_restart() -> None:
    done = body_ended(reading(4), GET, NOTHING, VIEW, explain())
    assert restarted(done, GET, NOTHING, VIEW, explain(), killed=True) == done


# --- beside other things ---


def test_a_pause_that_comes_with_too_many_bytes_finds_a_failed_record() -> None:
    view = View(paused=True, quota=exactly(5))
    record = interrupt(reading(4), GET, exactly(6), view, explain())
    assert record is not None
    assert record.result == "quota-exceeded"


def test_a_pause_while_a_resource_is_away_leaves_nothing_behind() -> None:
    waiting = body_errored(reading(4), GET, NOTHING, View(online=False), explain())
    paused = interrupt(waiting, GET, NOTHING, View(paused=True), explain("E03"))
    assert paused is not None
    assert (paused.phase, paused.result) == (RecordPhase.WAITING_UNPAUSED, "")


def test_as_written_the_result_of_an_abort_may_be_read_before_it_is_overwritten() -> None:
    d = Explain(AMENDED.without("E03"), {"the result is read": "early"})
    record = interrupt(reading(4), GET, NOTHING, View(abort="script"), d)
    assert record is not None
    assert record.result == "aborted"


def test_only_the_kept_tail_is_lost_with_a_kill() -> None:
    first = interrupt(reading(4), GET, NOTHING, View(paused=True), explain())
    assert first is not None
    again = started(GET, first)
    part = attrs.evolve(head(206, content_range="bytes 4-9/10"), exchange=2, first=4)
    second = append(
        respond(again, GET, part, VIEW, explain()),
        GET,
        exactly(3),
        VIEW,
        explain(),
    )
    loose = restarted(second, GET, NOTHING, VIEW, explain(), killed=True)
    known = asked_from(started(GET, loose), 2)
    assert known is not None
    assert [each.length for each in known.parts] == [exactly(2)]
    empty = restarted(RecordState(), GET, NOTHING, VIEW, explain(), killed=True)
    assert empty.parts == ()
