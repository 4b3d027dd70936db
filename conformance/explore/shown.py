"""The properties of what is shown: promises, events, requests, readers, the interface."""

from __future__ import annotations

from conformance.explore.answers import EXPOSED
from conformance.explore.desk import CLICK, SETTLE_EVENTS
from conformance.explore.memory import Memory, Step, fetch_of, less, more
from conformance.explore.scope import Scope
from conformance.explore.watching import lifted
from spec_model import messages as m
from spec_model.background_fetch import BackgroundFetch, Rejected
from spec_model.fetch_boundary import SAFELISTED
from spec_model.instances import Snapshot
from spec_model.phases import RegistrationPhase
from spec_model.record_state import RecordState
from spec_model.values import REASONS

_EVENTS = {"": "backgroundfetchsuccess", "aborted": "backgroundfetchabort"}
_HIDDEN = {"content-range", "content-length"}
_SEEN_ABROAD = SAFELISTED | {name.lower() for name in EXPOSED}


def check_snapshot(shown: Snapshot, marks: set[str]) -> None:
    """S03."""
    legal = (
        shown.failure_reason in REASONS
        if shown.result == "failure"
        else shown.result in ("", "success") and not shown.failure_reason
    )
    if not legal:
        marks.add("!S03")


def judge_output(
    scope: Scope, memory: Memory, move: Step, output: m.Output, marks: set[str]
) -> Memory:
    """What one output shows."""
    match output:
        case m.PromiseSettled():
            return _promise(memory, move, output, marks)
        case m.EventDispatched():
            return _event(scope, memory, move, output, marks)
        case m.RequestStarted():
            return _request(scope, memory, move, output, marks)
        case m.RecordReady():
            _ready(scope, move, output, marks)
        case m.BytesReceived():
            item = move.after.object(output.object)
            record = move.after.record_of(item)
            earlier = move.before.object(output.object).handed
            if not earlier < output.length <= record.stored.lo:
                marks.add("!S28")
        case m.BodyEnded():
            _body(move, output, marks)
        case m.ProgressFired():
            _progress(move, output, marks)
        case m.InterfaceSeen():
            _interface(move, output, marks)
    return memory


# --- promises -------------------------------------------------------------------------


def _promise(memory: Memory, move: Step, output: m.PromiseSettled, marks: set[str]) -> Memory:
    call, value = output.call, output.value
    memory = lifted(less, memory, "pending", call)
    if call.startswith("abort"):
        memory = _abort_settled(memory, move, output, marks)
    elif call.startswith("fetch"):
        _fetch_settled(memory, move, value, marks)
    elif call.startswith("get"):
        if isinstance(value, m.Null):
            marks.add("!S36")
        if value is None:
            marks.add("instance-gone")
    elif call.startswith("match") and isinstance(value, m.Records):
        fetch = move.before.agent.fetches[fetch_of(call)]
        if [ref.method for ref in value.found] != [each.method for each in fetch.requests]:
            marks.add("!S26")
    elif call.startswith("ui"):
        memory = _ui_settled(memory, output, marks)
    if isinstance(value, m.InstanceRef):
        check_snapshot(value.snapshot, marks)
    return memory


def _abort_settled(memory: Memory, move: Step, output: m.PromiseSettled, marks: set[str]) -> Memory:
    index = fetch_of(output.call)
    live = move.after.agent.fetches[index]
    if output.value is not True:
        marks.add("abort-false")
        if live.in_map:
            marks.add("!S10")
        return memory
    marks.add("abort-true")
    if index in memory.won or live.result == "success":
        marks.add("!S10")
    return lifted(more, memory, "won", index)


def _fetch_settled(memory: Memory, move: Step, value: m.Value, marks: set[str]) -> None:
    if not isinstance(value, m.InstanceRef):
        return
    _, instance = move.after.instance(value.instance)
    begun = value.snapshot.result or value.snapshot.downloaded or value.snapshot.uploaded
    if begun and instance.fetch not in memory.asked:
        marks.add("!S36")


def _ui_settled(memory: Memory, output: m.PromiseSettled, marks: set[str]) -> Memory:
    """S30; the name of the call says of which fetch the event is, and whether it was active."""
    fetch, late = fetch_of(output.call), output.call.endswith("late")
    if isinstance(output.value, Rejected):
        marks.add("ui-late" if late else "ui-twice")
        if output.value.error not in ("InvalidStateError", "TypeError"):
            marks.add("!S30")
        return memory
    marks.add("ui-once")
    if late or fetch in memory.titled:
        marks.add("!S30")
    return lifted(more, memory, "titled", fetch)


# --- events ---------------------------------------------------------------------------


def _event(
    scope: Scope, memory: Memory, move: Step, output: m.EventDispatched, marks: set[str]
) -> Memory:
    if output.instance is None:
        return memory
    assert output.snapshot is not None
    _, instance = move.after.instance(output.instance)
    live, shown = move.after.agent.fetches[instance.fetch], output.snapshot
    check_snapshot(shown, marks)
    if output.name == CLICK:
        _clicked(move, live, marks)
    if output.name not in SETTLE_EVENTS:
        return memory
    if live.index in memory.event:
        marks.add("!S01")
    fitting = _EVENTS.get(shown.failure_reason, "backgroundfetchfail")
    fits = output.name == fitting and shown.result != ""
    if not fits or (live.result, live.failure_reason) != (shown.result, shown.failure_reason):
        marks.add("!S02")
    if live.index in memory.won and output.name != "backgroundfetchabort":
        marks.add("!S10")
    if output.name == "backgroundfetchsuccess":
        for record in move.after.records[live.index]:
            if record.result != "success" or record.stored.lo < _least(scope, record):
                marks.add("!S06")
    return lifted(more, memory, "event", live.index)


def _clicked(move: Step, live: BackgroundFetch, marks: set[str]) -> None:
    """S31: a click concerns nobody but the worker."""
    before, after = move.before, move.after
    pages = [(realm, after.realm(realm.name)) for realm in before.realms if realm.name != "worker"]
    if before.agent != after.agent or before.records != after.records:
        marks.add("!S31")
    if any(old != new for old, new in pages):
        marks.add("!S31")
    if live.phase is RegistrationPhase.EVENT_ACTIVE:
        marks.add("click-meanwhile")
    elif live.phase is RegistrationPhase.RECORDS_GONE:
        marks.add("click-after")
    elif not live.result:
        marks.add("click-before")


def _least(scope: Scope, record: RecordState) -> int:
    """How many bytes a whole body has, at least: an answer without a body is whole."""
    if record.response is None or record.response.null_body:
        return 0
    return scope.size - (1 if scope.ranged else 0)


def _progress(move: Step, output: m.ProgressFired, marks: set[str]) -> None:
    now = output.snapshot
    check_snapshot(now, marks)
    _, instance = move.before.instance(output.instance)
    was = instance.shows
    same = (was.downloaded, was.uploaded, was.result) == (now.downloaded, now.uploaded, now.result)
    if was.result or (same and was.failure_reason == now.failure_reason):
        marks.add("!S15")


# --- the server's side ----------------------------------------------------------------


def _request(
    scope: Scope, memory: Memory, move: Step, output: m.RequestStarted, marks: set[str]
) -> Memory:
    fetch, index = output.fetch, output.record
    live = move.after.agent.fetches[fetch]
    record = move.after.records[fetch][index]
    method = live.requests[index].method
    if method != "GET" and not record.hops:
        if (fetch, index) in memory.sent:
            marks.add("!S21")
        memory = lifted(more, memory, "sent", (fetch, index))
    if fetch in memory.event or fetch in memory.won:
        marks.add("!S22")
    if live.paused:
        marks.add("!S23")
    if output.first is not None:
        marks.add("resumed")
        if scope.foreign:
            marks.add("resumed-exposed" if scope.exposed else "resumed-foreign")
        if output.first != record.stored.lo or output.method != "GET" or record.result:
            marks.add("!S24")
    return memory


# --- readers --------------------------------------------------------------------------


def _ready(scope: Scope, move: Step, output: m.RecordReady, marks: set[str]) -> None:
    item = move.after.object(output.object)
    record = move.after.record_of(item)
    current = item.generation == record.generation
    failed = record.result not in ("", "success", "bad-status")
    ready = output.ready
    if ready.error:
        wanted = "AbortError" if current and record.result == "aborted" else "TypeError"
        if (current and not failed) or ready.error != wanted:
            marks.add("!S27")
        return
    if current and failed and move.before.object(output.object).ready is None:
        marks.add("!S27")
    names = {name for name, _ in ready.headers}
    if names & _HIDDEN or (scope.foreign and not names <= _SEEN_ABROAD):
        marks.add("!S29")
    if ready.status == 206 and not scope.ranged and not scope.choices:
        marks.add("!S29")  # assembled-status, at its default


def _body(move: Step, output: m.BodyEnded, marks: set[str]) -> None:
    item = move.after.object(output.object)
    record = move.after.record_of(item)
    marks.add("body-read")
    if item.generation != record.generation:
        return
    if (output.error == "") != (record.result in ("success", "bad-status")):
        marks.add("!S27")
    if output.error == "" and output.length != record.stored.lo:
        marks.add("!S28")


# --- the interface --------------------------------------------------------------------


def _interface(move: Step, output: m.InterfaceSeen, marks: set[str]) -> None:
    """S32: busy while something may be transferred, offers while they have an effect."""
    shows = output.shows
    if shows is None:
        return
    live = move.before.agent.fetches[-1]
    running = live.result == ""
    uploads = any(each.method != "GET" for each in live.requests)
    if shows.busy is not (running and not live.paused):
        marks.add("!S32")
    if shows.dismissible is running or shows.origin != move.before.agent.home:
        marks.add("!S32")
    if shows.can_abort is not running or (shows.can_pause and (uploads or not running)):
        marks.add("!S32")
