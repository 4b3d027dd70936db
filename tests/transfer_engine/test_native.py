"""An engine that no page uses: CORS is no matter, everything else is."""

from __future__ import annotations

import pytest

from tests.transfer_engine.hostile.world import OK, meet
from tests.transfer_engine.server import whole
from tests.transfer_engine.world import App, finished, simulate
from transfer_engine import Request, ScriptError

URL = "http://app.test/x"
ELSEWHERE = "http://other.test/b"
FINE = OK + b"Content-Length: 2\r\n\r\nok"


def moved(location: str) -> bytes:
    return f"HTTP/1.1 302 Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def test_it_follows_a_redirect_to_another_origin_without_cors() -> None:
    met = meet(moved(ELSEWHERE), FINE, app_origin=None, request=URL)
    assert (met.reason, met.hosts) == ("", [("app.test", 80), ("other.test", 80)])
    assert all(b"origin:" not in asked.lower() for asked in met.asked)


def test_no_origin_is_named_where_there_is_no_page() -> None:
    (asked,) = meet(FINE, app_origin=None, request=Request(URL, method="POST")).asked
    assert b"origin:" not in asked.lower()


def test_a_page_does_not() -> None:
    assert meet(moved(ELSEWHERE), FINE).reason == "fetch-error"


def test_what_is_meant_for_one_origin_is_not_sent_to_another() -> None:
    headers = {"Cookie": "a=b", "Authorization": "c", "X-Other": "d"}
    first, second = meet(
        moved(ELSEWHERE), FINE, app_origin=None, request=Request(URL, headers=headers)
    ).asked
    assert b"cookie: a=b" in first
    assert b"authorization: c" in first
    assert b"cookie" not in second
    assert b"authorization" not in second
    assert b"x-other: d" in second


def test_a_page_cannot_set_a_cookie() -> None:
    (asked,) = meet(FINE, request=Request("/x", headers={"Cookie": "a=b"})).asked
    assert b"cookie" not in asked


def test_a_relative_url_has_nothing_to_be_relative_to() -> None:
    async def test(app: App) -> None:
        async with app.open(app_origin=None) as engine:
            with pytest.raises(ScriptError, match="TypeError"):
                await engine.fetch("s", "/a")

    simulate(test)


def test_a_base_is_what_urls_are_relative_to() -> None:
    async def test(app: App) -> None:
        app.server.on("/shop/a", whole(b"x"))
        async with app.open(base="http://app.test/shop/index.html") as engine:
            reg = await engine.fetch("s", "a")
            assert await reg.match("a") is not None
            assert await finished(reg) == ("success", "")

    simulate(test)
