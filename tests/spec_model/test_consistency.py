"""What must not be true of a state as amended is said of it; one contradiction each."""

from __future__ import annotations

import attrs
import pytest

from spec_model.background_fetch import BackgroundFetch, UserAgent
from spec_model.consistency import contradictions
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.record_state import Loose, RecordState
from spec_model.state import Event, State
from spec_model.tasks import CachePut, Firing
from spec_model.values import Head, Part, RequestSpec, exactly

FETCH = BackgroundFetch(0, "a", (RequestSpec("https://a.test/"),), phase=RegistrationPhase.RUNNING)
AGENT = UserAgent("https://a.test", fetches=(FETCH,))
RECORD = RecordState()
READING = RecordState(
    phase=RecordPhase.READING,
    stored=exactly(5),
    parts=(Part(1, "https://a.test/", 1, 0, exactly(5)),),
    response=Head(1, 200),
    current=Head(1, 200),
    exchange=1,
    url="https://a.test/",
    method="GET",
)
CLOSED = attrs.evolve(
    FETCH,
    phase=RegistrationPhase.RECORDS_GONE,
    result="success",
    in_map=False,
    records_available=False,
    freed=True,
)
OVER = RecordState(phase=RecordPhase.SETTLED, result="success")


def state(fetch: BackgroundFetch = FETCH, record: RecordState = RECORD, uploaded: int = 0) -> State:
    agent = attrs.evolve(AGENT, fetches=(fetch,))
    return State(agent, records=((record,),), uploaded=((uploaded,),), updates=((),))


@pytest.mark.parametrize("good", [state(), state(record=READING), state(CLOSED, OVER)])
def test_nothing_is_said_of_what_agrees(good: State) -> None:
    assert list(contradictions(good)) == []


NOT_RUNNING = attrs.evolve(AGENT, running=False)
ENDS = attrs.evolve(CLOSED, result="failure", failure_reason="bad-status", abort="user")
HANDLED = attrs.evolve(FETCH, phase=RegistrationPhase.EVENT_ACTIVE)

BAD = {
    "asks the user": state(attrs.evolve(FETCH, prompting=True)),
    "map holds": state(attrs.evolve(FETCH, abort="script")),
    "map lacks": state(attrs.evolve(FETCH, in_map=False)),
    "gone and available": state(attrs.evolve(CLOSED, records_available=True), OVER),
    "bytes are counted": state(attrs.evolve(CLOSED, freed=False), OVER),
    "another reason": state(ENDS, OVER),
    "if and only if": state(record=attrs.evolve(READING, result="success")),
    "parts are": state(record=attrs.evolve(READING, parts=())),
    "of no response": state(record=attrs.evolve(READING, response=None)),
    "something of one is left": state(record=attrs.evolve(RECORD, hops=1)),
    "no attempt is under way": state(record=attrs.evolve(RECORD, loose=Loose(skipped=1))),
    "a redirect led": state(CLOSED, attrs.evolve(OVER, url="https://b.test/")),
    "are uploaded": state(uploaded=1),
    "something waits in it": attrs.evolve(state(), agent=NOT_RUNNING, firing=(Firing(0),)),
    "an event is active": attrs.evolve(
        state(), agent=NOT_RUNNING, events=(Event("e1", "backgroundfetchsuccess", 0, 1),)
    ),
    "in flight": attrs.evolve(state(record=READING), agent=NOT_RUNNING),
    "handles an event": attrs.evolve(
        state(HANDLED), agent=attrs.evolve(NOT_RUNNING, fetches=(HANDLED,))
    ),
}


@pytest.mark.parametrize("said", BAD)
def test_a_contradiction_is_said(said: str) -> None:
    assert any(said in each for each in contradictions(BAD[said])), list(contradictions(BAD[said]))


WAITS = attrs.evolve(state(), puts=(CachePut("c1", "page", "films", "r1"),))


def test_what_waits_for_a_page_that_is_gone_is_said() -> None:
    assert list(contradictions(WAITS)) == ["something waits for the realm 'page', which is gone"]
