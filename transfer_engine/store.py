"""The engine's one way to the disk: body calls, group commits, names, and what counts as used.

Group commit: whoever gets the lock writes everything that waits, in the order in
which it was handed in, so a thousand records that finish together cost one
commit.  The order inside a commit is the promise of ``journal``: bodies are
synced first, rows second, files are deleted last.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

import attrs
import trio

from transfer_engine.body_disk import BodyDisk, body_name, body_number
from transfer_engine.errors import EngineClosed
from transfer_engine.journal import Image, JobRow, Journal, RecordRow
from transfer_engine.pump import STEP, TURN

T = TypeVar("T")


MOST_QUICK = 256


class Offload(Protocol):
    """Runs a blocking function: in a thread, or inline in simulation."""

    async def __call__(self, fn: Callable[..., T], /, *args: object) -> T:
        """``fn(*args)``; must not be abandoned half way when cancelled."""
        ...


async def offload_to_thread(fn: Callable[..., T], *args: object) -> T:
    """Run it in one of trio's worker threads."""
    return await trio.to_thread.run_sync(fn, *args)


@attrs.frozen
class DeleteJob:
    """A change: forget a job and its records."""

    key: int


Change = JobRow | RecordRow | DeleteJob


@attrs.define(eq=False)
class _Batch:
    changes: list[Change] = attrs.field(factory=list)
    bodies: dict[str, None] = attrs.field(factory=dict)
    deletions: list[str] = attrs.field(factory=list)
    done: bool = False


@attrs.define(eq=False)
class Store:
    """Journal and bodies of one engine.

    ``quick``: a commit waits for no disk, so a small one is done here: a thread would take
    turns with this one at the interpreter's lock, and cost more than it saves.
    """

    journal: Journal
    disk: BodyDisk
    offload: Offload
    quick: bool = False
    closed: bool = False
    _batch: _Batch = attrs.field(factory=_Batch)
    _lock: trio.Lock = attrs.field(factory=trio.Lock)
    _next: int = 1
    _made: set[str] = attrs.field(factory=set)

    async def load(self) -> tuple[Image, dict[str, int]]:
        """Committed rows and the lengths of all bodies; bodies of no row are swept."""
        image = await self.offload(self.journal.load)
        lengths = await self.offload(self.disk.lengths)
        named = {row.body for row in image.records}
        named |= {row.request_body for row in image.records if row.request_body}
        numbers = [body_number(name) or 0 for name in {*lengths, *named}]
        self._next = max(numbers, default=0) + 1
        for orphan in sorted(lengths.keys() - named):
            await self.offload(self.disk.delete, orphan)
        self._made = lengths.keys() & named
        return image, {name: n for name, n in lengths.items() if name in named}

    def create(self) -> str:
        """A new empty body's name.  It has a file from its first byte on."""
        name, self._next = body_name(self._next), self._next + 1
        return name

    async def append(self, name: str, data: bytes, *, small: bool = False) -> None:
        """All or nothing.  Raises StoreFull.  ``small``: rather here than in a thread."""
        if small and self.offload is offload_to_thread:
            await trio.lowlevel.checkpoint()
            if self.closed:
                raise EngineClosed()
            self._append(name, data)
        else:
            await self._call(self._append, name, data)

    def _append(self, name: str, data: bytes) -> None:
        if name in self._made:
            self.disk.append(name, data)
        else:
            self.disk.create(name, data)
            self._made.add(name)

    def open_append(self, name: str) -> int | None:
        """A descriptor to append with, where bodies are files.  Raises StoreFull, EngineClosed."""
        if self.closed:
            raise EngineClosed()
        if not self.disk.files:
            return None
        if name not in self._made:
            self.disk.create(name)
            self._made.add(name)
        return self.disk.open(name, append=True)

    def sendfile(self, name: str) -> Callable[[int, int], Awaitable[int]] | None:
        """See ``Upload.sendfile``; None where bodies are not files."""
        if not self.disk.files:
            return None

        async def send(socket: int, offset: int) -> int:
            return await self._call(self._sendfile, name, socket, offset)

        return send

    def _sendfile(self, name: str, socket: int, offset: int) -> int:
        """As much as the socket takes in one turn.  Raises BlockingIOError if that is nothing."""
        fd, sent, deadline = self.disk.open(name), 0, time.monotonic() + TURN
        try:
            while time.monotonic() < deadline:
                count = os.sendfile(socket, fd, offset + sent, STEP)
                if not count:
                    break
                sent += count
        except BlockingIOError:
            if not sent:
                raise
        finally:
            os.close(fd)
        return sent

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        """Where it may block."""
        return await self._call(fn, *args)

    async def read(self, name: str, offset: int, most: int) -> bytes:
        """A slice of a body."""
        if name not in self._made:
            return b""
        return await self._call(self.disk.read, name, offset, most)

    async def truncate(self, name: str, length: int) -> None:
        """Cut a body."""
        if name in self._made:
            await self._call(self.disk.truncate, name, length)

    async def _call(self, fn: Callable[..., T], *args: object) -> T:
        if self.closed:
            raise EngineClosed()
        return await self.offload(fn, *args)

    async def commit(
        self, *changes: Change, bodies: Iterable[str] = (), delete: Iterable[str] = ()
    ) -> None:
        """Return when these changes are durable.  Raises EngineClosed after a kill.

        ``bodies`` are synced before, ``delete`` removed after.  If the caller is
        cancelled while it waits for its turn, the changes go with the next commit.
        """
        if self.closed:
            raise EngineClosed()
        mine = self._batch
        mine.changes.extend(changes)
        mine.bodies.update(dict.fromkeys(bodies))
        mine.deletions.extend(delete)
        async with self._lock:
            if mine.done:
                return
            if self.closed:
                raise EngineClosed()
            if self.quick and len(mine.changes) <= MOST_QUICK:
                await trio.lowlevel.checkpoint()  # whoever is done, too, comes along
                if self.closed:
                    raise EngineClosed()
                self._batch = _Batch()
                self._write(mine)
            else:
                self._batch = _Batch()
                with trio.CancelScope(shield=True):  # a batch is written whole or by nobody
                    await self.offload(self._write, mine)
            mine.done = True

    def _write(self, batch: _Batch) -> None:
        doomed = set(batch.deletions)
        for name in batch.bodies:
            if name not in doomed and name in self._made:
                self.disk.sync(name)
        for change in batch.changes:
            if isinstance(change, JobRow):
                self.journal.put_job(change)
            elif isinstance(change, RecordRow):
                self.journal.put_record(change)
            else:
                self.journal.delete_job(change.key)
        self.journal.commit()
        for name in batch.deletions:
            if name in self._made:
                self.disk.delete(name)
                self._made.discard(name)

    async def close(self) -> None:
        """Let go of journal and disk; nothing is committed."""
        self.closed = True
        with trio.CancelScope(shield=True):
            async with self._lock:
                await self.offload(self.journal.close)
                await self.offload(self.disk.close)
