"""The canonical form of a node of background fetch: what nothing can refer to is forgotten.

The model names and counts without end: exchanges, attempts, generations of data,
instances, events, launches.  Of all of these only equality, order or a bound is ever
looked at, so each is renamed to the least that keeps it:

- *Exchanges.*  An answer finds its record by the number, and a part is joined to one of
  the same number.  Only equality counts: they are numbered by first occurrence in their
  record, and every record has numbers of its own (``NUMBERS`` of them).
- *Attempts.*  They address a request that the server has not got yet; here the server
  gets it in the same step.  Beyond that only the environment looks, at whether the bound
  has been reached: larger numbers are that bound.  A settled record makes no more.
- *Generations.*  Compared for being equal to the record's own.  The record's becomes 0,
  that of a reader of replaced data -1.
- *Names* of instances follow from realm and fetch, of which each pair has one; events
  and record objects are numbered by place.  New names begin beyond all of these.
- *Launches.*  A new life of the user agent begins with no realm that could hold an event
  of the last: older events are gone, and the life is always the first.
- *Events* that are over, once no script may call ``updateUI()`` any more; *readers* whose
  body has ended; the *parts* and the response of a settled record that nobody may read.
- Of a *closed* fetch only what instances show is left; pauses and prompts of a settled one
  have no effect, and a budget that cannot be spent any more is spent.

Each is a renaming or forgets what no function reads again, so nodes with the same form
have the same future: the quotient is a bisimulation.  A test compares verdicts with and
without what is optional here.

Everything is written so that an unchanged part is passed on as it is, and is not read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs

from conformance.explore.desk import Desk
from conformance.explore.memory import Memory
from conformance.explore.plain import Node
from conformance.explore.scope import Scope
from conformance.explore.watching import lifted, untouched
from spec_model.background_fetch import BackgroundFetch
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.record_objects import RecordObject
from spec_model.record_state import Abandoned, Loose, RecordState
from spec_model.state import Event, Realm, State
from spec_model.tasks import ResolveRecords
from spec_model.values import Head, Part

NUMBERS = 20
"""Exchanges that one record's data can be of, and more."""

ANSWERS = ("parts", "response", "current", "loose")
"""The fields of a record that speak of answers, which have numbers."""

NAMES_FROM = 100
"""What ``State.named`` always is: new names are beyond the canonical ones."""

Full = Node[State, Desk, Memory]


@attrs.frozen
class Forget:
    """The canonical form within a scope."""

    scope: Scope

    def __call__(self, before: Full | None, node: Full) -> Full:
        """The canonical node."""
        state = node.state
        old = before.state if before is not None else None
        rows = old.records if old is not None else ()
        records, objects = self._rows(rows, state)
        changes: dict[str, object] = {}
        if records is not state.records:
            changes["records"] = records
        if old is None or not _same(objects, old.objects):
            changes["objects"] = _objects(objects)
        if old is None or not _same(state.events, old.events) or node.env is not before_env(before):
            changes["events"] = self._events(node.env, state)
        if old is None or not _same(state.realms, old.realms):
            changes["realms"] = tuple(
                _realm(new, old.realm(new.name) if old is not None else None)
                for new in state.realms
            )
        agent = state.agent
        if old is None or agent is not old.agent:
            known = old.agent.fetches if old is not None else ()
            fetches = tuple(
                each if each.index < len(known) and each is known[each.index] else _fetch(each)
                for each in agent.fetches
            )
            if not _same(fetches, agent.fetches):
                changes["agent"] = attrs.evolve(agent, fetches=fetches)
        if old is None or not untouched(state, old, "launch"):
            changes["launch"] = 1
        if old is None or not untouched(state, old, "named"):
            changes["named"] = NAMES_FROM
        if changes:
            # The fields are those of State, each with a value of its type.
            state = attrs.evolve(state, **changes)  # type: ignore[arg-type]
        return Node(state, self._desk(node.env, state), node.memory)

    # --- records ----------------------------------------------------------------------

    def _rows(
        self, old: tuple[tuple[RecordState, ...], ...], state: State
    ) -> tuple[tuple[tuple[RecordState, ...], ...], tuple[RecordObject, ...]]:
        objects, rows = state.objects, []
        for fetch, row in enumerate(state.records):
            was = old[fetch] if fetch < len(old) else ()
            new = []
            for index, record in enumerate(row):
                if objects and record.generation:
                    objects = tuple(_of(each, fetch, index, record.generation) for each in objects)
                earlier = was[index] if index < len(was) else None
                if record is earlier and not self.scope.matches:
                    new.append(record)
                    continue
                base = NUMBERS * (len(self.scope.methods) * fetch + index)
                readable = self._readable(state, objects, fetch, index)
                new.append(lifted(canonical_record, record, self.scope.attempts, base, readable))
            rows.append(row if _same(tuple(new), row) else tuple(new))
        same = _same(tuple(rows), state.records)
        return state.records if same else tuple(rows), objects

    def _readable(
        self, state: State, objects: tuple[RecordObject, ...], fetch: int, index: int
    ) -> bool:
        """Whether anybody may yet read the record."""
        if not self.scope.matches:
            return False
        if state.agent.fetches[fetch].phase is not RegistrationPhase.RECORDS_GONE:
            return True
        if any(each.fetch == fetch and each.record == index for each in objects):
            return True
        # A call of matchAll() that passed may still have its objects to make.
        tasks = (task for realm in state.realms for task in realm.tasks)
        return any(isinstance(task, ResolveRecords) and task.fetch == fetch for task in tasks)

    # --- the rest ---------------------------------------------------------------------

    def _events(self, env: Desk, state: State) -> tuple[Event, ...]:
        kept = [
            event
            for event in state.events
            if event.active or (env.updates and event.launch == state.launch)
        ]
        return tuple(
            _evolved(event, name=f"e{number}", launch=1) for number, event in enumerate(kept)
        )

    def _desk(self, env: Desk, state: State) -> Desk:
        """Pauses and aborts by the user reach an unsettled fetch only."""
        fetches = state.agent.fetches
        if not fetches or not all(fetch.result for fetch in fetches):
            return env
        if env.fetches or not (env.pauses or env.user_aborts):
            return env
        return attrs.evolve(env, pauses=0, user_aborts=0)


def canonical_record(record: RecordState, bound: int, base: int, readable: bool) -> RecordState:
    """One record's canonical form, which depends on nothing else.

    ``bound``: of attempts; ``base``: what its exchanges' numbers are beyond; ``readable``: whether
    anybody may yet read it.
    """
    changes: dict[str, object] = {"generation": 0}
    if record.phase is RecordPhase.SETTLED and record.current is None:
        changes["attempts"] = 0
        if not readable:
            changes |= {"parts": (), "response": None}
    else:
        changes["attempts"] = min(record.attempts, bound)
    return renumbered(_evolved(record, **changes), base)


def before_env(node: Full | None) -> Desk | None:
    """The surroundings before the step."""
    return None if node is None else node.env


def _same(new: tuple[object, ...], old: tuple[object, ...]) -> bool:
    """Whether these are the same objects."""
    return new is old or (
        len(new) == len(old) and all(a is b for a, b in zip(new, old, strict=True))
    )


def _fetch(fetch: BackgroundFetch) -> BackgroundFetch:
    if fetch.result and (fetch.paused or fetch.prompting):
        fetch = attrs.evolve(fetch, paused=False, prompting=False)
    return fetch


def _of(item: RecordObject, fetch: int, index: int, generation: int) -> RecordObject:
    if (item.fetch, item.record) != (fetch, index):
        return item
    return attrs.evolve(item, generation=0 if item.generation == generation else -1)


def renumbered(record: RecordState, base: int) -> RecordState:
    """Exchanges by first occurrence, beyond ``base``; 0 stays what it means: none."""
    numbers = {0: 0}

    def new(number: int) -> int:
        return numbers.setdefault(number, base + len(numbers))

    fields = {name: _renamed(getattr(record, name), new) for name in ANSWERS}
    return _evolved(record, **fields, exchange=new(record.exchange))


def _renamed(value: object, new: Callable[[int], int]) -> object:
    """The same value with other numbers in every head and part."""
    if isinstance(value, tuple):
        return tuple(_renamed(item, new) for item in value)
    if isinstance(value, Head | Part):
        return _evolved(value, exchange=new(value.exchange))
    if isinstance(value, Loose | Abandoned):
        fields = {f.name: _renamed(getattr(value, f.name), new) for f in attrs.fields(type(value))}
        return _evolved(value, **fields)
    return value


def _realm(realm: Realm, old: Realm | None) -> Realm:
    if realm is old or (old is not None and untouched(realm, old, "instances")):
        return realm
    instances = tuple(
        _evolved(each, name=f"i-{realm.name}-{each.fetch}") for each in realm.instances
    )
    return _evolved(realm, instances=instances)


def _objects(objects: tuple[RecordObject, ...]) -> tuple[RecordObject, ...]:
    """Readers that wait for something, by place; what they were handed keeps no exchange."""
    kept = [
        each
        for each in objects
        if not each.done and not (each.ready is not None and each.ready.error)
    ]
    return tuple(
        _evolved(
            each,
            name=f"r{number}",
            parts=tuple(_evolved(part, exchange=0) for part in each.parts),
        )
        for number, each in enumerate(kept)
    )


_AttrsT = TypeVar("_AttrsT", bound=attrs.AttrsInstance)


def _evolved(item: _AttrsT, **fields: object) -> _AttrsT:
    """The same thing if nothing changes, so that what is unchanged stays identical."""
    if all(getattr(item, name) == value for name, value in fields.items()):
        return item
    return attrs.evolve(item, **fields)  # type: ignore[misc]  # attrs' plugin wants one class
