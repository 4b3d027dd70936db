"""When an explanation is at rest: nothing is due that only the implementation can bring.

A held answer, an open pause, an offline spell and an event whose handler still
runs are the world's or the script's to end; everything else must come, and its
absence at a quiet point contradicts the explanation.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.judge.effects import Effects
from conformance.judge.facts import Facts
from conformance.judge.hypothesis import Due, Hypothesis, Locals
from conformance.judge.locals import held, view_of
from spec_model.background_fetch import BackgroundFetch
from spec_model.phases import RecordPhase, RegistrationPhase

_LIMITED = "concurrency=limited"
_OVER = (RegistrationPhase.EVENT_ACTIVE, RegistrationPhase.RECORDS_GONE)


@attrs.define
class Rest:
    """Questions about rest, over one trace's facts."""

    facts: Facts
    effects: Effects

    def _in_flight(self, hypothesis: Hypothesis) -> bool:
        """Whether some record may hold a connection that the world keeps waiting."""
        return any(
            record.phase in (RecordPhase.BEFORE_HEADERS, RecordPhase.READING) and record.exchange
            for row in hypothesis.records
            for locals_ in row
            for record in locals_
        )

    def _resting_locals(
        self, hypothesis: Hypothesis, fetch: BackgroundFetch, index: int
    ) -> tuple[Locals, bool]:
        """The members of one record's set that rest; True: only while another is in flight."""
        spec = fetch.requests[index]
        view = view_of(hypothesis, fetch.index, index, self.facts)
        records = hypothesis.records[fetch.index][index]
        resting = frozenset(r for r in records if self.effects.moves.rests(r, spec, view))
        if resting or view.abort or not self._in_flight(hypothesis):
            return resting, False
        waiting = frozenset(r for r in records if r.phase is RecordPhase.WAITING_UNPAUSED)
        return waiting, bool(waiting)

    def resting(self, hypothesis: Hypothesis) -> Iterator[Hypothesis]:
        """The explanation narrowed to what may be true while nothing happens, if it may be."""
        if self._globally_owed(hypothesis):
            return
        if not hypothesis.agent.running:
            yield hypothesis
            return
        limited = False
        for fetch in hypothesis.agent.fetches:
            if fetch.settled:
                continue
            for index in range(len(fetch.requests)):
                kept, waits = self._resting_locals(hypothesis, fetch, index)
                if not kept:
                    return
                limited = limited or waits
                hypothesis = hypothesis.with_locals(fetch.index, index, kept)
            if all(r.settled for row in hypothesis.records[fetch.index] for r in row):
                return
        if self._readers_owed(hypothesis):
            return
        begin = self.facts.begin
        if limited and (begin is None or begin.concurrency is None):
            if self.effects.admitted is not None and _LIMITED not in self.effects.admitted:
                return
            hypothesis = hypothesis.needing({_LIMITED})
        yield hypothesis

    def delivered(self, hypothesis: Hypothesis) -> Hypothesis:
        """At a quiet point every update has reached every instance: flags included."""
        for instance in hypothesis.instances:
            fetch = hypothesis.agent.fetches[instance.fetch]
            if not fetch.records_available and instance.available:
                hypothesis = hypothesis.with_instance(attrs.evolve(instance, available=False))
        return hypothesis

    # --- what is owed -----------------------------------------------------------------

    def owed(self, hypothesis: Hypothesis) -> tuple[str, ...]:
        """What must still come, each text beginning with a step id; empty if it may rest."""
        if any(True for _ in self.resting(hypothesis)):
            return ()
        owed = [*self._globally_owed(hypothesis), *self._readers_owed(hypothesis)]
        for fetch in hypothesis.agent.fetches:
            if fetch.settled or not hypothesis.agent.running:
                continue
            unrest = False
            for index, spec in enumerate(fetch.requests):
                if not self._resting_locals(hypothesis, fetch, index)[0]:
                    unrest = True
                    records = hypothesis.records[fetch.index][index]
                    owed.append(f"{_due_step(records)} of {spec.method} {spec.url} in {fetch.id!r}")
            if not unrest and all(
                r.settled
                for i in range(len(fetch.requests))
                for r in self._resting_locals(hypothesis, fetch, i)[0]
            ):
                owed.append(f"PERFORM-8 the settlement of {fetch.id!r}")
        return tuple(owed) or ("RECORD-13 something of the records",)

    def _globally_owed(self, hypothesis: Hypothesis) -> list[str]:
        dead = self.facts.dead
        owed = [
            f"{due.step or 'REALM-1'} {_due_text(due)}"
            for due in hypothesis.due
            if due.kind != "settled" or due.ref not in dead
        ]
        for ref in hypothesis.pending:
            if ref in dead:
                continue
            command = self.facts.calls.get(ref)
            if command is None:
                owed.append(f"REALM-1 the answer to command {ref}")
            else:
                owed.append(f"REALM-1 what {type(command).__name__} {ref} does")
        if not hypothesis.agent.running:
            return owed
        for fetch in hypothesis.agent.fetches:
            if fetch.settled and fetch.phase not in _OVER:
                owed.append(f"PERFORM-8.13 the settle event of {fetch.id!r}")
        for event in hypothesis.events:
            fetch_ = hypothesis.agent.fetches[event.fetch] if event.fetch >= 0 else None
            if event.ending and event.active and fetch_ is not None:
                if fetch_.phase is RegistrationPhase.EVENT_ACTIVE and event.name != _CLICK:
                    owed.append(f"PERFORM-8.13.1 the end of {event.name}")
        for instance in hypothesis.instances:
            fetch = hypothesis.agent.fetches[instance.fetch]
            if fetch.settled and not instance.result and instance.realm != p.WORKER:
                owed.append(f"UPDATE-6.10 the last progress event at {instance.handle}")
        return owed

    def _readers_owed(self, hypothesis: Hypothesis) -> list[str]:
        owed = []
        for reader in hypothesis.readers:
            if not reader.asked or reader.done:
                continue
            records = hypothesis.records[reader.fetch][reader.index]
            if all(r.settled for r in records):
                owed.append(f"CREATE-2.9 the end of reading {reader.handle}")
            elif not reader.ready and all(r.response is not None or r.settled for r in records):
                owed.append(f"CREATE-2.9.2.6.2 responseReady of {reader.handle}")
        return owed

    # --- for reports ------------------------------------------------------------------

    def could_come(self, hypothesis: Hypothesis) -> Iterator[str]:
        """What an explanation would have admitted next, in words."""
        for due in hypothesis.due:
            yield _due_text(due)
        for fetch in hypothesis.agent.fetches:
            for index, spec in enumerate(fetch.requests):
                for record in hypothesis.records[fetch.index][index]:
                    if record.unseen and record.phase is RecordPhase.BEFORE_HEADERS:
                        yield f"a {spec.method} request for {record.url}"
        yield from self.owed(hypothesis)

    def stores(self, hypothesis: Hypothesis, stored: int) -> bool:
        """Whether so many body bytes can be stored for background fetches now."""
        lo = hi = 0
        for fetch in hypothesis.agent.fetches:
            box = held(hypothesis, fetch.index, self.facts)
            if fetch.phase is not RegistrationPhase.RECORDS_GONE:
                lo += box.lo
            hi += box.hi + fetch.upload_total
        return lo <= stored <= hi


_CLICK = "backgroundfetchclick"


def _due_step(records: Locals) -> str:
    phases = {record.phase for record in records}
    unasked = {RecordPhase.WAITING_UNPAUSED}
    if phases == unasked or any(
        r.phase is RecordPhase.BEFORE_HEADERS and not r.exchange for r in records
    ):
        return "RECORD-11 the request"
    if RecordPhase.SETTLED in phases or RecordPhase.READING in phases:
        return "RECORD-13 the end"
    return "RECORD-11.R.0 the answer"


def _due_text(due: Due) -> str:
    if due.kind == "ack":
        return "the answer to a command" if due.what != "refused" else "a refusal of the command"
    if due.kind in ("event", "click"):
        return f"the event {due.ref}"
    return f"{due.error or due.what} from call {due.ref}"


