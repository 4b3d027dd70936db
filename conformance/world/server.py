"""The scripted HTTP/1.1 server: carries plans out over a stream.

h11 parses requests only.  Answers are written here byte by byte, because a plan
may be malformed on purpose: a short body, a missing last chunk, a reset.

What the log means.  A request is noted after its head was read; whatever a
client could learn from a write is noted *before* that write.  So the end of an
answer is noted together with the bytes that complete it: with a length (or with
no body at all) the last byte already tells the client that this was all, and
``ServerEnd`` comes before that byte is written, even if the plan goes on to wait
at a gate.  A plan that closes or resets after a complete body has nothing early
to note: its ``ServerEnd`` says close or reset, when it is done.

Finding the client gone.  While an answer is given, a second task reads from the
connection.  It keeps what a client sends ahead, and when it meets the end it
stops the answer, wherever that stands; then ``ServerLost`` is noted, unless the
end of the answer already was.  A client that closes only its sending half counts
as gone: no HTTP client of ours does that.

Not logged and not counted as attempts: CORS preflights (the answer permits
everything if the resource has ``cors``, else 403), a browser's favicon, the
harness's own pages under ``/.bgfetch/``, and requests that are no HTTP (400).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus

import attrs
import h11
import trio

from conformance.trace import (
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerHeld,
    ServerLost,
    ServerRequest,
    ServerRequestBody,
)
from conformance.world.network import APP, reset
from conformance.world.scripted import Finish, Plan, ScriptedWorld, Send, Wait

PAGES = "/.bgfetch/"
READ_SIZE = 65536
AMBIGUOUS = frozenset({101, 103, 205})
"""Statuses that clients differ about whether and when they end: the connection is closed after."""
MAX_AHEAD = 1 << 20
"""Bytes that a client may send ahead during an answer before it counts as gone."""


@attrs.frozen
class Response:
    """A plain answer of the harness's own pages."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


Pages = Callable[[str, str, bytes], Awaitable[Response | None]]
"""(path with query, method, body) to an answer; None is a 404."""

PERMISSIVE = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "*"),
    ("Access-Control-Allow-Headers", "*, Range, Content-Type"),
)


@attrs.define(eq=False)
class ScriptedServer:
    """Serves one scripted world on any number of streams."""

    world: ScriptedWorld
    pages: Pages | None = None
    _connections: int = 0
    _gates: dict[str, trio.Event] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.world.watch(lambda gate: self._gate(gate).set())

    async def serve(self, origin: str, stream: trio.abc.Stream) -> None:
        """Serve one connection that reached ``origin``, until either side ends it."""
        self._connections += 1
        connection = _Connection(self, origin, stream, self._connections)
        try:
            while await connection.one_request():
                pass
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    async def opened(self, gate: str) -> None:
        """Wait until a gate is open."""
        if not self.world.is_open(gate):
            await self._gate(gate).wait()

    def _gate(self, gate: str) -> trio.Event:
        return self._gates.setdefault(gate, trio.Event())


@attrs.frozen
class _Request:
    """A request head; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]


@attrs.define(eq=False)
class _Connection:
    server: ScriptedServer
    origin: str
    stream: trio.abc.Stream
    number: int
    ahead: bytes = b""  # read from the client, not yet looked at
    last: bool = False  # the client wants no further answer on this connection

    async def one_request(self) -> bool:
        """Read a request and answer it; whether the connection may go on."""
        # One parser a request: h11 would insist on writing the answers too.
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=READ_SIZE)
        if self.ahead:  # h11 takes empty data for the end of the connection
            parser.receive_data(self.ahead)
            self.ahead = b""
        try:
            event = await self._next(parser)
        except h11.RemoteProtocolError as fault:
            await self._plain(Response(400, (), str(fault).encode()))
            return False
        if not isinstance(event, h11.Request):
            return False
        request = _Request(
            event.method.decode(), event.target.decode("latin-1"), _joined(event.headers)
        )
        if (unlogged := self._unlogged(request)) is not None:
            body, complete = await self._body(parser)
            if complete:
                await self._plain(await unlogged(body))
            return complete and not self.last
        return await self._exchange(parser, request)

    def _unlogged(self, request: _Request) -> Callable[[bytes], Awaitable[Response]] | None:
        """Who answers a request that is no part of the scenario, or None if it is part of it."""
        pages, path = self.server.pages, request.target
        resource = self.server.world.world.resources.get(self._key(path))

        async def preflight(_: bytes) -> Response:
            permitted = resource is not None and resource.cors
            return Response(204, PERMISSIVE, b"") if permitted else Response(403, (), b"")

        async def page(body: bytes) -> Response:
            found = await pages(path, request.method, body) if pages is not None else None
            return found or Response(404, (), b"")

        async def nothing(_: bytes) -> Response:
            return Response(404, (), b"")

        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            return preflight
        if path.startswith(PAGES):
            return page
        if path == "/favicon.ico" and resource is None:
            return nothing
        return None

    def _key(self, target: str) -> str:
        return target if self.origin == APP else f"{self.origin}:{target}"

    async def _exchange(self, parser: h11.Connection, request: _Request) -> bool:
        world, key = self.server.world, self._key(request.target)
        number, attempt = world.next_exchange(), world.count_attempt(key)
        world.note(
            ServerRequest(number, key, request.method, attempt, request.headers, self.number)
        )
        body, complete = await self._body(parser)
        if {"content-length", "transfer-encoding"} & request.headers.keys():
            world.note(ServerRequestBody(number, len(body), complete))
        if not complete:
            world.note(ServerLost(number))
            return False
        plan = world.plan(key, attempt, request.method, request.headers)
        return await _Exchange(self, number, plan).run() and not self.last

    async def _body(self, parser: h11.Connection) -> tuple[bytes, bool]:
        """The request's body, and whether it came whole."""
        body = bytearray()
        if parser.they_are_waiting_for_100_continue:
            await self.stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            while isinstance(event := await self._next(parser), h11.Data):
                body += event.data
        except (h11.RemoteProtocolError, trio.BrokenResourceError):
            return bytes(body), False
        self.ahead, _ = parser.trailing_data
        self.last = parser.their_state is h11.MUST_CLOSE
        return bytes(body), True

    async def _next(self, parser: h11.Connection) -> h11.Event:
        while not isinstance(event := parser.next_event(), h11.Event):
            # Only ever NEED_DATA: PAUSED comes after the end of a body, where nobody asks.
            parser.receive_data(bytes(await self.stream.receive_some(READ_SIZE)))
        return event

    async def _plain(self, response: Response) -> None:
        headers = [*response.headers, ("Cache-Control", "no-store")]
        if response.status != 204:
            headers.append(("Content-Length", str(len(response.body))))
        await self.stream.send_all(_head(response.status, headers) + response.body)


@attrs.define(eq=False)
class _Exchange:
    """One answer under way."""

    connection: _Connection
    number: int
    plan: Plan
    ended: bool = False  # ServerEnd has been noted
    gone: bool = False  # the client has been found gone

    async def run(self) -> bool:
        """Carry the plan out; whether the connection may carry another request."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_client, nursery.cancel_scope)
            try:
                await self._carry_out()
            except trio.BrokenResourceError:
                self.gone = True
            nursery.cancel_scope.cancel()
        if not self.ended:
            self.connection.server.world.note(ServerLost(self.number))
        return self._reusable() and not self.gone

    def _how(self) -> str:
        """How the plan ends; every plan ends with a Finish."""
        last = self.plan.actions[-1]
        assert isinstance(last, Finish), "a plan without an end"
        return last.how

    def _reusable(self) -> bool:
        plan = self.plan
        unframed = plan.framing == "close" or plan.status in AMBIGUOUS
        return self._how() == "end" and not unframed

    async def _watch_client(self, answer: trio.CancelScope) -> None:
        connection = self.connection
        try:
            while data := await connection.stream.receive_some(READ_SIZE):
                connection.ahead += data
                if len(connection.ahead) > MAX_AHEAD:
                    break
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self.gone = True
        answer.cancel()

    async def _carry_out(self) -> None:
        plan, note = self.plan, self.connection.server.world.note
        if plan.wait is not None:
            await self._hold(plan.wait)
        if plan.head:
            note(
                ServerHead(
                    self.number,
                    plan.status,
                    list(plan.headers),
                    plan.framing,
                    plan.version,
                    plan.first,
                    plan.length,
                    plan.encoding,
                )
            )
            self._end_if_complete(0)
            await self._write(_head(plan.status, plan.headers))
        for action in plan.actions:
            if isinstance(action, Wait):
                await self._hold(action.gate)
            elif isinstance(action, Send):
                note(ServerBytes(self.number, action.decoded, action.written(plan)))
                self._end_if_complete(action.end)
                await self._write(self._framed(plan.body[action.start : action.end]))
            else:
                await self._finish(action.how)

    def _end_if_complete(self, written: int) -> None:
        """Note the end before the write after which a client knows that this was all."""
        plan = self.plan
        by_length = plan.framing == "length" and written == len(plan.body)
        told = by_length or plan.framing == "none"
        if told and self._how() == "end":
            self._end("end")

    def _end(self, how: str) -> None:
        if not self.ended:
            self.ended = True
            self.connection.server.world.note(ServerEnd(self.number, how))

    def _framed(self, data: bytes) -> bytes:
        if self.plan.framing != "chunked":
            return data
        return b"%x\r\n%s\r\n" % (len(data), data)

    async def _hold(self, gate: str) -> None:
        server = self.connection.server
        if not server.world.is_open(gate):
            server.world.note(ServerHeld(self.number, gate))
            await server.opened(gate)

    async def _finish(self, how: str) -> None:
        self._end(how)
        if how == "end" and self.plan.framing == "chunked":
            await self._write(b"0\r\n\r\n")
        if how == "reset" or (how == "drop" and self.plan.drop == "reset"):
            await reset(self.connection.stream)

    async def _write(self, data: bytes) -> None:
        await self.connection.stream.send_all(data)


def _head(status: int, headers: Sequence[tuple[str, str]]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header fields by lower-case name; a repeated field's values are joined by commas."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
