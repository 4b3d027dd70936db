"""S05."""

from __future__ import annotations

from conformance.protocol import MatchAll, Settled, Unregister
from tests.conformance.judge.properties.traces import (
    ABORT,
    FAIL,
    SUCCESS,
    Log,
    breaks,
    holds,
    judge,
    shows,
    unclear,
)

OVER = shows(result="success", available=False)


def succeeded() -> Log:
    """A success event is active."""
    log = Log().begin()
    log.fetch()
    log.event()
    return log


def test_records_become_unavailable_when_the_settle_event_has_ended() -> None:
    log = succeeded()
    log.end()
    log.look("i1", OVER)
    holds(judge("S05", log), 1)


def test_records_that_never_become_unavailable_are_no_instance() -> None:
    holds(judge("S05", succeeded()), 0)


def test_records_are_not_unavailable_while_the_event_is_active() -> None:
    log = succeeded()
    answer = log.look("i1", OVER) + 1
    log.end()
    breaks(judge("S05", log), answer, "before")


def test_records_are_not_unavailable_before_any_event() -> None:
    log = Log().begin()
    log.fetch()
    answer = log.look("i1", shows(available=False)) + 1
    breaks(judge("S05", log), answer)


def test_records_may_be_unavailable_without_an_event_that_nobody_listens_to() -> None:
    log = Log().begin(FAIL, ABORT)
    log.fetch()
    log.look("i1", OVER)
    holds(judge("S05", log), 1)


def test_listening_to_another_event_is_no_excuse() -> None:
    log = Log().begin(SUCCESS)
    log.fetch()
    answer = log.look("i1", OVER) + 1
    breaks(judge("S05", log), answer)


def test_records_may_be_unavailable_after_a_kill() -> None:
    log = succeeded()
    log.quit(kill=True)
    log.look("i1", OVER)
    holds(judge("S05", log), 1)


def test_records_may_be_unavailable_after_unregistering() -> None:
    log = succeeded()
    log.do(Unregister("c9"))
    log.look("i1", OVER)
    holds(judge("S05", log), 1)


def test_records_are_not_available_again() -> None:
    log = succeeded()
    log.end()
    log.look("i1", OVER)
    answer = log.look("i1", shows(result="success")) + 1
    breaks(judge("S05", log), answer, "again")


def test_a_pushed_look_may_have_waited_behind_an_answer() -> None:
    log = succeeded()
    log.end()
    log.look("i1", OVER)
    log.progress(shows(result="success"))
    holds(judge("S05", log), 1)


def test_two_pushed_looks_are_in_order() -> None:
    log = succeeded()
    log.end()
    log.progress(OVER)
    again = log.progress(shows(result="success"))
    breaks(judge("S05", log), again, "again")


def test_another_instance_may_lag_behind() -> None:
    log = succeeded()
    log.get("c2", "a", "i2")
    log.end()
    log.look("i1", OVER)
    log.look("i2", shows(result="success"))
    holds(judge("S05", log), 1)


def test_match_is_refused_once_the_records_are_unavailable() -> None:
    log = succeeded()
    log.end()
    log.look("i1", OVER)
    log.match_all("c2", None, "i1", error="InvalidStateError")
    log.match("c3", "/x", None, "i1", error="InvalidStateError")
    holds(judge("S05", log), 3)


def test_match_is_not_fulfilled_once_the_records_are_unavailable() -> None:
    log = succeeded()
    log.end()
    log.look("i1", OVER)
    settled = log.match_all("c2", [("r1", "/x")], "i1") + 2
    breaks(judge("S05", log), settled, "c2")


def test_a_match_called_before_the_look_may_be_fulfilled() -> None:
    log = succeeded()
    log.end()
    log.do(MatchAll("c2", "i1"))
    log.look("i1", OVER)
    log.see(Settled("c2", records=[]))
    holds(judge("S05", log), 1)


def test_match_is_not_refused_in_the_handler() -> None:
    log = succeeded()
    settled = log.match_all("c2", None, error="InvalidStateError") + 2
    log.end()
    breaks(judge("S05", log), settled, "c2")


def test_match_is_not_refused_before_the_end() -> None:
    log = Log().begin()
    log.fetch()
    settled = log.match_all("c2", None, "i1", error="InvalidStateError") + 2
    log.event()
    breaks(judge("S05", log), settled)


def test_match_may_be_refused_while_an_instance_lags_behind() -> None:
    log = succeeded()
    log.end()
    log.match_all("c2", None, "i1", error="InvalidStateError")
    log.look("i1", shows(result="success"))
    holds(judge("S05", log), 1)


def test_a_match_that_fails_for_another_reason_is_not_judged() -> None:
    log = succeeded()
    log.match_all("c2", None, error="TypeError")
    holds(judge("S05", log), 0)


def test_unavailable_records_of_an_unknown_fetch_cannot_be_told() -> None:
    log = Log().begin()
    log.fetch("c1", instance=None)
    log.fetch("c2", instance=None)
    log.get("c3", "a", "i1", OVER)
    unclear(judge("S05", log), "i1")


def test_an_event_of_either_of_two_fetches_may_have_been_the_one() -> None:
    log = Log().begin()
    log.fetch()
    log.abort("c2", True)
    log.fetch("c3", instance="i2")
    log.event(ABORT, shows(result="failure", reason="aborted"))
    log.end()
    log.look("i1", shows(result="failure", reason="aborted", available=False))
    holds(judge("S05", log), 1)


def test_a_look_reported_after_the_call_proves_nothing_about_it() -> None:
    log = succeeded()
    log.end()
    log.do(MatchAll("c2", "i1"))
    log.progress(OVER)
    log.see(Settled("c2", records=[]))
    holds(judge("S05", log), 1)


def test_an_end_that_nobody_listens_to_may_be_any_end_while_no_result_shows() -> None:
    log = Log().begin(SUCCESS)
    log.fetch()
    log.look("i1", shows(available=False))
    holds(judge("S05", log), 1)


def test_an_event_that_was_dispatched_is_waited_for_whoever_listens() -> None:
    log = Log().begin(SUCCESS)
    log.fetch()
    log.event()
    answer = log.look("i1", shows(available=False)) + 1
    breaks(judge("S05", log), answer)


def test_match_may_be_refused_when_the_end_comes_while_it_is_pending() -> None:
    log = succeeded()
    log.do(MatchAll("c2", "w1"))
    log.end()
    log.see(Settled("c2", error="InvalidStateError"))
    holds(judge("S05", log), 1)


def test_a_refusal_on_an_unknown_fetch_cannot_be_told() -> None:
    log = Log().begin()
    log.fetch("c1", instance=None)
    log.fetch("c2", instance=None)
    log.get("c3", "a", "i1")
    log.match_all("c4", None, "i1", error="InvalidStateError")
    unclear(judge("S05", log), "c4")
