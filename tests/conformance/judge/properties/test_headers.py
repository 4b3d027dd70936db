"""S37."""

from __future__ import annotations

from conformance.protocol import RequestInit
from tests.conformance.judge.properties.traces import Log, breaks, holds, judge, url


def asking(**headers: str) -> Log:
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    log = Log().begin()
    log.fetch(requests=[RequestInit(url("/x"), headers=named), "/y"])
    return log


def test_a_header_that_arrives_is_as_it_should_be() -> None:
    log = asking(x_note="one")
    log.request("/x", x_note="one")
    holds(judge("S37", log), 1)


def test_a_header_that_is_lost_is_a_breach() -> None:
    log = asking(x_note="one")
    lost = log.request("/x", accept="*/*")
    breaks(judge("S37", log), lost, "x-note: one")


def test_another_value_is_a_breach() -> None:
    log = asking(x_note="one")
    other = log.request("/x", x_note="two")
    breaks(judge("S37", log), other, "x-note: one")


def test_a_request_that_resumes_carries_it_too() -> None:
    log = asking(x_note="one")
    log.request("/x", x_note="one")
    log.head(200, 40)
    log.write(10)
    resumed = log.request("/x", range="bytes=10-")
    breaks(judge("S37", log), resumed, "x-note: one")


def test_what_a_page_may_not_give_and_a_range_are_not_asked_for() -> None:
    log = asking(cookie="a=b", sec_note="one", range="bytes=0-9")
    log.request("/x")
    holds(judge("S37", log), 0)


def test_what_a_redirect_leads_to_may_have_lost_its_headers() -> None:
    log = asking(authorization="me")
    log.request("/y")
    log.head(302, 0, location=url("/x"), framing="none")
    log.request("/x")
    holds(judge("S37", log), 0)


def test_a_preflight_carries_none() -> None:
    log = asking(x_note="one")
    log.request("/x", "OPTIONS")
    holds(judge("S37", log), 0)


def test_of_two_records_with_one_address_either_may_have_asked() -> None:
    log = Log().begin()
    log.fetch(requests=[RequestInit(url("/x"), headers={"X-Note": "one"}), "/x"])
    log.request("/x")
    holds(judge("S37", log), 1)
