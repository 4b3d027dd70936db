"""The server of the real campaigns: a process of its own, which outlives every engine.

It answers the paths of every trial, over plain sockets and over TLS, and writes a line for
each request before it answers: what it was, and after the answer how far it came.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import h11
import trio

from tests.transfer_engine.server import Asked, Server, Turn, not_found
from tests.transfer_engine.sockets import certificate, server_tls

PIECE = 128 * 1024
BIG = b"".join(i.to_bytes(8, "big") for i in range(384 * 1024))
CUT = BIG[8 : 8 + 1_500_000]
SMALL = BIG[16:5016]
UPLOAD = BIG[24 : 24 + 400_000]
GETS: tuple[str, ...] = ("big", "cut", "small")


def bodies(prefix: str) -> dict[str, bytes]:
    """What each path of a trial gives."""
    return {
        f"{prefix}/big": BIG,
        f"{prefix}/cut": CUT,
        f"{prefix}/small": SMALL,
        f"{prefix}/post": b"made",
    }


def jobs(prefix: str) -> dict[str, list[str]]:
    """What each fetch of a trial asks for."""
    return {
        "gets": [f"{prefix}/{name}" for name in GETS],
        "post": [f"{prefix}/post"],
        "doomed": [f"{prefix}/hang"],
    }


@attrs.frozen
class Places:
    """Where the server is reached, and the certificate to trust there."""

    plain: str
    tls: str
    pem: Path


class Origin(Server):
    """Answers every trial's paths; one line in ``record`` for each request, before the answer."""

    def __init__(self, nursery: trio.Nursery, record: int) -> None:
        super().__init__(nursery)
        self.record = record

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection, one exchange."""
        async with stream:
            try:
                asked = await self._read(stream)
                if asked is not None:
                    self._note(asked)
                    await self._turn(asked)(asked)
            except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
                pass  # the client was killed

    def _note(self, asked: Asked) -> None:
        upload = hashlib.sha256(asked.body).hexdigest()
        line = {"path": asked.path, "headers": asked.headers, "upload": upload}
        os.write(self.record, (json.dumps(line) + "\n").encode())

    def _turn(self, asked: Asked) -> Turn:
        name = asked.path.rsplit("/", 1)[-1]
        if name == "post":
            return _made
        if name == "hang":
            return _hang
        body = bodies("").get(f"/{name}")
        if body is None:
            return not_found
        stop = 700_000 if name == "cut" and "range" not in asked.headers else len(body)
        return _pieces(body, stop)


async def _made(asked: Asked) -> None:
    await asked.answer(201, b"made")


async def _hang(asked: Asked) -> None:
    await asked.stream.receive_some(1)


def _pieces(body: bytes, stop: int) -> Turn:
    async def turn(asked: Asked) -> None:
        first = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        length = str(len(body) - first)
        if "range" in asked.headers:
            whole = f"bytes {first}-{len(body) - 1}/{len(body)}"
            await asked.head(206, content_length=length, etag='"v1"', content_range=whole)
        else:
            await asked.head(200, content_length=length, etag='"v1"')
        for at in range(first, stop, PIECE):
            await asked.raw(body[at : min(at + PIECE, stop)])
            await trio.sleep(0.0005)  # so that a kill can come between two pieces

    return turn


@contextmanager
def origin(record: Path) -> Iterator[Places]:
    """A server process, until the end of the block."""
    pem = certificate(record.parent)
    ready, answer = os.pipe()
    child = os.fork()
    if child == 0:
        in_child(lambda: trio.run(_serve, record, answer, pem))
    ports = os.read(ready, 32).decode().split()
    os.close(ready)
    os.close(answer)
    try:
        yield Places(f"http://127.0.0.1:{ports[0]}", f"https://localhost:{ports[1]}", pem)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


async def _serve(record: Path, answer: int, pem: Path) -> None:
    async with trio.open_nursery() as nursery:
        fd = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        server, tls = Origin(nursery, fd), server_tls(pem)

        async def serve_tls(plain: trio.SocketStream) -> None:
            stream = trio.SSLStream(plain, tls, server_side=True, https_compatible=True)
            await server.serve(stream)

        ports = []
        for handler in (server.serve, serve_tls):
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, handler, listeners)
            ports.append(str(listeners[0].socket.getsockname()[1]))
        os.write(answer, " ".join(ports).encode())


def in_child(work: Callable[[], object]) -> None:
    """Work in a forked child; never comes back."""
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the parent must see it, and no test runner
        traceback.print_exc(file=sys.stderr)
        os._exit(3)
