"""What a server's wire behaviour becomes for the specification."""

from __future__ import annotations

import pytest

from spec_model.fetch_boundary import (
    MAXIMUM_HOPS,
    Redirect,
    Wire,
    boundary,
    ending,
    malformed,
)
from spec_model.values import Head, RequestSpec

HOME = "https://app.example"
CDN = "https://cdn.example"
OWN = f"{HOME}/x"
FOREIGN = f"{CDN}/x"
ALLOWED = ("Access-Control-Allow-Origin", "*")


def wire(status: int = 200, *headers: tuple[str, str], framing: str = "length") -> Wire:
    return Wire(1, status, headers, framing, length=10)


def answer(
    url: str, sent: Wire, method: str = "GET", mode: str = "cors", hops: int = 0
) -> Head | Redirect | None:
    return boundary(RequestSpec(url, method, mode=mode), url, method, hops, HOME, sent)


def response(url: str, sent: Wire, method: str = "GET") -> Head:
    head = answer(url, sent, method)
    assert isinstance(head, Head), head
    return head


# --- heads ----------------------------------------------------------------------------


def test_header_names_are_lower_case_and_values_trimmed() -> None:
    assert response(OWN, wire(200, ("ETag", '  "1" '))).headers == (("etag", '"1"'),)


def test_a_foreign_answer_needs_permission() -> None:
    assert answer(FOREIGN, wire()) is None
    assert isinstance(answer(FOREIGN, wire(200, ALLOWED)), Head)


def test_the_page_s_own_origin_will_do_and_another_will_not() -> None:
    name = "Access-Control-Allow-Origin"
    assert isinstance(answer(FOREIGN, wire(200, (name, HOME))), Head)
    assert answer(FOREIGN, wire(200, (name, CDN))) is None


def test_a_same_origin_request_gets_nothing_foreign() -> None:
    assert answer(FOREIGN, wire(200, ALLOWED), mode="same-origin") is None


def test_a_foreign_answer_shows_what_is_safe_or_exposed_and_keeps_the_rest_inside() -> None:
    sent = wire(
        206, ALLOWED, ("ETag", '"1"'), ("Content-Type", "x/y"), ("Content-Range", "bytes 0-9/10"),
        ("Access-Control-Expose-Headers", "etag"),
    )  # fmt: skip
    head = response(FOREIGN, sent)
    assert [name for name, _ in head.headers] == ["etag", "content-type"]
    assert head.get("content-range") is None
    assert head.get("content-range", internal=True) == "bytes 0-9/10"


def test_cookies_are_never_shown() -> None:
    assert response(OWN, wire(200, ("Set-Cookie", "a=b"))).headers == ()
    exposed = wire(200, ALLOWED, ("Set-Cookie", "a"), ("Access-Control-Expose-Headers", "*"))
    assert response(FOREIGN, exposed).get("set-cookie") is None


def followed(url: str, location: str, taint: str = "", mode: str = "cors") -> str | None:
    """The taint of the redirect to ``location``; None: it is not followed."""
    request = RequestSpec(OWN, mode=mode)
    sent = wire(302, ("Location", location), ALLOWED)
    found = boundary(request, url, "GET", 0, HOME, sent, taint)
    assert not isinstance(found, Head)
    return None if found is None else found.taint


@pytest.mark.parametrize(
    ("url", "location", "before", "after"),
    [
        (OWN, OWN, "", ""),
        (OWN, FOREIGN, "", "cors"),
        (FOREIGN, f"{CDN}/y", "cors", "cors"),
        (FOREIGN, OWN, "cors", "opaque"),
        (FOREIGN, "https://third.example/", "cors", "opaque"),
        (OWN, OWN, "opaque", "opaque"),
    ],
)
def test_a_chain_keeps_the_taint_of_where_it_has_been(
    url: str, location: str, before: str, after: str
) -> None:
    assert followed(url, location, before) == after


def test_a_name_and_password_are_allowed_only_within_the_page_s_own_origin() -> None:
    assert followed(OWN, "https://user:secret@app.example/y") == ""
    assert followed(OWN, "https://user:secret@cdn.example/y") is None
    assert followed(FOREIGN, "https://:secret@cdn.example/y", "cors") is None


def test_a_same_origin_request_follows_no_redirect_away() -> None:
    assert followed(OWN, f"{HOME}/y", mode="same-origin") == ""
    assert followed(OWN, FOREIGN, mode="same-origin") is None


def test_after_a_foreign_redirect_the_permission_is_for_nobody_s_origin() -> None:
    def allowed(origin: str) -> bool:
        sent = wire(200, ("Access-Control-Allow-Origin", origin))
        return boundary(RequestSpec(OWN), OWN, "GET", 2, HOME, sent, "opaque") is not None

    assert [allowed(each) for each in ("*", "null", HOME)] == [True, True, False]


def test_everything_can_be_exposed() -> None:
    sent = wire(200, ALLOWED, ("X", "1"), ("Access-Control-Expose-Headers", "*"))
    assert response(FOREIGN, sent).get("x") == "1"


@pytest.mark.parametrize("status", [204, 205, 304])
def test_some_statuses_have_no_body(status: int) -> None:
    assert response(OWN, wire(status)).null_body


def test_an_answer_to_head_has_no_body() -> None:
    assert response(OWN, wire(), "HEAD").null_body
    assert not response(OWN, wire()).null_body


def test_an_encoding_is_noticed() -> None:
    assert response(OWN, wire(200, ("Content-Encoding", "gzip"))).encoded


@pytest.mark.parametrize(
    "headers",
    [
        (("Content-Length", "1"), ("Content-Length", "2")),
        (("Content-Length", "1, 2"),),
        (("Content-Length", "-1"),),
        (("Content-Length", "+1"),),
        (("Content-Length", ""),),
        (("Content-Length", "1"), ("Transfer-Encoding", "chunked")),
        (("Transfer-Encoding", "gzip"),),
    ],
)
def test_broken_framing_is_a_network_error(headers: tuple[tuple[str, str], ...]) -> None:
    assert malformed(wire(200, *headers))
    assert answer(OWN, wire(200, *headers)) is None


@pytest.mark.parametrize(
    "headers",
    [(("Content-Length", "1"), ("content-length", "1")), (("Transfer-Encoding", "Chunked"),), ()],
)
def test_sound_framing_is_none(headers: tuple[tuple[str, str], ...]) -> None:
    assert not malformed(wire(200, *headers))


# --- redirects ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (301, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (303, "HEAD", "HEAD"),
        (302, "GET", "GET"),
    ],
)
def test_a_redirect_may_change_the_method(status: int, method: str, expected: str) -> None:
    sent = wire(status, ("Location", "/y"))
    assert answer(OWN, sent, method) == Redirect(f"{HOME}/y", expected)


def test_a_redirect_status_without_a_location_is_an_answer() -> None:
    assert isinstance(answer(OWN, wire(302)), Head)


def test_so_many_redirects_and_no_more() -> None:
    sent = wire(302, ("Location", "/y"))
    assert isinstance(answer(OWN, sent, hops=MAXIMUM_HOPS - 1), Redirect)
    assert answer(OWN, sent, hops=MAXIMUM_HOPS) is None


@pytest.mark.parametrize("target", ["ftp://x/y", "data:,x", "https://user@cdn.example/y"])
def test_some_targets_are_network_errors(target: str) -> None:
    assert answer(OWN, wire(302, ("Location", target))) is None


def test_a_redirect_away_from_home_and_back_still_needs_permission() -> None:
    request = RequestSpec(FOREIGN)
    assert boundary(request, OWN, "GET", 1, HOME, wire()) is None


# --- ends -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("framing", "how", "sent", "expected"),
    [
        ("length", "end", 10, "end"),
        ("chunked", "end", 10, "end"),
        ("length", "close", 9, "error"),
        ("length", "close", 10, "end"),
        ("chunked", "close", 10, "error"),
        ("close", "close", 4, "end"),
        ("close", "reset", 4, "error"),
        ("length", "reset", 9, "error"),
        ("length", "reset", 10, "either"),
        ("chunked", "reset", 10, "error"),
    ],
)
def test_an_end_is_what_the_framing_makes_of_it(
    framing: str, how: str, sent: int, expected: str
) -> None:
    assert ending(wire(framing=framing), how, sent, null_body=False) == expected


def test_without_a_body_only_a_break_leaves_a_doubt() -> None:
    assert ending(wire(204, framing="none"), "end", 0, null_body=True) == "end"
    assert ending(wire(204, framing="none"), "reset", 0, null_body=True) == "either"
