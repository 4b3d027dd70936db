"""What holds of every state as amended, whatever led to it (checked in tests).

The state keeps several things that have to agree: where a record is and what it keeps of an
attempt, where a fetch is and what the map, the quota and the interface know of it, whether
there is a user agent and what waits in it.  Where they do not agree the model has
forgotten to tidy up, and nobody may notice before a later attempt finds the rest of an
earlier one.  Each law says what makes it one.  What a user agent may choose to do otherwise
(E05, E86) is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from spec_model.background_fetch import BackgroundFetch
from spec_model.phases import RegistrationPhase
from spec_model.record_state import TIGHT, RecordState
from spec_model.state import IN_FLIGHT, State
from spec_model.values import NOTHING, RequestSpec


def contradictions(state: State) -> Iterator[str]:
    """What does not agree, each in a line.  Of the amended text only."""
    for fetch in state.agent.fetches:
        for said in _of_fetch(fetch):
            yield f"{fetch.id!r}: {said}"
        for index, record in enumerate(state.records[fetch.index]):
            spec, uploaded = fetch.requests[index], state.uploaded[fetch.index][index]
            for said in (*_of_record(record), *_of_uploads(spec, uploaded)):
                yield f"record {index} of {fetch.id!r}: {said}"
    yield from _of_realms(state)
    if not state.agent.running:
        yield from _of_nobody(state)


def _of_fetch(fetch: BackgroundFetch) -> Iterator[str]:
    gone = fetch.phase is RegistrationPhase.RECORDS_GONE
    if fetch.prompting and not fetch.paused:
        yield "it asks the user and is not paused"  # DISPLAY-11.1, E68
    if fetch.in_map and (fetch.settled or fetch.abort not in ("", "total")):
        yield "the map holds what is aborted or over"  # ABORT-3.4, PERFORM-8.7
    if not fetch.in_map and not fetch.settled and not fetch.abort:
        yield "the map lacks what is neither aborted nor over"
    if fetch.records_available is gone:
        yield "its records are gone and available"  # PERFORM-8.13.2
    if fetch.freed is not gone:
        yield "its bytes are counted as long as its records are there"  # E10
    if fetch.settled and fetch.abort in ("user", "script") and fetch.failure_reason != "aborted":
        yield "it was aborted for another reason"  # PERFORM-8.4


def _of_record(record: RecordState) -> Iterator[str]:
    if record.settled is not bool(record.result):
        yield "it has a result if and only if it is over"  # RECORD-13.2, E15
    stored = sum(part.length.lo for part in record.parts)
    if stored != record.stored.lo:
        yield f"its parts are {stored} bytes, and {record.stored.lo} are stored"  # R.6.4
    if record.stored.hi and record.response is None:
        yield "it has bytes of no response"
    if record.phase in IN_FLIGHT:
        return
    # What belongs to an attempt ends with it: the next one begins anew.
    attempt = (record.current, record.exchange, record.start, record.method)
    if attempt != (None, 0, NOTHING, "") or record.hops or record.taint or record.loose != TIGHT:
        yield "no attempt is under way and something of one is left"
    if record.settled and record.url:
        yield "it is over and knows where a redirect led"


def _of_uploads(spec: RequestSpec, uploaded: int) -> Iterator[str]:
    if not 0 <= uploaded <= (spec.body or 0):
        yield f"{uploaded} bytes of {spec.body or 0} are uploaded"  # REG-4, E34


def _of_realms(state: State) -> Iterator[str]:
    there = {realm.name for realm in state.realms}
    own = [each.edit.realm for each in state.reading if not each.over]
    own += [each.realm for each in state.objects]
    own += [each.realm for each in state.puts]
    for name in own:
        if name not in there:
            yield f"something waits for the realm {name!r}, which is gone"


def _of_nobody(state: State) -> Iterator[str]:
    """E87: what is on disk is left of a user agent that is gone, and nothing else."""
    waits = (state.realms, state.edits, state.reading, state.firing, state.prompts)
    if any((*waits, *state.updates, state.objects, state.puts)):
        yield "the user agent is gone and something waits in it"
    if any(event.active for event in state.events):
        yield "the user agent is gone and an event is active"
    if any(record.phase in IN_FLIGHT for row in state.records for record in row):
        yield "the user agent is gone and a request is in flight"
    if any(fetch.phase is RegistrationPhase.EVENT_ACTIVE for fetch in state.agent.fetches):
        yield "the user agent is gone and handles an event"
