"""Records at work: the scheduling of RECORD, and what PERFORM does when one is over.

``complete_record`` says what each step does to one record.  Here is what a step means
for the rest: a request goes out, a connection is dropped, a snapshot is due, the fetch
may be over.  An answer of the network is addressed by the number of its exchange; once
its attempt is over nobody is left to hear it (E03: the attempt is sealed).

Where the text lets two records race, an edition without the amendment asks here which
of the outcomes comes: counts that are lost (E07), a check of the download total that
did not see what others stored meanwhile (E21).
"""

from __future__ import annotations

import attrs

from spec_model import background_fetch as bg
from spec_model import complete_record, process_response, record_end
from spec_model.abandoned import abandoned_head, append_late, end_late, stop_late
from spec_model.decide import Decide
from spec_model.fetch_boundary import Redirect, blocked, boundary, ending
from spec_model.interruptions import interrupt, may_be_paused
from spec_model.messages import (
    Accepted,
    AttemptTerminated,
    BytesArrived,
    Ended,
    FromNetwork,
    RequestStarted,
    Responded,
    Uploaded,
)
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.record_state import RecordState, View
from spec_model.state import IN_FLIGHT, State
from spec_model.tasks import ResolveInstance, SettleFetch
from spec_model.values import NOTHING, Head, exactly


def put(
    state: State,
    fetch: int,
    index: int,
    record: RecordState,
    d: Decide,
    *,
    over: bool = False,
    together: bool = False,
) -> State:
    """A record takes its next state, and what follows from that.

    ``over``: the answer ended by itself, so that there is no connection to drop.
    ``together``: the same happens to other records in the very same moment.
    """
    before = state.records[fetch][index]
    state = state.put_record(fetch, index, record)
    late, later = before.loose.abandoned, record.loose.abandoned
    if late is not None and later is None and not over:
        state = state.say(AttemptTerminated(fetch, index, late.attempt))
    left = before.phase in IN_FLIGHT and record.phase not in IN_FLIGHT
    # E20: as written nothing stops a stream whose bytes did not fit.
    goes_on = later is not None or record.current is not None
    if left and not over and not goes_on and before.attempts:
        state = state.say(AttemptTerminated(fetch, index, before.attempts))
    if (record.stored, record.generation) != (before.stored, before.generation):
        d.take("UPDATE-0")
        state = state.enqueue_update(fetch)
    if record.settled and not before.settled:
        state = _record_is_over(state, fetch, record.result, d, together)
    return state


def _record_is_over(state: State, fetch: int, result: str, d: Decide, together: bool) -> State:
    """PERFORM-5.2 to 7 for one record, and PERFORM-8's place in the edit queue."""
    d.take("PERFORM-5.2", "PERFORM-5.4")
    if _count_is_lost(state, fetch, d, together):
        return state
    before = state.agent.fetches[fetch].phase
    if result == "download-total-exceeded":
        state = attrs.evolve(state, agent=bg.exceed_total(state.agent, fetch, d))
    phase = state.agent.fetches[fetch].phase
    # As written the settlement goes ahead of the records that are being stopped (E05).
    at_once = phase is RegistrationPhase.DECIDING and before is RegistrationPhase.RUNNING
    if at_once or (phase is not RegistrationPhase.DECIDING and settlement_due(state, fetch)):
        state = decide_settlement(state, fetch, d)
    return state


def _count_is_lost(state: State, fetch: int, d: Decide, together: bool) -> bool:
    """E07: of two records that settle at once only one is counted, and PERFORM-6 waits for ever."""
    row = state.records[fetch]
    if d.repaired("E07") or len(row) == 1 or not all(each.settled for each in row):
        return False
    usual = ("lost", "counted") if together else ("counted", "lost")
    return d.choose("a settled record is counted", usual) == "lost"


def settlement_due(state: State, fetch: int) -> bool:
    """Whether PERFORM-6 has nothing to wait for any more."""
    waiting = (RegistrationPhase.RUNNING, RegistrationPhase.DRAINING, RegistrationPhase.DECIDING)
    return state.agent.fetches[fetch].phase in waiting and all(
        record.settled for record in state.records[fetch]
    )


def decide_settlement(state: State, fetch: int, d: Decide) -> State:
    """PERFORM-5.3 and 6: the reason is known, the rest waits in the edit queue."""
    results = tuple(each.loose.reported or each.result for each in state.records[fetch])
    reason = bg.failure_reason(results, d)
    d.take("PERFORM-6")
    return state.enqueue_edit(SettleFetch(fetch, reason))


def can_run(state: State, fetch: int, index: int, d: Decide) -> bool:
    """Whether RECORD can go on by itself: make a request (RECORD-3), give up, or abandon an
    attempt (RECORD-14).
    """
    record, live = state.records[fetch][index], state.agent.fetches[fetch]
    if record.settled:
        return False
    stopped = bool(live.abort)
    if record_end.unnoticed(record):
        return True
    if record.phase is not RecordPhase.WAITING_UNPAUSED:
        return stopped or (live.paused and may_be_paused(state.spec(fetch, index), d))
    if stopped and d.repaired("E13"):
        return True
    if live.paused or live.phase is RegistrationPhase.RECORDS_GONE:
        return False
    if not record.attempts and _unresolved(state, fetch) and d.repaired("E67"):
        return False
    if state.limit is None:
        return True
    return sum(each.phase in IN_FLIGHT for each in state.records[fetch]) < state.limit


def _unresolved(state: State, fetch: int) -> bool:
    """Whether the promise of fetch() has still to settle (FETCH-8.14.1), in a task that was not
    discarded.
    """
    return any(
        isinstance(task, ResolveInstance) and task.fetch == fetch and task.starts
        for realm in state.realms
        for task in realm.tasks
    )


def run_record(state: State, fetch: int, index: int, d: Decide) -> State:
    """RECORD-1 to 11, or RECORD-13 and 14."""
    record, spec = state.records[fetch][index], state.spec(fetch, index)
    view = state.view(fetch, index)
    if record_end.unnoticed(record):
        after = record_end.notice(record, spec, view, d)
        return put(state, fetch, index, after, d, over=True)
    if record.phase is not RecordPhase.WAITING_UNPAUSED:
        stopped = interrupt(stop_late(record, d), spec, NOTHING, view, d)
        assert stopped is not None, "can_run has seen the flag"
        return put(state, fetch, index, stopped, d)
    started = complete_record.start(record, spec, view, d)
    assert started is not None, "can_run has seen that the pause is over"
    if started.phase in IN_FLIGHT and blocked(spec, state.agent.home):
        started = process_response.network_error(started, spec, view, d, lost=False)
        started = attrs.evolve(started, unseen=record.unseen)
    state = put(state, fetch, index, started, d)
    return _request(state, fetch, index) if started.phase in IN_FLIGHT else state


def _request(state: State, fetch: int, index: int) -> State:
    record, spec = state.records[fetch][index], state.spec(fetch, index)
    return state.say(
        RequestStarted(
            fetch=fetch,
            record=index,
            attempt=record.attempts,
            url=record.url,
            method=record.method,
            first=record.start.lo or None,
            body=spec.body if record.method == spec.method else None,
            own_range=spec.own_range,
        )
    )


def hear(state: State, news: FromNetwork, d: Decide) -> State:
    """Something came from the network (RECORD-11); nothing happens if its attempt is over."""
    if isinstance(news, Accepted):
        return _accepted(state, news)
    for fetch, row in enumerate(state.records):
        for index, record in enumerate(row):
            # A settled record has no exchange, unless its stream was left open (E20).
            if record.exchange == news.exchange:
                return _hear(state, fetch, index, news, d)
            late = abandoned_head(record, news.exchange)
            if late is not None:
                return _hear_late(state, fetch, index, late, news, d)
    return state


def _hear_late(
    state: State,
    fetch: int,
    index: int,
    head: Head,
    news: Uploaded | Responded | BytesArrived | Ended,
    d: Decide,
) -> State:
    """E16: the answer to an attempt that was abandoned goes on."""
    record, view = state.records[fetch][index], state.view(fetch, index)
    if isinstance(news, BytesArrived):
        after = append_late(record, state.spec(fetch, index), head, news.upto, view, d)
        return put(state, fetch, index, after, d)
    assert isinstance(news, Ended), "its head has come, and a GET has no body"
    return put(state, fetch, index, end_late(record, head, news.how, d), d, over=True)


def _accepted(state: State, news: Accepted) -> State:
    record = state.records[news.fetch][news.record]
    current = record.attempts == news.attempt and record.phase is RecordPhase.BEFORE_HEADERS
    if record.unseen:
        # Which one of an attempt that is over it was, only the judge asks.
        record = complete_record.arrived(record, -1 if current else 0)
    if current and not record.exchange:
        record = attrs.evolve(record, exchange=news.exchange)
    return state.put_record(news.fetch, news.record, record)


def _hear(
    state: State,
    fetch: int,
    index: int,
    news: Uploaded | Responded | BytesArrived | Ended,
    d: Decide,
) -> State:
    if isinstance(news, Uploaded):
        return _uploaded(state, fetch, index, news.length, d)
    if isinstance(news, Responded):
        return _responded(state, fetch, index, news, d)
    record = state.records[fetch][index]
    if isinstance(news, BytesArrived):
        more = exactly(max(0, news.upto - process_response.received(record)))
        view = _seen_by_check(state, fetch, index, d)
        after = process_response.append(record, state.spec(fetch, index), more, view, d)
        return put(state, fetch, index, after, d)
    return _ended(state, fetch, index, news, d)


def _seen_by_check(state: State, fetch: int, index: int, d: Decide) -> View:
    """RECORD-11.R.6.1: what is stored; as written perhaps before others' last bytes (E21)."""
    view = state.view(fetch, index)
    if view.room is None or d.repaired("E21"):
        return view
    row = state.records[fetch]
    unseen = sum(process_response.received(each) for at, each in enumerate(row) if at != index)
    if not unseen or d.choose("the total is checked", ("before", "after")) == "after":
        return view
    return attrs.evolve(view, room=view.room + exactly(unseen))


def _uploaded(state: State, fetch: int, index: int, length: int, d: Decide) -> State:
    """RECORD-11.Q: with E34 a number for each record, which never falls."""
    d.take("RECORD-11.Q.0", "RECORD-11.Q.1", "RECORD-11.Q.2")
    row = state.uploaded[fetch]
    total = length
    if not d.repaired("E34"):
        record = state.records[fetch][index]
        total = row[index] + length - record.loose.transmitted
        d.take("RECORD-11.Q.3")
        loose = attrs.evolve(record.loose, transmitted=length)
        state = state.put_record(fetch, index, attrs.evolve(record, loose=loose))
    if total <= row[index]:
        return state
    row = (*row[:index], total, *row[index + 1 :])
    uploaded = (*state.uploaded[:fetch], row, *state.uploaded[fetch + 1 :])
    d.take("RECORD-11.Q.4", "UPDATE-0")
    return attrs.evolve(state, uploaded=uploaded).enqueue_update(fetch)


def _responded(state: State, fetch: int, index: int, news: Responded, d: Decide) -> State:
    """RECORD-11.R.0: the answer as Fetch hands it over."""
    record, spec = state.records[fetch][index], state.spec(fetch, index)
    if record.phase is not RecordPhase.BEFORE_HEADERS:
        return state
    if record.loose.abandoned is not None:
        record = stop_late(record, d)
        state = put(state, fetch, index, record, d)
    d.take("RECORD-11.R.0")
    home = state.agent.home
    made = (spec, record.url, record.method, record.hops, home)
    head = boundary(*made, news.wire, record.taint)
    view = state.view(fetch, index)
    if isinstance(head, Redirect):
        moved = complete_record.redirected(record, head.url, head.method, head.taint)
        state = put(state, fetch, index, moved, d)
        return _request(state, fetch, index)
    if head is None:
        after = process_response.network_error(record, spec, view, d, lost=False)
        return put(state, fetch, index, after, d)
    after = process_response.respond(record, spec, head, view, d)
    return put(state, fetch, index, after, d, over=head.null_body)


def _ended(state: State, fetch: int, index: int, news: Ended, d: Decide) -> State:
    """RECORD-11.R.1, R.7 or R.8: the answer is over."""
    record, spec = state.records[fetch][index], state.spec(fetch, index)
    view, head = state.view(fetch, index), record.current
    if head is None or news.wire is None:
        lost = process_response.network_error(record, spec, view, d, lost=True)
        return put(state, fetch, index, lost, d, over=True)
    if head.null_body:
        # E18: as written there is no stream whose end anybody could see.
        return state
    after = _body_over(record, news, head, state, fetch, index, d)
    return put(state, fetch, index, after, d, over=True)


def _body_over(
    record: RecordState, news: Ended, head: Head, state: State, fetch: int, index: int, d: Decide
) -> RecordState:
    assert news.wire is not None
    spec, view = state.spec(fetch, index), state.view(fetch, index)
    how = ending(news.wire, news.how, news.sent, head.null_body)
    if how == "either":
        how = d.choose("how did it end", ("end", "error"))
    close = process_response.body_ended if how == "end" else process_response.body_errored
    return close(record, spec, NOTHING, view, d)


def connectivity(state: State, online: bool, d: Decide) -> State:
    """Going offline breaks every connection (RECORD-11.R.1, RECORD-11.R.8); coming back makes
    resources available.
    """
    state = attrs.evolve(state, agent=attrs.evolve(state.agent, online=online))
    if online:
        return resources_back(state, d)
    for fetch, row in enumerate(state.records):
        together = sum(record.phase in IN_FLIGHT for record in row) > 1
        for index, record in enumerate(row):
            if record.phase not in IN_FLIGHT:
                continue
            spec, view = state.spec(fetch, index), state.view(fetch, index)
            if record.phase is RecordPhase.READING:
                if record.current is not None and record.current.null_body:
                    continue
                broken = process_response.body_errored(record, spec, NOTHING, view, d)
            else:
                broken = process_response.network_error(record, spec, view, d, lost=True)
            state = put(state, fetch, index, broken, d, together=together)
    return state


def resources_back(state: State, d: Decide) -> State:
    """RECORD-11.R.1.1 and R.8.1: what was temporarily unavailable may be tried again."""
    if not state.agent.online:
        return state
    for fetch, row in enumerate(state.records):
        for index, record in enumerate(row):
            if record.phase is RecordPhase.WAITING_AVAILABLE:
                state = put(state, fetch, index, record_end.available(record, d), d)
    return state
