"""Realms and the registration objects in them (INSTANCE, UPDATE, MATCHALL).

A realm is a page or the worker: whoever shares objects.  In one realm a
background fetch has one object, whichever call gave it.  Objects show a
*snapshot* that is replaced as a whole, in one order for all realms, so none
ever goes back to an older state; once it shows a result only
``records_available`` still changes.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from transfer_engine.broadcast import Broadcast
from transfer_engine.errors import EngineClosed, RealmClosed, ScriptError
from transfer_engine.matching import matches, query_of
from transfer_engine.messages import (
    FetchOptions,
    QueryOptions,
    Reason,
    Request,
    Result,
    Snapshot,
)
from transfer_engine.records import Reading, Record
from transfer_engine.state import Job

if TYPE_CHECKING:  # the engine makes realms
    from transfer_engine.engine import Engine

log = logging.getLogger("transfer_engine")


class Registration:
    """One ``BackgroundFetchRegistration``; made by ``fetch``, ``get`` and events only."""

    def __init__(self, job: Job, engine: Engine, reading: Reading) -> None:
        self._job = job
        self._engine = engine
        self._reading = reading
        self._snapshot = job.snapshot()
        self._callbacks: list[Callable[[Registration], None]] = []
        self._changed = Broadcast()

    @property
    def snapshot(self) -> Snapshot:
        """All attributes at one instant."""
        return self._snapshot

    @property
    def id(self) -> str:
        """The id given to ``fetch()``."""
        return self._snapshot.id

    @property
    def upload_total(self) -> int:
        """Bytes of all request bodies."""
        return self._snapshot.upload_total

    @property
    def uploaded(self) -> int:
        """Bytes of request bodies sent, each counted once."""
        return self._snapshot.uploaded

    @property
    def download_total(self) -> int:
        """The limit given to ``fetch()`` in bytes, 0 for none."""
        return self._snapshot.download_total

    @property
    def downloaded(self) -> int:
        """Bytes stored; falls only when a record was restarted."""
        return self._snapshot.downloaded

    @property
    def result(self) -> Result:
        """Empty until settled."""
        return self._snapshot.result

    @property
    def failure_reason(self) -> Reason:
        """Empty unless ``result`` is ``failure``."""
        return self._snapshot.failure_reason

    @property
    def records_available(self) -> bool:
        """True until the settle event has ended."""
        return self._snapshot.records_available

    def on_progress(self, callback: Callable[[Registration], None]) -> Callable[[], None]:
        """Call back, in the engine's task, whenever the numbers or the result have changed.

        The last call shows the result.  Must not block; returns what takes it off again.
        """
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    def progress(self) -> Progress:
        """The attributes now and after each change, up to those that show the result.

        Whoever is slow gets the newest, not each one.  Raises EngineClosed when the engine
        ends before the background fetch has.
        """
        return Progress(self)

    async def abort(self) -> bool:
        """True, once, if this stops the fetch; false if it had settled or been aborted."""
        return await self._reading.mail.settled(self._engine._abort(self._job, "abort"))

    async def match(
        self, request: str | Request, options: QueryOptions = QueryOptions()
    ) -> Record | None:
        """The first of ``match_all``, or None."""
        found = await self.match_all(request, options)
        return found[0] if found else None

    async def match_all(
        self, request: str | Request | None = None, options: QueryOptions = QueryOptions()
    ) -> list[Record]:
        """New record objects in request order; without a request all of them.

        Raises ScriptError InvalidStateError once records are not available, TypeError for
        a bad URL, and EngineClosed.
        """
        return await self._reading.mail.settled(self._match_all(request, options))

    async def _match_all(
        self, request: str | Request | None, options: QueryOptions
    ) -> list[Record]:
        self._engine._check_open()
        if not (self._snapshot.records_available and self._job.available):
            raise ScriptError("InvalidStateError", "the records are no longer available")
        records = self._job.records
        if request is not None:
            query = query_of(request, self._engine.config.base_url)
            records = [r for r in records if matches(query, r.request, r.body.head, options)]
        return [Record(record, self._reading) for record in records]

    def _update(self, new: Snapshot) -> None:
        """UPDATE-6, synchronously."""
        old = self._snapshot
        if old.result:
            self._snapshot = attrs.evolve(old, records_available=new.records_available)
            return
        self._snapshot = new
        if new.records_available != old.records_available:
            old = attrs.evolve(old, records_available=new.records_available)
        if new != old:
            self._changed.fire()
            for callback in tuple(self._callbacks):
                try:
                    callback(self)
                except Exception:
                    # A page's listener must not stop the transfer that it listens to.
                    log.exception("a progress callback of %r failed", self.id)


class Progress:
    """An async iterator; there is nothing to close."""

    def __init__(self, registration: Registration) -> None:
        self._registration = registration
        self._seen: Snapshot | None = None

    def __aiter__(self) -> Progress:
        return self

    async def __anext__(self) -> Snapshot:
        registration, seen = self._registration, self._seen
        if seen is not None and seen.result:
            raise StopAsyncIteration
        await trio.lowlevel.checkpoint()
        while registration._snapshot is seen:
            registration._engine._check_open()
            await registration._changed.wait()
        self._seen = registration._snapshot
        return self._seen


class Realm:
    """A page, or the worker.

    Its program may be *busy*: then nothing reaches it, as nothing reaches a page whose
    script does not return to its event loop.
    """

    def __init__(self, name: str, engine: Engine, reading: Reading) -> None:
        self.name = name
        self.mail = reading.mail
        self._engine = engine
        self._reading = reading
        self._strong: dict[Job, Registration] = {}
        self._weak: weakref.WeakKeyDictionary[Job, weakref.ref[Registration]]
        self._weak = weakref.WeakKeyDictionary()

    async def fetch(
        self,
        id: str,
        requests: str | Request | Iterable[str | Request],
        options: FetchOptions = FetchOptions(),
    ) -> Registration:
        """Start a background fetch; see ``Engine.fetch``."""
        return await self.mail.settled(self._engine._fetch(self, id, requests, options))

    async def get(self, id: str) -> Registration | None:
        """The unsettled background fetch with this id, or None."""
        return await self.mail.settled(self._engine._get(self, id))

    async def get_ids(self) -> list[str]:
        """Ids of unsettled background fetches, oldest first."""
        return await self.mail.settled(self._engine._get_ids())

    def set_busy(self, busy: bool) -> None:
        """Let nothing reach this realm, or all that has waited, in its order.

        While it is busy its objects show what they showed, its calls are carried out but do
        not return, and, in the worker, no event is dispatched.  What waits is lost when the
        realm is closed (its calls raise RealmClosed); events are not, if the engine ends.
        """
        self.mail.set_busy(busy)

    def instance(self, job: Job) -> Registration:
        """INSTANCE: the object of this realm, made when first asked for."""
        found = self._strong.get(job)
        if found is None and (ref := self._weak.get(job)) is not None:
            found = ref()
        if found is None:
            found = Registration(job, self._engine, self._reading)
            if not job.released:
                self._strong[job] = found
                job.listeners.append(self._changed)
            self._weak[job] = weakref.ref(found)
        return found

    def _changed(self, job: Job) -> None:
        found = self._strong.get(job)
        if found is not None:
            snapshot = job.snapshot()
            if self.mail.free:
                found._update(snapshot)
            else:
                self.mail.post(partial(found._update, snapshot))
        if job.released:
            # From here on the object lives as long as somebody holds it.
            self._strong.pop(job, None)

    def wake(self) -> None:
        """The engine has ended: whoever waits for progress must look and see it."""
        for found in self._strong.values():
            found._changed.fire()
        self.mail.close(EngineClosed())

    def close(self) -> None:
        """The page is gone: its objects hear nothing any more."""
        for job in self._strong:
            job.listeners.remove(self._changed)
        self._strong.clear()
        self.mail.close(RealmClosed(self.name))
