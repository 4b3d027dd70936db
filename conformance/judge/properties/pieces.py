"""What a body was put together from, in words.

Every word of content names its resource, its version and where it belongs
(``conformance.world.content``).  A piece need not begin or end at a word, so the
words are looked for at each offset, and a piece goes on for as long as it is that content.
A byte in which two neighbours agree is counted to the first of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from conformance.world.content import PREFIX, WORD, content, prefix_of

MOST = 4
"""Pieces that are told; of more, that there are more."""


@attrs.frozen
class Piece:
    """Bytes [first, first + length) of a version of a resource; no key: of nothing known."""

    key: str
    version: int
    first: int
    length: int

    def __str__(self) -> str:
        if not self.key:
            return f"{self.length} bytes that no answer carried"
        last = self.first + self.length - 1
        return f"bytes {self.first}-{last} of version {self.version} of {self.key}"


def described(data: bytes, sent: Iterable[tuple[str, int]]) -> str:
    """The pieces of a body.  ``sent``: keys and versions that answers carried."""
    found = []
    for piece in pieces(data, sent):
        found.append(str(piece))
        if len(found) > MOST:
            found[MOST] = "..."
            break
    return ", ".join(found) or "nothing"


def pieces(data: bytes, sent: Iterable[tuple[str, int]]) -> Iterator[Piece]:
    """A body from its first byte to its last."""
    known = {prefix_of(key, version): (key, version) for key, version in sorted(set(sent))}
    at = strange = 0
    while at < len(data):
        piece = _longest_at(data, at, known)
        if piece is None:
            strange += 1
            at += 1
            continue
        if strange:
            yield Piece("", 0, 0, strange)
            strange = 0
        yield piece
        at += piece.length
    if strange:
        yield Piece("", 0, 0, strange)


def _longest_at(data: bytes, at: int, known: dict[bytes, tuple[str, int]]) -> Piece | None:
    """The longest piece that begins there, whose first whole word may begin a little later."""
    longest: Piece | None = None
    for ahead in range(WORD):
        word = data[at + ahead : at + ahead + WORD]
        source = known.get(word[:PREFIX])
        first = int.from_bytes(word[PREFIX:], "big") * WORD - ahead
        if len(word) < WORD or source is None or first < 0:
            continue
        rest = data[at:]
        length = _alike(rest, content(*source, first, len(rest)))
        if length and (longest is None or length > longest.length):
            longest = Piece(*source, first, length)
    return longest


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes at the beginning of two are the same."""
    if one == other:
        return len(one)
    return next(n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
