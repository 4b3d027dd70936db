"""The log of one run, and what can be read off it at any moment.

Everything that happens is noted here once, in order: it becomes an entry of the
trace, is fed to the oracle, updates the facts that waits ask about, and wakes
those who wait.  In one process all of that takes no time on the clock, so an
entry's earliest and latest moment are the same; the order of the entries is what
a judge relies on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs
import trio

from conformance.adapter import AdapterNonsense
from conformance.judge.conversation import Conversation, Slip
from conformance.protocol import (
    Answer,
    AnyCommand,
    AnyObservation,
    AnyReply,
    Body,
    Progress,
    Ready,
    Received,
    Settled,
    WorkerEvent,
    encode,
    readable,
)
from conformance.trace import (
    AnyNote,
    AnyServerEntry,
    Broken,
    Entry,
    GaveUp,
    Released,
    ServerEnd,
    ServerHeld,
    ServerLost,
    ServerRequest,
)


@attrs.define
class Facts:
    """What has been seen so far.

    ``progress``: instance to (most bytes downloaded, whether a result was shown).
    ``requested`` and ``finished``: (resource key, attempt).
    ``holding``: exchange to the gate at which its unfinished answer waits.
    ``paused``: gates at which handler programs wait, one item a program.
    """

    settled: dict[str, Settled] = attrs.field(factory=dict)
    progress: dict[str, tuple[int, bool]] = attrs.field(factory=dict)
    events: list[WorkerEvent] = attrs.field(factory=list)
    ready: dict[str, Ready] = attrs.field(factory=dict)
    received: dict[str, int] = attrs.field(factory=dict)
    bodies: dict[str, Body] = attrs.field(factory=dict)
    requested: dict[tuple[str, int], int] = attrs.field(factory=dict)
    finished: set[int] = attrs.field(factory=set)
    at_gate: dict[int, str] = attrs.field(factory=dict)
    paused: list[str] = attrs.field(factory=list)

    @property
    def holding(self) -> dict[int, str]:
        """Exchanges whose unfinished answers wait at gates."""
        return {one: gate for one, gate in self.at_gate.items() if one not in self.finished}

    def sent(self, key: str, attempt: int) -> bool:
        """Whether the server is through with its plan for that request."""
        return self.requested.get((key, attempt)) in self.finished

    def count_events(self, name: str) -> int:
        """How many worker events of that name came."""
        return sum(event.name == name for event in self.events)

    def progressed(self, instance: str, downloaded: int, finished: bool) -> bool:
        """Whether an instance got a progress event that showed so much."""
        most, shown = self.progress.get(instance, (-1, False))
        return most >= downloaded and (shown or not finished)

    def learn(self, entry: Entry) -> None:
        """Take one more entry in."""
        if entry.seen is not None:
            self._observation(entry.seen)
        elif entry.server is not None:
            self._server(entry.server)
        elif isinstance(entry.note, Released):
            gate = entry.note.gate
            self.at_gate = {one: other for one, other in self.at_gate.items() if other != gate}

    def _observation(self, seen: AnyObservation) -> None:
        match seen:
            case Settled():
                self.settled[seen.call] = seen
            case Progress():
                most, shown = self.progress.get(seen.instance, (0, False))
                most = max(most, seen.snapshot.downloaded)
                self.progress[seen.instance] = most, shown or bool(seen.snapshot.result)
            case WorkerEvent():
                self.events.append(seen)
            case Ready():
                self.ready[seen.record] = seen
            case Received() | Body():
                longest = max(seen.length, self.received.get(seen.record, 0))
                self.received[seen.record] = longest
                if isinstance(seen, Body):
                    self.bodies[seen.record] = seen

    def _server(self, entry: AnyServerEntry) -> None:
        match entry:
            case ServerRequest():
                self.requested[entry.key, entry.attempt] = entry.exchange
            case ServerHeld():
                self.at_gate[entry.exchange] = entry.gate
            case ServerEnd() | ServerLost():
                self.finished.add(entry.exchange)
                if isinstance(entry, ServerLost):
                    self.at_gate.pop(entry.exchange, None)


class Oracle(Protocol):
    """Judges while the run goes on."""

    def feed(self, entry: Entry) -> None:
        """Take in one more entry of the log."""
        ...

    def pending(self) -> tuple[str, ...]:
        """Outputs that are due right now in every explanation; empty: it may rest."""
        ...


@attrs.define(eq=False)
class RunLog:
    """Notes entries until it is closed or has ``limit`` of them.

    ``on_seen`` is called after each observation was noted.  ``on_stop`` is called when
    the run cannot go on: with what the oracle raised (a bug of ours, which must not
    surface inside an adapter that happened to push the observation), or without an
    exception when the log is full or the adapter broke.  ``slip``: it broke by saying
    what nobody can say at that moment; ``name`` is how messages call it.
    """

    on_seen: Callable[[AnyObservation], None]
    on_stop: Callable[[Exception | None], None]
    limit: int
    entries: list[Entry] = attrs.field(factory=list)
    facts: Facts = attrs.field(factory=Facts)
    closed: bool = False
    broken: bool = False
    name: str = "the adapter"
    slip: AdapterNonsense | None = None
    _conversation: Conversation = attrs.field(factory=Conversation)
    _oracle: Oracle | None = None
    _origin: float = attrs.field(factory=trio.current_time)
    _changed: trio.Event = attrs.field(factory=trio.Event)

    def watch(self, oracle: Oracle) -> None:
        """Feed every entry to an oracle, those that are there first."""
        self._oracle = oracle
        for entry in self.entries:
            oracle.feed(entry)

    def pending(self) -> tuple[str, ...]:
        """What the oracle says is due."""
        return self._oracle.pending() if self._oracle is not None else ()

    def broke(self, why: str) -> None:
        """The adapter is gone or speaks nonsense; the first reason is noted."""
        if not self.broken:
            self.broken = True
            self.note(Broken(why))
            self.closed = True
            self.on_stop(None)

    def sent(self, command: AnyCommand) -> None:
        now = self._now()
        self._conversation.sent(command)
        self._add(Entry(now, now, sent=command))

    def answered(self, answer: Answer) -> None:
        now = self._now()
        if self._add(Entry(now, now, answered=answer)):
            self._slipped(answer, self._conversation.answered(answer))

    def seen(self, observation: AnyObservation) -> None:
        now = self._now()
        if self._add(Entry(now, now, seen=observation)):
            if not self._slipped(observation, self._conversation.seen(observation)):
                self.on_seen(observation)

    def server(self, entry: AnyServerEntry) -> None:
        now = self._now()
        self._add(Entry(now, now, server=entry))

    def note(self, note: AnyNote) -> None:
        now = self._now()
        self._add(Entry(now, now, note=note))

    def _slipped(self, said: AnyReply, slip: Slip | None) -> bool:
        """Whether the adapter broke with what it said last."""
        if slip is not None and not self.broken:
            line = readable(encode(said))
            self.slip = AdapterNonsense(self.name, line, slip.why, slip.section)
            self.broke(str(self.slip))
        return slip is not None

    def wake(self) -> None:
        """Something besides an entry changed."""
        self._changed.set()
        self._changed = trio.Event()

    async def changed(self) -> None:
        """Wait for the next entry."""
        await self._changed.wait()

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait until a condition on the facts is met."""
        while not met():
            await self.changed()

    def _now(self) -> float:
        # Nanoseconds are enough, and a sum of floats stays readable in a trace.
        return round(trio.current_time() - self._origin, 9)

    def _add(self, entry: Entry) -> bool:
        if self.closed:
            return False
        if len(self.entries) >= self.limit:
            self.closed = True
            full = GaveUp(f"the end of a run of more than {self.limit} entries")
            self.entries.append(Entry(entry.earliest, entry.latest, note=full))
            self.on_stop(None)
            return False
        self.entries.append(entry)
        self.facts.learn(entry)
        if self._oracle is not None:
            try:
                self._oracle.feed(entry)
            except Exception as fault:  # noqa: BLE001  # handed on to whoever runs the run
                self.on_stop(fault)
        self.wake()
        return True
