"""Moves bytes from a connection to a body, and decides nothing.

The plain pump receives bytes and appends them.  It does for everything: any stream, any
coding, any disk, any limit.

The fast pump does the same for the common case, a counted body without a content coding
from a socket (or TLS over one) to a file:

* the first ``FIRST`` bytes of a body are read and written in trio's thread: a small body
  is done before a worker thread could begin.  A write of that size goes to the page
  cache and costs less than the hop;
* what follows moves in a worker thread, in *turns*: until the connection has nothing
  for ``DRY``, or ``TURN`` has passed, or the reserved bytes are used up.  ``TURN`` is how old
  the numbers can be; a thread costs a wake-up, which on a busy machine is milliseconds,
  so turns are long.  At level ``power`` they are short, since only what has been counted
  can be made durable.  A pause does not wait for one: the task that is cancelled raises a
  flag, and the thread looks at it between two steps and every ``LOOK``.  Within a turn
  bytes go from a plain socket to the file by ``splice``, through a pipe and past this
  program; from TLS they go through one buffer, all records that have come at once.

A turn's bytes are stored before anybody can count them, so the room for them is
*reserved* before: what the sink does not reserve, it gets by the plain way, and its
limits stay exact.
"""

from __future__ import annotations

import fcntl
import os
import select
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

import attrs
import trio

from transfer_engine.errors import Interrupted, TransferError
from transfer_engine.link import Direct

FIRST = 262144
STEP = 1 << 20
MOST_IN_TURN = 256 << 20
TURN, SHORT_TURN = 0.100, 0.030
DRY = 0.050
LOOK = 0.005


@attrs.frozen(eq=False)
class Straight:
    """The rest of a body, ``left`` bytes, as it stands on a connection.

    ``took(count)`` tells the source what was read past it; ``readable()`` waits for more
    within the time limits.
    """

    link: Direct
    left: int
    took: Callable[[int], None]
    readable: Callable[[], Awaitable[None]]


class Source(Protocol):
    """Where body bytes come from."""

    async def receive(self, most: int) -> bytes:
        """At least one and at most ``most`` bytes; empty at the end.  Raises TransferError."""
        ...

    def straight(self) -> Straight | None:
        """Past this object, if what is left of the body can be had so."""
        ...


class Sink(Protocol):
    """Where body bytes go."""

    async def append(self, data: bytes) -> None:
        """All of it or nothing.  Raises TransferError, which ends the transfer."""
        ...

    def reserve(self, wanted: int) -> int:
        """Room for so many bytes, or 0: then only ``append`` can tell what fits."""
        ...

    async def fill(self, reserved: int, turn: Callable[[int], Turned]) -> Turned:
        """Run ``turn(fd)`` where it may block, count what it stored, give the rest back."""
        ...


class Pump(Protocol):
    """The seam: another pump may use other system calls, never other rules."""

    async def __call__(self, source: Source, sink: Sink, most: int, /) -> int:
        """Move one batch of at most ``most`` bytes; how many it was, 0 at the end.

        The fast pump's batches are longer where nobody holds them.
        """
        ...


async def pump(source: Source, sink: Sink, most: int) -> int:
    """The plain pump: receive, append."""
    data = await source.receive(most)
    if data:
        await sink.append(data)
    return len(data)


@attrs.frozen
class Turned:
    """What a turn did: bytes ``stored``, and why it ended, if not for time or room."""

    stored: int
    dry: bool = False
    ended: bool = False
    failure: OSError | None = None


@attrs.define(eq=False)
class FastPump:
    """One engine's fast pump; ``calls`` counts batches by the way they went."""

    turn: float = TURN
    calls: dict[str, int] = attrs.field(factory=lambda: {"plain": 0, "first": 0, "turn": 0})
    _scratch: memoryview = attrs.field(factory=lambda: memoryview(bytearray(FIRST)))
    _pipes: list[Pipe] = attrs.field(factory=list)
    _buffers: list[memoryview] = attrs.field(factory=list)

    async def __call__(self, source: Source, sink: Sink, most: int, /) -> int:
        """See Pump."""
        straight = source.straight()
        if straight is None:
            self.calls["plain"] += 1
            return await pump(source, sink, most)
        reserved = sink.reserve(min(straight.left, MOST_IN_TURN)) if straight.left > FIRST else 0
        if reserved:
            self.calls["turn"] += 1
            return await self._turn(straight, sink, reserved)
        self.calls["first"] += 1
        return await self._first(straight, sink, most)

    async def _first(self, straight: Straight, sink: Sink, most: int) -> int:
        view = self._scratch[: min(most, straight.left)]
        while True:
            try:
                count = straight.link.read_into(view)
                break
            except BlockingIOError:
                await straight.readable()
            except OSError as error:
                raise Interrupted(str(error)) from error
        if not count:
            raise Interrupted(f"the connection was closed, {straight.left} bytes were due")
        straight.took(count)
        # A copy: the sink may wait, and meanwhile the scratch is another body's.
        await sink.append(bytes(view[:count]))
        return count

    async def _turn(self, straight: Straight, sink: Sink, reserved: int) -> int:
        mover, stop = self._mover(straight.link), Stop()
        refused: TransferError | None = None
        turned = Turned(0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop.when_cancelled)
            try:
                turned = await sink.fill(reserved, lambda fd: mover(fd, reserved, stop))
            except TransferError as error:
                refused = error  # raised below, outside the nursery, so that it stays itself
            nursery.cancel_scope.cancel()
        if refused is not None:
            raise refused
        straight.took(turned.stored)
        if turned.failure is not None:
            raise Interrupted(str(turned.failure)) from turned.failure
        if turned.ended:
            raise Interrupted(f"the connection was closed, {straight.left} bytes were due")
        if turned.dry:
            await straight.readable()
        return max(turned.stored, 1)

    def _mover(self, link: Direct) -> Callable[[int, int, Stop], Turned]:
        socket = link.splice_from
        if socket is None:
            return partial(self._copied, link)
        return partial(self._spliced, socket)

    # --- in a worker thread -----------------------------------------------------------

    def _spliced(self, socket: int, fd: int, most: int, stop: Stop) -> Turned:
        pipe = self._pipes.pop() if self._pipes else Pipe()
        deadline, stored = time.monotonic() + self.turn, 0
        try:
            while stored < most and not stop.asked and time.monotonic() < deadline:
                try:
                    count = os.splice(socket, pipe.write_end, min(STEP, most - stored))
                except BlockingIOError:
                    if not _wait(socket, stop):
                        return Turned(stored, dry=True)
                    continue
                except OSError as error:
                    return Turned(stored, failure=error)
                if not count:
                    return Turned(stored, ended=True)
                stored += pipe.empty_into(fd, count)
            return Turned(stored)
        finally:
            if pipe.empty and len(self._pipes) < 4:
                self._pipes.append(pipe)
            else:
                pipe.close()

    def _copied(self, link: Direct, fd: int, most: int, stop: Stop) -> Turned:
        buffer = self._buffers.pop() if self._buffers else memoryview(bytearray(STEP))
        deadline, stored = time.monotonic() + self.turn, 0
        try:
            while stored < most and not stop.asked and time.monotonic() < deadline:
                try:
                    count = link.read_into(buffer[: most - stored])
                except BlockingIOError:
                    if not _wait(link.waits_for, stop):
                        return Turned(stored, dry=True)
                    continue
                except OSError as error:
                    return Turned(stored, failure=error)
                if not count:
                    return Turned(stored, ended=True)
                written = 0
                while written < count:
                    written += os.write(fd, buffer[written:count])
                stored += count
            return Turned(stored)
        finally:
            if len(self._buffers) < 4:
                self._buffers.append(buffer)


class Pipe:
    """Pages on their way from a socket to a file."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.empty = True
        try:
            fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, STEP)
        except OSError:
            pass  # others use all pages that pipes may have: a small one is slower, no less right

    def empty_into(self, fd: int, count: int) -> int:
        """Write so many bytes to a file; raises OSError, and then the pipe is of no more use."""
        self.empty = False
        left = count
        while left:
            left -= os.splice(self._read_end, fd, left)
        self.empty = True
        return count

    def close(self) -> None:
        """Let go of both ends."""
        os.close(self._read_end)
        os.close(self.write_end)


class Stop:
    """Raised for a thread by the task that waits for it."""

    asked = False

    async def when_cancelled(self) -> None:
        """Wait for the task's end, whatever brings it."""
        try:
            await trio.sleep_forever()
        finally:
            self.asked = True


def _wait(socket: int, stop: Stop) -> bool:
    """Whether a socket has something within ``DRY``."""
    poll, deadline = select.poll(), time.monotonic() + DRY
    poll.register(socket, select.POLLIN)
    while not stop.asked and time.monotonic() < deadline:
        if poll.poll(LOOK * 1000):
            return True
    return False
