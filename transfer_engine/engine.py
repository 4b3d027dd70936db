"""The engine: who owns the nursery, and what a program may call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import trio

from transfer_engine.admission import Admission, check_total, clean_requests, list_requests
from transfer_engine.config import EngineConfig, Seams, real_seams
from transfer_engine.errors import EngineClosed, ScriptError, StoreFull, StoreUnusable
from transfer_engine.instances import Realm, Registration
from transfer_engine.interface import UserInterface
from transfer_engine.journal import JobRow
from transfer_engine.logs import log
from transfer_engine.mailbox import Mailbox
from transfer_engine.messages import FetchOptions, Permission, Request, StorageUse
from transfer_engine.network import Network
from transfer_engine.records import Reading
from transfer_engine.running import Runner
from transfer_engine.sealing import Sealer
from transfer_engine.state import Body, Job, Meter, RecordState, Stop
from transfer_engine.store import Store, offload_to_thread
from transfer_engine.transfer import Shared


class Engine:
    """One application's background fetches; made by ``open_engine``.

    ``worker`` is the realm of the event handlers, ``page`` the one that ``fetch``,
    ``get`` and ``get_ids`` of the engine itself use; ``realm`` opens others.
    ``interface`` is the user's hand.
    """

    def __init__(self, config: EngineConfig, seams: Seams, nursery: trio.Nursery) -> None:
        self.config = config
        self._nursery = nursery
        self._store = Store(
            seams.journal,
            seams.disk,
            seams.offload,
            # Simulation and tests count what is offloaded.
            quick=config.durability == "kill" and seams.offload is offload_to_thread,
        )
        self._meter = seams.meter or Meter(config.quota)
        self._admission = Admission(self._store, self._meter)
        self._permission: Permission = config.permission
        self._has_worker = config.active_worker
        self._reserved: set[str] = set()
        self._killed = False
        self._realms: dict[str, Realm] = {}
        self.worker = self.realm("worker")
        self.page = self.realm("page")
        self.interface = UserInterface(self)
        network = Network(config, seams, nursery)
        self._sealer = Sealer(self._store, config.seal_after)
        self._shared = Shared(
            *(config, seams, self._store, self._meter, network, config.online),
            grew=self._grew,
            whole=self._sealer.whole,
        )
        self._runner = Runner(config, self._store, self._meter, nursery, self._shared, self.worker)

    # --- what a page calls --------------------------------------------------------------

    async def fetch(
        self,
        id: str,
        requests: str | Request | Iterable[str | Request],
        options: FetchOptions = FetchOptions(),
    ) -> Registration:
        """Start a background fetch in the realm ``page``.

        Returns when the requests are durable, before any is sent, so the result is
        still empty.  Raises ScriptError: TypeError (no request, a bad one, no-cors,
        an id in use, no active worker, a request body that fails), NotAllowedError
        (permission), QuotaExceededError (``download_total`` or the request bodies do
        not fit); the first that applies in this order: requests, permission, worker,
        id, quota.  Nothing of a refused call stays behind.
        """
        return await self.page.fetch(id, requests, options)

    async def get(self, id: str) -> Registration | None:
        """The unsettled background fetch with this id, or None, in the realm ``page``."""
        return await self.page.get(id)

    async def get_ids(self) -> list[str]:
        """Ids of unsettled background fetches, oldest first, in the realm ``page``."""
        return await self.page.get_ids()

    def realm(self, name: str) -> Realm:
        """The realm of that name; made when first asked for, or again after ``close_realm``."""
        if name not in self._realms:
            mail = Mailbox(self._nursery.start_soon)
            self._realms[name] = Realm(name, self, Reading(self._store, self._let_go, mail))
        return self._realms[name]

    def close_realm(self, name: str) -> None:
        """A page has gone: its objects are updated no more.

        Raises ValueError for the worker, which events still wait for: it goes by ``unregister``.
        """
        if name == self.worker.name:
            raise ValueError("the worker is no page: it goes by unregister()")
        realm = self._realms.pop(name, None)
        if realm is not None:
            realm.close()

    # --- what surrounds it --------------------------------------------------------------

    @property
    def online(self) -> bool:
        """Whether the engine believes that there is a network."""
        return self._shared.online

    def set_online(self, online: bool) -> None:
        """Going offline drops all connections: GETs wait, others fail."""
        if online == self._shared.online:
            return
        self._shared.online = online
        for job in self._runner.jobs:
            if online:
                job.gate.fire()
            else:
                job.interrupt()

    def set_permission(self, permission: Permission) -> None:
        """For later calls of ``fetch``."""
        self._permission = permission

    def set_quota(self, quota: int | None) -> None:
        """Bytes for bodies from now on; what is stored stays."""
        self._meter.quota = quota

    def storage(self) -> StorageUse:
        """Body bytes kept now."""
        return StorageUse(self._meter.requests, self._meter.responses, self._meter.quota)

    async def unregister(self) -> bool:
        """The worker is gone: everything ends aborted, without an event (E86); false if it was.

        What has settled is released at once, too, although a handler may still look at it.
        """
        self._check_open()
        had, self._has_worker = self._has_worker, False
        for job in list(self._runner.active.values()):
            await self._abort(job, "unregister")
        for job in list(self._runner.jobs):
            self.interface.withdraw(job)
            if job.result:
                await self._runner.let_down(job)
        return had

    def kill(self) -> None:
        """End as if the process had been killed: nothing more is saved, no promise settles.

        The ``async with open_engine`` block is cancelled; once it has ended, crash the
        simulated seams and open the next engine on them.
        """
        self._killed = True
        self._store.closed = True
        self._nursery.cancel_scope.cancel()

    # --- what the other rooms of this engine call -----------------------------------------

    def _check_open(self) -> None:
        if self._store.closed:
            raise EngineClosed()

    async def _fetch(
        self,
        realm: Realm,
        id: str,
        requests: str | Request | Iterable[str | Request],
        options: FetchOptions,
    ) -> Registration:
        self._check_open()
        await trio.lowlevel.checkpoint()
        given = list_requests(requests)
        clean = clean_requests(given, self.config.base_url, page=self.config.app_origin is not None)
        check_total(options.download_total)
        if self._permission == "denied":
            raise ScriptError("NotAllowedError", "the permission was denied")
        if not self._has_worker:
            raise ScriptError("TypeError", "there is no active worker")
        if id in self._runner.active or id in self._reserved:
            raise ScriptError("TypeError", f"the id {id!r} is in use")
        available = self._meter.available
        if available is not None and options.download_total > available:
            raise ScriptError(
                "QuotaExceededError",
                f"downloadTotal is {options.download_total}, available are {available} bytes",
            )
        # Reserved, not yet in the map: reading bodies blocks nobody else (E60).
        self._reserved.add(id)
        try:
            awaiting = self._permission == "prompt"
            job = await self._admission.admit(id, given, clean, options, awaiting)
        finally:
            self._reserved.discard(id)
        # No checkpoint from here to the caller: it sees the result still empty (E67).
        self._runner.start(job)
        self.interface._show(job)
        return realm.instance(job)

    async def _get(self, realm: Realm, id: str) -> Registration | None:
        self._check_open()
        await trio.lowlevel.checkpoint()
        job = self._runner.active.get(id)
        return None if job is None else realm.instance(job)

    async def _get_ids(self) -> list[str]:
        self._check_open()
        await trio.lowlevel.checkpoint()
        return list(self._runner.active)

    async def _abort(self, job: Job, how: Stop) -> bool:
        self._check_open()
        await trio.lowlevel.checkpoint()
        if not self._runner.stop(job, how):
            return False
        await self._store.commit(job.row())
        return True

    async def _commit(self, row: JobRow) -> None:
        await self._store.commit(row)

    def _click(self, job: Job) -> None:
        self._runner.click(job)

    def _grew(self, job: Job, record: RecordState) -> None:
        self._runner.grew(job, record)

    def _let_go(self, body: Body) -> None:
        self._runner.let_go(body)

    async def _recover(self) -> None:
        """Go on with what the store holds."""
        try:
            jobs, corrected = await self._admission.recover()
            if corrected:
                await self._store.commit(*corrected, patient=False)
        except (OSError, StoreFull) as error:
            raise StoreUnusable("the store", str(error)) from error
        for job in jobs:
            self.interface._show(job)
        await self._store.recovered()
        for job in jobs:
            if job.result:
                self._runner.start_settled(job)
            else:
                self._runner.start(job)
        self._nursery.start_soon(self._runner.checkpoint_forever)
        for job in jobs:
            for record in job.records:
                if record.body.result:
                    self._sealer.whole(job, record)
        self._nursery.start_soon(self._sealer.run)

    async def _end(self, failed: bool) -> None:
        """Save, let go of the store, wake whoever still waits.

        Nothing is saved after a kill, or when the store has ``failed``: what it holds is true.
        """
        with trio.CancelScope(shield=True):
            try:
                if not (self._killed or failed):
                    self._store.patient = False
                    await self._runner.save()
            except (StoreFull, StoreUnusable) as error:
                log.warning("not all could be saved; the next start goes on without: %s", error)
            finally:
                if self.config.cookies is not None and not self._killed:
                    await self.config.cookies.save()
                await self._store.close()
                self._runner.wake()
                self.interface._changed()
                for realm in self._realms.values():
                    realm.wake()


@asynccontextmanager
async def open_engine(config: EngineConfig, seams: Seams | None = None) -> AsyncIterator[Engine]:
    """Open an engine on a store and go on with whatever that store holds.

    Without ``seams`` the store is ``config.directory``, the network is the real one.
    Leaving the block stops all transfers where they are and saves them; the next
    engine on the same store continues.  Raises StoreUnusable.
    """
    if seams is None:
        seams = await trio.to_thread.run_sync(real_seams, config)
    failure: Exception | None = None
    engine: Engine | None = None
    try:
        async with trio.open_nursery() as nursery:
            engine = Engine(config, seams, nursery)
            try:
                await engine._recover()
                yield engine
            except Exception as error:  # noqa: BLE001 - cancellation is no Exception
                failure = error  # raised below, outside the nursery, so that it stays itself
            nursery.cancel_scope.cancel()
    except* EngineClosed:
        if engine is None or not engine._killed:
            raise
    except* StoreUnusable as group:
        failure = _first(group)  # the cause: whatever else was raised follows from it
    finally:
        if engine is not None:
            await engine._end(isinstance(failure, StoreUnusable))
    if failure is not None:
        raise failure


def _first(group: BaseExceptionGroup[StoreUnusable]) -> StoreUnusable:
    found = group.exceptions[0]
    return found if isinstance(found, StoreUnusable) else _first(found)
