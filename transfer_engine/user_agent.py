"""A user agent: service worker registrations, each with its background fetches, and caches.

A web application's half is written as its worker would be: handlers of events, found by
name again after a restart.  ``open_user_agent`` opens a directory and goes on with every
registration whose handlers it can find, so that a background fetch that ended while no
program ran is dealt with by the next one, though no page is open.

One directory holds ``registrations.json``, a folder for each registration (an engine's
store), and one for the caches of each origin.  An origin's engines and caches share a quota.
All engines share the limits of exchanges, fairly between their background fetches: a scope
with many of them has no more of the network than is left by the others.  They share the
cookies, too, which are in ``cookies.json``.

Handlers given as ``module:attribute`` are imported from what the directory says: whoever
may write to it may name code to run.  It is made for its owner only.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from transfer_engine.broadcast import Broadcast
from transfer_engine.cache_filling import Fetch
from transfer_engine.caches import CacheStorage
from transfer_engine.config import EngineConfig, Handler, real_seams
from transfer_engine.cookies import CookieStore
from transfer_engine.dialing import Connect, Resolve, connect_tcp, resolve_names
from transfer_engine.engine import Engine, open_engine
from transfer_engine.errors import EngineClosed, HandlerNotFound, ScriptError, StoreUnusable
from transfer_engine.interface import Shown
from transfer_engine.logs import log
from transfer_engine.network import Network
from transfer_engine.pool import Turns
from transfer_engine.state import Meter
from transfer_engine.urls import Address, BadUrl, parse
from transfer_engine.whole_file import replace_whole
from transfer_engine.workers import (
    EVENTS,
    Listeners,
    OpenWindow,
    ServiceWorkerRegistration,
    as_listeners,
    load_handler,
)

_Given = dict[str, dict[str, list[Handler | str]]]
"""Handlers as they were given, by scope and event."""


@attrs.frozen
class Displayed:
    """One entry of a user interface: whose it is, and what is shown."""

    scope: str
    shown: Shown


class UserAgent:
    """Made by ``open_user_agent``.

    ``cookies``: those of all its origins.  ``unloaded``: registrations whose handlers could
    not be found, by scope; they wait for somebody to register them again, and lose nothing
    meanwhile.
    """

    def __init__(
        self,
        directory: Path,
        settings: EngineConfig,
        nursery: trio.Nursery,
        open_window: OpenWindow | None,
    ) -> None:
        self._directory = directory
        given = settings.cookies
        self.cookies = CookieStore(directory / "cookies.json") if given is None else given
        self._settings = attrs.evolve(settings, cookies=self.cookies)
        self._nursery = nursery
        self._window = open_window
        self._registrations: dict[str, ServiceWorkerRegistration] = {}
        self._given: _Given = {}
        self._meters: dict[str, Meter] = {}
        self._caches: dict[str, CacheStorage] = {}
        self._turns = Turns(settings.limits)
        self._lock = trio.Lock()
        self._changes = Broadcast()
        self._count = 0
        self._closed = False
        self.unloaded: dict[str, HandlerNotFound] = {}

    async def register(
        self, scope: str, handlers: Mapping[str, Listeners]
    ) -> ServiceWorkerRegistration:
        """Register handlers for a scope, or give a known scope other ones.

        ``handlers``: event name (``backgroundfetchsuccess``, ``…fail``, ``…abort``,
        ``…click``) to an async callable or its ``module:attribute``, or to several of them:
        they begin in their order, and one that fails stops no other.  Only a registration
        whose handlers are all named is found again by the next user agent; another one waits
        until it is registered again.  Raises ScriptError TypeError for a bad scope or event
        name, HandlerNotFound, StoreUnusable.
        """
        address = self._scope(scope)
        given = {name: list(dict.fromkeys(as_listeners(one))) for name, one in handlers.items()}
        found = _load(given)
        async with self._lock:
            await self._remember({**self._given, address.url: given})
            return await self._open(address, found)

    async def _listen(self, scope: str, event: str, listener: Handler | str, add: bool) -> None:
        async with self._lock:
            if scope not in self._registrations:
                raise EngineClosed()
            given = {name: list(some) for name, some in self._given.get(scope, {}).items()}
            some = given.setdefault(event, [])
            if add == (listener in some):
                return
            if add:
                some.append(listener)
            else:
                some.remove(listener)
            found = _load(given)
            await self._remember({**self._given, scope: given})
            self._registrations[scope]._set_handlers(found)

    def get_registration(self, scope: str) -> ServiceWorkerRegistration | None:
        """The registration of exactly this scope, or None."""
        return self._registrations.get(self._scope(scope).url)

    def get_registrations(self) -> list[ServiceWorkerRegistration]:
        """All that are open."""
        return list(self._registrations.values())

    async def caches(self, origin: str) -> CacheStorage:
        """The caches of an origin, for its pages.  Raises StoreUnusable."""
        return await self._cache_storage(self._scope(origin))

    def display(self) -> AgentDisplay:
        """All entries of all registrations, now and after each change, while it is open."""
        return AgentDisplay(self)

    def displayed(self) -> list[Displayed]:
        """The same, once."""
        return [
            Displayed(one.scope, shown)
            for one in self._registrations.values()
            for shown in one.interface.shown()
        ]

    # --- how -------------------------------------------------------------------------------

    def _scope(self, scope: str) -> Address:
        try:
            address = parse(scope)
        except BadUrl as error:
            raise ScriptError("TypeError", str(error)) from error
        if address.scheme == "http" and not (address.loopback or self._settings.policy.allow_http):
            raise ScriptError("TypeError", f"{scope} is no secure context: use https")
        return address

    async def _open(
        self, address: Address, handlers: Mapping[str, Iterable[Handler]]
    ) -> ServiceWorkerRegistration:
        known = self._registrations.get(address.url)
        if known is None:
            caches = await self._cache_storage(address)
            known = ServiceWorkerRegistration(self, address.url, address.origin, caches)
            known._set_handlers(handlers)
            await self._nursery.start(self._serve, known)
            self._registrations[address.url] = known
        else:
            known._set_handlers(handlers)
        self.unloaded.pop(address.url, None)
        self._changed()
        return known

    async def _serve(
        self,
        registration: ServiceWorkerRegistration,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """The life of one registration's engine."""
        config = attrs.evolve(
            self._settings,
            app_origin=registration.origin,
            base=registration.scope,
            directory=self._folder(registration.scope),
            handlers=registration._handlers,
        )
        seams = attrs.evolve(
            await trio.to_thread.run_sync(real_seams, config),
            meter=self._meter(registration.origin),
            turns=self._turns,
        )
        try:
            async with open_engine(config, seams) as engine, trio.open_nursery() as nursery:
                registration._engine = engine
                task_status.started()
                nursery.start_soon(self._watch, engine)
                await registration._stop.wait()
                nursery.cancel_scope.cancel()
        finally:
            registration._engine = None
            registration._stopped.set()

    async def _watch(self, engine: Engine) -> None:
        async for _ in engine.interface.display():
            self._changed()

    def _changed(self) -> None:
        self._count += 1
        self._changes.fire()

    def _folder(self, scope: str) -> Path:
        return self._directory / "registrations" / hashlib.sha256(scope.encode()).hexdigest()[:32]

    def _meter(self, origin: str) -> Meter:
        return self._meters.setdefault(origin, Meter(self._settings.quota))

    async def _cache_storage(self, address: Address) -> CacheStorage:
        origin = address.origin
        if origin not in self._caches:
            folder = hashlib.sha256(origin.encode()).hexdigest()[:32]
            self._caches[origin] = CacheStorage(
                self._directory / "caches" / folder,
                origin + "/",
                self._meter(origin),
                self._settings.durability,
                self._fetch_for(origin),
            )
        return self._caches[origin]

    def _fetch_for(self, origin: str) -> Fetch:
        """What a page of this origin fetches by itself, in its turn beside the engines."""
        config = attrs.evolve(self._settings, app_origin=origin)
        network = Network(config, _Reach(turns=self._turns), self._nursery)
        return lambda request: network.answer(origin, request, 0, None)

    async def _open_window(self, url: str) -> None:
        if self._window is None:
            log.info("nobody opens windows here: %s", url)
        else:
            await self._window(url)

    async def _unregister(self, registration: ServiceWorkerRegistration) -> bool:
        async with self._lock:
            if self._registrations.get(registration.scope) is not registration:
                return False
            await registration.engine.unregister()
            del self._registrations[registration.scope]
            await self._remember(
                {
                    scope: given
                    for scope, given in self._given.items()
                    if scope != registration.scope
                }
            )
            registration._stop.set()
            await registration._stopped.wait()
            folder = self._folder(registration.scope)
            await trio.to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))
            self._changed()
            return True

    async def _remember(self, given: _Given) -> None:
        """It is true once it is durable.  Raises StoreUnusable, and nothing has changed."""
        await trio.to_thread.run_sync(self._write, given)
        self._given = given

    def _write(self, given: _Given) -> None:
        path = self._directory / "registrations.json"
        named = {scope: _names(handlers) for scope, handlers in given.items()}
        try:
            replace_whole(path, json.dumps(named))
        except OSError as error:
            raise StoreUnusable(str(path), str(error)) from error

    def _read(self) -> None:
        path = self._directory / "registrations.json"
        try:
            data = json.loads(path.read_text("utf-8"))
            self._given = {
                str(scope): {str(name): _listed(some) for name, some in handlers.items()}
                for scope, handlers in data.items()
            }
        except FileNotFoundError:
            pass
        except (OSError, ValueError, AttributeError) as error:
            raise StoreUnusable(str(path), str(error)) from error

    async def _recover(self) -> None:
        for scope, given in list(self._given.items()):
            if not any(given.values()):
                continue  # its handlers had no names: it waits for ``register``
            try:
                found = _load(given)
            except HandlerNotFound as error:
                log.warning("%s waits to be registered again: %s", scope, error)
                self.unloaded[scope] = error
                continue
            await self._open(self._scope(scope), found)

    async def _end(self) -> None:
        with trio.CancelScope(shield=True):
            self._closed = True
            for one in self._registrations.values():
                one._stop.set()
            for one in self._registrations.values():
                await one._stopped.wait()
            for caches in self._caches.values():
                await caches.close()
            await self.cookies.save()
            self._changed()


def _load(given: Mapping[str, Iterable[Handler | str]]) -> dict[str, list[Handler]]:
    """The callables.  Raises ScriptError TypeError, HandlerNotFound."""
    if unknown := set(given) - set(EVENTS):
        raise ScriptError("TypeError", f"there is no event {sorted(unknown)[0]!r}")
    return {name: [load_handler(one) for one in some] for name, some in given.items()}


def _names(given: Mapping[str, list[Handler | str]]) -> dict[str, list[str]]:
    """What can be written down: all of it, or nothing."""
    named = {name: [one for one in some if isinstance(one, str)] for name, some in given.items()}
    return named if all(len(named[name]) == len(some) for name, some in given.items()) else {}


def _listed(written: object) -> list[Handler | str]:
    """The names of one event's handlers; a single one may stand by itself."""
    return [str(one) for one in written] if isinstance(written, list) else [str(written)]


@attrs.frozen
class _Reach:
    """See NetworkSeams."""

    connect: Connect = connect_tcp
    resolve: Resolve = resolve_names
    turns: Turns | None = None


class AgentDisplay:
    """An async iterator; there is nothing to close."""

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        self._seen = -1

    def __aiter__(self) -> AgentDisplay:
        return self

    async def __anext__(self) -> list[Displayed]:
        agent = self._agent
        await trio.lowlevel.checkpoint()
        while self._seen == agent._count and not agent._closed:
            await agent._changes.wait()
        if agent._closed:
            raise StopAsyncIteration
        self._seen = agent._count
        return agent.displayed()


@asynccontextmanager
async def open_user_agent(
    directory: Path,
    *,
    settings: EngineConfig = EngineConfig(app_origin=None, unavailability="network-loss"),
    open_window: OpenWindow | None = None,
) -> AsyncIterator[UserAgent]:
    """Open a user agent on a directory, and go on with what that holds.

    ``settings``: what its engines have in common; their origins, directories and handlers
    are its own matter.  ``quota`` is for each origin.  ``open_window``: what a worker's
    ``open_window`` calls.  Raises StoreUnusable.
    """
    try:
        await trio.to_thread.run_sync(lambda: directory.mkdir(0o700, True, True))
    except OSError as error:
        raise StoreUnusable(str(directory), str(error)) from error
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        agent = UserAgent(directory, settings, nursery, open_window)
        try:
            agent._read()
            await agent._recover()
            yield agent
        except Exception as error:  # noqa: BLE001 - cancellation is no Exception
            failure = error  # raised below, outside the nursery, so that it stays itself
        finally:
            await agent._end()
            nursery.cancel_scope.cancel()  # what tends the connections of pages
    if failure is not None:
        raise failure
