"""How many bytes are stored: a box of bounds for every record, and their sums.

What a record has read of an answer stays open until something pins it: the answer's
end, a progress event, the Range header of the next request.  Totals and quotas are
compared with the box of all records' bounds.
"""

from __future__ import annotations

import attrs

from conformance.judge.facts import Facts
from conformance.judge.hypothesis import Hypothesis, Locals
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.record_state import RecordState, View
from spec_model.values import Extent


@attrs.define
class Boxes:
    """Bounds over one trace's facts; those of a record's set are remembered until bytes come."""

    facts: Facts
    _spans: dict[Locals, Extent] = attrs.field(factory=dict)
    _as_of: int = -1

    def extent(self, record: RecordState) -> Extent:
        """Bounds on how many bytes the record holds."""
        if record.phase is RecordPhase.READING:
            exchange = self.facts.exchanges.get(record.exchange)
            sent = exchange.sent if exchange else 0
            return Extent(max(record.stored.lo, record.floor), record.stored.hi + sent)
        if not record.exposable:
            # What cannot be exposed may have been dropped already.
            return Extent(0, record.stored.hi)
        return Extent(max(record.stored.lo, record.floor), record.stored.hi)

    def span(self, locals_: Locals) -> Extent:
        """Bounds over all that the record may be."""
        if self._as_of != self.facts.writes:
            self._as_of = self.facts.writes
            self._spans.clear()
        known = self._spans.get(locals_)
        if known is None:
            extents = [self.extent(record) for record in locals_]
            known = Extent(min(e.lo for e in extents), max(e.hi for e in extents))
            self._spans[locals_] = known
        return known

    def held(self, hypothesis: Hypothesis, fetch: int) -> Extent:
        """Bounds on what all records of a fetch hold together (STORED)."""
        spans = [self.span(locals_) for locals_ in hypothesis.records[fetch]]
        return Extent(sum(s.lo for s in spans), sum(s.hi for s in spans))

    def used(self, hypothesis: Hypothesis) -> Extent:
        """Bounds on what is charged to the quota: bodies, both ways, of unreleased fetches."""
        lo = hi = 0
        for fetch in hypothesis.agent.fetches:
            stored = self.held(hypothesis, fetch.index)
            if fetch.phase is not RegistrationPhase.RECORDS_GONE:
                lo += stored.lo + fetch.upload_total
            hi += stored.hi + fetch.upload_total
        return Extent(lo, hi)

    def stored(self, hypothesis: Hypothesis) -> Extent:
        """Bounds on the body bytes that are of answers that are kept for background fetches."""
        lo = hi = 0
        for fetch in hypothesis.agent.fetches:
            stored = self.held(hypothesis, fetch.index)
            if fetch.phase is not RegistrationPhase.RECORDS_GONE:
                lo += stored.lo
            final = hypothesis.final(fetch.index)
            # Nothing comes any more to what its registration objects show for good.
            hi += stored.hi if final is None else min(stored.hi, final.downloaded)
        return Extent(lo, max(lo, hi))

    def view(self, hypothesis: Hypothesis, fetch: int, index: int) -> View:
        """What a record sees of the rest."""
        agent = hypothesis.agent
        own = agent.fetches[fetch]
        room = quota = None
        if own.download_total or agent.quota is not None:
            mine = self.span(hypothesis.records[fetch][index])
            if own.download_total:
                room = _left(own.download_total, self.held(hypothesis, fetch), mine)
            if agent.quota is not None:
                quota = _left(agent.quota, self.used(hypothesis), mine)
        return View(own.paused, own.abort, agent.online, room, quota)


def _left(limit: int, total: Extent, mine: Extent) -> Extent:
    """What the others leave of a limit: never less than what this one surely has."""
    return Extent(max(limit - (total.hi - mine.hi), mine.lo), limit - (total.lo - mine.lo))
