"""The executable specification: which steps can be taken now, and taking one of them.

Theory.  A ``State`` waits.  Somebody *injects* an input, then *performs* tasks until
none is enabled; what was shown on the way is in the outbox.  ``enabled`` lists every
task that could be taken, in a fixed order: the edit queue, records in request order,
update queues, tasks of realms, readers, events.  ``run`` always takes the first, so a
run is deterministic; an explorer may take any.  Every choice is asked of a ``Decide``.

The algorithms are elsewhere (``complete_record``, ``background_fetch``): what is here
and in ``transfers``, ``calls`` and ``surroundings`` only schedules them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

import attrs

from spec_model import background_fetch as bg
from spec_model.background_fetch import Rejected
from spec_model.calls import (
    call,
    finish_put,
    instance_in,
    put_can_finish,
    run_task,
    without_older,
)
from spec_model.decide import Decide
from spec_model.instances import bring_up_to_date
from spec_model.invariants import check
from spec_model.kernel import System
from spec_model.messages import (
    BodyEnded,
    BytesReceived,
    Call,
    EventDispatched,
    FromNetwork,
    Input,
    Output,
    RecordReady,
)
from spec_model.record_objects import can_be_ready, can_pull, make_ready, pull
from spec_model.record_state import RecordState
from spec_model.state import WORKER, Event, State
from spec_model.steps import STEPS
from spec_model.surroundings import outside
from spec_model.tasks import (
    AbortFetch,
    AdmitFetch,
    AwaitTask,
    CommitFetch,
    Deliver,
    FinishPut,
    FireEvent,
    Firing,
    GiveInstance,
    MakeReady,
    PullBody,
    Reading,
    ResolveInstance,
    RunEdit,
    RunRealm,
    RunRecord,
    RunUpdate,
    SettlePromise,
    ShowPrompt,
    TakeSnapshot,
    Task,
)
from spec_model.transfers import can_run, hear, run_record


def enabled(state: State, d: Decide) -> tuple[Task, ...]:
    """Every task that could be performed now, in the order in which ``run`` takes them."""
    return tuple(task for source in SOURCES for task in source(state, d))


def _edits(state: State, d: Decide) -> Iterable[Task]:
    return (RunEdit(),) if _can_edit(state, d) else ()


def _records(state: State, d: Decide) -> Iterable[Task]:
    for fetch, row in enumerate(state.records):
        for index in range(len(row)):
            if can_run(state, fetch, index, d):
                yield RunRecord(fetch, index)


def _prompts(state: State, d: Decide) -> Iterable[Task]:
    return (ShowPrompt(fetch) for fetch in state.prompts)


def _updates(state: State, d: Decide) -> Iterable[Task]:
    fetches = range(len(state.updates))
    return (RunUpdate(fetch) for fetch in fetches if _can_update(state, fetch, d))


def _realms(state: State, d: Decide) -> Iterable[Task]:
    return (RunRealm(each.name) for each in state.realms if each.tasks and not each.busy)


def _readers(state: State, d: Decide) -> Iterable[Task]:
    for item in state.objects:
        record = state.record_of(item)
        if can_be_ready(item, record, d):
            yield MakeReady(item.name)
        if can_pull(item, record):
            yield PullBody(item.name)


def _puts(state: State, d: Decide) -> Iterable[Task]:
    return (FinishPut(each.call) for each in state.puts if put_can_finish(state, each))


def _events(state: State, d: Decide) -> Iterable[Task]:
    return (FireEvent(),) if _can_fire(state) and not _overtakes(state, d) else ()


def _early_events(state: State, d: Decide) -> Iterable[Task]:
    return (FireEvent(),) if _can_fire(state) and _overtakes(state, d) else ()


@functools.cache
def _while_running(source: Source) -> Source:
    return lambda state, d: source(state, d) if state.agent.running else ()


Source = Callable[[State, Decide], Iterable[Task]]
SOURCES: tuple[Source, ...] = tuple(
    _while_running(source)
    for source in (
        *(_early_events, _edits, _records, _updates, _realms, _prompts),
        *(_readers, _puts, _events),
    )
)
"""``enabled`` part by part, in order: each reads little of the state."""

NEWS: tuple[Source, ...] = tuple(_while_running(source) for source in (_updates, _realms, _readers))
"""Those of ``SOURCES`` whose tasks only carry news to pages and readers, in the same order."""


def _can_fire(state: State) -> bool:
    """Whether an event is on its way (PERFORM-8.13) and the worker's event loop can take it."""
    worker = state.realm(WORKER)
    return bool(state.firing) and (worker is None or not worker.busy)


def _overtakes(state: State, d: Decide) -> bool:
    """Whether, as written, the next event overtakes what comes before it when amended.

    Nothing orders a settle event after the records that were stopped (E05), nor after the
    task that tells the worker's own instance (E11); and any event makes an instance that
    older snapshots may still be on their way to (E48).  Of the orders that there are,
    ``run`` takes the one that can be told from the amended one.
    """
    first, worker = state.firing[0], state.realm(WORKER)
    if first.fetch is None or worker is None:
        return False
    tasks = (task for task in worker.tasks if isinstance(task, Deliver))
    if any(task.fetch == first.fetch for task in tasks) and not d.repaired("E48"):
        return True
    if first.name:
        return False
    if not all(record.settled for record in state.records[first.fetch]):
        return True
    known = worker.instance_of(first.fetch)
    return known is not None and not known.shows.result and not d.repaired("E11")


def _can_edit(state: State, d: Decide) -> bool:
    """Whether the edit queue goes on (SWREG-2).

    As written it waits for bodies (E60), and for the worker to get an event (E09).
    """
    settling = any(not firing.name for firing in state.firing)
    if state.edits and settling and not d.repaired("E09"):
        return False
    if not state.edits or not isinstance(state.edits[0], CommitFetch):
        return bool(state.edits)
    reading = state.reads(state.edits[0].call)
    return reading is None or reading.over


def _can_update(state: State, fetch: int, d: Decide) -> bool:
    """GET-4.2 blocks the queue until that task has run or can never run (E47)."""
    queue = state.updates[fetch]
    if not queue or not isinstance(queue[0], AwaitTask):
        return bool(queue)
    if state.realm(queue[0].realm) is None:
        return d.repaired("E47")
    return not state.awaits(queue[0])


def inject(state: State, news: Input, d: Decide) -> State:
    """An input reaches the model.  Raises UnknownName for a name that does not exist."""
    if isinstance(news, Call):
        return call(state, news, d)
    if isinstance(news, FromNetwork):
        return hear(state, news, d) if state.agent.running else state
    return outside(state, news, d)


def perform(state: State, task: Task, d: Decide) -> State:
    """Take one enabled task."""
    match task:
        case RunEdit():
            return _edit(state, d)
        case RunRecord():
            return run_record(state, task.fetch, task.record, d)
        case RunUpdate():
            return _update(state, task.fetch, d)
        case RunRealm():
            realm = state.realm(task.realm)
            assert realm is not None and realm.tasks, task
            first, *rest = realm.tasks
            state = state.put_realm(attrs.evolve(realm, tasks=tuple(rest)))
            return run_task(state, task.realm, first, d)
        case MakeReady():
            item = state.object(task.object)
            item = make_ready(item, state.record_of(item), d)
            state = state.put_object(item)
            if item.reading and item.ready is not None:
                state = state.say(RecordReady(item.name, item.ready))
            return state
        case PullBody():
            return _pull(state, task.object, d)
        case FinishPut():
            return finish_put(state, task.call)
        case FireEvent():
            return _fire_event(state, d)
        case _:  # ShowPrompt
            prompts = tuple(each for each in state.prompts if each != task.fetch)
            return attrs.evolve(state, prompts=prompts, agent=bg.prompt(state.agent, task.fetch, d))


def run(state: State, d: Decide, watch: Callable[[State, State], None] | None = None) -> State:
    """``BACKGROUND_FETCH.run``: perform the first enabled task until there is none.

    ``watch`` is shown the state before and after every task.  Raises NeverSettles.
    """
    return BACKGROUND_FETCH.run(state, d, watch)


# --- the edit queue -------------------------------------------------------------------


def _edit(state: State, d: Decide) -> State:
    first, *rest = state.edits
    state = attrs.evolve(state, edits=tuple(rest))
    match first:
        case AdmitFetch():
            return _admit(state, first, d)
        case CommitFetch():
            return _commit(state, first, d)
        case AbortFetch():
            agent, stopped = bg.abort(state.agent, first.fetch, first.cause, d)
            state = attrs.evolve(state, agent=agent)
            return state.enqueue_task(first.realm, SettlePromise(first.call, stopped))
        case _:  # SettleFetch
            agent = bg.settle(state.agent, first.fetch, first.reason, d)
            state = attrs.evolve(state, agent=agent)
            d.take("UPDATE-0")
            # E09: the event is fired outside of this queue, which guards the map only.
            firing = (*state.firing, Firing(first.fetch))
            return attrs.evolve(state.enqueue_update(first.fetch), firing=firing)


def _admit(state: State, edit: AdmitFetch, d: Decide) -> State:
    call, arguments = edit.call, edit.arguments
    refused = bg.refuse(state.agent, arguments.id, d)
    if refused is None and any(each.edit.arguments.id == arguments.id for each in state.reading):
        # E60: an id whose bodies are being read is taken.
        refused = Rejected("TypeError", "FETCH-8.5")
    if refused is not None:
        return state.enqueue_task(edit.realm, SettlePromise(call, refused))
    then = CommitFetch(call, edit.realm, arguments)
    unread = tuple(each for each in arguments.unread if each not in edit.ended)
    if not unread and not edit.failed:
        return _commit(state, then, d)
    reading = Reading(then, unread, edit.failed)
    state = attrs.evolve(state, reading=(*state.reading, reading))
    if not d.repaired("E60"):
        return attrs.evolve(state, edits=(then, *state.edits))
    return state.enqueue_edit(then) if reading.over else state


def _commit(state: State, edit: CommitFetch, d: Decide) -> State:
    reading = state.reads(edit.call)
    if reading is not None:
        others = tuple(each for each in state.reading if each is not reading)
        state = attrs.evolve(state, reading=others)
        if reading.failed:
            d.take("FETCH-8.11")
            refused = Rejected("TypeError", "FETCH-8.11")
            return state.enqueue_task(edit.realm, SettlePromise(edit.call, refused))
    admitted = bg.commit(state.agent, edit.arguments, state.used(), d)
    if isinstance(admitted, Rejected):
        return state.enqueue_task(edit.realm, SettlePromise(edit.call, admitted))
    agent, fetch = admitted
    d.take("PERFORM-1", "PERFORM-2", "PERFORM-3", "PERFORM-4", "PERFORM-5", "PERFORM-5.1")
    records = len(fetch.requests)
    state = attrs.evolve(
        state,
        agent=agent,
        records=(*state.records, (RecordState(),) * records),
        uploaded=(*state.uploaded, (0,) * records),
        updates=(*state.updates, ()),
    )
    if not d.repaired("E68") and bg.asks_user(agent, d):
        state = attrs.evolve(state, prompts=(*state.prompts, fetch.index))
    resolve = ResolveInstance(edit.call, fetch.index, starts=True)
    return state.enqueue_task(edit.realm, resolve)


# --- update queues --------------------------------------------------------------------


def _update(state: State, fetch: int, d: Decide) -> State:
    first, *rest = state.updates[fetch]
    match first:
        case TakeSnapshot():
            d.take("UPDATE-1", "STORED-1", "STORED-2", "STORED-2.1", "STORED-3")
            d.take("UPDATE-2", "UPDATE-3", "UPDATE-4", "UPDATE-5", "UPDATE-6")
            task = Deliver(fetch, state.snapshot(fetch))
            for realm in state.realms:
                state = state.enqueue_task(realm.name, task)
            return state.put_updates(fetch, tuple(rest))
        case GiveInstance():
            d.take("GET-4.1", "GET-4.1.1", "GET-4.1.2", "GET-4.2")
            state = state.enqueue_task(first.realm, ResolveInstance(first.call, fetch))
            return state.put_updates(fetch, (AwaitTask(first.call, first.realm), *rest))
        case _:  # AwaitTask
            return state.put_updates(fetch, tuple(rest))


# --- readers --------------------------------------------------------------------------


def _pull(state: State, name: str, d: Decide) -> State:
    """CREATE-2.8.4: the stream gives what there is."""
    item = state.object(name)
    pulled = pull(item, state.record_of(item), d)
    item = pulled.object
    state = state.put_object(item)
    if pulled.chunk:
        state = state.say(BytesReceived(name, item.handed))
    if pulled.end is not None:
        state = state.say(BodyEnded(name, item.handed, item.parts, pulled.end))
    return state


# --- events ---------------------------------------------------------------------------


def _fire_event(state: State, d: Decide) -> State:
    """Service Workers, "Fire Functional Event": the worker runs, its handlers are called."""
    first, *rest = state.firing
    state = attrs.evolve(state, firing=tuple(rest))
    if first.fetch is not None and not first.name:
        agent, name = bg.dispatch(state.agent, first.fetch, d)
        state = attrs.evolve(state, agent=agent)
        if name is None:
            if agent.fetches[first.fetch].records_available:
                return state
            return state.enqueue_update(first.fetch)
        return _dispatch(state, first.fetch, name, None, d)
    if first.name not in state.agent.listening or not state.agent.worker:
        return state
    if first.fetch is not None:
        d.take("CLICK-1.1")
    return _dispatch(state, first.fetch, first.name, first.data, d)


def _dispatch(state: State, fetch: int | None, type: str, data: str | None, d: Decide) -> State:
    state, name = state.name("e")
    event = Event(name, type, fetch, state.launch)
    if fetch is None:
        return state.put_event(event).say(EventDispatched(name, type, data=data))
    state, instance = instance_in(state, WORKER, fetch, d)
    worker = state.realm(WORKER)
    assert worker is not None
    if d.repaired("E11"):
        instance = bring_up_to_date(instance, state.snapshot(fetch))
        state = state.put_realm(without_older(worker.put(instance), fetch, d))
    ability = type in ("backgroundfetchsuccess", "backgroundfetchfail")
    state = state.put_event(attrs.evolve(event, can_update_ui=ability))
    return state.say(EventDispatched(name, type, instance.name, instance.shows, ability))


BACKGROUND_FETCH = System[State, Input, Task, Output](
    "background-fetch", STEPS, enabled, inject, perform, State.taken, check
)
"""The whole specification behind the door that all of them have."""
