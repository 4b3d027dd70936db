"""The properties of background fetch, as a watch: what a step shows and what a state owes.

A watch sees each step with its outputs, as a page, a worker, the user and the server do, and
the state before and after it.  The sentences are in ``sentences``, what is kept of the past
in ``memory``; what outputs show is judged in ``shown``, single records in
``record_promises``, and here the rest: inputs, fetches, instances, and what is owed.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance.explore.desk import Desk
from conformance.explore.memory import Memory, Step, kind_of, less, more
from conformance.explore.record_promises import judge_record
from conformance.explore.scope import Scope
from conformance.explore.sentences import ALWAYS, EVENTUALLY
from conformance.explore.shown import check_snapshot, judge_output
from conformance.explore.space import NO_MARKS, Marks, Sentences
from conformance.explore.watching import lifted, seen
from spec_model import messages as m
from spec_model.background_fetch import BackgroundFetch, Rejected
from spec_model.instances import Instance
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.process_response import received
from spec_model.record_state import RecordState
from spec_model.state import WORKER, State
from spec_model.tasks import (
    AbortFetch,
    AdmitFetch,
    CommitFetch,
    FireEvent,
    RunEdit,
    SettleFetch,
    SettlePromise,
)

_P = RegistrationPhase
_GONE = _P.RECORDS_GONE
_UNSETTLED = (_P.STARTING, _P.RUNNING, _P.DRAINING, _P.DECIDING, _P.EVENT_QUEUED)

_ABOUT_ALL = m.WentOnline | m.UserAgentQuit | m.UserAgentLaunched | m.TimePassed | m.CallUnregister
"""What happens to all fetches at once."""

_CALLS = m.CallFetch | m.CallGet | m.CallAbort | m.CallMatch | m.CallUpdateUI


@attrs.define(eq=False)
class Promises:
    """The watch of a scope."""

    scope: Scope
    sentences = Sentences(ALWAYS, eventually=EVENTUALLY)

    def begin(self) -> Memory:
        """Nothing has been."""
        return Memory()

    def see(self, memory: Memory, move: Step) -> tuple[Memory, Marks]:
        """What a step shows."""
        marks: set[str] = set()
        memory = self._input(memory, move, marks)
        for output in move.outputs:
            memory = judge_output(self.scope, memory, move, output, marks)
        before, after = move.before, move.after
        changed: set[int] = set()
        for fetch, row in enumerate(after.records):
            old = before.records[fetch] if fetch < len(before.records) else ()
            for index, record in enumerate(row):
                if index < len(old) and old[index] is not record:
                    changed.add(fetch)
                    memory = judge_record(self.scope, memory, move, fetch, index, marks)
        for live in after.agent.fetches:
            known = live.index < len(before.agent.fetches)
            if not known or before.agent.fetches[live.index] is not live:
                earlier = before.agent.fetches[live.index] if known else None
                changed.add(live.index)
                memory = self._fetch(memory, after, earlier, live, marks)
        if len(changed) > 1 and not isinstance(move.did, _ABOUT_ALL):
            marks.add("!S33")
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
                if any(isinstance(each, SettleFetch) for each in before.edits):
                    marks.add("settlement-wins")
                index = before.instance(did.instance)[1].fetch
                memory = lifted(more, memory, "asked", index)
            case m.UserDid():
                memory = self._user(memory, move, did.action, marks)
            case m.WentOnline(online=False):
                _phases(before.records, "offline", marks)
            case m.UserAgentQuit():
                memory = _quit(memory, move, did.kill, marks)
            case m.CallUnregister():
                open_ = [each.index for each in before.agent.fetches if not each.result]
                memory = lifted(more, memory, "asked", *range(len(before.agent.fetches)))
                memory = lifted(more, memory, "cleared", *open_)
            case m.CallGet():
                live = before.agent.active(did.id)
                if live is not None and (live.index in memory.won or live.result):
                    marks.add("!S18")
            case m.CallFetch():
                if any(event.active for event in before.events):
                    marks.add("id-again")
            case m.CallMatch():
                self._match(move, did, marks)
            case m.PageClosed():
                gone = {call for call in memory.pending if call.endswith(f"@{did.realm}")}
                marks.update(f"gone-in-{kind_of(call)}" for call in gone)
                if any(each.realm == did.realm and not each.done for each in before.objects):
                    marks.add("gone-in-read")
                if gone:
                    memory = attrs.evolve(memory, pending=memory.pending - gone)
            case RunEdit():
                _admission(self.scope, move, marks)
            case FireEvent():
                first = before.firing[0]
                if first.fetch is not None and not first.name and not move.outputs:
                    marks.add("no-handler")
        worker = before.realm(WORKER) if self.scope.busy else None
        if worker is not None and worker.busy and before.firing:
            marks.add("busy-worker")
        if isinstance(did, _CALLS):
            memory = lifted(more, memory, "pending", did.call)
        return memory

    def _user(self, memory: Memory, move: Step, action: str, marks: set[str]) -> Memory:
        before = move.before
        newest = before.agent.fetches[-1]
        records = before.records[newest.index]
        refused = any(isinstance(each, m.Refused) for each in move.outputs)
        if action in ("abort", "refuse") and not refused:
            if action == "refuse":
                marks.add("prompt-refused")
            # What is under way has not been settled, nor is its settlement on its way.
            early = not newest.result and any(not each.settled for each in records)
            if early:
                memory = lifted(more, memory, "stopped", newest.index)
            return lifted(more, memory, "asked", newest.index)
        if action == "accept":
            marks.add("prompt-accepted")
            if any(each.attempts or each.response is not None for each in records):
                marks.add("!S23")  # a request was made before the user had answered
        if action == "pause":
            if not refused and any(each.method != "GET" for each in newest.requests):
                marks.add("!S32")
            _phases((records,), "pause", marks)
            if any(seen(_unbegun, each) for each in records):
                marks.add("pause-before-request")
        return memory

    def _match(self, move: Step, did: m.CallMatch, marks: set[str]) -> None:
        """S05: matchAll() rejects once records are gone, and before that where they seem gone."""
        realm, instance = move.before.instance(did.instance)
        live = move.before.agent.fetches[instance.fetch]
        if not instance.shows.records_available and live.phase is not _GONE:
            marks.add("!S05")
        after = move.after.realm(realm.name)
        refused = SettlePromise(did.call, Rejected("InvalidStateError", "MATCHALL-1"))
        if not live.records_available and after is not None and refused not in after.tasks:
            marks.add("!S05")

    # --- states -----------------------------------------------------------------------

    def _fetch(
        self,
        memory: Memory,
        after: State,
        old: BackgroundFetch | None,
        new: BackgroundFetch,
        marks: set[str],
    ) -> Memory:
        if old is None:
            if sum(each.in_map and each.id == new.id for each in after.agent.fetches) > 1:
                marks.add("!S17")
            if new.upload_total != sum(each.body or 0 for each in new.requests):
                marks.add("!S14")
            return memory
        if old.records_available and not new.records_available and _overdue(after):
            marks.add("!S35")
        if new.result == old.result and new.failure_reason == old.failure_reason:
            return memory
        if old.result:
            marks.add("!S04")
        reason, records = new.failure_reason, after.records[new.index]
        marks.add(reason or "success")
        if reason == "aborted":
            if new.index not in memory.asked:
                marks.add("!S09")
            if all(each.result != "aborted" for each in records):
                marks.add("abort-wins")
            if new.abort in _CAUSES:
                marks.add(f"aborted-by-{_CAUSES[new.abort]}")
        elif new.index in memory.won or new.index in memory.stopped:
            marks.add("!S10")
        elif reason and all(each.result != reason for each in records):
            marks.add("!S08")
        if self.scope.transparent and reason and reason != "aborted":
            if self.scope.offline:
                marks.add("!L12")
            elif self.scope.pauses:
                marks.add("!L11")
        return lifted(less, memory, "stopped", new.index)

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
            if earlier is instance:
                continue
            if instance.shows.result and (earlier is None or not earlier.shows.result):
                _agreed(after, instance, marks)
            if earlier is None:
                continue
            was, now = earlier.shows, instance.shows
            check_snapshot(now, marks)
            if was.result and (was.result, was.failure_reason) != (now.result, now.failure_reason):
                marks.add("!S04")
            live = after.agent.fetches[instance.fetch]
            if was.records_available and not now.records_available:
                if live.phase is not _GONE:
                    marks.add("!S05")
            elif now.records_available and not was.records_available:
                marks.add("!S05")
            if now.downloaded < was.downloaded and instance.fetch not in memory.anew:
                marks.add("!S11")
            if now.download_total and now.downloaded > now.download_total:
                marks.add("!S12")
            if not was.uploaded <= now.uploaded <= now.upload_total:
                marks.add("!S13")
            constant = (now.id, now.upload_total, now.download_total)
            if constant != (live.id, live.upload_total, live.download_total):
                marks.add("!S14")
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
            if live.phase in _UNSETTLED or not live.result:
                yield "L02"
                if live.index in memory.won:
                    yield "L03"
                if live.index in memory.asked:
                    yield "L04"
                if memory.restarted:
                    yield "L14"
                records = state.records[live.index]
                if any(seen(_tries_on, r, given=(self.scope.attempts,)) for r in records):
                    yield "L10"
            if live.index in memory.cleared and live.failure_reason != "aborted":
                yield "L13"
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
        if _overdue(state):
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


def _tries_on(record: RecordState, attempts: int) -> bool:
    """Whether the record has no result after so many attempts."""
    return record.attempts >= attempts and not record.settled


_WAITING = RecordPhase.WAITING_UNPAUSED
_CAUSES = {"user": "user", "unregister": "clearing"}


def _phases(rows: tuple[tuple[RecordState, ...], ...], what: str, marks: set[str]) -> None:
    """The goals of an interruption: where it meets a record."""
    for record in (record for row in rows for record in row):
        where = seen(_where, record)
        if where:
            marks.add(f"{what}-{where}")


def _where(record: RecordState) -> str:
    """At what an interruption meets a record; "" if there is nothing to interrupt."""
    if record.phase is RecordPhase.BEFORE_HEADERS:
        return "before-headers"
    if record.phase is RecordPhase.READING:
        head = record.current
        whole = head is not None and received(record) == head.length
        return "last-byte" if whole else "reading"
    return "waiting" if record.attempts and not record.settled else ""


def _unbegun(record: RecordState) -> bool:
    return record.phase is _WAITING and not record.attempts


def _quit(memory: Memory, move: Step, kill: bool, marks: set[str]) -> Memory:
    """The user agent goes: what it had not begun is forgotten, and its realms wait no more."""
    before = move.before
    if any(r.phase is RecordPhase.READING for row in before.records for r in row):
        marks.add("restart-reading")
    again = memory.event if not kill else frozenset[int]()
    if again != memory.event:
        marks.add("event-again")
    begun = frozenset(i for i in memory.stopped if not before.agent.fetches[i].in_map)
    return attrs.evolve(
        memory,
        event=again,
        stopped=begun,
        titled=frozenset(),
        pending=frozenset(),
        restarted=True,
    )


def _agreed(after: State, instance: Instance, marks: set[str]) -> None:
    """S34: an instance shows a result; those that do so, too, show the same numbers."""
    shows = attrs.evolve(instance.shows, records_available=False)
    for realm in after.realms:
        other = realm.instance_of(instance.fetch)
        if other is not None and other.shows.result:
            if attrs.evolve(other.shows, records_available=False) != shows:
                marks.add("!S34")


def _overdue(state: State) -> bool:
    """S35: whether bytes, both ways, count as used beyond those of fetches with records."""
    more = 0
    for each in state.agent.fetches:
        counts = (not each.freed) - each.records_available
        if counts:
            more += counts * (each.upload_total + state.stored(each.index))
    return more > 0


def _admission(scope: Scope, move: Step, marks: set[str]) -> None:
    """S19 and S20: a call of fetch() has its turn in the edit queue."""
    before, after = move.before, move.after
    edit = before.edits[0]
    if isinstance(edit, AbortFetch | SettleFetch):
        return
    realm = after.realm(edit.realm)
    if realm is None:
        return
    refused = [
        task.value.error
        for task in realm.tasks
        if isinstance(task, SettlePromise)
        and task.call == edit.call
        and isinstance(task.value, Rejected)
    ]
    given = refused[0] if refused else ""
    if refused and (after.agent != before.agent or after.records != before.records):
        marks.add("!S19")
    wanted, why = _reason(scope, before, edit)
    if given not in wanted:
        marks.add("!S20")
    if given:
        marks.add(f"refused-{why}")


def _reason(
    scope: Scope, before: State, edit: AdmitFetch | CommitFetch
) -> tuple[tuple[str, ...], str]:
    """The errors that a call may be refused with now, "" for none, and why."""
    agent, arguments = before.agent, edit.arguments
    reading = before.reads(edit.call)
    if reading is None:
        if agent.permission == "denied":
            return ("NotAllowedError",), "permission"
        if not agent.worker:
            return ("TypeError",), "worker"
        taken = any(each.edit.arguments.id == arguments.id for each in before.reading)
        if agent.active(arguments.id) is not None or taken:
            return ("TypeError",), "id"
        if arguments.unread:
            return ("",), ""
    elif reading.failed:
        return ("TypeError",), "body"
    if agent.quota is None:
        return ("",), ""
    uploads = sum(each.body or 0 for each in arguments.requests)
    if before.used() + uploads > agent.quota:
        return ("QuotaExceededError",), "quota"
    if before.used() + uploads + arguments.download_total > agent.quota:
        # start-quota: at its default the room is checked at the call.
        return ("", "QuotaExceededError") if scope.choices else ("QuotaExceededError",), "quota"
    return ("",), ""
