"""What the user sees, automation, streamed bodies, and realms that are busy."""

from __future__ import annotations

import pytest

from spec_model import messages as m
from spec_model.background_fetch import FetchCall, Rejected
from spec_model.interface import Interface
from tests.spec_model.playing import Play, get, post


def seen(play: Play, id: str = "a") -> Interface | None:
    (shown,) = play.tell(m.UserLooked(id))
    assert isinstance(shown, m.InterfaceSeen)
    return shown.shows


def clicked(play: Play, page: str = "p1") -> list[str]:
    shown = play.tell(m.AutomationClicked(page, "a"))
    return [each.why for each in shown if isinstance(each, m.Refused)]


def streamed(play: Play, *, id: str = "a", call: str = "s1") -> None:
    uploads = (post("/x", 10), post("/y", 5))
    play.tell(m.CallFetch(call, "p1", FetchCall(id, uploads, unread=(0, 1))))


def test_nothing_is_displayed_of_what_was_never_fetched_or_was_dismissed() -> None:
    play = Play()
    assert seen(play) is None
    play.started(get("/x"))
    play.whole()
    assert seen(play) is not None
    assert play.user("dismiss") is None
    assert seen(play) is None


def test_an_upload_is_not_offered_to_be_paused() -> None:
    play = Play()
    play.started(post("/x"))
    shows = seen(play)
    assert shows is not None
    assert (shows.can_abort, shows.can_pause) == (True, False)


def test_automation_clicks_where_there_is_a_window_a_worker_and_a_fetch() -> None:
    play = Play()
    assert clicked(play, "p9") == ["no such window"]
    assert clicked(play) == ["background fetch not found"]
    play.started(get("/x"))
    assert clicked(play) == []
    assert play.events == ["backgroundfetchclick"]
    play.tell(m.CallUnregister("u", "p1"))
    assert clicked(play) == ["invalid service worker state"]


def test_a_fetch_begins_when_all_its_bodies_have_been_read() -> None:
    play = Play()
    streamed(play)
    play.tell(m.BodyRead("s1", 0))
    play.tell(m.BodyRead("s1", 0))
    assert play.requests == []
    play.tell(m.BodyRead("s1", 1))
    assert len(play.requests) == 2
    assert play.state.agent.fetches[0].upload_total == 15


def test_a_body_that_fails_rejects_the_call_and_frees_the_id() -> None:
    play = Play()
    streamed(play)
    play.tell(m.BodyRead("s1", 1, failed=True))
    assert play.value("s1") == Rejected("TypeError", "FETCH-8.11")
    play.started(get("/x"))


@pytest.mark.parametrize("failed", [False, True])
def test_a_body_that_is_over_before_its_call_has_its_turn_is_not_waited_for(failed: bool) -> None:
    # E60: as written the second call waits in the queue while the first reads its bodies.
    play = Play("amended - E60")
    streamed(play)
    streamed(play, id="b", call="s2")
    play.tell(m.BodyRead("s2", 0))
    play.tell(m.BodyRead("s2", 1, failed=failed))
    play.tell(m.BodyRead("s1", 0))
    play.tell(m.BodyRead("s1", 1))
    settled = {each.call: each.value for each in play.every(m.PromiseSettled)}
    assert settled.keys() == {"s1", "s2"}
    assert isinstance(settled["s2"], Rejected) is failed


@pytest.mark.parametrize(("reading", "free"), [("amended", True), ("amended - E60", False)])
def test_a_page_that_dies_while_its_bodies_are_read_lets_go_of_the_queue(
    reading: str, free: bool
) -> None:
    play = Play(reading)
    play.tell(m.PageOpened("p2"))
    streamed(play)
    play.tell(m.PageClosed("p1"))
    play.tell(m.CallFetch("c9", "p2", FetchCall("a", (get("/x"),))))
    assert bool(play.every(m.PromiseSettled)) is free


@pytest.mark.parametrize("run_first", [False, True])
def test_as_written_a_page_that_dies_blocks_updates_only_if_its_task_had_not_run(
    run_first: bool,
) -> None:
    play = Play("amended - E47")
    instance = play.started(get("/x"))
    play.tell(m.PageOpened("p2"))
    play.tell(m.RealmBusy("p2", busy=True))
    play.tell(m.CallGet("c9", "p2", "a"))
    if run_first:
        play.tell(m.RealmBusy("p2", busy=False))
    play.tell(m.PageClosed("p2"))
    play.whole()
    assert play.looks(instance).result == ("success" if run_first else "")


def test_a_realm_that_is_not_there_cannot_be_busy() -> None:
    with pytest.raises(KeyError):
        Play().tell(m.RealmBusy("p9", busy=True))
