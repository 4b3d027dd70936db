"""Who may use the network when, and connections that wait for their next request.

*Turns.*  An exchange takes a turn first: at most ``per_origin`` run at one origin, at
most ``total`` altogether.  Whose turn it is goes round robin over the jobs that wait,
and within a job in the order of asking; a job whose origin is full is passed over, so
neither a big job nor a slow server keeps others waiting.

*Idle connections.*  A connection whose exchange ended exactly where its framing said,
with nothing behind it, may carry another one.  Any anomaly closes it: what follows an
answer on the same connection is only as trustworthy as the answer's end.  Before it is
used again it is looked at; one that has ended or said something meanwhile is closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

import attrs
import trio

from transfer_engine.link import Link

IDLE = 30.0
MOST_IDLE = 64


@attrs.frozen
class Limits:
    """Exchanges at a time, None for no limit; ``idle`` seconds an unused connection is kept."""

    per_origin: int | None = attrs.field(default=16)
    total: int | None = attrs.field(default=64)
    idle: float = IDLE

    @per_origin.validator
    @total.validator
    def _at_least_one(self, field: attrs.Attribute[int | None], value: int | None) -> None:
        if value is not None and value < 1:
            raise ValueError(f"{field.name} is {value}, which would be no network at all")


NO_LIMITS = Limits(None, None)


@attrs.define(eq=False)
class _Ticket:
    origin: str
    granted: trio.Event = attrs.field(factory=trio.Event)


@attrs.define(eq=False)
class Turns:
    """Limits, with fairness."""

    limits: Limits
    _running: dict[str, int] = attrs.field(factory=dict)
    _total: int = 0
    _waiting: dict[Hashable, dict[str, deque[_Ticket]]] = attrs.field(factory=dict)

    async def take(self, who: Hashable, origin: str) -> None:
        """Wait for a turn; whoever has it gives it back."""
        if self._free(origin):
            # Nobody waits for what is free: whoever could use it has been granted it.
            self._take(origin)
        else:
            await self._queue(who, _Ticket(origin))

    async def _queue(self, who: Hashable, ticket: _Ticket) -> None:
        queue = self._waiting.setdefault(who, {}).setdefault(ticket.origin, deque())
        queue.append(ticket)
        try:
            await ticket.granted.wait()
        except BaseException:
            # It has not been granted: a task that was woken is not cut off any more.
            queue.remove(ticket)
            self._forget(who, ticket.origin)
            raise

    def _free(self, origin: str) -> bool:
        most, total = self.limits.per_origin, self.limits.total
        if total is not None and self._total >= total:
            return False
        return most is None or self._running.get(origin, 0) < most

    def _take(self, origin: str) -> None:
        self._total += 1
        self._running[origin] = self._running.get(origin, 0) + 1

    def give_back(self, origin: str) -> None:
        """The turn is over: it goes to whoever has waited the most rounds."""
        self._total -= 1
        self._running[origin] -= 1
        if not self._running[origin]:
            del self._running[origin]
        self._grant()

    def _grant(self) -> None:
        """Give what is free to whoever has waited the most rounds."""
        for who, queues in list(self._waiting.items()):
            origin = next(filter(self._free, queues), None)
            if origin is None:
                continue
            self._take(origin)
            queues[origin].popleft().granted.set()
            self._forget(who, origin)
            if who in self._waiting:  # to the end of the round
                self._waiting[who] = self._waiting.pop(who)
            return

    def _forget(self, who: Hashable, origin: str) -> None:
        queues = self._waiting[who]
        if not queues[origin]:
            del queues[origin]
        if not queues:
            del self._waiting[who]


@attrs.define(eq=False)
class Idle:
    """Connections that may carry another request."""

    keep: float
    _links: dict[str, list[tuple[float, Link]]] = attrs.field(factory=dict)
    _count: int = 0
    _some: trio.Event = attrs.field(factory=trio.Event)

    async def tend(self) -> None:
        """Close connections when their time is up, for ever."""
        while True:
            await self._some.wait()
            while self._count:
                await trio.sleep(self.keep)
                await self.expire()
            self._some = trio.Event()

    async def take(self, origin: str) -> Link | None:
        """The one used last that is still good, or None."""
        links = self._links.get(origin, [])
        while links:
            since, link = links.pop()
            self._count -= 1
            if trio.current_time() - since < self.keep and link.quiet():
                return link
            await link.close()
        return None

    async def give(self, origin: str, link: Link) -> None:
        """Keep a connection whose exchange ended well."""
        if self.keep <= 0 or self._count >= MOST_IDLE or not link.direct:
            await link.close()
            return
        self._links.setdefault(origin, []).append((trio.current_time(), link))
        self._count += 1
        self._some.set()

    async def expire(self) -> None:
        """Close what has been idle for too long."""
        oldest = trio.current_time() - self.keep
        for origin, links in list(self._links.items()):
            while links and links[0][0] <= oldest:
                self._count -= 1
                await links.pop(0)[1].close()
            if not links:
                self._links.pop(origin, None)

    async def close(self) -> None:
        """Close all of them."""
        self.keep = 0.0
        await self.expire()
