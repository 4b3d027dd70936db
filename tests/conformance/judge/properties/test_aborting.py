"""S10 and L03."""

from __future__ import annotations

import pytest

from conformance.protocol import Abort, End, Quit, Settled, Snapshot, Unregister
from conformance.trace import Broken, Entry, GaveUp, ServerBytes
from tests.conformance.judge.properties.traces import (
    ABORT,
    ABORTED,
    DONE,
    FAIL,
    SUCCESS,
    Log,
    breaks,
    holds,
    judge,
    shows,
    unclear,
)

NOT_FOUND = shows(result="failure", reason="bad-status")


def started() -> Log:
    log = Log().begin()
    log.fetch()
    return log


def test_an_abort_that_wins_ends_in_an_abort_event() -> None:
    log = started()
    log.abort("c2", True)
    log.event(ABORT, ABORTED)
    holds(judge("S10", log), 1)


def test_without_any_abort_it_holds_vacuously() -> None:
    log = started()
    log.event()
    holds(judge("S10", log), 0)
    holds(judge("L03", log), 0)


def test_a_second_abort_may_not_win() -> None:
    log = started()
    log.abort("c2", True)
    second = log.abort("c3", True) + 2
    breaks(judge("S10", log), second, "second")


def test_a_second_abort_may_not_win_after_a_kill() -> None:
    log = started()
    log.abort("c2", True)
    log.quit(kill=True)
    log.get("c3", "a", "i2")
    second = log.abort("c4", True, "i2") + 2
    breaks(judge("S10", log), second, "second")


@pytest.mark.parametrize(("name", "snapshot"), [(SUCCESS, DONE), (FAIL, NOT_FOUND)])
def test_an_abort_that_wins_is_not_followed_by_another_end(name: str, snapshot: Snapshot) -> None:
    log = started()
    log.abort("c2", True)
    event = log.event(name, snapshot)
    breaks(judge("S10", log), event, name)


def test_an_abort_does_not_win_after_success_was_seen() -> None:
    log = started()
    log.event()
    answer = log.abort("c2", True) + 2
    breaks(judge("S10", log), answer, SUCCESS)


def test_an_abort_that_wins_shows_in_the_final_attributes_too() -> None:
    log = started()
    log.abort("c2", True)
    shown = log.progress(DONE)
    breaks(judge("S10", log), shown, "success")


def test_an_abort_loses_after_another_one_won() -> None:
    log = started()
    log.abort("c2", True)
    log.abort("c3", False)
    holds(judge("S10", log), 2)


def test_an_abort_may_lose_a_race_with_settlement() -> None:
    log = started()
    log.exchange()
    log.abort("c2", False)
    log.event()
    unclear(judge("S10", log))


def test_an_abort_may_not_lose_before_the_answer_that_settlement_waits_for() -> None:
    log = started()
    log.request("/x")
    answer = log.abort("c2", False) + 2
    log.head()
    log.write(16)
    log.event()
    breaks(judge("S10", log), answer, "/x")


def test_an_abort_may_not_lose_to_be_won_later() -> None:
    log = started()
    answer = log.abort("c2", False) + 2
    log.abort("c3", True)
    breaks(judge("S10", log), answer, "c3")


def test_an_abort_may_lose_to_one_that_was_called_earlier_and_settled_later() -> None:
    log = started()
    log.do(Abort("c2", "i1"))
    log.abort("c3", False)
    log.see(Settled("c2", boolean=True))
    unclear(judge("S10", log))


def test_an_abort_may_not_lose_while_get_still_returns_the_fetch() -> None:
    log = started()
    answer = log.abort("c2", False) + 2
    log.get("c3", "a", "i1")
    breaks(judge("S10", log), answer, "c3")


def test_an_abort_of_a_fetch_that_cannot_be_told_is_not_judged() -> None:
    log = Log().begin()
    log.fetch("c1", instance=None)
    log.fetch("c2", instance=None)
    log.get("c3", "a", "i1")
    log.abort("c4", True)
    log.event(SUCCESS)
    unclear(judge("S10", log), "c4")


def test_the_users_abort_ends_the_fetch() -> None:
    log = started()
    log.user_abort()
    log.event(ABORT, ABORTED)
    holds(judge("S10", log), 1)


def test_the_users_abort_is_not_followed_by_success() -> None:
    log = started()
    log.request("/x")
    log.user_abort()
    log.head()
    log.write(16)
    event = log.event()
    breaks(judge("S10", log), event, "user")


def test_the_users_abort_may_come_too_late() -> None:
    log = started()
    log.exchange()
    log.user_abort()
    log.event()
    unclear(judge("S10", log), "user")


def test_the_users_abort_means_nothing_once_the_end_was_seen() -> None:
    log = started()
    log.event()
    log.user_abort()
    holds(judge("S10", log), 0)


def test_an_abort_that_the_interface_refused_means_nothing() -> None:
    log = started()
    log.request("/x")
    log.user_abort(refused="nothing to abort")
    log.head()
    log.write(16)
    log.event()
    holds(judge("S10", log), 0)


def test_the_users_abort_is_that_of_the_newest_fetch_of_the_id() -> None:
    log = started()
    log.exchange()
    log.event()
    log.fetch("c2", instance="i2", requests=["/y"])
    log.request("/y")
    log.user_abort()
    log.head()
    log.write(16)
    event = log.event(event="e2", instance="w2")
    breaks(judge("S10", log), event)


# --- L03 ------------------------------------------------------------------------------


def test_an_abort_event_comes() -> None:
    log = started()
    log.abort("c2", True)
    log.event(ABORT, ABORTED)
    holds(judge("L03", log), 1)


def test_an_abort_event_that_never_comes_is_missed_in_the_quiet() -> None:
    log = started()
    log.abort("c2", True)
    quiet = log.quiet()
    log.do(End())
    breaks(judge("L03", log), quiet, "c2")


def test_an_abort_that_lost_needs_no_event() -> None:
    log = started()
    log.abort("c2", False)
    log.quiet()
    holds(judge("L03", log), 0)


def test_a_worker_that_does_not_listen_gets_no_abort_event() -> None:
    log = Log().begin(SUCCESS)
    log.fetch()
    log.abort("c2", True)
    log.quiet()
    holds(judge("L03", log), 0)


def test_silence_counts_only_once_the_world_owes_nothing() -> None:
    log = started()
    log.abort("c2", True)
    unclear(judge("L03", log))
    log.quiet(discharged=False)
    unclear(judge("L03", log))


def test_silence_does_not_count_after_the_adapter_broke() -> None:
    log = started()
    log.abort("c2", True)
    log.note(Broken("it died"))
    log.quiet()
    unclear(judge("L03", log))


def test_silence_counts_after_a_wait_was_given_up_only_with_a_quiet() -> None:
    log = started()
    log.abort("c2", True)
    log.note(GaveUp("the abort event"))
    unclear(judge("L03", log))
    quiet = log.quiet()
    breaks(judge("L03", log), quiet)


def test_silence_does_not_count_before_something_more_was_asked() -> None:
    log = started()
    log.abort("c2", True)
    log.quiet()
    log.get("c3", "b", "i2")
    unclear(judge("L03", log))


def test_silence_of_a_user_agent_that_is_gone_does_not_count() -> None:
    log = started()
    log.abort("c2", True)
    log.do(Quit(kill=True))
    log.quiet()
    unclear(judge("L03", log))


def test_an_abort_event_is_due_even_after_a_kill() -> None:
    log = started()
    log.abort("c2", True)
    log.quit(kill=True)
    quiet = log.quiet()
    breaks(judge("L03", log), quiet)


def test_an_abort_event_of_another_fetch_does_not_count() -> None:
    log = started()
    log.fetch("c2", id="b", requests=["/y"], instance="i2")
    log.abort("c3", True)
    log.event(ABORT, shows("b", "failure", "aborted"), instance="w2")
    quiet = log.quiet()
    breaks(judge("L03", log), quiet)


def test_an_abort_event_that_may_be_another_fetchs_cannot_be_told() -> None:
    log = started()
    log.abort("c2", True)
    log.fetch("c3", instance="i2")
    log.event(ABORT, ABORTED)
    log.quiet()
    unclear(judge("L03", log), "whether")


def test_an_abort_event_is_not_missed_after_unregistering() -> None:
    log = started()
    log.abort("c2", True)
    log.do(Unregister("c3"))
    log.quiet()
    unclear(judge("L03", log))


# --- which evidence refutes a refusal -------------------------------------------------


def test_a_bad_status_of_the_only_record_cannot_precede_its_answer() -> None:
    log = started()
    log.request("/x")
    answer = log.abort("c2", False) + 2
    log.head(404, 9)
    log.write(9)
    log.event(FAIL, NOT_FOUND)
    breaks(judge("S10", log), answer, "/x")


def test_success_cannot_precede_the_last_byte() -> None:
    log = started()
    log.request("/x")
    log.head()
    log.write(8, None)
    answer = log.abort("c2", False) + 2
    log.write(16)
    log.event()
    breaks(judge("S10", log), answer, "/x")


def test_success_cannot_follow_from_an_answer_that_was_never_whole() -> None:
    log = started()
    log.request("/x")
    log.head()
    log.write(8, None)
    log.user_abort()
    event = log.event()
    breaks(judge("S10", log), event, "user")


@pytest.mark.parametrize("framing", ["length", "close"])
def test_an_answer_that_may_be_whole_leaves_the_race_open(framing: str) -> None:
    log = started()
    log.request("/x")
    log.head(framing=framing)
    log.write(16 if framing == "length" else 8, "close")
    log.user_abort()
    log.event()
    unclear(judge("S10", log), "user")


def test_an_answer_that_may_be_anothers_refutes_nothing() -> None:
    log = started()
    log.fetch("c2", id="b", instance="i2")
    log.request("/x")
    log.abort("c3", False)
    log.head()
    log.write(16)
    log.event()
    unclear(judge("S10", log))


def test_the_users_abort_of_an_id_that_is_just_made_anew_cannot_be_told() -> None:
    log = started()
    log.request("/x")
    log.fetch("c2", instance=None)
    log.user_abort()
    log.head()
    log.write(16)
    log.event(instance="i1")
    unclear(judge("S10", log), "user")


def test_an_abandoned_attempt_may_go_on_after_the_end() -> None:
    log = started()
    log.request("/x")
    log.head()
    log.write(8, None)
    log.exchange()
    log.abort("c2", False)
    log.entries.append(Entry(0, 0, server=ServerBytes(1, 16)))
    log.event()
    unclear(judge("S10", log))
