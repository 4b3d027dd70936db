"""A small scripted HTTP/1.1 server for these tests, over memory streams or loopback sockets.

Each request for a path is answered by the next *turn* of that path's list (the
last one repeats).  A turn writes what it likes: whole answers, halves, lies.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs
import h11
import trio
import trio.testing


@attrs.define(eq=False)
class Asked:
    """One request as the server got it, and how to answer it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    stream: trio.abc.Stream

    async def raw(self, data: bytes) -> None:
        """Exactly these bytes."""
        await self.stream.send_all(data)

    async def answer(
        self, status: int = 200, body: bytes = b"", upto: int = -1, /, **headers: str
    ) -> None:
        """An answer with its Content-Length; broken off after ``upto`` bytes.

        Header names are given with underscores.
        """
        await self.head(status, content_length=str(len(body)), **headers)
        await self.raw(body if upto < 0 else body[:upto])

    async def head(self, status: int = 200, /, **headers: str) -> None:
        """Only a head."""
        lines = [f"HTTP/1.1 {status} So"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode())


Turn = Callable[[Asked], Awaitable[None]]


@attrs.define(eq=False)
class Server:
    """Paths with turns, and logs: whole requests, and the paths of all that were begun."""

    nursery: trio.Nursery
    turns: dict[str, list[Turn]] = attrs.field(factory=dict)
    log: list[Asked] = attrs.field(factory=list)
    heads: list[str] = attrs.field(factory=list)
    refuse: bool = False
    _news: trio.Event = attrs.field(factory=trio.Event)

    def on(self, path: str, *turns: Turn) -> None:
        """What happens at a path."""
        self.turns[path] = list(turns)

    def ranges(self, path: str) -> list[str]:
        """The Range of each request for a path, "" for none."""
        return [asked.headers.get("range", "") for asked in self.log if asked.path == path]

    async def asked(self, path: str, count: int = 1) -> None:
        """Until so many requests for a path have come."""
        while len(self.ranges(path)) < count:
            await self._news.wait()

    async def connect(self, host: str, port: int) -> trio.abc.Stream:
        """A memory stream to this server, whatever the host."""
        await trio.lowlevel.checkpoint()
        if self.refuse:
            raise ConnectionRefusedError("refused")
        near, far = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.serve, far)
        return near

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection, one exchange."""
        async with stream:
            try:
                asked = await self._read(stream)
                if asked is not None:
                    turns = self.turns.get(asked.path, [not_found])
                    at = len(self.ranges(asked.path)) - 1
                    await turns[min(at, len(turns) - 1)](asked)
            except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
                pass  # the client went away: nothing to answer

    async def _read(self, stream: trio.abc.Stream) -> Asked | None:
        http = h11.Connection(h11.SERVER)
        request: h11.Request | None = None
        body = b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(bytes(await stream.receive_some(65536)))
            elif isinstance(event, h11.Request):
                request = event
                self.heads.append(event.target.decode())
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return self._log(request, body, stream)
            else:
                return None

    def _log(self, request: h11.Request, body: bytes, stream: trio.abc.Stream) -> Asked:
        headers = {n.decode(): v.decode() for n, v in request.headers}
        asked = Asked(request.method.decode(), request.target.decode(), headers, body, stream)
        self.log.append(asked)
        self._news.set()
        self._news = trio.Event()
        return asked


async def not_found(asked: Asked) -> None:
    """An ordinary 404."""
    await asked.answer(404, b"not found")


def whole(body: bytes, **headers: str) -> Turn:
    """200 with this body, whatever was asked."""

    async def turn(asked: Asked) -> None:
        await asked.answer(200, body, **headers)

    return turn


def cut(body: bytes, at: int, **headers: str) -> Turn:
    """200 with this body, broken off after ``at`` bytes."""

    async def turn(asked: Asked) -> None:
        await asked.answer(200, body, at, **({"etag": '"v1"'} | headers))

    return turn


def stall(body: bytes, at: int, **headers: str) -> Turn:
    """200 with this body, nothing more after ``at`` bytes until the client goes away."""

    async def turn(asked: Asked) -> None:
        await asked.answer(200, body, at, **({"etag": '"v1"'} | headers))
        await asked.stream.receive_some(1)

    return turn


def ranged(body: bytes, etag: str = '"v1"', least: int = 0) -> Turn:
    """Honours ``bytes=k-``; without Range a 200."""

    async def turn(asked: Asked) -> None:
        wanted = asked.headers.get("range")
        if wanted is None:
            await asked.answer(200, body, etag=etag)
            return
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        assert first >= least
        if first >= len(body):
            await asked.answer(416, content_range=f"bytes */{len(body)}")
            return
        await asked.answer(
            206,
            body[first:],
            etag=etag,
            content_range=f"bytes {first}-{len(body) - 1}/{len(body)}",
        )

    return turn


def partial(body: bytes, content_range: str, **headers: str) -> Turn:
    """206 with exactly this Content-Range and body."""

    async def turn(asked: Asked) -> None:
        await asked.answer(206, body, content_range=content_range, **headers)

    return turn


def status(code: int, body: bytes = b"", **headers: str) -> Turn:
    """This status and body."""

    async def turn(asked: Asked) -> None:
        await asked.answer(code, body, **headers)

    return turn


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server in memory; its tasks end with the block."""
    async with trio.open_nursery() as nursery:
        yield Server(nursery)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Server, str]]:
    """A server on a loopback socket, and its origin."""
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, server.serve, listeners)
        port = listeners[0].socket.getsockname()[1]
        yield server, f"http://127.0.0.1:{port}"
        nursery.cancel_scope.cancel()
