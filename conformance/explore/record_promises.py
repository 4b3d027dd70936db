"""The properties of single records: what is stored, joined, and counted as whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from conformance.explore.memory import Memory, Step, more
from conformance.explore.scope import Scope
from conformance.explore.watching import lifted, seen
from spec_model import messages as m
from spec_model.fetch_boundary import NULL_BODY, Wire
from spec_model.phases import RecordPhase
from spec_model.process_response import received
from spec_model.record_state import RecordState
from spec_model.state import State
from spec_model.tasks import RunRecord
from spec_model.values import Head

_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)", re.ASCII)


@attrs.frozen(cache_hash=True)
class Happened:
    """What a step was for a record.

    ``wire``: the answer that came, ``ended`` how one ended, "" if neither did; ``alone``: the user
    agent itself went on, while online.  ``size`` of the resource; ``ranged`` as in the scope.
    """

    size: int
    ranged: bool = False
    wire: Wire | None = None
    ended: str = ""
    alone: bool = False


def judge_record(
    scope: Scope, memory: Memory, move: Step, fetch: int, index: int, marks: set[str]
) -> Memory:
    """What a step did to one record."""
    old, new = move.before.records[fetch][index], move.after.records[fetch][index]
    shown = seen(judged, old, new, given=(_happened(scope, move),))
    marks |= shown - {_REPLACED}
    after = move.after
    if _REPLACED in shown and _watched(after, fetch, index):
        marks.add("!S27")  # nothing was there that could have been replaced
    if "anew" in shown:
        memory = lifted(more, memory, "anew", fetch)
    if "limit-passed" in shown:
        others = move.before.records[fetch]
        if sum(each.phase is RecordPhase.READING for each in others) > 1:
            marks.add("limit-passed-by-two")
    total = after.agent.fetches[fetch].download_total
    if total and after.stored(fetch) > total:
        marks.add("!S12")
    if total and after.stored(fetch) == total:
        marks.add("limit-met")
    if after.agent.quota is not None and after.used() > after.agent.quota:
        marks.add("!S35")
    return memory


_REPLACED = "replaced"
"""Not a goal: the record's data was replaced before there was any."""


def _happened(scope: Scope, move: Step) -> Happened:
    did = move.did
    match did:
        case m.Responded():
            return Happened(scope.size, scope.ranged, wire=did.wire)
        case m.Ended():
            return Happened(scope.size, scope.ranged, ended=did.how)
        case RunRecord():
            return Happened(scope.size, scope.ranged, alone=move.before.agent.online)
    return Happened(scope.size, scope.ranged)


def judged(old: RecordState, new: RecordState, what: Happened) -> frozenset[str]:
    """What a step shows of one record, which depends on nothing else."""
    return frozenset(_judged(old, new, what))


def _judged(old: RecordState, new: RecordState, what: Happened) -> Iterator[str]:
    if new.generation > old.generation or new.stored.lo < old.stored.lo:
        if old.stored.lo:
            yield "anew"
        elif old.response is None:
            yield _REPLACED
    if new.stored.lo > old.stored.lo:
        yield from _stored(new)
    if new.current != old.current and new.current is not None:
        yield from _joined(what, new, new.current)
    if new.settled and not old.settled:
        yield from _settled(what, old, new)
    elif what.ended == "end" and old.current is not None:
        # All bytes and a clean end: there is nothing left to ask for.
        if new.stored.lo == what.size and old.current.ok and not new.result:
            yield "!S24"
    if new.result == "fetch-error" and not old.result and what.alone:
        # No answer, no outage, no restart: nobody but the user agent has done this.
        yield "!S08"
    if what.wire is not None:
        yield from _answered(what, what.wire, old, new)
    if what.ended == "reset" and old.response is not None:
        if old.response.encoded:
            yield "encoded-cut"
        if old.response.get("etag", internal=True) is None:
            yield "unmarked-cut"
    if old.settled and new.result != old.result:
        yield "!S27"  # a record that is final keeps its outcome


def _watched(after: State, fetch: int, index: int) -> bool:
    """Whether somebody holds an object for the record's data."""
    return any((each.fetch, each.record) == (fetch, index) for each in after.objects)


def _stored(new: RecordState) -> Iterator[str]:
    if len({part.exchange for part in new.parts}) > 2:
        yield "short-chain"
    if new.current is not None and new.current.status == 206 and not new.current.own_range:
        bounds = _bounds(new.current)
        if bounds is not None and received(new) > bounds[1] - bounds[0] + 1:
            yield "!S25"  # more than the part said it would bring


def _bounds(head: Head) -> tuple[int, int, int | None] | None:
    """First, last and complete length of a partial answer's Content-Range, as HTTP writes it."""
    found = _CONTENT_RANGE.fullmatch(head.get("content-range", internal=True) or "")
    if found is None:
        return None
    complete = None if found[3] == "*" else int(found[3])
    return int(found[1]), int(found[2]), complete


def _joined(what: Happened, new: RecordState, head: Head) -> Iterator[str]:
    """An answer has been taken; a partial one must be of what is stored, and make sense."""
    if head.status != 206 or what.ranged:
        return
    bounds = _bounds(head)
    if bounds is None:
        yield "!S25"
        return
    first, last, complete = bounds
    if last < first or (complete is not None and last >= complete):
        yield "!S25"
    if complete is None:
        yield "unknown-length"
    if new.stored.lo:
        if any(part.version != head.version for part in new.parts):
            yield "!S25"
        if head.first != new.stored.lo:
            yield "!S25"


def _answered(what: Happened, wire: Wire, old: RecordState, new: RecordState) -> Iterator[str]:
    """The head of an answer came."""
    if wire.status in NULL_BODY:
        yield "null-body"
    if wire.status == 416:
        yield "unsatisfied"
    if wire.version == 2:
        yield "other-version"
    if new.hops > old.hops:
        yield f"redirected-{old.method}" if new.method == old.method else "redirected-to-GET"
    if new.result == "fetch-error" and _belongs(what, old, wire):
        yield "!S25"


def _belongs(what: Happened, old: RecordState, wire: Wire) -> bool:
    """Whether a partial answer is what was asked for, of what is stored, in HTTP's own form."""
    size, first = what.size, 1 if what.ranged else old.start.lo
    right = ("Content-Range", f"bytes {first}-{size - 1}/{size}") in wire.headers
    same = all(part.version == wire.version for part in old.parts)
    fits = (wire.first, wire.length) == (first, size - first)
    stored = old.response.get("etag", internal=True) if old.stored.lo and old.response else None
    marks = [value for name, value in wire.headers if name == "ETag"]
    right = right and (marks == [stored] if stored else bool(marks))
    return wire.status == 206 and old.method == "GET" and right and same and fits


def _settled(what: Happened, old: RecordState, new: RecordState) -> Iterator[str]:
    """A record has become final."""
    if new.result == "success":
        yield from _whole(what, new)
    elif new.result == "quota-exceeded":
        yield "quota-later" if old.stored.lo else "quota-at-once"
    elif new.result == "download-total-exceeded":
        yield "limit-passed"


def _whole(what: Happened, new: RecordState) -> Iterator[str]:
    """S07: the parts of a success are one version without holes, from the first byte asked for."""
    at = 1 if what.ranged else 0
    for part in new.parts:
        if part.first != at:
            yield "!S07"
        at = part.first + part.length.lo
    if len({part.version for part in new.parts}) > 1:
        yield "!S07"
    response = new.response
    if response is None:
        return
    if not response.ok or (at != what.size and not response.null_body):
        yield "!S07"
    if at == 0 and not response.null_body:
        yield "no-bytes"
