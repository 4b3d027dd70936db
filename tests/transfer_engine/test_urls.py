"""Addresses and hops."""

from __future__ import annotations

import attrs
import pytest

from transfer_engine.errors import PeerMisbehaved
from transfer_engine.hops import Hop, cors_allows, first_hop, next_hop, shown_headers
from transfer_engine.messages import Headers, StoredHead, StoredRequest
from transfer_engine.policy import OPEN
from transfer_engine.urls import BadUrl, HasCredentials, blocked, parse

APP = parse("http://app.test")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/x?q#f", "http://app.test/x?q"),
        ("http://APP.test:80", "http://app.test/"),
        ("http://app.test:8080/a/./b/../c", "http://app.test:8080/a/c"),
        ("https://app.test:443/ä b".replace(" ", "%20"), "https://app.test/%C3%A4%20b"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("http://bücher.test/", "http://xn--bcher-kva.test/"),
        ("//other.test/x", "http://other.test/x"),
        ("/a//b", "http://app.test/a//b"),
        ("http://app.test//other.test/x?a=ä#f", "http://app.test//other.test/x?a=%C3%A4"),
        ("/../../x/..", "http://app.test/"),
    ],
)
def test_urls_are_resolved_and_normalised(url: str, expected: str) -> None:
    assert parse(url, "http://app.test").url == expected


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.test/",
        "data:text/plain,x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://user:secret@a.test/",
        "http://a.test:99999/",
        "http://a.test/x\r\nHost: b",
        "http://[::1/",
        "http://" + "a" * 64 + ".test/",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(BadUrl) as caught:
        parse(url, "http://app.test")
    assert "secret" not in str(caught.value)


def test_bad_ports_and_mixed_content_are_blocked() -> None:
    secure = parse("https://app.test")
    assert blocked(parse("http://a.test:6667/"), APP)
    assert blocked(parse("http://a.test/"), secure)
    assert not blocked(parse("http://localhost:8000/"), secure)
    assert not blocked(parse("https://a.test/"), secure)


def hop(url: str = "/x", method: str = "GET", headers: Headers = (), mode: str = "cors") -> Hop:
    assert mode in ("cors", "same-origin")
    full = parse(url, "http://app.test").url
    request = StoredRequest(full, method, headers, mode)  # type: ignore[arg-type] # a literal
    return first_hop(APP, request, method == "POST", 0, OPEN)


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", ("GET", False)),
        (302, "POST", ("GET", False)),
        (303, "POST", ("GET", False)),
        (307, "POST", ("POST", True)),
        (308, "POST", ("POST", True)),
        (303, "HEAD", ("HEAD", False)),
        (301, "PUT", ("PUT", False)),
        (302, "GET", ("GET", False)),
    ],
)
def test_redirects_change_the_method_as_fetch_says(
    status: int, method: str, expected: tuple[str, bool]
) -> None:
    after = next_hop(hop(method=method), status, (("location", "/y"),), OPEN)
    assert after is not None
    assert (after.method, after.with_body) == expected
    assert after.address.url == "http://app.test/y"


def test_without_location_or_redirect_status_an_answer_is_the_last() -> None:
    assert next_hop(hop(), 302, (), OPEN) is None
    assert next_hop(hop(), 200, (("location", "/y"),), OPEN) is None


def test_the_21st_redirect_is_an_error() -> None:
    at = hop()
    for _ in range(20):
        following = next_hop(at, 302, (("location", "/y"),), OPEN)
        assert following is not None
        at = following
    with pytest.raises(PeerMisbehaved):
        next_hop(at, 302, (("location", "/y"),), OPEN)


@pytest.mark.parametrize("location", ["ftp://a.test/", "http://u:p@a.test/", "http://a.test:25/"])
def test_a_redirect_to_where_no_request_may_go_is_an_error(location: str) -> None:
    with pytest.raises(PeerMisbehaved):
        next_hop(hop(), 302, (("location", location),), OPEN)


@pytest.mark.parametrize("name", ["authorization", "cookie", "proxy-authorization"])
def test_credentials_headers_do_not_follow_to_another_origin(name: str) -> None:
    at = hop(headers=((name, "secret"), ("x", "y")))
    stayed = next_hop(at, 302, (("location", "/y"),), OPEN)
    left = next_hop(at, 302, (("location", "http://b.test/y"),), OPEN)
    assert stayed is not None
    assert left is not None
    assert stayed.headers == at.headers
    assert left.headers == (("x", "y"),)


def test_a_chain_that_left_the_origin_stays_cross_origin_and_becomes_opaque() -> None:
    away = next_hop(hop(), 302, (("location", "http://b.test/"),), OPEN)
    assert away is not None
    assert (away.cross_origin, away.origin) == (True, "http://app.test")
    back = next_hop(away, 302, (("location", "http://app.test/"),), OPEN)
    assert back is not None
    assert (back.cross_origin, back.origin) == (True, "null")
    further = next_hop(back, 302, (("location", "/y"),), OPEN)
    assert further is not None
    assert further.origin == "null", "whoever has been anybody is nobody from then on"
    assert not cors_allows(back, (("access-control-allow-origin", "http://app.test"),))
    assert cors_allows(back, (("access-control-allow-origin", "*"),))
    with pytest.raises(PeerMisbehaved):
        next_hop(hop(mode="same-origin"), 302, (("location", "http://b.test/"),), OPEN)


def test_only_unusual_cross_origin_requests_need_a_preflight() -> None:
    foreign = "http://b.test/"
    assert not hop(foreign).needs_preflight
    assert not hop(foreign, headers=(("range", "bytes=1-"),)).needs_preflight
    assert not hop(foreign, "POST", (("content-type", "text/plain"),)).needs_preflight
    assert hop(foreign, "POST", (("content-type", "application/json"),)).needs_preflight
    assert hop(foreign, "DELETE").needs_preflight
    assert hop(foreign, headers=(("x-own", "1"),)).needs_preflight
    assert not hop("/x", "DELETE").needs_preflight
    assert not hop(foreign, headers=(("accept", "x" * 128),)).needs_preflight
    assert hop(foreign, headers=(("accept", "x" * 129),)).needs_preflight
    assert not hop(foreign, "POST", (("content-type", "Text/Plain; charset=x"),)).needs_preflight
    for value in ("bytes=-5", "bytes=0-1,3-4", "lines=1-"):
        assert hop(foreign, headers=(("range", value),)).needs_preflight


def test_shown_headers_lose_lengths_and_what_is_not_exposed() -> None:
    headers = (
        ("content-type", "text/plain"),
        ("content-length", "5"),
        ("content-range", "bytes 0-4/5"),
        ("transfer-encoding", "chunked"),
        ("etag", '"e"'),
        ("x", "1"),
        ("x", "2"),
        ("access-control-expose-headers", "ETag, Content-Length"),
        ("set-cookie", "no"),
    )
    near = StoredHead(200, headers[:-2] + headers[-1:], "http://app.test/")
    assert shown_headers(near) == {"content-type": "text/plain", "etag": '"e"', "x": "1, 2"}
    far = attrs.evolve(near, headers=headers, cross_origin=True)
    assert shown_headers(far) == {"content-type": "text/plain", "etag": '"e"'}


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("/x?", "http://app.test", "http://app.test/x?"),
        ("/x?", "http://APP.test/a/../b", "http://app.test/x?"),
        ("HTTP://app.test/./x?#top", "", "http://app.test/x?"),
        ("?", "http://app.test/x?q", "http://app.test/x?"),
        ("#top", "http://app.test/x?q", "http://app.test/x?q"),
        ("", "http://app.test/x?", "http://app.test/x?"),
        ("y", "http://app.test/x?q", "http://app.test/y"),
        ("/x#a?b", "http://app.test", "http://app.test/x"),
    ],
)
def test_an_empty_query_keeps_its_mark(url: str, base: str, expected: str) -> None:
    assert parse(url, base).url == expected


def test_what_is_left_of_an_address_without_its_password_keeps_its_query() -> None:
    with pytest.raises(HasCredentials) as caught:
        parse("http://me:secret@app.test/x?#top")
    assert caught.value.url == "http://app.test/x?"
