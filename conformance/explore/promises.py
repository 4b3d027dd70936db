"""The properties of background fetch that an explored step or state can break.

Numbers are those of the audit: S are safety, L liveness.  A *watch* sees each step with
its outputs, as a page, a worker, the user and the server do, and the state before and
after it.  What a sentence needs of the past is kept in ``Memory``.

Some sentences of the audit are not here.  S14, S29, S31 and S33 and L11, L12 compare two
runs, or speak of what the model has no bytes for; ``ELSEWHERE`` says why, one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance.explore.desk import SETTLE_EVENTS, Desk
from conformance.explore.plain import Move
from conformance.explore.scope import Scope
from conformance.explore.space import NO_MARKS, Marks
from conformance.explore.watching import seen
from spec_model import messages as m
from spec_model.background_fetch import BackgroundFetch, Rejected
from spec_model.complete_record import RecordState
from spec_model.fetch_boundary import Wire
from spec_model.instances import Instance, Snapshot
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.state import State
from spec_model.tasks import Task
from spec_model.values import REASONS

ALWAYS = {
    "S01": "at most one settle event in one life of the user agent",
    "S02": "the settle event matches result and failure reason, and its registration shows them",
    "S03": "result and failure reason are a legal pair",
    "S04": "result and failure reason of an instance change once, together",
    "S05": "recordsAvailable goes from true to false once, after the settle event",
    "S06": "after success every record is whole and ok",
    "S07": "no body that closes mixes versions or leaves out bytes",
    "S08": "a failure has a record that failed so",
    "S09": "nobody is told 'aborted' who was not aborted",
    "S10": "abort() resolves true at most once, and then the event is abort",
    "S11": "downloaded falls only if a record starts anew or bytes are lost",
    "S12": "downloaded never exceeds downloadTotal",
    "S13": "uploaded never falls and never exceeds uploadTotal",
    "S15": "two progress events differ, and none follows the one with a result",
    "S16": "a realm has one object for a background fetch",
    "S17": "an id is active once",
    "S18": "what was aborted or settled is not found by get() and getIds()",
    "S21": "a request with side effects is sent at most once",
    "S22": "no request begins after the settle event or after abort() resolved true",
    "S23": "no request begins while paused, nor before the user has answered",
    "S24": "a Range begins where the stored bytes end, and only GET has one",
    "S25": "a partial answer is joined only where it belongs",
    "S26": "matchAll() gives every record in request order",
    "S27": "what a record object gives matches the record's result",
    "S28": "what a reader is handed only grows, and is what is stored",
    "S30": "updateUI() works once and while the event is active",
    "S32": "the interface offers a pause only where every method is GET",
    "S34": "all instances that show a result show the same",
    "S35": "what is stored never exceeds the quota",
    "S36": "nothing that is not found is null",
}

EVENTUALLY = {
    "L01": "fetch() settles",
    "L02": "every background fetch settles and its event is dispatched, or none can be",
    "L03": "after abort() resolved true the fetch ends",
    "L04": "after the user aborted the fetch ends",
    "L05": "responseReady settles once there is a response or a result",
    "L06": "a body that is read ends once its record is final",
    "L07": "after the settle event records become unavailable, on every instance",
    "L08": "every live instance shows the final result",
    "L09": "get(), abort(), matchAll(), updateUI() settle",
    "L10": "attempts that bring nothing end",
    "L13": "what is unregistered ends",
    "L14": "after a restart every background fetch still settles",
}

SOMETIMES = {
    "success": "a fetch succeeds",
    **{reason: f"a fetch fails with {reason}" for reason in REASONS},
    "abort-true": "abort() resolves true",
    "abort-false": "abort() resolves false",
    "pause-before-headers": "a pause meets a request without an answer",
    "pause-reading": "a pause meets a body",
    "pause-waiting": "a pause meets a record between two attempts",
    "resumed": "bytes that were stored are continued",
    "anew": "stored bytes are replaced by a new answer",
    "short-chain": "three parts make a body",
    "offline-reading": "an outage meets a body",
    "restart-reading": "the user agent goes while a body comes",
    "event-again": "a kill cuts a handler off, and its event comes again",
    "instance-gone": "get() finds nothing",
    "prompt-accepted": "the user accepts",
    "prompt-refused": "the user refuses",
    "body-read": "a body is read to its end",
    "ui-late": "updateUI() comes too late",
}

ELSEWHERE = {
    "S14": "the values are constants of the model's slots",
    "S19": "compares the quota meter and the log with those of a run without the call",
    "S20": "speaks of one call: decided by the unit tests of fetch()",
    "S29": "speaks of headers: decided at the Fetch boundary",
    "S31": "compares two runs",
    "S33": "compares two runs",
    "L11": "compares two runs",
    "L12": "compares two runs",
}

_GONE = RegistrationPhase.RECORDS_GONE
_P = RegistrationPhase
_UNSETTLED = (_P.STARTING, _P.RUNNING, _P.DRAINING, _P.DECIDING, _P.EVENT_QUEUED)

_EVENTS = {"": "backgroundfetchsuccess", "aborted": "backgroundfetchabort"}

Step = Move[State, Desk, m.Input, Task, m.Output]


@attrs.frozen(cache_hash=True)
class Memory:
    """What has been: everything that a property needs of the past.

    Sets hold indexes of fetches: ``event`` had a settle event in this life, ``asked`` were
    asked to stop, ``won`` had an abort() that resolved true, ``anew`` lost or replaced bytes
    that an instance may have shown.  ``sent``: (fetch, record) of requests with side effects.
    ``pending``: calls whose promise a living realm waits for.
    """

    event: frozenset[int] = frozenset()
    asked: frozenset[int] = frozenset()
    won: frozenset[int] = frozenset()
    anew: frozenset[int] = frozenset()
    sent: frozenset[tuple[int, int]] = frozenset()
    pending: frozenset[str] = frozenset()
    restarted: bool = False


def fetch_of(call: str) -> int:
    """The index of the fetch that a call of the environment is about."""
    return int(call.split("@")[1])


@attrs.define(eq=False)
class Promises:
    """The watch of a scope."""

    scope: Scope
    sometimes: dict[str, str] = attrs.field(factory=dict)
    always: dict[str, str] = attrs.field(factory=lambda: ALWAYS)
    eventually: dict[str, str] = attrs.field(factory=lambda: EVENTUALLY)

    def begin(self) -> Memory:
        """Nothing has been."""
        return Memory()

    def see(self, memory: Memory, move: Step) -> tuple[Memory, Marks]:
        """What a step shows."""
        marks: set[str] = set()
        memory = self._input(memory, move, marks)
        for output in move.outputs:
            memory = self._output(memory, move, output, marks)
        before, after = move.before, move.after
        for fetch, row in enumerate(after.records):
            old = before.records[fetch] if fetch < len(before.records) else ()
            for index, record in enumerate(row):
                if index < len(old) and old[index] is not record:
                    memory = self._record(memory, move, fetch, index, marks)
        for live in after.agent.fetches:
            known = live.index < len(before.agent.fetches)
            if not known or before.agent.fetches[live.index] is not live:
                earlier = before.agent.fetches[live.index] if known else None
                self._fetch(memory, after, earlier, live, marks)
        for realm in after.realms:
            earlier_realm = before.realm(realm.name)
            if realm is earlier_realm:
                continue
            older = earlier_realm.instances if earlier_realm else ()
            if realm.instances is not older:
                self._instances(memory, after, older, realm.instances, marks)
        return memory, frozenset(marks) if marks else NO_MARKS

    # --- inputs -----------------------------------------------------------------------

    def _input(self, memory: Memory, move: Step, marks: set[str]) -> Memory:
        did, before = move.did, move.before
        match did:
            case m.CallAbort():
                memory = attrs.evolve(memory, asked=memory.asked | {fetch_of(did.call)})
            case m.UserDid(action="abort" | "refuse"):
                newest = frozenset({before.agent.fetches[-1].index})
                memory = attrs.evolve(memory, asked=memory.asked | newest)
                if did.action == "refuse":
                    marks.add("prompt-refused")
            case m.UserDid(action="accept"):
                marks.add("prompt-accepted")
            case m.UserDid(action="pause"):
                self._pause(move, marks)
            case m.WentOnline(online=False):
                if _any_reading(before):
                    marks.add("offline-reading")
            case m.UserAgentQuit():
                if _any_reading(before):
                    marks.add("restart-reading")
                again = memory.event if not did.kill else frozenset[int]()
                if again != memory.event:
                    marks.add("event-again")
                memory = attrs.evolve(memory, event=again, pending=frozenset(), restarted=True)
            case m.CallUnregister():
                everything = frozenset(range(len(before.agent.fetches)))
                memory = attrs.evolve(memory, asked=memory.asked | everything)
            case m.CallGet():
                live = before.agent.active(did.id)
                if live is not None and (live.index in memory.won or live.result):
                    marks.add("!S18")
            case m.CallMatch():
                self._match(move, did, marks)
            case m.PageClosed():
                gone = {call for call in memory.pending if call.endswith(f"@{did.realm}")}
                if gone:
                    memory = attrs.evolve(memory, pending=memory.pending - gone)
        if isinstance(did, m.CallFetch | m.CallGet | m.CallAbort | m.CallMatch | m.CallUpdateUI):
            memory = attrs.evolve(memory, pending=memory.pending | {did.call})
        return memory

    def _pause(self, move: Step, marks: set[str]) -> None:
        newest = move.before.agent.fetches[-1]
        refused = any(isinstance(each, m.Refused) for each in move.outputs)
        if not refused and any(each.method != "GET" for each in newest.requests):
            marks.add("!S32")
        for record in move.before.records[newest.index]:
            if record.phase is RecordPhase.BEFORE_HEADERS:
                marks.add("pause-before-headers")
            elif record.phase is RecordPhase.READING:
                marks.add("pause-reading")
            elif not record.settled:
                marks.add("pause-waiting")

    def _match(self, move: Step, did: m.CallMatch, marks: set[str]) -> None:
        _, instance = move.before.instance(did.instance)
        fetch = move.before.agent.fetches[instance.fetch]
        if not instance.shows.records_available and fetch.phase is not _GONE:
            marks.add("!S05")

    # --- outputs ----------------------------------------------------------------------

    def _output(self, memory: Memory, move: Step, output: m.Output, marks: set[str]) -> Memory:
        match output:
            case m.PromiseSettled():
                return self._promise(memory, move, output, marks)
            case m.EventDispatched():
                return self._event(memory, move, output, marks)
            case m.RequestStarted():
                return self._request(memory, move, output, marks)
            case m.RecordReady():
                self._ready(move, output, marks)
            case m.BytesReceived():
                item = move.after.object(output.object)
                record = move.after.record_of(item)
                earlier = move.before.object(output.object).handed
                if not earlier < output.length <= record.stored.lo:
                    marks.add("!S28")
            case m.BodyEnded():
                self._body(move, output, marks)
            case m.ProgressFired():
                _check_snapshot(output.snapshot, marks)
        return memory

    def _promise(
        self, memory: Memory, move: Step, output: m.PromiseSettled, marks: set[str]
    ) -> Memory:
        call, value = output.call, output.value
        memory = attrs.evolve(memory, pending=memory.pending - {call})
        if call.startswith("abort"):
            marks.add("abort-true" if value is True else "abort-false")
            if value is True:
                index = fetch_of(call)
                if index in memory.won or move.after.agent.fetches[index].result == "success":
                    marks.add("!S10")
                memory = attrs.evolve(memory, won=memory.won | {index})
        elif call.startswith("get"):
            if isinstance(value, m.Null):
                marks.add("!S36")
            if value is None:
                marks.add("instance-gone")
        elif call.startswith("match") and isinstance(value, m.Records):
            fetch = move.before.agent.fetches[fetch_of(call)]
            if [ref.method for ref in value.found] != [each.method for each in fetch.requests]:
                marks.add("!S26")
        elif call.startswith("ui") and isinstance(value, Rejected):
            marks.add("ui-late")
            if value.error != "InvalidStateError" and value.error != "TypeError":
                marks.add("!S30")
        if isinstance(value, m.InstanceRef):
            _check_snapshot(value.snapshot, marks)
        return memory

    def _event(
        self, memory: Memory, move: Step, output: m.EventDispatched, marks: set[str]
    ) -> Memory:
        if output.name not in SETTLE_EVENTS or output.instance is None:
            return memory
        assert output.snapshot is not None
        _, instance = move.after.instance(output.instance)
        live = move.after.agent.fetches[instance.fetch]
        if live.index in memory.event:
            marks.add("!S01")
        shown = output.snapshot
        fitting = _EVENTS.get(shown.failure_reason, "backgroundfetchfail")
        fits = output.name == fitting and shown.result != ""
        if not fits or (live.result, live.failure_reason) != (shown.result, shown.failure_reason):
            marks.add("!S02")
        if live.index in memory.won and output.name != "backgroundfetchabort":
            marks.add("!S10")
        _check_snapshot(shown, marks)
        if output.name == "backgroundfetchsuccess":
            for record in move.after.records[live.index]:
                if record.result != "success" or record.stored.lo < self._least(live, record):
                    marks.add("!S06")
        return attrs.evolve(memory, event=memory.event | {live.index})

    def _least(self, live: BackgroundFetch, record: RecordState) -> int:
        """How many bytes a whole body has, at least: an answer without a body is whole."""
        if record.response is None or record.response.null_body:
            return 0
        return self.scope.size

    def _request(
        self, memory: Memory, move: Step, output: m.RequestStarted, marks: set[str]
    ) -> Memory:
        fetch, index = output.fetch, output.record
        live = move.after.agent.fetches[fetch]
        record = move.after.records[fetch][index]
        method = live.requests[index].method
        if method != "GET" and not record.hops:
            if (fetch, index) in memory.sent:
                marks.add("!S21")
            memory = attrs.evolve(memory, sent=memory.sent | {(fetch, index)})
        if fetch in memory.event or fetch in memory.won:
            marks.add("!S22")
        if live.paused:
            marks.add("!S23")
        if output.first is not None:
            marks.add("resumed")
            if output.first != record.stored.lo or output.method != "GET" or record.result:
                marks.add("!S24")
        return memory

    def _ready(self, move: Step, output: m.RecordReady, marks: set[str]) -> None:
        item = move.after.object(output.object)
        record = move.after.record_of(item)
        current = item.generation == record.generation
        failed = record.result not in ("", "success", "bad-status")
        if output.ready.error:
            wanted = "AbortError" if current and record.result == "aborted" else "TypeError"
            if (current and not failed) or output.ready.error != wanted:
                marks.add("!S27")
        elif current and failed and move.before.object(output.object).ready is None:
            marks.add("!S27")

    def _body(self, move: Step, output: m.BodyEnded, marks: set[str]) -> None:
        item = move.after.object(output.object)
        record = move.after.record_of(item)
        marks.add("body-read")
        if item.generation != record.generation:
            return
        if (output.error == "") != (record.result in ("success", "bad-status")):
            marks.add("!S27")
        if output.error == "" and output.length != record.stored.lo:
            marks.add("!S28")

    # --- states -----------------------------------------------------------------------

    def _record(
        self, memory: Memory, move: Step, fetch: int, index: int, marks: set[str]
    ) -> Memory:
        old, new = move.before.records[fetch][index], move.after.records[fetch][index]
        wire = move.did.wire if isinstance(move.did, m.Responded) else None
        shown = seen(judged, old, new, given=(wire, self.scope.size))
        marks |= shown
        if "anew" in shown:
            memory = attrs.evolve(memory, anew=memory.anew | {fetch})
        live = move.after.agent.fetches[fetch]
        if live.download_total and move.after.stored(fetch) > live.download_total:
            marks.add("!S12")
        if move.after.agent.quota is not None and move.after.used() > move.after.agent.quota:
            marks.add("!S35")
        return memory

    def _fetch(
        self,
        memory: Memory,
        after: State,
        old: BackgroundFetch | None,
        new: BackgroundFetch,
        marks: set[str],
    ) -> None:
        if old is None:
            if sum(each.in_map and each.id == new.id for each in after.agent.fetches) > 1:
                marks.add("!S17")
            return
        if new.result == old.result and new.failure_reason == old.failure_reason:
            return
        if old.result:
            marks.add("!S04")
        reason = new.failure_reason
        marks.add(reason or "success")
        if reason == "aborted":
            if new.index not in memory.asked:
                marks.add("!S09")
        elif new.index in memory.won:
            marks.add("!S10")
        elif reason and all(each.result != reason for each in after.records[new.index]):
            marks.add("!S08")

    def _instances(
        self,
        memory: Memory,
        after: State,
        old: tuple[Instance, ...],
        new: tuple[Instance, ...],
        marks: set[str],
    ) -> None:
        if len({each.fetch for each in new}) < len(new):
            marks.add("!S16")
        for instance in new:
            earlier = next((each for each in old if each.name == instance.name), None)
            if earlier is None or earlier is instance:
                continue
            was, now = earlier.shows, instance.shows
            _check_snapshot(now, marks)
            if was.result and (was.result, was.failure_reason) != (now.result, now.failure_reason):
                marks.add("!S04")
            live = after.agent.fetches[instance.fetch]
            if was.records_available and not now.records_available:
                if live.phase is not _GONE:
                    marks.add("!S05")
            elif now.records_available and not was.records_available:
                marks.add("!S05")
            if now.downloaded < was.downloaded and instance.fetch not in memory.anew:
                if self.scope.order != "all":  # E48, open: a late snapshot may be an old one
                    marks.add("!S11")
            if now.download_total and now.downloaded > now.download_total:
                marks.add("!S12")
            if not was.uploaded <= now.uploaded <= now.upload_total:
                marks.add("!S13")
            if now.result and (now.result, now.failure_reason) != (
                live.result,
                live.failure_reason,
            ):
                marks.add("!S34")

    # --- what is owed -----------------------------------------------------------------

    def owes(self, state: State, env: Desk, memory: Memory) -> Marks:
        """Which promises wait for something in this state."""
        return frozenset(self._owed(state, memory))

    def _owed(self, state: State, memory: Memory) -> Iterator[str]:
        for live in state.agent.fetches:
            if live.phase in _UNSETTLED:
                yield "L02"
                if live.index in memory.won:
                    yield "L03"
                if live.index in memory.asked:
                    yield "L04"
                if memory.restarted:
                    yield "L14"
                records = state.records[live.index]
                if any(r.attempts >= self.scope.attempts and not r.settled for r in records):
                    yield "L10"
            if live.phase is not _GONE:
                if live.result and not any(each.active for each in state.events):
                    yield "L07"
                if not state.agent.worker:
                    yield "L13"
            for realm in state.realms:
                shown = realm.instance_of(live.index)
                if shown is None:
                    continue
                if live.result and not shown.shows.result:
                    yield "L08"
                if live.phase is _GONE and shown.shows.records_available:
                    yield "L07"
        for item in state.objects:
            record = state.record_of(item)
            result = record.result if item.generation == record.generation else "redundant"
            if item.reading and item.ready is None and (record.response is not None or result):
                yield "L05"
            if item.reading and result and not item.done and item.ready is not None:
                yield "L06"
        for call in memory.pending:
            yield "L01" if call.startswith("fetch") else "L09"


def judged(old: RecordState, new: RecordState, wire: Wire | None, size: int) -> Marks:
    """What a step shows of one record, which depends on nothing else.

    ``wire``: the answer that came, if one did; ``size``: of the resource.
    """
    return frozenset(_judged(old, new, wire, size))


def _judged(old: RecordState, new: RecordState, wire: Wire | None, size: int) -> Iterator[str]:
    if new.generation > old.generation or new.stored.lo < old.stored.lo:
        if old.stored.lo:
            yield "anew"
    if new.stored.lo > old.stored.lo and len({part.exchange for part in new.parts}) > 2:
        yield "short-chain"
    if new.current is not None and new.current != old.current and not _joins(new):
        yield "!S25"
    if new.settled and new.result == "success" and not old.settled and not _whole(new, size):
        yield "!S07"
    if wire is not None and new.result == "fetch-error" and _belongs(old, wire, size):
        yield "!S25"
    if old.settled and new.result != old.result:
        yield "!S27"  # a record that is final keeps its outcome


def _joins(new: RecordState) -> bool:
    """A partial answer has been taken: it must be of the version of what is stored."""
    head = new.current
    assert head is not None
    if head.status != 206 or not new.stored.lo:
        return True
    same = all(part.version == head.version for part in new.parts)
    return same and head.first == new.stored.lo


def _belongs(old: RecordState, wire: Wire, size: int) -> bool:
    """Whether a partial answer is what was asked for, of what is stored, in HTTP's own form."""
    first = old.start.lo
    right = ("Content-Range", f"bytes {first}-{size - 1}/{size}") in wire.headers
    same = all(part.version == wire.version for part in old.parts)
    fits = (wire.first, wire.length) == (first, size - first)
    right = right and any(name == "ETag" for name, _ in wire.headers)
    return wire.status == 206 and old.method == "GET" and right and same and fits


def _whole(new: RecordState, size: int) -> bool:
    """S07: the parts of a success are one version without holes, from the first byte on."""
    at = 0
    for part in new.parts:
        if part.first != at:
            return False
        at = part.first + part.length.lo
    if len({part.version for part in new.parts}) > 1:
        return False
    response = new.response
    return response is None or (response.ok and (response.null_body or at == size))


def _any_reading(state: State) -> bool:
    return any(r.phase is RecordPhase.READING for row in state.records for r in row)


def _check_snapshot(shown: Snapshot, marks: set[str]) -> None:
    legal = (
        shown.failure_reason in REASONS
        if shown.result == "failure"
        else shown.result in ("", "success") and not shown.failure_reason
    )
    if not legal:
        marks.add("!S03")
