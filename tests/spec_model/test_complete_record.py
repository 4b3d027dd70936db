"""RECORD, one function at a time."""

from __future__ import annotations

import attrs
import pytest

from spec_model import complete_record as rec
from spec_model.complete_record import RecordState, View
from spec_model.decide import Explain, outcomes
from spec_model.editions import AMENDED, AS_WRITTEN, Edition
from spec_model.phases import RecordPhase
from spec_model.values import NOTHING, Extent, Head, Part, RequestSpec, exactly

GET = RequestSpec("https://app.example/x")
POST = RequestSpec("https://app.example/x", "POST", 10)
VIEW = View()


def explain(without: str = "") -> Explain:
    return Explain(AMENDED.without(without) if without else AMENDED)


def head(status: int = 200, **headers: str) -> Head:
    """A head with a validator, unless the test says otherwise."""
    named = {"etag": '"v"'} | headers
    pairs = tuple((name.replace("_", "-"), value) for name, value in named.items() if value)
    return Head(1, status, pairs, pairs)


def started(spec: RequestSpec = GET, record: RecordState | None = None) -> RecordState:
    new = rec.start(record or RecordState(), spec, VIEW, explain())
    assert new is not None
    return new


def reading(
    stored: int = 0, status: int = 200, spec: RequestSpec = GET, **headers: str
) -> RecordState:
    record = rec.respond(started(spec), spec, head(status, **headers), VIEW, explain())
    return rec.append(record, spec, exactly(stored), VIEW, explain())


def continued(*, stored: int, content_range: str, spec: RequestSpec = GET) -> RecordState:
    """A second attempt whose 206 has just come."""
    first = rec.interrupt(reading(stored), GET, NOTHING, View(paused=True), explain())
    assert first is not None
    again = started(GET, first)
    part = attrs.evolve(head(206, content_range=content_range), exchange=2, first=stored)
    return rec.respond(again, spec, part, VIEW, explain())


# --- start ----------------------------------------------------------------------------


def test_a_first_attempt_asks_for_everything() -> None:
    record = started()
    assert (record.phase, record.start) == (RecordPhase.BEFORE_HEADERS, NOTHING)


def test_a_later_attempt_asks_for_what_is_missing() -> None:
    paused = rec.interrupt(reading(4), GET, NOTHING, View(paused=True), explain())
    assert paused is not None
    assert started(GET, paused).start == exactly(4)


def test_a_paused_record_waits() -> None:
    assert rec.start(RecordState(), GET, View(paused=True), explain()) is None


def test_a_stopped_record_is_aborted_even_while_paused() -> None:
    record = rec.start(RecordState(), GET, View(paused=True, abort="script"), explain())
    assert record is not None
    assert record.result == "aborted"


def test_as_written_a_stopped_record_waits_while_paused_and_then_makes_a_request() -> None:
    d = explain("E13")
    assert rec.start(RecordState(), GET, View(paused=True, abort="script"), d) is None
    record = rec.start(RecordState(), GET, View(abort="script"), d)
    assert record is not None
    assert record.phase is RecordPhase.BEFORE_HEADERS


@pytest.mark.parametrize(
    ("response", "cluster"),
    [
        (head(503), "E27"),
        (attrs.evolve(head(), encoded=True), "E28"),
        (head(etag=""), "E29"),
        (head(etag='W/"v"'), "E29"),
    ],
)
def test_only_an_ok_plain_answer_with_a_validator_is_continued(
    response: Head, cluster: str
) -> None:
    record = attrs.evolve(RecordState(), response=response, stored=exactly(5))
    assert started(GET, record).start == NOTHING
    kept = rec.start(record, GET, VIEW, explain(cluster))
    assert kept is not None
    assert kept.start == exactly(5)


def test_a_request_with_a_range_of_its_own_is_not_continued() -> None:
    own = attrs.evolve(GET, own_range="bytes=100-")
    record = attrs.evolve(RecordState(), response=head(), stored=exactly(5))
    assert started(own, record).start == NOTHING
    kept = rec.start(record, own, VIEW, explain("E31"))
    assert kept is not None
    assert kept.start == exactly(5)


def test_offline_a_get_waits_and_a_post_fails() -> None:
    offline = View(online=False)
    waiting = rec.start(RecordState(), GET, offline, explain())
    failed = rec.start(RecordState(), POST, offline, explain())
    assert waiting is not None and failed is not None
    assert waiting.phase is RecordPhase.WAITING_AVAILABLE
    assert failed.result == "fetch-error"


# --- network errors -------------------------------------------------------------------


def test_a_lost_connection_is_a_fetch_error_unless_it_is_thought_temporary() -> None:
    found = {
        tuple(each.choices): each.value.phase
        for each in outcomes(lambda d: rec.network_error(started(), GET, VIEW, d, lost=True))
    }
    assert found == {
        (): RecordPhase.SETTLED,
        ("temporary-loss=temporary",): RecordPhase.WAITING_AVAILABLE,
    }


def test_what_is_no_lost_connection_is_never_temporary() -> None:
    (only,) = outcomes(lambda d: rec.network_error(started(), GET, VIEW, d, lost=False))
    assert only.value.result == "fetch-error"


def test_what_is_available_again_is_asked_for_again() -> None:
    waiting = rec.start(RecordState(), GET, View(online=False), explain())
    assert waiting is not None
    assert rec.available(waiting, explain()).phase is RecordPhase.WAITING_UNPAUSED


# --- answers --------------------------------------------------------------------------


def test_the_first_answer_replaces_nothing() -> None:
    assert reading().generation == 0


def test_as_written_the_first_answer_replaces_the_data_that_early_readers_hold() -> None:
    assert rec.respond(started(), GET, head(), VIEW, explain("E17")).generation == 1


def test_a_whole_answer_to_a_request_for_the_rest_starts_anew() -> None:
    paused = rec.interrupt(reading(4), GET, NOTHING, View(paused=True), explain())
    assert paused is not None
    record = rec.respond(started(GET, paused), GET, head(), VIEW, explain())
    assert (record.generation, record.stored, record.parts) == (1, NOTHING, ())


def test_a_part_that_was_not_asked_for_is_a_fetch_error() -> None:
    record = rec.respond(started(), GET, head(206, content_range="bytes 5-9/10"), VIEW, explain())
    assert record.result == "fetch-error"


def test_a_changed_resource_is_a_fetch_error_or_a_restart() -> None:
    first = reading(4, etag='"1"')
    paused = rec.interrupt(first, GET, NOTHING, View(paused=True), explain())
    assert paused is not None
    again = started(GET, paused)
    changed = head(206, content_range="bytes 4-9/10", etag='"2"')
    found = {
        tuple(each.choices): (each.value.result, each.value.generation)
        for each in outcomes(lambda d: rec.respond(again, GET, changed, VIEW, d))
    }
    assert found == {(): ("fetch-error", 0), ("changed-validator=restart",): ("", 1)}


@pytest.mark.parametrize(("status", "result"), [(204, "success"), (304, "bad-status")])
def test_an_answer_without_a_body_ends_at_once(status: int, result: str) -> None:
    empty = attrs.evolve(head(status), null_body=True)
    assert rec.respond(started(), GET, empty, VIEW, explain()).result == result
    assert rec.respond(started(), GET, empty, VIEW, explain("E18")).result == ""


def test_a_416_that_names_the_stored_length_says_that_nothing_is_missing() -> None:
    paused = rec.interrupt(reading(10), GET, NOTHING, View(paused=True), explain())
    assert paused is not None
    again = started(GET, paused)
    answer = head(416, content_range="bytes */10")
    assert rec.respond(again, GET, answer, VIEW, explain()).result == "success"
    assert rec.respond(again, GET, answer, VIEW, explain("E23")).result == ""
    other = head(416, content_range="bytes */11")
    assert rec.respond(again, GET, other, VIEW, explain()).result == ""


# --- bytes ----------------------------------------------------------------------------


def test_bytes_of_one_answer_are_one_part() -> None:
    record = rec.append(reading(4), GET, exactly(3), VIEW, explain())
    assert record.stored == exactly(7)
    assert [part.length for part in record.parts] == [exactly(7)]


def test_bytes_of_two_answers_are_two_parts() -> None:
    record = continued(stored=4, content_range="bytes 4-9/10")
    record = rec.append(record, GET, exactly(6), VIEW, explain())
    assert record.parts == (
        Part(1, GET.url, 0, 0, exactly(4)),
        Part(2, GET.url, 0, 4, exactly(6)),
    )


def test_the_limits_are_strict() -> None:
    for tight, wide, result in (
        (View(room=exactly(9)), View(room=exactly(10)), "download-total-exceeded"),
        (View(quota=exactly(9)), View(quota=exactly(10)), "quota-exceeded"),
    ):
        assert rec.append(reading(4), GET, exactly(6), tight, explain()).result == result
        assert rec.append(reading(4), GET, exactly(6), wide, explain()).result == ""


def test_a_batch_that_does_not_fit_is_not_stored_in_part() -> None:
    record = rec.append(reading(4), GET, exactly(6), View(quota=exactly(9)), explain())
    assert record.stored == exactly(4)


def test_bounds_that_leave_it_open_are_asked_about() -> None:
    view = View(room=exactly(9))
    found = outcomes(lambda d: rec.append(reading(4), GET, Extent(1, 6), view, d))
    assert {each.value.result for each in found} == {"", "download-total-exceeded"}


# --- ends -----------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "result"), [(200, "success"), (404, "bad-status")])
def test_an_end_is_judged_by_the_status(status: int, result: str) -> None:
    record = rec.body_ended(reading(4, status), GET, exactly(6), VIEW, explain())
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
    ended = rec.body_ended(record, GET, exactly(got), VIEW, explain(without))
    assert ended.result == result
    assert ended.settled is bool(result)


def test_a_part_of_an_answer_to_a_post_fails_with_the_repair() -> None:
    record = reading(0, 206, POST, content_range="bytes 0-4/10")
    assert rec.body_ended(record, POST, exactly(5), VIEW, explain()).result == "fetch-error"
    again = rec.body_ended(record, POST, exactly(5), VIEW, explain("E32"))
    assert again.phase is RecordPhase.WAITING_UNPAUSED


def test_a_broken_body_is_a_fetch_error_online_and_a_wait_offline() -> None:
    assert rec.body_errored(reading(4), GET, NOTHING, VIEW, explain()).result == "fetch-error"
    waiting = rec.body_errored(reading(4), GET, NOTHING, View(online=False), explain())
    assert waiting.phase is RecordPhase.WAITING_AVAILABLE
    assert waiting.stored == exactly(4)


# --- interruptions --------------------------------------------------------------------


def test_a_pause_keeps_the_bytes_that_had_come() -> None:
    record = rec.interrupt(reading(4), GET, exactly(2), View(paused=True), explain())
    assert record is not None
    assert (record.phase, record.stored) == (RecordPhase.WAITING_UNPAUSED, exactly(6))


def test_a_pause_does_not_touch_what_is_no_get() -> None:
    flying = started(POST)
    assert rec.interrupt(flying, POST, NOTHING, View(paused=True), explain()) is None
    assert rec.interrupt(flying, POST, NOTHING, View(paused=True), explain("E14")) is not None


def test_an_abort_outdoes_a_pause() -> None:
    view = View(paused=True, abort="user")
    record = rec.interrupt(reading(4), GET, NOTHING, view, explain())
    assert record is not None
    assert record.result == "aborted"


@pytest.mark.parametrize(
    ("record", "result"), [(reading(4), "fetch-error"), (started(), "aborted")]
)
def test_as_written_a_pause_leaves_a_result_behind(record: RecordState, result: str) -> None:
    d = Explain(AMENDED.without("E03"), {"the abandoned attempt stops": "at once"})
    paused = rec.interrupt(record, GET, NOTHING, View(paused=True), d)
    assert paused is not None
    assert (paused.settled, paused.result) == (False, result)


def test_as_written_the_end_of_an_aborted_attempt_overwrites_its_result() -> None:
    record = rec.interrupt(reading(4), GET, NOTHING, View(abort="script"), explain("E03"))
    assert record is not None
    assert (record.settled, record.result) == (True, "fetch-error")


@pytest.mark.parametrize("edition", [AMENDED, AS_WRITTEN])
def test_nothing_stops_what_nobody_stops(edition: Edition) -> None:
    assert rec.interrupt(reading(4), GET, NOTHING, VIEW, Explain(edition)) is None


def test_a_redirect_is_the_same_attempt() -> None:
    record = rec.redirected(started(), "https://app.example/y", "GET")
    assert (record.attempts, record.hops, record.url) == (1, 1, "https://app.example/y")


# --- restarts -------------------------------------------------------------------------


def test_a_get_goes_on_from_its_bytes_after_a_restart() -> None:
    record = rec.restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=False)
    assert (record.phase, record.stored) == (RecordPhase.WAITING_UNPAUSED, exactly(4))


def test_after_a_kill_any_prefix_may_be_left() -> None:
    record = rec.restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=True)
    assert record.stored == Extent(0, 4)
    assert [part.length for part in record.parts] == [Extent(0, 4)]


def test_what_was_in_flight_and_no_get_is_not_sent_again() -> None:
    record = rec.restarted(started(POST), POST, NOTHING, VIEW, explain(), killed=False)
    assert record.result == "fetch-error"
    waiting = rec.restarted(RecordState(), POST, NOTHING, VIEW, explain(), killed=False)
    assert not waiting.settled


def test_a_result_survives_a_restart() -> None:
    done = rec.body_ended(reading(4), GET, NOTHING, VIEW, explain())
    assert rec.restarted(done, GET, NOTHING, VIEW, explain(), killed=True) == done


# --- what a judge learns --------------------------------------------------------------


def test_a_range_that_was_seen_tells_how_much_was_stored() -> None:
    loose = rec.restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=True)
    known = rec.asked_from(started(GET, loose), 3)
    assert known is not None
    assert (known.start, known.stored) == (exactly(3), exactly(3))
    assert [part.length for part in known.parts] == [exactly(3)]


def test_a_range_that_cannot_be_is_refused() -> None:
    loose = rec.restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=True)
    assert rec.asked_from(started(GET, loose), 5) is None
