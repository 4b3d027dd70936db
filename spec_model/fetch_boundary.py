"""What a server's wire behaviour becomes for the specification.

The text hands a request to Fetch and gets back a network error or a response
and a body that ends or errors.  This file says which, from what a server sent:
redirects, CORS, framing, encodings, early ends.  It is pure; the real scripted
server is compared with it.

A head becomes one of: a ``Head``, a ``Redirect`` to follow, or a network error
(``None``).  An end becomes "end", "error", or "either" where a client may
rightly have seen both: a reset can overtake the last bytes of a complete body.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import attrs

from spec_model.values import Head, RequestSpec, origin_of

REDIRECTS = frozenset({301, 302, 303, 307, 308})
NULL_BODY = frozenset({101, 103, 204, 205, 304})
MAXIMUM_HOPS = 20
SAFELISTED = frozenset(
    {
        "cache-control",
        "content-language",
        "content-length",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
    }
)


@attrs.frozen
class Wire:
    """An answer's head as the server wrote it.  ``framing``: length, chunked, close or none."""

    exchange: int
    status: int
    headers: tuple[tuple[str, str], ...]
    framing: str
    version: int = 0
    first: int = 0
    length: int = -1
    encoding: str = "identity"


@attrs.frozen
class Redirect:
    """Fetch follows to ``url`` with ``method``; the body is dropped when the method changed."""

    url: str
    method: str


def _lower(wire: Wire) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), value.strip()) for name, value in wire.headers)


def _values(headers: tuple[tuple[str, str], ...], name: str) -> list[str]:
    return [value for key, value in headers if key == name]


def malformed(wire: Wire) -> bool:
    """Whether the head breaks HTTP/1.1's framing rules (RFC 9112, 6.3): a network error."""
    headers = _lower(wire)
    lengths = {part.strip() for v in _values(headers, "content-length") for part in v.split(",")}
    if len(lengths) > 1 or any(not n.isascii() or not n.isdigit() for n in lengths):
        return True
    codings = [v.lower() for v in _values(headers, "transfer-encoding")]
    return bool(codings) and (codings != ["chunked"] or bool(lengths))


def boundary(
    request: RequestSpec, url: str, method: str, hops: int, home: str, wire: Wire
) -> Head | Redirect | None:
    """The response to ``request``, whose URL and method after ``hops`` redirects are given.

    ``home`` is the origin of the page.  None is a network error (Fetch, "HTTP fetch",
    "CORS check", "HTTP-redirect fetch").
    """
    if malformed(wire):
        return None
    headers = _lower(wire)
    foreign = request.origin != home or origin_of(url) != home
    if foreign and request.mode == "cors":
        allowed = _values(headers, "access-control-allow-origin")
        if allowed not in (["*"], [home]):
            return None
    if foreign and request.mode == "same-origin":
        return None
    location = _values(headers, "location")
    if wire.status in REDIRECTS and location:
        return _redirect(url, method, hops, location[0], wire.status)
    exposed = {
        name.strip().lower()
        for value in _values(headers, "access-control-expose-headers")
        for name in value.split(",")
    }
    visible = headers
    if foreign and "*" not in exposed:
        visible = tuple(pair for pair in headers if pair[0] in SAFELISTED | exposed)
    return Head(
        exchange=wire.exchange,
        status=wire.status,
        headers=visible,
        internal=headers,
        null_body=wire.status in NULL_BODY or method == "HEAD",
        encoded=bool(_values(headers, "content-encoding")),
        own_range=bool(request.own_range),
        version=wire.version,
        first=wire.first,
        length=wire.length,
    )


def _redirect(url: str, method: str, hops: int, location: str, status: int) -> Redirect | None:
    target = urljoin(url, location)
    split = urlsplit(target)
    if hops >= MAXIMUM_HOPS or split.scheme not in ("http", "https") or split.username:
        return None
    changes = (status in (301, 302) and method == "POST") or (
        status == 303 and method not in ("GET", "HEAD")
    )
    return Redirect(target, "GET" if changes else method)


def ending(wire: Wire, how: str, sent: int, null_body: bool) -> str:
    """How a body ends for the reader: "end", "error" or "either".

    ``how``: what the server did (end, close, reset, drop); ``sent``: decoded body
    bytes written.  A close is an end only where the framing says so; a body of
    announced length is complete with its last byte, whatever follows.
    """
    complete = wire.framing == "length" and wire.encoding == "identity" and sent >= wire.length
    if null_body or how == "end":
        return "end" if how == "end" else "either"
    if how == "close":
        return "end" if complete or wire.framing == "close" else "error"
    return "either" if complete else "error"
