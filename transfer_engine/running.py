"""The life of background fetches after fetch() has admitted them (PERFORM), in one engine.

``active`` is the specification's map of active background fetches: whoever
removes a job from it decides how it ends.  abort() that finds it there answers
true and the job will end ``aborted``; settlement that finds it there decides by
the records.  Nothing waits while it holds the map, so neither a slow worker nor
a slow upload can block anybody else (E09, E60).
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import trio

from transfer_engine.broadcast import Broadcast
from transfer_engine.config import EngineConfig
from transfer_engine.events import BackgroundFetchEvent, BackgroundFetchUpdateUIEvent
from transfer_engine.instances import Realm
from transfer_engine.journal import RecordRow
from transfer_engine.lane import Lane
from transfer_engine.plan import settlement
from transfer_engine.state import Body, Job, Meter, RecordState, Stop
from transfer_engine.store import DeleteJob, Store
from transfer_engine.transfer import RecordTransfer, Shared
from transfer_engine.urls import origin_of

MOST_AT_STAKE = 32 << 20
"""Bytes of one body: so many that are not durable do not wait for the interval's end."""


@attrs.define(eq=False)
class Runner:
    """All jobs of one engine, from admission to release."""

    config: EngineConfig
    store: Store
    meter: Meter
    nursery: trio.Nursery
    shared: Shared
    worker: Realm
    active: dict[str, Job] = attrs.field(factory=dict)
    jobs: dict[Job, None] = attrs.field(factory=dict)
    _dirty: dict[RecordState, Job] = attrs.field(factory=dict)
    _grown: Broadcast = attrs.field(factory=Broadcast)
    _much: Broadcast = attrs.field(factory=Broadcast)
    _held: dict[Body, None] = attrs.field(factory=dict)

    def start(self, job: Job) -> None:
        """Take a job into the map (unless it was aborted before a restart) and perform it."""
        self.jobs[job] = None
        if job.stop != "abort":
            self.active[job.id] = job
        self.nursery.start_soon(self._perform, job)

    def start_settled(self, job: Job) -> None:
        """A job that had settled before a restart and whose event is still owed."""
        self.jobs[job] = None
        self.nursery.start_soon(self._deliver, job)

    def stop(self, job: Job, how: Stop) -> bool:
        """ABORT-3: true if this removed the job from the map; nothing starts after it."""
        if self.active.get(job.id) is not job:
            return False
        del self.active[job.id]
        job.stop = how
        if how == "unregister":
            job.available = False  # PRIV-1: nothing of it can be matched any more
        job.interrupt()
        return True

    async def _perform(self, job: Job) -> None:
        waiting = [record for record in job.records if not record.body.result]
        async with trio.open_nursery() as nursery:
            for lanes, some in self._lanes(waiting):
                for _ in range(lanes):
                    nursery.start_soon(self._lane, job, some)
        await self._settle(job)

    def _lanes(self, waiting: list[RecordState]) -> list[tuple[int, Iterator[RecordState]]]:
        """How many tasks work off which records: no record that only waits has a task.

        An origin has as many as may use it at once, so that a slow one holds up no other;
        ``concurrency`` is of the whole fetch, and 1 keeps the order of its requests.
        """
        if self.config.concurrency is not None:
            return [(min(self.config.concurrency, len(waiting)), iter(waiting))]
        most = self.config.limits.per_origin
        origins: dict[str, list[RecordState]] = {}
        for record in waiting:
            origins.setdefault(origin_of(record.request.url), []).append(record)
        return [(min(most or len(some), len(some)), iter(some)) for some in origins.values()]

    async def _lane(self, job: Job, waiting: Iterator[RecordState]) -> None:
        with Lane() as lane:
            for record in waiting:
                await RecordTransfer(self.shared, lane, job, record).run()

    async def _settle(self, job: Job) -> None:
        """PERFORM-8, outside any queue.  All records are final here, siblings included (E05)."""
        aborted = self.active.get(job.id) is not job
        if not aborted:
            del self.active[job.id]
        exceeded = any(r.body.result == "download-total-exceeded" for r in job.records)
        job.result, job.reason = settlement(aborted, exceeded, job.failure)
        job.paused = job.awaiting = False
        await self.store.commit(job.row())
        if job.stop != "unregister":
            job.publish()  # before the event: its own registration shows the result (E11)
        await self._deliver(job)

    async def _deliver(self, job: Job) -> None:
        name = "backgroundfetch" + (
            "success" if job.result == "success" else "abort" if job.reason == "aborted" else "fail"
        )
        kind = BackgroundFetchEvent if job.reason == "aborted" else BackgroundFetchUpdateUIEvent
        await self._fire(job, name, kind, settles=True)
        await self.release(job)

    def click(self, job: Job) -> None:
        """CLICK-1: never changes the job's state."""
        self.nursery.start_soon(self._fire, job, "backgroundfetchclick")

    async def _fire(
        self,
        job: Job,
        name: str,
        kind: type[BackgroundFetchEvent] = BackgroundFetchEvent,
        *,
        settles: bool = False,
    ) -> None:
        """Dispatch an event once the worker is free for it; return when it is active no more.

        Its handlers have begun before the worker gets anything else.
        """
        if not self.config.listeners(name):
            return
        event: BackgroundFetchEvent | None = None
        try:
            async with trio.open_nursery() as nursery, self.worker.mail.taking():
                if job.stop != "unregister":  # it may have waited
                    event = kind(name, self.worker.instance(job))
                    job.dispatched = job.dispatched or settles
                    await event._dispatch(job, self.config.listeners(name), nursery)
        finally:
            if event is not None:
                event._over()

    async def let_down(self, job: Job) -> None:
        """A settled job whose worker is gone: no event, and nothing left for its handler (E86)."""
        job.stop = "unregister"
        await self.release(job)

    async def release(self, job: Job) -> None:
        """PERFORM-8.13.2, and what the text forgets: give the storage back (E10).  Once only."""
        if job.released:
            return
        job.final_downloaded = job.downloaded
        job.available, job.released = False, True
        job.publish()
        doomed = [record.request_body for record in job.records if record.request_body]
        for record in job.records:
            record.body.released = True
            if record.body.held:
                self._held[record.body] = None
            else:
                self.meter.responses -= record.body.length
                doomed.append(record.body.name)
            self.meter.requests -= record.request_length
            record.touch()
        del self.jobs[job]
        doomed += self._abandoned()
        await self.store.commit(DeleteJob(job.key), delete=doomed)

    def let_go(self, body: Body) -> None:
        """A reader ended: delete what only it had kept."""
        if body in self._held and not self.store.closed:
            self.nursery.start_soon(self._delete, self._abandoned())

    def _abandoned(self) -> list[str]:
        """Released bodies that nobody reads any more, readers that were dropped included."""
        gone = [body for body in self._held if not body.held]
        for body in gone:
            del self._held[body]
            self.meter.responses -= body.length
        return [body.name for body in gone]

    async def _delete(self, names: list[str]) -> None:
        await self.store.commit(delete=names)

    def grew(self, job: Job, record: RecordState) -> None:
        """A body has bytes that the journal does not know of."""
        self._dirty[record] = job
        self._grown.fire()
        if record.body.length - record.body.durable >= MOST_AT_STAKE and not self.store.quick:
            self._much.fire()

    async def checkpoint_forever(self) -> None:
        """Make growing bodies durable: at once, then once an interval, or if much is at stake."""
        while True:
            while not self._dirty:
                await self._grown.wait()
            await self.checkpoint()
            if self.config.checkpoint_interval:
                with trio.move_on_after(self.config.checkpoint_interval):
                    await self._much.wait()

    async def checkpoint(self) -> None:
        """Harden and commit all bodies that have grown; what is cut short is done next time."""
        grown, self._dirty = self._dirty, {}
        try:
            await self._commit_lengths(grown)
        except BaseException:
            self._dirty = grown | self._dirty
            raise

    async def _commit_lengths(self, grown: dict[RecordState, Job]) -> None:
        lengths = {
            record.body: record.body.length
            for record, job in grown.items()
            if not (job.released or record.body.result or record.spoilt)
        }
        failed = await self.store.harden(body.name for body in lengths)
        rows: list[RecordRow] = []
        for record, job in grown.items():
            body = record.body
            if body not in lengths or body.result or job.released:
                continue  # it has ended, or begun anew, and whoever did that has committed it
            if body.name in failed:
                record.spoilt = failed[body.name]
                if record.scope is not None:
                    record.scope.cancel()
            else:
                body.durable = max(body.durable, lengths[body])
                rows.append(job.record_row(record))
        if rows:
            await self.store.commit(*rows)

    async def save(self) -> None:
        """A clean end: nothing stored is lost.

        A handler that has not ended by now was cut off: whether its event comes again is
        the engine's owner to say.
        """
        await self.checkpoint()
        await self.store.commit(*(job.row() for job in self.jobs))
        if self.config.interrupted == "over":
            for job in [job for job in self.jobs if job.dispatched]:
                await self.release(job)

    def wake(self) -> None:
        """The engine has ended: whoever waits must look and see it."""
        for job in self.jobs:
            for record in job.records:
                record.touch()
