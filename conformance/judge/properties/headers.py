"""What a page puts on a request (RECORD-4: the request of a record is sent as a copy of it).

Only a request that no redirect can have led to is judged: a redirect takes some headers away.
"""

from __future__ import annotations

import re

from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.exchanges import Exchange, Owner
from conformance.judge.properties.tally import Tally
from conformance.judge.properties.urls import method
from conformance.judge.verdict import PropertyResult

_NOT_THE_PAGES = re.compile(
    "accept-charset|accept-encoding|access-control-request-(headers|method|private-network)|"
    "connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|origin|referer|"
    "set-cookie|te|trailer|transfer-encoding|upgrade|via|proxy-.*|sec-.*|"
    "x-http-method(-override)?|x-method-override"
)
"""Names that Fetch forbids to a page, some of them only with some values."""


def headers_arrive(evidence: Evidence) -> PropertyResult:
    """S37.  A Range of the page's own is left to S24."""
    tally = Tally("S37")
    for exchange in evidence.log.exchanges:
        key, kind = exchange.request.key, method(exchange.request.method)
        owners = evidence.log.owners(key, exchange.at)
        if any(evidence.log.key(owner.request.url) != key for owner in owners):
            continue
        mine = [owner for owner in owners if method(owner.request.method) == kind]
        missing = [_missing(owner, exchange) for owner in mine]
        if missing and all(missing):
            tally.breach(exchange.at, f"{key}: the page gave {missing[0]}, which did not arrive")
        elif any(_given(owner) for owner in mine):
            tally.met()
    return tally.result()


def _given(owner: Owner) -> dict[str, str]:
    headers = {name.lower(): value.strip() for name, value in owner.request.headers.items()}
    return {
        name: value
        for name, value in headers.items()
        if name != "range" and value.isascii() and not _NOT_THE_PAGES.fullmatch(name)
    }


def _missing(owner: Owner, exchange: Exchange) -> str:
    arrived = exchange.request.headers
    lost = [(n, v) for n, v in sorted(_given(owner).items()) if arrived.get(n) != v]
    return ", ".join(f"{name}: {value}" for name, value in lost)
