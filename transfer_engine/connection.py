"""One exchange on one link, and how long anybody waits for it.

*Who is slow makes others wait*: so the time limits are looked at before each wait, and after
each turn of a thread that waits by itself.

*One watch for all.*  A cancel scope for each wait costs more than all else that waiting for
a socket needs, and nearly no wait lasts too long.  So whoever waits for a socket says until
when, and one task sleeps until the first of these moments: then it wakes those whose time
is up, as if their socket had been closed, which it is about to be.
"""

from __future__ import annotations

from math import inf

import attrs
import trio

from transfer_engine.broadcast import Broadcast
from transfer_engine.config import Timeouts
from transfer_engine.errors import Interrupted, PeerMisbehaved, TooSlow
from transfer_engine.link import Direct, Link, SocketLink, direct
from transfer_engine.wire import Chunk, End, Exchange, Head, NeedBytes

LOSS = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)
"""How a connection says that it is gone."""


def lost(error: BaseException) -> Interrupted:
    """What that means to whoever asked."""
    return Interrupted(str(error.__cause__ or error) or "the connection broke")


@attrs.define(eq=False)
class _Wait:
    link: Direct
    until: float
    over: bool = False


@attrs.define(eq=False)
class Watch:
    """Wakes whoever has waited for a socket for too long."""

    _waits: dict[_Wait, None] = attrs.field(factory=dict)
    _looks: float = inf
    """When it looks next; earlier, if somebody cannot wait so long (``_sooner``)."""
    _sooner: Broadcast = attrs.field(factory=Broadcast)

    async def run(self) -> None:
        """For ever."""
        while True:
            due = (wait.until for wait in self._waits if not wait.over)
            self._looks = min(due, default=inf)
            with trio.CancelScope(deadline=self._looks):
                await self._sooner.wait()
            now = trio.current_time()
            for wait in [wait for wait in self._waits if wait.until <= now and not wait.over]:
                wait.over = True
                # Asked now: once the link is closed, its socket's number is another's.
                trio.lowlevel.notify_closing(wait.link.waits_for)

    async def readable(self, link: Direct, until: float) -> bool:
        """Whether there is something before ``until``; if not, the link is of no more use.

        Raises as sockets do.
        """
        wait = _Wait(link, until)
        self._waits[wait] = None
        if until < self._looks:
            self._looks = until
            self._sooner.fire()
        try:
            await link.wait_readable()
        except trio.ClosedResourceError:
            if not wait.over:
                raise
            return False
        finally:
            del self._waits[wait]
        return True


@attrs.define(eq=False)
class Connection:
    """A link and the exchange on it."""

    link: Link
    watch: Watch
    timeouts: Timeouts
    most: int
    exchange: Exchange = attrs.field(factory=Exchange)
    _since: float | None = None
    _in_window: int = 0
    _head_due: float = inf

    async def send(self, data: bytes | memoryview) -> None:
        """Raises Interrupted."""
        try:
            await self.link.send(data)
        except LOSS as error:
            raise lost(error) from error

    async def next(self) -> Head | Chunk | End:
        """Raises Interrupted or PeerMisbehaved."""
        while True:
            event = self.exchange.next()
            if not isinstance(event, NeedBytes):
                return event
            self.exchange.received(await self._receive())

    async def head(self) -> Head:
        """The answer's head.  Raises Interrupted or PeerMisbehaved."""
        if self.timeouts.head is not None:
            self._head_due = trio.current_time() + self.timeouts.head
        head = await self.next()
        self._head_due, self._since = inf, None
        if not isinstance(head, Head):
            raise PeerMisbehaved("an answer without a head")
        return head

    async def _receive(self) -> bytes:
        link = direct(self.link)
        if link is None:
            data = await self._receive_slowly()
        else:
            if isinstance(link, SocketLink) and not self.exchange.heard:
                await self.readable()  # nobody answers at once
            data = await self._receive_directly(link)
        self._in_window += len(data)
        return data

    async def _receive_directly(self, link: Direct) -> bytes:
        while True:
            try:
                return link.receive_now(self.most)
            except BlockingIOError:
                await self.readable()
            except LOSS as error:
                raise lost(error) from error

    async def _receive_slowly(self) -> bytes:
        until = self._until()
        try:
            with trio.CancelScope(deadline=until):
                return await self.link.receive(self.most)
        except LOSS as error:
            raise lost(error) from error
        raise self._too_slow(until)

    async def readable(self) -> None:
        """Wait for bytes of a direct link within the time limits.  Raises Interrupted."""
        link, until = direct(self.link), self._until()
        assert link is not None  # nobody else is asked
        try:
            in_time = await self.watch.readable(link, until)
        except LOSS as error:
            raise lost(error) from error
        if not in_time:
            raise self._too_slow(until)

    def took(self, count: int) -> None:
        """So many bytes of the body have gone past this object.  Raises Interrupted."""
        self.exchange.skip(count)
        self._in_window += count
        self._look_at_pace(trio.current_time())

    def _until(self) -> float:
        """When a wait that begins now has lasted too long.  Raises Interrupted."""
        now, idle = trio.current_time(), self.timeouts.idle
        self._look_at_pace(now)
        return self._head_due if idle is None else min(self._head_due, now + idle)

    def _too_slow(self, until: float) -> TooSlow:
        if until == self._head_due:
            return TooSlow(f"no answer within {self.timeouts.head} s")
        return TooSlow(f"nothing was received for {self.timeouts.idle} s")

    def _look_at_pace(self, now: float) -> None:
        """Raises Interrupted when the last window brought too few bytes."""
        window, least = self.timeouts.window, self.timeouts.least
        if self._since is None:
            self._since, self._in_window = now, 0
        passed = now - self._since
        if window is None or passed < window:
            return
        if self._in_window < least * passed:
            raise TooSlow(f"less than {least} bytes a second for {window} s")
        self._since, self._in_window = now, 0
