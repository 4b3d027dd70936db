"""States in words: of both specifications, and of one that nobody has words for."""

from __future__ import annotations

import attrs

from conformance.explain.shape import Change
from conformance.explain.slots import words_for
from spec_model.background_sync.lifecycle import SyncState
from spec_model.background_sync.state import (
    CallRegister,
    Event,
    Registration,
    RunCall,
    State,
    Wait,
)

CALLS = {"c1": 'register("news")'}


def told(before: object, after: object) -> list[str]:
    return [each.sentence for each in words_for(after).changes(before, after, CALLS)]


def test_a_sync_registration_is_told_by_its_tag() -> None:
    pending, firing = Registration("news"), Registration("news", SyncState.FIRING)
    assert told(State(), State(registrations=(pending,))) == ['sync registrations: + "news"']
    assert told(State(registrations=(pending,)), State(registrations=(firing,))) == [
        'sync registration "news".state: pending → firing'
    ]


def test_what_a_call_still_has_to_do_runs_in_parallel() -> None:
    waiting = State(todo=(RunCall(CallRegister("c1", "p1", "news")),))
    assert told(State(), waiting) == ['in parallel: + register("news")']
    (change,) = words_for(State()).changes(waiting, State(), CALLS)
    assert words_for(State()).runs([change]) == 0


def test_waits_and_events_of_sync_are_told() -> None:
    after = State(waits=(Wait(1, "news", 300),), events=(Event("e1", "news", True),), online=False)
    assert told(State(), after) == [
        "online: true → false",
        'waits before a retry: + "news"',
        'active sync events: + "news", the last chance',
    ]


def test_what_is_left_at_the_end_of_sync_is_told() -> None:
    state = State(registrations=(Registration("news", SyncState.WAITING),))
    assert words_for(state).end(state) == ['sync registration "news" is waiting']


@attrs.frozen
class Strange:
    door_open: bool = False
    queue: tuple[str, ...] = ()
    outbox: tuple[str, ...] = ()


def test_a_state_without_words_is_told_by_its_fields() -> None:
    before, after = Strange(), Strange(True, ("first",), ("shown",))
    assert told(before, after) == ["door open: false → true", "queue.0: + first"]
    assert words_for(after).runs([Change("queue", removed="first")]) == 0
    assert words_for(after).end(after) == []
