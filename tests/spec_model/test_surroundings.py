"""Connectivity, pages, the user, and user agents that go away and come back."""

from __future__ import annotations

import pytest

from spec_model import messages as m
from spec_model.background_fetch import Rejected
from spec_model.phases import RecordPhase
from spec_model.state import UnknownName
from spec_model.system import inject
from spec_model.tasks import AwaitTask, TakeSnapshot
from tests.spec_model.playing import Play, get, post


def test_going_offline_breaks_connections_and_coming_back_resumes() -> None:
    play = Play()
    play.started(get("/x"))
    play.head()
    play.bytes(4)
    play.tell(m.WentOnline(False))
    assert play.every(m.AttemptTerminated) == [m.AttemptTerminated(0, 0, 1)]
    assert play.outcome == ("", "")
    play.tell(m.WentOnline(True))
    play.part(2, 4, 9, 10)
    assert (play.ranges, play.outcome) == ([None, 4], ("success", ""))


def test_going_offline_fails_an_upload() -> None:
    play = Play()
    play.started(post("/x"))
    play.tell(m.WentOnline(False))
    assert play.outcome == ("failure", "fetch-error")


def test_a_fetch_that_starts_offline_waits() -> None:
    play = Play(online=False)
    play.started(get("/x"))
    assert play.requests == []
    play.tell(m.WentOnline(True))
    assert len(play.requests) == 1


def test_what_is_thought_temporary_is_tried_again_when_time_passes() -> None:
    play = Play(profile={"temporary-loss": "temporary"})
    play.started(get("/x"))
    play.drop()
    assert len(play.requests) == 1
    play.tell(m.TimePassed())
    assert len(play.requests) == 2


def test_a_page_that_closes_takes_its_objects_and_promises_with_it() -> None:
    play = Play()
    play.tell(m.PageOpened("p2"))
    play.fetch(get("/x"))
    value = play.get(realm="p2")
    assert isinstance(value, m.InstanceRef)
    play.tell(m.PageClosed("p2"))
    with pytest.raises(UnknownName):
        play.looks(value.instance)
    play.whole()
    assert play.events == ["backgroundfetchsuccess"]


@pytest.mark.parametrize("action", ["abort", "pause", "click"])
def test_nothing_can_be_done_to_what_is_not_there(action: str) -> None:
    assert Play().user(action) is not None


def test_the_user_acts_on_the_newest_fetch_of_an_id() -> None:
    play = Play()
    play.abort(play.started(get("/x")))
    play.started(get("/y"))
    play.user("pause")
    assert [fetch.paused for fetch in play.state.agent.fetches] == [False, True]


def test_refusing_a_prompt_is_an_abort() -> None:
    play = Play(permission="prompt")
    play.started(get("/x"))
    play.user("refuse")
    assert (play.events, play.requests) == (["backgroundfetchabort"], [])


def test_a_push_reaches_a_worker_that_listens() -> None:
    play = Play(listening=frozenset({"push"}))
    play.tell(m.Pushed("hello"))
    assert [(each.name, each.data) for each in play.every(m.EventDispatched)] == [("push", "hello")]
    deaf = Play()
    deaf.tell(m.Pushed("hello"))
    assert deaf.events == []


def test_the_end_of_a_click_does_not_close_the_records() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.whole()
    settle = play.event.event
    play.user("click")
    play.tell(m.EventEnded(play.event.event))
    assert play.looks(instance).records_available
    play.tell(m.EventEnded(settle))
    assert not play.looks(instance).records_available


def test_a_pause_that_is_over_before_it_was_noticed_gives_up_no_wait() -> None:
    play = Play()
    play.started(get("/x"))
    play.tell(m.WentOnline(False))
    for action in ("pause", "resume"):
        before, play.state = play.state, inject(play.state, m.UserDid(action, "a"), play.decide)
        play.look_at(before, play.state)
    assert play.state.records[0][0].phase is RecordPhase.WAITING_AVAILABLE


def test_an_event_ends_once() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.whole()
    play.tell(m.EventEnded(play.event.event))
    ended = play.state
    play.tell(m.EventEnded(play.event.event))
    assert play.state == ended
    assert not play.looks(instance).records_available


def test_a_settle_event_that_ends_after_the_worker_was_unregistered_closes_nothing_more() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    play.tell(m.CallUnregister("gone", "p1"))
    closed = play.state.agent
    play.tell(m.EventEnded(play.event.event))
    assert play.state.agent == closed


def test_a_permission_that_is_withdrawn_refuses_the_next_fetch_and_stops_none() -> None:
    play = Play()
    play.started(get("/x"))
    play.tell(m.PermissionSet("denied"))
    assert play.fetch(get("/y"), id="b") == Rejected("NotAllowedError", "FETCH-8.2")
    play.whole()
    assert play.events == ["backgroundfetchsuccess"]


def test_as_written_a_page_that_goes_lets_go_of_a_queue_that_has_nothing_to_wait_for() -> None:
    play = Play("amended - E47")
    play.started(get("/x"))
    waits = AwaitTask("c9", "p2")
    play.state = play.state.put_updates(0, (waits, TakeSnapshot()))
    play.state = inject(play.state, m.PageClosed("p2"), play.decide)
    assert play.state.updates[0] == (TakeSnapshot(),)


# --- restarts -------------------------------------------------------------------------


def restart(play: Play, *, kill: bool = False) -> None:
    play.tell(m.UserAgentQuit(kill))
    play.tell(m.UserAgentLaunched("p1"))


def test_a_download_goes_on_where_it_was() -> None:
    play = Play()
    play.started(get("/x"))
    play.head()
    play.bytes(4)
    restart(play)
    assert (play.ranges, play.every(m.AttemptTerminated)) == (
        [None, 4],
        [m.AttemptTerminated(0, 0, 1)],
    )
    play.part(2, 4, 9, 10)
    assert play.events == ["backgroundfetchsuccess"]


def test_after_a_kill_bytes_may_be_gone() -> None:
    play = Play(profile={"durable bytes": "nothing"})
    play.started(get("/x"))
    play.head()
    play.bytes(4)
    restart(play, kill=True)
    assert play.ranges == [None, None]


def test_after_a_clean_quit_they_are_there() -> None:
    play = Play(profile={"durable bytes": "nothing"})
    play.started(get("/x"))
    play.head()
    play.bytes(4)
    restart(play)
    assert play.ranges == [None, 4]


def test_an_upload_in_flight_is_not_sent_again() -> None:
    play = Play()
    play.started(post("/x"))
    restart(play)
    assert (len(play.requests), play.outcome) == (1, ("failure", "fetch-error"))


def test_nothing_happens_while_it_is_away() -> None:
    play = Play()
    play.started(get("/x"))
    play.tell(m.UserAgentQuit())
    before = play.state
    play.head()
    assert play.state == before


def test_what_finished_stays_finished() -> None:
    play = Play()
    play.started(get("/x"), get("/y"))
    play.whole(1)
    restart(play)
    assert [each.record for each in play.requests] == [0, 1, 1]


def test_a_handler_that_was_cut_off_gets_its_event_again_and_one_that_was_not_does_not() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    restart(play, kill=True)
    assert play.events == ["backgroundfetchsuccess"] * 2
    play.tell(m.EventEnded(play.event.event))
    restart(play, kill=True)
    assert play.events == ["backgroundfetchsuccess"] * 2


def test_an_event_comes_at_most_once_across_a_clean_end() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    restart(play)
    assert play.events == ["backgroundfetchsuccess"]


def test_a_pause_survives() -> None:
    play = Play()
    play.started(get("/x"))
    play.user("pause")
    restart(play)
    assert len(play.requests) == 1
    play.user("resume")
    assert len(play.requests) == 2


def test_a_true_abort_survives_and_pages_find_nothing() -> None:
    play = Play(listening=frozenset())
    play.abort(play.started(get("/x")))
    restart(play)
    assert (play.outcome, play.get()) == (("failure", "aborted"), None)


def test_as_written_nothing_is_said_to_survive() -> None:
    play = Play("as-written")
    play.started(get("/x"))
    restart(play)
    assert (len(play.requests), play.get(), play.outcome) == (1, m.Null(), ("", ""))


def test_as_written_what_is_over_needs_no_forgetting() -> None:
    play = Play("amended - E87")
    play.started(get("/x"))
    play.whole()
    play.tell(m.EventEnded(play.event.event))
    before = play.state.agent.fetches
    restart(play)
    assert play.state.agent.fetches == before
