"""RECORD, one function at a time."""

from __future__ import annotations

import attrs
import pytest

from spec_model import complete_record as rec
from spec_model.complete_record import RecordState, View
from spec_model.decide import Explain, outcomes
from spec_model.editions import AMENDED
from spec_model.interruptions import interrupt, restarted
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
    first = interrupt(reading(stored), GET, NOTHING, View(paused=True), explain())
    assert first is not None
    again = started(GET, first)
    part = attrs.evolve(head(206, content_range=content_range), exchange=2, first=stored)
    return rec.respond(again, spec, part, VIEW, explain())


# --- start ----------------------------------------------------------------------------


def test_a_first_attempt_asks_for_everything() -> None:
    record = started()
    assert (record.phase, record.start) == (RecordPhase.BEFORE_HEADERS, NOTHING)


def test_a_later_attempt_asks_for_what_is_missing() -> None:
    paused = interrupt(reading(4), GET, NOTHING, View(paused=True), explain())
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
    paused = interrupt(reading(4), GET, NOTHING, View(paused=True), explain())
    assert paused is not None
    record = rec.respond(started(GET, paused), GET, head(), VIEW, explain())
    assert (record.generation, record.stored, record.parts) == (1, NOTHING, ())


def test_a_part_that_was_not_asked_for_is_a_fetch_error() -> None:
    record = rec.respond(started(), GET, head(206, content_range="bytes 5-9/10"), VIEW, explain())
    assert record.result == "fetch-error"


def test_a_changed_resource_is_a_fetch_error_or_a_restart() -> None:
    first = reading(4, etag='"1"')
    paused = interrupt(first, GET, NOTHING, View(paused=True), explain())
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
    paused = interrupt(reading(10), GET, NOTHING, View(paused=True), explain())
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


def test_a_redirect_is_the_same_attempt() -> None:
    record = rec.redirected(started(), "https://app.example/y", "GET")
    assert (record.attempts, record.hops, record.url) == (1, 1, "https://app.example/y")


# --- what a judge learns --------------------------------------------------------------


def test_a_range_that_was_seen_tells_how_much_was_stored() -> None:
    loose = restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=True)
    known = rec.asked_from(started(GET, loose), 3)
    assert known is not None
    assert (known.start, known.stored) == (exactly(3), exactly(3))
    assert [part.length for part in known.parts] == [exactly(3)]


def test_a_range_that_cannot_be_is_refused() -> None:
    loose = restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=True)
    assert rec.asked_from(started(GET, loose), 5) is None


# --- freedoms, and the text as it is written ------------------------------------------


def test_one_answer_is_exposable_as_long_as_it_has_not_failed() -> None:
    assert RecordState().exposable
    assert not attrs.evolve(RecordState(), result="aborted").exposable


def test_bytes_that_are_not_continued_may_go_at_the_request() -> None:
    record = attrs.evolve(RecordState(), response=head(503), stored=exactly(5))
    found = outcomes(lambda d: rec.start(record, GET, VIEW, d))
    assert {each.value.stored for each in found if each.value} == {NOTHING, exactly(5)}


def test_an_unvalidated_or_encoded_prefix_may_be_continued_by_choice() -> None:
    for key, response in (
        ("unvalidated-resume", head(etag="")),
        ("encoded-resume", attrs.evolve(head(), encoded=True)),
    ):
        record = attrs.evolve(RecordState(), response=response, stored=exactly(5))
        kept = rec.start(record, GET, VIEW, Explain(AMENDED, {key: "continued"}))
        assert kept is not None
        assert kept.start == exactly(5)


def test_without_an_answer_there_is_nothing_to_continue() -> None:
    record = attrs.evolve(RecordState(), stored=exactly(5))
    assert started(GET, record).start == NOTHING


def test_an_upload_of_64_kib_is_the_largest_as_written() -> None:
    for size, result in ((64 * 1024, ""), (64 * 1024 + 1, "fetch-error")):
        spec = attrs.evolve(POST, body=size)
        record = rec.start(RecordState(), spec, VIEW, explain("E36"))
        assert record is not None
        assert record.result == result


def test_the_url_that_a_redirect_led_to_is_forgotten_or_kept() -> None:
    moved = rec.redirected(started(), "https://app.example/y", "GET")
    read = rec.respond(moved, GET, head(), VIEW, explain())
    offline = View(online=False)
    for answer, url in (("original", GET.url), ("redirected", "https://app.example/y")):
        d = Explain(AMENDED, {"lost-redirect": answer})
        waiting = rec.body_errored(read, GET, exactly(4), offline, d)
        again = rec.start(rec.available(waiting, d), GET, VIEW, d)
        assert again is not None
        assert (again.url, again.start) == (url, exactly(4))


def test_a_part_of_the_page_s_own_choice_is_final() -> None:
    own = attrs.evolve(GET, own_range="bytes=100-")
    part = attrs.evolve(head(206, content_range="bytes 100-109/110"), own_range=True)
    record = rec.respond(started(own), own, part, VIEW, explain())
    assert rec.body_ended(record, own, exactly(10), VIEW, explain()).result == "success"
    refused = rec.respond(started(own), own, part, VIEW, explain("E31"))
    assert refused.result == "fetch-error"


def test_a_part_from_the_beginning_replaces_what_was_not_continued() -> None:
    record = attrs.evolve(RecordState(), response=head(503), stored=exactly(5))
    part = head(206, content_range="bytes 0-9/10")
    after = rec.respond(started(GET, record), GET, part, VIEW, explain())
    assert (after.stored, after.generation) == (NOTHING, 1)


@pytest.mark.parametrize("without_e29", [False, True])
def test_a_part_that_joins_nothing_need_not_agree_with_anything(without_e29: bool) -> None:
    record = attrs.evolve(RecordState(), response=head(503, etag='"old"'), stored=exactly(5))
    d = explain("E29") if without_e29 else explain()
    part = head(206, content_range="bytes 0-9/10", etag='"new"')
    after = rec.respond(started(GET, record), GET, part, VIEW, d)
    assert after.result == ("fetch-error" if without_e29 else "")


def test_nothing_has_been_received_of_an_answer_that_has_not_come() -> None:
    assert rec.received(RecordState()) == 0


def test_the_body_of_an_error_may_be_left_unread() -> None:
    d = Explain(AMENDED, {"error-answer": "unread"})
    record = rec.respond(started(), GET, head(404), VIEW, d)
    assert (record.result, record.stored) == ("bad-status", NOTHING)
    assert rec.respond(started(), GET, head(), VIEW, d).result == ""


def test_nothing_is_appended_to_what_is_not_read() -> None:
    assert rec.append(started(), GET, exactly(4), VIEW, explain()) == started()


def test_a_limit_met_at_the_end_comes_before_the_end() -> None:
    view = View(quota=exactly(5))
    for over in (rec.body_ended, rec.body_errored):
        assert over(reading(4), GET, exactly(6), view, explain()).result == "quota-exceeded"


def test_a_part_that_brings_too_much_may_meet_a_limit_first() -> None:
    record = continued(stored=4, content_range="bytes 4-9/10")
    view = View(room=exactly(8))
    found = outcomes(lambda d: rec.append(record, GET, exactly(7), view, d))
    assert {each.value.result for each in found} == {"fetch-error", "download-total-exceeded"}
    (only,) = outcomes(lambda d: rec.append(record, GET, exactly(7), VIEW, d))
    assert only.value.result == "fetch-error"


def test_a_part_that_brought_too_much_within_its_limits_fails_at_its_end() -> None:
    record = continued(stored=4, content_range="bytes 4-9/10")
    view = View(room=Extent(8, 20))
    d = Explain(AMENDED, {"met first": "a limit", "does it fit": "fits"})
    more = rec.append(record, GET, exactly(7), view, d)
    assert (more.settled, more.stored) == (False, exactly(11))
    assert rec.body_ended(more, GET, NOTHING, view, d).result == "fetch-error"


def test_a_cancelled_stream_may_count_as_complete_or_not_as_written() -> None:
    view = View(room=exactly(5))
    without_e03 = AMENDED.without("E03")
    at_once = {"the end is noticed": "at once"}
    for done, result in (("yes", "success"), ("no", "download-total-exceeded")):
        d = Explain(without_e03, {"is a cancelled stream done": done, **at_once})
        assert rec.append(reading(4), GET, exactly(6), view, d).result == result
    d = Explain(without_e03)
    assert rec.append(reading(4, 404), GET, exactly(6), view, d).result == (
        "download-total-exceeded"
    )


def test_bytes_behind_a_gap_are_a_part_of_their_own() -> None:
    d = explain("E20")
    gap = rec.append(reading(4), GET, exactly(6), View(quota=exactly(9)), d)
    assert (gap.settled, gap.result) == (True, "quota-exceeded")
    behind = rec.append(gap, GET, exactly(2), View(quota=exactly(9)), d)
    again = rec.append(behind, GET, exactly(6), View(quota=exactly(9)), d)
    assert [(part.first, part.length.lo) for part in behind.parts] == [(0, 4), (10, 2)]
    assert again.loose.skipped == 12
    ended = rec.body_ended(behind, GET, NOTHING, VIEW, d)
    assert (ended.result, ended.loose.reported) == ("success", "quota-exceeded")
    broken = rec.body_errored(behind, GET, NOTHING, VIEW, d)
    assert (broken.result, broken.current) == ("quota-exceeded", None)


@pytest.mark.parametrize(("abort", "result"), [("", "success"), ("script", "aborted")])
def test_as_written_an_abort_may_come_between_the_end_and_its_being_noticed(
    abort: str, result: str
) -> None:
    d = Explain(AMENDED.without("E03"), {"the end is noticed": "late"})
    ended = rec.body_ended(reading(4), GET, exactly(6), VIEW, d)
    assert (ended.settled, rec.unnoticed(ended)) == (False, True)
    noticed = rec.notice(ended, GET, View(abort=abort), d)
    assert (noticed.settled, noticed.result) == (True, result)
    assert rec.body_errored(ended, GET, NOTHING, VIEW, d) == ended


def test_a_redirect_starts_the_count_of_transmitted_bytes_anew() -> None:
    sent = attrs.evolve(started(POST), loose=rec.Loose(transmitted=10))
    assert rec.redirected(sent, "https://app.example/y", "POST").loose == rec.TIGHT


def test_what_starts_anew_asks_from_the_beginning_whatever_was_stored() -> None:
    record = attrs.evolve(RecordState(), response=head(503), stored=exactly(5), floor=5)
    anew = started(GET, record)
    assert rec.asked_from(anew, 0) == anew
