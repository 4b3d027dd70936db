"""One connection as the engine uses it: bytes there, bytes back, and whether it is still good.

There are three.  ``StreamLink`` is any trio stream: all that simulation needs.
``SocketLink`` is a real socket, read and written by the system calls themselves:
trio's own methods pass its scheduler once a call, which is dear when a call moves
little, so here the socket is asked first and waited for only if it has nothing.
``TlsLink`` is TLS over either, through memory: a record holds at most 16 KiB, and a
stream that gives one record at a time would cost a scheduler pass for each; so all
records that have arrived are taken in one go.

A link that can be read without waiting is *direct* (``read_into``): the fast pump
moves bodies through it, in a worker thread if they are long.  Only a link that can be
looked at without waiting (``quiet``) is ever used for a second request.
"""

from __future__ import annotations

import os
import ssl
from typing import Protocol

import trio

CIPHERTEXT = 262144
RECEIVE = 98304
"""Most bytes of one new object: for more, malloc asks the kernel for fresh pages each time,
which takes ten times as long as to read them full."""


class Link(Protocol):
    """Errors are those of sockets (OSError) and of trio's streams."""

    @property
    def direct(self) -> bool:
        """Whether it can be read, and looked at (``quiet``), without waiting."""
        ...

    async def send(self, data: bytes | memoryview) -> None:
        """All of it."""
        ...

    async def receive(self, most: int) -> bytes:
        """As many as there are, at least one; empty at the peer's end."""
        ...

    def quiet(self) -> bool:
        """Whether nothing has come, not even an end; asked between two exchanges only."""
        ...

    async def close(self) -> None:
        """At once, without a farewell."""
        ...


class Direct(Link, Protocol):
    """A link whose bytes can be had without waiting, from any one thread at a time."""

    def read_into(self, view: memoryview) -> int:
        """What is there, 0 at the end.  Raises BlockingIOError when nothing is."""
        ...

    def receive_now(self, most: int) -> bytes:
        """What is there, empty at the end.  Raises BlockingIOError when nothing is."""
        ...

    async def wait_readable(self) -> None:
        """Until ``read_into`` is worth calling; also sends what TLS owes the peer."""
        ...

    @property
    def splice_from(self) -> int | None:
        """A socket whose bytes are the bytes of the body, or None."""
        ...

    @property
    def waits_for(self) -> int:
        """The socket on which bytes arrive."""
        ...


class StreamLink:
    """Any stream of trio."""

    direct = False

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def send(self, data: bytes | memoryview) -> None:
        """See Link."""
        await self._stream.send_all(data)

    async def receive(self, most: int) -> bytes:
        """See Link."""
        return bytes(await self._stream.receive_some(most))

    def quiet(self) -> bool:
        """See Link: cannot be known."""
        return False

    async def close(self) -> None:
        """See Link."""
        await trio.aclose_forcefully(self._stream)


class SocketLink:
    """A connected socket."""

    direct = True

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.fd = stream.socket.fileno()

    async def send(self, data: bytes | memoryview) -> None:
        """See Link."""
        try:
            sent = os.write(self.fd, data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            await self._stream.send_all(memoryview(data)[sent:])

    async def receive(self, most: int) -> bytes:
        """See Link."""
        while True:
            try:
                return os.read(self.fd, min(most, RECEIVE))
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self.fd)

    def receive_now(self, most: int) -> bytes:
        """See Direct."""
        return os.read(self.fd, min(most, RECEIVE))

    def read_into(self, view: memoryview) -> int:
        """See Direct."""
        return os.readv(self.fd, [view])

    async def wait_readable(self) -> None:
        """See Direct."""
        await trio.lowlevel.wait_readable(self.fd)

    @property
    def splice_from(self) -> int | None:
        """See Direct."""
        return self.fd

    @property
    def waits_for(self) -> int:
        """See Direct."""
        return self.fd

    def quiet(self) -> bool:
        """See Link."""
        try:
            os.read(self.fd, 1)
        except BlockingIOError:
            return True
        except OSError:
            pass  # broken: not quiet
        return False

    async def close(self) -> None:
        """See Link."""
        self.fd = -1
        await trio.aclose_forcefully(self._stream)


class TlsLink:
    """TLS as the client, over another link."""

    splice_from: int | None = None

    def __init__(self, under: StreamLink | SocketLink, context: ssl.SSLContext, host: str) -> None:
        self._under = under
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)
        self._cipher = memoryview(bytearray(0))

    async def handshake(self) -> None:
        """Raises ssl.SSLError, a certificate that does not fit included."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            else:
                await self._flush()
                return

    async def send(self, data: bytes | memoryview) -> None:
        """See Link."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._tls.write(rest[:CIPHERTEXT]) :]
            await self._flush()

    async def receive(self, most: int) -> bytes:
        """See Link."""
        room = memoryview(bytearray(min(most, RECEIVE)))
        while True:
            got = self._decrypt(room)
            if got is not None:
                return bytes(room[:got])
            await self._flush()
            await self._feed()

    def read_into(self, view: memoryview) -> int:
        """See Direct: all that has arrived, up to the size of ``view``."""
        at = 0
        while at < len(view):
            got = self._decrypt(view[at:])
            if got is None:
                try:
                    self._feed_now()
                except BlockingIOError:
                    if at:
                        return at
                    raise
            elif got == 0:
                break
            else:
                at += got
        return at

    def receive_now(self, most: int) -> bytes:
        """See Direct."""
        room = memoryview(bytearray(min(most, RECEIVE)))
        return bytes(room[: self.read_into(room)])

    async def wait_readable(self) -> None:
        """See Direct."""
        await self._flush()
        assert isinstance(self._under, SocketLink)  # no other link is direct
        await self._under.wait_readable()

    def quiet(self) -> bool:
        """See Link: what TLS itself has to say (tickets, new keys) is no answer."""
        if not isinstance(self._under, SocketLink):
            return False
        try:
            self.read_into(memoryview(bytearray(1)))
        except BlockingIOError:
            return True
        except OSError:
            pass  # broken: not quiet
        return False

    async def close(self) -> None:
        """See Link."""
        await self._under.close()

    @property
    def waits_for(self) -> int:
        """See Direct."""
        assert isinstance(self._under, SocketLink)  # no other link is direct
        return self._under.fd

    @property
    def direct(self) -> bool:
        """See Link: not over streams of simulation."""
        return isinstance(self._under, SocketLink)

    def _decrypt(self, view: memoryview) -> int | None:
        """Bytes, 0 at the end that TLS vouches for, None when ciphertext is wanted.

        A connection that just ends raises ssl.SSLEOFError: somebody may have cut it.
        """
        try:
            return int(self._tls.read(len(view), view))
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return 0

    def _feed_now(self) -> None:
        assert isinstance(self._under, SocketLink)  # no other link is direct
        if not self._cipher:
            self._cipher = memoryview(bytearray(CIPHERTEXT))
        self._took(self._cipher[: self._under.read_into(self._cipher)])

    async def _feed(self) -> None:
        self._took(await self._under.receive(RECEIVE))

    def _took(self, data: bytes | memoryview) -> None:
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    async def _flush(self) -> None:
        if self._out.pending:
            await self._under.send(self._out.read())


def direct(link: Link) -> Direct | None:
    """The same link, if it can be read without waiting."""
    if isinstance(link, SocketLink) or (isinstance(link, TlsLink) and link.direct):
        return link
    return None


def link_over(stream: trio.abc.Stream) -> StreamLink | SocketLink:
    """A link without TLS."""
    return SocketLink(stream) if isinstance(stream, trio.SocketStream) else StreamLink(stream)
