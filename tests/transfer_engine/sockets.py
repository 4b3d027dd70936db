"""Real sockets without a network: pairs, plain or with TLS, and a peer that is scripted by hand."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs
import trio

Talk = Callable[["Far"], Awaitable[None]]


@attrs.define(eq=False)
class Far:
    """The server's end of one connection."""

    stream: trio.abc.Stream
    number: int
    _ahead: bytes = b""

    async def head(self) -> bytes:
        """The next request's head; empty when the client has gone."""
        while b"\r\n\r\n" not in self._ahead:
            data = bytes(await self.stream.receive_some(65536))
            if not data:
                return b""
            self._ahead += data
        head, _, self._ahead = self._ahead.partition(b"\r\n\r\n")
        return head

    async def say(self, data: bytes) -> None:
        """Exactly these bytes."""
        await self.stream.send_all(data)

    async def take(self, count: int) -> bytes:
        """So many bytes of a request's body."""
        while len(self._ahead) < count:
            data = bytes(await self.stream.receive_some(65536))
            assert data, "the client has gone"
            self._ahead += data
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken


@attrs.define(eq=False)
class Pairs:
    """``connect`` for an engine: each connection is served by ``talk`` until it returns."""

    nursery: trio.Nursery
    talk: Talk
    tls: ssl.SSLContext | None = None
    count: int = 0
    places: list[str] = attrs.field(factory=list)

    async def connect(self, host: str, port: int, /) -> trio.abc.Stream:
        """See Connect."""
        await trio.lowlevel.checkpoint()
        near, far = socket.socketpair()
        self.count += 1
        self.places.append(host)
        self.nursery.start_soon(self._serve, trio.SocketStream(_of(far)), self.count)
        return trio.SocketStream(_of(near))

    async def _serve(self, plain: trio.SocketStream, number: int) -> None:
        stream: trio.abc.Stream = plain
        if self.tls is not None:
            stream = trio.SSLStream(plain, self.tls, server_side=True, https_compatible=True)
        try:
            await self.talk(Far(stream, number))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has gone
        finally:
            await trio.aclose_forcefully(stream)


def _of(plain: socket.socket) -> trio.socket.SocketType:
    return trio.socket.from_stdlib_socket(plain)


def certificate(directory: Path, name: str = "localhost") -> Path:
    """A file with a new key and its own certificate for that name, by the openssl command."""
    path = directory / f"{name}.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    places = ["-keyout", str(path), "-out", f"{path}.crt"]
    command = ["openssl", "req", "-x509", *key, *names, *places]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def server_tls(pem: Path) -> ssl.SSLContext:
    """A server with that certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context


def client_tls(pem: Path) -> ssl.SSLContext:
    """A client that trusts that certificate, and checks names as always."""
    return ssl.create_default_context(cafile=str(pem))
