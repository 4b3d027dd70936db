"""Runs a scripted server for a test, on either network, with a raw client beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

import attrs
import h11
import trio
import trio.testing

from conformance.scenario.format import World
from conformance.trace import AnyServerEntry
from conformance.world.network import Network, open_network
from conformance.world.scripted import ScriptedWorld
from conformance.world.server import Pages, ScriptedServer

Kind = Literal["loopback", "memory"]


@attrs.define
class Serving:
    """What a test holds: the log, the world, and a way to connect."""

    network: Network
    world: ScriptedWorld
    log: list[AnyServerEntry]
    _streams: list[trio.abc.Stream] = attrs.field(factory=list)

    async def close(self) -> None:
        for stream in self._streams:
            await stream.aclose()

    async def connect(self, origin: str = "app") -> trio.abc.Stream:
        url = urlsplit(self.network.origins[origin])
        assert url.hostname is not None
        stream = await self.network.connect(url.hostname, url.port or 80)
        self._streams.append(stream)
        return stream

    async def noted(self, kind: type[AnyServerEntry]) -> AnyServerEntry:
        """Wait until an entry of this kind is in the log."""
        with trio.fail_after(5):
            while True:
                for entry in self.log:
                    if isinstance(entry, kind):
                        return entry
                await trio.sleep(0.001)

    def kinds(self) -> list[str]:
        return [type(entry).__name__.removeprefix("Server") for entry in self.log]


@asynccontextmanager
async def serving(
    world: World, kind: Kind = "memory", pages: Pages | None = None
) -> AsyncIterator[Serving]:
    network = await open_network(kind, ["app", *world.origins])
    log: list[AnyServerEntry] = []
    scripted = ScriptedWorld(world, network.origins, log.append)
    server = ScriptedServer(scripted, pages)
    async with trio.open_nursery() as nursery:
        await nursery.start(network.serve, server.serve)
        it = Serving(network, scripted, log)
        try:
            yield it
        finally:
            await it.close()
        nursery.cancel_scope.cancel()


def get(path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> bytes:
    """The bytes of a request."""
    fields = {"Host": "app.test", **{k.replace("_", "-"): v for k, v in headers.items()}}
    if body is not None:
        fields["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")


@attrs.frozen
class Answered:
    """What h11 made of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


async def read_answer(stream: trio.abc.Stream, method: str = "GET") -> Answered:
    """Read one answer with h11 as the client; raises what h11 or the stream raises."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    parser.send(h11.EndOfMessage())
    status, headers, body = 0, {}, bytearray()
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(bytes(await stream.receive_some()))
        elif isinstance(event, h11.Response):
            status = event.status_code
            headers = {k.decode(): v.decode() for k, v in event.headers}
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return Answered(status, headers, bytes(body))


async def read_all(stream: trio.abc.Stream) -> bytes:
    """Every byte until the end."""
    whole = bytearray()
    while data := await stream.receive_some():
        whole += data
    return bytes(whole)


async def read_exactly(stream: trio.abc.Stream, count: int) -> bytes:
    """So many bytes."""
    whole = bytearray()
    while len(whole) < count:
        data = await stream.receive_some(count - len(whole))
        assert data, f"the stream ended after {len(whole)} of {count} bytes"
        whole += data
    return bytes(whole)


def run(main: Callable[[], Awaitable[None]], kind: Kind = "memory") -> None:
    """Run a test: bounded, and on a clock that jumps unless there are real sockets."""

    async def bounded() -> None:
        with trio.fail_after(10):
            await main()

    clock = None if kind == "loopback" else trio.testing.MockClock(autojump_threshold=0)
    trio.run(bounded, clock=clock)
