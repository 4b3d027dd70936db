"""One request over real connections: take a turn, send, follow redirects, hand out the body.

Each exchange takes a turn (``pool``) and a connection: one that is idle, or a new one.
Requests with consequences never go out on a used connection: it may have died
unnoticed, and nobody could tell whether the server had acted.  A GET that dies on a
used connection before a byte of an answer is sent again, once, on a new one; that is no
attempt in the specification's sense, because no server answered it.

A request body is sent by a task of the engine's nursery (``sending``).

A preflight's permission is kept for as long as the server says, at most two hours
(Fetch, "CORS-preflight cache"), for the same origin, URL, method, headers and use of credentials.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable
from typing import Protocol

import attrs
import trio

from transfer_engine.config import EngineConfig
from transfer_engine.connection import Connection, Watch
from transfer_engine.decode import Decoder, Identity, decoder_for
from transfer_engine.dialing import Connect, Dialing, Resolve
from transfer_engine.errors import Interrupted, PeerMisbehaved, TooSlow
from transfer_engine.hops import (
    Hop,
    cors_allows,
    first_hop,
    next_hop,
    preflight_age,
    preflight_allows,
)
from transfer_engine.link import direct
from transfer_engine.logs import SECRET_HEADERS, log, shown_url
from transfer_engine.messages import Headers, StoredHead, StoredRequest
from transfer_engine.plan import NULL_BODY_STATUS
from transfer_engine.pool import Idle, Turns
from transfer_engine.pump import Straight
from transfer_engine.sending import Sending, Upload, send_body
from transfer_engine.urls import Address, parse
from transfer_engine.wire import Chunk, Head

LONG = 1 << 20
MOST_PREFLIGHTS = 256


@attrs.frozen(eq=False)
class Trip:
    """A turn that is running: a request that was sent, and its answer's head."""

    origin: str
    connection: Connection
    head: Head
    sending: Sending | None


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

    @property
    def long(self) -> bool:
        """Whether the rest of the body is announced to be longer than what is worth losing."""
        return (self._connection.exchange.due or 0) > LONG

    def straight(self) -> Straight | None:
        """See Source: a counted body without a content coding, on a link that is direct."""
        left, link = self._connection.exchange.left, direct(self._connection.link)
        plain = isinstance(self._decoder, Identity) and not self._decoder.holds
        if link is None or not left or not plain or self._bodiless:
            return None
        return Straight(link, left, self._connection.took, self._connection.readable)


class NetworkSeams(Protocol):
    """Of an engine's seams, what reaches servers."""

    @property
    def connect(self) -> Connect:
        """See Seams."""
        ...

    @property
    def resolve(self) -> Resolve:
        """See Seams."""
        ...

    @property
    def turns(self) -> Turns | None:
        """See Seams."""
        ...


@attrs.define(eq=False)
class Asking:
    """An answer for as long as a block runs; then its turn and its connection are free."""

    network: Network
    who: Hashable
    request: StoredRequest
    start: int
    upload: Upload | None
    _trip: Trip | None = None

    async def __aenter__(self) -> Answer:
        self._trip, answer = await self.network._ask(self)
        return answer

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        assert self._trip is not None  # entered
        await self.network._back(self._trip, well=error is None)


@attrs.define(eq=False)
class Network:
    """How one engine, or a page's own requests, reach servers."""

    config: EngineConfig
    seams: NetworkSeams
    nursery: trio.Nursery
    _app: Address | None = attrs.field(init=False)
    _dialing: Dialing = attrs.field(init=False)
    _turns: Turns = attrs.field(init=False)
    _idle: Idle = attrs.field(init=False)
    _watch: Watch = attrs.field(factory=Watch)
    _permitted: dict[Hashable, float] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        config, seams = self.config, self.seams
        self._app = None if config.app_origin is None else parse(config.app_origin)
        self._dialing = Dialing(
            seams.connect,
            seams.resolve,
            config.policy,
            config.ssl_context,
            config.timeouts.connect,
        )
        self._turns = Turns(config.limits) if seams.turns is None else seams.turns
        self._idle = Idle(config.limits.idle)
        self.nursery.start_soon(self._tend)
        self.nursery.start_soon(self._watch.run)

    async def _tend(self) -> None:
        try:
            await self._idle.tend()
        finally:
            with trio.CancelScope(shield=True):
                await self._idle.close()

    def answer(
        self, who: Hashable, request: StoredRequest, start: int, upload: Upload | None
    ) -> Asking:
        """Ask from byte ``start`` in the turn of ``who``: ``async with`` has the answer.

        Entering raises TransferError.
        """
        return Asking(self, who, request, start, upload)

    async def _ask(self, asking: Asking) -> tuple[Trip, Answer]:
        """Up to the answer that is no redirect."""
        policy, upload, who = self.config.policy, asking.upload, asking.who
        hop = first_hop(self._app, asking.request, upload is not None, asking.start, policy)
        while True:
            if hop.needs_preflight:
                await self._preflight(who, hop)
            trip = await self._go(who, hop, upload if hop.with_body else None)
            try:
                self._keep_cookies(hop, trip.head)
                if not cors_allows(hop, trip.head.headers):
                    raise PeerMisbehaved("the CORS check failed")
                following = next_hop(hop, trip.head.status, trip.head.headers, policy)
                if following is None:
                    return trip, self._answer(hop, trip)
            except BaseException:
                await self._back(trip, well=False)
                raise
            await self._back(trip, well=True)
            hop = following

    def _answer(self, hop: Hop, trip: Trip) -> Answer:
        head = trip.head
        url, redirected = hop.address.url, hop.count > 0
        kept = head.headers
        if not SECRET_HEADERS.isdisjoint(dict(kept)):
            kept = tuple(pair for pair in kept if pair[0] not in SECRET_HEADERS)
        stored = StoredHead(
            head.status, kept, url, redirected, hop.cross_origin, hop.with_credentials
        )
        bodiless = hop.method == "HEAD" or head.status in NULL_BODY_STATUS
        decoder = decoder_for(stored, self.config.expansion)
        return Answer(stored, trip.connection, decoder, bodiless)

    def _keep_cookies(self, hop: Hop, head: Head) -> None:
        cookies = self.config.cookies
        if cookies is not None and hop.with_credentials:
            if cookies.keep(hop.address.url, head.headers, same_site=hop.same_site):
                self.nursery.start_soon(cookies.save)

    async def _preflight(self, who: Hashable, hop: Hop) -> None:
        key = (
            *(hop.origin, hop.address.url, hop.method, hop.unsafe_headers),
            hop.with_credentials,
        )
        if self._permitted.get(key, 0.0) > trio.current_time():
            return
        asking = attrs.evolve(hop, method="OPTIONS", with_body=False, headers=(), start=0)
        asking = attrs.evolve(asking, credentials="omit")
        extra: Headers = (("access-control-request-method", hop.method),)
        if hop.unsafe_headers:
            extra += (("access-control-request-headers", ",".join(hop.unsafe_headers)),)
        trip, well = await self._go(who, asking, None, extra), False
        try:
            if not preflight_allows(hop, trip.head.status, trip.head.headers):
                raise PeerMisbehaved("the CORS preflight was refused")
            while len(self._permitted) >= MOST_PREFLIGHTS:
                del self._permitted[next(iter(self._permitted))]
            self._permitted[key] = trio.current_time() + preflight_age(trip.head.headers)
            well = True
        finally:
            await self._back(trip, well=well)

    async def _go(
        self, who: Hashable, hop: Hop, upload: Upload | None, extra: Headers = ()
    ) -> Trip:
        """Take a turn and ask; whoever has got the answer's head comes back (``_back``)."""
        origin, sending = hop.address.origin, None if upload is None else Sending(upload)
        await self._turns.take(who, origin)
        try:
            connection, head = await self._begin(hop, sending, extra)
        except BaseException:
            self._turns.give_back(origin)
            if sending is not None:
                await sending.stop()
            raise
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s: %d", hop.method, shown_url(hop.address.url), head.status)
        return Trip(origin, connection, head, sending)

    async def _back(self, trip: Trip, *, well: bool) -> None:
        """Give back the turn, and the connection if it is as good as before."""
        reusable = well and trip.connection.exchange.reusable
        self._turns.give_back(trip.origin)
        if trip.sending is not None:
            await trip.sending.stop()
        if reusable:
            await self._idle.give(trip.origin, trip.connection.link)
        else:
            await trip.connection.link.close()

    async def _begin(
        self, hop: Hop, sending: Sending | None, extra: Headers
    ) -> tuple[Connection, Head]:
        """Send on an idle connection or a new one, up to the answer's head."""
        config, upload = self.config, None if sending is None else sending.upload
        repeatable = hop.method in ("GET", "OPTIONS") and upload is None
        while True:
            link = await self._idle.take(hop.address.origin) if repeatable else None
            used = link is not None
            if link is None:
                link = await self._dialing.open(hop.address)
            connection = Connection(link, self._watch, config.timeouts, config.chunk_size)
            try:
                headers = self._headers(hop, upload) + extra
                begin = connection.exchange.request(hop.address, hop.method, headers)
                await connection.send(begin)
                if sending is None:
                    connection.exchange.end_of_request()
                else:
                    sending.ended = trio.Event()
                    self.nursery.start_soon(send_body, connection, sending)
                return connection, await connection.head()
            except BaseException as error:
                await link.close()
                if sending is not None and sending.failure and isinstance(error, Interrupted):
                    raise sending.failure from error
                died = isinstance(error, Interrupted) and not isinstance(error, TooSlow)
                if not (used and repeatable and died) or connection.exchange.heard:
                    raise
                repeatable = False  # the next one is new, and the last

    def _headers(self, hop: Hop, upload: Upload | None) -> Headers:
        """The page's own headers and those that the engine answers for."""
        own = {name for name, _ in hop.headers}
        headers = hop.headers
        if "accept" not in own:
            headers += (("accept", "*/*"),)
        if "user-agent" not in own:
            headers += (("user-agent", self.config.user_agent),)
        # Only identity can be resumed (RECORD-8): ask for it from the start.
        headers += (("accept-encoding", "identity"),)
        if hop.start > 0:
            headers += (("range", f"bytes={hop.start}-"),)
        if hop.app and (hop.cross_origin or hop.method not in ("GET", "HEAD")):
            headers += (("origin", hop.origin),)
        cookies = self.config.cookies
        if cookies is not None and hop.with_credentials and "cookie" not in own:
            value = cookies.header(hop.address.url, same_site=hop.same_site)
            headers += (("cookie", value),) if value else ()
        if upload is not None:
            headers += (("content-length", str(upload.length)),)
        elif hop.method in ("POST", "PUT", "PATCH"):
            headers += (("content-length", "0"),)
        return headers
