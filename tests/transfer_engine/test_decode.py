"""Content codings: bounded, single, complete."""

from __future__ import annotations

import gzip
import zlib

import pytest

from transfer_engine.decode import decoder_for
from transfer_engine.errors import PeerMisbehaved
from transfer_engine.messages import StoredHead


def head(coding: str) -> StoredHead:
    return StoredHead(200, (("content-encoding", coding),) if coding else (), "http://a.test/")


def decode(coding: str, data: bytes, pieces: int = 1, most: int = 16) -> bytes:
    decoder = decoder_for(head(coding))
    out = b""
    for at in range(0, len(data), pieces):
        decoder.feed(data[at : at + pieces])
        while (piece := decoder.take(most)) is not None:
            assert 0 < len(piece) <= most
            out += piece
    decoder.end()
    return out


TEXT = b"some text, some more text, " * 100


@pytest.mark.parametrize("pieces", [1, 100, 100_000])
def test_gzip_deflate_and_identity_decode_in_small_pieces(pieces: int) -> None:
    assert decode("gzip", gzip.compress(TEXT), pieces) == TEXT
    assert decode("X-Gzip", gzip.compress(TEXT), pieces) == TEXT
    assert decode("deflate", zlib.compress(TEXT), pieces) == TEXT
    assert decode("", TEXT, pieces) == TEXT
    assert decode("identity", TEXT, pieces) == TEXT


def test_several_members_and_padding_are_one_body() -> None:
    data = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0" * 8
    assert decode("gzip", data) == decode("gzip", data, 100) == b"one two"


def test_a_bomb_comes_out_in_bounded_pieces() -> None:
    decoder = decoder_for(head("gzip"))
    decoder.feed(gzip.compress(b"\0" * 5_000_000))
    piece = decoder.take(65536)
    assert piece is not None
    assert len(piece) == 65536


def test_stacked_broken_and_unfinished_codings_are_refused() -> None:
    with pytest.raises(PeerMisbehaved):
        decoder_for(head("gzip, gzip"))
    with pytest.raises(PeerMisbehaved):
        decode("gzip", b"this is not gzip")
    with pytest.raises(PeerMisbehaved):
        decode("gzip", gzip.compress(TEXT)[:-1])


def test_an_empty_body_may_claim_any_coding() -> None:
    assert decode("gzip", b"") == b""
