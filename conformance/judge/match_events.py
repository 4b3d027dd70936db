"""Worker events and progress events: whether they were due, and what they carry."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.judge.hypothesis import ABORT, Due, Event, Hypothesis
from conformance.judge.match_snapshots import Snapshots
from conformance.judge.refusals import Depth, Refusals
from conformance.judge.words import places


@attrs.define
class Events:
    """Matchers of events."""

    refusals: Refusals
    snapshots: Snapshots

    def progress(self, hypothesis: Hypothesis, seen: p.Progress) -> Iterator[Hypothesis]:
        """A progress event: something must have changed, and nothing comes after the result."""
        known = hypothesis.instance(seen.instance)
        if known is None:
            why = f"a progress event came at {seen.instance}, which no page has got"
            self.refusals.refuse("UPDATE-6.2", why)
            return
        now = seen.snapshot
        if known.forgotten:
            why = f"a progress event came at {seen.instance} after silence, when all was over"
            self.refusals.refuse("UPDATE-6.10", why)
            return
        if known.result:
            why = f"a progress event came at {seen.instance} after it had shown its result"
            self.refusals.refuse("UPDATE-6.4", why)
            return
        if now.result and (known.realm, known.fetch) in hypothesis.unheard:
            why = f"the result came at {seen.instance} in {known.realm}, where no task can have run"
            self.refusals.refuse("INFRA-3", why)
            return
        attributes = (now.downloaded, now.uploaded, now.result, now.failure_reason)
        if attributes == (known.downloaded, known.uploaded, known.result, known.reason):
            why = f"a progress event came at {seen.instance} although nothing had changed"
            self.refusals.refuse("UPDATE-6.5", why)
            return
        where = f"the progress event at {seen.instance}"
        yield from self.snapshots.progressed(hypothesis, known, now, where)

    def event(self, hypothesis: Hypothesis, seen: p.WorkerEvent) -> Iterator[Hypothesis]:
        """An event was dispatched in the worker."""
        candidates = [
            due
            for due in hypothesis.due
            if due.kind in ("event", "click", "push") and due.ref == seen.name
            if due.fetch < 0
            or seen.snapshot is None
            or hypothesis.fetch(due.fetch).id == seen.snapshot.id
        ]
        if hypothesis.event(seen.event) is not None:
            self.refusals.refuse("PERFORM-8.13", f"the event {seen.event} came before")
            return
        heard = [
            due
            for due in candidates
            if due.kind != "event" or (p.WORKER, due.fetch) not in hypothesis.unheard
        ]
        if candidates and not heard:
            self.refusals.refuse("INFRA-3", f"{seen.name} came where no task can have run")
            return
        if not candidates:
            self._refuse(hypothesis, seen)
        for due in heard:
            yield from self._dispatched(hypothesis.paid(due), due, seen)

    def _dispatched(
        self, hypothesis: Hypothesis, due: Due, seen: p.WorkerEvent
    ) -> Iterator[Hypothesis]:
        after = hypothesis.with_event(Event(seen.event, seen.name, due.fetch))
        if due.kind == "push":
            if (seen.data,) != due.strings:
                why = f"the push brought {seen.data!r} instead of {due.strings[0]!r}"
                self.refusals.refuse("REALM-1", why, Depth.IN_DETAIL)
            elif seen.can_update_ui:
                self.refusals.refuse("IDL-EVT-4", "push has updateUI()", Depth.IN_DETAIL)
            else:
                yield after
            return
        settles = due.kind == "event"
        if seen.instance is None or seen.snapshot is None:
            step = "PERFORM-8.13.0" if settles else "CLICK-1.1"
            self.refusals.refuse(step, f"{seen.name} has no registration", Depth.IN_DETAIL)
            return
        has_ui = settles and seen.name != ABORT
        if seen.can_update_ui is not has_ui:
            step = "IDL-EVT-4"
            if settles:
                step = "IDL-EVT-3" if seen.name == ABORT else "IDL-EVT-1"
            has = "has" if seen.can_update_ui else "lacks"
            self.refusals.refuse(step, f"{seen.name} {has} updateUI()", Depth.IN_DETAIL)
            return
        yield from self.snapshots.of_event(
            after,
            seen.instance,
            due.fetch,
            seen.snapshot,
            f"the registration of {seen.name}",
            final=settles,
            least=due.least,
        )

    def _refuse(self, hypothesis: Hypothesis, seen: p.WorkerEvent) -> None:
        shown = seen.snapshot
        fetches = hypothesis.agent.fetches
        for due in hypothesis.due:
            if due.kind == "event" and shown is not None and fetches[due.fetch].id == shown.id:
                reason = fetches[due.fetch].failure_reason or "success"
                why = f"{seen.name} came instead of {due.ref} ({shown.id!r} settled as {reason})"
                self.refusals.refuse("PERFORM-8.10", why)
                return
        for fetch in reversed(fetches):
            if shown is None or fetch.id != shown.id:
                continue
            if fetch.settled:
                self.refusals.refuse(
                    "PERFORM-8.13", f"{seen.name} came although {fetch.id!r} has had its event"
                )
                return
            at = "; ".join(places(locals_) for locals_ in hypothesis.records[fetch.index])
            why = f"{seen.name} came while {fetch.id!r} was not over; its records: {at}"
            self.refusals.refuse("PERFORM-6", why)
            return
        self.refusals.refuse("PERFORM-8.13", f"{seen.name} came, which was not due", Depth.NOT_DUE)
