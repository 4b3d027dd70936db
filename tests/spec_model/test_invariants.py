"""The invariant check notices what it is there for."""

from __future__ import annotations

import attrs
import pytest

from spec_model.editions import AMENDED
from spec_model.errata import UnknownErratum
from spec_model.invariants import BrokenInvariant, check, cluster_of, public_registration
from spec_model.lifecycle import RegistrationState
from spec_model.messages import AttemptTerminated
from spec_model.record_end import settle
from spec_model.record_state import Sent
from spec_model.state import State
from spec_model.values import exactly
from tests.spec_model.playing import Play, get


def running(result: str = "", reason: str = "") -> tuple[Play, State]:
    """A fetch that is under way, and the same with this result and failure reason."""
    play = Play()
    play.started(get("/x"), total=8)
    play.head()
    fetch = attrs.evolve(play.state.agent.fetches[0], result=result, failure_reason=reason)
    return play, play.state.put_fetch(fetch)


def test_a_step_that_changes_nothing_is_fine() -> None:
    play, _ = running()
    check(play.state, play.state)


@pytest.mark.parametrize(
    ("result", "reason"), [("success", "aborted"), ("failure", ""), ("", "bad-status")]
)
def test_an_impossible_pair_is_noticed(result: str, reason: str) -> None:
    play, after = running(result, reason)
    with pytest.raises(BrokenInvariant, match="failure reason"):
        check(play.state, after)


def test_an_instance_with_an_impossible_pair_is_noticed() -> None:
    play, _ = running()
    realm = play.state.realms[0]
    (instance,) = realm.instances
    shows = attrs.evolve(instance.shows, failure_reason="aborted")
    after = play.state.put_realm(realm.put(attrs.evolve(instance, shows=shows)))
    with pytest.raises(BrokenInvariant, match="failure reason"):
        check(play.state, after)


def test_a_passed_limit_is_noticed() -> None:
    play, _ = running()
    record = attrs.evolve(play.state.records[0][0], stored=exactly(9))
    with pytest.raises(BrokenInvariant, match="9 bytes stored, 8 allowed"):
        check(play.state, play.state.put_record(0, 0, record))


def test_a_second_settle_event_is_noticed() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    (event,) = play.state.events
    after = play.state.put_event(attrs.evolve(event, name="another"))
    with pytest.raises(BrokenInvariant, match="several settle events"):
        check(play.state, after)


def test_a_move_that_no_table_has_is_noticed() -> None:
    play, after = running("failure", "aborted")
    with pytest.raises(BrokenInvariant, match="from active to aborted"):
        check(play.state, after)


def test_a_move_of_a_record_that_no_table_has_is_noticed() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    with pytest.raises(BrokenInvariant, match="record 0 of 'a' went from success to receiving"):
        earlier = Play()
        earlier.started(get("/x"))
        earlier.head()
        check(play.state, play.state.put_record(0, 0, earlier.state.records[0][0]))


def test_the_same_move_is_legal_in_an_edition_that_has_it() -> None:
    play, after = running("failure", "aborted")
    check(play.state, after, AMENDED.without("E03"))


def test_an_erratum_is_repaired_with_its_cluster() -> None:
    assert (cluster_of("E45"), cluster_of("E13"), cluster_of("E43")) == ("E03", "E13", "E13")
    with pytest.raises(UnknownErratum):
        cluster_of("E99")


def test_a_running_fetch_is_active_and_a_stopped_one_is_not() -> None:
    play = Play(online=False)
    play.started(get("/x"))
    fetch = play.state.agent.fetches[0]
    assert public_registration(play.state, fetch) is RegistrationState.STALLED
    stopped = attrs.evolve(fetch, abort="user")
    assert public_registration(play.state, stopped) is RegistrationState.ABORTING


def test_slots_that_contradict_each_other_are_noticed_as_amended_only() -> None:
    play, _ = running()
    after = play.state.put_fetch(attrs.evolve(play.state.agent.fetches[0], freed=True))
    with pytest.raises(BrokenInvariant, match="as long as its records are there"):
        check(play.state, after)
    check(play.state, after, AMENDED.without("E10"))


def test_a_connection_that_is_left_open_is_noticed() -> None:
    play, _ = running()
    reading = play.state.records[0][0]
    aborted = play.state.put_record(0, 0, settle(reading, "aborted"))
    with pytest.raises(BrokenInvariant, match="left open"):
        check(play.state, aborted)
    check(play.state, aborted.say(AttemptTerminated(0, 0, reading.attempts)))


def test_a_whole_answer_that_is_terminated_is_noticed() -> None:
    play, _ = running()
    reading = play.state.records[0][0]
    over = play.state.put_record(0, 0, settle(reading, "success"))
    check(play.state, over)
    with pytest.raises(BrokenInvariant, match="whole answer"):
        check(play.state, over.say(AttemptTerminated(0, 0, reading.attempts)))


def test_a_request_that_is_awaited_and_was_not_made_is_noticed() -> None:
    play, _ = running()
    record = play.state.records[0][0]
    awaits = attrs.evolve(record, unseen=(Sent("https://app.example/x", "GET"),))
    with pytest.raises(BrokenInvariant, match="not made"):
        check(play.state, play.state.put_record(0, 0, awaits))


def test_a_request_that_is_awaited_after_it_has_arrived_is_noticed() -> None:
    play = Play()
    play.started(get("/x"))
    record = play.state.records[0][0]
    asked = attrs.evolve(record, exchange=0, unseen=(Sent("https://app.example/x", "GET"),))
    before = play.state.put_record(0, 0, asked)
    with pytest.raises(BrokenInvariant, match="has arrived"):
        check(before, before.put_record(0, 0, attrs.evolve(asked, exchange=1)))
    check(before, before.put_record(0, 0, attrs.evolve(asked, exchange=1, unseen=())))
