"""S12, S21, S24."""

from __future__ import annotations

import pytest

from conformance.protocol import RequestInit, Settled
from conformance.trace import ServerRequest
from tests.conformance.judge.properties.traces import (
    Log,
    breaks,
    holds,
    judge,
    shows,
    unclear,
    url,
)


def posted(*keys: str, method: str = "POST") -> Log:
    log = Log().begin()
    log.fetch(requests=[RequestInit(url(key), method, body="b") for key in keys])
    return log


# --- S12 ------------------------------------------------------------------------------


def test_downloaded_up_to_the_limit_is_allowed() -> None:
    log = Log().begin()
    log.fetch(total=8)
    log.progress(shows(downloaded=8, total=8))
    holds(judge("S12", log), 2)


def test_downloaded_beyond_the_limit_is_not() -> None:
    log = Log().begin()
    log.fetch(total=8)
    shown = log.progress(shows(downloaded=9, total=8))
    breaks(judge("S12", log), shown, "9", "8")


def test_hiding_the_limit_does_not_help() -> None:
    log = Log().begin()
    log.fetch(total=8)
    shown = log.progress(shows(downloaded=9, total=0))
    breaks(judge("S12", log), shown)


def test_without_a_limit_everything_is_allowed() -> None:
    log = Log().begin()
    log.fetch()
    log.progress(shows(downloaded=10**9))
    holds(judge("S12", log), 0)


def test_the_limit_shown_counts_where_the_fetch_is_unknown() -> None:
    log = Log().begin()
    shown = log.progress(shows(downloaded=9, total=8), "i7")
    breaks(judge("S12", log), shown)


# --- S21 ------------------------------------------------------------------------------


def test_an_upload_is_sent_once() -> None:
    log = posted("/u")
    log.request("/u", "POST")
    holds(judge("S21", log), 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_an_upload_is_not_sent_twice(method: str) -> None:
    log = posted("/u", method=method)
    log.request("/u", method)
    log.write(0, "reset")
    again = log.request("/u", method)
    breaks(judge("S21", log), again, method, "/u")


def test_an_upload_is_not_sent_again_after_a_kill() -> None:
    log = posted("/u")
    log.request("/u", "POST")
    log.quit(kill=True)
    again = log.request("/u", "POST")
    breaks(judge("S21", log), again)


def test_a_download_may_be_sent_twice() -> None:
    log = Log().begin()
    log.fetch()
    log.exchange()
    log.exchange()
    holds(judge("S21", log), 0)


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_keeps_the_method_permits_one_more(status: int) -> None:
    log = posted("/u")
    log.request("/u", "POST")
    log.head(status, 0, location=url("/v"))
    log.request("/v", "POST")
    holds(judge("S21", log), 1)
    again = log.request("/v", "POST")
    breaks(judge("S21", log), again, "/v")


def test_a_redirect_to_itself_permits_one_more() -> None:
    log = posted("/u")
    log.request("/u", "POST")
    log.head(307, 0, location="/u")
    log.request("/u", "POST")
    holds(judge("S21", log), 1)
    again = log.request("/u", "POST")
    breaks(judge("S21", log), again)


def test_a_redirect_that_changes_the_method_permits_no_second_post() -> None:
    log = posted("/u")
    log.request("/u", "POST")
    log.head(303, 0, location=url("/v"))
    log.request("/v", "GET")
    holds(judge("S21", log), 1)
    again = log.request("/v", "POST")
    breaks(judge("S21", log), again)


def test_a_redirect_permits_nothing_before_it_was_given() -> None:
    log = posted("/u")
    log.request("/u", "POST")
    again = log.request("/u", "POST")
    log.head(307, 0, location=url("/u"))
    breaks(judge("S21", log), again)


def test_two_equal_uploads_may_be_sent_twice_but_it_cannot_be_told_by_whom() -> None:
    log = posted("/u", "/u")
    log.request("/u", "POST")
    holds(judge("S21", log), 1)
    log.request("/u", "POST")
    unclear(judge("S21", log), "2 records")
    third = log.request("/u", "POST")
    breaks(judge("S21", log), third, "3 times")


def test_requests_that_are_no_records_are_not_counted() -> None:
    log = Log().begin()
    log.fetch()
    log.request("/beacon", "POST")
    log.request("/beacon", "POST")
    holds(judge("S21", log), 0)


def test_a_fetch_that_was_refused_permits_nothing_and_is_not_judged() -> None:
    log = Log().begin()
    log.fetch(requests=[RequestInit(url("/u"), "POST")], instance=None)
    log.see(Settled("c1", error="TypeError"))
    log.request("/u", "POST")
    holds(judge("S21", log), 0)


# --- S24 ------------------------------------------------------------------------------


def resuming() -> Log:
    """Ten of 16 bytes had been written when the connection was lost."""
    log = Log().begin()
    log.fetch()
    log.request("/x")
    log.head(etag='"v1"')
    log.write(10, "reset")
    return log


@pytest.mark.parametrize("held", [1, 9, 10])
def test_a_range_from_what_may_be_stored_is_right(held: int) -> None:
    log = resuming()
    log.request("/x", range=f"bytes={held}-")
    holds(judge("S24", log), 1)


def test_a_single_request_is_no_instance() -> None:
    holds(judge("S24", resuming()), 0)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("bytes=11-", "at most 10"),
        ("bytes=0-", "from 0"),
        ("bytes=5-9", "open range"),
        ("bytes=-5", "open range"),
        ("bytes=5-, bytes=5-", "open range"),
    ],
)
def test_a_wrong_range_is_found(value: str, words: str) -> None:
    log = resuming()
    request = log.request("/x", range=value)
    breaks(judge("S24", log), request, words)


def test_a_first_request_has_no_range() -> None:
    log = Log().begin()
    log.fetch()
    request = log.request("/x", range="bytes=1-")
    breaks(judge("S24", log), request, "at most 0")


def test_a_request_may_start_anew_without_a_range() -> None:
    log = resuming()
    log.request("/x")
    holds(judge("S24", log), 1)


def test_a_range_is_of_the_identity_encoding() -> None:
    log = resuming()
    headers = {"range": "bytes=5-", "accept-encoding": "gzip, deflate"}
    request = log.serve(ServerRequest(9, "/x", "GET", 2, headers, 1))
    breaks(judge("S24", log), request, "identity")


def test_parts_add_up() -> None:
    log = resuming()
    log.request("/x", range="bytes=10-")
    log.head(206, 6, first=10, content_range="bytes 10-15/16")
    log.write(4, "reset")
    good, bad = Log(list(log.entries), exchanges=2), Log(list(log.entries), exchanges=2)
    good.request("/x", range="bytes=14-")
    holds(judge("S24", good), 2)
    request = bad.request("/x", range="bytes=15-")
    breaks(judge("S24", bad), request, "at most 14")


def test_bytes_sent_after_a_redirect_count() -> None:
    log = Log().begin()
    log.fetch()
    log.request("/x")
    log.head(302, 0, location=url("cdn:/big"))
    log.request("cdn:/big")
    log.head()
    log.write(10, "reset")
    log.request("/x", range="bytes=10-")
    log.head(302, 0, location=url("cdn:/big"))
    log.request("cdn:/big", range="bytes=10-")
    holds(judge("S24", log), 2)


@pytest.mark.parametrize("method", ["POST", "HEAD"])
def test_other_methods_never_ask_for_a_range(method: str) -> None:
    log = posted("/u", method=method)
    log.request("/u", method)
    log.head(206, 5, content_range="bytes 0-4/10")
    log.write(5)
    request = log.request("/u", method, range="bytes=5-")
    breaks(judge("S24", log), request, method)


def test_a_range_that_the_page_gave_is_the_pages_own() -> None:
    log = Log().begin()
    log.fetch(requests=[RequestInit(url("/x"), headers={"Range": "bytes=100-"})])
    log.request("/x", range="bytes=100-")
    unclear(judge("S24", log), "page")


def test_a_range_for_one_of_two_duplicates_cannot_be_told() -> None:
    log = Log().begin()
    log.fetch(requests=["/x", "/x"])
    log.request("/x")
    log.head()
    log.write(10, "reset")
    log.request("/x", range="bytes=10-")
    unclear(judge("S24", log), "2 records")
    request = log.request("/x", range="bytes=11-")
    breaks(judge("S24", log), request)


def test_requests_of_nobodys_are_not_judged() -> None:
    log = Log().begin()
    log.fetch()
    log.request("/favicon.ico", range="bytes=7-")
    holds(judge("S24", log), 0)


def test_a_misdirected_upload_may_be_sent_again() -> None:
    log = posted("/u")
    log.request("/u", "POST")
    log.head(421, 0)
    log.request("/u", "POST")
    holds(judge("S21", log), 1)
    again = log.request("/u", "POST")
    breaks(judge("S21", log), again)


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirected_post_becomes_a_get_that_is_not_counted(status: int) -> None:
    log = posted("/u")
    log.request("/u", "POST")
    log.head(status, 0, location=url("/v"))
    again = log.request("/v", "POST")
    breaks(judge("S21", log), again, "/v")


@pytest.mark.parametrize("status", [301, 302])
def test_a_redirected_put_stays_a_put(status: int) -> None:
    log = posted("/u", method="PUT")
    log.request("/u", "PUT")
    log.head(status, 0, location=url("/v"))
    log.request("/v", "PUT")
    holds(judge("S21", log), 1)


def test_a_chain_of_redirects_is_one_request() -> None:
    log = posted("/u")
    log.request("/u", "POST")
    for key in ("/v", "cdn:/w"):
        log.head(307, 0, location=url(key))
        log.request(key, "POST")
    holds(judge("S21", log), 1)
    again = log.request("cdn:/w", "POST")
    breaks(judge("S21", log), again)


def test_a_request_is_judged_by_the_fetches_asked_for_before_it() -> None:
    log = Log().begin()
    log.request("/u", "POST")
    log.fetch(requests=[RequestInit(url("/u"), "POST")])
    log.request("/u", "POST")
    holds(judge("S21", log), 1)


def test_a_range_of_an_upload_is_found_beside_a_download_of_the_same_url() -> None:
    log = Log().begin()
    log.fetch(requests=["/u", RequestInit(url("/u"), "POST")])
    log.request("/u")
    log.head()
    log.write(8, "reset")
    request = log.request("/u", "POST", range="bytes=8-")
    breaks(judge("S24", log), request, "POST")


def test_an_upload_that_became_a_download_by_redirect_asks_for_no_range() -> None:
    log = posted("/u")
    log.request("/u", "POST")
    log.head(303, 0, location=url("/v"))
    log.request("/v")
    log.head()
    log.write(8, "reset")
    request = log.request("/v", range="bytes=8-")
    breaks(judge("S24", log), request)
