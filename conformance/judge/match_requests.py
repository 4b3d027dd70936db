"""What the server read: which record made a request, and from which byte on (RECORD-7 to 11)."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance.judge.hypothesis import Hypothesis
from conformance.judge.refusals import Depth, Refusals
from conformance.judge.terms import Terms
from conformance.judge.words import places
from conformance.trace import ServerRequest, ServerRequestBody
from spec_model import complete_record
from spec_model.phases import RecordPhase
from spec_model.record_state import RecordState
from spec_model.values import RequestSpec

_ASKS_THERE = "lost-redirect=redirected"
"""With this choice a redirect is followed once, and then its target is asked."""


@attrs.define
class Requests:
    """Matchers of the server's log."""

    terms: Terms
    refusals: Refusals

    def request(self, hypothesis: Hypothesis, entry: ServerRequest) -> Iterator[Hypothesis]:
        """A request reached the server."""
        url = self.terms.facts.url(entry.key)
        if entry.method == "GET" and url in self.terms.facts.icons:
            # DISPLAY-5: the interface may fetch an icon, as often and as early as it likes.
            yield hypothesis
        if not self._led_to(hypothesis, url):
            self._refuse(hypothesis, entry, url)
            return
        matched = False
        for fetch in hypothesis.agent.fetches:
            for index, spec in enumerate(fetch.requests):
                after: set[RecordState] = set()
                for record in hypothesis.records[fetch.index][index]:
                    after.update(self._asked(record, entry, spec, url))
                matched = matched or bool(after)
                for some in self._told_apart(after, entry.exchange):
                    yield hypothesis.with_locals(fetch.index, index, some)
        if not matched:
            self._refuse(hypothesis, entry, url)

    def _told_apart(self, after: set[RecordState], exchange: int) -> list[frozenset[RecordState]]:
        """Apart where others may only begin if this request was a late one, else together."""
        begin = self.terms.facts.begin
        if begin is None or begin.concurrency is None:
            return [frozenset(after)] if after else []
        now = frozenset(record for record in after if record.exchange == exchange)
        return [some for some in (now, frozenset(after) - now) if some]

    def _led_to(self, hypothesis: Hypothesis, url: str) -> bool:
        """Whether a page has asked for this, or so many redirects have led there."""
        facts = self.terms.facts
        if self.terms.allows(_ASKS_THERE):
            return True
        if any(spec.url == url for fetch in hypothesis.agent.fetches for spec in fetch.requests):
            return True
        asked = sum(exchange.url == url for exchange in facts.exchanges.values())
        return asked <= facts.targets[url]

    def _asked(
        self, record: RecordState, entry: ServerRequest, spec: RequestSpec, url: str
    ) -> Iterator[RecordState]:
        """The record's states in which it made this request."""
        starts = _range_starts(entry.headers.get("range", ""), spec.own_range)
        newest = len(record.unseen) - 1
        for at, sent in enumerate(record.unseen):
            if (sent.url, sent.method) != (url, entry.method):
                continue
            seen = complete_record.arrived(record, at)
            waits = record.phase is RecordPhase.BEFORE_HEADERS and not record.exchange
            if waits and at == newest:
                yield from self._current(seen, entry, url, starts)
            elif any(sent.start.has(first) for first in starts):
                # An attempt that is over by now: its request was already on its way.
                yield seen

    def _current(
        self, record: RecordState, entry: ServerRequest, url: str, starts: tuple[int, ...]
    ) -> Iterator[RecordState]:
        if not starts:
            range_ = entry.headers.get("range", "")
            why = f"the request for {url} has Range {range_!r}, which no resume sends"
            self.refusals.refuse("RECORD-8", why, Depth.IN_DETAIL)
        for first in starts:
            yield from self._asked_from(record, entry, url, first)

    def _asked_from(
        self, seen: RecordState, entry: ServerRequest, url: str, first: int
    ) -> Iterator[RecordState]:
        """The same record, if RECORD-7 and 8 can have asked for bytes from there on."""
        asked = complete_record.asked_from(seen, first)
        if asked is None:
            have = self.terms.boxes.extent(seen)
            stored = str(have.lo) if have.lo == have.hi else f"{have.lo} to {have.hi}"
            why = f"the request for {url} asks from byte {first}, but {stored} bytes are stored"
            self.refusals.refuse("RECORD-7", why, Depth.IN_DETAIL)
            return
        if first and entry.headers.get("accept-encoding", "identity") != "identity":
            why = f"the Range request for {url} accepts other encodings than identity"
            self.refusals.refuse("RECORD-8", why, Depth.IN_DETAIL)
            return
        yield attrs.evolve(asked, exchange=entry.exchange)

    def _refuse(self, hypothesis: Hypothesis, entry: ServerRequest, url: str) -> None:
        request = f"a {entry.method} for {url}"
        for fetch in hypothesis.agent.fetches:
            for index, spec in enumerate(fetch.requests):
                if spec.url != url:
                    continue
                records = hypothesis.records[fetch.index][index]
                step, why = "RECORD-15", f"while that record of {fetch.id!r} is {places(records)}"
                if all(record.settled for record in records):
                    step = "RECORD-15"
                elif fetch.paused:
                    step, why = "RECORD-3", f"while {fetch.id!r} is paused"
                elif self._full(hypothesis, fetch.index, index):
                    step, why = "PERFORM-5", "while as many were under way as may be at once"
                elif all(not record.attempts for record in records):
                    step = "RECORD-11"
                self.refusals.refuse(step, f"{request} came {why}")
        self.refusals.refuse(
            "RECORD-11", f"{request} came, which no background fetch asks for", Depth.NOT_DUE
        )

    def _full(self, hypothesis: Hypothesis, fetch: int, index: int) -> bool:
        """Whether others use all the connections that the judge has told it to use."""
        begin = self.terms.facts.begin
        if begin is None or begin.concurrency is None:
            return False
        return hypothesis.surely_in_flight(fetch, but=index) >= begin.concurrency

    def body(self, hypothesis: Hypothesis, entry: ServerRequestBody) -> Iterator[Hypothesis]:
        """A request's body was read: that of a record with this request, whole or broken off."""
        exchange = self.terms.facts.exchanges.get(entry.exchange)
        sizes = {
            spec.body or 0
            for fetch, row in zip(hypothesis.agent.fetches, hypothesis.records, strict=True)
            for spec, locals_ in zip(fetch.requests, row, strict=True)
            if exchange is not None and spec.method == exchange.method
            if spec.url == exchange.url or any(r.exchange == entry.exchange for r in locals_)
        }
        if not sizes or entry.length in sizes or (not entry.complete and entry.length < max(sizes)):
            yield hypothesis
            return
        whole = "whole" if entry.complete else "broken"
        self.refusals.refuse(
            "RECORD-4",
            f"the request's {whole} body has {entry.length} bytes, it should have {max(sizes)}",
            Depth.IN_DETAIL,
        )


def _range_starts(value: str, own_range: str) -> tuple[int, ...]:
    """Where a Range may begin; one that the page set itself belongs to a first request (E31)."""
    own = (0,) if value == own_range else ()
    if value.startswith("bytes=") and value.endswith("-") and value[6:-1].isdigit():
        return (*own, int(value[6:-1]))
    return own
