"""The live state of one background fetch, and who is told when it changes.

One writer: everything here is changed between two awaits of trio's one thread,
so a check and the change that relies on it are one step.  A ``Body`` is what
the specification calls response data: the stored prefix of *one* answer.  A
restart gives a record a new ``Body`` and makes the old one redundant; a reader
holds the body that it has begun to read.

``Body.result`` is written once.  Whoever stops a job says so in ``Job.stop``;
each record's own task then draws the consequence for itself.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Literal

import attrs
import trio

from transfer_engine.broadcast import Broadcast
from transfer_engine.errors import StoreFailed, StoreFull
from transfer_engine.journal import JobRow, RecordRow
from transfer_engine.messages import (
    Icon,
    Reason,
    RecordResult,
    Result,
    Snapshot,
    StoredHead,
    StoredRequest,
)
from transfer_engine.plan import Stored

Stop = Literal["", "abort", "total", "unregister"]


@attrs.define(eq=False)
class Meter:
    """Body bytes kept by one engine, against its quota.

    ``reserved``: bytes within ``responses`` that may yet be given back.
    """

    quota: int | None
    requests: int = 0
    responses: int = 0
    reserved: int = 0
    given_back: Broadcast = attrs.field(factory=Broadcast)

    def fits(self, more: int) -> bool:
        """Whether so many more bytes are within the quota."""
        return self.quota is None or self.requests + self.responses + more <= self.quota

    @property
    def available(self) -> int | None:
        """Bytes left, None for no limit."""
        if self.quota is None:
            return None
        return max(0, self.quota - self.requests - self.responses)


@attrs.define(eq=False)
class Body:
    """Stored bytes of one answer; ``durable`` of them are hardened: those a row may count.

    ``seal``: the checksum of a final body that has one; ``suspect``: it is from before a
    restart, and nobody has compared it yet.
    """

    name: str
    length: int = 0
    head: StoredHead | None = None
    result: RecordResult = ""
    redundant: bool = False
    released: bool = False
    durable: int = 0
    seal: int | None = None
    suspect: bool = False
    changed: Broadcast = attrs.field(factory=Broadcast)
    _readers: weakref.WeakSet[object] | None = None

    @property
    def held(self) -> bool:
        """Whether anybody reads it."""
        return bool(self._readers)

    @property
    def readers(self) -> weakref.WeakSet[object]:
        """Who holds the body; made when first asked for, since most bodies are never read."""
        if self._readers is None:
            self._readers = weakref.WeakSet()
        return self._readers

    @property
    def stored(self) -> Stored:
        """For decisions."""
        return Stored(self.length, self.head)


@attrs.define(eq=False)
class RecordState:
    """One record.  ``scope`` is the running attempt's; cancelling it seals the attempt.

    ``why``: what the last attempt met, for people.
    ``futile``: attempts in a row that have not come further than ``furthest`` bytes.
    """

    index: int
    request: StoredRequest
    request_body: str | None
    request_length: int
    body: Body
    uploaded: int = 0
    sent: bool = False
    why: str = ""
    futile: int = 0
    furthest: int = 0
    scope: trio.CancelScope | None = None
    spoilt: StoreFull | StoreFailed | None = None
    _watchers: weakref.WeakSet[Watcher] | None = None

    def watch(self, watcher: Watcher) -> None:
        """Tell it of everything from now on, for as long as it lives."""
        if self._watchers is None:
            self._watchers = weakref.WeakSet()
        self._watchers.add(watcher)

    def touch(self) -> None:
        """The body got bytes, a head, or a result: tell readers and record objects."""
        for watcher in tuple(self._watchers or ()):
            watcher.look()
        self.body.changed.fire()


class Watcher:
    """A record object that must notice the first head or the result when it happens."""

    def look(self) -> None:
        """Look at the record now."""
        raise NotImplementedError


@attrs.define(eq=False)
class Job:
    """One background fetch.

    ``stored`` and ``uploaded`` are sums over the records, kept as they change: a job may
    have ten thousand.  ``pending``: body bytes admitted, on their way to the disk.
    ``trouble``: what the last attempt met, as long as it is only made again; for people.
    """

    key: int
    id: str
    title: str
    icons: tuple[Icon, ...]
    download_total: int
    upload_total: int
    records: list[RecordState]
    paused: bool = False
    awaiting: bool = False
    stop: Stop = ""
    failure: Reason = ""
    result: Result = ""
    reason: Reason = ""
    available: bool = True
    dispatched: bool = False
    released: bool = False
    final_downloaded: int = 0
    trouble: str = ""
    pending: int = 0
    stored: int = attrs.field(init=False)
    uploaded: int = attrs.field(init=False)
    gate: Broadcast = attrs.field(factory=Broadcast)
    listeners: list[Callable[[Job], None]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.stored = sum(record.body.length for record in self.records)
        self.uploaded = sum(record.uploaded for record in self.records)

    @property
    def downloaded(self) -> int:
        """STORED: bytes in the current bodies; the last sum once they are released."""
        if self.released:
            return self.final_downloaded
        return self.stored

    @property
    def admitted(self) -> int:
        """Stored bytes and those on their way to the disk."""
        return self.downloaded + self.pending

    def grow(self, body: Body, count: int) -> None:
        """A current body has so many more bytes."""
        body.length += count
        self.stored += count

    def shrink(self, body: Body, length: int) -> int:
        """A current body is cut to so many bytes; how many it loses."""
        lost = body.length - length
        body.length = length
        self.stored -= lost
        return lost

    def replace(self, record: RecordState, fresh: Body) -> None:
        """A record gets a new body; the old one counts no more."""
        self.stored += fresh.length - record.body.length
        record.body = fresh

    def sent(self, record: RecordState, total: int) -> None:
        """So many bytes of a record's request body have been sent."""
        self.uploaded += total - record.uploaded
        record.uploaded = total

    @property
    def all_get(self) -> bool:
        """Only such a job may be paused by the user (DISPLAY-8)."""
        return all(record.request.method == "GET" for record in self.records)

    def snapshot(self) -> Snapshot:
        """What a registration object created now shows."""
        return Snapshot(
            id=self.id,
            upload_total=self.upload_total,
            uploaded=self.uploaded,
            download_total=self.download_total,
            downloaded=self.downloaded,
            result=self.result,
            failure_reason=self.reason,
            records_available=self.available,
        )

    def publish(self) -> None:
        """UPDATE: every registration object looks now; none can see an older state later."""
        for listener in tuple(self.listeners):
            listener(self)

    def interrupt(self) -> None:
        """Seal all running attempts: their tasks look at the flags again."""
        for record in self.records:
            if record.scope is not None:
                record.scope.cancel()
        self.gate.fire()

    def row(self) -> JobRow:
        """For the journal."""
        return JobRow(
            key=self.key,
            id=self.id,
            title=self.title,
            icons=self.icons,
            download_total=self.download_total,
            upload_total=self.upload_total,
            paused=self.paused,
            awaiting=self.awaiting,
            aborted=self.stop in ("abort", "unregister"),
            failure=self.failure,
            result=self.result,
            reason=self.reason,
        )

    def record_row(self, record: RecordState) -> RecordRow:
        """For the journal."""
        return RecordRow(
            job=self.key,
            index=record.index,
            request=record.request,
            request_body=record.request_body,
            request_length=record.request_length,
            body=record.body.name,
            length=record.body.durable,
            head=record.body.head,
            result=record.body.result,
            sent=record.sent,
            uploaded=record.uploaded,
            seal=record.body.seal,
        )
