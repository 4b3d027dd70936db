"""S30: updateUI() once for an event."""

from __future__ import annotations

from tests.conformance.judge.properties.traces import ABORT, ABORTED, Log, breaks, holds, judge

REFUSED = "InvalidStateError"


def handling() -> Log:
    log = Log().begin()
    log.fetch()
    log.event()
    return log


def test_one_call_fulfils_and_the_others_are_refused() -> None:
    log = handling()
    log.update_ui("c2", error=REFUSED)
    log.update_ui("c3")
    log.update_ui("c4", error=REFUSED)
    holds(judge("S30", log), 3)


def test_a_second_call_that_fulfils_breaks_s30() -> None:
    log = handling()
    log.update_ui("c2")
    at = log.update_ui("c3")
    breaks(judge("S30", log), at, "c3", "second")


def test_another_error_breaks_s30() -> None:
    log = handling()
    at = log.update_ui("c2", error="TypeError")
    breaks(judge("S30", log), at, "TypeError")


def test_events_without_the_method_are_not_judged() -> None:
    log = Log().begin()
    log.fetch()
    log.event(ABORT, ABORTED)
    log.update_ui("c2", error="TypeError")
    holds(judge("S30", log), 0)
