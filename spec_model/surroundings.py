"""What the user, the worker's handlers and the operating system do to a user agent.

A restart (E87, the text is silent) is decided when the user agent goes away: results
and decisions stay, a GET goes on from the bytes that are durable, another method that
was under way is not sent again, and a handler that was cut off gets its event again.
"""

from __future__ import annotations

import attrs

from spec_model import background_fetch as bg
from spec_model.calls import body_read
from spec_model.decide import Decide
from spec_model.interface import click_error, interface, newest
from spec_model.interruptions import restarted
from spec_model.messages import (
    AttemptTerminated,
    AutomationClicked,
    BodyRead,
    EventEnded,
    FromOutside,
    InterfaceSeen,
    PageClosed,
    PageOpened,
    PermissionSet,
    RealmBusy,
    Refused,
    TimePassed,
    UserAgentLaunched,
    UserAgentQuit,
    UserDid,
    UserLooked,
    WentOnline,
)
from spec_model.phases import RegistrationPhase, RegistrationPhaseTrigger, fire
from spec_model.record_state import RecordState
from spec_model.state import IN_FLIGHT, WORKER, Realm, State, UnknownName
from spec_model.tasks import AbortFetch, AwaitTask, Firing, Update
from spec_model.transfers import (
    connectivity,
    decide_settlement,
    resources_back,
    settlement_due,
)
from spec_model.values import NOTHING


def outside(state: State, news: FromOutside, d: Decide) -> State:
    """Something happens to the user agent.  Raises UnknownName."""
    match news:
        case BodyRead():
            return body_read(state, news, d)
        case UserDid():
            return _user(state, news, d)
        case UserLooked():
            return _look(state, news.id, d)
        case AutomationClicked():
            return _automation(state, news, d)
        case EventEnded():
            return _event_ended(state, news.event, d)
        case PageOpened():
            return attrs.evolve(state, realms=(*state.realms, Realm(news.realm)))
        case PageClosed():
            return _close_page(state, news.realm, d)
        case RealmBusy():
            return _busy(state, news)
        case WentOnline():
            return connectivity(state, news.online, d)
        case PermissionSet():
            # The user, or an answer for good that a prompt offers.
            d.take("DISPLAY-11.3")
            return attrs.evolve(state, agent=attrs.evolve(state.agent, permission=news.state))
        case UserAgentQuit():
            return _quit(state, news.kill, d)
        case UserAgentLaunched():
            return _launch(state, news.page, d)
        case TimePassed():
            return resources_back(state, d)
        case _:  # Pushed
            return attrs.evolve(state, firing=(*state.firing, Firing(None, "push", news.data)))


def _user(state: State, did: UserDid, d: Decide) -> State:
    """DISPLAY-7 to 11 and CLICK, for the newest fetch of that id (WDCLICK-5)."""
    index = newest(state.agent, did.id)
    if index is None:
        return state.say(Refused(f"there is no background fetch {did.id!r}"))
    fetch = state.agent.fetches[index]
    stops = did.action == "abort" or (did.action == "refuse" and fetch.prompting)
    if stops and not fetch.settled:
        if d.repaired("E02"):
            d.take("DISPLAY-7")
            return state.enqueue_edit(AbortFetch(fetch.index, "user"))
    agent, refused = bg.user_action(state.agent, fetch.index, did.action, d)
    if refused is not None:
        return state.say(Refused(refused))
    if did.action == "click":
        return _fire_click(state, fetch.index)
    return attrs.evolve(state, agent=agent)


def _fire_click(state: State, fetch: int) -> State:
    """CLICK-1."""
    return attrs.evolve(state, firing=(*state.firing, Firing(fetch, "backgroundfetchclick")))


def _look(state: State, id: str, d: Decide) -> State:
    index = newest(state.agent, id)
    shows = None
    if index is not None:
        shows = interface(state.agent, index, state.snapshot(index), d)
    return state.say(InterfaceSeen(shows))


def _automation(state: State, clicked: AutomationClicked, d: Decide) -> State:
    window = state.realm(clicked.page) is not None
    error = click_error(state.agent, window, clicked.id, d)
    index = newest(state.agent, clicked.id)
    if error is not None or index is None:
        return state.say(Refused(error or ""))
    d.take("CLICK-1")
    return _fire_click(state, index)


def _event_ended(state: State, name: str, d: Decide) -> State:
    """PERFORM-8.13.1: for a settle event this is the end of the records."""
    event = state.event(name)
    if not event.active:
        return state
    state = state.put_event(attrs.evolve(event, active=False))
    if event.fetch is None or event.type == "backgroundfetchclick":
        return state
    if state.agent.fetches[event.fetch].phase is not RegistrationPhase.EVENT_ACTIVE:
        return state
    state = attrs.evolve(state, agent=bg.event_over(state.agent, event.fetch, d))
    d.take("UPDATE-0")
    return state.enqueue_update(event.fetch)


def _busy(state: State, news: RealmBusy) -> State:
    realm = state.realm(news.realm)
    if realm is None:
        raise UnknownName(news.realm)
    return state.put_realm(attrs.evolve(realm, busy=news.busy))


def _close_page(state: State, realm: str, d: Decide) -> State:
    reading = state.reading
    if d.repaired("E60"):
        # As written a stream that dies with its page neither ends nor fails.
        reading = tuple(each for each in reading if each.over or each.edit.realm != realm)
    updates = state.updates
    if not d.repaired("E47"):
        # What was awaited and has run is over; what has not run never will.
        updates = tuple(_without_ran(state, queue, realm) for queue in updates)
    return attrs.evolve(
        state,
        reading=reading,
        updates=updates,
        realms=tuple(each for each in state.realms if each.name != realm),
        objects=tuple(each for each in state.objects if each.realm != realm),
        puts=tuple(each for each in state.puts if each.realm != realm),
    )


def _without_ran(state: State, queue: tuple[Update, ...], realm: str) -> tuple[Update, ...]:
    first = queue[0] if queue else None
    if isinstance(first, AwaitTask) and first.realm == realm and not state.awaits(first):
        return queue[1:]
    return queue


def _quit(state: State, kill: bool, d: Decide) -> State:
    """Every realm, queue and connection is gone; what is kept is what is on disk.

    PERFORM-0 and RECORD-0 say that there is one instance of each, and not how long (E87).
    As written nothing is said to be kept, so nothing is.
    """
    if not d.repaired("E87"):
        state = _forget_fetches(state)
    keep_bytes = not kill or d.choose("durable bytes", ("whole", "nothing")) == "whole"
    for fetch, row in enumerate(state.records):
        for index, record in enumerate(row):
            if record.phase in IN_FLIGHT:
                state = state.say(AttemptTerminated(fetch, index, record.attempts))
            spec, view = state.spec(fetch, index), state.view(fetch, index)
            kept = restarted(record, spec, NOTHING, view, d, killed=False)
            if not keep_bytes and not kept.settled:
                kept = _without_bytes(kept)
            state = state.put_record(fetch, index, kept)
    everything = frozenset(range(len(state.agent.fetches)))
    agent = bg.restart(state.agent, frozenset() if kill else everything, d)
    return attrs.evolve(
        state,
        agent=attrs.evolve(agent, running=False),
        realms=(),
        edits=(),
        reading=(),
        updates=((),) * len(state.updates),
        firing=(),
        prompts=(),
        events=tuple(attrs.evolve(each, active=False) for each in state.events),
        objects=(),
        puts=(),
    )


def _forget_fetches(state: State) -> State:
    """PERFORM-0 as written: no instance of it is left."""
    for fetch in state.agent.fetches:
        if fetch.phase is not RegistrationPhase.RECORDS_GONE:
            phase = fire(fetch.phase, RegistrationPhaseTrigger.CLEAR)
            gone = attrs.evolve(
                fetch, phase=phase, in_map=False, abort="quit", displayed=False, freed=True
            )
            state = state.put_fetch(gone)
    return state


def _without_bytes(record: RecordState) -> RecordState:
    return attrs.evolve(record, stored=NOTHING, parts=())


def _launch(state: State, page: str, d: Decide) -> State:
    """The kept fetches go on (PERFORM-0, RECORD-0): PERFORM runs again for each."""
    state = attrs.evolve(
        state,
        agent=attrs.evolve(state.agent, running=True),
        realms=(Realm(page), Realm(WORKER)),
        launch=state.launch + 1,
    )
    for fetch in state.agent.fetches:
        if settlement_due(state, fetch.index):
            state = decide_settlement(state, fetch.index, d)
        if fetch.phase is RegistrationPhase.EVENT_QUEUED:
            state = attrs.evolve(state, firing=(*state.firing, Firing(fetch.index)))
    return state
