"""The callbacks of RECORD, one at a time."""

from __future__ import annotations

import attrs
import pytest

from spec_model.decide import Explain, outcomes
from spec_model.editions import AMENDED
from spec_model.interruptions import interrupt
from spec_model.phases import RecordPhase
from spec_model.process_response import (
    append,
    body_ended,
    body_errored,
    network_error,
    received,
    respond,
)
from spec_model.record_state import RecordState, View
from spec_model.values import NOTHING, Extent, Part, exactly
from tests.spec_model.records import GET, POST, VIEW, continued, explain, head, reading, started


def test_a_lost_connection_is_a_fetch_error_unless_it_is_thought_temporary() -> None:
    found = {
        tuple(each.choices): each.value.phase
        for each in outcomes(lambda d: network_error(started(), GET, VIEW, d, lost=True))
    }
    assert found == {
        (): RecordPhase.SETTLED,
        ("temporary-loss=temporary",): RecordPhase.WAITING_AVAILABLE,
    }


def test_what_is_no_lost_connection_is_never_temporary() -> None:
    (only,) = outcomes(lambda d: network_error(started(), GET, VIEW, d, lost=False))
    assert only.value.result == "fetch-error"


def test_the_first_answer_replaces_nothing() -> None:
    assert reading().generation == 0


def test_as_written_the_first_answer_replaces_the_data_that_early_readers_hold() -> None:
    assert respond(started(), GET, head(), VIEW, explain("E17")).generation == 1


def test_a_whole_answer_to_a_request_for_the_rest_starts_anew() -> None:
    paused = interrupt(reading(4), GET, NOTHING, View(paused=True), explain())
    assert paused is not None
    record = respond(started(GET, paused), GET, head(), VIEW, explain())
    assert (record.generation, record.stored, record.parts) == (1, NOTHING, ())


def test_a_part_that_was_not_asked_for_is_a_fetch_error() -> None:
    record = respond(started(), GET, head(206, content_range="bytes 5-9/10"), VIEW, explain())
    assert record.result == "fetch-error"


def test_a_changed_resource_is_a_fetch_error_or_a_restart() -> None:
    first = reading(4, etag='"1"')
    paused = interrupt(first, GET, NOTHING, View(paused=True), explain())
    assert paused is not None
    again = started(GET, paused)
    changed = head(206, content_range="bytes 4-9/10", etag='"2"')
    found = {
        tuple(each.choices): (each.value.result, each.value.generation)
        for each in outcomes(lambda d: respond(again, GET, changed, VIEW, d))
    }
    assert found == {(): ("fetch-error", 0), ("changed-validator=restart",): ("", 1)}


@pytest.mark.parametrize(("status", "result"), [(204, "success"), (304, "bad-status")])
def test_an_answer_without_a_body_ends_at_once(status: int, result: str) -> None:
    empty = attrs.evolve(head(status), null_body=True)
    assert respond(started(), GET, empty, VIEW, explain()).result == result
    assert respond(started(), GET, empty, VIEW, explain("E18")).result == ""


def test_a_416_that_names_the_stored_length_says_that_nothing_is_missing() -> None:
    paused = interrupt(reading(10), GET, NOTHING, View(paused=True), explain())
    assert paused is not None
    again = started(GET, paused)
    answer = head(416, content_range="bytes */10")
    assert respond(again, GET, answer, VIEW, explain()).result == "success"
    assert respond(again, GET, answer, VIEW, explain("E23")).result == ""
    other = head(416, content_range="bytes */11")
    assert respond(again, GET, other, VIEW, explain()).result == ""


def test_bytes_of_one_answer_are_one_part() -> None:
    record = append(reading(4), GET, exactly(3), VIEW, explain())
    assert record.stored == exactly(7)
    assert [part.length for part in record.parts] == [exactly(7)]


def test_bytes_of_two_answers_are_two_parts() -> None:
    record = continued(stored=4, content_range="bytes 4-9/10")
    record = append(record, GET, exactly(6), VIEW, explain())
    assert record.parts == (
        Part(1, GET.url, 0, 0, exactly(4)),
        Part(2, GET.url, 0, 4, exactly(6)),
    )


def test_the_limits_are_strict() -> None:
    for tight, wide, result in (
        (View(room=exactly(9)), View(room=exactly(10)), "download-total-exceeded"),
        (View(quota=exactly(9)), View(quota=exactly(10)), "quota-exceeded"),
    ):
        assert append(reading(4), GET, exactly(6), tight, explain()).result == result
        assert append(reading(4), GET, exactly(6), wide, explain()).result == ""


def test_a_batch_that_does_not_fit_is_not_stored_in_part() -> None:
    record = append(reading(4), GET, exactly(6), View(quota=exactly(9)), explain())
    assert record.stored == exactly(4)


def test_bounds_that_leave_it_open_are_asked_about() -> None:
    view = View(room=exactly(9))
    found = outcomes(lambda d: append(reading(4), GET, Extent(1, 6), view, d))
    assert {each.value.result for each in found} == {"", "download-total-exceeded"}


@pytest.mark.parametrize(("status", "result"), [(200, "success"), (404, "bad-status")])
def test_an_end_is_judged_by_the_status(status: int, result: str) -> None:
    record = body_ended(reading(4, status), GET, exactly(6), VIEW, explain())
    assert (record.result, record.stored) == (result, exactly(10))


@pytest.mark.parametrize(
    ("value", "got", "without", "result"),
    [
        ("bytes 4-9/10", 6, "", "success"),
        ("bytes 4-7/10", 4, "", ""),
        ("bytes 4-9/*", 6, "", "success"),
        ("bytes 4-9/*", 6, "E23", ""),
        ("bytes 4-9/*", 5, "", ""),
        ("bytes 4-9/10", 7, "", "fetch-error"),
        ("bytes 4-9/10", 7, "E26", ""),
        ("bytes 4-9/10", 0, "", "fetch-error"),
        ("bytes 4-9/10", 0, "E24", ""),
    ],
)
def test_the_end_of_a_part_is_the_end_or_not(
    value: str, got: int, without: str, result: str
) -> None:
    record = continued(stored=4, content_range=value)
    ended = body_ended(record, GET, exactly(got), VIEW, explain(without))
    assert ended.result == result
    assert ended.settled is bool(result)


def test_a_part_of_an_answer_to_a_post_fails_with_the_repair() -> None:
    record = reading(0, 206, POST, content_range="bytes 0-4/10")
    assert body_ended(record, POST, exactly(5), VIEW, explain()).result == "fetch-error"
    again = body_ended(record, POST, exactly(5), VIEW, explain("E32"))
    assert again.phase is RecordPhase.WAITING_UNPAUSED


def test_a_broken_body_is_a_fetch_error_online_and_a_wait_offline() -> None:
    assert body_errored(reading(4), GET, NOTHING, VIEW, explain()).result == "fetch-error"
    waiting = body_errored(reading(4), GET, NOTHING, View(online=False), explain())
    assert waiting.phase is RecordPhase.WAITING_AVAILABLE
    assert waiting.stored == exactly(4)


def test_a_part_of_the_page_s_own_choice_is_final() -> None:
    own = attrs.evolve(GET, own_range="bytes=100-")
    part = attrs.evolve(head(206, content_range="bytes 100-109/110"), own_range=True)
    record = respond(started(own), own, part, VIEW, explain())
    assert body_ended(record, own, exactly(10), VIEW, explain()).result == "success"
    refused = respond(started(own), own, part, VIEW, explain("E31"))
    assert refused.result == "fetch-error"


def test_a_part_from_the_beginning_replaces_what_was_not_continued() -> None:
    record = attrs.evolve(RecordState(), response=head(503), stored=exactly(5))
    part = head(206, content_range="bytes 0-9/10")
    after = respond(started(GET, record), GET, part, VIEW, explain())
    assert (after.stored, after.generation) == (NOTHING, 1)


@pytest.mark.parametrize("without_e29", [False, True])
def test_a_part_that_joins_nothing_need_not_agree_with_anything(without_e29: bool) -> None:
    record = attrs.evolve(RecordState(), response=head(503, etag='"old"'), stored=exactly(5))
    d = explain("E29") if without_e29 else explain()
    part = head(206, content_range="bytes 0-9/10", etag='"new"')
    after = respond(started(GET, record), GET, part, VIEW, d)
    assert after.result == ("fetch-error" if without_e29 else "")


def test_nothing_has_been_received_of_an_answer_that_has_not_come() -> None:
    assert received(RecordState()) == 0


def test_the_body_of_an_error_may_be_left_unread() -> None:
    d = Explain(AMENDED, {"error-answer": "unread"})
    record = respond(started(), GET, head(404), VIEW, d)
    assert (record.result, record.stored) == ("bad-status", NOTHING)
    assert respond(started(), GET, head(), VIEW, d).result == ""


def test_nothing_is_appended_to_what_is_not_read() -> None:
    assert append(started(), GET, exactly(4), VIEW, explain()) == started()


def test_a_limit_met_at_the_end_comes_before_the_end() -> None:
    view = View(quota=exactly(5))
    for over in (body_ended, body_errored):
        assert over(reading(4), GET, exactly(6), view, explain()).result == "quota-exceeded"


def test_a_part_that_brings_too_much_may_meet_a_limit_first() -> None:
    record = continued(stored=4, content_range="bytes 4-9/10")
    view = View(room=exactly(8))
    found = outcomes(lambda d: append(record, GET, exactly(7), view, d))
    assert {each.value.result for each in found} == {"fetch-error", "download-total-exceeded"}
    (only,) = outcomes(lambda d: append(record, GET, exactly(7), VIEW, d))
    assert only.value.result == "fetch-error"


def test_a_part_that_brought_too_much_within_its_limits_fails_at_its_end() -> None:
    record = continued(stored=4, content_range="bytes 4-9/10")
    view = View(room=Extent(8, 20))
    d = Explain(AMENDED, {"met first": "a limit", "does it fit": "fits"})
    more = append(record, GET, exactly(7), view, d)
    assert (more.settled, more.stored) == (False, exactly(11))
    assert body_ended(more, GET, NOTHING, view, d).result == "fetch-error"


def test_a_cancelled_stream_may_count_as_complete_or_not_as_written() -> None:
    view = View(room=exactly(5))
    without_e03 = AMENDED.without("E03")
    at_once = {"the end is noticed": "at once"}
    for done, result in (("yes", "success"), ("no", "download-total-exceeded")):
        d = Explain(without_e03, {"is a cancelled stream done": done, **at_once})
        assert append(reading(4), GET, exactly(6), view, d).result == result
    d = Explain(without_e03)
    assert append(reading(4, 404), GET, exactly(6), view, d).result == ("download-total-exceeded")


def test_bytes_behind_a_gap_are_a_part_of_their_own() -> None:
    d = explain("E20")
    gap = append(reading(4), GET, exactly(6), View(quota=exactly(9)), d)
    assert (gap.settled, gap.result) == (True, "quota-exceeded")
    behind = append(gap, GET, exactly(2), View(quota=exactly(9)), d)
    again = append(behind, GET, exactly(6), View(quota=exactly(9)), d)
    assert [(part.first, part.length.lo) for part in behind.parts] == [(0, 4), (10, 2)]
    assert again.loose.skipped == 12
    ended = body_ended(behind, GET, NOTHING, VIEW, d)
    assert (ended.result, ended.loose.reported) == ("success", "quota-exceeded")
    broken = body_errored(behind, GET, NOTHING, VIEW, d)
    assert (broken.result, broken.current) == ("quota-exceeded", None)
