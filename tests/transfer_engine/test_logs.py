"""The log says what happened and gives away no secret."""

from __future__ import annotations

import logging

import pytest

from tests.transfer_engine.hostile.world import OK, meet
from transfer_engine import Request
from transfer_engine.errors import PeerMisbehaved
from transfer_engine.logs import shown_error, shown_header, shown_url

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"http://me:{SECRET}@a.test/x", "http://a.test/x"),
        (f"http://{SECRET}@a.test/", "http://a.test/"),
        (f"http://a.test/x?token={SECRET}", "http://a.test/x?..."),
        (f"http://a.test/x#{SECRET}", "http://a.test/x"),
        ("http://a.test/\x1b[31m\nx", "http://a.test/?[31mx"),
        (f"http://[::1/{SECRET}", "(no URL)"),
        ("http://a.test/" + "x" * 5000, "http://a.test/" + "x" * 286),
    ],
)
def test_a_url_is_shown_without_userinfo_query_fragment_and_control(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "name", ["Authorization", "COOKIE", "Set-Cookie", "proxy-authorization", "set-cookie2"]
)
def test_secret_headers_are_hidden(name: str) -> None:
    assert shown_header(name, SECRET) == f"{name}: (hidden)"


def test_other_headers_are_shown_on_one_line() -> None:
    assert shown_header("x", "a\r\nb\x1b") == "x: a??b?"


@pytest.mark.parametrize(
    "text",
    [
        f"bad header Authorization: Bearer {SECRET}",
        f"bad header set-cookie: sid={SECRET}; path=/",
        f"{{'cookie': 'sid={SECRET}'}}",
        f"[('cookie', 'sid={SECRET}')]",
        f"redirect to http://me:{SECRET}@a.test/ refused",
        f"GET http://a.test/?token={SECRET}",
    ],
)
def test_errors_are_shown_without_what_they_quote(text: str) -> None:
    assert SECRET not in shown_error(PeerMisbehaved(text))


SCENES = [
    (OK + b"Set-Cookie: sid=hunter2\r\nContent-Length: 2\r\n\r\nok"),
    (OK + b"Set-Cookie: sid=hunter2\r\nContent-Length: 2\r\n\r\no"),
    (OK + b"Set-Cookie: sid=hunter2\0\r\nContent-Length: 2\r\n\r\nok"),
    (OK + b"Set-Cookie : sid=hunter2\r\nContent-Length: 2\r\n\r\nok"),
    (b"HTTP/1.1 302 Go\r\nLocation: http://me:hunter2@a.test/\r\nContent-Length: 0\r\n\r\n"),
    (b"HTTP/1.1 302 Go\r\nLocation: ftp://a.test/?hunter2\r\nContent-Length: 0\r\n\r\n"),
    (b"HTTP/1.1 302 Go\r\nLocation: /y?t=hunter2\r\nContent-Length: 0\r\n\r\n"),
    b"",
]


@pytest.mark.parametrize("answer", SCENES)
def test_nothing_that_is_secret_reaches_the_log(
    answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "transfer_engine")
    request = Request("/x?token=hunter2", headers={"authorization": "Bearer hunter2"})
    meet(answer, request=request, unavailability="network-loss")
    assert caplog.records
    assert SECRET not in caplog.text
