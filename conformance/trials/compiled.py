"""A trace as a witness has to make it: what is given to the system, and what must be seen.

Most inputs are certain.  How an answer was cut into chunks is not, nor how far a coded
body could be decoded when it broke: such an input has *ways* in which it may have come,
one of which may be that it did not come apart.  Only cuts that could explain a number in
the trace are tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from conformance import protocol as p
from conformance.adapters.model_commands import input_of
from conformance.judge.facts import Facts
from conformance.trace import (
    AnyServerEntry,
    Entry,
    Quiet,
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerRequest,
    ServerRequestBody,
    Trace,
)
from spec_model import messages as m
from spec_model.messages import Input

CALL = "call "
"""Begins the name of a source that is one call only."""


@attrs.frozen
class Ask:
    """A look at the system that changes nothing: ``what`` is stored, or an instance's name."""

    what: str


Way = Input | Ask | None


@attrs.frozen
class Given:
    """Inputs of one source, each with the ways in which it may have come."""

    source: str
    inputs: tuple[tuple[Way, ...], ...]


@attrs.frozen
class Saw:
    """Something was observed.  ``again``: a record said to one more reader what it had said."""

    seen: p.AnyObservation | ServerRequest
    again: bool = False


@attrs.frozen
class Uploads:
    """A request's body was read; only lengths that some request has are possible."""

    length: int


@attrs.frozen
class Answered:
    """The script's last command has been carried out."""

    answer: p.Answer
    command: p.AnyCommand


@attrs.frozen
class Silence:
    """Nothing more came."""


Event = Given | Saw | Uploads | Answered | Silence


def numbers_in(trace: Trace) -> frozenset[int]:
    """Numbers of bytes that somebody has seen or written."""
    found = {0}
    for entry in trace.entries:
        seen = entry.seen
        snapshot = getattr(seen, "snapshot", None)
        if entry.answered is not None:
            snapshot = entry.answered.snapshot
            found.add(entry.answered.stored or 0)
        if snapshot is not None:
            found.add(snapshot.downloaded)
        if isinstance(seen, p.Received | p.Body):
            found.add(seen.length)
        if isinstance(entry.server, ServerBytes):
            found.add(entry.server.decoded)
        if isinstance(entry.server, ServerRequest):
            range_ = entry.server.headers.get("range", "")
            start = range_.removeprefix("bytes=").removesuffix("-")
            found.add(int(start) if start.isdigit() else 0)
        if isinstance(entry.sent, p.Fetch):
            found.add(entry.sent.download_total)
        elif isinstance(entry.sent, p.Begin):
            found.add(entry.sent.quota or 0)
    return frozenset(found)


@attrs.define
class _Compiler:
    trace: Trace
    ordered: bool
    most_cuts: int
    whole: bool = True
    facts: Facts = attrs.field(factory=Facts)
    come: dict[int, int] = attrs.field(factory=dict)
    over: set[int] = attrs.field(factory=set)
    told: dict[tuple[type, str], list[p.AnyObservation]] = attrs.field(factory=dict)
    broken: frozenset[int] = attrs.field(init=False)
    """Exchanges whose connection breaks: what nobody has read by then may be lost."""
    refused: frozenset[int] = attrs.field(init=False)
    """Commands that were answered with a refusal."""
    shown: tuple[int, ...] = attrs.field(init=False)
    """Numbers that were seen, then what lies between two of them."""

    def __attrs_post_init__(self) -> None:
        ends = (e.server for e in self.trace.entries if isinstance(e.server, ServerEnd))
        broken = (end.exchange for end in ends if end.how in ("reset", "drop"))
        self.broken = frozenset() if self.ordered else frozenset(broken)
        answers = (e.answered for e in self.trace.entries if e.answered is not None)
        self.refused = frozenset(each.seq for each in answers if each.refused is not None)
        numbers = sorted(numbers_in(self.trace))
        self.shown = (*numbers, *sorted({a - b for a in numbers for b in numbers}))

    def events(self) -> Iterator[Event]:
        for entry in self.trace.entries:
            yield from self._events(entry)

    def _events(self, entry: Entry) -> Iterator[Event]:
        if entry.sent is not None:
            self.facts.command_given(entry.sent)
            declined = not self.ordered and entry.sent.seq in self.refused
            yield from _command(entry.sent, self.ordered, declined)
        elif entry.answered is not None:
            command = self.facts.commands[entry.answered.seq]
            if not isinstance(command, p.Begin):
                yield Answered(entry.answered, command)
        elif entry.seen is not None:
            yield Saw(entry.seen, self._again(entry.seen))
        elif entry.server is not None:
            self.facts.server(entry.server)
            yield from self._server(entry.server)
        elif isinstance(entry.note, Quiet):
            yield Silence()

    def _again(self, seen: p.AnyObservation) -> bool:
        """Whether this was said before, and the script has asked more often than it was said."""
        if self.ordered or not isinstance(seen, p.Ready | p.Body):
            return False
        told = self.told.setdefault((type(seen), seen.record), [])
        asked = sum(
            isinstance(command, p.Read) and command.record == seen.record
            for command in self.facts.commands.values()
        )
        told.append(seen)
        return seen in told[:-1] and asked >= len(told)

    def _server(self, line: AnyServerEntry) -> Iterator[Event]:
        number = line.exchange
        if isinstance(line, ServerRequest):
            yield Saw(line)
            yield self._given(number, [(m.Accepted(-1, -1, -1, number),)])
        elif isinstance(line, ServerRequestBody):
            yield Uploads(line.length)
            yield self._given(number, [(m.Uploaded(number, line.length),)])
        elif isinstance(line, ServerHead):
            wire = self.facts.exchanges[number].wire
            assert wire is not None, number
            yield self._given(number, [(m.Responded(number, wire),)])
            if line.framing == "none":
                yield from self._end(number, "end")
            yield from self._whole(number)
        elif isinstance(line, ServerBytes):
            yield self._given(number, self._chunks(number, line.decoded))
            yield from self._whole(number)
        elif isinstance(line, ServerEnd):
            yield from self._end(number, line.how)

    def _given(self, number: int, inputs: Iterable[tuple[Way, ...]]) -> Given:
        return Given(f"exchange {number}", tuple(inputs))

    def _chunks(self, number: int, upto: int) -> Iterator[tuple[Way, ...]]:
        """What may have come apart, and then the rest of it."""
        before = self.come.get(number, 0)
        self.come[number] = upto
        for cut in self._cuts(number, before, upto):
            yield None, m.BytesArrived(number, cut)
        # Of a coded body nobody knows how much of it can be read by now.
        unsure = self._coded(number) or number in self.broken
        yield (m.BytesArrived(number, upto), None) if unsure else (m.BytesArrived(number, upto),)

    def _cuts(self, number: int, before: int, upto: int) -> list[int]:
        wire = self.facts.exchanges[number].wire
        first = max(0, wire.first) if wire is not None else 0
        fitting = dict.fromkeys(cut for shown in self.shown for cut in (shown, shown - first))
        possible = [cut for cut in fitting if before < cut < upto]
        self.whole = self.whole and len(possible) <= self.most_cuts
        return sorted(possible[: self.most_cuts])

    def _coded(self, number: int) -> bool:
        wire = self.facts.exchanges[number].wire
        return wire is not None and wire.encoding != "identity"

    def _whole(self, number: int) -> Iterator[Event]:
        """Where a length was announced, a reader knows the end of a body by its last byte."""
        exchange = self.facts.exchanges[number]
        if exchange.complete:
            yield from self._end(number, "end")
        elif exchange.perhaps_complete and number not in self.over:
            yield self._given(
                number, [(None, m.Ended(number, "end", exchange.wire, exchange.sent))]
            )

    def _end(self, number: int, how: str) -> Iterator[Event]:
        if number in self.over:
            return
        self.over.add(number)
        exchange = self.facts.exchanges[number]
        amounts = [exchange.sent]
        if how != "end" and (number in self.broken or self._coded(number)):
            amounts = [*self._cuts(number, -1, exchange.sent), exchange.sent]
        ways = tuple(m.Ended(number, how, exchange.wire, amount) for amount in amounts)
        yield self._given(number, [ways])


_PARALLEL = (p.Get, p.GetIds, p.Abort)
"""Calls that the text carries out in parallel: they may take effect after they have returned."""


OF_ITSELF = ("click", "dismiss")
"""Actions on an interface that may have gone when all was over (DISPLAY-10)."""


def _command(command: p.AnyCommand, ordered: bool, declined: bool) -> Iterator[Event]:
    if isinstance(command, p.Begin):
        return
    if isinstance(command, p.Look):
        yield Given("script", ((Ask(command.instance),),))
    elif isinstance(command, p.Storage):
        yield Given("script", ((Ask(""),),))
    else:
        news = input_of(command)
        source = "script"
        if isinstance(command, _PARALLEL) and not ordered:
            source = f"{CALL}{command.call}"
        elif isinstance(command, p.EndEvent) and not ordered:
            # What follows from it is done in parallel (PERFORM-8.13.1).
            source = f"end {command.event}"
        if news is not None:
            perhaps = declined and isinstance(command, p.User) and command.action in OF_ITSELF
            yield Given(source, ((news, None) if perhaps else (news,),))


@attrs.frozen
class Compiled:
    """What is certain in a trace, and what happened in order.

    ``whole``: every cut is there that could explain a number.
    """

    facts: Facts
    events: tuple[Event, ...]
    whole: bool


def compiled(trace: Trace, *, ordered: bool, most_cuts: int) -> Compiled:
    """A trace as a witness has to make it.

    ``ordered``: a call has done all that it does before it returns, as in the model.
    ``most_cuts``: places in one write where a body is cut.
    """
    compiler = _Compiler(trace, ordered, most_cuts)
    events = tuple(compiler.events())
    return Compiled(compiler.facts, events, compiler.whole)


def wants(events: tuple[Event, ...]) -> dict[str, tuple[int, ...]]:
    """For pruning: where each kind of observation is still to come."""
    found: dict[str, list[int]] = {}
    for at, event in enumerate(events):
        if isinstance(event, Saw):
            found.setdefault(wanted_as(event.seen), []).append(at)
        elif isinstance(event, Silence):
            found.setdefault("silence", []).append(at)
    return {kind: tuple(places) for kind, places in found.items()}


def wanted_as(seen: p.AnyObservation | ServerRequest) -> str:
    """The kind of an observation; a promise has a kind of its own."""
    return f"call {seen.call}" if isinstance(seen, p.Settled) else type(seen).__name__
