"""Plain words for reports: what an observation was, what was due, where a record stands."""

from __future__ import annotations

from collections.abc import Iterable

from conformance import protocol as p
from conformance.judge.hypothesis import Due
from spec_model.phases import RecordPhase
from spec_model.record_state import RecordState

_PLACES = {
    RecordPhase.WAITING_UNPAUSED: "not requested yet",
    RecordPhase.BEFORE_HEADERS: "waiting for an answer",
    RecordPhase.READING: "reading its body",
    RecordPhase.WAITING_AVAILABLE: "waiting for the network",
}


def place(record: RecordState) -> str:
    """Where a record is."""
    if record.settled:
        return f"over ({record.result})"
    return _PLACES[record.phase]


def places(records: Iterable[RecordState]) -> str:
    """Where a record may be."""
    return " or ".join(sorted({place(record) for record in records}))


def value(seen: p.Settled) -> str:
    """What a promise settled with."""
    if seen.error is not None:
        return f"a rejection with {seen.error}"
    if seen.records is not None:
        return f"{len(seen.records)} record(s)"
    if seen.instance is not None:
        return "a registration"
    if seen.event is not None:
        return "an event"
    if seen.null:
        return "null"
    for plain in (seen.boolean, seen.strings):
        if plain is not None:
            return repr(plain)
    return "undefined"


def expected(due: Due) -> str:
    """What a promise had to settle with."""
    if due.error is not None:
        return f"a rejection with {due.error}"
    if due.what == "boolean":
        return repr(due.flag)
    if due.what == "strings":
        return repr(list(due.strings))
    if due.what == "records":
        return f"{len(due.indexes)} record(s)"
    return {"instance": "a registration", "event": "an event"}.get(due.what, due.what)


def call_name(command: p.AnyCommand | None) -> str:
    """A call as a script writes it."""
    match command:
        case p.Fetch():
            return f"fetch({command.id!r})"
        case p.Get():
            return f"get({command.id!r})"
        case p.GetIds():
            return "getIds()"
        case p.Abort():
            return "abort()"
        case p.Match():
            return f"match({command.url!r})"
        case p.MatchAll():
            return "matchAll()" if command.url is None else f"matchAll({command.url!r})"
        case p.UpdateUI():
            return "updateUI()"
        case p.CachePut():
            return "cache.put()"
        case p.CacheKeys():
            return "cache.keys()"
        case p.Synthesize():
            return "the event's constructor"
        case p.Unregister():
            return "unregister()"
    return "a call"


def outcome(result: str, reason: str) -> str:
    """A registration's result and failure reason."""
    if not result:
        return "no result"
    return f"{result!r} ({reason})" if reason else repr(result)


def due_text(due: Due, command: p.AnyCommand | None) -> str:
    """What an output would have been."""
    if due.kind == "ack":
        return "a refusal of the command" if due.what == "refused" else "the answer to a command"
    if due.kind in ("event", "click", "push"):
        return f"the event {due.ref}"
    return f"{expected(due)} from {call_name(command)}"


def kind_of(said: object) -> str:
    """An entry that nothing explains."""
    return {
        "ServerRequest": "a request",
        "ServerRequestBody": "a request's body",
        "WorkerEvent": "a worker event",
        "Progress": "a progress event",
        "Settled": "a settled promise",
        "Ready": "a responseReady",
        "Received": "body bytes",
        "Body": "the end of a body",
        "Answer": "the answer to a command",
        "Quiet": "silence",
    }.get(type(said).__name__, type(said).__name__)
