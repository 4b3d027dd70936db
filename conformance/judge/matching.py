"""Whether an explanation can have produced an observation, and what the observation then tells.

Each matcher yields the explanations that remain.  One that cannot have produced
the observation yields nothing and leaves a *refusal*: the step whose output was
due instead, and why.  When every explanation refuses, the refusals are the blame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.judge.effects import CLICK, Effects
from conformance.judge.facts import Facts
from conformance.judge.hypothesis import Due, Event, Hypothesis, Instance, Locals, Reader
from conformance.judge.locals import extent, held, span
from conformance.trace import ServerRequest
from conformance.world.content import content
from spec_model import complete_record as record_steps
from spec_model.complete_record import RecordState
from spec_model.phases import RecordPhase, RegistrationPhase


@attrs.frozen
class Refusal:
    """Why one explanation does not admit an observation."""

    step: str
    why: str


@attrs.define
class Matching:
    """Matchers over one trace's facts."""

    facts: Facts
    effects: Effects
    refusals: list[Refusal] = attrs.field(factory=list)

    def refuse(self, step: str, why: str) -> None:
        """Note why an explanation ends here."""
        refusal = Refusal(step, why)
        if refusal not in self.refusals:
            self.refusals.append(refusal)

    # --- the server's log -------------------------------------------------------------

    def request(self, hypothesis: Hypothesis, entry: ServerRequest) -> Iterator[Hypothesis]:
        """A request reached the server: which record made it, and from which byte on?"""
        url = self.facts.url(entry.key)
        matched = False
        for fetch in hypothesis.agent.fetches:
            for index, spec in enumerate(fetch.requests):
                after: set[RecordState] = set()
                for record in hypothesis.records[fetch.index][index]:
                    own = record.url == url and record.method == entry.method
                    if record.unseen and (own or spec.url == url):
                        after.update(self._asked(record, entry, spec.own_range, own))
                if after:
                    matched = True
                    yield hypothesis.with_locals(fetch.index, index, frozenset(after))
        if not matched:
            self._refuse_request(hypothesis, entry, url)

    def _asked(
        self, record: RecordState, entry: ServerRequest, own_range: str, own: bool
    ) -> Iterator[RecordState]:
        seen = attrs.evolve(record, unseen=record.unseen - 1)
        current = record.phase is RecordPhase.BEFORE_HEADERS and not record.exchange and own
        if not current or record.unseen > 1:
            # An attempt that is over by now: its request was already on its way.
            yield seen
        if not current:
            return
        first = _range_start(entry.headers.get("range", ""), own_range)
        if first is None:
            self.refuse("RECORD-8", f"Range {entry.headers.get('range')!r} is no resume")
            return
        asked = record_steps.asked_from(seen, first)
        if asked is None:
            have = extent(record, self.facts)
            self.refuse(
                "RECORD-7", f"asked from byte {first}, but {have.lo} to {have.hi} bytes are stored"
            )
            return
        yield attrs.evolve(asked, exchange=entry.exchange)

    def _refuse_request(self, hypothesis: Hypothesis, entry: ServerRequest, url: str) -> None:
        for fetch in hypothesis.agent.fetches:
            for index, spec in enumerate(fetch.requests):
                if spec.url != url:
                    continue
                places = hypothesis.records[fetch.index][index]
                states = " or ".join(sorted({_describe(record) for record in places}))
                step = "RECORD-11"
                if fetch.paused:
                    step = "RECORD-3"
                elif any(r.settled for r in places):
                    step = "RECORD-15"
                self.refuse(step, f"a {entry.method} for {url} while that record is {states}")
                return
        self.refuse("RECORD-11", f"a {entry.method} for {url}, which no fetch asked for")

    # --- promises ---------------------------------------------------------------------

    def settled(self, hypothesis: Hypothesis, seen: p.Settled) -> Iterator[Hypothesis]:
        """A promise settled."""
        command = self.facts.calls.get(seen.call)
        if isinstance(command, p.CachePut | p.CacheKeys):
            yield from self.cache(hypothesis, command, seen)
            return
        candidates = [d for d in hypothesis.due if d.kind == "settled" and d.ref == seen.call]
        if not candidates:
            self.refuse(_STEP_OF.get(type(command), "REALM-1"), "nothing was due from this call")
        for due in candidates:
            yield from self._settled_as(hypothesis.paid(due), due, command, seen)

    def _settled_as(
        self, hypothesis: Hypothesis, due: Due, command: p.AnyCommand | None, seen: p.Settled
    ) -> Iterator[Hypothesis]:
        wanted = due.error
        if seen.error != wanted:
            self.refuse(due.step, f"{_named(seen)} instead of {_due_named(due)}")
            return
        if wanted is not None:
            yield hypothesis
        elif due.what == "instance" and seen.instance is not None and seen.snapshot is not None:
            realm = str(getattr(command, "realm", p.WORKER))
            yield from self.shown(hypothesis, seen.instance, realm, due.fetch, seen.snapshot)
        elif due.what == "boolean" and seen.boolean is due.flag:
            yield hypothesis
        elif due.what == "strings" and seen.strings is not None:
            if tuple(seen.strings) == due.strings:
                yield hypothesis
            else:
                self.refuse(due.step, f"{seen.strings} instead of {list(due.strings)}")
        elif due.what == "records" and seen.records is not None:
            yield from self._records(hypothesis, due, seen.records)
        elif due.what == "event" and seen.event is not None:
            yield hypothesis.with_event(Event(seen.event, "synthetic", -1, trusted=False))
        elif due.what == "undefined" and _is_undefined(seen):
            yield hypothesis
        else:
            self.refuse(due.step, f"{_named(seen)} instead of {_due_named(due)}")

    def _records(
        self, hypothesis: Hypothesis, due: Due, records: list[p.RecordInfo]
    ) -> Iterator[Hypothesis]:
        fetch = hypothesis.agent.fetches[due.fetch]
        wanted = [(fetch.requests[i].url, fetch.requests[i].method) for i in due.indexes]
        if [(record.url, record.method) for record in records] != wanted:
            got = [f"{record.method} {record.url}" for record in records]
            self.refuse("MATCHALL-3.2", f"records {got} instead of {wanted} in request order")
            return
        for record, index in zip(records, due.indexes, strict=True):
            reader = Reader(record.record, due.fetch, index, early=not fetch.settled)
            hypothesis = hypothesis.with_reader(reader)
        yield hypothesis

    # --- snapshots --------------------------------------------------------------------

    def shown(
        self,
        hypothesis: Hypothesis,
        handle: str,
        realm: str,
        index: int,
        shown: p.Snapshot,
        *,
        fresh: bool = False,
    ) -> Iterator[Hypothesis]:
        """A registration object showed its attributes.  ``fresh``: it must be up to date (E11)."""
        known = hypothesis.instance(handle)
        if known is not None and known.fetch != index:
            self.refuse("INSTANCE-2", f"{handle} is already the object of another fetch")
            return
        if known is None and any(
            other.realm == realm and other.fetch == index for other in hypothesis.instances
        ):
            self.refuse("INSTANCE-2", f"a second object in {realm} for the same background fetch")
            return
        narrowed = self._snapshot(hypothesis, index, known, shown, fresh=fresh)
        if narrowed is not None:
            yield narrowed.with_instance(Instance.of(handle, realm, index, shown))

    def _snapshot(
        self,
        hypothesis: Hypothesis,
        index: int,
        known: Instance | None,
        shown: p.Snapshot,
        *,
        fresh: bool,
    ) -> Hypothesis | None:
        fetch = hypothesis.agent.fetches[index]
        constants = (fetch.id, fetch.download_total, fetch.upload_total)
        if (shown.id, shown.download_total, shown.upload_total) != constants:
            self.refuse("REG-6", f"id and totals are {constants}, shown {shown}")
            return None
        pair = (shown.result, shown.failure_reason)
        final = (fetch.result, fetch.failure_reason)
        late = not fresh and (known is None or known.result == "")
        if pair != final and not (pair == ("", "") and late):
            self.refuse("UPDATE-6.8", f"{pair} is shown where {final} holds")
            return None
        if known is not None and known.result and pair != (known.result, shown.failure_reason):
            self.refuse("UPDATE-6.4", "the result changed after settlement")
            return None
        if not 0 <= shown.uploaded <= fetch.upload_total:
            self.refuse("RECORD-11.Q.2", f"{shown.uploaded} of {fetch.upload_total} uploaded")
            return None
        gone = fetch.phase is RegistrationPhase.RECORDS_GONE
        if not shown.records_available and not gone:
            self.refuse("PERFORM-8.13.2", "the records are unavailable before the event has ended")
            return None
        if shown.records_available and known is not None and not known.available:
            self.refuse("UPDATE-6.3", "the records are available again")
            return None
        return self._downloaded(hypothesis, index, known, shown)

    def _downloaded(
        self, hypothesis: Hypothesis, index: int, known: Instance | None, shown: p.Snapshot
    ) -> Hypothesis | None:
        fetch = hypothesis.agent.fetches[index]
        box = held(hypothesis, index, self.facts)
        restarts = any(r.generation for row in hypothesis.records[index] for r in row)
        lowest = 0 if restarts or known is None else known.downloaded
        if shown.result:
            lowest = max(lowest, box.lo)
        if not lowest <= shown.downloaded <= max(box.hi, lowest if restarts else box.hi):
            self.refuse(
                "UPDATE-6.6",
                f"downloaded {shown.downloaded}, but {lowest} to {box.hi} bytes are stored",
            )
            return None
        if fetch.download_total and shown.downloaded > fetch.download_total:
            self.refuse("RECORD-11.R.6.1", f"downloaded {shown.downloaded} passes the total")
            return None
        return hypothesis if restarts else self._floored(hypothesis, index, shown.downloaded)

    def _floored(self, hypothesis: Hypothesis, index: int, downloaded: int) -> Hypothesis | None:
        """So many bytes are stored in all: each record has at least what the others cannot have."""
        spans = [span(locals_, self.facts) for locals_ in hypothesis.records[index]]
        total = sum(s.hi for s in spans)
        for i, locals_ in enumerate(hypothesis.records[index]):
            floor = downloaded - (total - spans[i].hi)
            if floor <= 0:
                continue
            kept = frozenset(
                record if record.settled else attrs.evolve(record, floor=max(record.floor, floor))
                for record in locals_
                if extent(record, self.facts).hi >= floor
            )
            if not kept:
                return None
            hypothesis = hypothesis.with_locals(index, i, kept)
        return hypothesis

    def progress(self, hypothesis: Hypothesis, seen: p.Progress) -> Iterator[Hypothesis]:
        """A progress event: something must have changed, and nothing comes after the result."""
        known = hypothesis.instance(seen.instance)
        if known is None:
            self.refuse("UPDATE-6.2", f"progress at {seen.instance}, which no page has got yet")
            return
        if known.result:
            self.refuse("UPDATE-6.4", "progress after the result was shown")
            return
        now = seen.snapshot
        if (now.downloaded, now.uploaded, now.result) == (
            known.downloaded,
            known.uploaded,
            known.result,
        ):
            self.refuse("UPDATE-6.5", "progress although nothing changed")
            return
        yield from self.shown(hypothesis, seen.instance, known.realm, known.fetch, now)

    # --- worker events ----------------------------------------------------------------

    def event(self, hypothesis: Hypothesis, seen: p.WorkerEvent) -> Iterator[Hypothesis]:
        """A worker event was dispatched."""
        kind = "click" if seen.name == CLICK else "event"
        fetches = hypothesis.agent.fetches
        candidates = [
            due
            for due in hypothesis.due
            if due.kind == kind
            and due.ref == seen.name
            and (seen.snapshot is None or fetches[due.fetch].id == seen.snapshot.id)
        ]
        if not candidates:
            self._refuse_event(hypothesis, seen)
        for due in candidates:
            if seen.instance is None or seen.snapshot is None:
                self.refuse("PERFORM-8.13.0", "the event has no registration")
                continue
            has_ui = kind == "event" and seen.name != "backgroundfetchabort"
            if seen.can_update_ui is not has_ui:
                self.refuse("IDL-EVT-1", f"updateUI on {seen.name}: {seen.can_update_ui}")
                continue
            after = hypothesis.paid(due).with_event(Event(seen.event, seen.name, due.fetch))
            if kind == "event":
                after = attrs.evolve(after, noticed=after.noticed | {due.fetch})
            yield from self.shown(
                after, seen.instance, p.WORKER, due.fetch, seen.snapshot, fresh=kind == "event"
            )

    def _refuse_event(self, hypothesis: Hypothesis, seen: p.WorkerEvent) -> None:
        waiting = [due for due in hypothesis.due if due.kind in ("event", "click")]
        if waiting:
            self.refuse("PERFORM-8.13", f"{seen.name} instead of {waiting[0].ref}")
            return
        for fetch in hypothesis.agent.fetches:
            if seen.snapshot is not None and fetch.id == seen.snapshot.id and not fetch.settled:
                places = [
                    " or ".join(sorted({_describe(r) for r in locals_}))
                    for locals_ in hypothesis.records[fetch.index]
                ]
                self.refuse("PERFORM-8.5", f"{seen.name} while the records are {'; '.join(places)}")
                return
        self.refuse("PERFORM-8.13", f"{seen.name}, which was not due")

    # --- record objects ---------------------------------------------------------------

    def _filtered(
        self, hypothesis: Hypothesis, reader: Reader, kept: Locals, after: Reader
    ) -> Iterator[Hypothesis]:
        if kept:
            yield hypothesis.with_locals(reader.fetch, reader.index, kept).with_reader(after)

    def ready(self, hypothesis: Hypothesis, seen: p.Ready) -> Iterator[Hypothesis]:
        """A record's responseReady settled."""
        reader = hypothesis.reader(seen.record)
        if reader is None:
            self.refuse("CREATE-2.9", f"{seen.record} is no record that a page has got")
            return
        records = hypothesis.records[reader.fetch][reader.index]
        kept = frozenset(r for r in records if _ready_as(r, reader, seen))
        if not kept:
            step = "CREATE-2.9.2" if seen.error is None else "CREATE-2.9.3"
            if seen.error not in (None, "AbortError"):
                step = "CREATE-2.9.4"
            shown = seen.error or f"status {seen.status}"
            states = " or ".join(sorted({_describe(r) for r in records}))
            self.refuse(step, f"responseReady gave {shown} while the record is {states}")
        state = "error" if seen.error else "ok"
        done = attrs.evolve(reader, ready=state, done=reader.done or bool(seen.error))
        yield from self._filtered(hypothesis, reader, kept, done)

    def received(self, hypothesis: Hypothesis, seen: p.Received) -> Iterator[Hypothesis]:
        """A reader got bytes that must have been stored."""
        reader = hypothesis.reader(seen.record)
        if reader is None:
            return
        records = hypothesis.records[reader.fetch][reader.index]
        kept = frozenset(
            r for r in records if r.generation or extent(r, self.facts).hi >= seen.length
        )
        if not kept or seen.length < reader.received:
            self.refuse("CREATE-2.8.3.1", f"{seen.length} bytes were read, fewer are stored")
            return
        yield from self._filtered(
            hypothesis, reader, kept, attrs.evolve(reader, received=seen.length)
        )

    def body(self, hypothesis: Hypothesis, seen: p.Body) -> Iterator[Hypothesis]:
        """A body closed or broke."""
        reader = hypothesis.reader(seen.record)
        if reader is None:
            return
        records = hypothesis.records[reader.fetch][reader.index]
        if seen.error is not None:
            kept = frozenset(r for r in records if _broken_as(r, reader, seen.error))
        else:
            kept = frozenset(r for r in records if self._closed_as(r, seen))
        if not kept:
            states = " or ".join(sorted({_describe(r) for r in records}))
            step = "CREATE-2.8.4.2" if seen.error is None else "CREATE-2.8.4.3"
            shown = seen.error or f"closed after {seen.length} bytes"
            self.refuse(step, f"the body {shown} while the record is {states}")
        yield from self._filtered(hypothesis, reader, kept, attrs.evolve(reader, done=True))

    def _closed_as(self, record: RecordState, seen: p.Body) -> bool:
        if record.result not in ("success", "bad-status"):
            return False
        expected = self.body_of(record)
        if len(expected) != seen.length:
            self.refuse(
                "CREATE-2.8.4.2", f"{seen.length} bytes were read, {len(expected)} are the body"
            )
            return False
        if seen.text is not None:
            same = seen.text.encode("latin-1", "replace") == expected
        else:
            same = seen.sha256 == hashlib.sha256(expected).hexdigest()
        if not same:
            self.refuse("RECORD-11.R.6.2", "the bytes are not those that the answers carried")
        return same

    def body_of(self, record: RecordState) -> bytes:
        """The bytes of a settled record, from the answers that they came in."""
        return b"".join(
            content(self.facts.key(part.key), part.version, part.first, part.length.hi)
            for part in record.parts
        )

    # --- caches -----------------------------------------------------------------------

    def cache(
        self, hypothesis: Hypothesis, command: p.CachePut | p.CacheKeys, seen: p.Settled
    ) -> Iterator[Hypothesis]:
        """Caches are the page's own; what a put reads is the record's response."""
        if isinstance(command, p.CacheKeys):
            wanted = self.facts.caches.get(command.cache, [])
            if seen.strings == wanted:
                yield hypothesis
            else:
                self.refuse("CREATE-2.9.2", f"the cache has {seen.strings}, not {wanted}")
            return
        reader = hypothesis.reader(command.record)
        if reader is None:
            self.refuse("CREATE-2", f"{command.record} is no record that a page has got")
            return
        spec = hypothesis.agent.fetches[reader.fetch].requests[reader.index]
        records = hypothesis.records[reader.fetch][reader.index]
        if seen.error is None:
            kept = frozenset(
                r
                for r in records
                if r.result in ("success", "bad-status") and spec.method == "GET"
            )
        else:
            kept = frozenset(
                r
                for r in records
                if _broken_as(r, reader, seen.error)
                or (seen.error == "TypeError" and (spec.method != "GET" or _status(r) == 206))
            )
        if not kept:
            states = " or ".join(sorted({_describe(r) for r in records}))
            self.refuse("CREATE-2.9", f"put gave {_named(seen)} while the record is {states}")
        yield from self._filtered(hypothesis, reader, kept, reader)


_STEP_OF: dict[type | None, str] = {
    p.Fetch: "FETCH-9",
    p.Get: "GET-0",
    p.GetIds: "GETIDS-0",
    p.Abort: "ABORT-0",
    p.Match: "MATCH-2",
    p.MatchAll: "MATCHALL-4",
    p.UpdateUI: "UPDATEUI-0",
}


def _status(record: RecordState) -> int | None:
    return record.response.status if record.response is not None else None


def _ready_as(record: RecordState, reader: Reader, seen: p.Ready) -> bool:
    early = reader.early
    if seen.error is not None:
        return _broken_as(record, reader, seen.error)
    if record.response is None or not (record.exposable or early):
        return early and record.generation > 0
    if seen.status == record.response.status:
        return True
    # E41: assembled from parts, it is shown as a whole.
    return (record.response.status, seen.status) == (206, 200)


def _broken_as(record: RecordState, reader: Reader, error: str) -> bool:
    """CREATE-2.8.4.3/4 and 2.9.3/4: AbortError for aborted, TypeError for the other failures."""
    if error == "AbortError":
        return record.result == "aborted"
    if error != "TypeError":
        return False
    replaced = reader.early and record.generation > 0
    return replaced or record.result in (
        "fetch-error",
        "quota-exceeded",
        "download-total-exceeded",
    )


def _range_start(value: str, own_range: str) -> int | None:
    if not value or value == own_range:
        return 0
    if value.startswith("bytes=") and value.endswith("-") and value[6:-1].isdigit():
        return int(value[6:-1])
    return None


def _is_undefined(seen: p.Settled) -> bool:
    return (
        seen.instance is None
        and seen.boolean is None
        and seen.strings is None
        and seen.records is None
        and seen.event is None
    )


def _named(seen: p.Settled) -> str:
    if seen.error is not None:
        return f"a rejection with {seen.error}"
    for value in (seen.instance, seen.boolean, seen.strings, seen.records, seen.event):
        if value is not None:
            return f"{value!r}"
    return "undefined"


def _due_named(due: Due) -> str:
    if due.error is not None:
        return f"a rejection with {due.error}"
    if due.what == "boolean":
        return repr(due.flag)
    return {"instance": "a registration", "records": "records", "strings": repr(due.strings)}.get(
        due.what, due.what
    )


def _describe(record: RecordState) -> str:
    if record.settled:
        return f"over ({record.result})"
    return {
        RecordPhase.WAITING_UNPAUSED: "waiting",
        RecordPhase.BEFORE_HEADERS: "waiting for an answer",
        RecordPhase.READING: "reading",
        RecordPhase.WAITING_AVAILABLE: "stalled",
    }[record.phase]
