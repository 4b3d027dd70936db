"""Content codings, with bounded output: a small answer must not become a large one in memory.

The engine always asks for ``identity``, since only identity can be resumed.  A
server that sends gzip or deflate all the same is understood; more than one
coding on top of another is refused, and an unknown one is passed on as it is.

What comes out of one step is bounded by the caller; what comes out of a whole body by
``Expansion``.  An answer that swells beyond it is an attack or a mistake, and ends.
"""

from __future__ import annotations

import zlib
from typing import Protocol

import attrs

from transfer_engine.errors import PeerMisbehaved
from transfer_engine.messages import StoredHead


@attrs.frozen
class Expansion:
    """How far a body may swell: ``total`` bytes, and beyond ``free`` bytes ``ratio`` times."""

    ratio: int = 250
    free: int = 16 << 20
    total: int = 1 << 36


class Decoder(Protocol):
    """Feed bytes, then take pieces of at most ``most`` bytes until None comes."""

    def feed(self, data: bytes) -> None:
        """Encoded bytes from the wire."""
        ...

    def take(self, most: int) -> bytes | None:
        """Decoded bytes, or None when more must be fed.  Raises PeerMisbehaved."""
        ...

    def end(self) -> None:
        """The wire has ended.  Raises PeerMisbehaved if that cannot be."""
        ...


class Identity:
    """No coding."""

    def __init__(self) -> None:
        self._held = b""

    @property
    def holds(self) -> bool:
        """Whether there are bytes to take."""
        return bool(self._held)

    def feed(self, data: bytes) -> None:
        """See Decoder."""
        self._held = self._held + data if self._held else data

    def take(self, most: int) -> bytes | None:
        """See Decoder."""
        if len(self._held) <= most:  # the usual case, without a copy
            taken, self._held = self._held, b""
        else:
            taken, self._held = self._held[:most], self._held[most:]
        return taken or None

    def end(self) -> None:
        """See Decoder."""


class Inflate:
    """gzip (one or more members) or deflate."""

    def __init__(self, wbits: int, expansion: Expansion = Expansion()) -> None:
        self._wbits = wbits
        self._expansion = expansion
        self._in = self._out = 0
        self._inflate = zlib.decompressobj(wbits)
        self._held = b""
        self._begun = False

    def feed(self, data: bytes) -> None:
        """See Decoder."""
        self._held += data
        self._in += len(data)
        self._begun = True

    def take(self, most: int) -> bytes | None:
        """See Decoder."""
        while True:
            if self._inflate.eof:
                rest = self._held.lstrip(b"\0")  # zero padding after a member is allowed
                if not rest:
                    self._held = b""
                    return None
                self._held, self._inflate = rest, zlib.decompressobj(self._wbits)
            try:
                out = self._inflate.decompress(self._held, most)
            except zlib.error as error:
                raise PeerMisbehaved(f"the content coding is broken: {error}") from None
            before = len(self._held)
            ended = self._inflate.eof
            self._held = self._inflate.unused_data if ended else self._inflate.unconsumed_tail
            if out:
                self._count(len(out))
                return out
            if not self._held or (not ended and len(self._held) == before):
                return None

    def _count(self, length: int) -> None:
        self._out += length
        bounds = self._expansion
        if self._out > bounds.total or self._out > max(bounds.free, bounds.ratio * self._in):
            raise PeerMisbehaved(f"{self._in} encoded bytes became more than {self._out - length}")

    def end(self) -> None:
        """See Decoder."""
        if self._begun and not self._inflate.eof:
            raise PeerMisbehaved("the encoded body stops in the middle")


def decoder_for(head: StoredHead, expansion: Expansion = Expansion()) -> Decoder:
    """The decoder for an answer.  Raises PeerMisbehaved for stacked codings."""
    named = head.get("content-encoding")
    if named is None:
        return Identity()
    codings = [c.strip().lower() for c in named.split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > 1:
        raise PeerMisbehaved(f"{len(codings)} content codings on top of one another")
    if codings in (["gzip"], ["x-gzip"]):
        return Inflate(31, expansion)
    if codings == ["deflate"]:
        return Inflate(15, expansion)
    return Identity()
