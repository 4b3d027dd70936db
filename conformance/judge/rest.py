"""When an explanation is at rest: nothing is due that only the implementation can bring.

A held answer, an open pause, an offline spell, an event whose handler still
runs and a realm whose script does not return are the world's or the script's to end;
everything else must come, and its absence at a quiet point contradicts the explanation.

What waits for a busy realm: its promises and events, and what stands behind them in an
update queue (GET-4.2).  The records of a fetch whose promise is among them may wait for
it or not: nothing orders FETCH-8.14 and FETCH-8.16 (E67).
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.judge.hypothesis import Due, Hypothesis, Instance, Locals
from conformance.judge.inputs import ENQUEUED, READING
from conformance.judge.locals import RecordMoves, at_work
from conformance.judge.terms import Terms
from conformance.judge.words import call_name, due_text
from spec_model.background_fetch import BackgroundFetch
from spec_model.phases import RecordPhase, RegistrationPhase

_LIMITED = "concurrency=limited"
_CACHES = (p.CachePut, p.CacheKeys)
_OVER = (RegistrationPhase.EVENT_ACTIVE, RegistrationPhase.RECORDS_GONE)


@attrs.define
class Rest:
    """Questions about rest, on these terms."""

    terms: Terms
    moves: RecordMoves

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
    ) -> tuple[Locals, Locals]:
        """The members of one record's set that rest, and those that do while another is busy."""
        spec = fetch.requests[index]
        view = self.terms.boxes.view(hypothesis, fetch.index, index)
        records = hypothesis.records[fetch.index][index]
        resting = frozenset(r for r in records if self.moves.rests(r, spec, view))
        if self._unresolved(hypothesis, fetch.index):
            # E67: it is open whether a record begins before that promise has settled.
            unbegun = frozenset(r for r in records if not r.attempts and not r.settled)
            resting |= frozenset() if view.abort else unbegun
        if view.abort or not self._in_flight(hypothesis):
            return resting, frozenset()
        waiting = frozenset(r for r in records if r.phase is RecordPhase.WAITING_UNPAUSED)
        return resting, waiting - resting

    def resting(self, hypothesis: Hypothesis) -> Iterator[Hypothesis]:
        """The explanation narrowed to what may be true while nothing happens, if it may be."""
        if self._globally_owed(hypothesis):
            return
        if not hypothesis.agent.running:
            yield hypothesis
            return
        begin = self.terms.facts.begin
        told = begin is not None and begin.concurrency is not None
        if not told:
            yield from self._resting_records(hypothesis, limited=False)
        if told or self.terms.allows(_LIMITED):
            chosen = hypothesis if told else hypothesis.needing({_LIMITED})
            yield from self._resting_records(chosen, limited=True)

    def _resting_records(self, hypothesis: Hypothesis, *, limited: bool) -> Iterator[Hypothesis]:
        """``limited``: a record may wait for another one."""
        before, needed = hypothesis, False
        for fetch in hypothesis.agent.fetches:
            if fetch.settled and not at_work(fetch):
                continue
            for index in range(len(fetch.requests)):
                kept, waiting = self._resting_locals(before, fetch, index)
                if limited:
                    kept, needed = kept | waiting, needed or bool(waiting)
                if not kept:
                    return
                hypothesis = hypothesis.with_locals(fetch.index, index, kept)
            over = all(r.settled for row in hypothesis.records[fetch.index] for r in row)
            if over and not fetch.settled:
                return
        if needed and not self._in_flight(hypothesis):
            # Whoever it could have waited for is over.
            yield from self._resting_records(before, limited=False)
            return
        if self._readers_owed(hypothesis):
            return
        if needed or not limited or _LIMITED not in hypothesis.choices:
            yield hypothesis

    def delivered(self, hypothesis: Hypothesis) -> Hypothesis:
        """After real silence nothing is on its way: no update, no request, no end of an event."""
        for instance in hypothesis.instances:
            fetch = hypothesis.fetch(instance.fetch)
            if self._out_of_reach(hypothesis, instance):
                continue
            if not fetch.records_available and instance.available:
                instance = attrs.evolve(instance, available=False)
            if fetch.settled and not instance.result:
                # It is the worker's, which may have been stopped: nobody else need not be told.
                instance = attrs.evolve(instance, forgotten=True)
            hypothesis = hypothesis.with_instance(instance)
        for event in hypothesis.events:
            if event.ending and not event.over:
                hypothesis = hypothesis.with_event(attrs.evolve(event, over=True))
        if not hypothesis.agent.running:
            return hypothesis
        for number, row in enumerate(hypothesis.records):
            for index, locals_ in enumerate(row):
                if any(record.unseen for record in locals_):
                    arrived = frozenset(attrs.evolve(r, unseen=()) for r in locals_)
                    hypothesis = hypothesis.with_locals(number, index, arrived)
        return hypothesis

    # --- realms that are busy ---------------------------------------------------------

    def _waits_for_realm(self, due: Due) -> bool:
        """Whether an output needs a task or an event of a realm whose script does not return."""
        facts = self.terms.facts
        if due.kind == "settled":
            return facts.home_of(due.ref) in facts.busy
        return due.kind in ("event", "click", "push") and p.WORKER in facts.busy

    def _unresolved(self, hypothesis: Hypothesis, fetch: int) -> bool:
        """Whether the promise of fetch() waits for its realm."""
        return any(
            due.fetch == fetch and due.step == "FETCH-8.14.1" and self._waits_for_realm(due)
            for due in hypothesis.due
        )

    def _held_up(self, hypothesis: Hypothesis, fetch: int) -> bool:
        """GET-4.2: whether the fetch's update queue waits for a busy realm."""
        return any(
            due.fetch == fetch and due.step == "GET-4.1.2" and self._waits_for_realm(due)
            for due in hypothesis.due
        )

    def _out_of_reach(self, hypothesis: Hypothesis, instance: Instance) -> bool:
        """Whether no update reaches a registration object now."""
        busy = instance.realm in self.terms.facts.busy
        return busy or self._held_up(hypothesis, instance.fetch)

    # --- what is owed -----------------------------------------------------------------

    def owed(self, hypothesis: Hypothesis) -> tuple[str, ...]:
        """What must still come, each text beginning with a step id; empty if it may rest."""
        if any(True for _ in self.resting(hypothesis)):
            return ()
        owed = [*self._globally_owed(hypothesis), *self._readers_owed(hypothesis)]
        for fetch in hypothesis.agent.fetches:
            if (fetch.settled and not at_work(fetch)) or not hypothesis.agent.running:
                continue
            unrest = False
            for index, spec in enumerate(fetch.requests):
                if not any(self._resting_locals(hypothesis, fetch, index)):
                    unrest = True
                    records = hypothesis.records[fetch.index][index]
                    owed.append(f"{_due_step(records)} of {spec.method} {spec.url} in {fetch.id!r}")
            if (
                not unrest
                and not fetch.settled
                and all(
                    r.settled
                    for i in range(len(fetch.requests))
                    for r in self._resting_locals(hypothesis, fetch, i)[0]
                )
            ):
                owed.append(f"PERFORM-8 the settlement of {fetch.id!r}")
        return tuple(owed) or ("RECORD-13 something of the records",)

    def _globally_owed(self, hypothesis: Hypothesis) -> list[str]:
        facts = self.terms.facts
        owed = [
            f"{due.step or 'REALM-1'} {due_text(due, facts.calls.get(due.ref))}"
            for due in hypothesis.due
            if due.kind != "settled" or due.ref not in facts.dead
            if not self._waits_for_realm(due)
            if due.step != "GET-4.1.2" or not self._held_up(hypothesis, due.fetch)
        ]
        for ref in hypothesis.pending:
            if ref in facts.dead:
                continue
            if ref.startswith(READING):
                if ref[1:] not in facts.dead and not facts.reads(ref[1:]):
                    owed.append(f"FETCH-8.10 the settlement of {call_name(facts.calls[ref[1:]])}")
                continue
            if isinstance(facts.calls.get(ref), _CACHES) and facts.home_of(ref) in facts.busy:
                continue
            if ref.startswith(ENQUEUED):
                owed.append("DISPLAY-7 what the user's abort does")
                continue
            command = facts.command(ref)
            if ref.startswith("#"):
                owed.append(f"REALM-1 the answer to command {ref}")
            elif not isinstance(command, p.CachePut) or self._put_owed(hypothesis, command):
                owed.append(f"REALM-1 the settlement of {call_name(command)}")
        if not hypothesis.agent.running:
            return owed
        for fetch in hypothesis.agent.fetches:
            if fetch.settled and fetch.phase not in _OVER:
                owed.append(f"PERFORM-8.13 the settle event of {fetch.id!r}")
        for instance in hypothesis.instances:
            fetch = hypothesis.fetch(instance.fetch)
            if not fetch.settled or instance.result or instance.realm in (p.WORKER, *facts.closed):
                continue
            if self._out_of_reach(hypothesis, instance):
                continue
            owed.append(f"UPDATE-6.10 the last progress event at {instance.handle}")
        return owed

    def _put_owed(self, hypothesis: Hypothesis, command: p.CachePut) -> bool:
        """Whether the response that is being put must have come whole, or failed."""
        reader = hypothesis.reader(command.record)
        if reader is None:
            return False
        return all(r.settled for r in hypothesis.records[reader.fetch][reader.index])

    def _readers_owed(self, hypothesis: Hypothesis) -> list[str]:
        owed = []
        for reader in hypothesis.readers:
            if not reader.asked or reader.done or reader.realm in self.terms.facts.closed:
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
            yield due_text(due, self.terms.facts.calls.get(due.ref))
        for fetch in hypothesis.agent.fetches:
            for index, spec in enumerate(fetch.requests):
                for record in hypothesis.records[fetch.index][index]:
                    if record.unseen and record.phase is RecordPhase.BEFORE_HEADERS:
                        yield f"a {spec.method} request for {record.url}"
        yield from self.owed(hypothesis)


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
