"""The whole state of the model as one immutable value.

Everything that is waited for is in it: queues with named tasks, calls whose promise
is pending, readers, events on their way.  Two states that compare equal behave alike.
The methods read, or give a changed copy; none of them decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import attrs

from spec_model.background_fetch import BackgroundFetch, UserAgent
from spec_model.instances import Instance, Snapshot
from spec_model.messages import Output
from spec_model.phases import RecordPhase
from spec_model.record_objects import RecordObject
from spec_model.record_state import RecordState, View
from spec_model.tasks import (
    AwaitTask,
    CachePut,
    Edit,
    Firing,
    Reading,
    RealmTask,
    ResolveInstance,
    TakeSnapshot,
    Update,
)
from spec_model.values import RequestSpec, exactly

WORKER = "worker"
"""The realm of the service worker."""

NamedT = TypeVar("NamedT", "Event", RecordObject)

IN_FLIGHT = (RecordPhase.BEFORE_HEADERS, RecordPhase.READING)
"""The phases in which a record has an attempt under way."""


class UnknownName(KeyError):
    """An input names an instance, record object, event or realm that does not exist (any more)."""


@attrs.frozen
class Realm:
    """A page or the worker: its registration objects and its task queue (INFRA-3).

    ``busy``: its script does not return, so that no task runs and no event comes.
    """

    name: str
    instances: tuple[Instance, ...] = ()
    tasks: tuple[RealmTask, ...] = ()
    busy: bool = False

    def instance_of(self, fetch: int) -> Instance | None:
        """The entry of the instance map (INSTANCE-2)."""
        return next((each for each in self.instances if each.fetch == fetch), None)

    def put(self, instance: Instance) -> Realm:
        """The same realm with one instance changed or added."""
        if all(each.name != instance.name for each in self.instances):
            return attrs.evolve(self, instances=(*self.instances, instance))
        changed = (instance if each.name == instance.name else each for each in self.instances)
        return attrs.evolve(self, instances=tuple(changed))


@attrs.frozen
class Event:
    """A functional event that was dispatched, or an event that script made (not ``trusted``).

    ``launch``: in which life of the user agent; ``ui_updated`` is the flag of IDL-UUE-3.
    """

    name: str
    type: str
    fetch: int | None
    launch: int
    active: bool = True
    trusted: bool = True
    can_update_ui: bool = False
    ui_updated: bool = False


@attrs.frozen
class State:
    """Everything.  ``records``, ``uploaded`` and ``updates`` go by the index of the fetch.

    ``reading``: calls of fetch() that wait for request bodies.
    ``prompts``: fetches whose interface has still to ask the user (E68); ``limit``: how many
    records of a fetch may be in flight at once; ``named``: how many names were given;
    ``outbox``: what was shown and not yet taken by the driver.
    """

    agent: UserAgent
    realms: tuple[Realm, ...] = ()
    records: tuple[tuple[RecordState, ...], ...] = ()
    uploaded: tuple[tuple[int, ...], ...] = ()
    edits: tuple[Edit, ...] = ()
    reading: tuple[Reading, ...] = ()
    updates: tuple[tuple[Update, ...], ...] = ()
    firing: tuple[Firing, ...] = ()
    prompts: tuple[int, ...] = ()
    events: tuple[Event, ...] = ()
    objects: tuple[RecordObject, ...] = ()
    puts: tuple[CachePut, ...] = ()
    caches: tuple[tuple[str, tuple[str, ...]], ...] = ()
    limit: int | None = None
    launch: int = 1
    named: int = 0
    outbox: tuple[Output, ...] = ()

    # --- reading ---

    def realm(self, name: str) -> Realm | None:
        """The realm of that name, if it is there."""
        return next((each for each in self.realms if each.name == name), None)

    def instance(self, name: str) -> tuple[Realm, Instance]:
        """A registration object and its realm.  Raises UnknownName."""
        for realm in self.realms:
            for instance in realm.instances:
                if instance.name == name:
                    return realm, instance
        raise UnknownName(name)

    def object(self, name: str) -> RecordObject:
        """A record object.  Raises UnknownName."""
        return _named(self.objects, name)

    def event(self, name: str) -> Event:
        """An event.  Raises UnknownName."""
        return _named(self.events, name)

    def record_of(self, item: RecordObject) -> RecordState:
        """The record that a record object stands for."""
        return self.records[item.fetch][item.record]

    def reads(self, call: str) -> Reading | None:
        """The call that waits for bodies, if it does."""
        return next((each for each in self.reading if each.edit.call == call), None)

    def awaits(self, awaited: AwaitTask) -> bool:
        """Whether the task that GET-4.2 waits for has still to run."""
        realm = self.realm(awaited.realm)
        tasks = realm.tasks if realm else ()
        return any(isinstance(t, ResolveInstance) and t.call == awaited.call for t in tasks)

    def spec(self, fetch: int, record: int) -> RequestSpec:
        """A record's request (DM-REC-1)."""
        return self.agent.fetches[fetch].requests[record]

    def stored(self, fetch: int) -> int:
        """STORED: the body bytes that a fetch's records hold."""
        return sum(record.stored.lo for record in self.records[fetch])

    def used(self) -> int:
        """Bytes that count against the quota: bodies, both ways, of fetches not yet released."""
        held = (fetch for fetch in self.agent.fetches if not _released(fetch))
        return sum(fetch.upload_total + self.stored(fetch.index) for fetch in held)

    def kept(self) -> int:
        """Answer bytes kept for fetches not yet released."""
        held = (fetch for fetch in self.agent.fetches if not _released(fetch))
        return sum(self.stored(fetch.index) for fetch in held)

    def snapshot(self, fetch: int) -> Snapshot:
        """UPDATE-1 to 5, REG-2 to REG-9: the live slots."""
        live = self.agent.fetches[fetch]
        return Snapshot(
            id=live.id,
            upload_total=live.upload_total,
            uploaded=sum(self.uploaded[fetch]),
            download_total=live.download_total,
            downloaded=self.stored(fetch),
            result=live.result,
            failure_reason=live.failure_reason,
            records_available=live.records_available,
        )

    def view(self, fetch: int, record: int) -> View:
        """What a record sees of the rest."""
        live, own = self.agent.fetches[fetch], self.records[fetch][record]
        room = None
        if live.download_total:
            room = exactly(live.download_total - (self.stored(fetch) - own.stored.lo))
        quota = None
        if self.agent.quota is not None:
            quota = exactly(max(0, self.agent.quota - (self.used() - own.stored.lo)))
        return View(live.paused, live.abort, self.agent.online, room, quota)

    # --- changing ---

    def put_fetch(self, fetch: BackgroundFetch) -> State:
        """One fetch changed."""
        return attrs.evolve(self, agent=self.agent.put(fetch))

    def put_record(self, fetch: int, index: int, record: RecordState) -> State:
        """One record changed, and nothing else."""
        row = self.records[fetch]
        row = (*row[:index], record, *row[index + 1 :])
        return attrs.evolve(self, records=(*self.records[:fetch], row, *self.records[fetch + 1 :]))

    def put_realm(self, realm: Realm) -> State:
        """One realm changed."""
        realms = tuple(realm if each.name == realm.name else each for each in self.realms)
        return attrs.evolve(self, realms=realms)

    def put_object(self, item: RecordObject) -> State:
        """One record object changed."""
        objects = tuple(item if each.name == item.name else each for each in self.objects)
        return attrs.evolve(self, objects=objects)

    def put_event(self, event: Event) -> State:
        """One event changed or added."""
        if all(each.name != event.name for each in self.events):
            return attrs.evolve(self, events=(*self.events, event))
        events = tuple(event if each.name == event.name else each for each in self.events)
        return attrs.evolve(self, events=events)

    def put_updates(self, fetch: int, queue: tuple[Update, ...]) -> State:
        """The update queue of one fetch changed."""
        updates = (*self.updates[:fetch], queue, *self.updates[fetch + 1 :])
        return attrs.evolve(self, updates=updates)

    def name(self, kind: str) -> tuple[State, str]:
        """A name that no object has had."""
        return attrs.evolve(self, named=self.named + 1), f"{kind}{self.named + 1}"

    # --- enqueuing ---

    def enqueue_edit(self, edit: Edit) -> State:
        """Add to the edit queue."""
        return attrs.evolve(self, edits=(*self.edits, edit))

    def enqueue_update(self, fetch: int, item: Update = TakeSnapshot()) -> State:
        """Add to a fetch's update queue (UPDATE-0 by default)."""
        return self.put_updates(fetch, (*self.updates[fetch], item))

    def enqueue_task(self, realm: str, task: RealmTask) -> State:
        """Queue a bgfetch task (INFRA-3); a realm that is gone discards it."""
        found = self.realm(realm)
        if found is None:
            return self
        return self.put_realm(attrs.evolve(found, tasks=(*found.tasks, task)))

    def say(self, *outputs: Output) -> State:
        """Show something."""
        return attrs.evolve(self, outbox=(*self.outbox, *outputs))

    def taken(self) -> tuple[tuple[Output, ...], State]:
        """The outputs so far, and the state without them."""
        return self.outbox, attrs.evolve(self, outbox=())


def _named(items: Iterable[NamedT], name: str) -> NamedT:
    for item in items:
        if item.name == name:
            return item
    raise UnknownName(name)


def _released(fetch: BackgroundFetch) -> bool:
    return fetch.freed
