"""Checksums of bodies at rest, so that damage is told and never handed out.

Most bodies leave the store soon after they are whole, and on the way to it TCP, TLS and the
server's length watch over them: a checksum then would cost every transfer and save none.
So nothing is summed while it comes.  A body that has been whole for ``seal_after`` seconds
and is still there, waiting for its siblings or for its handler, is *sealed*: summed in the
background, one at a time, and the sum is noted with its row.  After a restart a sealed body
is summed again before its first byte is given away.

What was whole for less than that when the process ended has no seal; its length is checked,
as every body's is.  CRC-32 tells of accidents: a bad disk, a careless hand.  Whoever means
to forge a body in the store may as well forge its row; what a file must be from end to end,
``bgfetch download --checksum`` knows.
"""

from __future__ import annotations

import zlib
from collections import deque

import attrs
import trio

from transfer_engine.body_disk import BodyDisk
from transfer_engine.broadcast import Broadcast
from transfer_engine.errors import ScriptError, StoreFailed
from transfer_engine.logs import log
from transfer_engine.messages import EXPOSABLE
from transfer_engine.state import Body, Job, RecordState
from transfer_engine.store import Offload, Store

STEP = 4 << 20
MOST_AT_ONCE = 64


async def checksum(run: Offload, disk: BodyDisk, name: str, length: int) -> int | None:
    """Of the first ``length`` bytes of a body; None if it has fewer.  Raises StoreFailed."""
    total, at = 0, 0
    while at < length:
        try:
            total, got = await run(_add, disk, name, at, length, total)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreFailed(error.strerror or str(error)) from error
        if not got:
            return None
        at += got
    return total


def _add(disk: BodyDisk, name: str, at: int, length: int, total: int) -> tuple[int, int]:
    data = disk.read(name, at, min(STEP, length - at))
    return zlib.crc32(data, total), len(data)


async def check(store: Store, body: Body) -> None:
    """Nothing, unless a sealed body is from before a restart and has been looked at by nobody.

    Raises ScriptError TypeError for a damaged one, and for one that cannot be read.
    """
    if not body.suspect:
        return
    try:
        found = await checksum(store.run, store.disk, body.name, body.length)
    except StoreFailed as error:
        raise ScriptError("TypeError", str(error)) from error
    if found != body.seal:
        log.error("the body %s is damaged", body.name)
        raise ScriptError("TypeError", f"the stored body {body.name} is damaged: fetch it again")
    body.suspect = False


@attrs.define(eq=False)
class Sealer:
    """Seals what stays.  ``after``: seconds; None: nothing is ever sealed."""

    store: Store
    after: float | None
    _whole: deque[tuple[float, Job, RecordState]] = attrs.field(factory=deque)
    _more: Broadcast = attrs.field(factory=Broadcast)

    def whole(self, job: Job, record: RecordState) -> None:
        """This record is final."""
        if self.after is not None and record.body.result in EXPOSABLE and record.body.length:
            self._whole.append((trio.current_time() + self.after, job, record))
            self._more.fire()

    async def run(self) -> None:
        """For ever."""
        while True:
            while not self._whole:
                await self._more.wait()
            if _left(*self._whole[0][1:]):
                await trio.sleep_until(self._whole[0][0])
            await self._seal_some()

    async def _seal_some(self) -> None:
        """A few of those that are due, with one commit; what cannot be read gets no seal."""
        sealed: list[tuple[Job, RecordState]] = []
        now = trio.current_time()
        while self._whole and len(sealed) < MOST_AT_ONCE:
            due, job, record = self._whole[0]
            body = record.body
            if due > now and _left(job, record):
                break
            self._whole.popleft()
            if _left(job, record):
                found = await self._sum(body)
                if found is not None and record.body is body:
                    body.seal = found
                    sealed.append((job, record))
        rows = [job.record_row(record) for job, record in sealed if not job.released]
        if rows:
            await self.store.commit(*rows)

    async def _sum(self, body: Body) -> int | None:
        try:
            return await checksum(self.store.run, self.store.disk, body.name, body.length)
        except StoreFailed as error:
            log.warning("the body %s could not be sealed: %s", body.name, error)
            return None


def _left(job: Job, record: RecordState) -> bool:
    return not job.released and record.body.seal is None
