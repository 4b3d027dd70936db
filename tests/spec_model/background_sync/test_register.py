"""register() and getTags(): who may, what happens to a tag that is known, and races."""

from __future__ import annotations

import pytest

from spec_model.background_fetch import Rejected
from spec_model.background_sync.lifecycle import SyncState
from spec_model.background_sync.state import (
    CallRegister,
    GoOn,
    Registration,
    Settled,
    State,
    SyncFired,
)
from spec_model.background_sync.system import BACKGROUND_SYNC, BrokenSyncInvariant, check
from spec_model.decide import Explain
from spec_model.editions import AMENDED, Edition
from spec_model.messages import CallUnregister, PageClosed, PageOpened, PermissionSet, WentOnline
from tests.spec_model.background_sync.playing import Player


def error(value: object) -> str:
    assert isinstance(value, Rejected)
    return value.error


def test_the_promise_settles_before_the_event_comes() -> None:
    shown = Player().do(CallRegister("c", "p1", "a"))
    assert shown == [Settled("c", None), SyncFired("s1", "a", last_chance=False)]


def test_offline_the_event_waits_for_the_network() -> None:
    player = Player(State(online=False))
    assert player.register() is None
    assert player.fired == []
    player.do(WentOnline(True))
    assert [each.tag for each in player.fired] == ["a"]


def test_a_tag_that_was_registered_several_times_offline_is_fired_once() -> None:
    player = Player(State(online=False))
    for _ in range(5):
        player.register()
    assert player.tags() == ("a",)
    player.do(WentOnline(True), WentOnline(True))
    assert len(player.fired) == 1


def test_several_tags_are_fired_each_with_an_event_of_its_own() -> None:
    player = Player(State(online=False))
    for tag in "abc":
        player.register(tag)
    player.do(WentOnline(True))
    assert [each.tag for each in player.fired] == ["a", "b", "c"]
    for event, good in (("s1", True), ("s2", False), ("s3", True)):
        player.end(good, event)
    assert player.state.registrations == (Registration("b", SyncState.WAITING, 1, 4),)


def test_the_reasons_of_a_rejection_have_the_order_of_the_text() -> None:
    player = Player()
    player.do(PageClosed("p1"))
    assert error(player.register(realm="worker")) == "InvalidAccessError"
    player.do(PermissionSet("denied"))
    assert error(player.register(realm="worker")) == "NotAllowedError"
    player.do(CallUnregister("u", "worker"))
    assert error(player.register(realm="worker")) == "InvalidStateError"


def test_a_worker_may_register_while_some_page_is_open() -> None:
    player = Player(State(pages=()))
    player.do(PageOpened("p2"))
    assert player.register(realm="worker") is None


@pytest.mark.parametrize(("profile", "value"), [({}, None), ({"sync-prompt": "rejects"}, "no")])
def test_a_permission_that_was_never_asked_for(profile: dict[str, str], value: object) -> None:
    player = Player(State(permission="prompt"), profile=profile)
    settled = player.register()
    assert settled is None if value is None else error(settled) == "NotAllowedError"


def test_registering_while_it_waits_fires_at_once() -> None:
    player = Player()
    player.register()
    player.end(False)
    player.register()
    assert player.chances == [False, False]
    player.end(False)
    assert player.state.registrations[0].attempts == 2


def test_registering_while_it_waits_may_begin_a_new_series() -> None:
    player = Player(profile={"sync-new-series": "always"})
    player.register()
    player.end(False)
    player.register()
    player.end(False)
    assert player.state.registrations[0].attempts == 1


def test_unregistering_the_worker_leaves_nothing() -> None:
    player = Player(State(online=False))
    player.register("a")
    player.register("b")
    player.do(CallUnregister("u", "p1"), WentOnline(True))
    assert player.fired == []
    assert player.tags() == ()


def test_the_rest_of_a_call_finds_nothing_once_the_worker_is_unregistered() -> None:
    state, d = State(registrations=(Registration("a"),), todo=(GoOn("a", new=True),)), Explain()
    state = BACKGROUND_SYNC.inject(state, CallUnregister("u", "p1"), d)
    for task in reversed(BACKGROUND_SYNC.enabled(state, d)):
        state = BACKGROUND_SYNC.perform(state, task, d)
    assert state.events == ()


def _race(edition: Edition) -> State:
    """Two calls run side by side: both promises are resolved before either goes on."""
    d = Explain(edition)
    state = State(registrations=(Registration("a"),))
    state = state.later(GoOn("a", new=True), GoOn("a", new=False))
    for at in (1, 0):
        state = BACKGROUND_SYNC.perform(state, BACKGROUND_SYNC.enabled(state, d)[at], d)
    return state


def test_of_two_calls_side_by_side_only_one_fires() -> None:
    assert len(_race(AMENDED).events) == 1


def test_as_written_the_call_that_made_the_registration_fires_it_again() -> None:
    state = _race(AMENDED.without("BS03"))
    assert len(state.events) == 2
    check(State(), State(), AMENDED)
    with pytest.raises(BrokenSyncInvariant, match="two events of one tag"):
        check(state, state, AMENDED)


@pytest.mark.parametrize("good", [True, False])
def test_as_written_the_second_of_two_events_ends_after_its_registration(good: bool) -> None:
    player = Player(_race(AMENDED.without("BS03")), AMENDED.without("BS03"))
    player.end(True, "s1")
    player.end(good, "s2")
    assert player.state.registrations == ()


@pytest.mark.parametrize("good", [True, False])
def test_as_written_the_second_of_two_events_may_end_while_it_waits(good: bool) -> None:
    player = Player(_race(AMENDED.without("BS03")), AMENDED.without("BS03"))
    player.end(False, "s1")
    player.end(good, "s2")
    assert len(player.state.registrations) == (0 if good else 1)
