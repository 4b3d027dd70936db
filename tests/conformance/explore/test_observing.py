"""What observers see is told in names that no reading of the text can change."""

from __future__ import annotations

import attrs

from conformance.explore.observing import Looked, looks, meant, public
from conformance.explore.words import output_in_words, step_in_words
from spec_model import messages as m
from spec_model.background_fetch import Rejected, UserAgent
from spec_model.instances import Instance, Snapshot
from spec_model.record_objects import RecordObject
from spec_model.record_state import RecordState
from spec_model.state import WORKER, Event, Realm, State
from spec_model.values import Part, exactly

HOME = "https://app.example"
SHOWN = Snapshot("a", downloaded=3)


def state(name: str, *, exchange: int = 0) -> State:
    return State(
        UserAgent(HOME),
        realms=(Realm("p1", (Instance(name, 0, SHOWN),)), Realm(WORKER)),
        records=((RecordState(exchange=exchange),),),
        events=(Event(f"e-{name}", "backgroundfetchfail", 0, 1),),
        objects=(RecordObject(f"r-{name}", "p1", 0, 0, 0, HOME, "GET"),),
    )


def test_two_names_of_one_object_are_the_same_to_see() -> None:
    one = public(m.ProgressFired("i1", SHOWN), state("i1"))
    other = public(m.ProgressFired("i2", SHOWN), state("i2"))
    assert one == other
    ready = m.BytesReceived("r-i1", 3), m.BytesReceived("r-i2", 3)
    assert public(ready[0], state("i1")) == public(ready[1], state("i2"))


def test_a_page_cannot_tell_which_answers_brought_its_bytes() -> None:
    def body(*parts: Part) -> m.Output:
        return public(m.BodyEnded("r-i", 4, parts), state("i"))

    whole = body(Part(1, HOME, 1, 0, exactly(4)))
    assert body(Part(1, HOME, 1, 0, exactly(2)), Part(2, HOME, 1, 2, exactly(2))) == whole
    assert body(Part(1, HOME, 1, 0, exactly(2)), Part(2, HOME, 2, 2, exactly(2))) != whole


def test_the_step_that_refused_is_ours_and_cannot_be_seen() -> None:
    refused = m.PromiseSettled("c", Rejected("TypeError", "FETCH-5"))
    assert public(refused, state("i")) == m.PromiseSettled("c", Rejected("TypeError", ""))


def test_an_input_means_the_same_exchange_and_event_elsewhere() -> None:
    here, there = state("i1", exchange=7), state("i2", exchange=9)
    assert meant(m.BytesArrived(7, 2), here, there) == m.BytesArrived(9, 2)
    assert meant(m.EventEnded("e-i1"), here, there) == m.EventEnded("e-i2")


def test_bytes_for_an_attempt_that_is_over_elsewhere_are_heard_by_nobody() -> None:
    here, there = state("i1", exchange=7), state("i1")
    assert meant(m.BytesArrived(7, 2), here, there) is None


def test_pages_can_look_and_the_worker_cannot() -> None:
    seen = state("i")
    assert looks(seen) == (Looked("p1", 0, SHOWN),)
    asleep = attrs.evolve(seen, realms=(Realm(WORKER, (Instance("w", 0, SHOWN),)),))
    assert looks(asleep) == ()


def test_steps_and_observations_have_words() -> None:
    assert step_in_words(m.UserDid("abort", "a")) == "the user aborts"
    assert step_in_words(m.Ended(1, "reset")) == "an answer breaks off (reset)"
    ended = attrs.evolve(SHOWN, result="failure", failure_reason="aborted")
    assert output_in_words(m.ProgressFired("p1 0", ended)) == (
        "p1 gets progress: 3 downloaded, result failure (aborted)"
    )
    assert output_in_words(Looked("p1", 0, attrs.evolve(SHOWN, records_available=False))) == (
        "p1 reads its registration: 3 downloaded, records gone"
    )
