"""S06 and S26."""

from __future__ import annotations

from conformance.protocol import (
    Body,
    Match,
    MatchAll,
    QueryOptions,
    Read,
    Ready,
    RecordInfo,
    RequestInit,
    Settled,
)
from tests.conformance.judge.properties.traces import (
    FAIL,
    Log,
    breaks,
    holds,
    judge,
    shows,
    unclear,
    url,
    whole,
)


def in_handler() -> Log:
    """A success handler has matched /x as r1."""
    log = Log().begin()
    log.fetch()
    log.event()
    log.match_all("c2", [("r1", "/x")])
    return log


def test_success_hands_out_whole_records() -> None:
    log = in_handler()
    log.read("r1", whole())
    log.end()
    holds(judge("S06", log), 1)


def test_success_without_reading_shows_nothing() -> None:
    holds(judge("S06", in_handler()), 0)


def test_a_record_of_a_successful_fetch_has_no_error_status() -> None:
    log = in_handler()
    read = log.read("r1", whole(), status=404)
    breaks(judge("S06", log), read + 2, "404")


def test_a_record_of_a_successful_fetch_has_a_response() -> None:
    log = in_handler()
    log.do(Read("r1"))
    ready = log.see(Ready("r1", error="TypeError"))
    breaks(judge("S06", log), ready, "TypeError")


def test_a_body_of_a_successful_fetch_does_not_break() -> None:
    log = in_handler()
    log.do(Read("r1"))
    log.see(Ready("r1", 200))
    body = log.see(Body("r1", 5, error="AbortError"))
    breaks(judge("S06", log), body, "AbortError")


def test_what_breaks_after_the_handler_was_let_go_cannot_be_told() -> None:
    log = in_handler()
    log.do(Read("r1"))
    log.see(Ready("r1", 200))
    log.end()
    log.see(Body("r1", 5, error="AbortError"))
    unclear(judge("S06", log), "AbortError")


def test_what_breaks_in_a_kill_cannot_be_told() -> None:
    log = in_handler()
    log.do(Read("r1"))
    log.quit(kill=True)
    log.see(Ready("r1", error="AbortError"))
    unclear(judge("S06", log))


def test_a_body_that_never_comes_is_missed_in_the_quiet() -> None:
    log = in_handler()
    log.do(Read("r1"))
    log.see(Ready("r1", 200))
    unclear(judge("S06", log))
    quiet = log.quiet()
    breaks(judge("S06", log), quiet, "never")


def test_records_matched_outside_the_handler_are_not_judged() -> None:
    log = Log().begin()
    log.fetch()
    log.match_all("c2", [("r1", "/x")], "i1")
    log.event()
    log.end()
    log.match_all("c3", [("r2", "/x")])
    for record in ("r1", "r2"):
        log.do(Read(record))
        log.see(Ready(record, error="AbortError"))
    holds(judge("S06", log), 0)


def test_records_of_a_failed_fetch_may_fail() -> None:
    log = Log().begin()
    log.fetch()
    log.event(FAIL, shows(result="failure", reason="bad-status"))
    log.match_all("c2", [("r1", "/x")])
    log.read("r1", whole(size=9), status=404)
    holds(judge("S06", log), 0)


# --- S26 ------------------------------------------------------------------------------

POST = RequestInit(url("/u"), "POST", body="b")


def fetched(*requests: str | RequestInit) -> Log:
    log = Log().begin()
    log.fetch(requests=requests)
    return log


def test_match_all_lists_every_request_in_order() -> None:
    log = fetched("/x", POST, "/x")
    log.match_all("c2", [("r1", "/x"), ("r2", "/u", "POST"), ("r3", "/x")], "i1")
    holds(judge("S26", log), 1)


def test_match_all_that_was_never_called_lists_nothing_wrong() -> None:
    holds(judge("S26", fetched("/x")), 0)


def test_match_all_leaves_out_no_upload() -> None:
    log = fetched("/x", POST)
    settled = log.match_all("c2", [("r1", "/x")], "i1") + 2
    breaks(judge("S26", log), settled, "POST")


def test_match_all_leaves_out_no_duplicate() -> None:
    log = fetched("/x", "/x")
    settled = log.match_all("c2", [("r1", "/x")], "i1") + 2
    breaks(judge("S26", log), settled)


def test_match_all_keeps_the_order() -> None:
    log = fetched("/x", "/y")
    settled = log.match_all("c2", [("r1", "/y"), ("r2", "/x")], "i1") + 2
    breaks(judge("S26", log), settled)


def test_match_all_with_an_argument_may_list_fewer() -> None:
    log = fetched("/x", "/y")
    log.match_all("c2", [("r1", "/y")], "i1", query="/y")
    holds(judge("S26", log), 0)


def test_match_all_on_an_unknown_fetch_cannot_be_told() -> None:
    log = Log().begin()
    log.fetch("c1", instance=None)
    log.fetch("c2", instance=None)
    log.get("c3", "a", "i1")
    log.match_all("c4", [], "i1")
    unclear(judge("S26", log), "c4")


def test_spellings_of_one_request_are_the_same() -> None:
    log = fetched(RequestInit("HTTP://LOCALHOST:8000/x#part", "get"))
    log.match_all("c2", [("r1", "/x")], "i1")
    holds(judge("S26", log), 1)


def test_match_is_the_first_of_match_all() -> None:
    log = fetched("/x?1", "/x?2")
    log.match_all("c2", [("r1", "/x?1"), ("r2", "/x?2")], "i1", query="/x")
    log.match("c3", "/x", [("r3", "/x?1")], "i1")
    holds(judge("S26", log), 1)


def test_match_is_not_the_second_of_match_all() -> None:
    log = fetched("/x?1", "/x?2")
    log.match("c2", "/x", [("r3", "/x?2")], "i1")
    again = log.match_all("c3", [("r1", "/x?1"), ("r2", "/x?2")], "i1", query="/x") + 2
    breaks(judge("S26", log), again, "c2", "c3")


def test_match_finds_nothing_only_where_match_all_finds_nothing() -> None:
    log = fetched("/x")
    log.match("c2", "/x", None, "i1")
    settled = log.match_all("c3", [("r1", "/x")], "i1", query="/x") + 2
    breaks(judge("S26", log), settled)


def test_queries_with_other_options_are_other_queries() -> None:
    log = fetched("/x")
    log.match("c2", "/x", None, "i1")
    log.do(MatchAll("c3", "i1", url("/x"), options=QueryOptions(ignore_search=True)))
    log.see(Settled("c3", records=[]))
    holds(judge("S26", log), 0)


def test_answers_that_vary_may_match_differently_over_time() -> None:
    log = fetched("/x")
    log.match("c2", "/x", [("r1", "/x")], "i1")
    log.request("/x")
    log.head(vary="Accept")
    log.match_all("c3", [], "i1", query="/x")
    unclear(judge("S26", log), "vary")


def test_match_on_another_instance_is_another_query() -> None:
    log = fetched("/x")
    log.get("c2", "a", "i2")
    log.match("c3", "/x", None, "i1")
    log.match_all("c4", [("r1", "/x")], "i2", query="/x")
    holds(judge("S26", log), 0)


def test_a_query_that_ignores_vary_does_not_vary() -> None:
    log = fetched("/x")
    log.request("/x")
    log.head(vary="Accept")
    blind = QueryOptions(ignore_vary=True)
    log.do(Match("c2", "i1", url("/x"), options=blind))
    log.see(Settled("c2"))
    log.do(MatchAll("c3", "i1", url("/x"), options=blind))
    settled = log.see(Settled("c3", records=[RecordInfo("r1", url("/x"))]))
    breaks(judge("S26", log), settled)


def test_a_body_that_has_not_come_when_the_handler_is_done_cannot_be_told() -> None:
    log = in_handler()
    log.do(Read("r1"))
    log.end()
    log.quiet()
    unclear(judge("S06", log))


def test_records_matched_before_the_event_on_its_own_instance_are_not_judged() -> None:
    log = Log().begin()
    log.fetch()
    log.get("c2", "a", "w1")
    log.match_all("c3", [("r1", "/x")])
    log.event()
    log.do(Read("r1"))
    log.see(Ready("r1", error="TypeError"))
    holds(judge("S06", log), 0)
