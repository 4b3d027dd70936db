"""The engine's one way to the disk: body calls, group commits, names, and what counts as used.

Group commit: whoever finds nobody writing writes everything that waits, in the order in
which it was handed in, so a thousand records that finish together cost one commit; all
others sleep until that has ended, and wake together, once.  Whoever counts bytes in a row
*hardens* the body before (``harden``), and a commit deletes files last: that order is the
promise of ``journal``.

*When the disk fails.*  A commit that finds no room takes what is kept for it (``spare``), and
the journal is sparing from then on.  If that is not enough it waits for room: nothing is told
before it is durable, and what is not told costs nobody anything.  What it was to write stays
first in line, since a row must never overtake an older one of the same record; its turn it
gives back.  Who can still refuse (``patient=False``) does neither: it is told StoreFull, and
nothing of it is kept.  If no room comes for ``ROOM_PATIENCE`` the engine ends with
StoreUnusable, as it does at once by any other failure of the journal.

A body whose sync has failed is *spoilt*: the kernel may now take for written what is not,
and a second sync would say so.  Therefore it stays spoilt, whatever later syncs say, until
it has been cut back to what was good (``truncate``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar

import attrs
import trio

from transfer_engine.body_disk import BodyDisk, blame, body_name, body_number
from transfer_engine.errors import EngineClosed, StoreFailed, StoreFull, StoreUnusable
from transfer_engine.journal import Image, JobRow, Journal, RecordRow
from transfer_engine.logs import log
from transfer_engine.pump import STEP

T = TypeVar("T")


MOST_QUICK = 256
ROOM_WAIT = (0.1, 5.0)
ROOM_PATIENCE = 60.0  # seconds that commits wait for room, all together
SENDING = 0.020  # seconds that a thread may send before it is asked whether to go on


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
    """What waits; ``upto`` counts all that was ever handed in."""

    changes: list[Change] = attrs.field(factory=list)
    deletions: list[str] = attrs.field(factory=list)
    upto: int = 0


@attrs.define(eq=False)
class Drought:
    """Since when there is no room to commit in, and ``until`` when nobody looks again.

    Times are trio's.  Whoever waits looks at the same moment as all others, and only one of
    them tries.
    """

    since: float | None = None
    pause: float = ROOM_WAIT[0]
    until: float = float("-inf")

    @property
    def lasts(self) -> bool:
        """Whether it is too early to look for room."""
        return trio.current_time() < self.until

    def find_none(self, error: StoreFull) -> None:
        """Wait longer than before.  Raises StoreUnusable once that is too long."""
        now = trio.current_time()
        if self.since is None:
            self.since = now
            log.warning("no room to commit: the engine waits for some")
        if now - self.since >= ROOM_PATIENCE:
            raise StoreUnusable(
                "the journal",
                f"the disk is full, and no room came for {ROOM_PATIENCE:.0f} seconds",
                "make some and start again: what was promised is kept",
            ) from error
        self.until = now + self.pause
        self.pause = min(2 * self.pause, ROOM_WAIT[1])


@attrs.define(eq=False)
class Store:
    """Journal and bodies of one engine.

    ``quick``: a commit waits for no disk, so a small one is done here: a thread would take
    turns with this one at the interpreter's lock, and cost more than it saves.
    ``patient``: a commit waits for room; not at the end, when whoever waits keeps others.
    """

    journal: Journal
    disk: BodyDisk
    offload: Offload
    quick: bool = False
    closed: bool = False
    patient: bool = True
    _waiting: _Batch = attrs.field(factory=_Batch)
    _written: int = 0
    _spoilt: dict[str, StoreFull | StoreFailed] = attrs.field(factory=dict)
    _hardening: trio.Lock = attrs.field(factory=trio.Lock)
    _writing: trio.Event | None = None
    _drought: Drought = attrs.field(factory=Drought)
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
            await trio.lowlevel.checkpoint_if_cancelled()  # a small one keeps nobody waiting
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
        """A descriptor to append with, where bodies are files.

        Raises StoreFull, StoreFailed, EngineClosed.
        """
        if self.closed:
            raise EngineClosed()
        if not self.disk.files:
            return None
        if name not in self._made:
            self.disk.create(name)
            self._made.add(name)
        try:
            return self.disk.open(name, append=True)
        except OSError as error:
            raise blame(error, 0) from error

    def check_room(self) -> None:
        """Raises StoreFull while no body may grow."""
        self.disk.check_room(0)

    def sendfile(self, name: str) -> Callable[[int, int], Awaitable[int]] | None:
        """See ``Upload.sendfile``; None where bodies are not files."""
        if not self.disk.files:
            return None

        async def send(socket: int, offset: int) -> int:
            return await self._call(self._sendfile, name, socket, offset)

        return send

    def _sendfile(self, name: str, socket: int, offset: int) -> int:
        """As much as the socket takes in one turn.

        Raises BlockingIOError if that is nothing, and StoreFailed.
        """
        try:
            fd = self.disk.open(name)
        except OSError as error:
            raise StoreFailed(error.strerror or str(error)) from error
        sent, deadline = 0, time.monotonic() + SENDING
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
        """A slice of a body.  Raises FileNotFoundError, StoreFailed."""
        if name not in self._made:
            return b""
        try:
            return await self._call(self.disk.read, name, offset, most)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreFailed(error.strerror or str(error)) from error

    async def truncate(self, name: str, length: int) -> None:
        """Cut a body; what is left of it is good.  Raises StoreUnusable."""
        if name in self._made:
            try:
                await self._call(self.disk.truncate, name, length)
            except OSError as error:
                raise StoreUnusable(f"the body {name}", str(error)) from error
        self._spoilt.pop(name, None)

    async def harden(self, names: Iterable[str]) -> dict[str, StoreFull | StoreFailed]:
        """Sync these bodies as far as they are written now; which could not be, and why.

        What failed stays so until it is truncated to what was hardened before.
        """
        if self.closed:
            raise EngineClosed()
        if self.quick:
            return {}  # the kernel has it already
        async with self._hardening:
            wanted = [name for name in names if name in self._made]
            for name in wanted:
                try:
                    await self._call(self.disk.sync, name)
                except OSError as error:
                    self._spoilt[name] = blame(error, 0)
                    log.error("a sync of the body %s failed: %s", name, error)
            return {name: self._spoilt[name] for name in wanted if name in self._spoilt}

    async def recovered(self) -> None:
        """The recovery is over.  Raises StoreUnusable."""
        try:
            await self._call(self.disk.recovered)
        except OSError as error:
            raise StoreUnusable("the store", str(error)) from error

    async def _call(self, fn: Callable[..., T], *args: object) -> T:
        if self.closed:
            raise EngineClosed()
        return await self.offload(fn, *args)

    async def commit(
        self, *changes: Change, delete: Iterable[str] = (), patient: bool = True
    ) -> None:
        """Return when these changes are durable.  Raises EngineClosed after a kill.

        Bodies in ``delete`` are removed after.  If the caller is cancelled while it waits for
        its turn, the changes go with the next commit.  Raises StoreFull if not ``patient``,
        and StoreUnusable.
        """
        self._check_open()
        waiting = self._waiting
        waiting.changes.extend(changes)
        waiting.deletions.extend(delete)
        waiting.upto += 1
        mine = waiting.upto
        try:
            await self._write_until(mine, patient)
        except BaseException:
            if not patient:
                self._take_back(changes)
            raise

    async def _write_until(self, mine: int, patient: bool) -> None:
        while self._written < mine:
            waits = patient and self.patient
            if self._writing is not None:
                await self._writing.wait()  # mostly it has taken this along
                self._check_open()
            elif waits and self._drought.lasts:
                await trio.sleep_until(self._drought.until)
                self._check_open()
            else:
                ended = self._writing = trio.Event()
                try:
                    await self._write_in_turn(patient, waits)
                finally:
                    self._writing = None
                    ended.set()

    async def _write_in_turn(self, patient: bool, waits: bool) -> None:
        try:
            await self._write_all()
            self._drought = Drought()
        except StoreFull as error:
            if patient and await self.offload(self._make_room):
                return  # whoever looks first tries again
            if not waits:
                raise
            self._drought.find_none(error)

    def _make_room(self) -> bool:
        self.journal.save_room()
        return self.disk.make_room()

    def _check_open(self) -> None:
        if self.closed:
            raise EngineClosed()

    async def _write_all(self) -> None:
        """Commit all that waits, or keep it waiting."""
        quick = self.quick and len(self._waiting.changes) <= MOST_QUICK
        if quick:
            await trio.lowlevel.checkpoint()  # whoever is done, too, comes along
            self._check_open()
        batch, self._waiting = self._waiting, _Batch(upto=self._waiting.upto)
        try:
            if quick:
                self._write(batch)
            else:
                with trio.CancelScope(shield=True):  # a batch is written whole or by nobody
                    await self.offload(self._write, batch)
        except BaseException:
            newer = self._waiting
            newer.changes[:0] = batch.changes
            newer.deletions[:0] = batch.deletions
            raise
        self._written = batch.upto

    def _take_back(self, changes: tuple[Change, ...]) -> None:
        # A deletion stays wanted: it undoes what may have been written, and asks for no room.
        refused = {id(change) for change in changes if not isinstance(change, DeleteJob)}
        kept = [change for change in self._waiting.changes if id(change) not in refused]
        self._waiting.changes[:] = kept

    def _write(self, batch: _Batch) -> None:
        try:
            for change in batch.changes:
                if isinstance(change, JobRow):
                    self.journal.put_job(change)
                elif isinstance(change, RecordRow):
                    self.journal.put_record(change)
                else:
                    self.journal.delete_job(change.key)
            self.journal.commit()
        except BaseException:
            self.journal.rollback()
            raise
        for name in batch.deletions:
            if name in self._made:
                self._made.discard(name)
                try:
                    self.disk.delete(name)
                except OSError as error:
                    log.warning("the body %s stays until the next start: %s", name, error)

    async def close(self) -> None:
        """Let go of journal and disk; nothing is committed."""
        self.closed = True
        with trio.CancelScope(shield=True):
            while self._writing is not None:
                await self._writing.wait()
            try:
                await self.offload(self.journal.close)
            finally:
                await self.offload(self.disk.close)
