"""What goes over the wire and is stored: limits (S12), repeats (S21), ranges (S24)."""

from __future__ import annotations

import re
from collections import Counter

from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.exchanges import Exchange, Owner, method_after
from conformance.judge.properties.tally import Tally
from conformance.judge.properties.urls import method
from conformance.judge.verdict import PropertyResult

SAFE = frozenset({"GET", "HEAD"})
MISDIRECTED = 421
"""Fetch lets a user agent repeat such a request on a connection of its own."""


def download_limit(evidence: Evidence) -> PropertyResult:
    """S12.  The limit is what the page asked for; what the instance shows if that is unknown."""
    tally = Tally("S12")
    for sighting in evidence.said.sightings:
        fetch = evidence.who.owner(sighting.instance)
        shown = sighting.snapshot
        limit = fetch.asked.download_total if fetch is not None else shown.download_total
        if limit <= 0:
            continue
        if shown.downloaded <= limit:
            tally.met()
        else:
            what = f"{sighting.instance} shows {shown.downloaded} bytes, the limit is {limit}"
            tally.breach(sighting.at, what)
    return tally.result()


def unsafe_at_most_once(evidence: Evidence) -> PropertyResult:
    """S21.  Counted per resource key and method, in the order of the log.

    Every record permits one request to its own key; every redirect that keeps the
    method permits one more at its target.  Records that share key and method share
    their permits: too many requests are a breach of one of them, but as many as
    permitted may still be one record twice and another one never.
    """
    tally = Tally("S21")
    permits: Counter[tuple[str, str]] = Counter()
    came: Counter[tuple[str, str]] = Counter()
    records: Counter[tuple[str, str]] = Counter()
    for _, what in sorted(_moments(evidence), key=lambda moment: moment[0]):
        if isinstance(what, tuple):
            permits[what] += 1
        elif isinstance(what, Owner):
            own = (evidence.log.key(what.request.url) or "", method(what.request.method))
            permits[own] += 1
            records[own] += 1
        else:
            kind = (what.request.key, method(what.request.method))
            came[kind] += 1
            if came[kind] > permits[kind]:
                tally.breach(what.at, f"{kind[1]} {kind[0]} came {came[kind]} times")
    for kind, times in came.items():
        if times <= permits[kind] and records[kind] > 1 and times > 1:
            tally.unclear(f"{records[kind]} records are {kind[1]} {kind[0]}")
        elif times <= permits[kind] and records[kind]:
            tally.met()
    return tally.result()


def _moments(evidence: Evidence) -> list[tuple[int, Owner | Exchange | tuple[str, str]]]:
    """Records asked for, their requests, and what grants one more request, with positions."""
    moments: list[tuple[int, Owner | Exchange | tuple[str, str]]] = []
    for fetch in evidence.who.fetched:
        for index, request in enumerate(fetch.asked.requests):
            if method(request.method) not in SAFE:
                asked = fetch.call.sent
                moments.append((asked, Owner(fetch.number, index, request, asked)))
    for exchange in evidence.log.exchanges:
        kind = method(exchange.request.method)
        if kind in SAFE or not evidence.log.owners(exchange.request.key, exchange.at):
            continue
        moments.append((exchange.at, exchange))
        target = evidence.log.target(exchange)
        if exchange.head_at is None or exchange.head is None:
            continue
        if target is not None and method_after(exchange) == kind:
            moments.append((exchange.head_at, (target, kind)))
        elif exchange.head.status == MISDIRECTED:
            moments.append((exchange.head_at, (exchange.request.key, kind)))
    return moments


def ranges_are_right(evidence: Evidence) -> PropertyResult:
    """S24.  What a record holds is known to the server only as an upper bound.

    ``bytes=k-`` claims that k bytes are stored.  That cannot be true if fewer bytes
    had been written for that record when the request came; a first request claims
    too much with any k.  That a request *without* a range ought to have had one is
    not judged here: what was received, and what a kill left of it, is not in the log.
    """
    tally = Tally("S24")
    before: Counter[str] = Counter()
    for exchange in evidence.log.exchanges:
        key, wanted = exchange.request.key, exchange.request.headers.get("range")
        owners = evidence.log.owners(key, exchange.at)
        before[key] += 1
        if not owners:
            continue
        if wanted is None:
            if before[key] > 1 and len(owners) == 1:
                tally.met()
        elif any(owner.gave_range for owner in owners):
            tally.unclear(f"{key}: the page itself asked for a range")
        elif (fault := _fault(evidence, exchange, owners, wanted)) is not None:
            tally.breach(exchange.at, f"{key}: {fault}")
        elif len(owners) == 1:
            tally.met()
        else:
            tally.unclear(f"{key}: {len(owners)} records may have asked for this range")
    return tally.result()


def _fault(evidence: Evidence, exchange: Exchange, owners: list[Owner], wanted: str) -> str | None:
    """What is wrong with a range request, whichever of the owners it is for."""
    sent_as = method(exchange.request.method)
    if sent_as != "GET" or all(method(owner.request.method) != "GET" for owner in owners):
        return f"a range request for a {sent_as} record"
    found = re.fullmatch(r"bytes=([0-9]+)-", wanted)
    if found is None:
        return f"Range is {wanted!r}, not one open range"
    start = int(found[1])
    if start == 0:
        return "a range from 0, where no Range was due"
    if exchange.request.headers.get("accept-encoding", "").strip().lower() != "identity":
        return "a range of something else than the identity encoding"
    most = max(_most_stored(evidence, owner, exchange.at) for owner in owners)
    if start > most:
        return f"a range from {start}, when at most {most} bytes had been sent"
    return None


def _most_stored(evidence: Evidence, owner: Owner, before: int) -> int:
    """An upper bound of the bytes stored for a record, from what had been written for it.

    An ordinary answer starts anew, a 206 continues from what its request claimed; and
    an answer whose head never arrived changes nothing.
    """
    most = 0
    key = evidence.log.key(owner.request.url)
    for exchange in evidence.log.of_family(key) if key is not None else ():
        if exchange.at >= before or exchange.head is None:
            continue
        base = 0
        if exchange.head.status == 206:
            claimed = re.fullmatch(r"bytes=([0-9]+)-", exchange.request.headers.get("range", ""))
            base = int(claimed[1]) if claimed is not None else 0
        most = max(most, base + exchange.written(before))
    return most
