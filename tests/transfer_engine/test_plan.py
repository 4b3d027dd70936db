"""Decisions about one record, without any transfer."""

from __future__ import annotations

import pytest

from transfer_engine.messages import StoredHead, StoredRequest
from transfer_engine.plan import (
    Again,
    Ask,
    AwaitNetwork,
    ContentRange,
    Finish,
    Join,
    Recovered,
    Refuse,
    Replace,
    RetryPolicy,
    Stored,
    Whole,
    judge_end,
    judge_head,
    judge_loss,
    next_request,
    parse_content_range,
    parse_unsatisfied_range,
    recover_record,
    settlement,
)

GET = StoredRequest("http://a.test/", "GET", (), "cors")
POST = StoredRequest("http://a.test/", "POST", (), "cors")
OWN = StoredRequest("http://a.test/", "GET", (("range", "bytes=1-"),), "cors")


def head(status: int = 200, **headers: str) -> StoredHead:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return StoredHead(status, pairs, "http://a.test/")


def part(value: str, **headers: str) -> StoredHead:
    return head(206, content_range=value, **headers)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 5-9/10", ContentRange(5, 9, 10)),
        ("Bytes 5-9/10", ContentRange(5, 9, 10)),
        ("bytes 5-9/*", ContentRange(5, 9, None)),
        ("bytes 0-0/1", ContentRange(0, 0, 1)),
        ("bytes 0-9999999999999999998/*", ContentRange(0, 9999999999999999998, None)),
        ("bytes=5-9/10", None),
        ("bytes 5-9/9", None),
        ("bytes 5-4/10", None),
        ("bytes +5-9/10", None),
        ("bytes 5-9/10, bytes 5-9/10", None),
        ("bytes 1_0-19/20", None),
        ("bytes ٥-9/10", None),
        ("bytes 5-9/10\n", None),
        ("bytes " + "1" * 5000 + "-9/10", None),
        ("bytes */10", None),
        ("items 5-9/10", None),
        ("", None),
        (None, None),
    ],
)
def test_only_sound_content_ranges_are_read(value: str | None, expected: ContentRange) -> None:
    assert parse_content_range(value) == expected


def test_the_end_that_a_416_names_is_read() -> None:
    assert parse_unsatisfied_range("bytes */10") == 10
    assert parse_unsatisfied_range("bytes */*") is None
    assert parse_unsatisfied_range("bytes 0-9/10") is None


@pytest.mark.parametrize(
    ("request_", "stored", "expected"),
    [
        (GET, Stored(0, None), Ask(0)),
        (GET, Stored(5, head(etag='"v"')), Ask(5)),
        (GET, Stored(5, head(last_modified="then")), Ask(5)),
        (GET, Stored(5, head()), Ask(0)),
        (GET, Stored(5, head(etag='W/"v"')), Ask(0)),
        (GET, Stored(5, head(etag='"v"', content_length="10")), Ask(5)),
        (GET, Stored(10, head(content_length="10")), Whole()),
        (GET, Stored(5, part("bytes 0-4/10", etag='"v"')), Ask(5)),
        (GET, Stored(10, part("bytes 0-4/10")), Whole()),
        (GET, Stored(5, part("bytes 0-4/*", etag='"v"')), Ask(5)),
        (GET, Stored(5, head(503)), Ask(0)),
        (GET, Stored(5, head(content_encoding="gzip")), Ask(0)),
        (GET, Stored(5, head(content_encoding="gzip", content_length="5")), Ask(0)),
        (GET, Stored(5, head(etag='"v"', content_encoding="identity")), Ask(5)),
        (OWN, Stored(5, part("bytes 1-9/10")), Ask(0)),
        (POST, Stored(5, head()), Ask(0)),
    ],
)
def test_only_a_plain_prefix_is_continued(
    request_: StoredRequest, stored: Stored, expected: Ask | Whole
) -> None:
    assert next_request(request_, stored) == expected


FIVE = Stored(5, head(etag='"v1"'))


@pytest.mark.parametrize(
    ("start", "stored", "answer", "expected"),
    [
        (0, Stored(0, None), head(), Replace(None)),
        (0, Stored(0, None), head(404), Replace(None)),
        (0, Stored(0, None), part("bytes 0-4/10"), Replace(ContentRange(0, 4, 10))),
        (0, FIVE, part("bytes 0-4/10"), Replace(ContentRange(0, 4, 10))),
        (5, FIVE, part("bytes 5-9/10", etag='"v1"'), Join(ContentRange(5, 9, 10))),
        (5, FIVE, head(200), Replace(None)),
        (5, FIVE, head(503), Replace(None)),
        (5, FIVE, head(416, content_range="bytes */5"), Whole()),
        (5, FIVE, head(416, content_range="bytes */5", etag='"v1"'), Whole()),
        (5, FIVE, head(416, content_range="bytes */5", etag='"v2"'), Replace(None)),
        (5, FIVE, head(416, content_range="bytes */9"), Replace(None)),
        (0, Stored(0, None), head(416, content_range="bytes */0"), Replace(None)),
        (0, Stored(5, head()), head(416, content_range="bytes */5"), Replace(None)),
    ],
)
def test_answers_replace_join_or_complete(
    start: int, stored: Stored, answer: StoredHead, expected: object
) -> None:
    assert judge_head(GET, start, stored, answer) == expected


@pytest.mark.parametrize(
    ("start", "stored", "answer"),
    [
        (0, Stored(0, None), part("bytes 1-4/10")),
        (0, Stored(0, None), head(206)),
        (5, FIVE, part("bytes 4-9/10", etag='"v1"')),
        (5, FIVE, part("bytes 6-9/10", etag='"v1"')),
        (5, FIVE, part("bytes=5-9/10", etag='"v1"')),
        (5, FIVE, part("bytes 5-9/10", etag='"v2"')),
        (5, FIVE, part("bytes 5-9/10")),
        (5, FIVE, part("bytes 5-9/10", etag='"v1"', content_encoding="gzip")),
        (5, Stored(5, head(last_modified="then")), part("bytes 5-9/10", last_modified="now")),
        (5, Stored(5, head(content_length="11")), part("bytes 5-9/10")),
        (5, Stored(5, part("bytes 0-4/11")), part("bytes 5-9/10")),
    ],
)
def test_a_part_that_does_not_fit_is_refused(
    start: int, stored: Stored, answer: StoredHead
) -> None:
    assert isinstance(judge_head(GET, start, stored, answer), Refuse)


def test_a_part_that_does_not_begin_where_it_was_due_is_an_answer_to_a_request_for_it() -> None:
    answer = part("bytes 1-4/10")
    assert isinstance(judge_head(GET, 0, Stored(0, None), answer), Refuse)
    assert judge_head(OWN, 0, Stored(0, None), answer) == Replace(None)


@pytest.mark.parametrize(
    ("answer", "span", "got", "stored", "expected"),
    [
        (head(), None, 0, 0, Finish("success")),
        (head(404), None, 9, 9, Finish("bad-status")),
        (head(304), None, 0, 0, Finish("bad-status")),
        (head(206), ContentRange(5, 9, 10), 5, 10, Finish("success")),
        (head(206), ContentRange(5, 7, 10), 3, 8, Again()),
        (head(206), ContentRange(5, 9, 10), 3, 8, Again()),
        (head(206), ContentRange(5, 9, 10), 0, 5, Finish("fetch-error")),
        (head(206), ContentRange(5, 9, None), 5, 10, Finish("success")),
        (head(206), ContentRange(5, 9, None), 4, 9, Again()),
        (head(206), ContentRange(5, 9, None), 0, 5, Finish("fetch-error")),
    ],
)
def test_a_clean_end_finishes_or_asks_for_the_rest(
    answer: StoredHead, span: ContentRange | None, got: int, stored: int, expected: object
) -> None:
    assert judge_end(GET, answer, span, got, stored) == expected


def test_a_part_is_an_answer_to_a_post_if_it_is_all_there_is() -> None:
    for told, all_of_it in (("bytes 0-4/5", True), ("bytes 0-4/*", True), ("bytes 0-4/10", False)):
        verdict = judge_head(POST, 0, Stored(0, None), part(told))
        assert isinstance(verdict, Replace)
        end = Finish("success") if all_of_it else Finish("fetch-error")
        assert judge_end(POST, part(told), verdict.part, 5, 5) == end


@pytest.mark.parametrize(
    ("method", "policy", "online", "futile", "expected"),
    [
        ("GET", "offline-only", True, 0, Finish("fetch-error")),
        ("GET", "offline-only", False, 0, AwaitNetwork()),
        ("GET", "network-loss", False, 99, AwaitNetwork()),
        ("GET", "network-loss", True, 0, Again(1.0)),
        ("GET", "network-loss", True, 3, Again(8.0)),
        ("GET", "network-loss", True, 7, Again(60.0)),
        ("GET", "network-loss", True, 8, Finish("fetch-error")),
        ("POST", "network-loss", True, 0, Finish("fetch-error")),
        ("HEAD", "network-loss", False, 0, Finish("fetch-error")),
    ],
)
def test_a_loss_waits_retries_or_fails(
    method: str, policy: str, online: bool, futile: int, expected: object
) -> None:
    assert policy in ("offline-only", "network-loss")
    step = judge_loss(method, policy, online, futile, RetryPolicy())  # type: ignore[arg-type] # parametrized strings
    assert step == expected


def test_abort_goes_before_the_limit_and_the_limit_before_the_first_failure() -> None:
    assert settlement(True, True, "bad-status") == ("failure", "aborted")
    assert settlement(False, True, "bad-status") == ("failure", "download-total-exceeded")
    assert settlement(False, False, "bad-status") == ("failure", "bad-status")
    assert settlement(False, False, "") == ("success", "")


@pytest.mark.parametrize(
    ("method", "sent", "result", "length", "on_disk", "expected"),
    [
        ("GET", False, "", 10, 10, Recovered(10, "", True)),
        ("GET", False, "", 10, 20, Recovered(10, "", True)),
        ("GET", False, "", 10, 4, Recovered(4, "", True)),
        ("GET", False, "", 10, None, Recovered(0, "", False)),
        ("GET", False, "success", 10, 10, Recovered(10, "success", True)),
        ("GET", False, "success", 10, 4, Recovered(4, "", True)),
        ("GET", False, "aborted", 10, 4, Recovered(4, "aborted", True)),
        ("POST", False, "", 0, 0, Recovered(0, "", False)),
        ("POST", True, "", 0, 0, Recovered(0, "fetch-error", True)),
        ("POST", True, "success", 0, 0, Recovered(0, "success", True)),
    ],
)
def test_a_restart_trusts_durable_bytes_and_sends_nothing_twice(
    method: str, sent: bool, result: str, length: int, on_disk: int | None, expected: Recovered
) -> None:
    recovered = recover_record(method, sent, result, length, on_disk)  # type: ignore[arg-type] # as above
    assert recovered == expected
