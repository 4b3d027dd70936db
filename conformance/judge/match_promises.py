"""Promises that settled: with what was due from their calls."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.judge.hypothesis import Due, Event, Hypothesis, Reader
from conformance.judge.inputs import AT_ONCE
from conformance.judge.match_snapshots import Snapshots
from conformance.judge.refusals import Depth, Refusals
from conformance.judge.terms import Terms
from conformance.judge.words import call_name, expected, value

_STEP_OF: dict[type | None, str] = {
    p.Fetch: "FETCH-9",
    p.Get: "GET-0",
    p.GetIds: "GETIDS-0",
    p.Abort: "ABORT-0",
    p.Match: "MATCH-2",
    p.MatchAll: "MATCHALL-4",
    p.UpdateUI: "UPDATEUI-0",
}

_PLAIN = ("undefined", "boolean", "strings")


@attrs.define
class Promises:
    """Matchers of settled promises."""

    terms: Terms
    refusals: Refusals
    snapshots: Snapshots

    def settled(self, hypothesis: Hypothesis, seen: p.Settled) -> Iterator[Hypothesis]:
        """A promise settled."""
        command = self.terms.facts.calls.get(seen.call)
        due = [d for d in hypothesis.due if d.kind == "settled" and d.ref == seen.call]
        if not due:
            step = _STEP_OF.get(type(command), "REALM-1")
            why = f"{call_name(command)} settled although nothing was due from it"
            self.refusals.refuse(step, why, Depth.NOT_DUE)
        for one in due:
            before = self._overtaken(hypothesis, one)
            if before is None:
                yield from self._settled_as(hypothesis.paid(one), one, command, seen)
            else:
                why = f"{call_name(command)} settled before {call_name(before)}, which came first"
                self.refusals.refuse("REALM-1", why)

    def _overtaken(self, hypothesis: Hypothesis, due: Due) -> p.AnyCommand | None:
        """A call of the same realm that must settle before this one, and has not.

        What the edit queue does it does in order, and so do the tasks that it queues; what is
        refused before a call returns comes before all that later calls bring.
        """
        facts = self.terms.facts
        later = facts.calls.get(due.ref)
        if not isinstance(later, p.Fetch | p.Abort):
            return None
        for other in hypothesis.due:
            earlier = facts.calls.get(other.ref) if other.kind == "settled" else None
            if earlier is None:
                continue
            at_once = other.step in AT_ONCE and earlier.seq < later.seq
            if other.ref in due.after or (at_once and facts.realm(earlier) == facts.realm(later)):
                return earlier
        return None

    def _settled_as(
        self, hypothesis: Hypothesis, due: Due, command: p.AnyCommand | None, seen: p.Settled
    ) -> Iterator[Hypothesis]:
        if seen.error != due.error:
            self._differs(hypothesis, due, command, seen)
        elif due.error is not None:
            yield hypothesis
        elif due.what == "instance" and seen.instance is not None and seen.snapshot is not None:
            yield from self.snapshots.given(
                hypothesis,
                seen.instance,
                self.terms.facts.realm(command) if command is not None else "",
                due.fetch,
                seen.snapshot,
                f"the registration from {call_name(command)}",
                due.least,
            )
        elif due.what == "records" and seen.records is not None:
            yield from self._records(hypothesis, due, command, seen.records)
        elif due.what == "event" and seen.event is not None:
            yield hypothesis.with_event(Event(seen.event, "synthetic", -1, trusted=False))
        elif due.what in _PLAIN and value(seen) == expected(due):
            yield hypothesis
        else:
            self._differs(hypothesis, due, command, seen)

    def _differs(
        self, hypothesis: Hypothesis, due: Due, command: p.AnyCommand | None, seen: p.Settled
    ) -> None:
        why = f"{call_name(command)} gave {value(seen)} instead of {expected(due)}"
        if due.what == "boolean" and due.fetch >= 0:
            fetch = hypothesis.fetch(due.fetch)
            state = "had still been active" if due.flag else "had been over or aborted"
            why = f"{why}: {fetch.id!r} {state}"
        self.refusals.refuse(due.step, why)

    def _records(
        self,
        hypothesis: Hypothesis,
        due: Due,
        command: p.AnyCommand | None,
        records: list[p.RecordInfo],
    ) -> Iterator[Hypothesis]:
        fetch = hypothesis.fetch(due.fetch)
        wanted = [f"{fetch.requests[i].method} {fetch.requests[i].url}" for i in due.indexes]
        got = [f"{record.method} {record.url}" for record in records]
        if got != wanted:
            order = "in another order" if sorted(got) == sorted(wanted) else f"not {wanted}"
            why = f"{call_name(command)} gave records {got}, {order}"
            self.refusals.refuse("MATCHALL-3.2", why)
            return
        realm = self.terms.facts.realm(command) if command is not None else ""
        for record, index, captured in zip(records, due.indexes, due.captured, strict=True):
            if hypothesis.reader(record.record) is not None:
                self.refusals.refuse("CREATE-2.2", f"{record.record} is not a new record object")
                return
            newest = max(r.generation for r in hypothesis.records[due.fetch][index])
            reader = Reader(record.record, realm, due.fetch, index, captured, newest)
            hypothesis = hypothesis.with_reader(reader)
        yield hypothesis
