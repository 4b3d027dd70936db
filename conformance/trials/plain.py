"""A recorded trace for the plain acceptor: entries as inputs and outputs of the whole system.

Names that an implementation gives (objects, events, exchanges) are bound to those of
the model as they are seen.  What only a bound can say (how far a coded body has been
decoded) is not read: such a trace is ``Unreadable``.
"""

from __future__ import annotations

import hashlib

import attrs

from conformance import beginning
from conformance import protocol as p
from conformance.adapters.model_commands import input_of
from conformance.judge.facts import Facts
from conformance.judge.plain_acceptor import Names, PlainAcceptor, Reading
from conformance.trace import (
    AnyServerEntry,
    Entry,
    Quiet,
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerHeld,
    ServerLost,
    ServerRequest,
    ServerRequestBody,
    Trace,
)
from conformance.world.content import content
from spec_model import messages as m
from spec_model.background_fetch import Rejected
from spec_model.editions import AMENDED
from spec_model.fetch_boundary import Wire
from spec_model.instances import Snapshot
from spec_model.messages import Input, Output
from spec_model.state import State
from spec_model.system import BACKGROUND_FETCH
from spec_model.tasks import Task

Seen = p.AnyObservation | ServerRequest | p.Answer
Plain = PlainAcceptor[State, Input, Task, Output, Seen]

_NAMING = ("instance", "object", "event")


class Unreadable(Exception):
    """The trace holds something that has no exact counterpart in the model."""


CHUNKS = (1, 7, 8, 9, 15, 16)
"""Where bodies may be cut: an answer comes in chunks of any size, and snapshots show it."""


@attrs.define
class Reader:
    """Says whose inputs and outputs are whose, and what was seen of which output.

    ``ordered``: whether a realm's promises are seen in the order in which they settled.
    """

    facts: Facts
    ordered: bool = True

    def reading(self) -> Reading[Input, Output, Seen]:
        observer = _observer if self.ordered else _unordered
        return Reading(_source, observer, _optional, _loses, self.fits, renamed)

    def fits(self, names: Names, output: Output, seen: Seen) -> Names | None:
        """The names once this output was seen as that."""
        match output, seen:
            case m.RequestStarted(), ServerRequest():
                return self._request(names, output, seen)
            case m.PromiseSettled(), p.Settled():
                return self._settled(names, output, seen) if output.call == seen.call else None
            case m.ProgressFired(), p.Progress() if shows(output.snapshot, seen.snapshot):
                return _bound(names, output.instance, seen.instance)
            case m.EventDispatched(), p.WorkerEvent():
                return _event(names, output, seen)
            case m.RecordReady(), p.Ready():
                ready = output.ready
                same = (ready.error or None, None if ready.error else ready.status) == (
                    seen.error,
                    seen.status,
                )
                same = same and (bool(ready.error) or dict(ready.headers) == seen.headers)
                return _bound(names, output.object, seen.record) if same else None
            case m.BytesReceived(), p.Received() if output.length == seen.length:
                return _bound(names, output.object, seen.record)
            case m.BodyEnded(), p.Body():
                same = (output.error or None, output.length) == (seen.error, seen.length)
                same = same and self._same_bytes(output, seen)
                return _bound(names, output.object, seen.record) if same else None
            case m.Refused(), p.Answer() if seen.refused is not None:
                return names
        return None

    def _request(self, names: Names, output: m.RequestStarted, seen: ServerRequest) -> Names | None:
        range_ = output.own_range if output.first is None else f"bytes={output.first}-"
        asked = (self.facts.key(output.url), output.method, range_)
        if asked != (seen.key, seen.method, seen.headers.get("range", "")):
            return None
        return (*names, (f"{output.fetch} {output.record} {output.attempt}", _exchange(seen)))

    def _settled(self, names: Names, output: m.PromiseSettled, seen: p.Settled) -> Names | None:
        value = output.value
        shown = (seen.error, seen.boolean, seen.strings, seen.event, seen.instance, seen.records)
        given = [each for each in shown if each is not None]
        match value:
            case None | m.Null():
                return None if given else names
            case Rejected():
                return names if given == [value.error] and seen.error else None
            case bool():
                return names if given == [value] and seen.boolean is not None else None
            case m.InstanceRef():
                if seen.instance is None or not shows(value.snapshot, seen.snapshot):
                    return None
                return _bound(names, value.instance, seen.instance)
            case m.EventRef():
                return _bound(names, value.event, seen.event) if seen.event else None
            case m.RecordRef() | m.Records():
                refs = (value,) if isinstance(value, m.RecordRef) else value.found
                if seen.records is None or len(refs) != len(seen.records):
                    return None
                known: Names | None = names
                for ref, info in zip(refs, seen.records, strict=True):
                    if (ref.url, ref.method) != (info.url, info.method):
                        return None
                    known = known and _bound(known, ref.object, info.record)
                return known
            case _:
                return names if seen.strings == list(value) else None

    def _same_bytes(self, output: m.BodyEnded, seen: p.Body) -> bool:
        data = b"".join(
            content(self.facts.key(part.key), part.version, part.first, part.length.lo)
            for part in output.parts
        )
        if seen.text is not None:
            return seen.text == data.decode("latin-1")
        return seen.sha256 == hashlib.sha256(data).hexdigest()


def _exchange(seen: ServerRequest) -> str:
    return f"exchange {seen.exchange}"


def _bound(names: Names, model: str, seen: str) -> Names | None:
    """One name for one thing, both ways."""
    for known, name in names:
        if (known == model) is not (name == seen):
            return None
        if known == model:
            return names
    return (*names, (model, seen))


def shows(snapshot: Snapshot, seen: p.Snapshot | None) -> bool:
    """Whether attributes that were seen are these."""
    return seen is not None and p.Snapshot(**attrs.asdict(snapshot)) == seen


def _event(names: Names, output: m.EventDispatched, seen: p.WorkerEvent) -> Names | None:
    if (output.name, output.data, output.can_update_ui) != (
        seen.name,
        seen.data,
        seen.can_update_ui,
    ):
        return None
    if (output.instance is None) is not (seen.instance is None):
        return None
    if any(name == seen.event for _, name in names):
        return None
    known = _bound(names, output.event, seen.event)
    if known is None or output.instance is None or seen.instance is None:
        return known
    if output.snapshot is None or not shows(output.snapshot, seen.snapshot):
        return None
    return _bound(known, output.instance, seen.instance)


def _source(news: Input) -> str:
    exchange = getattr(news, "exchange", None)
    return "script" if exchange is None else f"exchange {exchange}"


def _observer(output: Output) -> str | None:
    match output:
        case m.AttemptTerminated():
            return None
        case m.RequestStarted():
            return f"request {output.fetch} {output.record} {output.attempt}"
        case m.Refused():
            return "answer"
    return "pages"


def _unordered(output: Output) -> str | None:
    if isinstance(output, m.PromiseSettled):
        return f"pages {output.call}"
    if isinstance(output, m.ProgressFired):
        return f"pages {output.instance}"
    return "pages dispatch" if isinstance(output, m.EventDispatched) else _observer(output)


def _optional(output: Output) -> bool:
    """Progress may be coalesced, but the last of it must come."""
    if isinstance(output, m.ProgressFired):
        return not output.snapshot.result
    return isinstance(output, m.BytesReceived)


def _loses(news: Input, output: Output) -> bool:
    return isinstance(news, m.UserAgentQuit) and _observer(output) == "pages"


def renamed(names: Names, news: Input) -> Input | None:
    """An input in the model's names; None while it names what the model does not know."""
    if isinstance(news, m.Accepted):
        if news.fetch >= 0:
            return news
        where = next((k for k, name in names if name == f"exchange {news.exchange}"), None)
        if where is None:
            return None
        fetch, record, attempt = map(int, where.split())
        return m.Accepted(fetch, record, attempt, news.exchange)
    for field in _NAMING:
        seen = getattr(news, field, None)
        if seen is None or isinstance(news, m.UserDid):
            continue
        known = next((k for k, name in names if name == seen), None)
        if known is None:
            return None
        news = attrs.evolve(news, **{field: known})  # type: ignore[arg-type]  # it has the field
    return news


@attrs.define
class PlainJudge:
    """Feeds a trace's entries to a plain acceptor; ``ordered`` as for its reading."""

    admitted: frozenset[str] | None = None
    limit: int = 5_000
    ordered: bool = True
    facts: Facts = attrs.field(factory=Facts)
    over: set[int] = attrs.field(factory=set)
    come: dict[int, int] = attrs.field(factory=dict)
    acceptor: Plain | None = None

    def admits(self, trace: Trace) -> bool:
        """Whether the model can have made the trace.  Raises Unreadable, TooManyStates."""
        return all(self._feed(entry) for entry in trace.entries)

    def _feed(self, entry: Entry) -> bool:
        if entry.sent is not None:
            self._sent(entry.sent)
        elif entry.answered is not None:
            return self._answered(entry.answered)
        elif entry.seen is not None:
            return self._plain.saw(entry.seen)
        elif entry.server is not None:
            return self._server(entry.server)
        elif isinstance(entry.note, Quiet):
            return self._plain.quiet()
        return bool(self._plain.explanations)

    @property
    def _plain(self) -> Plain:
        assert self.acceptor is not None, "a trace begins with begin"
        return self.acceptor

    def _sent(self, command: p.AnyCommand) -> None:
        self.facts.command_given(command)
        if isinstance(command, p.Begin):
            reading = Reader(self.facts, self.ordered).reading()
            self.acceptor = PlainAcceptor(
                BACKGROUND_FETCH,
                reading,
                beginning.state(command),
                AMENDED,
                self.admitted,
                self.limit,
            )
        elif isinstance(command, p.Look | p.Storage | p.ClosePage | p.Interface):
            raise Unreadable(f"{type(command).__name__} has no counterpart among the inputs")
        else:
            news = input_of(command)
            if news is not None:
                self._plain.given(news)

    def _answered(self, answer: p.Answer) -> bool:
        """The call has been made: the script's inputs have taken effect by now."""
        plain = self._plain
        plain.explanations = [
            each for each in plain.explanations if all(name != "script" for name, _ in each.waiting)
        ]
        refused = [
            each for each in plain.explanations if any(name == "answer" for name, _ in each.due)
        ]
        if answer.refused is not None:
            return plain.saw(answer)
        plain.explanations = [each for each in plain.explanations if each not in refused]
        return bool(plain.explanations)

    def _server(self, line: AnyServerEntry) -> bool:
        self.facts.server(line)
        plain, number = self._plain, line.exchange
        match line:
            case ServerRequest():
                if not plain.saw(line):
                    return False
                plain.given(m.Accepted(-1, -1, -1, number))
            case ServerRequestBody():
                wanted = {
                    spec.body or 0
                    for each in plain.explanations
                    for fetch in each.state.agent.fetches
                    for spec in fetch.requests
                }
                if line.length not in wanted:
                    return False
                plain.given(m.Uploaded(number, line.length))
            case ServerHead():
                plain.given(m.Responded(number, self._wire(number)))
                if line.framing == "none":
                    self._end(number, "end")
            case ServerBytes():
                for cut in CHUNKS:
                    if self.come.get(number, 0) < cut < line.decoded:
                        plain.given(m.BytesArrived(number, cut))
                self.come[number] = line.decoded
                plain.given(m.BytesArrived(number, line.decoded))
                if self.facts.exchanges[number].complete:
                    self._end(number, "end")
            case ServerEnd():
                self._end(number, line.how)
            case ServerHeld() | ServerLost():
                pass
        return bool(plain.explanations)

    def _wire(self, number: int) -> Wire:
        wire = self.facts.exchanges[number].wire
        assert wire is not None, number
        if wire.encoding != "identity":
            raise Unreadable("how far a coded body has been decoded is known as a bound only")
        return wire

    def _end(self, number: int, how: str) -> None:
        if number in self.over:
            return
        self.over.add(number)
        exchange = self.facts.exchanges[number]
        wire = None if exchange.wire is None else self._wire(number)
        self._plain.given(m.Ended(number, how, wire, exchange.sent))
