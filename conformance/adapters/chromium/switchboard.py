"""One WebSocket for each realm: commands go in, observations come out in order.

A realm connects when it comes to life and is gone when its connection is.  Each
one that ever lived gets its own prefix for names (``p1``, the worker's first
life ``w1``, its second ``w2``), so that a name says whom to ask.  Realms of
another origin or of a former scenario are not heard: they are leftovers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Self

import attrs
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from conformance.protocol import WORKER, Answer, AnyReply, decode_reply

Sink = Callable[[AnyReply], None]
MESSAGE_LIMIT = 1 << 20  # bytes; a body of 64 KiB as JSON text is at most six times as long


class RealmGone(Exception):
    """The realm does not exist (any more): a page that was closed, a worker that was stopped."""


@attrs.define(eq=False)
class Realm:
    """One living realm."""

    name: str
    prefix: str
    connection: ServerConnection
    era: int
    waiting: dict[int, asyncio.Future[None]] = attrs.field(factory=dict)

    async def ask(self, message: bytes, seq: int) -> None:
        """Send one command and wait until the realm has answered it.

        The answer itself goes to the sink in the moment it comes, so that it keeps its
        place among the observations.  Raises RealmGone.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting[seq] = future
        try:
            await self.connection.send(message, text=True)
            await future
        except ConnectionClosed:
            raise RealmGone(self.name) from None
        finally:
            self.waiting.pop(seq, None)

    def end(self) -> None:
        """Nobody will answer any more."""
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(RealmGone(self.name))


@attrs.define(eq=False)
class Switchboard:
    """All living realms of the running scenario."""

    sink: Sink
    origin: str = ""
    _era: int = 0
    _realms: dict[str, Realm] = attrs.field(factory=dict)
    _lives: dict[str, int] = attrs.field(factory=dict)
    _changed: asyncio.Condition = attrs.field(factory=asyncio.Condition)
    _server: Server | None = None

    @property
    def port(self) -> int:
        """Where it listens, on the loopback interface."""
        assert self._server is not None
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            max_size=MESSAGE_LIMIT,
            compression=None,
            ping_interval=None,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    def begin(self, origin: str) -> None:
        """A new scenario on this origin: names start afresh, others are not heard any more."""
        self.origin = origin
        self._era += 1
        self._realms.clear()
        self._lives.clear()

    def realm(self, name: str) -> Realm:
        """The living realm with this name.  Raises RealmGone."""
        if name not in self._realms:
            raise RealmGone(name)
        return self._realms[name]

    def lives(self, name: str) -> bool:
        """Whether a realm with this name lives."""
        return name in self._realms

    def page(self) -> str | None:
        """The name of some living page."""
        return next((name for name in self._realms if name != WORKER), None)

    def owner(self, name: str) -> Realm:
        """The realm that gave this name to an object.  Raises RealmGone."""
        prefix = name.partition(".")[0] + "."
        for realm in self._realms.values():
            if realm.prefix == prefix:
                return realm
        raise RealmGone(f"the one that named {name}")

    async def arrival(self, name: str) -> Realm:
        """Wait until a realm with this name lives."""
        async with self._changed:
            await self._changed.wait_for(lambda: name in self._realms)
            return self._realms[name]

    async def departure(self, name: str | None = None) -> None:
        """Wait until no realm with this name lives, or with None no realm at all."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: name not in self._realms if name is not None else not self._realms
            )

    async def _serve(self, connection: ServerConnection) -> None:
        request = connection.request
        if request is None or request.headers.get("Origin") != self.origin:
            return
        realm = await self._welcome(request.path.lstrip("/"), connection)
        try:
            async for message in connection:
                self._hear(realm, message)
        except ConnectionClosed:
            pass  # a killed browser says no goodbye
        finally:
            realm.end()
            async with self._changed:
                if self._realms.get(realm.name) is realm:
                    del self._realms[realm.name]
                self._changed.notify_all()

    async def _welcome(self, name: str, connection: ServerConnection) -> Realm:
        life = self._lives[name] = self._lives.get(name, 0) + 1
        if name == WORKER:
            prefix = f"w{life}."
        else:
            prefix = f"{name}." if life == 1 else f"{name}-{life}."
        realm = Realm(name, prefix, connection, self._era)
        await connection.send(json.dumps({"prefix": prefix}))
        async with self._changed:
            self._realms[name] = realm
            self._changed.notify_all()
        return realm

    def _hear(self, realm: Realm, message: str | bytes) -> None:
        if realm.era != self._era:
            return
        reply = decode_reply(message.encode() if isinstance(message, str) else message)
        self.sink(reply)
        if isinstance(reply, Answer) and (future := realm.waiting.get(reply.seq)) is not None:
            if not future.done():
                future.set_result(None)
