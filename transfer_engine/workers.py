"""A registration as its pages and its worker have it: the words of the specification.

A *registration* belongs to a scope.  Pages reach their background fetches through it; the
worker's handlers reach their own through ``event.worker``, which also has the caches.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs
import trio

from transfer_engine.caches import CacheStorage
from transfer_engine.config import Handler
from transfer_engine.engine import Engine
from transfer_engine.errors import EngineClosed, HandlerNotFound, ScriptError
from transfer_engine.events import BackgroundFetchEvent
from transfer_engine.instances import Realm, Registration
from transfer_engine.interface import UserInterface
from transfer_engine.messages import FetchOptions, Icon, Request
from transfer_engine.urls import BadUrl, parse

if TYPE_CHECKING:  # the user agent makes registrations
    from transfer_engine.user_agent import UserAgent

EVENTS = (
    "backgroundfetchsuccess",
    "backgroundfetchfail",
    "backgroundfetchabort",
    "backgroundfetchclick",
)
Listeners = Handler | str | Sequence[Handler | str]
"""One handler of an event, or several in their order; each by itself or by its name."""
OpenWindow = Callable[[str], Awaitable[None]]


@attrs.frozen(eq=False)
class BackgroundFetchManager:
    """``registration.background_fetch``: what a page or a worker starts fetches with."""

    _realm: Realm

    async def fetch(
        self,
        id: str,
        requests: str | Request | Iterable[str | Request],
        *,
        title: str = "",
        icons: Iterable[Icon] = (),
        download_total: int = 0,
    ) -> Registration:
        """Start a background fetch; it is durable when this returns, and nothing is sent yet.

        ``download_total``: bytes that the bodies may have together, 0 for no limit.  Raises
        ScriptError as ``Engine.fetch`` does.
        """
        options = FetchOptions(title, tuple(icons), download_total)
        return await self._realm.fetch(id, requests, options)

    async def get(self, id: str) -> Registration | None:
        """The background fetch with this id that has not ended, or None."""
        return await self._realm.get(id)

    async def get_ids(self) -> list[str]:
        """Ids of background fetches that have not ended, oldest first."""
        return await self._realm.get_ids()


class ServiceWorkerRegistration:
    """A scope and its background fetches; made by ``UserAgent.register``.

    ``interface`` is the user's hand on them, ``caches`` the storage of its origin.
    """

    def __init__(self, agent: UserAgent, scope: str, origin: str, caches: CacheStorage) -> None:
        self.scope = scope
        self.origin = origin
        self.caches = caches
        self.worker = WorkerScope(self)
        self._agent = agent
        self._handlers: dict[str, list[Handler]] = {}
        self._engine: Engine | None = None
        self._stop = trio.Event()
        self._stopped = trio.Event()

    @property
    def engine(self) -> Engine:
        """The engine of this registration.  Raises EngineClosed once it has gone."""
        if self._engine is None:
            raise EngineClosed()
        return self._engine

    @property
    def background_fetch(self) -> BackgroundFetchManager:
        """For pages."""
        return BackgroundFetchManager(self.engine.page)

    @property
    def interface(self) -> UserInterface:
        """The user's hand: pause, resume, abort, click, accept, refuse, and what is shown."""
        return self.engine.interface

    async def unregister(self) -> bool:
        """End it and its background fetches, without events; false if it had ended."""
        return await self._agent._unregister(self)

    async def add_event_listener(self, event: str, listener: Handler | str) -> None:
        """One more handler of an event, after those that it has; the same one is had only once.

        ``listener``: an async callable, or its ``module:attribute``.  A user agent finds a
        registration again only if all its handlers are named.  Raises ScriptError TypeError
        for an event that there is not, HandlerNotFound, StoreUnusable, EngineClosed.
        """
        await self._agent._listen(self.scope, event, listener, True)

    async def remove_event_listener(self, event: str, listener: Handler | str) -> None:
        """Take a handler away, given as it was when it was added."""
        await self._agent._listen(self.scope, event, listener, False)

    def _set_handlers(self, handlers: Mapping[str, Iterable[Handler]]) -> None:
        self._handlers.clear()
        for name, some in handlers.items():
            self._handlers[name] = [_with_worker(one, self.worker) for one in some]


@attrs.frozen(eq=False)
class WorkerScope:
    """What a worker has around it: ``event.worker`` in a handler."""

    registration: ServiceWorkerRegistration

    @property
    def caches(self) -> CacheStorage:
        """The caches of the origin."""
        return self.registration.caches

    @property
    def background_fetch(self) -> BackgroundFetchManager:
        """For the worker: its registration objects are not those of pages."""
        return BackgroundFetchManager(self.registration.engine.worker)

    async def open_window(self, url: str) -> None:
        """Ask the user agent's owner to show a URL, relative to the scope.

        Raises ScriptError TypeError for a bad URL.
        """
        try:
            address = parse(url, self.registration.scope)
        except BadUrl as error:
            raise ScriptError("TypeError", str(error)) from error
        await self.registration._agent._open_window(address.url)


def _with_worker(handler: Handler, worker: WorkerScope) -> Handler:
    async def handle(event: BackgroundFetchEvent) -> None:
        event._worker = worker
        await handler(event)

    return handle


def as_listeners(given: Listeners) -> tuple[Handler | str, ...]:
    """One handler or several, as several."""
    return (given,) if isinstance(given, str) or callable(given) else tuple(given)


def load_handler(handler: Handler | str) -> Handler:
    """The callable that a name stands for.  Raises HandlerNotFound."""
    if not isinstance(handler, str):
        return handler
    module, _, attribute = handler.partition(":")
    try:
        found: object = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise HandlerNotFound(handler, str(error)) from error
    if not callable(found):
        raise HandlerNotFound(handler, "it cannot be called")
    return found
