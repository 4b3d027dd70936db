"""Worker events: what a handler is given, and how long an event is active.

An event is active from its dispatch until the handler has returned *and* every
awaitable given to ``wait_until`` has ended, well or badly.  Only success and
fail events can change the user interface, once, while active.  An event that
somebody constructs is *untrusted* and can do neither.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import trio

from transfer_engine.errors import ScriptError
from transfer_engine.messages import Icon

if TYPE_CHECKING:  # registrations dispatch nothing; the names are for readers and mypy
    from transfer_engine.instances import Registration
    from transfer_engine.state import Job
    from transfer_engine.workers import WorkerScope

log = logging.getLogger("transfer_engine")

EventHandler = Callable[["BackgroundFetchEvent"], Awaitable[None]]


class BackgroundFetchEvent:
    """``backgroundfetchabort`` and ``backgroundfetchclick``; the base of the others."""

    def __init__(self, type: str, registration: Registration | None = None) -> None:
        """An untrusted event.  Raises ScriptError TypeError without a registration."""
        if registration is None:
            raise ScriptError("TypeError", "an event needs a registration")
        self.type = type
        self.registration = registration
        self._job: Job | None = None
        self._nursery: trio.Nursery | None = None
        self._worker: WorkerScope | None = None

    @property
    def active(self) -> bool:
        """Whether the event's handler, or something it waits for, is still running."""
        return self._nursery is not None

    @property
    def worker(self) -> WorkerScope:
        """The worker that it is dispatched to: its caches, its background fetches.

        Raises ScriptError InvalidStateError unless a user agent has dispatched it.
        """
        if self._worker is None:
            raise ScriptError("InvalidStateError", "no user agent has dispatched this event")
        return self._worker

    def wait_until(self, work: Awaitable[object] | Callable[[], Awaitable[object]]) -> None:
        """Keep the event active until this has ended; it starts at once, in the engine.

        Raises ScriptError InvalidStateError when the event is not active.
        """
        if self._nursery is None:
            if inspect.iscoroutine(work):
                work.close()
            raise ScriptError("InvalidStateError", "the event is not active")
        self._nursery.start_soon(self._guard, work)

    async def _guard(
        self,
        work: Awaitable[object] | Callable[[], Awaitable[object]],
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        task_status.started()
        try:
            await (work if isinstance(work, Awaitable) else work())
        except Exception:
            # A handler's failure ends its event, never the engine.
            log.exception("%s of %r: the handler failed", self.type, self.registration.id)

    async def _dispatch(
        self, job: Job, handlers: Iterable[EventHandler], nursery: trio.Nursery
    ) -> None:
        """Begin a trusted event; it is active until ``_over``, when the nursery has ended.

        In their order: each handler runs up to its first wait before the next one begins,
        as the listeners of a web page do.
        """
        self._job, self._nursery = job, nursery
        for handler in handlers:
            await nursery.start(self._guard, partial(handler, self))

    def _over(self) -> None:
        self._nursery = None


class BackgroundFetchUpdateUIEvent(BackgroundFetchEvent):
    """``backgroundfetchsuccess`` and ``backgroundfetchfail``."""

    _updated = False

    async def update_ui(
        self, *, title: str | None = None, icons: tuple[Icon, ...] | None = None
    ) -> None:
        """Change what the user sees, once.  Raises ScriptError InvalidStateError otherwise."""
        mail = self.registration._reading.mail
        if self._job is None or not self.active or self._updated:
            await mail.turn()
            why = "already updated" if self._updated else "the event is not trusted or not active"
            raise ScriptError("InvalidStateError", why)
        self._updated = True
        if icons is not None:
            self._job.icons = icons
        if title is not None:
            self._job.title = title
        self._job.publish()  # the interface shows it
        await mail.turn()
