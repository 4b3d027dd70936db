"""The sync event: how it ends, retries, registering again meanwhile, restarts."""

from __future__ import annotations

import pytest

from spec_model.background_sync.lifecycle import SyncState
from spec_model.background_sync.state import Registration, State
from spec_model.editions import AMENDED, AS_WRITTEN
from spec_model.messages import CallUnregister, UserAgentLaunched, UserAgentQuit, WentOnline
from tests.spec_model.background_sync.playing import Player

QUIT, KILL, LAUNCH = UserAgentQuit(), UserAgentQuit(kill=True), UserAgentLaunched("p1")


def firing(player: Player | None = None) -> Player:
    player = player or Player()
    player.register()
    return player


def state_of(player: Player) -> SyncState:
    (registration,) = player.state.registrations
    return registration.state


def test_a_handler_that_ends_well_removes_the_tag() -> None:
    player = firing()
    assert player.tags() == ("a",)
    player.end()
    assert player.tags() == ()


def test_a_worker_that_does_not_listen_is_done_at_once() -> None:
    player = firing(Player(State(listening=False)))
    assert player.fired == []
    assert player.tags() == ()


def test_a_handler_that_fails_is_tried_again_later_and_later_up_to_a_last_chance() -> None:
    player = firing()
    player.end(False)
    player.wait(299)
    assert len(player.fired) == 1
    player.wait(1)
    player.end(False)
    player.wait(899)
    assert len(player.fired) == 2
    player.wait(1)
    assert player.chances == [False, False, True]
    player.end(False)
    player.wait(1e9)
    assert len(player.fired) == 3
    assert player.tags() == ()


@pytest.mark.parametrize(
    ("cap", "chances"), [("1", [True]), ("2", [False, True]), ("uncapped", [False] * 4)]
)
def test_how_often_is_for_the_user_agent_to_say(cap: str, chances: list[bool]) -> None:
    player = firing(Player(profile={"sync-attempts": cap}))
    for _ in range(3):
        player.end(False)
        player.wait(1e9)
    assert player.chances == chances


def test_a_user_agent_may_retry_sooner() -> None:
    player = firing(Player(profile={"sync-retry-delay": "sooner"}))
    player.end(False)
    assert len(player.fired) == 2


def test_a_user_agent_may_retry_later() -> None:
    player = firing(Player(profile={"sync-retry-delay": "later"}))
    player.end(False)
    player.wait(300)
    assert len(player.fired) == 1


def test_coming_online_does_not_cut_a_wait_short() -> None:
    player = firing()
    player.end(False)
    player.do(WentOnline(False), WentOnline(True))
    assert len(player.fired) == 1


def test_a_wait_that_ends_offline_leaves_it_to_the_network() -> None:
    player = firing()
    player.end(False)
    player.do(WentOnline(False))
    player.wait(300)
    assert state_of(player) is SyncState.PENDING
    player.do(WentOnline(True))
    assert len(player.fired) == 2


@pytest.mark.parametrize("good", [True, False])
def test_registered_again_while_it_fires_it_is_fired_again(good: bool) -> None:
    player = firing()
    player.register()
    player.register()
    assert state_of(player) is SyncState.REREGISTERED
    player.end(good)
    assert len(player.fired) == 2
    player.end()
    assert player.tags() == ()


@pytest.mark.parametrize("good", [True, False])
def test_registered_again_and_offline_when_the_event_ends(good: bool) -> None:
    player = firing()
    player.register()
    player.do(WentOnline(False))
    player.end(good)
    assert state_of(player) is SyncState.PENDING


def test_registered_again_it_survives_its_last_chance_and_has_new_ones() -> None:
    player = firing(Player(profile={"sync-attempts": "1"}))
    player.register()
    player.end(False)
    assert player.state.registrations == (Registration("a", SyncState.FIRING),)


def test_registered_again_its_attempts_may_go_on_counting() -> None:
    player = firing(Player(profile={"sync-attempts": "2", "sync-new-series": "never"}))
    player.register()
    player.end(False)
    assert player.chances == [False, True]


def test_an_earlier_wait_does_not_end_a_later_one() -> None:
    for edition, events in ((AMENDED, 2), (AMENDED.without("BS01"), 3)):
        player = firing(Player(edition=edition))
        player.end(False)
        player.wait(200)
        player.register()
        player.end(False)
        player.wait(100)
        assert len(player.fired) == events, edition.name


def test_a_wait_whose_registration_is_gone_ends_in_nothing() -> None:
    player = firing()
    player.end(False)
    player.register()
    player.end()
    player.wait(300)
    assert len(player.fired) == 1 + 1


def test_an_event_that_outlives_its_worker_changes_nothing() -> None:
    player = firing()
    player.do(CallUnregister("u", "p1"))
    player.end(False)
    assert player.state.registrations == ()


def test_an_event_ends_once() -> None:
    player = firing()
    player.end(False)
    player.end(True, "s1")
    assert state_of(player) is SyncState.WAITING


@pytest.mark.parametrize(("profile", "events"), [({}, 1), ({"sync-time-limit": "limited"}, 2)])
def test_a_user_agent_may_end_an_event_that_takes_long(
    profile: dict[str, str], events: int
) -> None:
    player = firing(Player(profile=profile))
    player.wait(179)
    assert state_of(player) is SyncState.FIRING
    player.wait(1)
    player.wait(300)
    assert len(player.fired) == events


@pytest.mark.parametrize(
    ("profile", "chance"), [({}, False), ({"sync-cut-short": "counted"}, False)]
)
def test_killed_while_it_fires_it_is_fired_again(profile: dict[str, str], chance: bool) -> None:
    player = firing(Player(profile=profile))
    player.do(KILL, LAUNCH)
    player.wait(300)
    assert player.chances == [False, chance]
    assert player.state.registrations[0].attempts == len(profile)


def test_quit_while_it_fires_the_event_has_failed() -> None:
    player = firing(Player(profile={"sync-attempts": "1"}))
    player.do(QUIT)
    assert not player.state.running
    player.do(LAUNCH)
    assert player.tags() == ()


@pytest.mark.parametrize("end", [QUIT, KILL])
def test_registered_again_before_the_end_it_is_pending_after_it(end: UserAgentQuit) -> None:
    player = firing()
    player.register()
    player.do(end, LAUNCH)
    assert len(player.fired) == 2


def test_as_written_what_a_killed_user_agent_was_firing_is_never_fired_again() -> None:
    player = firing(Player(edition=AS_WRITTEN))
    player.do(KILL, LAUNCH)
    player.register()
    player.wait(1e9)
    assert len(player.fired) == 1
    assert state_of(player) is SyncState.REREGISTERED


def test_a_wait_goes_on_while_the_user_agent_is_away() -> None:
    player = firing()
    player.end(False)
    player.do(QUIT)
    player.wait(300)
    assert len(player.fired) == 1
    player.do(LAUNCH)
    assert len(player.fired) == 2


def test_what_was_pending_offline_is_fired_after_a_start_that_finds_a_network() -> None:
    player = Player(State(online=False))
    player.register()
    player.do(QUIT, LAUNCH)
    assert player.fired == []
    player.do(QUIT, WentOnline(True), LAUNCH)
    assert len(player.fired) == 1
