"""What a server's wire behaviour becomes for the specification.

The text hands a request to Fetch and gets back a network error or a response
and a body that ends or errors.  This file says which, from what a server sent:
redirects, CORS, framing, encodings, early ends.  It is pure; the real scripted
server is compared with it.

A head becomes one of: a ``Head``, a ``Redirect`` to follow, or a network error
(``None``).  A chain of redirects carries a *taint* along: once it has left the page's
origin every answer needs permission ("cors"), and once it has gone on from one foreign
origin to another the permission must be for the origin "null" ("opaque").

An end becomes "end", "error", or "either" where a client may rightly have seen both:
a reset can overtake the last bytes of a complete body.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import attrs

from spec_model.values import Head, RequestSpec, origin_of

REDIRECTS = frozenset({301, 302, 303, 307, 308})
HIDDEN = frozenset({"set-cookie", "set-cookie2"})
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


@attrs.frozen(cache_hash=True)
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
    taint: str = ""


def blocked(request: RequestSpec, home: str) -> bool:
    """Whether Fetch refuses before anything is sent ("main fetch": mode and origin)."""
    return request.mode == "same-origin" and request.origin != home


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
    request: RequestSpec,
    url: str,
    method: str,
    hops: int,
    home: str,
    wire: Wire,
    taint: str = "",
) -> Head | Redirect | None:
    """The response to ``request``, whose URL, method and taint after ``hops`` redirects are given.

    ``home`` is the origin of the page.  None is a network error (Fetch, "HTTP fetch",
    "CORS check", "HTTP-redirect fetch").
    """
    if malformed(wire) or blocked(request, home):
        return None
    headers = _lower(wire)
    foreign = bool(taint) or request.origin != home or origin_of(url) != home
    if foreign:
        allowed = _values(headers, "access-control-allow-origin")
        if allowed not in (["*"], ["null" if taint == "opaque" else home]):
            return None
    location = _values(headers, "location")
    if wire.status in REDIRECTS and location:
        if hops >= MAXIMUM_HOPS:
            return None
        found = _redirect(url, method, location[0], wire.status, home, taint)
        return None if found and request.mode == "same-origin" and found.taint else found
    exposed = {
        name.strip().lower()
        for value in _values(headers, "access-control-expose-headers")
        for name in value.split(",")
    }
    visible = tuple(pair for pair in headers if pair[0] not in HIDDEN)
    if foreign and "*" not in exposed:
        visible = tuple(pair for pair in visible if pair[0] in SAFELISTED | exposed)
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


def _redirect(
    url: str, method: str, location: str, status: int, home: str, taint: str
) -> Redirect | None:
    """Fetch, "HTTP-redirect fetch"; a name and password may only be in the page's own URLs."""
    target = urljoin(url, location)
    split = urlsplit(target)
    if split.scheme not in ("http", "https"):
        return None
    here, there = origin_of(url), origin_of(target)
    if here != home and here != there:
        taint = "opaque"
    elif there != home and not taint:
        taint = "cors"
    if taint and (split.username or split.password):
        return None
    changes = (status in (301, 302) and method == "POST") or (
        status == 303 and method not in ("GET", "HEAD")
    )
    return Redirect(target, "GET" if changes else method, taint)


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
