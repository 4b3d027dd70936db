"""One request and its answer over HTTP/1.1, without any I/O: heads by h11, bodies by count.

h11 reads chunked bodies and every head that is not an ordinary one (``plain_head``).  A body
of announced length needs no parser: it is counted here, and may be moved past this object
altogether (``skip``), since h11 copies what it reads three times.  One object serves one
exchange.

What it adds to h11: names for what went wrong by cause (cut short or misbehaved), limits
on the head, and two rules.

*An answer ends where its framing says so*; only when no length and no chunking was
announced is the close of the connection its end (RFC 9112 section 6.3).  Everything else
that looks like an end is an interruption.  An answer that announces two framings has none.

*What is odd is not continued.*  ``reusable`` is true only for an exchange in which nothing
was lenient: lines end in CR LF, none is folded, the request has been sent whole, no byte
came before it or stands behind the answer.  So nothing that is smuggled behind an answer
can be mistaken for the next one.
"""

from __future__ import annotations

import re

import attrs
import h11

from transfer_engine.errors import Interrupted, PeerMisbehaved
from transfer_engine.messages import Headers
from transfer_engine.plain_head import PlainHead, plain_head
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

_ODD_LINES = re.compile(rb"(?<!\r)\n|\r(?!\n)|\n[ \t]")
_REQUEST = re.compile(
    rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+ /[!-~]* HTTP/1\.1\r\n"
    rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t -~\x80-\xff]*\r\n)+"
)
_SOME_REQUEST = h11.Request(method="GET", target="/", headers=[("Host", "x")])
_LENGTH = re.compile(rb"[0-9]{1,19}")


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


_END, _NEED_BYTES = End(), NeedBytes()


class Exchange:
    """One request, one answer.  Feed it what was received, ask it what that means."""

    def __init__(self) -> None:
        self._h11: h11.Connection | None = None
        self._plain: PlainHead | None = None  # read, not handed out yet
        self._bodiless = False
        self._informational = 0
        self._seen = bytearray()  # until the final head is complete
        self._received = 0
        self._headed = False
        self._left: int | None = None  # of a body of announced length
        self._held = b""  # received, of such a body or behind it
        self._eof = False
        self._ended = False
        self._continues = False
        self.request_sent = False
        self.heard = False
        """Whether a single byte of an answer has come."""

    def request(self, address: Address, method: str, headers: Headers) -> bytes:
        """The head to send, ``Host`` in front.  Raises PeerMisbehaved for what HTTP forbids."""
        lines = [f"{method} {address.target} HTTP/1.1\r\nHost: {address.authority}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in headers]
        try:
            head = "".join(lines).encode("latin-1")
        except UnicodeEncodeError as error:
            raise PeerMisbehaved(f"the request cannot be sent: {error}") from None
        if _REQUEST.fullmatch(head) is None:
            raise PeerMisbehaved("the request cannot be sent: HTTP has no such head")
        self._bodiless = method == "HEAD"
        return head + b"\r\n"

    def end_of_request(self) -> None:
        """The whole request has been sent; its body, of announced length, went past this object."""
        self.request_sent = True

    def received(self, data: bytes) -> None:
        """Bytes from the server; ``b""`` once the connection is closed."""
        self._eof = self._eof or not data
        self.heard = self.heard or bool(data)
        if self._left is not None:
            self._held = self._held + data if self._held else data
            return
        if self._h11 is None:
            self._plain = plain_head(data)
            if self._plain is not None:
                self._left, self._held = self._plain.length, data[self._plain.end :]
                return
        if not self._headed and len(self._seen) <= MOST_HEAD_BYTES:
            self._seen += data[: MOST_HEAD_BYTES + 1]
            self._received += len(data)
        try:
            self._parser().receive_data(data)
        except h11.RemoteProtocolError as error:
            raise self._blame(error) from None

    def next(self) -> Head | Chunk | End | NeedBytes:
        """The next thing the answer says.  Raises Interrupted or PeerMisbehaved."""
        if self._plain is not None:
            return self._plainly(self._plain)
        if self._left is not None:
            return self._counted()
        if not (self.heard or self._eof):
            return _NEED_BYTES
        while True:
            try:
                event = self._parser().next_event()
            except h11.RemoteProtocolError as error:
                raise self._blame(error) from None
            if isinstance(event, h11.InformationalResponse):
                self._count_informational(event.status_code)
                continue
            return self._translate(event)

    @property
    def left(self) -> int | None:
        """Bytes of a body of announced length that are still on the connection, else None."""
        return None if self._held else self._left

    @property
    def due(self) -> int | None:
        """Bytes of a body of announced length that have not been handed out yet, else None."""
        return self._left

    def skip(self, count: int) -> None:
        """So many bytes of the body have been taken from the connection unseen."""
        assert self._left is not None  # the caller has asked what is left
        self._left -= count

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another exchange."""
        if not (self._continues and self.request_sent):
            return False
        if self._left is not None:
            return not (self._left or self._held)
        return self._ended and not self._parser().trailing_data[0]

    def _parser(self) -> h11.Connection:
        """h11, made when it is needed; it only has to know that a request went out."""
        if self._h11 is None:
            self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)
            self._h11.send(_SOME_REQUEST)
        return self._h11

    def _plainly(self, plain: PlainHead) -> Head:
        self._plain, self._continues = None, not plain.closes
        if self._bodiless or plain.status in (204, 304):
            self._left = 0
        return Head(plain.status, plain.headers)

    def _counted(self) -> Chunk | End | NeedBytes:
        assert self._left is not None  # the caller has looked
        if not self._left:
            return _END
        if self._held:
            piece, self._held = self._held[: self._left], self._held[self._left :]
            self._left -= len(piece)
            return Chunk(piece)
        if self._eof:
            raise Interrupted(f"the connection was closed, {self._left} bytes were due")
        return _NEED_BYTES

    def _translate(self, event: object) -> Head | Chunk | End | NeedBytes:
        if event is h11.NEED_DATA:
            if self._eof:
                raise Interrupted("the connection was closed")
            if not self._headed and self._received > MOST_HEAD_BYTES:
                raise PeerMisbehaved(f"more than {MOST_HEAD_BYTES} bytes of heads")
            return _NEED_BYTES
        if isinstance(event, h11.Response):
            return self._head(event)
        if isinstance(event, h11.Data):
            return Chunk(bytes(event.data))
        if isinstance(event, h11.EndOfMessage):
            self._ended = True
            return _END
        raise Interrupted("the connection was closed")

    def _head(self, event: h11.Response) -> Head:
        behind, _ = self._parser().trailing_data
        heads = self._seen[: self._received - len(behind)]
        self._headed, self._seen = True, bytearray()
        headers = tuple((n.decode("ascii"), v.decode("latin-1")) for n, v in event.headers)
        if self._received - len(behind) > MOST_HEAD_BYTES:
            raise PeerMisbehaved(f"more than {MOST_HEAD_BYTES} bytes of heads")
        if len(headers) > MOST_HEADERS:
            raise PeerMisbehaved(f"{len(headers)} header fields")
        if not event.http_version.startswith(b"1."):
            raise PeerMisbehaved("an answer in another version of HTTP than 1")
        fields = dict(event.headers)
        length, chunked = fields.get(b"content-length"), b"transfer-encoding" in fields
        if chunked and length is not None:
            raise PeerMisbehaved("two framings: Content-Length and Transfer-Encoding")
        options = b",".join(value for name, value in event.headers if name == b"connection").lower()
        self._continues = (
            event.http_version == b"1.1"
            and b"close" not in options
            and _ODD_LINES.search(heads) is None
            and event.status_code >= 200
        )
        if self._bodiless or event.status_code in (204, 304):
            self._left, self._held = 0, bytes(behind)
        elif length is not None and not chunked:
            if _LENGTH.fullmatch(length) is None:
                raise PeerMisbehaved("a Content-Length of more than 19 digits")
            self._left, self._held = int(length), bytes(behind)
        elif not chunked:
            self._continues = False  # ends with the connection
        return Head(event.status_code, headers)

    def _count_informational(self, status: int) -> None:
        self._informational += 1
        if status == 101 or self._informational > MOST_INFORMATIONAL:
            raise PeerMisbehaved(f"{self._informational} informational answers, last {status}")

    def _blame(self, error: h11.RemoteProtocolError) -> Interrupted | PeerMisbehaved:
        return Interrupted(str(error)) if self._eof else PeerMisbehaved(str(error))
