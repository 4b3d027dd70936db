"""No mixtures (S07): a body that closes is one version of one resource, whole.

Content names its key, its version and its offsets (``conformance.world.content``), so
a body is compared with what each version that the server served would have been.  A
body passes if there is one version of a resource of the record's family such that

* the body is that version's bytes from offset 0 on, as many as its complete length;
* every byte of it had been sent by then in answers of the status class that the
  record shows: an error page continued by the tail of the real thing fails here.

The same text is compared whatever the encoding was: a reader sees decoded bytes.

No client can see through a server that lies with consistent words: two contents
under one strong validator, or content from another offset than Content-Range says.
A mixture made of such answers cannot be told from the client's fault.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.exchanges import REDIRECTS, Exchange
from conformance.judge.properties.pieces import described
from conformance.judge.properties.tally import Tally
from conformance.judge.properties.urls import method, plain
from conformance.judge.verdict import PropertyResult
from conformance.protocol import Body, RecordInfo
from conformance.world.content import content

LARGEST = 1 << 26
"""Bytes: larger bodies are not compared, their content would take too long to make."""


def no_mixtures(evidence: Evidence) -> PropertyResult:
    """S07."""
    tally = Tally("S07")
    for at, body in evidence.said.bodies:
        if body.error is not None:
            continue
        handed = evidence.said.records.get(body.record)
        key = evidence.log.key(handed.info.url) if handed is not None else None
        if handed is None or key is None or (body.text is None and body.sha256 is None):
            tally.unclear(f"{body.record}: it cannot be told what its body should be")
        elif body.length > LARGEST:
            tally.unclear(f"{body.record}: too large to compare")
        elif _page_gave_range(evidence, handed.info):
            tally.unclear(f"{body.record}: the page itself asked for a range")
        else:
            _judge(evidence, at, body, key, tally)
    return tally.result()


def _judge(evidence: Evidence, at: int, body: Body, key: str, tally: Tally) -> None:
    answers = [
        exchange
        for exchange in evidence.log.of_family(key)
        if exchange.head_at is not None and exchange.head_at < at
    ]
    served = [one for one in answers if not _leads_on(one)]
    if not answers:
        tally.unclear(f"{body.record}: the server never answered for {key}")
        return
    fault = _fault(body, _of_class(evidence, body.record, served), at)
    if fault is None:
        tally.met()
        return
    fault = fault or f"its {body.length} bytes are no single answer: {_described(body, evidence)}"
    if _lied(served):
        tally.unclear(f"{body.record}: {fault}; but the server's own words were false")
    else:
        tally.breach(at, f"{body.record}: {fault}")


def _fault(body: Body, answers: list[Exchange], at: int) -> str | None:
    """Why a body is no single whole version of what these answers gave; None if it is.

    Empty where it is not the bytes of any of them.
    """
    n, fault = body.length, ""
    for key, version in sorted({(one.request.key, _version(one)) for one in answers}):
        ours = [one for one in answers if (one.request.key, _version(one)) == (key, version)]
        if not _equals(body, key, version):
            continue
        if not any(_may_be_whole(one, n, at) for one in ours):
            fault = f"{n} bytes of version {version} of {key}, which is not its length"
        elif not _all_sent(ours, n, at):
            fault = f"{n} bytes of version {version} of {key}, not all sent with that status"
        else:
            return None
    return fault


def _of_class(evidence: Evidence, record: str, answers: list[Exchange]) -> list[Exchange]:
    shown = [ready.status for _, ready in evidence.said.ready.get(record, ()) if ready.status]
    if not shown:
        return answers
    return [one for one in answers if one.head and one.head.status // 100 == shown[0] // 100]


def _leads_on(exchange: Exchange) -> bool:
    assert exchange.head is not None, "only answers come here"
    return exchange.head.status in REDIRECTS and bool(exchange.header("location"))


def _version(exchange: Exchange) -> int:
    return exchange.head.version if exchange.head is not None else 0


def _equals(body: Body, key: str, version: int) -> bool:
    if body.text is not None:
        # An adapter's own mistake in counting is no business of this property.
        return body.text.encode("latin-1", "replace") == content(key, version, 0, len(body.text))
    return body.sha256 == _digest(key, version, body.length)


@lru_cache(maxsize=256)
def _digest(key: str, version: int, length: int) -> str:
    return hashlib.sha256(content(key, version, 0, length)).hexdigest()


def _may_be_whole(exchange: Exchange, n: int, at: int) -> bool:
    """Whether this answer says, or leaves open, that its resource has n bytes in all."""
    head = exchange.head
    assert head is not None, "only answers come here"
    if head.status == 206:
        said = _content_range(exchange)
        return said is not None and n == (said[1] + 1 if said[2] is None else said[2])
    if head.framing == "close" and exchange.how == "close":
        # Nothing but the connection's end marks the end: a cut looks whole.
        return n <= head.length if head.encoding == "gzip" else n == exchange.written(at)
    return n == head.length


def _all_sent(answers: list[Exchange], n: int, at: int) -> bool:
    reached = 0
    for one in sorted(answers, key=lambda answer: answer.head.first if answer.head else 0):
        assert one.head is not None, "only answers come here"
        if one.head.first <= reached:
            reached = max(reached, one.head.first + one.written(at))
    return reached >= n


def _content_range(exchange: Exchange) -> tuple[int, int, int | None] | None:
    """First, last and complete length (None: unknown) as a Content-Range says them."""
    value = exchange.header("content-range")
    found = re.fullmatch(r"bytes[ =]([0-9]+)-([0-9]+)/([0-9]+|\*)", value.strip())
    if found is None:
        return None
    return int(found[1]), int(found[2]), None if found[3] == "*" else int(found[3])


def _lied(answers: list[Exchange]) -> bool:
    """Whether the answers' words were false in a way that a client believes rightly."""
    meant: dict[tuple[str, str], tuple[str, int]] = {}
    for one in answers:
        head = one.head
        if head is None or not 200 <= head.status <= 299:
            continue
        what = (one.request.key, head.version)
        etag, modified = one.header("etag"), one.header("last-modified")
        name = ("etag", etag) if etag else ("last-modified", modified)
        believed = name[1] and not etag.startswith("W/")
        if believed and meant.setdefault(name, what) != what:
            return True
        if head.status == 206:
            said = _content_range(one)
            if said is not None and said[0] == _asked(one) and said[0] != head.first:
                return True
        elif head.first != 0:
            return True
    return False


def _asked(exchange: Exchange) -> int:
    found = re.fullmatch(r"bytes=([0-9]+)-", exchange.request.headers.get("range", ""))
    return int(found[1]) if found is not None else 0


def _page_gave_range(evidence: Evidence, info: RecordInfo) -> bool:
    """Whether a fetch asked for this URL with a Range header of its own."""
    return any(
        "range" in {name.lower() for name in request.headers}
        for fetch in evidence.who.fetched
        for request in fetch.asked.requests
        if (plain(request.url), method(request.method)) == (plain(info.url), method(info.method))
    )


def _described(body: Body, evidence: Evidence) -> str:
    if body.text is None:
        return f"sha256 {body.sha256}"
    sent = ((each.request.key, _version(each)) for each in evidence.log.exchanges if each.head)
    return described(body.text.encode("latin-1", "replace"), sent)
