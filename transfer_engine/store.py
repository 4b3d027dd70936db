"""The engine's one way to the disk: body calls, group commits, names, and what counts as used.

Group commit: whoever gets the lock writes everything that waits, in the order in
which it was handed in, so a thousand records that finish together cost one
commit.  The order inside a commit is the promise of ``journal``: bodies are
synced first, rows second, files are deleted last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import attrs
import trio

from transfer_engine.body_disk import BodyDisk, body_name, body_number
from transfer_engine.errors import EngineClosed
from transfer_engine.journal import Image, JobRow, Journal, RecordRow

T = TypeVar("T")


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
    """Journal and bodies of one engine."""

    journal: Journal
    disk: BodyDisk
    offload: Offload
    closed: bool = False
    _batch: _Batch = attrs.field(factory=_Batch)
    _lock: trio.Lock = attrs.field(factory=trio.Lock)
    _next: int = 1

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
        return image, {name: n for name, n in lengths.items() if name in named}

    async def create(self) -> str:
        """A new empty body's name.  Raises StoreFull."""
        name, self._next = body_name(self._next), self._next + 1
        await self._call(self.disk.create, name)
        return name

    async def append(self, name: str, data: bytes) -> None:
        """All or nothing.  Raises StoreFull."""
        await self._call(self.disk.append, name, data)

    async def read(self, name: str, offset: int, most: int) -> bytes:
        """A slice of a body."""
        return await self._call(self.disk.read, name, offset, most)

    async def truncate(self, name: str, length: int) -> None:
        """Cut a body."""
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
            self._batch = _Batch()
            with trio.CancelScope(shield=True):  # a batch is written whole or by nobody
                await self.offload(self._write, mine)
            mine.done = True

    def _write(self, batch: _Batch) -> None:
        doomed = set(batch.deletions)
        for name in batch.bodies:
            if name not in doomed:
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
            self.disk.delete(name)

    async def close(self) -> None:
        """Let go of journal and disk; nothing is committed."""
        self.closed = True
        with trio.CancelScope(shield=True):
            async with self._lock:
                await self.offload(self.journal.close)
                await self.offload(self.disk.close)
