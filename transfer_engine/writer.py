"""The sink of one attempt: every limit is asked before a byte is stored.

The limits are the span that a 206 announced, ``downloadTotal`` and the quota.  What is
admitted counts at once, before it is on the disk, so two records cannot both use the
same room (E21).

``append`` admits what has arrived, exactly.  ``reserve`` admits what may arrive, and
``fill`` gives back what did not.  While anything is reserved a refusal would be
premature: then ``append`` waits until it has been given back, and asks again.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import attrs

from transfer_engine.body_disk import blame
from transfer_engine.errors import PeerMisbehaved, StoreFull, TotalExceeded
from transfer_engine.plan import ContentRange
from transfer_engine.pump import FIRST, Turned
from transfer_engine.state import Job, Meter, RecordState
from transfer_engine.store import Store


@attrs.define(eq=False)
class Writer:
    """``got``: bytes of this answer so far."""

    store: Store
    meter: Meter
    grew: Callable[[Job, RecordState], None]
    job: Job
    record: RecordState
    part: ContentRange | None
    got: int = 0
    _file: int | None = None

    async def append(self, data: bytes) -> None:
        """See Sink.  Raises PeerMisbehaved, TotalExceeded or StoreFull."""
        length = len(data)
        while (refusal := self._refusal(length)) is not None:
            if isinstance(refusal, PeerMisbehaved) or not self.meter.reserved:
                raise refusal
            await self.meter.given_back.wait()
        self._admit(length)
        stored = 0
        try:
            small = self.got + length <= FIRST
            await self.store.append(self.record.body.name, data, small=small)
            stored = length
        finally:
            self._settle(length, stored)

    def reserve(self, wanted: int) -> int:
        """See Sink."""
        if self._refusal(wanted) is not None:
            return 0
        try:
            self._fd()
            self.store.check_room()
        except StoreFull:
            return 0  # ``append`` will meet it again, and say so
        if self._file is None:
            return 0
        self._admit(wanted)
        self.meter.reserved += wanted
        return wanted

    async def fill(self, reserved: int, turn: Callable[[int], Turned]) -> Turned:
        """See Sink.  Raises StoreFull."""
        fd, before, stored = self._file, self.record.body.length, 0
        assert fd is not None  # something was reserved
        try:
            turned = await self.store.run(turn, fd)
            stored = turned.stored
            return turned
        except OSError as error:
            # How much of the turn is in the file only the file knows.
            stored = os.fstat(fd).st_size - before
            raise blame(error, reserved) from error
        finally:
            self.meter.reserved -= reserved
            self._settle(reserved, stored)
            self.meter.given_back.fire()

    def _fd(self) -> None:
        if self._file is None:
            self._file = self.store.open_append(self.record.body.name)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _refusal(self, more: int) -> PeerMisbehaved | TotalExceeded | StoreFull | None:
        if self.part is not None and self.got + more > self.part.span:
            return PeerMisbehaved(f"more than the {self.part.span} bytes of its Content-Range")
        limit = self.job.download_total
        if limit and self.job.admitted + more > limit:
            return TotalExceeded(limit)
        return None if self.meter.fits(more) else StoreFull(more)

    def _admit(self, length: int) -> None:
        self.meter.responses += length
        self.job.pending += length

    def _settle(self, admitted: int, stored: int) -> None:
        """So much of what was admitted is on the disk; the rest is admitted no more."""
        self.job.pending -= admitted
        self.meter.responses -= admitted - stored
        if stored:
            self.got += stored
            self.job.grow(self.record.body, stored)
            if self.record.body.length > self.record.furthest:
                # Bytes that a restart brings again are no progress.
                self.record.furthest, self.record.futile = self.record.body.length, 0
            self.record.touch()
            self.job.publish()
            self.grew(self.job, self.record)
