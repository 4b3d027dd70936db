"""What came of a run, in the words of a scenario's ``expect`` block.

A scenario may state outcomes for an edition of the text.  The model must show
them: that is how a scenario file is checked.  ``observed`` reads off a trace all that
an ``expect`` block could say; ``disagreements`` compares the two.

Names are those of the script: ``Bound`` notes tell which call (or which command, for a
look) a name stands for.  A name that was bound several times stands for the last one.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import msgspec

from conformance.judge.properties.pieces import described
from conformance.protocol import (
    Answer,
    AnyObservation,
    Body,
    CacheKeys,
    Look,
    Progress,
    Ready,
    Received,
    Settled,
    Shown,
    Snapshot,
    User,
    WorkerEvent,
)
from conformance.scenario.format import Expect, RecordExpect, Scenario
from conformance.trace import (
    AnyServerEntry,
    Bound,
    Broken,
    GaveUp,
    ServerHead,
    ServerLost,
    ServerRequest,
    Trace,
)

PENDING = "pending"
"""What ``settled`` shows of a call whose promise never settled."""

WHY = "\0"
"""Stands for the error of a command of WebDriver until it is known."""

Value = bool | str | list[str]


@attrs.define
class Observed:
    """The same fields as ``Expect``; every name that was bound is there.

    ``gave_up``: waits of the script that were not met, what broke, and what cannot be.
    """

    events: list[str] = attrs.field(factory=list)
    settled: dict[str, Value] = attrs.field(factory=dict)
    final: dict[str, list[str]] = attrs.field(factory=dict)
    records: dict[str, list[RecordExpect]] = attrs.field(factory=dict)
    requests: dict[str, list[str]] = attrs.field(factory=dict)
    looks: dict[str, dict[str, bool | int | str]] = attrs.field(factory=dict)
    progress: dict[str, list[int]] = attrs.field(factory=dict)
    handled: dict[str, list[str]] = attrs.field(factory=dict)
    order: list[str] = attrs.field(factory=list)
    stored: dict[str, int] = attrs.field(factory=dict)
    last_chance: list[bool] = attrs.field(factory=list)
    tags: list[str] = attrs.field(factory=list)
    refused: list[str] = attrs.field(factory=list)
    dropped: dict[str, list[int]] = attrs.field(factory=dict)
    gave_up: list[str] = attrs.field(factory=list)


@attrs.define
class _Reader:
    """What a trace says, before names are given to it."""

    found: Observed = attrs.field(factory=Observed)
    settled: dict[str, Settled] = attrs.field(factory=dict)
    shown: dict[str, Snapshot] = attrs.field(factory=dict)
    ready: dict[str, Ready] = attrs.field(factory=dict)
    bodies: dict[str, Body] = attrs.field(factory=dict)
    looked: dict[int, str] = attrs.field(factory=dict)
    snapshots: dict[int, Snapshot] = attrs.field(factory=dict)
    stored: dict[int, int] = attrs.field(factory=dict)
    interfaces: dict[int, Shown] = attrs.field(factory=dict)
    progressed: dict[str, list[int]] = attrs.field(factory=dict)
    ends: list[tuple[str, str]] = attrs.field(factory=list)
    bound: dict[str, str] = attrs.field(factory=dict)
    origins: dict[str, str] = attrs.field(factory=dict)
    actions: dict[int, str] = attrs.field(factory=dict)
    exchanges: dict[int, tuple[str, int]] = attrs.field(factory=dict)
    sent: set[tuple[str, int]] = attrs.field(factory=set)
    """Key and version of each answer."""
    keys: set[str] = attrs.field(factory=set)
    """Calls whose strings are URLs: ``expect`` says resource keys."""

    def read(self, trace: Trace) -> None:
        for entry in trace.entries:
            if entry.seen is not None:
                self._seen(entry.seen)
            elif isinstance(entry.sent, CacheKeys):
                self.keys.add(entry.sent.call)
            elif isinstance(entry.sent, Look):
                self.looked[entry.sent.seq] = entry.sent.instance
            elif isinstance(entry.sent, User):
                said = f"{entry.sent.action} {entry.sent.id}"
                self.actions[entry.sent.seq] = f"{said}: {WHY}" if entry.sent.window else said
            elif entry.answered is not None:
                self._answered(entry.answered)
            elif entry.server is not None:
                self._served(entry.server)
            elif isinstance(entry.note, Bound) and entry.note.call is not None:
                self.bound[entry.note.name] = entry.note.call
            elif isinstance(entry.note, GaveUp):
                self.found.gave_up.append(f"gave up waiting for {entry.note.waiting_for}")
            elif isinstance(entry.note, Broken):
                self.found.gave_up.append(f"the adapter broke: {entry.note.why}")

    def _served(self, line: AnyServerEntry) -> None:
        if isinstance(line, ServerRequest):
            asked = self.found.requests.setdefault(line.key, [])
            asked.append(line.headers.get("range", ""))
            self.exchanges[line.exchange] = line.key, line.attempt
        elif isinstance(line, ServerHead) and line.exchange in self.exchanges:
            self.sent.add((self.exchanges[line.exchange][0], line.version))
        elif isinstance(line, ServerLost) and line.exchange in self.exchanges:
            key, attempt = self.exchanges[line.exchange]
            self.found.dropped.setdefault(key, []).append(attempt)

    def _seen(self, seen: AnyObservation) -> None:
        match seen:
            case Settled():
                self.settled[seen.call] = seen
                if seen.instance is not None and seen.snapshot is not None:
                    self.shown[seen.instance] = seen.snapshot
            case Progress() if _shows_the_same(seen.snapshot, self.shown.get(seen.instance)):
                self.found.gave_up.append(f"a progress event shows nothing new: {seen}")
            case Progress():
                self.progressed.setdefault(seen.instance, []).append(seen.snapshot.downloaded)
                self.shown[seen.instance] = seen.snapshot
            case WorkerEvent():
                self.found.events.append(seen.name)
                self.ends.append(("event", seen.name))
                if seen.tag is not None:
                    self.found.tags.append(seen.tag)
                if seen.last_chance is not None:
                    self.found.last_chance.append(seen.last_chance)
                if seen.instance is not None and seen.snapshot is not None:
                    shows = seen.snapshot
                    self.found.handled[seen.name] = [shows.result, shows.failure_reason]
                    self.shown[seen.instance] = seen.snapshot
            case Ready() | Body() if self._told(seen):
                self.found.gave_up.append(f"record {seen.record} is told of twice: {seen}")
            case Received() if seen.record in self.bodies:
                self.found.gave_up.append(f"record {seen.record} has ended, and goes on: {seen}")
            case Ready():
                self.ready[seen.record] = seen
            case Body():
                self.bodies[seen.record] = seen
                self.ends.append(("body", seen.record))

    def _told(self, seen: Ready | Body) -> bool:
        """A promise settles once, and a stream ends once."""
        return seen.record in (self.ready if isinstance(seen, Ready) else self.bodies)

    def _answered(self, answer: Answer) -> None:
        seq, snapshot, stored = answer.seq, answer.snapshot, answer.stored
        if answer.refused is not None and seq in self.actions:
            self.found.refused.append(self.actions[seq].replace(WHY, answer.refused))
        if answer.interface is not None:
            self.interfaces[seq] = answer.interface
        if snapshot is not None:
            self.snapshots[seq] = snapshot
            if seq in self.looked:
                self.shown[self.looked[seq]] = snapshot
        if stored is not None:
            self.stored[seq] = stored

    def name(self) -> Observed:
        """Say it all with the names of the script."""
        found, records = self.found, {}
        for name, call in self.bound.items():
            if call.startswith("#"):
                self._name_answer(name, int(call[1:]))
                continue
            settled = self.settled.get(call)
            found.settled[name] = PENDING if settled is None else _value(settled)
            if call in self.keys and settled is not None and settled.strings is not None:
                found.settled[name] = [self._key(url) for url in settled.strings]
            if settled is None:
                continue
            if settled.instance is not None and settled.instance in self.shown:
                last = self.shown[settled.instance]
                found.final[name] = [last.result, last.failure_reason]
                found.progress[name] = self.progressed.get(settled.instance, [])
            if settled.records is not None:
                found.records[name] = [self._record(one.record) for one in settled.records]
                for index, one in enumerate(settled.records):
                    records[one.record] = f"{name}[{index}]"
        found.order = [f"{what} {records.get(who, who)}" for what, who in self.ends]
        return found

    def _name_answer(self, name: str, seq: int) -> None:
        if seq in self.snapshots:
            self.found.looks[name] = msgspec.to_builtins(self.snapshots[seq])
        if seq in self.interfaces:
            self.found.looks[name] = msgspec.to_builtins(self.interfaces[seq])
        if seq in self.stored:
            self.found.stored[name] = self.stored[seq]

    def _key(self, url: str) -> str:
        """The resource key of a URL."""
        for name, base in self.origins.items():
            if url.startswith(base + "/"):
                path = url.removeprefix(base)
                return path if name == "app" else f"{name}:{path}"
        return url

    def _record(self, record: str) -> RecordExpect:
        ready, body = self.ready.get(record), self.bodies.get(record)
        closed = body is not None and body.error is None
        return RecordExpect(
            status=ready.status if ready else None,
            length=body.length if body is not None and closed else None,
            error=ready.error if ready else None,
            body_error=body.error if body else None,
            made_of=self._made_of(body) if body is not None and closed else None,
        )

    def _made_of(self, body: Body) -> str | None:
        if body.text is None:
            return None
        return described(body.text.encode("latin-1", "replace"), self.sent)


def _shows_the_same(snapshot: Snapshot, before: Snapshot | None) -> bool:
    """UPDATE-6.5: no event tells what the object shows already."""
    if before is None:
        return False
    told = msgspec.structs.replace(snapshot, records_available=before.records_available)
    return told == before


def observed(trace: Trace) -> Observed:
    """All that an ``expect`` block could say about this run."""
    reader = _Reader(origins=trace.origins)
    reader.read(trace)
    return reader.name()


def _value(settled: Settled) -> Value:
    if settled.error is not None:
        return settled.error
    if settled.boolean is not None:
        return settled.boolean
    if settled.strings is not None:
        return settled.strings
    if settled.instance is not None:
        return "instance"
    if settled.event is not None:
        return "event"
    if settled.null:
        return "null"
    return "undefined" if settled.records is None else "records"


def disagreements(trace: Trace, scenario: Scenario, edition: str) -> list[str]:
    """Where the trace is not what the scenario expects of this edition; empty: it is.

    A script that gave up or an adapter that broke is a disagreement whatever was expected.
    """
    found = observed(trace)
    expected = scenario.expect.get(edition, Expect())
    return [*found.gave_up, *_compare(found, expected)]


def _compare(found: Observed, expected: Expect) -> Iterator[str]:
    if expected.events is not None and found.events != expected.events:
        yield f"events: expected {expected.events}, seen {found.events}"
    for field in ("last_chance", "tags", "refused"):
        listed, seen_list = getattr(expected, field), getattr(found, field)
        if listed is not None and listed != seen_list:
            yield f"{field}: expected {listed}, seen {seen_list}"
    for field in ("settled", "final", "requests", "progress", "handled", "stored", "dropped"):
        seen: dict[str, object] = getattr(found, field)
        wanted: dict[str, object] = getattr(expected, field)
        nothing: object = [] if field in ("requests", "dropped") else None
        for name, value in wanted.items():
            if seen.get(name, nothing) != value:
                yield f"{field} {name}: expected {value}, seen {seen.get(name, nothing)}"
    if expected.order and [one for one in found.order if one in expected.order] != expected.order:
        yield f"order: expected {expected.order}, seen {found.order}"
    for name, attributes in expected.looks.items():
        look = found.looks.get(name, {})
        for attribute, value in attributes.items():
            if look.get(attribute) != value:
                yield f"looks {name}.{attribute}: expected {value}, seen {look.get(attribute)}"
    for name, records in expected.records.items():
        yield from _compare_records(name, records, found.records.get(name, []))


def _compare_records(
    name: str, expected: list[RecordExpect], seen: list[RecordExpect]
) -> Iterator[str]:
    if len(expected) != len(seen):
        yield f"records {name}: expected {len(expected)}, seen {len(seen)}"
        return
    for index, (wanted, got) in enumerate(zip(expected, seen, strict=True)):
        for field in RecordExpect.__struct_fields__:
            value, shown = getattr(wanted, field), getattr(got, field)
            if value is not None and shown != value:
                yield f"records {name}[{index}].{field}: expected {value}, seen {shown}"
