"""What a trace says, before any question is asked of it.

One pass over the entries pairs commands with their answers and with what they
settled with, and gathers everything that showed an instance's attributes.  No
conclusion is drawn here.
"""

from __future__ import annotations

import attrs

from conformance.judge.properties.order import END, START, Span
from conformance.protocol import (
    Abort,
    Answer,
    AnyCommand,
    AnyObservation,
    Begin,
    Body,
    EndEvent,
    Fetch,
    Get,
    Launch,
    Look,
    Match,
    MatchAll,
    Progress,
    Quit,
    Read,
    Ready,
    RecordInfo,
    Settled,
    Snapshot,
    Unregister,
    User,
    WorkerEvent,
)
from conformance.trace import Trace

PagesCall = Fetch | Get | Abort | Match | MatchAll
"""The calls that properties ask about."""


@attrs.define
class Call:
    """A call of the interface: positions of its command and of its settlement."""

    command: PagesCall
    sent: int
    settled: int | None = None
    outcome: Settled | None = None

    @property
    def made(self) -> Span:
        """When the method ran."""
        return Span(self.sent, END if self.settled is None else self.settled)


@attrs.frozen
class Sighting:
    """An instance's attributes, read at some moment and reported at position ``at``."""

    instance: str | None
    snapshot: Snapshot
    at: int
    read: Span
    pushed: bool

    def precedes(self, other: Sighting) -> bool:
        """Whether this look at an instance came before another look at the same one."""
        if self.pushed and other.pushed:
            return self.at < other.at
        return self.read.precedes(other.read)


@attrs.define
class Dispatched:
    """A worker event: where it was seen, and where the judge let it end."""

    seen: WorkerEvent
    at: int
    ended: int | None = None

    def active_at(self, position: int) -> bool:
        """Whether an input of that position was sent while the handler surely still ran."""
        return self.at < position and (self.ended is None or position < self.ended)


@attrs.frozen
class Handed:
    """A record object: which call handed it out, and where."""

    info: RecordInfo
    call: Call
    at: int


@attrs.define
class UserAbort:
    """The user's abort: ``answered`` is None until it was done and not refused."""

    id: str
    sent: int
    answered: int | None = None


@attrs.define
class Reading:
    """Everything properties ask about.  Lists are in the order of the log."""

    trace: Trace
    listen: frozenset[str] | None = None
    calls: list[Call] = attrs.field(factory=list)
    sightings: list[Sighting] = attrs.field(factory=list)
    events: list[Dispatched] = attrs.field(factory=list)
    records: dict[str, Handed] = attrs.field(factory=dict)
    reads: list[tuple[int, str]] = attrs.field(factory=list)
    ready: dict[str, list[tuple[int, Ready]]] = attrs.field(factory=dict)
    bodies: list[tuple[int, Body]] = attrs.field(factory=list)
    user_aborts: list[UserAbort] = attrs.field(factory=list)
    quits: list[tuple[int, Quit]] = attrs.field(factory=list)
    launches: list[int] = attrs.field(factory=list)
    unregistered: int | None = None

    def disturbed_before(self, position: int) -> bool:
        """Whether the user agent was ended, or the worker unregistered, before that position."""
        quit_ = any(at < position for at, _ in self.quits)
        return quit_ or (self.unregistered is not None and self.unregistered < position)

    def life_at(self, position: int) -> int:
        """How often a killed user agent had been launched again when this was observed.

        Up to the launch, everything observed comes from the life before it.
        """
        lives, killed = 0, False
        ends = [(at, quit_.kill) for at, quit_ in self.quits] + [(at, None) for at in self.launches]
        for at, kill in sorted(ends, key=lambda end: end[0]):
            if at > position:
                break
            if kill is None:
                lives, killed = lives + killed, False
            else:
                killed = killed or kill
        return lives


def read(trace: Trace) -> Reading:
    """Read a trace once."""
    reader = _Reader(Reading(trace))
    for at, entry in enumerate(trace.entries):
        if entry.sent is not None:
            reader.sent(at, entry.sent)
        elif entry.answered is not None:
            reader.answered(at, entry.answered)
        elif entry.seen is not None:
            reader.seen(at, entry.seen)
    return reader.reading


@attrs.define
class _Reader:
    reading: Reading
    _unanswered: dict[int, tuple[int, AnyCommand]] = attrs.field(factory=dict)
    _calls: dict[str, Call] = attrs.field(factory=dict)

    def sent(self, at: int, command: AnyCommand) -> None:
        self._unanswered[command.seq] = (at, command)
        reading = self.reading
        match command:
            case Fetch() | Get() | Abort() | Match() | MatchAll():
                call = Call(command, at)
                self._calls[command.call] = call
                reading.calls.append(call)
            case Begin():
                reading.listen = frozenset(command.listen)
            case EndEvent():
                for event in reading.events:
                    if event.seen.event == command.event and event.ended is None:
                        event.ended = at
            case Read():
                reading.reads.append((at, command.record))
            case User(action="abort"):
                reading.user_aborts.append(UserAbort(command.id, at))
            case Quit():
                reading.quits.append((at, command))
            case Launch():
                reading.launches.append(at)
            case Unregister() if reading.unregistered is None:
                reading.unregistered = at
            case _:
                pass

    def answered(self, at: int, answer: Answer) -> None:
        asked_at, command = self._unanswered.pop(answer.seq, (START, None))
        match command:
            case Look() if answer.snapshot is not None:
                moment = Span(asked_at, at)
                self._sighted(Sighting(command.instance, answer.snapshot, at, moment, False))
            case User(action="abort") if answer.refused is None and answer.unsupported is None:
                for abort in self.reading.user_aborts:
                    if abort.sent == asked_at:
                        abort.answered = at
            case _:
                pass

    def seen(self, at: int, observation: AnyObservation) -> None:
        reading = self.reading
        match observation:
            case Settled():
                self._settled(at, observation)
            case Progress():
                moment = Span(START, at)
                shown = Sighting(observation.instance, observation.snapshot, at, moment, True)
                self._sighted(shown)
            case WorkerEvent():
                reading.events.append(Dispatched(observation, at))
                if observation.snapshot is not None:
                    moment = Span(START, at)
                    shown = Sighting(observation.instance, observation.snapshot, at, moment, True)
                    self._sighted(shown)
            case Ready():
                reading.ready.setdefault(observation.record, []).append((at, observation))
            case Body():
                reading.bodies.append((at, observation))
            case _:
                pass

    def _settled(self, at: int, outcome: Settled) -> None:
        call = self._calls.get(outcome.call)
        if call is None or call.settled is not None:
            return
        call.settled, call.outcome = at, outcome
        if outcome.snapshot is not None:
            moment = Span(call.sent, at)
            self._sighted(Sighting(outcome.instance, outcome.snapshot, at, moment, True))
        for info in outcome.records or ():
            self.reading.records[info.record] = Handed(info, call, at)

    def _sighted(self, sighting: Sighting) -> None:
        self.reading.sightings.append(sighting)
