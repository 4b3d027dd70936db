"""The algorithms of Background Sync, each a pure function from a state to the next.

Between "resolve the promise" and "fire" other work may come in, so register() is two
pieces (``register``, ``go_on``).  What the text does "atomically" is one piece.
"""

from __future__ import annotations

import attrs

from spec_model.background_fetch import Rejected
from spec_model.background_sync.lifecycle import SyncState, SyncTrigger, fire
from spec_model.background_sync.state import (
    EVENT,
    CallGetTags,
    CallRegister,
    Event,
    GoOn,
    Registration,
    State,
    SyncFired,
    Wait,
)
from spec_model.decide import Decide

FIRST_DELAY = 300.0
"""Seconds before the first retry, of one implementation; the text leaves it open."""

FACTOR = 3
"""Each further delay is so many times as long."""


# --- methods --------------------------------------------------------------------------


def register(state: State, call: CallRegister, d: Decide) -> State:
    """BS-REGISTER up to the moment at which the promise settles."""
    d.take("BS-REGISTER-0", "BS-REGISTER-1")
    error = _refusal(state, d)
    if error is not None:
        return state.settle(call, error, error.step)
    d.take("BS-REGISTER-7")
    known = state.registration(call.tag)
    if known is None:
        d.take("BS-REGISTER-9", "BS-REGISTER-9.1", "BS-REGISTER-9.2", "BS-REGISTER-9.3")
        d.take("BS-REGISTER-9.4", "BS-DM-3", "BS-DM-5", "BS-REGISTER-9.5")
        added = (*state.registrations, Registration(call.tag))
        state = attrs.evolve(state, registrations=added)
    else:
        d.take("BS-REGISTER-8")
        state = _register_again(state, known, d)
        d.take("BS-REGISTER-8.3")
    # Resolved first: whatever fires the event, the page may know before the worker does.
    state = state.settle(call, None, "BS-REGISTER-9.5" if known is None else "BS-REGISTER-8.3")
    return state.later(GoOn(call.tag, new=known is None))


def _refusal(state: State, d: Decide) -> Rejected | None:
    """BS-REGISTER-2 to 6, in the order of the text."""
    d.take("BS-REGISTER-2")
    if not state.active:
        return Rejected("InvalidStateError", "BS-REGISTER-2")
    d.take("BS-REGISTER-3")
    if state.permission == "denied":
        return Rejected("NotAllowedError", "BS-REGISTER-3")
    if state.permission == "prompt":
        d.take("BS-PERM-1")
        if d.choose("sync-prompt") == "rejects":
            return Rejected("NotAllowedError", "BS-REGISTER-3")
    d.take("BS-REGISTER-4", "BS-REGISTER-5", "BS-REGISTER-6")
    if not state.pages:
        return Rejected("InvalidAccessError", "BS-REGISTER-6")
    d.take("BS-REGISTER-5.1")
    return None


def _register_again(state: State, known: Registration, d: Decide) -> State:
    if known.state is SyncState.WAITING:
        d.take("BS-REGISTER-8.1")
        anew = d.choose("sync-new-series") == "always"
        known = attrs.evolve(known, attempts=0 if anew else known.attempts, wait=0)
    elif known.state is SyncState.FIRING:
        d.take("BS-REGISTER-8.2")
    return state.put(attrs.evolve(known, state=fire(known.state, SyncTrigger.REGISTER)))


def go_on(state: State, work: GoOn, d: Decide) -> State:
    """BS-REGISTER-8.4 or 9.6."""
    d.take("BS-REGISTER-9.6" if work.new else "BS-REGISTER-8.4", "BS-ONLINE-1")
    known = state.registration(work.tag)
    if known is None or not state.online:
        return state
    # BS03: step 8.4 looks at the state, 9.6 trusts that nobody else has been quicker.
    guarded = not work.new or d.repaired("BS03")
    if guarded and known.state is not SyncState.PENDING:
        return state
    return fire_sync_event(state, known, "BS-REGISTER-9.6" if work.new else "BS-REGISTER-8.4", d)


def get_tags(state: State, call: CallGetTags, d: Decide) -> State:
    """BS-GETTAGS."""
    d.take("BS-GETTAGS-0", "BS-GETTAGS-1", "BS-GETTAGS-2", "BS-GETTAGS-3", "BS-GETTAGS-4")
    tags = tuple(each.tag for each in state.registrations)
    return state.settle(call, tags, "BS-GETTAGS-3")


def unregister(state: State) -> State:
    """The worker goes, and its list of sync registrations with it; the text is silent.

    The promise of ``unregister()`` is no business of this text.
    """
    for each in state.registrations:
        state = state.put(attrs.evolve(each, state=fire(each.state, SyncTrigger.UNREGISTER)))
    return attrs.evolve(state, active=False, waits=())


# --- the event ------------------------------------------------------------------------


def fire_sync_event(state: State, registration: Registration, step: str, d: Decide) -> State:
    """BS-FIRE up to the dispatch.  ``step`` has seen that the user agent is online."""
    d.take("BS-FIRE-0", "BS-FIRE-1", "BS-FIRE-2", "BS-FIRE-3", "BS-FIRE-4")
    fired = attrs.evolve(registration, state=fire(registration.state, SyncTrigger.FIRE))
    state = state.put(fired)
    d.take("BS-FIRE-5", "BS-FIRE-5.T", "BS-FIRE-5.L", "BS-EVENT-2", "BS-RETRY-1", "BS-PERM-4")
    cap = state.cap or d.choose("sync-attempts")
    last = cap != "uncapped" and fired.attempts + 1 >= int(cap)
    number = state.series + 1
    event = Event(f"{EVENT}{number}", fired.tag, last)
    state = attrs.evolve(state, events=(*state.events, event), series=number, cap=cap)
    if not state.listening:  # nobody asks for more time: it is over at once
        return end_event(state, event, fulfilled=True, d=d)
    return state.say(SyncFired(event.name, event.tag, event.last_chance, step))


def sweep(state: State, tag: str, d: Decide) -> State:
    """BS-SWEEP, for one of the registrations that were pending."""
    d.take("BS-SWEEP-1", "BS-SWEEP-2")
    known = state.registration(tag)
    if known is None or known.state is not SyncState.PENDING or not state.online:
        return state
    return fire_sync_event(state, known, "BS-SWEEP-1", d)


def end_event(state: State, event: Event, *, fulfilled: bool, d: Decide) -> State:
    """BS-FIRE-5.2 or 5.3, which the text performs atomically."""
    d.take("BS-FIRE-5.1", "BS-FIRE-5.2" if fulfilled else "BS-FIRE-5.3")
    state = attrs.evolve(state, events=tuple(each for each in state.events if each != event))
    known = state.registration(event.tag)
    if known is None:  # its list is gone, or another event of a tag fired twice was quicker
        return state
    if known.state is SyncState.REREGISTERED:
        return _once_more(state, known, event, fulfilled, d)
    if fulfilled:
        d.take("BS-FIRE-5.2.1", "BS-FIRE-5.2.2", "BS-FIRE-5.2.3")
        return state.put(attrs.evolve(known, state=fire(known.state, SyncTrigger.FULFIL)))
    d.take("BS-FIRE-5.3.1", "BS-FIRE-5.3.2")
    if event.last_chance:
        d.take("BS-FIRE-5.3.3")
        return state.put(attrs.evolve(known, state=fire(known.state, SyncTrigger.FAIL_FINALLY)))
    d.take("BS-FIRE-5.3.2.1")
    attempts, number = known.attempts + 1, state.series + 1
    wait = Wait(number, known.tag, FIRST_DELAY * FACTOR ** (attempts - 1))
    waiting = fire(known.state, SyncTrigger.FAIL)
    state = state.put(attrs.evolve(known, state=waiting, attempts=attempts, wait=number))
    return attrs.evolve(state, waits=(*state.waits, wait), series=number)


def _once_more(
    state: State, known: Registration, event: Event, fulfilled: bool, d: Decide
) -> State:
    """It was registered again while its event ran: nothing that was asked for may be lost."""
    how = SyncTrigger.FAIL_FINALLY if event.last_chance else SyncTrigger.FAIL
    attempts, step = 0, "BS-FIRE-5.2.1.2" if fulfilled else "BS-FIRE-5.3.1.2"
    if fulfilled:
        d.take("BS-FIRE-5.2.1", "BS-FIRE-5.2.1.1", "BS-FIRE-5.2.1.2", "BS-FIRE-5.2.1.3")
        how = SyncTrigger.FULFIL
    else:
        d.take("BS-FIRE-5.3.1", "BS-FIRE-5.3.1.1", "BS-FIRE-5.3.1.2", "BS-FIRE-5.3.1.3")
        if d.choose("sync-new-series") == "never":
            attempts = known.attempts + 1
    known = attrs.evolve(known, state=fire(known.state, how), attempts=attempts)
    state = state.put(known)
    return fire_sync_event(state, known, step, d) if state.online else state


def end_wait(state: State, wait: Wait, d: Decide) -> State:
    """BS-FIRE-5.3.2.2 to 5.3.2.4."""
    d.take("BS-FIRE-5.3.2.2")
    state = attrs.evolve(state, waits=tuple(each for each in state.waits if each != wait))
    known = state.registration(wait.tag)
    if known is None or known.state is not SyncState.WAITING:
        return state
    # BS01: the text asks whether it waits, not whether it waits for this.
    if known.wait != wait.number and d.repaired("BS01"):
        return state
    d.take("BS-FIRE-5.3.2.3", "BS-FIRE-5.3.2.4")
    known = attrs.evolve(known, state=fire(known.state, SyncTrigger.WAIT_OVER), wait=0)
    state = state.put(known)
    return fire_sync_event(state, known, "BS-FIRE-5.3.2.4", d) if state.online else state
