"""From one hop of a request to the next, and what of the last may be shown.  Pure.

A redirect chain is one request for everybody else: at most 20 hops (Fetch,
"HTTP-redirect fetch" step 4), only to http and https, each address checked
anew.  POST becomes GET on 301 and 302, everything but GET and HEAD on 303.
A chain that has left the application's origin stays *cross-origin* to its end
and every answer on it, redirects included, must pass the CORS check.
"""

from __future__ import annotations

import re

import attrs

from transfer_engine.errors import PeerMisbehaved
from transfer_engine.messages import (
    Credentials,
    Headers,
    Mode,
    StoredHead,
    StoredRequest,
    header,
)
from transfer_engine.policy import Policy
from transfer_engine.urls import Address, BadUrl, HasCredentials, parse

MOST_REDIRECTS = 20
REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})

SAFELISTED_RESPONSE_HEADERS = frozenset(
    {"cache-control", "content-language", "content-type", "expires", "last-modified", "pragma"}
)
"""Fetch, "CORS-safelisted response-header name", without the length: it is removed anyway."""

_BODY_HEADERS = frozenset(
    {"content-encoding", "content-language", "content-location", "content-type"}
)
_SIMPLE_TYPES = frozenset(
    {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
)
_SECRETS = frozenset({"authorization", "cookie", "cookie2", "proxy-authorization"})
"""Meant for one origin; no page can set any but the first."""
_ALLOW_CREDENTIALS = "access-control-allow-credentials"
MOST_AGE = 7200
_AGE = re.compile(r"[0-9]{1,19}", re.ASCII)
_OWN_RANGE = re.compile(r"bytes=[0-9]{1,19}-([0-9]{1,19})?", re.ASCII)


@attrs.frozen
class Hop:
    """One request on the wire.  ``cross_origin``: CORS applies from here on.

    ``app`` None: no page asks, so that no origin is foreign and CORS never applies.
    ``strayed``: the chain has left the page's origin, or without a page its first one.
    """

    app: Address | None
    address: Address
    method: str
    headers: Headers
    mode: Mode
    with_body: bool
    credentials: Credentials = "same-origin"
    strayed: bool = False
    start: int = 0
    count: int = 0
    cross_origin: bool = False
    opaque: bool = False

    @property
    def origin(self) -> str:
        """What the Origin header says and Access-Control-Allow-Origin must allow."""
        return "null" if self.opaque or self.app is None else self.app.origin

    @property
    def with_credentials(self) -> bool:
        """Whether cookies go out, and come back (Fetch, "HTTP-network-or-cache fetch", 8.2)."""
        return self.credentials == "include" or (
            self.credentials == "same-origin" and not self.strayed
        )

    @property
    def same_site(self) -> bool:
        """Whether the host is the application's own, as far as can be told."""
        return self.app is None or self.app.host == self.address.host

    @property
    def needs_preflight(self) -> bool:
        """Whether CORS asks the server before such a request (Fetch, "CORS-preflight fetch")."""
        if not self.cross_origin:
            return False
        return self.method not in ("GET", "HEAD", "POST") or bool(self.unsafe_headers)

    @property
    def unsafe_headers(self) -> tuple[str, ...]:
        """The page's own headers that are not CORS-safelisted, sorted."""
        return tuple(sorted({n for n, v in self.headers if not _safelisted(n, v)}))


def _safelisted(name: str, value: str) -> bool:
    if len(value) > 128:
        return False
    if name == "content-type":
        return value.split(";", 1)[0].strip().lower() in _SIMPLE_TYPES
    if name == "range":
        return _OWN_RANGE.fullmatch(value) is not None
    return name in ("accept", "accept-language", "content-language")


def first_hop(
    app: Address | None, request: StoredRequest, with_body: bool, start: int, policy: Policy
) -> Hop:
    """The first request of a chain.  Raises PeerMisbehaved for what must be a network error."""
    address = parse(request.url)
    hop = Hop(
        app,
        address,
        request.method,
        request.headers,
        request.mode,
        with_body,
        request.credentials,
        start=start,
    )
    return _checked(hop, policy)


def _checked(hop: Hop, policy: Policy) -> Hop:
    why = policy.refuses(hop.address, hop.app)
    if why is not None:
        raise PeerMisbehaved(why)
    foreign = hop.app is not None and hop.address.origin != hop.app.origin
    if foreign and hop.mode == "same-origin":
        raise PeerMisbehaved("another origin in mode same-origin")
    return attrs.evolve(hop, cross_origin=True, strayed=True) if foreign else hop


def next_hop(hop: Hop, status: int, headers: Headers, policy: Policy) -> Hop | None:
    """The request that a redirect leads to; None when this answer is the last.

    Raises PeerMisbehaved when the redirect must not be followed.
    """
    location = header(headers, "location") if status in REDIRECT_STATUS else None
    if location is None:
        return None
    if hop.count >= MOST_REDIRECTS:
        raise PeerMisbehaved(f"more than {MOST_REDIRECTS} redirects")
    address = _target(hop, location)
    method, kept, with_body = hop.method, hop.headers, hop.with_body
    if (status in (301, 302) and method == "POST") or (
        status == 303 and method not in ("GET", "HEAD")
    ):
        method, with_body = "GET", False
        kept = tuple(pair for pair in kept if pair[0] not in _BODY_HEADERS)
    if address.origin != hop.address.origin:
        kept = tuple(pair for pair in kept if pair[0] not in _SECRETS)
    return _checked(
        attrs.evolve(
            hop,
            address=address,
            method=method,
            headers=kept,
            strayed=hop.strayed or address.origin != hop.address.origin,
            with_body=with_body,
            count=hop.count + 1,
            opaque=hop.opaque
            or (
                hop.app is not None
                and hop.address.origin != hop.app.origin
                and address.origin != hop.address.origin
            ),
        ),
        policy,
    )


def _target(hop: Hop, location: str) -> Address:
    """Where a redirect points; name and password in it are never sent, as no server asked.

    Fetch, "HTTP-redirect fetch" steps 7 and 8: they are an error away from the page's origin.
    """
    try:
        return parse(location, hop.address.url)
    except HasCredentials as error:
        address = parse(error.url)
        if hop.cross_origin or (hop.app is not None and address.origin != hop.app.origin):
            raise PeerMisbehaved(f"redirect to a bad address: {error.why}") from None
        return address
    except BadUrl as error:
        raise PeerMisbehaved(f"redirect to a bad address: {error.why}") from None


def cors_allows(hop: Hop, headers: Headers) -> bool:
    """Fetch's "CORS check": with credentials a wildcard allows nobody."""
    if not hop.cross_origin:
        return True
    allowed = header(headers, "access-control-allow-origin")
    if not hop.with_credentials:
        return allowed in ("*", hop.origin)
    return allowed == hop.origin and header(headers, _ALLOW_CREDENTIALS) == "true"


def preflight_allows(hop: Hop, status: int, headers: Headers) -> bool:
    """Whether the answer to OPTIONS lets this request through."""
    if not (cors_allows(hop, headers) and 200 <= status <= 299):
        return False
    methods = _names(header(headers, "access-control-allow-methods"), lower=False)
    allowed = _names(header(headers, "access-control-allow-headers"), lower=True)
    wild = not hop.with_credentials  # then "*" is the name of a method or header
    if hop.method not in ("GET", "HEAD", "POST"):
        if hop.method not in methods and not (wild and "*" in methods):
            return False
    return all(
        name in allowed or (wild and "*" in allowed and name != "authorization")
        for name in hop.unsafe_headers
    )


def preflight_age(headers: Headers) -> float:
    """Seconds for which a permission holds: 5 unless it says so (Fetch), at most two hours."""
    value = header(headers, "access-control-max-age") or ""
    return float(min(MOST_AGE, int(value))) if _AGE.fullmatch(value) else 5.0


def _names(value: str | None, *, lower: bool) -> set[str]:
    names = {name.strip() for name in (value or "").split(",")}
    return {name.lower() for name in names} if lower else names


def shown_headers(head: StoredHead) -> dict[str, str]:
    """What a script sees: no length or range of one part; filtered on another origin."""
    names = {name for name, _ in head.headers}
    names -= {"content-length", "content-range", "set-cookie", "set-cookie2", "transfer-encoding"}
    if head.cross_origin:
        exposed = _names(head.get("access-control-expose-headers"), lower=True)
        if "*" not in exposed or head.credentialed:
            names &= SAFELISTED_RESPONSE_HEADERS | exposed
    return {name: head.get(name) or "" for name in sorted(names)}
