"""The server's log: requests with their answers, and whose they are.

A record's requests go to its own resource and to whatever that redirects to: its
*family* of resource keys, read from the Location headers in the log.  A request
belongs to a record if its key is in the family; if several records share a key
(duplicates, or an id used again), the owner of a request cannot be told and only
sums over all of them can be judged.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from conformance.judge.properties.identity import Identity
from conformance.judge.properties.order import END
from conformance.judge.properties.reading import Reading
from conformance.judge.properties.urls import key_of, method, redirected
from conformance.protocol import RequestInit
from conformance.trace import (
    AnyServerEntry,
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerRequest,
)

REDIRECTS = frozenset({301, 302, 303, 307, 308})


@attrs.define
class Exchange:
    """One request and what the server did with it, with positions in the log."""

    at: int
    request: ServerRequest
    head: ServerHead | None = None
    head_at: int | None = None
    writes: list[tuple[int, int]] = attrs.field(factory=list)
    how: str | None = None

    def written(self, before: int) -> int:
        """How many decoded bytes of the body a client can have known before a position."""
        return max((decoded for at, decoded in self.writes if at < before), default=0)

    @property
    def may_be_complete(self) -> bool:
        """Whether a client may have taken the body for whole in the end."""
        if self.head is None or self.how == "end":
            return self.how == "end"
        by_close = self.head.framing == "close" and self.how == "close"
        return by_close or self.written(END) >= self.head.length

    def header(self, name: str) -> str:
        """The first value of an answer's header, or ""."""
        headers = self.head.headers if self.head is not None else []
        return next((value for key, value in headers if key.lower() == name), "")


@attrs.frozen
class Owner:
    """A record of a fetch: ``fetch`` and ``index`` number them."""

    fetch: int
    index: int
    request: RequestInit
    asked: int

    @property
    def gave_range(self) -> bool:
        """Whether the page itself put a Range header on this request."""
        return any(name.lower() == "range" for name in self.request.headers)


@attrs.frozen
class ServerLog:
    """All exchanges in the order of their requests, and the records they may serve."""

    exchanges: list[Exchange]
    origins: Mapping[str, str]
    _targets: Mapping[str, set[str]]
    _owners: Mapping[str, list[Owner]]

    def target(self, exchange: Exchange) -> str | None:
        """The resource key that an answer redirects to."""
        return _target(exchange, self.origins)

    def of_family(self, key: str) -> list[Exchange]:
        """The exchanges that may have served a record with this resource key."""
        family = _family(key, self._targets)
        return [exchange for exchange in self.exchanges if exchange.request.key in family]

    def owners(self, key: str, before: int) -> list[Owner]:
        """The records, asked for before a position, whose requests may go to this key."""
        return [owner for owner in self._owners.get(key, ()) if owner.asked < before]

    def key(self, url: str) -> str | None:
        """The resource key of a URL, or None."""
        return key_of(url, self.origins)


def read_log(reading: Reading, who: Identity) -> ServerLog:
    """Pair the log's lines, and find every record's family."""
    origins = reading.trace.origins
    exchanges: dict[int, Exchange] = {}
    for at, entry in enumerate(reading.trace.entries):
        if entry.server is not None:
            _add(exchanges, at, entry.server)
    targets: dict[str, set[str]] = {}
    for exchange in exchanges.values():
        if (target := _target(exchange, origins)) is not None:
            targets.setdefault(exchange.request.key, set()).add(target)
    owners: dict[str, list[Owner]] = {}
    for fetch in who.fetched:
        for index, request in enumerate(fetch.asked.requests):
            key = key_of(request.url, origins)
            owner = Owner(fetch.number, index, request, fetch.call.sent)
            for member in _family(key, targets) if key is not None else ():
                owners.setdefault(member, []).append(owner)
    return ServerLog(list(exchanges.values()), origins, targets, owners)


def _target(exchange: Exchange, origins: Mapping[str, str]) -> str | None:
    location = exchange.header("location")
    if exchange.head is None or exchange.head.status not in REDIRECTS or not location:
        return None
    return redirected(exchange.request.key, location, origins)


def _family(key: str, targets: Mapping[str, set[str]]) -> frozenset[str]:
    """A key and all that it redirects to, directly or not."""
    found, waiting = {key}, [key]
    while waiting:
        for target in targets.get(waiting.pop(), set()) - found:
            found.add(target)
            waiting.append(target)
    return frozenset(found)


def _add(exchanges: dict[int, Exchange], at: int, line: AnyServerEntry) -> None:
    if isinstance(line, ServerRequest):
        exchanges[line.exchange] = Exchange(at, line)
        return
    exchange = exchanges.get(line.exchange)
    if exchange is None:
        return
    match line:
        case ServerHead():
            exchange.head, exchange.head_at = line, at
        case ServerBytes():
            exchange.writes.append((at, line.decoded))
        case ServerEnd():
            exchange.how = line.how
        case _:
            pass


def method_after(exchange: Exchange) -> str:
    """The method of the request that follows a redirect (Fetch, HTTP-redirect fetch)."""
    before = method(exchange.request.method)
    status = exchange.head.status if exchange.head is not None else 0
    if (status in (301, 302) and before == "POST") or (
        status == 303 and before not in ("GET", "HEAD")
    ):
        return "GET"
    return before
