"""Records at work: whose answer is heard, and what a lost connection means where."""

from __future__ import annotations

from spec_model import messages as m
from spec_model.background_fetch import FetchCall, UserAgent
from spec_model.decide import Explain
from spec_model.state import Realm, State
from spec_model.system import inject, run
from tests.spec_model.playing import HOME, Play, get


def out() -> tuple[State, Explain]:
    """A request is out, and no server has shown it yet."""
    d = Explain()
    state = State(UserAgent(HOME), (Realm("p1"),))
    return run(inject(state, m.CallFetch("c", "p1", FetchCall("a", (get("/x"),))), d), d), d


def test_a_request_is_unseen_until_a_server_has_it() -> None:
    state, d = out()
    assert (state.records[0][0].unseen, state.records[0][0].exchange) == (1, 0)
    state = inject(state, m.Accepted(0, 0, 1, 7), d)
    assert (state.records[0][0].unseen, state.records[0][0].exchange) == (0, 7)


def test_a_request_that_arrives_after_its_attempt_is_over_is_not_the_next_attempt_s() -> None:
    state, d = out()
    for action in ("pause", "resume"):
        state = run(inject(state, m.UserDid(action, "a"), d), d)
    state = inject(state, m.Accepted(0, 0, 1, 7), d)
    assert (state.records[0][0].unseen, state.records[0][0].exchange) == (1, 0)
    state = inject(state, m.Accepted(0, 0, 2, 8), d)
    assert (state.records[0][0].unseen, state.records[0][0].exchange) == (0, 8)


def test_an_exchange_is_not_taken_from_a_record_that_has_one() -> None:
    state, d = out()
    state = inject(state, m.Accepted(0, 0, 1, 7), d)
    state = inject(state, m.Accepted(0, 0, 1, 8), d)
    assert state.records[0][0].exchange == 7


def steps_of_going_offline(play: Play) -> list[str]:
    before = len(play.decide.steps)
    play.tell(m.WentOnline(False))
    return play.decide.steps[before:]


def test_a_connection_lost_before_the_head_is_a_network_error() -> None:
    play = Play()
    play.started(get("/x"))
    assert "RECORD-11.R.1.1" in steps_of_going_offline(play)


def test_a_connection_lost_after_the_head_breaks_the_body() -> None:
    play = Play()
    play.started(get("/x"))
    play.head()
    assert "RECORD-11.R.8.1" in steps_of_going_offline(play)


def test_a_record_is_over_once() -> None:
    play = Play()
    play.started(get("/x"), get("/y"))
    play.whole(1)
    assert play.decide.steps.count("PERFORM-5.4") == 1
    play.whole(2)
    assert play.decide.steps.count("PERFORM-5.4") == 2


def test_bytes_that_are_told_twice_count_once() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.head()
    play.bytes(4)
    play.bytes(4)
    assert play.progress(instance) == [4]


def test_a_limit_counts_within_one_fetch() -> None:
    play = Play(limit=1)
    play.started(get("/x"), id="a")
    play.started(get("/y"), id="b")
    assert len(play.requests) == 2


def test_an_answer_that_is_no_longer_awaited_changes_nothing() -> None:
    play = Play()
    play.started(get("/x"))
    play.head()
    before = play.state
    play.head()
    assert play.state == before
