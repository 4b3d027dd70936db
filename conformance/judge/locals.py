"""What one record may do by itself between two observations, and when it rests.

Each function of ``complete_record`` and ``process_response`` is asked for all its outcomes
under what is known: the server's answer as far as it has been written, and
bounds on what the other records hold.  A record that is reading keeps the
number of bytes read open until something pins it: the end of the answer, or the
Range header of the next request.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import attrs

from conformance.judge.facts import Exchange, Facts
from conformance.judge.terms import Terms
from spec_model import complete_record, process_response, record_end
from spec_model.background_fetch import BackgroundFetch
from spec_model.content_range import extract_content_range
from spec_model.decide import Decide, Explain
from spec_model.fetch_boundary import Redirect, blocked, boundary, ending
from spec_model.interruptions import interrupt
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.record_state import RecordState, View
from spec_model.state import IN_FLIGHT
from spec_model.values import Extent, Head, RequestSpec, exactly

Successor = tuple[RecordState, frozenset[str]]


RUNNING = (RegistrationPhase.RUNNING, RegistrationPhase.DRAINING, RegistrationPhase.DECIDING)


def at_work(fetch: BackgroundFetch) -> bool:
    """Whether its records go on; after the end some may still be being stopped (E05, E86)."""
    return fetch.phase in RUNNING or fetch.abort in ("total", "unregister")


@attrs.define
class RecordMoves:
    """All moves of single records, remembered: the same question is asked again and again."""

    terms: Terms

    @property
    def facts(self) -> Facts:
        """What is certain in the trace."""
        return self.terms.facts

    def moves(self, record: RecordState, spec: RequestSpec, view: View) -> tuple[Successor, ...]:
        """Where the record may go next, each with the choices that this needs."""
        exchange = self.facts.exchanges.get(record.exchange) if record.exchange else None
        answer = None if exchange is None else exchange.answer
        question = ("moves", record, spec, view, answer, self.facts.home)
        find = functools.partial(self._found, record, spec, view, exchange)
        return self.terms.recall(question, find)

    def _found(
        self, record: RecordState, spec: RequestSpec, view: View, exchange: Exchange | None
    ) -> tuple[Successor, ...]:
        found = dict.fromkeys(
            (widened(after, record, exchange, view), choices)
            for function in self._possible(record, spec, view, exchange)
            for after, choices in self.terms.find(function)
            if after is not None
        )
        return tuple(one for one in found if one[0] != record)

    def _possible(
        self, record: RecordState, spec: RequestSpec, view: View, exchange: Exchange | None
    ) -> Iterator[Callable[[Decide], RecordState | None]]:
        phase = record.phase
        sent = exchange.sent if exchange is not None else 0
        if phase is RecordPhase.SETTLED:
            return
        if phase is RecordPhase.WAITING_UNPAUSED:
            yield lambda d: _begun(record, spec, view, self.facts.home, d)
            return
        some = Extent(0, sent) if phase is RecordPhase.READING else Extent()
        yield lambda d: interrupt(record, spec, some, view, d)
        if phase is RecordPhase.WAITING_AVAILABLE:
            if view.online:
                yield lambda d: record_end.available(record, d)
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
            yield lambda d: process_response.network_error(record, spec, view, d, lost=True)
        if exchange is None or exchange.wire is None:
            return
        made = (spec, record.url, record.method, record.hops, self.facts.home)
        found = boundary(*made, exchange.wire, record.taint)
        if found is None:
            yield lambda d: process_response.network_error(record, spec, view, d, lost=False)
        elif isinstance(found, Redirect):
            yield lambda d: complete_record.redirected(record, found.url, found.method, found.taint)
        else:
            yield lambda d: process_response.respond(record, spec, found, view, d)

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
            yield lambda d: _only_settled(
                process_response.append(record, spec, everything, view, d)
            )
        if not view.online:
            yield lambda d: process_response.body_errored(record, spec, some, view, d)
        how = _ending(exchange, head)
        if how in ("end", "either"):
            yield lambda d: process_response.body_ended(record, spec, everything, view, d)
        if how in ("error", "either"):
            yield lambda d: process_response.body_errored(record, spec, some, view, d)

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
        if exchange.complete:
            return False
        return not (
            _surely_exceeds(record, exchange.sent, view.room)
            or _surely_exceeds(record, exchange.sent, view.quota)
        )


def _begun(
    record: RecordState, spec: RequestSpec, view: View, home: str, d: Decide
) -> RecordState | None:
    """A request is made, unless Fetch refuses it before anything is sent."""
    begun = complete_record.start(record, spec, view, d)
    if begun is None or begun.phase not in IN_FLIGHT or not blocked(spec, home):
        return begun
    refused = process_response.network_error(begun, spec, view, d, lost=False)
    return attrs.evolve(refused, unseen=record.unseen)


def _ending(exchange: Exchange, head: Head) -> str:
    """How the body has ended for its reader: "end", "error", "either", or "" if it has not.

    With an announced length the last byte says that this was all, whatever the server
    does next; of a coded body it is only known when that byte can have come.
    """
    if exchange.wire is None:
        return ""
    if not exchange.how:
        return "end" if exchange.perhaps_complete else ""
    if exchange.perhaps_complete and not exchange.complete and exchange.how != "end":
        return "either"
    return ending(exchange.wire, exchange.how, exchange.sent, head.null_body)


def _surely_exceeds(record: RecordState, sent: int, room: Extent | None) -> bool:
    return room is not None and record.stored.lo + sent > room.hi


def widened(
    after: RecordState, before: RecordState, exchange: Exchange | None, view: View
) -> RecordState:
    """A limit that stopped a record did so at some chunk: those before it are stored.

    So did the end of its part, where more came than that (E26).
    """
    if after.result == "fetch-error" and exchange is not None and before.current is not None:
        most = before.stored.hi + min(exchange.sent, _announced(before.current))
        after = attrs.evolve(after, stored=Extent(after.stored.lo, max(after.stored.hi, most)))
    if after.settled and after.floor:
        lo = max(after.stored.lo, min(after.floor, after.stored.hi))
        after = attrs.evolve(after, floor=0, stored=Extent(lo, after.stored.hi))
    if after.result not in ("download-total-exceeded", "quota-exceeded") or exchange is None:
        return after
    limits = [room.hi for room in (view.room, view.quota) if room is not None]
    most = min([before.stored.hi + exchange.sent, *limits])
    return attrs.evolve(after, stored=Extent(before.stored.lo, max(most, before.stored.lo)))


def _announced(head: Head) -> int:
    """How many bytes a part was said to have; 0 if it is not a part."""
    if head.status != 206:
        return 0
    values = extract_content_range(head, Explain())
    return 0 if values is None else max(0, values.last - values.first + 1)


def _only_settled(record: RecordState) -> RecordState | None:
    return record if record.settled else None
