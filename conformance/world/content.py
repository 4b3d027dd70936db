"""Content that names itself.

Every 8 bytes of a resource are one word: the version (1 byte), a tag of the
resource's key (2 bytes) and the word's index (5 bytes, big-endian).  Whatever
mixture of versions, offsets or resources an implementation stores can so be
read back from the bytes alone.
"""

from __future__ import annotations

import gzip
import zlib

WORD = 8
PREFIX = 3
"""Bytes of a word that name the version and the resource."""


def tag_of(key: str) -> int:
    """16 bits that stand for a resource key."""
    return zlib.crc32(key.encode()) & 0xFFFF


def prefix_of(key: str, version: int) -> bytes:
    """What each word of one version of a resource begins with."""
    return bytes([version]) + tag_of(key).to_bytes(2, "big")


def content(key: str, version: int, first: int, length: int) -> bytes:
    """Bytes [first, first + length) of one version of a resource."""
    if length <= 0:
        return b""
    start = first // WORD
    stop = (first + length - 1) // WORD + 1
    prefix = prefix_of(key, version)
    words = b"".join(prefix + index.to_bytes(5, "big") for index in range(start, stop))
    return words[first - start * WORD : first - start * WORD + length]


def encode_gzip(body: bytes) -> bytes:
    """The same bytes every time: no time stamp in the gzip header."""
    return gzip.compress(body, mtime=0)


def request_body(length: int) -> str:
    """The text of a request body of so many bytes."""
    return ("bgfetch-" * (length // 8 + 1))[:length]
