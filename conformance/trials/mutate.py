"""One observation of a trace spoilt: dropped, doubled, out of order, or with another value.

Only what an implementation says is spoilt (and what it asks of a server), never what the
judge did.  A mutant may still be a possible trace: whoever counts has to find that out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TypeVar

import attrs
import msgspec

from conformance import protocol as p
from conformance.trace import Entry, Quiet, ServerRequest, Trace
from conformance.trials.reorder import Place, places, precedes, renumbered

SeenT = TypeVar("SeenT", bound=msgspec.Struct)

_ERRORS = ("TypeError", "AbortError", "InvalidStateError", "QuotaExceededError")
_EVENTS = ("backgroundfetchsuccess", "backgroundfetchfail", "backgroundfetchabort")
_REASONS = ("", "aborted", "bad-status", "fetch-error", "quota-exceeded", "download-total-exceeded")


@attrs.frozen
class Spoilt:
    """A mutant.  ``what`` was done, to entry ``at`` of the original."""

    trace: Trace
    what: str
    at: int


def spoilt(trace: Trace) -> Iterator[Spoilt]:
    """Every single mutation of a trace."""
    entries, order = trace.entries, places(trace)
    asked = {entry.sent.seq: entry.sent for entry in entries if entry.sent is not None}
    for at, entry in enumerate(entries):
        if entry.answered is not None:
            for what, answer in _answers(entry.answered, asked[entry.answered.seq]):
                changed = msgspec.structs.replace(entry, answered=answer)
                yield Spoilt(
                    renumbered(trace, [*entries[:at], changed, *entries[at + 1 :]]), what, at
                )
        if not _is_output(entry):
            continue
        if not order[at].gives & _needed(order[at + 1 :]) and not _of_worker(order[at]):
            yield Spoilt(renumbered(trace, _without(entries, at)), "drop", at)
        yield Spoilt(renumbered(trace, _twice(entries, at)), "double", at)
        for what, changed in _changes(entry):
            yield Spoilt(renumbered(trace, [*entries[:at], changed, *entries[at + 1 :]]), what, at)
    for at in range(len(entries) - 1):
        one, two = entries[at], entries[at + 1]
        # What may be noted in either order is no mutation; notes of quiet need an owner.
        if isinstance(one.note, Quiet) or not (_is_output(one) or _is_output(two)):
            continue
        if one.server and two.server and one.server.exchange == two.server.exchange:
            continue  # the judge's own server does not answer before it is asked
        if order[at].gives & order[at + 1].needs:
            continue  # nor does the judge speak of what it has not seen
        if precedes(order[at], order[at + 1]) and one != two:
            swapped = [*entries[:at], two, one, *entries[at + 2 :]]
            yield Spoilt(renumbered(trace, swapped), "swap", at)


def _of_worker(place: Place) -> bool:
    """A progress event in the worker need not be seen: it may be stopped, and is told no more."""
    return isinstance(place.entry.seen, p.Progress) and place.observer == p.WORKER


def _needed(places: list[Place]) -> frozenset[str]:
    """The names of which the script speaks."""
    return frozenset(name for place in places for name in place.needs)


def _without(entries: list[Entry], at: int) -> list[Entry]:
    """Without one; a request takes its answer with it."""
    server = entries[at].server
    if server is None:
        return [*entries[:at], *entries[at + 1 :]]
    return [e for e in entries if e.server is None or e.server.exchange != server.exchange]


def _twice(entries: list[Entry], at: int) -> list[Entry]:
    """With one twice; a request is another exchange, which nobody answers."""
    again = entries[at]
    if again.server is not None:
        last = max(e.server.exchange for e in entries if e.server is not None)
        server = msgspec.structs.replace(again.server, exchange=last + 1)
        again = msgspec.structs.replace(again, server=server)
    return [*entries[: at + 1], again, *entries[at + 1 :]]


def one_spoilt(trace: Trace, rng: Random) -> Spoilt | None:
    """One of them, any; None where there is nothing to spoil."""
    found = list(spoilt(trace))
    return rng.choice(found) if found else None


def _is_output(entry: Entry) -> bool:
    return entry.seen is not None or isinstance(entry.server, ServerRequest)


def _with(entry: Entry, seen: p.AnyObservation) -> Entry:
    return msgspec.structs.replace(entry, seen=seen)


def _changes(entry: Entry) -> Iterator[tuple[str, Entry]]:
    seen = entry.seen
    if isinstance(entry.server, ServerRequest):
        yield from _request(entry, entry.server)
        return
    if seen is None:
        return
    snapshot = getattr(seen, "snapshot", None)
    if snapshot is not None:
        for what, changed in _snapshots(snapshot):
            yield what, _with(entry, msgspec.structs.replace(seen, snapshot=changed))
    change: Callable[..., p.AnyObservation] = msgspec.structs.replace
    match seen:
        case p.Settled():
            for what, settled in _settlements(seen):
                yield what, _with(entry, settled)
        case p.WorkerEvent():
            for name in _EVENTS:
                if seen.name in _EVENTS and name != seen.name:
                    yield "event name", _with(entry, change(seen, name=name))
            yield "updateUI", _with(entry, change(seen, can_update_ui=not seen.can_update_ui))
        case p.Ready():
            if seen.error is None:
                yield "status", _with(entry, change(seen, status=(seen.status or 0) + 1))
            for error in _ERRORS[:2]:
                if error != seen.error:
                    broken = p.Ready(seen.record, error=error)
                    yield "error name", _with(entry, broken)
        case p.Received():
            yield "length", _with(entry, change(seen, length=seen.length + 1))
        case p.Body():
            for end in (*_ERRORS[:2], None):
                if end != seen.error:
                    yield "error name", _with(entry, change(seen, error=end))
            if seen.text:
                last = chr((ord(seen.text[-1]) + 1) % 256)
                yield "body byte", _with(entry, change(seen, text=seen.text[:-1] + last))
                short = change(seen, text=seen.text[:-1], length=seen.length - 1)
                yield "length", _with(entry, short)


def _answers(answer: p.Answer, command: p.AnyCommand) -> Iterator[tuple[str, p.Answer]]:
    """What the implementation answers to a look, a question or a user's action."""
    change = msgspec.structs.replace
    if answer.snapshot is not None:
        for what, shown in _snapshots(answer.snapshot):
            yield f"look: {what}", change(answer, snapshot=shown)
    if answer.stored is not None:
        yield "stored", change(answer, stored=answer.stored + 1)
        if answer.stored:
            yield "stored", change(answer, stored=answer.stored - 1)
    if answer.interface is not None:
        interface = answer.interface
        # After the end it may stay or not, and need not be dismissible.
        fields = ["busy", "can_abort", "can_pause"] if interface.displayed else []
        for field in (*fields, *(() if interface.dismissible else ("displayed", "dismissible"))):
            if interface.displayed or field == "displayed":
                yield f"interface: {field}", change(answer, interface=_toggled(interface, field))
        if interface.displayed:
            other = change(interface, origin=interface.origin + "!")
            yield "interface: origin", change(answer, interface=other)
    if isinstance(command, p.User):
        yield "refusal", change(answer, refused=None if answer.refused else "not offered")


def _toggled(shown: p.Shown, field: str) -> p.Shown:
    return msgspec.structs.replace(shown, **{field: not getattr(shown, field)})


def _settlements(seen: p.Settled) -> Iterator[tuple[str, p.Settled]]:
    if seen.boolean is not None:
        yield "boolean", msgspec.structs.replace(seen, boolean=not seen.boolean)
    if seen.strings:
        yield "strings", msgspec.structs.replace(seen, strings=seen.strings[:-1])
        if len(seen.strings) > 1:
            yield "strings", msgspec.structs.replace(seen, strings=seen.strings[::-1])
    if seen.records:
        yield "records", msgspec.structs.replace(seen, records=seen.records[:-1])
        if len(seen.records) > 1:
            yield "records", msgspec.structs.replace(seen, records=seen.records[::-1])
    for error in _ERRORS:
        if error != seen.error:
            yield "error name", p.Settled(seen.call, error=error)
    if seen.error is not None:
        yield "error name", p.Settled(seen.call)


def _snapshots(shown: p.Snapshot) -> Iterator[tuple[str, p.Snapshot]]:
    change = msgspec.structs.replace
    yield "downloaded", change(shown, downloaded=shown.downloaded + 1)
    if shown.downloaded:
        yield "downloaded", change(shown, downloaded=shown.downloaded - 1)
    yield "uploaded", change(shown, uploaded=shown.upload_total + 1)
    yield "totals", change(shown, download_total=shown.download_total + 1)
    yield "totals", change(shown, upload_total=shown.upload_total + 1)
    yield "recordsAvailable", change(shown, records_available=not shown.records_available)
    yield "id", change(shown, id=shown.id + "!")
    for reason in _REASONS:
        result = "failure" if reason else "success"
        if (result, reason) != (shown.result, shown.failure_reason):
            yield "result", change(shown, result=result, failure_reason=reason)
    if shown.result:
        yield "result", change(shown, result="", failure_reason="")


def _request(entry: Entry, request: ServerRequest) -> Iterator[tuple[str, Entry]]:
    range_ = request.headers.get("range")
    others = {"bytes=3-", "bytes=8-"} - {range_}
    for other in sorted(others):
        headers = {**request.headers, "range": other, "accept-encoding": "identity"}
        changed = msgspec.structs.replace(request, headers=headers)
        yield "range", msgspec.structs.replace(entry, server=changed)
    if range_ is not None:
        headers = {k: v for k, v in request.headers.items() if k != "range"}
        changed = msgspec.structs.replace(request, headers=headers)
        yield "range", msgspec.structs.replace(entry, server=changed)
    method = "GET" if request.method != "GET" else "POST"
    changed = msgspec.structs.replace(request, method=method)
    yield "method", msgspec.structs.replace(entry, server=changed)
