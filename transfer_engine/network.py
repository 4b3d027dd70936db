"""One request over real streams: connect, send, follow redirects, hand out the body.

Each exchange has its own connection, closed when the ``async with`` ends
(a connection of which the engine has seen an anomaly is never used again, and
nothing here is worth the state that reuse would cost).  A request body is sent
by a task of the engine's nursery while the answer is being read: a server may
answer before it has read everything, and an answer is worth more than the
broken pipe behind it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import attrs
import trio

from transfer_engine.config import EngineConfig, Seams
from transfer_engine.decode import Decoder, decoder_for
from transfer_engine.errors import EngineClosed, Interrupted, PeerMisbehaved, Unreachable
from transfer_engine.hops import Hop, cors_allows, first_hop, next_hop, preflight_allows
from transfer_engine.messages import Headers, StoredHead, StoredRequest
from transfer_engine.plan import NULL_BODY_STATUS
from transfer_engine.urls import Address, parse
from transfer_engine.wire import Chunk, End, Exchange, Head, NeedBytes

SEND = 65536


@attrs.frozen
class Upload:
    """A request body: its length, ``read(offset, most)``, whom to tell how much has been sent."""

    length: int
    read: Callable[[int, int], Awaitable[bytes]]
    sent: Callable[[int], None]


@contextmanager
def _loss_named() -> Iterator[None]:
    try:
        yield
    except (trio.BrokenResourceError, trio.ClosedResourceError, OSError) as error:
        raise Interrupted(str(error.__cause__ or error) or "the connection broke") from error


@attrs.define(eq=False)
class Connection:
    """A stream and the exchange on it."""

    stream: trio.abc.Stream
    idle: float | None
    most: int
    exchange: Exchange = attrs.field(factory=Exchange)

    async def send(self, data: bytes) -> None:
        """Raises Interrupted."""
        with _loss_named():
            await self.stream.send_all(data)

    async def next(self) -> Head | Chunk | End:
        """Raises Interrupted or PeerMisbehaved."""
        while True:
            event = self.exchange.next()
            if not isinstance(event, NeedBytes):
                return event
            self.exchange.received(await self._receive())

    async def _receive(self) -> bytes:
        with _loss_named():
            try:
                with trio.fail_after(float("inf") if self.idle is None else self.idle):
                    return bytes(await self.stream.receive_some(self.most))
            except trio.TooSlowError:
                raise Interrupted(f"nothing was received for {self.idle} s") from None


@attrs.define(eq=False)
class Answer:
    """The final answer of a redirect chain; a ``Source`` of its decoded body."""

    head: StoredHead
    _connection: Connection
    _decoder: Decoder
    _bodiless: bool
    _ended: bool = False

    async def receive(self, most: int) -> bytes:
        """See Source: decoded bytes, empty once the framing has ended the body."""
        while not self._bodiless:
            piece = self._decoder.take(most)
            if piece is not None:
                return piece
            if self._ended:
                break
            event = await self._connection.next()
            if isinstance(event, Chunk):
                self._decoder.feed(event.data)
            else:
                self._decoder.end()
                self._ended = True
        return b""


@attrs.define(eq=False)
class Network:
    """How one engine reaches servers."""

    config: EngineConfig
    seams: Seams
    nursery: trio.Nursery

    @asynccontextmanager
    async def answer(
        self, request: StoredRequest, start: int, upload: Upload | None
    ) -> AsyncIterator[Answer]:
        """Ask from byte ``start``.  Raises TransferError."""
        hop = first_hop(parse(self.config.app_origin), request, upload is not None, start)
        while True:
            if hop.needs_preflight:
                await self._preflight(hop)
            async with self._exchange(hop, upload if hop.with_body else None) as (connection, head):
                if not cors_allows(hop, head.headers):
                    raise PeerMisbehaved("the CORS check failed")
                following = next_hop(hop, head.status, head.headers)
                if following is None:
                    yield _answer(hop, head, connection)
                    return
            hop = following

    async def _preflight(self, hop: Hop) -> None:
        asking = attrs.evolve(hop, method="OPTIONS", with_body=False, headers=(), start=0)
        extra: Headers = (("access-control-request-method", hop.method),)
        if hop.unsafe_headers:
            extra += (("access-control-request-headers", ",".join(hop.unsafe_headers)),)
        async with self._exchange(asking, None, extra) as (_, head):
            if not preflight_allows(hop, head.status, head.headers):
                raise PeerMisbehaved("the CORS preflight was refused")

    @asynccontextmanager
    async def _exchange(
        self, hop: Hop, upload: Upload | None, extra: Headers = ()
    ) -> AsyncIterator[tuple[Connection, Head]]:
        stream = await self._open(hop.address)
        scope = trio.CancelScope()
        try:
            connection = Connection(stream, self.config.timeouts.idle, self.config.chunk_size)
            headers = self._headers(hop, upload) + extra
            begin = connection.exchange.request(hop.address, hop.method, headers)
            if upload is None:
                await connection.send(begin + connection.exchange.end_of_request())
            else:
                await connection.send(begin)
                self.nursery.start_soon(_send_body, connection, upload, scope)
            head = await connection.next()
            if not isinstance(head, Head):
                raise PeerMisbehaved("an answer without a head")
            yield connection, head
        finally:
            scope.cancel()
            await trio.aclose_forcefully(stream)

    async def _open(self, address: Address) -> trio.abc.Stream:
        limit = self.config.timeouts.connect
        try:
            with trio.fail_after(float("inf") if limit is None else limit):
                stream = await self.seams.connect(address.host, address.port)
                return await self._secure(stream, address) if address.scheme == "https" else stream
        except trio.TooSlowError:
            raise Unreachable(address.host, address.port, f"not within {limit} s") from None
        except (OSError, trio.BrokenResourceError) as error:
            raise Unreachable(address.host, address.port, str(error)) from error

    async def _secure(self, stream: trio.abc.Stream, address: Address) -> trio.abc.Stream:
        import ssl  # only https needs it

        context = self.config.ssl_context or ssl.create_default_context()
        secure = trio.SSLStream(
            stream, context, server_hostname=address.host, https_compatible=True
        )
        try:
            await secure.do_handshake()
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return secure

    def _headers(self, hop: Hop, upload: Upload | None) -> Headers:
        """The page's own headers and those that the engine answers for."""
        own = {name for name, _ in hop.headers}
        headers = hop.headers
        if "accept" not in own:
            headers += (("accept", "*/*"),)
        if "user-agent" not in own:
            headers += (("user-agent", self.config.user_agent),)
        # Only identity can be resumed (RECORD-8): ask for it from the start.
        headers += (("accept-encoding", "identity"), ("connection", "close"))
        if hop.start > 0:
            headers += (("range", f"bytes={hop.start}-"),)
        if hop.cross_origin or hop.method not in ("GET", "HEAD"):
            headers += (("origin", hop.origin),)
        if upload is not None:
            headers += (("content-length", str(upload.length)),)
        elif hop.method in ("POST", "PUT", "PATCH"):
            headers += (("content-length", "0"),)
        return headers


def _answer(hop: Hop, head: Head, connection: Connection) -> Answer:
    stored = StoredHead(head.status, head.headers, hop.address.url, hop.count > 0, hop.cross_origin)
    bodiless = hop.method == "HEAD" or head.status in NULL_BODY_STATUS
    return Answer(stored, connection, decoder_for(stored), bodiless)


async def _send_body(connection: Connection, upload: Upload, scope: trio.CancelScope) -> None:
    """Send until done or in vain: what becomes of the record is for the answer to say."""
    with scope:
        sent = 0
        try:
            while data := await upload.read(sent, SEND):
                await connection.send(connection.exchange.body(data))
                sent += len(data)
                upload.sent(sent)
            await connection.send(connection.exchange.end_of_request())
        except (Interrupted, EngineClosed):
            pass
