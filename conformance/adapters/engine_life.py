"""One life of the user agent: from launch to quit, one open engine and the pages on it.

Everything that the engine's objects say goes to the judge at once, in the task in
which it happened: so the order of observations is the order of what happened.
A page that has been closed, and a life that is over, say nothing any more.

A call runs in a task of the life, not of its page: closing a page takes away the
promise, not what the promise stands for.  Reading is a page's own and ends with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import attrs
import trio

import conformance.protocol as p
from conformance.adapter import Sink
from conformance.adapters.engine_caches import Caches
from conformance.adapters.engine_names import Names
from conformance.adapters.engine_profile import Profile
from conformance.adapters.engine_reading import ReadableRecord
from transfer_engine import (
    BackgroundFetchEvent,
    BackgroundFetchUpdateUIEvent,
    Engine,
    EngineClosed,
    Realm,
    RealmClosed,
    Record,
    Registration,
    ScriptError,
    Snapshot,
)


class HandlerRejects(Exception):
    """The judge let the promise given to ``waitUntil`` reject."""


@attrs.define(eq=False)
class Page:
    """A page, or the worker: who observes.

    ``reads``: the scopes of its reads that are under way; ``records``: all that it has got;
    ``streams``: its request bodies that have not ended, by call and number of the request.
    """

    realm: Realm
    open: bool = True
    reads: set[trio.CancelScope] = attrs.field(factory=set)
    records: list[ReadableRecord] = attrs.field(factory=list)
    streams: dict[tuple[str, int], StreamedBody] = attrs.field(factory=dict)


@attrs.define(eq=False)
class StreamedBody:
    """A request body that a page makes: this text, and an end when the judge says so."""

    text: bytes
    _over: trio.Event = attrs.field(factory=trio.Event)
    _fails: bool = False

    def end(self, *, fails: bool) -> None:
        """The stream ends well, or with an error."""
        self._fails = fails
        self._over.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.text
        await self._over.wait()
        if self._fails:
            raise OSError("the stream has failed")


@attrs.define(eq=False)
class Dispatched:
    """An event that has a name.  ``event`` None: a push, which the engine knows nothing of."""

    event: BackgroundFetchEvent | None
    ended: trio.Event = attrs.field(factory=trio.Event)
    rejects: bool = False


@attrs.define(eq=False)
class AllNames:
    """The names of one session; ``stem`` tells those of one process from another's."""

    stem: str = ""
    instances: Names[Registration] = attrs.field(init=False)
    records: Names[ReadableRecord] = attrs.field(init=False)
    events: Names[Dispatched] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.instances = Names(f"{self.stem}i")
        self.records = Names(f"{self.stem}r")
        self.events = Names(f"{self.stem}e")

    def forget(self) -> None:
        """The user agent is gone, and all its objects."""
        for names in (self.instances, self.records, self.events):
            names.forget()


@attrs.define(eq=False)
class Life:
    """``engine`` and ``pages`` are there from ``begin`` on."""

    sink: Sink
    profile: Profile
    caches: Caches
    names: AllNames
    engine: Engine = attrs.field(init=False)
    pages: dict[str, Page] = attrs.field(factory=dict)
    leaving: trio.Event = attrs.field(factory=trio.Event)
    gone: trio.Event = attrs.field(factory=trio.Event)
    _pages_of: dict[str, Page] = attrs.field(factory=dict)
    _nursery: trio.Nursery = attrs.field(init=False)

    def begin(self, engine: Engine, nursery: trio.Nursery) -> None:
        """The user agent has started: one page is open.

        No checkpoint may lie between the engine's opening and this: an engine that goes on
        with a store has events to deliver.
        """
        self.engine, self._nursery = engine, nursery
        self.open_page(p.WORKER)
        self.open_page("p1")

    def end(self) -> None:
        """The user agent goes: from now on nothing is observed."""
        for page in self.pages.values():
            page.open = False
        self.names.forget()

    # --- pages ------------------------------------------------------------------------

    def open_page(self, name: str) -> None:
        """One more page."""
        self.pages[name] = Page(self.engine.realm(name))

    def close_page(self, name: str) -> None:
        """The page and all that it reads end; what it asked for goes on unseen."""
        page = self.pages.pop(name)
        page.open = False
        for scope in page.reads:
            scope.cancel()
        for stream in page.streams.values():
            stream.end(fails=True)  # nobody makes it any more
        for readable in page.records:
            readable.let_go()
        self.engine.close_realm(name)

    def page_of(self, name: str) -> Page:
        """The page that has got the instance or record of that name."""
        return self._pages_of[name]

    def _push(self, page: Page, observation: p.AnyObservation) -> None:
        if page.open:
            self.sink(observation)

    # --- calls ------------------------------------------------------------------------

    async def call(self, name: str, page: Page, work: Callable[[], Awaitable[p.Settled]]) -> None:
        """Make a call: ``work`` has begun when this returns, and will be observed."""
        begun = trio.Event()
        self._nursery.start_soon(self._call, name, page, work, begun)
        await begun.wait()

    async def _call(
        self,
        name: str,
        page: Page,
        work: Callable[[], Awaitable[p.Settled]],
        begun: trio.Event,
    ) -> None:
        begun.set()
        try:
            settled = await work()
        except ScriptError as error:
            settled = p.Settled(name, error=error.name)
        except (EngineClosed, RealmClosed):
            return
        self._push(page, settled)

    def gave(self, call: str, page: Page, given: Registration | None) -> p.Settled:
        """A call settles with an instance, or with undefined."""
        if given is None:
            return p.Settled(call)
        return p.Settled(call, instance=self.instance(page, given), snapshot=shown(given.snapshot))

    def instance(self, page: Page, given: Registration) -> str:
        """The name of an instance; whoever gets one listens to its ``progress`` from then on."""
        known = self.names.instances.known(given)
        if known is not None:
            return known
        name = self.names.instances.give(given)
        self._pages_of[name] = page
        given.on_progress(lambda one: self._push(page, p.Progress(name, shown(one.snapshot))))
        return name

    def matched(self, call: str, page: Page, found: list[Record]) -> p.Settled:
        """A call settles with records, new objects each time."""
        infos: list[p.RecordInfo] = []
        for record in found:
            readable = ReadableRecord(record)
            page.records.append(readable)
            name = self.names.records.give(readable)
            self._pages_of[name] = page
            infos.append(p.RecordInfo(name, record.request.url, record.request.method))
        return p.Settled(call, records=infos)

    def look(self, name: str) -> p.Snapshot:
        """An instance's attributes now."""
        return shown(self.names.instances[name].snapshot)

    def stream(self, call: str, number: int, page: Page, text: bytes) -> StreamedBody:
        """The body of request ``number`` of a call, until ``end_stream``."""
        page.streams[call, number] = found = StreamedBody(text)
        return found

    def end_stream(self, call: str, number: int, *, fails: bool) -> None:
        """End it, if its page is still there."""
        for page in self.pages.values():
            if (found := page.streams.pop((call, number), None)) is not None:
                found.end(fails=fails)

    # --- reading ----------------------------------------------------------------------

    def read(self, name: str) -> None:
        """Read a record to its end, once."""
        readable, page = self.names.records[name], self.page_of(name)
        if not readable.asked:
            readable.asked = True
            self._nursery.start_soon(self._read, name, readable, page)

    async def _read(self, name: str, readable: ReadableRecord, page: Page) -> None:
        with trio.CancelScope() as scope:
            page.reads.add(scope)
            try:
                if page.open:
                    await readable.read(name, lambda observation: self._push(page, observation))
            except (EngineClosed, RealmClosed):
                pass  # so is this life, or its page
        page.reads.discard(scope)

    async def put(self, call: str, cache: str, record: str) -> p.Settled:
        """``cache.put``, which ends with its page.  Raises ScriptError, EngineClosed."""
        page, readable = self._pages_of[record], self.names.records[record]
        with trio.CancelScope() as scope:
            page.reads.add(scope)
            try:
                await self.caches.put(cache, readable)
            finally:
                page.reads.discard(scope)
        return p.Settled(call)

    # --- worker events ----------------------------------------------------------------

    async def handle(self, event: BackgroundFetchEvent) -> None:
        """The worker's handler: active until the judge ends the event."""
        dispatched, page = Dispatched(event), self.pages[p.WORKER]
        self._push(
            page,
            p.WorkerEvent(
                self.names.events.give(dispatched),
                event.type,
                instance=self.instance(page, event.registration),
                snapshot=shown(event.registration.snapshot),
                can_update_ui=isinstance(event, BackgroundFetchUpdateUIEvent),
            ),
        )
        await dispatched.ended.wait()
        if dispatched.rejects:
            raise HandlerRejects(event.type)

    def push_message(self, data: str) -> None:
        """A push message reaches the worker when that is free."""
        if self.profile.worker:
            self.engine.worker.mail.post(partial(self._pushed, data))

    def _pushed(self, data: str) -> None:
        if self.profile.worker:  # it may have waited
            name = self.names.events.give(Dispatched(None))
            self._push(self.pages[p.WORKER], p.WorkerEvent(name, "push", data=data))

    def end_event(self, name: str, *, rejects: bool) -> None:
        """The promise given to ``waitUntil`` settles; an event that is over stays so."""
        dispatched = self.names.events.find(name)
        if dispatched is not None:
            dispatched.rejects = rejects
            dispatched.ended.set()


def shown(snapshot: Snapshot) -> p.Snapshot:
    """An instance's attributes as the protocol has them."""
    return p.Snapshot(
        id=snapshot.id,
        upload_total=snapshot.upload_total,
        uploaded=snapshot.uploaded,
        download_total=snapshot.download_total,
        downloaded=snapshot.downloaded,
        result=snapshot.result,
        failure_reason=snapshot.failure_reason,
        records_available=snapshot.records_available,
    )
