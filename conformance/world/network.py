"""The two networks that a scenario can run on.

``LoopbackNetwork`` has one listening socket on 127.0.0.1 for each origin; the
port tells the origins apart.  ``MemoryNetwork`` has no sockets: ``connect``
makes a pair of memory streams and serves the far end in the same trio run, so
that under a mock clock the whole world is deterministic.

Both are used alike: make one (that settles the origins' base URLs), build the
scripted world and the server from them, then start ``serve``.

A memory stream delivers promptly and never pushes back: what was written can be
read at once, and a writer never waits for a reader.  A reset keeps what had
been written before it, as loopback TCP on Linux does for bytes that have
reached the receiver; then the peer's reads and writes fail.
"""

from __future__ import annotations

import math
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from typing import Literal, Protocol

import attrs
import trio

APP = "app"
"""The origin that the pages and the service worker belong to."""

Serve = Callable[[str, trio.abc.Stream], Awaitable[None]]
"""Serves one connection: the origin that was reached, and the server's end of the stream."""


class Network(Protocol):
    """What the runner needs of a network.  ``origins``: name to base URL, no trailing slash."""

    @property
    def origins(self) -> dict[str, str]: ...

    async def connect(self, host: str, port: int) -> trio.abc.Stream:
        """Open a client's end.  Raises OSError like a socket would."""
        ...

    async def serve(
        self, serve: Serve, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve connections until cancelled; every connection ends with it."""
        ...


async def reset(stream: trio.abc.Stream) -> None:
    """Break a connection so that the peer sees an error, not an end.

    A socket is closed with a linger time of zero, which makes TCP send RST.
    """
    if isinstance(stream, trio.SocketStream):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif isinstance(stream, MemoryStream):
        stream.reset()
    await trio.aclose_forcefully(stream)


# --- memory ---------------------------------------------------------------------------


@attrs.define(eq=False)
class _Pipe:
    """One direction.  ``ended``: the writer is done; ``broken``: both ends get errors."""

    data: bytearray = attrs.field(factory=bytearray)
    ended: bool = False
    unread: bool = False  # the reader is gone: writing makes no sense any more
    broken: bool = False
    changed: trio.Event = attrs.field(factory=trio.Event)

    def wake(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


@attrs.define(eq=False)
class MemoryStream(trio.abc.HalfCloseableStream):
    """One end of a connection in memory; ``memory_pair`` makes two."""

    _incoming: _Pipe
    _outgoing: _Pipe
    _closed: bool = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Raises BrokenResourceError if the peer is gone, ClosedResourceError if this end is."""
        await trio.lowlevel.checkpoint()
        if self._closed or self._outgoing.ended:
            raise trio.ClosedResourceError("this end is closed")
        if self._outgoing.broken or self._outgoing.unread:
            raise trio.BrokenResourceError("the peer is gone")
        self._outgoing.data += data
        self._outgoing.wake()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Up to ``max_bytes`` bytes; empty at the peer's end; BrokenResourceError after a reset."""
        await trio.lowlevel.checkpoint()
        pipe = self._incoming
        while not (pipe.data or pipe.ended or pipe.broken or self._closed):
            await pipe.changed.wait()
        if self._closed:
            raise trio.ClosedResourceError("this end is closed")
        if pipe.data:
            taken = bytes(pipe.data[:max_bytes])
            del pipe.data[: len(taken)]
            return taken
        if pipe.broken:
            raise trio.BrokenResourceError("the peer reset the connection")
        return b""

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()
        self._outgoing.ended = True
        self._outgoing.wake()

    async def aclose(self) -> None:
        self._close()
        await trio.lowlevel.checkpoint()

    def reset(self) -> None:
        """Break both directions; bytes already written can still be read by the peer."""
        self._outgoing.broken = self._incoming.broken = True
        self._close()

    def _close(self) -> None:
        self._closed = True
        self._outgoing.ended = True
        self._incoming.unread = True
        self._outgoing.wake()
        self._incoming.wake()


def memory_pair() -> tuple[MemoryStream, MemoryStream]:
    """Two ends of one connection."""
    there, back = _Pipe(), _Pipe()
    return MemoryStream(back, there), MemoryStream(there, back)


@attrs.define(eq=False)
class MemoryNetwork:
    """Origins are ``http://NAME.test`` (port 80); other hosts refuse connections."""

    names: tuple[str, ...]
    _arrivals: trio.MemorySendChannel[tuple[str, MemoryStream]] | None = None

    @property
    def origins(self) -> dict[str, str]:
        return {name: f"http://{name}.test" for name in self.names}

    async def connect(self, host: str, port: int) -> trio.abc.Stream:
        """Raises ConnectionRefusedError for an unknown host or port, or when nothing serves."""
        await trio.lowlevel.checkpoint()
        name = host.removesuffix(".test")
        if self._arrivals is None or port != 80 or name == host or name not in self.names:
            raise ConnectionRefusedError(f"nothing listens on {host}:{port}")
        client, far = memory_pair()
        self._arrivals.send_nowait((name, far))
        return client

    async def serve(
        self, serve: Serve, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve connections until cancelled."""
        # Unbounded: connect must not wait, and a connection costs a few objects.
        self._arrivals, arrivals = trio.open_memory_channel[tuple[str, MemoryStream]](math.inf)
        try:
            async with trio.open_nursery() as nursery:
                task_status.started()
                async for name, stream in arrivals:
                    nursery.start_soon(serve, name, stream)
        finally:
            self._arrivals = None


# --- loopback -------------------------------------------------------------------------


@attrs.define(eq=False)
class LoopbackNetwork:
    """Origins are ``http://localhost:PORT``: browsers trust localhost as they trust https."""

    origins: dict[str, str]
    _listeners: dict[str, trio.SocketListener]

    @classmethod
    async def listen(cls, names: Iterable[str]) -> LoopbackNetwork:
        """Bind a free port for each origin.  Raises OSError when there is none."""
        origins: dict[str, str] = {}
        listeners: dict[str, trio.SocketListener] = {}
        for name in names:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            listeners[name] = listener
            origins[name] = f"http://localhost:{listener.socket.getsockname()[1]}"
        return cls(origins, listeners)

    async def connect(self, host: str, port: int) -> trio.abc.Stream:
        """A TCP connection; ``localhost`` needs no resolver."""
        return await trio.open_tcp_stream("127.0.0.1" if host == "localhost" else host, port)

    async def serve(
        self, serve: Serve, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve connections until cancelled; then the listening sockets are closed."""
        async with trio.open_nursery() as nursery:
            for name, listener in self._listeners.items():
                await nursery.start(trio.serve_listeners, _bound(serve, name), [listener])
            task_status.started()


def _bound(serve: Serve, name: str) -> Callable[[trio.SocketStream], Awaitable[None]]:
    async def handler(stream: trio.SocketStream) -> None:
        await serve(name, stream)

    return handler


async def open_network(
    kind: Literal["loopback", "memory", "none"], names: Iterable[str]
) -> Network:
    """The network that an adapter factory asks for.

    ``none`` gives a memory network too: its base URLs are needed, nobody connects.
    """
    if kind == "loopback":
        return await LoopbackNetwork.listen(names)
    return MemoryNetwork(tuple(names))
