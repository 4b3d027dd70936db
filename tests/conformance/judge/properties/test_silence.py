"""S19 and S22: where nothing may be asked for."""

from __future__ import annotations

from tests.conformance.judge.properties.traces import Log, breaks, holds, judge


def test_a_refused_fetch_asks_for_nothing() -> None:
    log = Log().begin()
    log.refused_fetch("c1", "TypeError", ["/never"])
    log.exchange("/other")
    holds(judge("S19", log), 1)


def test_a_request_for_a_refused_fetch_breaks_s19() -> None:
    log = Log().begin()
    log.refused_fetch("c1", "TypeError", ["/never"])
    at = log.request("/never")
    breaks(judge("S19", log), at, "c1", "/never")


def test_a_resource_of_another_fetch_may_be_asked_for() -> None:
    log = Log().begin()
    log.fetch("c1", requests=["/x"])
    log.refused_fetch("c2", "TypeError", ["/x"])
    log.request("/x")
    holds(judge("S19", log), 1)


def test_a_preflight_is_no_request_of_the_fetch() -> None:
    log = Log().begin()
    log.refused_fetch("c1", "TypeError", ["/never"])
    log.request("/never", "OPTIONS")
    holds(judge("S19", log), 1)


def test_after_the_end_nothing_is_asked_for() -> None:
    log = Log().begin()
    log.fetch()
    log.exchange()
    log.event()
    log.end()
    log.quiet()
    holds(judge("S22", log), 1)


def test_a_request_after_the_end_breaks_s22() -> None:
    log = Log().begin()
    log.fetch()
    log.abort("c2", True)
    log.quiet()
    at = log.request("/x")
    breaks(judge("S22", log), at, "/x", "'a'")


def test_a_request_may_have_been_under_way_until_a_quiet() -> None:
    log = Log().begin()
    log.fetch()
    log.abort("c2", True)
    log.request("/x")
    log.quiet()
    holds(judge("S22", log), 1)


def test_another_fetch_may_go_on_asking() -> None:
    log = Log().begin()
    log.fetch("c1", "a")
    log.abort("c2", True)
    log.quiet()
    log.fetch("c3", "a", instance="i2")
    log.request("/x")
    holds(judge("S22", log), 1)
