"""Bodies that swell: bounded in each step, in ratio, in total, and in codings on top of codings."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from tests.transfer_engine.hostile.world import MOST_HELD, OK, cuts, hear, meet, run
from transfer_engine import Expansion


def encoded(coding: str, body: bytes) -> bytes:
    head = f"Content-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return OK + head.encode() + body


BOMB = gzip.compress(bytes(64 << 20))


def test_a_bomb_is_stopped_by_its_ratio_with_little_in_memory() -> None:
    answer = encoded("gzip", BOMB)
    tracemalloc.start()
    try:
        met = meet(answer, expansion=Expansion(ratio=100, free=1 << 20), quota=8 << 20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert met.reason == "fetch-error"
    # What had been stored by then is in memory here, for the disk is simulated.
    assert peak < (8 << 20) + 2 * MOST_HELD


def test_a_bomb_is_stopped_by_the_total() -> None:
    assert meet(encoded("gzip", BOMB), expansion=Expansion(total=1 << 20)).reason == "fetch-error"


def test_a_bomb_is_stopped_by_the_quota() -> None:
    assert meet(encoded("gzip", BOMB), quota=1 << 20).reason == "quota-exceeded"


def test_what_merely_compresses_well_is_taken() -> None:
    met = meet(encoded("gzip", gzip.compress(bytes(4 << 20))))
    assert met.reason == ""
    assert met.records == [(200, bytes(4 << 20))]


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip,deflate", ", ".join(["gzip"] * 50)])
def test_codings_on_top_of_one_another_are_refused(coding: str) -> None:
    assert meet(encoded(coding, gzip.compress(gzip.compress(b"hello")))).reason == "fetch-error"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"hello"),
        ("gzip", gzip.compress(b"hello")[:-4]),
        ("gzip", gzip.compress(b"hello")[:-8] + bytes(8)),
        ("gzip", gzip.compress(b"hello") + b"garbage"),
        ("deflate", zlib.compress(b"hello")[:-1]),
        ("deflate", b"\xff" * 20),
    ],
    ids=["no gzip", "cut short", "wrong sum", "garbage behind", "deflate cut", "no deflate"],
)
def test_a_broken_coding_is_an_error_and_never_a_shorter_body(coding: str, body: bytes) -> None:
    assert meet(encoded(coding, body)).reason == "fetch-error"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("x-gzip", gzip.compress(b"hel") + gzip.compress(b"lo")),
        ("deflate", zlib.compress(b"hello")),
        ("GZIP", gzip.compress(b"hello") + bytes(12)),
    ],
    ids=["gzip", "two members", "deflate", "padded"],
)
def test_a_sound_coding_is_decoded_wherever_it_is_cut(coding: str, body: bytes) -> None:
    async def main() -> None:
        for cut in cuts(encoded(coding, body)):
            assert await hear(cut) == (200, b"hello", "end")

    run(main)
