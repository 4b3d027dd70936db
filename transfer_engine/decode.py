"""Content codings, with bounded output: a small answer must not become a large one in memory.

The engine always asks for ``identity``, since only identity can be resumed.  A
server that sends gzip or deflate all the same is understood; more than one
coding on top of another is refused, and an unknown one is passed on as it is.
"""

from __future__ import annotations

import zlib
from typing import Protocol

from transfer_engine.errors import PeerMisbehaved
from transfer_engine.messages import StoredHead


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

    def feed(self, data: bytes) -> None:
        """See Decoder."""
        self._held = self._held + data if self._held else data

    def take(self, most: int) -> bytes | None:
        """See Decoder."""
        taken, self._held = self._held[:most], self._held[most:]
        return taken or None

    def end(self) -> None:
        """See Decoder."""


class Inflate:
    """gzip (one or more members) or deflate."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._inflate = zlib.decompressobj(wbits)
        self._held = b""
        self._begun = False

    def feed(self, data: bytes) -> None:
        """See Decoder."""
        self._held += data
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
                return out
            if not self._held or (not ended and len(self._held) == before):
                return None

    def end(self) -> None:
        """See Decoder."""
        if self._begun and not self._inflate.eof:
            raise PeerMisbehaved("the encoded body stops in the middle")


def decoder_for(head: StoredHead) -> Decoder:
    """The decoder for an answer.  Raises PeerMisbehaved for stacked codings."""
    codings = [c.strip().lower() for c in (head.get("content-encoding") or "").split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > 1:
        raise PeerMisbehaved(f"{len(codings)} content codings on top of one another")
    if codings in (["gzip"], ["x-gzip"]):
        return Inflate(31)
    if codings == ["deflate"]:
        return Inflate(15)
    return Identity()
