"""Moves bytes from a connection to a body, and decides nothing."""

from __future__ import annotations

from typing import Protocol


class Source(Protocol):
    """Where body bytes come from."""

    async def receive(self, most: int) -> bytes:
        """At least one and at most ``most`` bytes; empty at the end.  Raises TransferError."""
        ...


class Sink(Protocol):
    """Where body bytes go."""

    async def append(self, data: bytes) -> None:
        """All of it or nothing.  Raises TransferError, which ends the transfer."""
        ...


class Pump(Protocol):
    """The seam: another pump may use other system calls, never other rules."""

    async def __call__(self, source: Source, sink: Sink, most: int, /) -> int:
        """Move one batch of at most ``most`` bytes; how many it was, 0 at the end."""
        ...


async def pump(source: Source, sink: Sink, most: int) -> int:
    """The plain pump: receive, append."""
    data = await source.receive(most)
    if data:
        await sink.append(data)
    return len(data)
