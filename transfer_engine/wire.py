"""One request and its answer over HTTP/1.1, without any I/O: a thin coat around h11.

What it adds to h11: names for what went wrong by cause (cut short or
misbehaved), limits on the head, and one rule about ends.  *An answer ends where
its framing says so*; only when no length and no chunking was announced is the
close of the connection its end (RFC 9112 section 6.3).  Everything else that
looks like an end is an interruption.
A connection carries one exchange only, so nothing that is smuggled behind an
answer can be mistaken for the next one.
"""

from __future__ import annotations

import attrs
import h11

from transfer_engine.errors import Interrupted, PeerMisbehaved
from transfer_engine.messages import Headers
from transfer_engine.urls import Address

MOST_HEAD_BYTES = 65536
MOST_HEADERS = 256
MOST_INFORMATIONAL = 16

# fmt: off
FORBIDDEN_REQUEST_HEADERS = frozenset(
    {
        "accept-charset", "accept-encoding", "access-control-request-headers",
        "access-control-request-method", "connection", "content-length", "cookie", "cookie2",
        "date", "dnt", "expect", "host", "keep-alive", "origin", "referer", "set-cookie", "te",
        "trailer", "transfer-encoding", "upgrade", "via",
    }
)
# fmt: on
"""Fetch, "forbidden request-header": a page's own values are dropped without a word."""


@attrs.frozen
class Head:
    """Status and headers (lower-case names, latin-1 values) of a final answer."""

    status: int
    headers: Headers


@attrs.frozen
class Chunk:
    """Some body bytes, as they are on the wire (content-encoded, not chunked)."""

    data: bytes


@attrs.frozen
class End:
    """The answer has ended as its framing said it would."""


@attrs.frozen
class NeedBytes:
    """Nothing to say before more is received."""


class Exchange:
    """One request, one answer.  Feed it what was received, ask it what that means."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)
        self._informational = 0
        self._eof = False

    def request(self, address: Address, method: str, headers: Headers) -> bytes:
        """The head to send, ``Host`` in front.  Raises PeerMisbehaved for what HTTP forbids."""
        try:
            event = h11.Request(
                method=method,
                target=address.target,
                headers=[("Host", address.authority), *headers],
            )
            return self._h11.send(event) or b""
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise PeerMisbehaved(f"the request cannot be sent: {error}") from None

    def body(self, data: bytes) -> bytes:
        """Request body bytes as they go on the wire."""
        return self._h11.send(h11.Data(data=data)) or b""

    def end_of_request(self) -> bytes:
        """What ends the request on the wire."""
        return self._h11.send(h11.EndOfMessage()) or b""

    def received(self, data: bytes) -> None:
        """Bytes from the server; ``b""`` once the connection is closed."""
        self._eof = self._eof or not data
        try:
            self._h11.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise self._blame(error) from None

    def next(self) -> Head | Chunk | End | NeedBytes:
        """The next thing the answer says.  Raises Interrupted or PeerMisbehaved."""
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                raise self._blame(error) from None
            if isinstance(event, h11.InformationalResponse):
                self._count_informational(event.status_code)
                continue
            return self._translate(event)

    def _translate(self, event: object) -> Head | Chunk | End | NeedBytes:
        if event is h11.NEED_DATA:
            if self._eof:
                raise Interrupted("the connection was closed")
            return NeedBytes()
        if isinstance(event, h11.Response):
            return _head(event)
        if isinstance(event, h11.Data):
            return Chunk(bytes(event.data))
        if isinstance(event, h11.EndOfMessage):
            return End()
        raise Interrupted("the connection was closed")

    def _count_informational(self, status: int) -> None:
        self._informational += 1
        if status == 101 or self._informational > MOST_INFORMATIONAL:
            raise PeerMisbehaved(f"{self._informational} informational answers, last {status}")

    def _blame(self, error: h11.RemoteProtocolError) -> Interrupted | PeerMisbehaved:
        return Interrupted(str(error)) if self._eof else PeerMisbehaved(str(error))


def _head(event: h11.Response) -> Head:
    headers = tuple((n.decode("ascii"), v.decode("latin-1")) for n, v in event.headers)
    if len(headers) > MOST_HEADERS:
        raise PeerMisbehaved(f"{len(headers)} header fields")
    return Head(event.status_code, headers)
