"""Ranges that lie: a second answer that must not be joined to the first as it stands.

The first answer is 200 with ten bytes announced and five sent; the second is the lie.
"""

from __future__ import annotations

import gzip

import pytest

from tests.transfer_engine.hostile.world import cuts, meet

TEN = b"0123456789"
FIRST = b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 10\r\n\r\n01234'


def partial(content_range: str | None, body: bytes, extra: str = 'ETag: "v1"\r\n') -> bytes:
    said = "" if content_range is None else f"Content-Range: {content_range}\r\n"
    head = f"HTTP/1.1 206 Part\r\n{extra}{said}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def status(code: int, extra: str, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {code} So\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode() + body


TAG = 'ETag: "v1"\r\n'
PARTS = "Content-Type: multipart/byteranges; boundary=x\r\n"

REFUSED = [
    ("overlaps what is stored", partial("bytes 3-9/10", TEN[3:])),
    ("starts from 0 again", partial("bytes 0-9/10", TEN)),
    ("starts later", partial("bytes 6-9/10", TEN[6:])),
    ("ends beyond the total", partial("bytes 5-10/10", TEN[5:])),
    ("ends before it starts", partial("bytes 5-4/10", b"")),
    ("has no Content-Range", partial(None, TEN[5:])),
    ("has two", partial("bytes 5-9/10\r\nContent-Range: bytes 5-9/10", TEN[5:])),
    ("has another total", partial("bytes 5-9/11", TEN[5:])),
    ("counts no bytes", partial("lines 5-9/10", TEN[5:])),
    ("has a sign", partial("bytes +5-9/10", TEN[5:])),
    ("has an underscore", partial("bytes 5-9/1_0", TEN[5:])),
    ("has 5,000 digits", partial(f"bytes 5-9/1{'0' * 5000}", TEN[5:])),
    ("has foreign digits", partial("bytes 5-9/10", TEN[5:]).replace(b"5-9", "５-9".encode())),
    ("is of another version", partial("bytes 5-9/10", TEN[5:], 'ETag: "v2"\r\n')),
    ("has lost its validator", partial("bytes 5-9/10", TEN[5:], "")),
    (
        "is encoded",
        partial("bytes 5-9/10", gzip.compress(TEN[5:]), TAG + "Content-Encoding: gzip\r\n"),
    ),
    ("is in several parts", partial(None, TEN[5:], TAG + PARTS)),
    ("brings more than it says", partial("bytes 5-7/10", TEN[5:])),
    ("brings one byte more than it says", partial("bytes 5-8/10", TEN[5:])),
]


@pytest.mark.parametrize("second", [row[1] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_206_that_cannot_be_joined_fails_and_joins_nothing(second: bytes) -> None:
    met = meet(FIRST, second, unavailability="network-loss")
    assert met.reason == "fetch-error"
    assert len(met.asked) == 2
    assert b"range: bytes=5-\r\n" in met.asked[1]
    assert met.records == ["TypeError"]


def test_a_206_that_fits_is_joined_wherever_it_is_cut() -> None:
    for pieces in cuts(partial("bytes 5-9/10", TEN[5:])):
        met = meet(FIRST, pieces, unavailability="network-loss")
        assert (met.reason, met.records) == ("", [(200, TEN)])


def test_a_206_without_a_total_is_joined_and_ends_with_its_span() -> None:
    met = meet(FIRST, partial("bytes 5-9/*", TEN[5:]), unavailability="network-loss")
    assert (met.reason, met.records) == ("", [(200, TEN)])


def test_a_short_206_is_asked_for_the_rest() -> None:
    met = meet(
        FIRST,
        partial("bytes 5-6/10", TEN[5:7]),
        partial("bytes 7-9/10", TEN[7:]),
        unavailability="network-loss",
    )
    assert (met.reason, met.records, len(met.asked)) == ("", [(200, TEN)], 3)


def test_a_200_to_a_range_starts_anew_and_appends_nothing() -> None:
    met = meet(FIRST, status(200, 'ETag: "v2"\r\n', b"fresh"), unavailability="network-loss")
    assert (met.reason, met.records) == ("", [(200, b"fresh")])


@pytest.mark.parametrize(
    ("content_range", "expected"),
    [
        ("Content-Range: bytes */5\r\n", ("", [(200, b"01234")])),
        ("Content-Range: bytes */4\r\n", ("bad-status", [(416, b"")])),
        ("Content-Range: bytes */6\r\n", ("bad-status", [(416, b"")])),
        ("Content-Range: bytes */x\r\n", ("bad-status", [(416, b"")])),
        ("", ("bad-status", [(416, b"")])),
    ],
)
def test_a_416_is_the_end_only_if_it_names_what_is_stored(
    content_range: str, expected: tuple[str, list[tuple[int, bytes]]]
) -> None:
    unknown = b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n'
    met = meet(unknown, status(416, content_range), unavailability="network-loss")
    assert (met.reason, met.records) == expected


@pytest.mark.parametrize("validator", ['ETag: W/"v1"\r\n', ""])
def test_without_a_strong_validator_nothing_is_resumed(validator: str) -> None:
    first = f"HTTP/1.1 200 OK\r\n{validator}Content-Length: 10\r\n\r\n01234".encode()
    met = meet(first, status(200, "", TEN), unavailability="network-loss")
    assert (met.reason, met.records) == ("", [(200, TEN)])
    assert b"range:" not in met.asked[1].lower().replace(b"accept-range", b"")


def test_a_206_that_nobody_asked_for_is_no_whole_answer() -> None:
    assert meet(partial("bytes 3-9/10", TEN[3:])).reason == "fetch-error"
    assert meet(partial(None, TEN)).reason == "fetch-error"


def test_endless_parts_without_a_byte_end() -> None:
    met = meet(FIRST, partial("bytes 5-9/10", b""), unavailability="network-loss")
    assert met.reason == "fetch-error"
    assert len(met.asked) < 20
