"""The state of Background Fetch in words: *bg*, record, *inst* and the queues, as in the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import attrs

from conformance.explain.delta import ABSENT, Changed, Grammar
from conformance.explain.shape import Change
from conformance.explain.slots import change, plain
from conformance.report.words import count, quoted
from spec_model import tasks
from spec_model.background_fetch import BackgroundFetch
from spec_model.instances import Instance
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.record_objects import Ready, RecordObject
from spec_model.record_state import RecordState
from spec_model.state import Event, Realm, State
from spec_model.values import Extent, Head, RequestSpec

GRAMMAR = Grammar(
    frozenset({"edits", "updates", "tasks", "firing", "prompts", "puts"}), (Extent, Head, Ready)
)

RECORD_AT = {
    RecordPhase.WAITING_UNPAUSED: "step 3, before a request",
    RecordPhase.BEFORE_HEADERS: "step 11, before a response",
    RecordPhase.READING: "step 11.R.6, reading the body",
    RecordPhase.WAITING_AVAILABLE: "step 11.R.1.1 or 11.R.8.1, until the resource is available",
    RecordPhase.SETTLED: "its end",
}
"""Where RECORD waits."""

PERFORM_AT = {
    RegistrationPhase.STARTING: "its start",
    RegistrationPhase.RUNNING: "step 6, for its records",
    RegistrationPhase.DRAINING: "step 6, for the records that are being stopped",
    RegistrationPhase.DECIDING: "step 8, for the edit queue",
    RegistrationPhase.EVENT_QUEUED: "step 8.13, for the worker",
    RegistrationPhase.EVENT_ACTIVE: "step 8.13.1, for the end of the event",
    RegistrationPhase.RECORDS_GONE: "its end",
}
"""Where PERFORM waits."""

_FETCH_SLOTS = {
    "title": "title",
    "paused": "paused",
    "abort": "abort all",
    "result": "result",
    "failure_reason": "failure reason",
    "records_available": "records available",
    "displayed": "is displayed",
}
_RECORD_SLOTS = {"stored": "bytes", "response": "response", "result": "result"}
_OBJECT_SLOTS = {"ready": "responseReady", "handed": "handed-out", "done": "body is over"}
_EVENT_SLOTS = {"active": "active", "ui_updated": "UI updated flag"}
_AGENT_SLOTS = {
    "online": "online",
    "permission": "permission",
    "quota": "quota",
    "running": "user agent runs",
    "worker": "active worker",
}


@attrs.frozen
class BackgroundFetchWords:
    """Words for ``spec_model.state.State``."""

    def changes(self, before: object, after: object, calls: Mapping[str, str]) -> Iterator[Change]:
        """What a reader of the text wants to know."""
        assert isinstance(before, State) and isinstance(after, State)
        teller = _Teller(before, after, calls)
        for each in GRAMMAR.changes(before, after):
            yield from teller.tell(each)

    def runs(self, changes: list[Change]) -> int | None:
        """The head that left a queue."""
        return next(
            (n for n, each in enumerate(changes) if each.removed is not None and _queue(each)), None
        )

    def end(self, state: object) -> list[str]:
        """Where PERFORM and RECORD are, of each background fetch that is not over."""
        assert isinstance(state, State)
        teller, lines = _Teller(state, state, {}), []
        for fetch in state.agent.fetches:
            if fetch.phase is RegistrationPhase.RECORDS_GONE:
                continue
            lines.append(f"PERFORM of {teller.bg(fetch.index)} is at {PERFORM_AT[fetch.phase]}")
            lines += [
                f"RECORD of {teller.record(fetch.index, n)} is at {RECORD_AT[record.phase]}"
                for n, record in enumerate(state.records[fetch.index])
                if not record.settled
            ]
        return lines


def _queue(each: Change) -> bool:
    return "queue" in each.slot


@attrs.frozen
class _Teller:
    before: State
    state: State
    calls: Mapping[str, str]

    # --- names ---

    def bg(self, fetch: int) -> str:
        """A background fetch by its id; later ones with the same id are counted."""
        own = self.state.agent.fetches[fetch].id
        same = sum(each.id == own for each in self.state.agent.fetches[:fetch])
        return f"bg {quoted(own)}" + (f" (no. {same + 1})" if same else "")

    def record(self, fetch: int, record: int) -> str:
        """A record by its number, from 1."""
        own = f"record {record + 1}"
        return f"{self.bg(fetch)} {own}" if len(self.state.agent.fetches) > 1 else own

    def instance(self, instance: Instance, realm: object) -> str:
        """A registration object by its background fetch and realm."""
        return f"inst {self.bg(instance.fetch).removeprefix('bg ')} ({_realm(realm)})"

    def record_object(self, item: RecordObject) -> str:
        return f"record object {_path(item.url)} ({_realm(item.realm)})"

    # --- changes ---

    def tell(self, each: Changed) -> Iterator[Change]:
        """The change in words; nothing for what is only of the model."""
        match each.path:
            case ("agent", "fetches", int(fetch)):
                yield from self._new_fetch(fetch, each)
            case ("agent", "fetches", int(fetch), str(slot)):
                yield from self._fetch(fetch, slot, each)
            case ("agent", "listening"):
                yield change("events that the worker listens to", each, plain)
            case ("agent", str(slot)) if slot in _AGENT_SLOTS:
                yield change(_AGENT_SLOTS[slot], each, plain)
            case ("records", int(fetch), int(record), str(slot)):
                yield from self._record(fetch, record, slot, each)
            case ("uploaded", int(fetch), int(record)):
                yield change(f"{self.record(fetch, record)}: bytes uploaded", each, plain)
            case _:
                yield from self._queues(each)

    def _new_fetch(self, fetch: int, each: Changed) -> Iterator[Change]:
        if isinstance(each.new, BackgroundFetch):
            requests = "; ".join(
                f"record {n} {_request(request)}" for n, request in enumerate(each.new.requests, 1)
            )
            yield Change("active fetches", added=f"{self.bg(fetch)}: {requests}")
            if each.new.paused:
                yield Change(f"{self.bg(fetch)}.paused", "false", "true")

    def _fetch(self, fetch: int, slot: str, each: Changed) -> Iterator[Change]:
        bg = self.bg(fetch)
        if slot == "in_map":
            joined = each.new is True
            yield Change(
                "active fetches", added=bg if joined else None, removed=None if joined else bg
            )
        elif slot == "phase":
            old, new = each.old, each.new
            if isinstance(old, RegistrationPhase) and isinstance(new, RegistrationPhase):
                yield Change(f"PERFORM of {bg} is at", PERFORM_AT[old], PERFORM_AT[new])
        elif slot == "abort":
            yield change(
                f"{bg}.abort all", each, lambda cause: f"true ({cause})" if cause else "false"
            )
        elif slot in _FETCH_SLOTS:
            yield change(f"{bg}.{_FETCH_SLOTS[slot]}", each, plain)

    def _record(self, fetch: int, record: int, slot: str, each: Changed) -> Iterator[Change]:
        name = self.record(fetch, record)
        if slot == "phase":
            old, new = each.old, each.new
            if isinstance(old, RecordPhase) and isinstance(new, RecordPhase):
                yield Change(f"RECORD of {name} is at", RECORD_AT[old], RECORD_AT[new])
        elif slot == "generation":
            yield Change(f"{name}.response data", "what readers have, now redundant", "fresh")
        elif slot == "skipped" and each.new:
            yield change(f"{name}: bytes that were not stored", each, plain)
        elif slot == "start" and isinstance(each.new, Extent) and each.new.lo:
            yield change(f"{name}: rangeStart", each, _value)
        elif slot in _RECORD_SLOTS:
            yield change(f"{name}.{_RECORD_SLOTS[slot]}", each, _value)

    def _queues(self, each: Changed) -> Iterator[Change]:
        match each.path:
            case ("edits",):
                yield change("edit queue", each, self.task)
            case ("updates", int(fetch)) if not isinstance(each.new, tuple):
                yield change(f"update queue of {self.bg(fetch)}", each, self.task)
            case ("firing",):
                yield change("queue of functional events", each, self.task)
            case ("prompts",):
                yield change("permission prompts", each, lambda fetch: self.bg(int(str(fetch))))
            case ("puts",):
                yield change("cache writes under way", each, self.task)
            case ("caches", *_):
                yield from self._caches(each)
            case _:
                yield from self._realms(each)

    def _caches(self, each: Changed) -> Iterator[Change]:
        match each.path, each.new:
            case ("caches", int(n), 1, int()), str(url):
                yield Change(f"cache {quoted(self.state.caches[n][0])}", added=_path(url))
            case ("caches", int()), (str(name), tuple(urls)):
                found = ", ".join(_path(url) for url in urls)
                yield Change("caches", added=f"{quoted(name)} with {found or 'nothing'}")

    def _realms(self, each: Changed) -> Iterator[Change]:
        match each.path:
            case ("realms", realm):
                item = each.old if each.new is ABSENT else each.new
                if isinstance(item, Realm):
                    yield change("realms", each, lambda _: _realm(realm))
            case ("realms", realm, "tasks"):
                yield change(f"task queue of {_realm(realm)}", each, self.task)
            case ("realms", realm, "instances", _):
                if isinstance(each.new, Instance):
                    yield Change(
                        f"registration objects of {_realm(realm)}",
                        added=f"inst for {self.bg(each.new.fetch)}",
                    )
            case ("realms", realm, "instances", str(name), "shows", str(slot)):
                _, instance = self.state.instance(name)
                yield change(
                    f"{self.instance(instance, realm)}.{slot.replace('_', ' ')}", each, _value
                )
            case _:
                yield from self._objects(each)

    def _objects(self, each: Changed) -> Iterator[Change]:
        match each.path:
            case ("objects", _) if isinstance(each.new, RecordObject):
                where = _realm(each.new.realm)
                yield Change(f"record objects of {where}", added=_path(each.new.url))
            case ("objects", str(name), str(slot)) if slot in _OBJECT_SLOTS:
                item = self.record_object(self.state.object(name))
                if slot == "ready":
                    each = attrs.evolve(each, old=each.old or "pending")
                yield change(f"{item}.{_OBJECT_SLOTS[slot]}", each, _value)
            case ("events", str(name), str(slot)) if slot in _EVENT_SLOTS:
                event = self.state.event(name)
                yield change(f"{_event(event)}.{_EVENT_SLOTS[slot]}", each, plain)

    # --- tasks ---

    def task(self, item: object) -> str:
        """What waits in a queue."""
        match item:
            case tasks.AdmitFetch():
                return f"admit {quoted(item.arguments.id)} (FETCH-8)"
            case tasks.AbortFetch():
                return f"abort {self.bg(item.fetch)} (ABORT-3)"
            case tasks.SettleFetch():
                return f"settle {self.bg(item.fetch)} (PERFORM-8)"
            case tasks.TakeSnapshot():
                return "take a snapshot (UPDATE-1)"
            case tasks.GiveInstance():
                return f"answer {self.call(item.call)} (GET-4.1)"
            case tasks.AwaitTask():
                return f"wait until {self.call(item.call)} is answered (GET-4.2)"
            case tasks.SettlePromise() | tasks.ResolveInstance():
                return f"settle the promise of {self.call(item.call)}"
            case tasks.ResolveRecords():
                found = count(len(item.found), "record")
                return f"resolve {self.call(item.call)} with {found} (MATCHALL-3.3)"
            case tasks.Deliver():
                return f"show the snapshot of {self.bg(item.fetch)} (UPDATE-6)"
            case tasks.Firing(fetch=fetch, name=name):
                return name or f"the settle event of {self.bg(fetch or 0)}"
            case tasks.CachePut(object=name, cache=cache):
                return f"{_path(self.stored(name).url)} into {quoted(cache)}"
            case _:
                return plain(item)

    def stored(self, name: str) -> RecordObject:
        """A record object by its name; one whose realm ended in this very change is of before."""
        gone = all(item.name != name for item in self.state.objects)
        return (self.before if gone else self.state).object(name)

    def call(self, name: str) -> str:
        """What was called."""
        return self.calls.get(name, name)


def _realm(name: object) -> str:
    return "the worker" if name == "worker" else f"page {name}"


def _path(url: str) -> str:
    return urlsplit(url).path or "/"


def _request(request: RequestSpec) -> str:
    method = "" if request.method == "GET" else f"{request.method} "
    return method + _path(request.url)


def _event(event: Event) -> str:
    return f"event {event.type}"


def _value(value: object) -> str:
    match value:
        case Extent(lo=low, hi=high):
            return f"{low:,}" if low == high else f"{low:,} to {high:,}"
        case Head(status=status):
            return f"a {status} response"
        case Ready(error=error) if error:
            return f"rejected with {error}"
        case Ready(status=status):
            return f"fulfilled with status {status}"
        case int() if not isinstance(value, bool):
            return f"{value:,}"
        case RecordState():
            return "fresh"
        case _:
            return plain(value)
