"""A background fetch and the user agent around it, one function at a time."""

from __future__ import annotations

import attrs
import pytest

from spec_model import background_fetch as bg
from spec_model.background_fetch import BackgroundFetch, FetchCall, Rejected, UserAgent
from spec_model.decide import Explain, outcomes
from spec_model.editions import AMENDED
from spec_model.phases import RegistrationPhase as Phase
from spec_model.values import RequestSpec
from tests.spec_model.playing import EVERY_EVENT, HOME, get, post

CALL = FetchCall("a", (get("/x"), post("/y")))
AGENT = UserAgent(HOME, EVERY_EVENT)


def explain(without: str = "") -> Explain:
    return Explain(AMENDED.without(without) if without else AMENDED)


def admitted(call: FetchCall = CALL, agent: UserAgent = AGENT) -> tuple[UserAgent, BackgroundFetch]:
    result = bg.admit(agent, call, 0, explain())
    assert not isinstance(result, Rejected), result
    return result


def refusal(call: FetchCall = CALL, agent: UserAgent = AGENT, used: int = 0) -> Rejected:
    result = bg.admit(agent, call, used, explain())
    assert isinstance(result, Rejected)
    return result


# --- fetch() --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requests", "step"),
    [
        ((), "FETCH-5"),
        ((RequestSpec("https://app.example/x", "GET", 1),), "FETCH-6.1"),
        ((RequestSpec("https://app.example/x", "HEAD", 0),), "FETCH-6.1"),
        ((RequestSpec("https://app.example/x", mode="no-cors"),), "FETCH-6.2"),
    ],
)
def test_bad_arguments_are_type_errors(requests: tuple[RequestSpec, ...], step: str) -> None:
    refused = bg.check_arguments(FetchCall("a", requests), explain())
    assert refused == Rejected("TypeError", step)


def test_good_arguments_pass() -> None:
    assert bg.check_arguments(CALL, explain()) is None


def test_an_admitted_fetch_is_active_and_runs() -> None:
    agent, fetch = admitted()
    assert agent.active("a") == fetch
    assert (fetch.phase, fetch.upload_total, fetch.paused) == (Phase.RUNNING, 10, False)


def test_permission_comes_before_everything_else() -> None:
    agent = attrs.evolve(AGENT, permission="denied", worker=False)
    assert refusal(agent=agent) == Rejected("NotAllowedError", "FETCH-8.2")


def test_without_a_worker_there_is_no_fetch() -> None:
    agent = attrs.evolve(AGENT, worker=False)
    assert refusal(agent=agent) == Rejected("TypeError", "FETCH-8.4")


def test_an_active_id_is_taken() -> None:
    agent, _ = admitted()
    assert refusal(agent=agent) == Rejected("TypeError", "FETCH-8.5")


@pytest.mark.parametrize(("used", "fits"), [(90, True), (91, False)])
def test_request_bodies_count_against_the_quota(used: int, fits: bool) -> None:
    result = bg.admit(attrs.evolve(AGENT, quota=100), CALL, used, explain())
    assert isinstance(result, Rejected) is not fits


def test_an_announced_total_counts_too_unless_the_user_agent_does_not_look() -> None:
    agent = attrs.evolve(AGENT, quota=100)
    big = attrs.evolve(CALL, download_total=91)
    found = {
        tuple(each.choices): isinstance(each.value, Rejected)
        for each in outcomes(lambda d: bg.admit(agent, big, 0, d))
    }
    assert found == {(): True, ("start-quota=unchecked",): False}
    assert not isinstance(bg.admit(agent, big, 0, explain("E62")), Rejected)


def test_a_prompt_pauses_what_it_asks_about() -> None:
    _, fetch = admitted(agent=attrs.evolve(AGENT, permission="prompt"))
    assert (fetch.paused, fetch.prompting) == (True, True)


# --- get(), abort(), match() ----------------------------------------------------------


def test_ids_are_listed_while_active_in_order_of_insertion() -> None:
    agent, _ = admitted(attrs.evolve(CALL, id="b"))
    agent, _ = admitted(CALL, agent)
    found = {each.value for each in outcomes(lambda d: bg.get_ids(agent, d))}
    assert found == {("b", "a"), ("a", "b")}
    assert bg.get_ids(agent, explain()) == ("b", "a")


def test_an_abort_takes_the_fetch_out_of_the_map_once() -> None:
    agent, _ = admitted()
    agent, first = bg.abort(agent, 0, "script", explain())
    agent, second = bg.abort(agent, 0, "user", explain())
    assert (first, second, agent.fetches[0].abort) == (True, False, "script")
    assert bg.get(agent, "a", explain()) is None


@pytest.mark.parametrize(
    ("url", "options", "found"),
    [
        (None, (False, False), (0, 1, 2)),
        ("/x", (False, False), (0,)),
        ("/x", (False, True), (0, 1)),
        ("/x?q=2", (False, False), ()),
        ("/x?q=2", (True, False), (0, 2)),
        ("/x#part", (False, False), (0,)),
        ("/z", (True, True), ()),
    ],
)
def test_matching_records_are_found_in_request_order(
    url: str | None, options: tuple[bool, bool], found: tuple[int, ...]
) -> None:
    _, fetch = admitted(FetchCall("a", (get("/x"), post("/x"), get("/x?q=1"))))
    absolute = None if url is None else HOME + url
    assert bg.matching(fetch, absolute, *options, explain()) == found


def test_as_written_uploads_are_passed_over_even_where_everything_is_asked_for() -> None:
    _, fetch = admitted()
    assert bg.matching(fetch, None, False, False, explain("E74")) == (0,)


# --- the user -------------------------------------------------------------------------


def test_only_downloads_can_be_paused() -> None:
    agent, _ = admitted()
    assert bg.user_action(agent, 0, "pause", explain())[1] is not None
    agent, _ = admitted(FetchCall("a", (get("/x"),)))
    agent, refused = bg.user_action(agent, 0, "pause", explain())
    assert (refused, agent.fetches[0].paused) == (None, True)


def test_the_interface_goes_only_after_the_end() -> None:
    agent, _ = admitted()
    assert bg.user_action(agent, 0, "dismiss", explain())[1] is not None
    agent = bg.settle(agent, 0, "", explain())
    agent, refused = bg.user_action(agent, 0, "dismiss", explain())
    assert refused is None
    assert bg.user_action(agent, 0, "click", explain())[1] == "not displayed"


@pytest.mark.parametrize("action", ["abort", "refuse", "pause", "resume", "accept"])
def test_after_the_end_there_is_nothing_to_stop(action: str) -> None:
    agent, _ = admitted()
    settled = bg.settle(agent, 0, "", explain())
    assert bg.user_action(settled, 0, action, explain()) == (settled, "already settled")


def test_as_written_a_users_abort_leaves_the_map_alone() -> None:
    agent, _ = admitted()
    after, _ = bg.user_action(agent, 0, "abort", explain("E02"))
    assert (after.fetches[0].in_map, after.fetches[0].abort) == (True, "user")


@pytest.mark.parametrize("action", ["accept", "refuse"])
def test_what_is_not_asked_cannot_be_answered(action: str) -> None:
    agent, _ = admitted()
    assert bg.user_action(agent, 0, action, explain()) == (agent, "nothing is asked")


def test_what_runs_cannot_be_resumed() -> None:
    agent, _ = admitted(FetchCall("a", (get("/x"),)))
    assert bg.user_action(agent, 0, "resume", explain()) == (agent, "not paused")


def test_a_prompt_must_be_answered_before_a_pause_unless_the_toggle_works_meanwhile() -> None:
    asking = attrs.evolve(AGENT, permission="prompt")
    agent, _ = admitted(FetchCall("a", (get("/x"),)), asking)
    refused = bg.user_action(agent, 0, "pause", explain())
    assert refused == (agent, "the prompt has not been answered")
    toggling = Explain(AMENDED, {"pause-while-prompting": "toggles"})
    after, _ = bg.user_action(agent, 0, "pause", toggling)
    assert (after.fetches[0].paused, after.fetches[0].prompting) == (True, True)
    after, _ = bg.user_action(agent, 0, "resume", toggling)
    assert (after.fetches[0].paused, after.fetches[0].prompting) == (False, False)


def test_an_interface_need_not_offer_a_pause() -> None:
    agent, _ = admitted(FetchCall("a", (get("/x"),)))
    without = Explain(AMENDED, {"pause-toggle": "withheld"})
    assert bg.user_action(agent, 0, "pause", without) == (agent, "not offered")


@pytest.mark.parametrize("over", ["settled", "stopped"])
def test_as_written_a_prompt_comes_too_late_for_what_is_over(over: str) -> None:
    agent, _ = admitted()
    if over == "settled":
        agent = bg.settle(agent, 0, "", explain())
    else:
        agent, _ = bg.abort(agent, 0, "script", explain())
    assert bg.prompt(agent, 0, explain("E68")) == agent


# --- settling -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("results", "reasons"),
    [
        (("success", "success"), {""}),
        (("success", "bad-status"), {"bad-status"}),
        (("fetch-error", "bad-status"), {"fetch-error", "bad-status"}),
        (("bad-status", "download-total-exceeded"), {"download-total-exceeded"}),
        (("aborted", "bad-status"), {"bad-status"}),
        (("aborted", "aborted"), {"aborted"}),
    ],
)
def test_records_name_the_reason(results: tuple[str, ...], reasons: set[str]) -> None:
    found = outcomes(lambda d: bg.failure_reason(results, d))
    assert {each.value for each in found} == reasons


def test_as_written_no_record_ever_names_a_reason() -> None:
    assert bg.failure_reason(("bad-status",), explain("E01")) == ""


def test_as_written_a_stopped_record_may_name_the_reason() -> None:
    results = ("download-total-exceeded", "aborted")
    edition = AMENDED.without("E04")
    found = outcomes(lambda d: bg.failure_reason(results, d), edition)
    assert {each.value for each in found} == set(results)


def test_what_was_aborted_settles_as_aborted_whatever_the_records_gave() -> None:
    agent, _ = admitted()
    agent, _ = bg.abort(agent, 0, "script", explain())
    fetch = bg.settle(agent, 0, "", explain()).fetches[0]
    assert (fetch.result, fetch.failure_reason) == ("failure", "aborted")


def test_a_settled_fetch_is_no_longer_active() -> None:
    agent, _ = admitted()
    assert bg.settle(agent, 0, "", explain()).active("a") is None


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("", "backgroundfetchsuccess"),
        ("aborted", "backgroundfetchabort"),
        ("bad-status", "backgroundfetchfail"),
        ("download-total-exceeded", "backgroundfetchfail"),
    ],
)
def test_the_reason_names_the_event(reason: str, name: str) -> None:
    agent, _ = admitted()
    agent, event = bg.dispatch(bg.settle(agent, 0, reason, explain()), 0, explain())
    assert (event, agent.fetches[0].phase) == (name, Phase.EVENT_ACTIVE)


def test_an_overflow_stops_the_fetch_and_waits_for_its_records_with_the_repair() -> None:
    agent, _ = admitted()
    drained = bg.exceed_total(agent, 0, explain()).fetches[0]
    hasty = bg.exceed_total(agent, 0, explain("E05")).fetches[0]
    assert (drained.abort, drained.phase) == ("total", Phase.DRAINING)
    assert (hasty.abort, hasty.phase) == ("total", Phase.DECIDING)


def test_a_second_overflow_changes_nothing() -> None:
    agent, _ = admitted()
    once = bg.exceed_total(agent, 0, explain())
    assert bg.exceed_total(once, 0, explain()) == once


def test_as_written_a_settlement_after_an_overflow_has_been_decided_already() -> None:
    agent, _ = admitted()
    hasty = bg.exceed_total(agent, 0, explain("E05"))
    settled = bg.settle(hasty, 0, "download-total-exceeded", explain("E05")).fetches[0]
    assert (settled.phase, settled.result) == (Phase.EVENT_QUEUED, "failure")


def test_unregistering_leaves_alone_what_is_over() -> None:
    agent, _ = admitted()
    gone = bg.unregister(agent, explain())
    assert bg.unregister(gone, explain()) == gone


def test_as_written_a_streamed_body_has_no_length_to_add() -> None:
    call = FetchCall("a", (post("/x", 10), post("/y", 5)), unread=(1,))
    assert bg.upload_total(call, explain()) == 15
    assert bg.upload_total(call, explain("E61")) == 10


def test_a_handler_that_was_cut_off_gets_its_event_again() -> None:
    agent, _ = admitted()
    agent, _ = bg.dispatch(bg.settle(agent, 0, "", explain()), 0, explain())
    after = bg.restart(agent, frozenset(), explain())
    assert after.fetches[0].phase is Phase.EVENT_QUEUED


def test_an_event_that_counts_as_delivered_does_not_come_again() -> None:
    agent, _ = admitted()
    agent, _ = bg.dispatch(bg.settle(agent, 0, "", explain()), 0, explain())
    after = bg.restart(agent, frozenset({0}), explain())
    assert after.fetches[0].phase is Phase.RECORDS_GONE
    assert not after.fetches[0].records_available


# --- updateUI() -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "used", "active", "step"),
    [
        (False, False, True, "UPDATEUI-1.a"),
        (True, True, True, "UPDATEUI-1.b"),
        (True, False, False, "UPDATEUI-1.c"),
        (False, True, False, "UPDATEUI-1.a"),
    ],
)
def test_the_interface_is_updated_once_by_a_live_event(
    trusted: bool, used: bool, active: bool, step: str
) -> None:
    assert bg.update_ui(trusted, used, active, explain()) == Rejected("InvalidStateError", step)


def test_a_live_event_may_update_the_interface() -> None:
    assert bg.update_ui(True, False, True, explain()) is None
