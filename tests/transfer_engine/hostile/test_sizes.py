"""Sizes: heads, headers and bodies that are too large, with memory bounded all the while."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from tests.transfer_engine.hostile.world import MOST_HELD, OK, meet


def endless(first: bytes, piece: bytes, times: int) -> Iterator[bytes]:
    yield first
    for _ in range(times):
        yield piece


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
        OK + b"X: y\r\n" * 300 + b"Content-Length: 0\r\n\r\n",
        OK + b"X" * 70_000 + b": y\r\n\r\n",
        b"HTTP/1.1 200 " + b"O" * 70_000 + b"\r\n\r\n",
        (b"HTTP/1.1 103 Hint\r\nX: " + b"y" * 20_000 + b"\r\n\r\n") * 8 + OK + b"\r\n",
    ],
    ids=["a long value", "many fields", "a long name", "a long reason", "long 1xx together"],
)
def test_a_head_that_is_too_large_is_refused(answer: bytes) -> None:
    assert meet(answer).reason == "fetch-error"


def test_an_endless_head_is_given_up_early_and_not_kept() -> None:
    tracemalloc.start()
    met = meet(endless(OK, b"X: " + b"y" * 30_000 + b"\r\n", 1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert met.reason == "fetch-error"
    assert met.written < 1 << 20
    assert peak < MOST_HELD


@pytest.mark.parametrize("head", [b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"])
def test_a_body_larger_than_the_quota_stops_at_it(head: bytes) -> None:
    piece = b"x" * 65536
    said = b"10000\r\n" + piece + b"\r\n" if b"chunked" in head else piece
    met = meet(endless(OK + head, said, 1000), quota=1 << 20)
    assert met.reason == "quota-exceeded"
    assert met.written < 3 << 20


def test_a_chunk_extension_without_end_is_given_up() -> None:
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n5;a="
    met = meet(endless(head, b"z" * 65536, 1000))
    assert met.reason == "fetch-error"
    assert met.written < 1 << 20


def test_a_trailer_without_end_is_given_up() -> None:
    head = OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n"
    met = meet(endless(head, b"X: " + b"z" * 65000 + b"\r\n", 1000))
    assert met.reason == "fetch-error"
    assert met.written < 1 << 20


def test_a_redirects_body_is_not_read() -> None:
    moved = b"HTTP/1.1 302 Go\r\nLocation: /y\r\nContent-Length: 99999999\r\n\r\n"
    met = meet(endless(moved, b"x" * 65536, 1000), OK + b"Content-Length: 2\r\n\r\nok")
    assert (met.reason, met.records) == ("", [(200, b"ok")])
    assert met.written < 1 << 20
