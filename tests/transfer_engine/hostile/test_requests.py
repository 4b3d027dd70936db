"""What a page, or a journal, may try to smuggle into a request."""

from __future__ import annotations

import pytest

from tests.transfer_engine.hostile.world import OK, meet
from transfer_engine import Request, ScriptError
from transfer_engine.errors import PeerMisbehaved
from transfer_engine.urls import Address, parse
from transfer_engine.wire import Exchange

FINE = OK + b"Content-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    "request_",
    [
        Request("/x", method="GET\r\nX: y"),
        Request("/x", method="GET /y"),
        Request("/x", method=""),
        Request("/x", method="TRACE"),
        Request("/x\r\nX: y"),
        Request("/x y"),
        Request("/x", headers={"x": "a\r\nX: y"}),
        Request("/x", headers={"x": "a\0b"}),
        Request("/x", headers={"x": "a\nb"}),
        Request("/x", headers={"x\r\n": "y"}),
        Request("/x", headers={"x y": "z"}),
        Request("/x", headers={"": "z"}),
        Request("/x", headers={"x": "€"}),
    ],
    ids=lambda request: repr((request.method, request.url, request.headers)),
)
def test_what_cannot_be_sent_is_refused_at_once(request_: Request) -> None:
    with pytest.raises(ScriptError, match="TypeError"):
        meet(FINE, request=request_)


@pytest.mark.parametrize(
    "name",
    ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Cookie", "Expect", "TE",
     "Upgrade", "Proxy-Authorization", "Sec-Fetch-Mode", "Origin", "Accept-Encoding"],
)  # fmt: skip
def test_what_the_engine_answers_for_is_not_the_pages_to_set(name: str) -> None:
    met = meet(FINE, request=Request("/x", headers={name: "smuggled"}))
    assert met.reason == ""
    assert b"smuggled" not in met.asked[0]
    assert met.asked[0].lower().count(b"host:") == 1


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET\r\nX: y", "/", ()),
        ("GET", "/\r\nX: y", ()),
        ("GET", "/ HTTP/1.1\r\nX: y\r\n\r\nGET /", ()),
        ("GET", "/é", ()),
        ("GET", "x", ()),
        ("GET", "/", (("x", "a\r\nb"),)),
        ("GET", "/", (("x", "a\nb"),)),
        ("GET", "/", (("x", "a\0b"),)),
        ("GET", "/", (("x:", "a"),)),
        ("GET", "/", (("", "a"),)),
        ("GET", "/", (("x", "€"),)),
    ],
)
def test_a_swapped_journal_cannot_smuggle_either(
    method: str, target: str, headers: tuple[tuple[str, str], ...]
) -> None:
    with pytest.raises(PeerMisbehaved, match="cannot be sent"):
        Exchange().request(Address("http", "a.test", 80, target), method, headers)


def test_the_request_is_what_http_has_it_be() -> None:
    sent = Exchange().request(parse("http://a.test:81/x?y"), "GET", (("a", "b"), ("c", "")))
    assert sent == b"GET /x?y HTTP/1.1\r\nHost: a.test:81\r\na: b\r\nc: \r\n\r\n"


def said(asked: bytes, name: str) -> list[str]:
    """The values of a header field in a request's head."""
    lines = asked.decode("latin-1").split("\r\n")[1:]
    pairs = [line.partition(": ") for line in lines]
    return [value for key, _, value in pairs if key.lower() == name]


@pytest.mark.parametrize(
    ("own", "accept", "agent"),
    [
        ({}, "*/*", "transfer-engine/1"),
        ({"Accept": "text/html", "User-Agent": "mine"}, "text/html", "mine"),
    ],
)
def test_what_the_page_accepts_and_calls_itself_is_said_once(
    own: dict[str, str], accept: str, agent: str
) -> None:
    (asked,) = meet(FINE, request=Request("/x", headers=own)).asked
    assert (said(asked, "accept"), said(asked, "user-agent")) == ([accept], [agent])


@pytest.mark.parametrize(
    ("method", "origin", "length"),
    [
        ("GET", [], []),
        ("HEAD", [], []),
        ("DELETE", ["http://app.test"], []),
        ("POST", ["http://app.test"], ["0"]),
        ("PUT", ["http://app.test"], ["0"]),
        ("PATCH", ["http://app.test"], ["0"]),
    ],
)
def test_what_may_change_something_names_its_origin_and_an_empty_body_its_length(
    method: str, origin: list[str], length: list[str]
) -> None:
    (asked,) = meet(FINE, request=Request("/x", method=method)).asked
    assert (said(asked, "origin"), said(asked, "content-length")) == (origin, length)


@pytest.mark.parametrize(
    ("given", "sent"), [("delete", b"DELETE"), ("Post", b"POST"), ("patch", b"patch")]
)
def test_only_the_methods_that_fetch_names_are_written_in_capitals(given: str, sent: bytes) -> None:
    (asked,) = meet(FINE, request=Request("/x", method=given)).asked
    assert asked.startswith(sent + b" /x ")
