"""One-shot Background Sync behind the door of the kernel: what can be done now, and doing it.

Time.  A wait ends when its seconds are gone; that it may end sooner or later is a choice,
asked where ``enabled`` meets one.  So time is an input like any other, and a judge who
sees no clock can still follow.
"""

from __future__ import annotations

from collections import Counter

import attrs

from spec_model.background_sync.algorithms import (
    end_event,
    end_wait,
    get_tags,
    go_on,
    register,
    sweep,
    unregister,
)
from spec_model.background_sync.lifecycle import SYNC_REGISTRATION, SyncState, SyncTrigger, fire
from spec_model.background_sync.state import (
    Call,
    CallGetTags,
    CallRegister,
    CutEvent,
    Elapsed,
    EndWait,
    GoOn,
    Input,
    Output,
    RunCall,
    State,
    Sweep,
    SyncEnded,
    SyncFired,
    Task,
)
from spec_model.background_sync.steps import STEPS
from spec_model.decide import Decide
from spec_model.editions import AMENDED, Edition
from spec_model.kernel import System
from spec_model.messages import (
    CallUnregister,
    PageClosed,
    PageOpened,
    PermissionSet,
    UserAgentQuit,
    WentOnline,
)

TIME_LIMIT = 180.0
"""Seconds that a user agent with a limit gives to a handler; the text leaves it open."""


class BrokenSyncInvariant(AssertionError):
    """The model reached a state that it must never reach: our own bug."""


def enabled(state: State, d: Decide) -> tuple[Task, ...]:
    """Every task that could be performed now: calls first, in the order of their coming."""
    if not state.running:
        return ()
    found: list[Task] = [*state.todo]
    if state.waits:
        speed = d.choose("sync-retry-delay")
        over = [each for each in state.waits if each.left <= 0 or speed == "sooner"]
        found += [EndWait(each.number) for each in over if speed != "later"]
    old = [each for each in state.events if each.age >= TIME_LIMIT]
    if old and d.choose("sync-time-limit") == "limited":
        found += [CutEvent(each.name) for each in old]
    return tuple(found)


def perform(state: State, task: Task, d: Decide) -> State:
    """Take one enabled task."""
    match task:
        case EndWait():
            wait = next(each for each in state.waits if each.number == task.wait)
            return end_wait(state, wait, d)
        case CutEvent():
            event = state.event(task.event)
            assert event is not None, task
            d.take("BS-LIMIT-1", "BS-LIMIT-2")
            return end_event(state, event, fulfilled=False, d=d)
    at = state.todo.index(task)
    state = attrs.evolve(state, todo=(*state.todo[:at], *state.todo[at + 1 :]))
    match task:
        case GoOn():
            return go_on(state, task, d)
        case Sweep():
            return sweep(state, task.tag, d)
    return _run_call(state, task.call, d)


def _run_call(state: State, call: Call, d: Decide) -> State:
    match call:
        case CallRegister():
            return register(state, call, d)
        case CallGetTags():
            return get_tags(state, call, d)
    return unregister(state)


def inject(state: State, news: Input, d: Decide) -> State:
    """An input reaches the model; an event that is over, or nobody's, is passed over."""
    match news:
        case CallRegister() | CallGetTags() | CallUnregister():
            return state.later(RunCall(news))
        case SyncEnded():
            event = state.event(news.event)
            return end_event(state, event, fulfilled=news.fulfilled, d=d) if event else state
        case Elapsed():
            return _pass(state, news.seconds)
        case PageOpened():
            return attrs.evolve(state, pages=(*state.pages, news.realm))
        case PageClosed():
            return _close(state, news.realm)
        case WentOnline():
            was, state = state.online, attrs.evolve(state, online=news.online)
            return state if was or not news.online else _come_online(state)
        case PermissionSet():
            return attrs.evolve(state, permission=news.state)
        case UserAgentQuit():
            return _quit(state, news.kill, d)
    state = attrs.evolve(state, running=True, pages=(news.page,))
    return _come_online(state) if state.online else state


def _pass(state: State, seconds: float) -> State:
    waits = tuple(attrs.evolve(w, left=max(0.0, w.left - seconds)) for w in state.waits)
    events = tuple(attrs.evolve(e, age=min(TIME_LIMIT, e.age + seconds)) for e in state.events)
    return attrs.evolve(state, waits=waits, events=events)


def _close(state: State, page: str) -> State:
    """A page ends; what its calls do in parallel goes on, nobody sees their promises."""
    return attrs.evolve(state, pages=tuple(each for each in state.pages if each != page))


def _come_online(state: State) -> State:
    due = [each.tag for each in state.registrations if each.state is SyncState.PENDING]
    return state.later(*(Sweep(tag) for tag in due))


def _quit(state: State, kill: bool, d: Decide) -> State:
    """Pages, calls and the worker are gone.

    A user agent that is quit terminates its worker first (BS-FIRE-5.3).  One that is killed
    does nothing more: as written what was firing fires for ever, and nothing ends a wait.
    """
    counted = not kill or (d.repaired("BS02") and d.choose("sync-cut-short") == "counted")
    offline = attrs.evolve(state, online=False, todo=())  # nothing is fired while it goes down
    for event in state.events:
        if counted:
            offline = end_event(offline, event, fulfilled=False, d=d)
    state = attrs.evolve(offline, online=state.online, running=False, pages=(), events=())
    if not d.repaired("BS02"):
        return attrs.evolve(state, waits=())
    for each in state.registrations:
        if each.state in (SyncState.FIRING, SyncState.REREGISTERED):
            state = state.put(attrs.evolve(each, state=fire(each.state, SyncTrigger.RESTART)))
    return state


def check(before: State, after: State, edition: Edition = AMENDED) -> None:
    """Raises BrokenSyncInvariant.  ``before`` and ``after`` are one step apart."""
    tags = Counter(each.tag for each in after.registrations)
    if tags and max(tags.values()) > 1:
        raise BrokenSyncInvariant(f"a tag is there twice: {tags}")
    running = Counter(each.tag for each in after.events)
    if edition.repairs("BS03") and running and max(running.values()) > 1:
        raise BrokenSyncInvariant(f"two events of one tag at a time: {running}")
    new = [each for each in after.outbox if each not in before.outbox]
    if any(isinstance(each, SyncFired) for each in new) and not after.online:
        raise BrokenSyncInvariant("an event while offline")
    for each in after.registrations:
        was = before.registration(each.tag)
        start = was.state if was else SyncState.PENDING
        if each.state not in _reach(start, edition):
            raise BrokenSyncInvariant(f"{each.tag!r} went from {start.value} to {each.state.value}")


def _reach(start: SyncState, edition: Edition) -> set[SyncState]:
    """Where two moves lead, or fewer: an event ends and the next one is fired in one step."""
    found = {start}
    for _ in range(2):
        found |= {
            row.dest
            for row in SYNC_REGISTRATION.rows()
            if row.source in found
            and not (row.unless and edition.repairs(row.unless))
            and (not row.only_with or edition.repairs(row.only_with))
        }
    return found


BACKGROUND_SYNC = System[State, Input, Task, Output](
    "sync", STEPS, enabled, inject, perform, State.taken, check
)
"""The whole specification behind the door that all of them have."""
