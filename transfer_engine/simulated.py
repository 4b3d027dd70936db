"""Seams for simulation: a journal and a disk in memory that can be crashed, and offload inline.

The rules of a kill are those of the real ones at their most forgetful: an
uncommitted transaction is gone, a body falls back to its last synced length,
and a body that was never synced is gone altogether.  Nothing here starts a
thread or touches a file, so an engine on these seams runs under a mock clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import attrs
import trio

from transfer_engine.errors import StoreFull
from transfer_engine.journal import Image, JobRow, RecordRow

P = ParamSpec("P")
T = TypeVar("T")


async def offload_inline(fn: Callable[..., T], *args: object) -> T:
    """Run it here, after a checkpoint: the same places to be cancelled as with a thread."""
    await trio.lowlevel.checkpoint()
    return fn(*args)


@attrs.define
class _Rows:
    jobs: dict[int, JobRow] = attrs.field(factory=dict)
    records: dict[tuple[int, int], RecordRow] = attrs.field(factory=dict)

    def copy(self) -> _Rows:
        return _Rows(dict(self.jobs), dict(self.records))


class SimulatedJournal:
    """A journal in memory.  It outlives engines: open the next one on the same object."""

    def __init__(self) -> None:
        self._durable = _Rows()
        self._open = _Rows()
        self.commits = 0

    def load(self) -> Image:
        """See Journal."""
        jobs = tuple(self._durable.jobs[key] for key in sorted(self._durable.jobs))
        records = self._durable.records
        return Image(jobs, tuple(records[key] for key in sorted(records)))

    def put_job(self, row: JobRow) -> None:
        """See Journal."""
        self._open.jobs[row.key] = row

    def put_record(self, row: RecordRow) -> None:
        """See Journal."""
        if row.job not in self._open.jobs:
            raise ValueError("a record without its job")
        self._open.records[row.job, row.index] = row

    def delete_job(self, key: int) -> None:
        """See Journal."""
        self._open.jobs.pop(key, None)
        for place in [place for place in self._open.records if place[0] == key]:
            del self._open.records[place]

    def commit(self) -> None:
        """See Journal."""
        self._durable = self._open.copy()
        self.commits += 1

    def rollback(self) -> None:
        """See Journal."""
        self._open = self._durable.copy()

    def save_room(self) -> None:
        """See Journal."""

    def close(self) -> None:
        """See Journal."""
        self.rollback()

    def crash(self) -> None:
        """A kill: what was not committed is lost.  Call it once the engine's block has ended."""
        self.rollback()


class SimulatedBodyDisk:
    """Bodies in memory.  ``capacity`` in bytes: appending beyond it raises StoreFull."""

    files = False

    def __init__(self, capacity: int | None = None) -> None:
        self._bodies: dict[str, bytearray] = {}
        self._synced: dict[str, int] = {}
        self.capacity = capacity

    def trusted(self, name: str, counted: int) -> int:
        """See BodyDisk: the last owner's tail is gone."""
        return counted

    def open(self, name: str, *, append: bool = False) -> int:
        """See BodyDisk."""
        raise NotImplementedError("bodies in memory have no descriptors")

    def create(self, name: str, data: bytes = b"") -> None:
        """See BodyDisk."""
        if name in self._bodies:
            raise FileExistsError(name)
        self._check(len(data))
        self._bodies[name] = bytearray(data)

    def append(self, name: str, data: bytes) -> None:
        """See BodyDisk."""
        self._check(len(data))
        self._bodies[name] += data

    def _check(self, more: int) -> None:
        used = sum(map(len, self._bodies.values()))
        if self.capacity is not None and used + more > self.capacity:
            raise StoreFull(more)

    def read(self, name: str, offset: int, most: int) -> bytes:
        """See BodyDisk."""
        if name not in self._bodies:
            raise FileNotFoundError(name)
        return bytes(self._bodies[name][offset : offset + most])

    def sync(self, name: str) -> None:
        """See BodyDisk."""
        self._synced[name] = len(self._bodies[name])

    def truncate(self, name: str, length: int) -> None:
        """See BodyDisk."""
        del self._bodies[name][length:]
        self._synced[name] = len(self._bodies[name])

    def delete(self, name: str) -> None:
        """See BodyDisk."""
        self._bodies.pop(name, None)
        self._synced.pop(name, None)

    def lengths(self) -> dict[str, int]:
        """See BodyDisk."""
        return {name: len(body) for name, body in self._bodies.items()}

    def recovered(self) -> None:
        """See BodyDisk: a crash here is always forgetful."""

    def make_room(self) -> bool:
        """See BodyDisk: memory keeps nothing back."""
        return False

    def check_room(self, wanted: int) -> None:
        """See BodyDisk."""

    def close(self) -> None:
        """See BodyDisk."""

    def crash(self, keep: Callable[[str, int, int], int] | None = None) -> None:
        """A kill: each body falls back to its last synced length.

        ``keep(name, synced, written)`` may choose another length between the two
        (what the page cache saved); never-synced bodies then count as synced at 0.
        """
        for name in list(self._bodies):
            synced, written = self._synced.get(name, 0), len(self._bodies[name])
            chosen = synced if keep is None else keep(name, synced, written)
            length = min(written, max(synced, chosen))
            if length == 0 and name not in self._synced:
                self.delete(name)
            else:
                self.truncate(name, length)
