"""RECORD from its beginning to the request, and what becomes of that."""

from __future__ import annotations

import attrs
import pytest

from spec_model.complete_record import asked_from, redirected, start
from spec_model.decide import Explain, outcomes
from spec_model.editions import AMENDED
from spec_model.interruptions import interrupt, restarted
from spec_model.phases import RecordPhase
from spec_model.process_response import (
    body_errored,
    respond,
)
from spec_model.record_end import available
from spec_model.record_state import TIGHT, Loose, RecordState, View
from spec_model.values import NOTHING, Head, exactly
from tests.spec_model.records import GET, POST, VIEW, explain, head, reading, started


def test_a_first_attempt_asks_for_everything() -> None:
    record = started()
    assert (record.phase, record.start) == (RecordPhase.BEFORE_HEADERS, NOTHING)


def test_a_later_attempt_asks_for_what_is_missing() -> None:
    paused = interrupt(reading(4), GET, NOTHING, View(paused=True), explain())
    assert paused is not None
    assert started(GET, paused).start == exactly(4)


def test_a_paused_record_waits() -> None:
    assert start(RecordState(), GET, View(paused=True), explain()) is None


def test_a_stopped_record_is_aborted_even_while_paused() -> None:
    record = start(RecordState(), GET, View(paused=True, abort="script"), explain())
    assert record is not None
    assert record.result == "aborted"


def test_as_written_a_stopped_record_waits_while_paused_and_then_makes_a_request() -> None:
    d = explain("E13")
    assert start(RecordState(), GET, View(paused=True, abort="script"), d) is None
    record = start(RecordState(), GET, View(abort="script"), d)
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
    kept = start(record, GET, VIEW, explain(cluster))
    assert kept is not None
    assert kept.start == exactly(5)


def test_a_request_with_a_range_of_its_own_is_not_continued() -> None:
    own = attrs.evolve(GET, own_range="bytes=100-")
    record = attrs.evolve(RecordState(), response=head(), stored=exactly(5))
    assert started(own, record).start == NOTHING
    kept = start(record, own, VIEW, explain("E31"))
    assert kept is not None
    assert kept.start == exactly(5)


def test_offline_a_get_waits_and_a_post_fails() -> None:
    offline = View(online=False)
    waiting = start(RecordState(), GET, offline, explain())
    failed = start(RecordState(), POST, offline, explain())
    assert waiting is not None and failed is not None
    assert waiting.phase is RecordPhase.WAITING_AVAILABLE
    assert failed.result == "fetch-error"


def test_a_redirect_is_the_same_attempt() -> None:
    record = redirected(started(), "https://app.example/y", "GET")
    assert (record.attempts, record.hops, record.url) == (1, 1, "https://app.example/y")


def test_a_range_that_was_seen_tells_how_much_was_stored() -> None:
    loose = restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=True)
    known = asked_from(started(GET, loose), 3)
    assert known is not None
    assert (known.start, known.stored) == (exactly(3), exactly(3))
    assert [part.length for part in known.parts] == [exactly(3)]


def test_a_range_that_cannot_be_is_refused() -> None:
    loose = restarted(reading(4), GET, NOTHING, VIEW, explain(), killed=True)
    assert asked_from(started(GET, loose), 5) is None


def test_bytes_that_are_not_continued_may_go_at_the_request() -> None:
    record = attrs.evolve(RecordState(), response=head(503), stored=exactly(5))
    found = outcomes(lambda d: start(record, GET, VIEW, d))
    assert {each.value.stored for each in found if each.value} == {NOTHING, exactly(5)}


def test_an_unvalidated_or_encoded_prefix_may_be_continued_by_choice() -> None:
    for key, response in (
        ("unvalidated-resume", head(etag="")),
        ("encoded-resume", attrs.evolve(head(), encoded=True)),
    ):
        record = attrs.evolve(RecordState(), response=response, stored=exactly(5))
        kept = start(record, GET, VIEW, Explain(AMENDED, {key: "continued"}))
        assert kept is not None
        assert kept.start == exactly(5)


def test_without_an_answer_there_is_nothing_to_continue() -> None:
    record = attrs.evolve(RecordState(), stored=exactly(5))
    assert started(GET, record).start == NOTHING


def test_an_upload_of_64_kib_is_the_largest_as_written() -> None:
    for size, result in ((64 * 1024, ""), (64 * 1024 + 1, "fetch-error")):
        spec = attrs.evolve(POST, body=size)
        record = start(RecordState(), spec, VIEW, explain("E36"))
        assert record is not None
        assert record.result == result


def test_the_url_that_a_redirect_led_to_is_forgotten_or_kept() -> None:
    moved = redirected(started(), "https://app.example/y", "GET")
    read = respond(moved, GET, head(), VIEW, explain())
    offline = View(online=False)
    for answer, url in (("original", GET.url), ("redirected", "https://app.example/y")):
        d = Explain(AMENDED, {"lost-redirect": answer})
        waiting = body_errored(read, GET, exactly(4), offline, d)
        again = start(available(waiting, d), GET, VIEW, d)
        assert again is not None
        assert (again.url, again.start) == (url, exactly(4))


def test_a_redirect_starts_the_count_of_transmitted_bytes_anew() -> None:
    sent = attrs.evolve(started(POST), loose=Loose(transmitted=10))
    assert redirected(sent, "https://app.example/y", "POST").loose == TIGHT


def test_what_starts_anew_asks_from_the_beginning_whatever_was_stored() -> None:
    record = attrs.evolve(RecordState(), response=head(503), stored=exactly(5), floor=5)
    anew = started(GET, record)
    assert asked_from(anew, 0) == anew
