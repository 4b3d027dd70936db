"""What one record may do by itself between two observations, and when it rests.

Each function of ``spec_model.complete_record`` is asked for all its outcomes
under what is known: the server's answer as far as it has been written, and
bounds on what the other records hold.  A record that is reading keeps the
number of bytes read open until something pins it: the end of the answer, or the
Range header of the next request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from conformance.judge.facts import Exchange, Facts
from conformance.judge.hypothesis import Hypothesis, Locals
from spec_model import complete_record as record_steps
from spec_model.complete_record import RecordState, View
from spec_model.decide import Decide, outcomes
from spec_model.editions import Edition
from spec_model.fetch_boundary import Redirect, boundary, ending
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.values import Extent, RequestSpec, exactly

Successor = tuple[RecordState, frozenset[str]]


def extent(record: RecordState, facts: Facts) -> Extent:
    """Bounds on how many bytes the record holds."""
    if record.phase is RecordPhase.READING:
        exchange = facts.exchanges.get(record.exchange)
        sent = exchange.sent if exchange else 0
        return Extent(max(record.start.lo, record.floor), record.start.hi + sent)
    if not record.exposable:
        # What cannot be exposed may have been dropped already.
        return Extent(0, record.stored.hi)
    return Extent(max(record.stored.lo, record.floor), record.stored.hi)


def span(locals_: Locals, facts: Facts) -> Extent:
    """Bounds over all that the record may be."""
    extents = [extent(record, facts) for record in locals_]
    return Extent(min(e.lo for e in extents), max(e.hi for e in extents))


def held(hypothesis: Hypothesis, fetch: int, facts: Facts) -> Extent:
    """Bounds on what all records of a fetch hold together (STORED)."""
    spans = [span(locals_, facts) for locals_ in hypothesis.records[fetch]]
    return Extent(sum(s.lo for s in spans), sum(s.hi for s in spans))


def used(hypothesis: Hypothesis, facts: Facts, padded: bool = False) -> Extent:
    """Bounds on the bytes charged to the quota: bodies of requests and answers not yet released."""
    lo = hi = 0
    for fetch in hypothesis.agent.fetches:
        stored = held(hypothesis, fetch.index, facts)
        if fetch.phase is not RegistrationPhase.RECORDS_GONE:
            lo += stored.lo + fetch.upload_total
        hi += stored.hi + fetch.upload_total
    return Extent(lo, hi)


def view_of(hypothesis: Hypothesis, fetch: int, index: int, facts: Facts) -> View:
    """What a record sees of the rest."""
    agent = hypothesis.agent
    own = agent.fetches[fetch]
    room = quota = None
    if own.download_total or agent.quota is not None:
        mine = span(hypothesis.records[fetch][index], facts)
        if own.download_total:
            total = held(hypothesis, fetch, facts)
            room = _left(own.download_total, total, mine)
        if agent.quota is not None:
            quota = _left(agent.quota, used(hypothesis, facts), mine)
    return View(own.paused, own.abort, agent.online, room, quota)


def _left(limit: int, total: Extent, mine: Extent) -> Extent:
    return Extent(limit - (total.hi - mine.hi), limit - (total.lo - mine.lo))


@attrs.define
class RecordMoves:
    """All moves of single records, remembered: the same question is asked again and again."""

    facts: Facts
    edition: Edition
    admitted: frozenset[str] | None
    _known: dict[object, tuple[Successor, ...]] = attrs.field(factory=dict)

    def moves(self, record: RecordState, spec: RequestSpec, view: View) -> tuple[Successor, ...]:
        """Where the record may go next, each with the choices that this needs."""
        exchange = self.facts.exchanges.get(record.exchange) if record.exchange else None
        known = None
        if exchange is not None:
            known = (exchange.wire is not None, exchange.sent, exchange.how)
        question = (record, spec, view, known)
        if question not in self._known:
            found = dict.fromkeys(
                (outcome_value, choices)
                for function in self._possible(record, spec, view, exchange)
                for answer, choices in self._ask(function)
                if (outcome_value := _widened(answer, record, known, view)) != record
            )
            self._known[question] = tuple(found)
        return self._known[question]

    def _ask(self, function: Callable[[Decide], RecordState | None]) -> Iterator[Successor]:
        for outcome in outcomes(function, self.edition, self.admitted):
            if outcome.value is not None:
                yield outcome.value, outcome.choices

    def _possible(
        self, record: RecordState, spec: RequestSpec, view: View, exchange: Exchange | None
    ) -> Iterator[Callable[[Decide], RecordState | None]]:
        phase = record.phase
        sent = exchange.sent if exchange is not None else 0
        if phase is RecordPhase.SETTLED:
            return
        if phase is RecordPhase.WAITING_UNPAUSED:
            yield lambda d: record_steps.start(record, spec, view, d)
            return
        some = Extent(0, sent) if phase is RecordPhase.READING else Extent()
        yield lambda d: record_steps.interrupt(record, spec, some, view, d)
        if phase is RecordPhase.WAITING_AVAILABLE:
            if view.online:
                yield lambda d: record_steps.available(record, d)
            return
        if phase is RecordPhase.BEFORE_HEADERS:
            yield from self._before_headers(record, spec, view, exchange)
        elif exchange is not None and record.current is not None:
            yield from self._reading(record, spec, view, exchange)

    def _before_headers(
        self, record: RecordState, spec: RequestSpec, view: View, exchange: Exchange | None
    ) -> Iterator[Callable[[Decide], RecordState | None]]:
        lost = not view.online or (exchange is not None and exchange.how in ("drop", "reset"))
        if lost or (exchange is not None and exchange.how == "close" and not exchange.sent):
            yield lambda d: record_steps.network_error(record, spec, view, d, lost=True)
        if exchange is None or exchange.wire is None:
            return
        begin = self.facts.begin
        home = begin.origins["app"] if begin else ""
        found = boundary(spec, record.url, record.method, record.hops, home, exchange.wire)
        if found is None:
            yield lambda d: record_steps.network_error(record, spec, view, d, lost=False)
        elif isinstance(found, Redirect):
            yield lambda d: record_steps.redirected(record, found.url, found.method)
        else:
            yield lambda d: record_steps.respond(record, spec, found, view, d)

    def _reading(
        self, record: RecordState, spec: RequestSpec, view: View, exchange: Exchange
    ) -> Iterator[Callable[[Decide], RecordState | None]]:
        head, wire = record.current, exchange.wire
        if head is None or wire is None:
            return
        everything = exactly(exchange.sent)
        some = Extent(0, exchange.sent)
        if view.room is not None or view.quota is not None:
            # A limit may be found out in mid-body: only that outcome counts here.
            yield lambda d: _only_settled(record_steps.append(record, spec, everything, view, d))
        if not view.online:
            yield lambda d: record_steps.body_errored(record, spec, some, view, d)
        if not exchange.how:
            return
        how = ending(wire, exchange.how, exchange.sent, head.null_body)
        if how in ("end", "either"):
            yield lambda d: record_steps.body_ended(record, spec, everything, view, d)
        if how in ("error", "either"):
            yield lambda d: record_steps.body_errored(record, spec, some, view, d)

    def rests(self, record: RecordState, spec: RequestSpec, view: View) -> bool:
        """Whether nothing is due from this record: only the world or the user can move it."""
        phase = record.phase
        if phase is RecordPhase.SETTLED:
            return True
        if phase is RecordPhase.WAITING_UNPAUSED:
            return view.paused and not self.moves(record, spec, view)
        if view.abort or (view.paused and spec.method == "GET"):
            return False
        if phase is RecordPhase.WAITING_AVAILABLE:
            return not view.online
        exchange = self.facts.exchanges.get(record.exchange) if record.exchange else None
        if exchange is None or exchange.how or not view.online:
            return False
        if phase is RecordPhase.BEFORE_HEADERS:
            return exchange.wire is None
        return not (_surely_exceeds(record, exchange.sent, view.room) or _surely_exceeds(
            record, exchange.sent, view.quota
        ))


def _surely_exceeds(record: RecordState, sent: int, room: Extent | None) -> bool:
    return room is not None and record.start.lo + sent > room.hi


def _widened(
    after: RecordState, before: RecordState, known: tuple[bool, int, str] | None, view: View
) -> RecordState:
    """A limit that stopped a record did so at some chunk: those before it are stored."""
    if after.settled and after.floor:
        lo = max(after.stored.lo, min(after.floor, after.stored.hi))
        after = attrs.evolve(after, floor=0, stored=Extent(lo, after.stored.hi))
    if after.result not in ("download-total-exceeded", "quota-exceeded") or known is None:
        return after
    limits = [room.hi for room in (view.room, view.quota) if room is not None]
    most = min([before.stored.hi + known[1], *limits])
    return attrs.evolve(after, stored=Extent(before.stored.lo, max(most, before.stored.lo)))


def _only_settled(record: RecordState) -> RecordState | None:
    return record if record.settled else None
