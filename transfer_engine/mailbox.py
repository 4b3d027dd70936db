"""What is on its way to a page or a worker, in one order, while its program is busy.

A realm's program takes one thing after the other: a promise that settles, an object that
changes, an event.  While it is *busy* none of them reaches it.  It may go on calling; what
it asked for is done, but not told.  When it is free again all of it comes, in the order in
which it happened, and each thing tells of its own moment: whoever lets a program wait must
not let it see a later state first (E48), nor forget that a promise came before (E67).

A promise is here whoever waits in ``turn``: between two deliveries the mailbox lets that
task run up to its next wait, as a web page runs a promise's reactions before the next task.
Nothing waits, and no checkpoint is added, while a realm is free.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import attrs
import trio

T = TypeVar("T")


@attrs.define(eq=False)
class _Turn:
    """A task that waits.  ``taken``: it has gone on, or has been cancelled."""

    granted: trio.Event = attrs.field(factory=trio.Event)
    taken: trio.Event = attrs.field(factory=trio.Event)


@attrs.define(eq=False)
class Mailbox:
    """One realm's.  ``spawn`` starts the task that delivers what has waited."""

    spawn: Callable[[Callable[[], Awaitable[None]]], None]
    _busy: bool = False
    _delivering: bool = False
    _waiting: deque[Callable[[], None] | _Turn] = attrs.field(factory=deque)
    _error: Exception | None = None

    @property
    def free(self) -> bool:
        """Whether a delivery made now arrives now."""
        return not (self._busy or self._delivering)

    def set_busy(self, busy: bool) -> None:
        """Hold everything back, or deliver what has waited and then everything at once."""
        self._busy = busy
        if not busy and self._waiting and not self._delivering:
            self._delivering = True
            self.spawn(self._deliver)

    def post(self, deliver: Callable[[], None]) -> None:
        """Call this when its turn comes; now, if the realm is free."""
        if self.free:
            deliver()
        else:
            self._waiting.append(deliver)

    async def turn(self) -> None:
        """Return when the realm's program may see what its caller is about to tell it.

        Raises what the realm was closed with, if it is closed before that.
        """
        if not self.free:
            async with self.taking():
                pass

    @asynccontextmanager
    async def taking(self) -> AsyncIterator[None]:
        """The same, and nothing else is delivered before the block has ended."""
        if self.free:
            yield
            return
        mine = _Turn()
        self._waiting.append(mine)
        try:
            await mine.granted.wait()
            if self._error is not None:
                raise self._error
            yield
        finally:
            if mine in self._waiting:
                self._waiting.remove(mine)
            mine.taken.set()

    async def settled(self, work: Awaitable[T]) -> T:
        """What a promise of this realm comes to, when its program can see that."""
        try:
            return await work
        finally:
            await self.turn()

    def close(self, error: Exception) -> None:
        """Nothing comes any more: whoever waits gets this."""
        waiting, self._waiting = self._waiting, deque()
        self._error, self._busy = error, False
        for one in waiting:
            if isinstance(one, _Turn):
                one.granted.set()

    async def _deliver(self) -> None:
        try:
            while self._waiting and not self._busy:
                one = self._waiting.popleft()
                if isinstance(one, _Turn):
                    one.granted.set()
                    await one.taken.wait()
                else:
                    one()
        finally:
            self._delivering = False
