"""Records at work: whose answer is heard, and what a lost connection means where."""

from __future__ import annotations

from spec_model import messages as m
from spec_model.background_fetch import FetchCall, UserAgent
from spec_model.decide import Explain
from spec_model.phases import RecordPhase
from spec_model.state import Realm, State
from spec_model.system import inject, run
from spec_model.values import RequestSpec
from tests.spec_model.playing import HOME, Play, get, post

ALLOWED = ("Access-Control-Allow-Origin", HOME)


def out() -> tuple[State, Explain]:
    """A request is out, and no server has shown it yet."""
    d = Explain()
    state = State(UserAgent(HOME), (Realm("p1"),))
    return run(inject(state, m.CallFetch("c", "p1", FetchCall("a", (get("/x"),))), d), d), d


def test_a_request_is_unseen_until_a_server_has_it() -> None:
    state, d = out()
    assert (len(state.records[0][0].unseen), state.records[0][0].exchange) == (1, 0)
    state = inject(state, m.Accepted(0, 0, 1, 7), d)
    assert (len(state.records[0][0].unseen), state.records[0][0].exchange) == (0, 7)


def test_a_request_that_arrives_after_its_attempt_is_over_is_not_the_next_attempt_s() -> None:
    state, d = out()
    for action in ("pause", "resume"):
        state = run(inject(state, m.UserDid(action, "a"), d), d)
    state = inject(state, m.Accepted(0, 0, 1, 7), d)
    assert (len(state.records[0][0].unseen), state.records[0][0].exchange) == (1, 0)
    state = inject(state, m.Accepted(0, 0, 2, 8), d)
    assert (len(state.records[0][0].unseen), state.records[0][0].exchange) == (0, 8)


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


# --- what two records do to each other, and other ways of the text as it is written ------


def test_a_request_that_may_not_leave_its_origin_is_never_made() -> None:
    play = Play()
    foreign = RequestSpec("https://cdn.example/x", mode="same-origin")
    play.started(foreign)
    assert (play.requests, play.outcome) == ([], ("failure", "fetch-error"))


def test_a_chain_of_redirects_remembers_where_it_has_been() -> None:
    play = Play()
    play.started(get("/x"))
    play.head(1, 302, ("Location", "https://cdn.example/y"), framing="none")
    play.head(2, 302, ("Location", f"{HOME}/z"), ALLOWED, framing="none")
    play.head(3, 200)
    assert [each.url for each in play.requests][1:] == ["https://cdn.example/y", f"{HOME}/z"]
    assert play.outcome == ("failure", "fetch-error")


def test_two_records_may_exceed_the_total_together_as_written() -> None:
    def stored(checked: str) -> int:
        play = Play("amended - E21", {"the total is checked": checked})
        play.started(get("/x"), get("/y"), total=10)
        play.head(1, framing="chunked", length=-1)
        play.head(2, framing="chunked", length=-1)
        play.bytes(6, 1)
        play.bytes(6, 2)
        return play.state.stored(0)

    assert (stored("before"), stored("after")) == (12, 6)


def test_a_lone_record_has_nobody_to_race_with() -> None:
    play = Play("amended - E21")
    play.started(get("/x"), total=10)
    play.head(1, framing="chunked", length=-1)
    play.bytes(11)
    assert play.outcome == ("failure", "download-total-exceeded")


def test_a_settled_record_may_be_counted_or_lost_as_written() -> None:
    for counted, outcome in (("counted", ("success", "")), ("lost", ("", ""))):
        play = Play("amended - E07", {"a settled record is counted": counted})
        play.started(get("/x"), get("/y"))
        play.whole(1)
        play.whole(2)
        assert play.outcome == outcome


def test_a_body_counts_as_often_as_it_is_sent_as_written() -> None:
    for reading, uploaded in (("amended", 10), ("amended - E34", 20)):
        play = Play(reading)
        instance = play.started(post("/x"))
        play.tell(m.Uploaded(1, 4))
        play.tell(m.Uploaded(1, 10))
        play.head(1, 307, ("Location", "/y"), framing="none")
        play.tell(m.Uploaded(2, 0))
        play.tell(m.Uploaded(2, 10))
        assert play.looks(instance).uploaded == uploaded


def test_an_end_is_noticed_later_as_written() -> None:
    play = Play("amended - E03", {"the end is noticed": "late"})
    play.started(get("/x"))
    play.whole()
    assert play.outcome == ("success", "")


def test_time_does_not_bring_back_what_the_network_keeps_away() -> None:
    play = Play()
    play.started(get("/x"), get("/y"))
    play.whole(1)
    for online in (False, False):
        play.tell(m.WentOnline(online))
        play.tell(m.TimePassed())
    assert len(play.requests) == 2
    play.tell(m.WentOnline(True))
    assert len(play.requests) == 3


def test_a_reset_may_overtake_the_end_of_a_whole_body() -> None:
    for seen, outcome in (("end", ("success", "")), ("error", ("failure", "fetch-error"))):
        play = Play(profile={"how did it end": seen})
        play.started(get("/x"))
        play.head()
        play.bytes(10)
        play.end(how="reset")
        assert play.outcome == outcome


def test_losing_the_connection_does_not_end_what_as_written_never_ends() -> None:
    play = Play("amended - E18")
    play.started(get("/x"))
    play.head(1, 204, framing="none", length=0)
    play.end()
    play.tell(m.WentOnline(False))
    assert play.state.records[0][0].phase is RecordPhase.READING
