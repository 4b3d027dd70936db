"""Cookies: which are kept, where they go, what the credentials mode and CORS make of it."""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import trio

from tests.transfer_engine.server import Asked, Turn, status, whole
from tests.transfer_engine.world import App, finished, simulate
from transfer_engine import (
    CookieStore,
    Credentials,
    EngineConfig,
    Request,
    ScriptError,
    StoreUnusable,
    open_engine,
)

TEN = b"0123456789"
HOME = "https://shop.example/cart/list"
APP = "http://app.test"
OTHER = "http://other.test"


def kept(*lines: str, url: str = HOME, same_site: bool = True) -> CookieStore:
    """A store that has heard these fields from a URL."""
    store = CookieStore()
    store.keep(url, tuple(("set-cookie", line) for line in lines), same_site=same_site)
    return store


# --- the store ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "goes", "stays"),
    [
        ("a=1", HOME, "https://sub.shop.example/cart/list"),
        ("a=1", HOME, "https://shop.example/other"),
        ("a=1", HOME, "https://example/cart/list"),
        ("a=1; Domain=shop.example", "https://sub.shop.example/cart/x", "https://myshop.example/"),
        ("a=1; Path=/", "https://shop.example/other", "https://other.example/"),
        ("a=1; Path=/ca", "https://shop.example/ca/x", HOME),
        ("a=1; Secure; Path=/", "https://shop.example/", "http://shop.example/"),
        ("a=1; Max-Age=60", HOME, "https://sub.shop.example/cart/list"),
        ("__Host-a=1; Secure; Path=/", HOME, "https://sub.shop.example/"),
    ],
)
def test_a_cookie_goes_where_its_domain_path_and_secure_say(
    line: str, goes: str, stays: str
) -> None:
    store = kept(line)
    assert store.header(goes) == line.partition(";")[0]
    assert store.header(stays) is None


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("a=1; Domain=other.example", HOME),
        ("a=1; Domain=example", HOME),
        ("a=1; Domain=co.uk", "https://shop.co.uk/"),
        ("a=1; Domain=0.0.1", "http://127.0.0.1/"),
        ("a=1; Domain=local", "http://printer.local/"),
        ("a=1; Domain=.local", "http://a.printer.local/"),
        ("a=1; Domain=.local", "http://localhost/"),
        ("a=1; Domain=localhost.local", "http://localhost/"),
        ("a=1; Secure", "http://shop.example/"),
        ("a=1; Max-Age=0", HOME),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", HOME),
        ("__Secure-a=1", HOME),
        ("__Host-a=1; Secure; Path=/cart", HOME),
        ("__Host-a=1; Secure; Path=/; Domain=shop.example", HOME),
        (f"a={'x' * 5000}", HOME),
    ],
)
def test_what_a_server_may_not_set_is_not_kept(line: str, url: str) -> None:
    assert len(kept(line, url=url)) == 0


def test_a_host_under_local_may_share_what_is_its_own() -> None:
    store = kept("a=1; Domain=printer.local", url="http://a.printer.local/")
    assert store.header("http://printer.local/") == "a=1"
    assert store.header("http://other.local/") is None


@pytest.mark.parametrize("end", ["a=2; Max-Age=0", "a=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_server_ends_what_it_has_set(end: str) -> None:
    assert kept("a=1; Path=/", end + "; Path=/").header(HOME) is None


def test_the_longer_path_comes_first_and_the_newest_value_counts() -> None:
    store = kept("b=1; Path=/", "a=1; Path=/cart", "b=2; Path=/")
    assert store.header(HOME) == "a=1; b=2"


@pytest.mark.parametrize("same_site", ["Lax", "strict"])
def test_a_cookie_of_its_own_site_is_not_for_the_applications_of_others(same_site: str) -> None:
    line = f"a=1; SameSite={same_site}"
    assert kept(line).header(HOME, same_site=True) == "a=1"
    assert kept(line).header(HOME, same_site=False) is None
    assert len(kept(line, same_site=False)) == 0
    assert kept("a=1; SameSite=None; Secure").header(HOME, same_site=False) == "a=1"


def test_no_server_fills_the_store() -> None:
    store = kept(*(f"c{n}=1; Path=/p{n}" for n in range(200)))
    assert len(store) == 50
    assert store.header("https://shop.example/p199") == "c199=1"


def test_cookies_outlive_the_process_in_a_file_of_their_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "cookies.json"

    async def main() -> None:
        first = CookieStore(path)
        first.keep(HOME, (("set-cookie", "a=1; HttpOnly; SameSite=Strict"),))
        await first.save()

    trio.run(main)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = CookieStore(path)
    assert (again.header(HOME), again.header(HOME, same_site=False)) == ("a=1", None)


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2}', '{"version": 1, "cookies": [{}]}'])
def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cookies.json"
    path.write_text(text)
    with pytest.raises(StoreUnusable, match=r"cookies\.json"):
        CookieStore(path)


def test_what_cannot_be_saved_is_said_and_saved_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "missing" / "cookies.json"

    async def main() -> None:
        store = CookieStore(path)
        store.keep(HOME, (("set-cookie", "a=secret"),))
        await store.save()
        path.parent.mkdir()
        await store.save()

    trio.run(main)
    assert "could not be saved" in caplog.text
    assert "secret" not in caplog.text
    assert len(json.loads(path.read_text())["cookies"]) == 1


def test_the_cookies_of_a_browser_can_be_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    line = "\t".join([".shop.example", "TRUE", "/", "TRUE", "4102444800", "a", "1"])
    path.write_text(f"# Netscape HTTP Cookie File\n{line}\n")
    store = CookieStore()
    store.add_netscape_file(path)
    assert store.header("https://www.shop.example/") == "a=1"
    path.write_text("no cookies")
    with pytest.raises(ValueError, match=r"(?i)netscape"):
        store.add_netscape_file(path)


def test_a_cookie_of_a_browsers_session_is_taken_over_and_an_expired_one_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "cookies.txt"
    lines = [
        "\t".join(["shop.example", "FALSE", "/", "FALSE", expires, name, "1"])
        for name, expires in [("login", "0"), ("old", "1000000000")]
    ]
    path.write_text("\n".join(["# Netscape HTTP Cookie File", *lines, ""]))
    store = CookieStore()
    store.add_netscape_file(path)
    assert store.header("https://shop.example/") == "login=1"


def taken_over(folder: Path, host: str, name: str, value: str) -> CookieStore:
    """With one cookie of a browser's file."""
    path = folder / "cookies.txt"
    line = "\t".join([host, "FALSE", "/", "FALSE", "4102444800", name, value])
    path.write_text(f"# Netscape HTTP Cookie File\n{line}\n", "utf-8")
    store = CookieStore()
    store.add_netscape_file(path)
    return store


def test_a_cookie_of_a_browser_is_sent_as_the_bytes_that_it_has(tmp_path: Path) -> None:
    store = taken_over(tmp_path, "shop.example", "name", "Żółw")
    header = store.header("https://shop.example/") or ""
    assert header.encode("latin-1") == "name=Żółw".encode()


def test_a_cookie_of_this_machine_is_taken_over_name_and_bytes(tmp_path: Path) -> None:
    store = taken_over(tmp_path, "localhost", "ż", "1")
    header = store.header("http://localhost:8000/") or ""
    assert header.encode("latin-1") == "ż=1".encode()


def saved(store: CookieStore) -> None:
    trio.run(store.save)


def test_a_file_of_cookies_is_synced_before_it_replaces_the_old_one_and_no_link_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = tmp_path / "cookies.json", os.fsync
    seen: list[str] = []

    def fsync(fd: int) -> None:
        seen.append(path.read_text() if path.exists() else "")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    store = CookieStore(path)
    store.keep(HOME, (("set-cookie", "a=1"),))
    saved(store)
    before = path.read_text()
    store.keep(HOME, (("set-cookie", "b=2"),))
    saved(store)
    saved(store)  # nothing has changed
    assert seen == ["", before, before, path.read_text()], "the file, then its folder, each time"
    assert len(CookieStore(path)) == 2
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "cookies.json.part").symlink_to(tmp_path / "mine")
    store.clear()
    saved(store)
    assert (tmp_path / "mine").read_text() == "mine"
    (tmp_path / "cookies.json.part").unlink()
    saved(store)
    assert len(CookieStore(path)) == 0


@pytest.mark.parametrize(("killed", "count"), [(False, 1), (True, 0)])
def test_an_engine_saves_at_its_end_what_its_owner_has_changed(
    tmp_path: Path, killed: bool, count: int
) -> None:
    async def main() -> None:
        store = CookieStore(tmp_path / "cookies.json")
        config = EngineConfig(app_origin=None, directory=tmp_path / "store", cookies=store)
        async with open_engine(config) as engine:
            store.keep(HOME, (("set-cookie", "a=1"),))
            if killed:
                engine.kill()

    trio.run(main)
    assert len(CookieStore(tmp_path / "cookies.json")) == count


def test_what_has_expired_is_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CookieStore(tmp_path / "cookies.json")
    store.keep(HOME, (("set-cookie", "a=1; Max-Age=60"), ("set-cookie", "b=2")))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    saved(store)
    cookies = json.loads((tmp_path / "cookies.json").read_text())["cookies"]
    assert [one["name"] for one in cookies] == ["b"]


# --- in requests ----------------------------------------------------------------------


def setting(line: str, **headers: str) -> Turn:
    async def turn(asked: Asked) -> None:
        await asked.answer(200, TEN, set_cookie=line, **headers)

    return turn


def redirect(to: str, **headers: str) -> Turn:
    async def turn(asked: Asked) -> None:
        await asked.answer(302, b"", location=to, **headers)

    return turn


CORS = {"access_control_allow_origin": APP, "access_control_allow_credentials": "true"}


async def sent(app: App, *requests: Request, store: CookieStore) -> dict[str, list[str]]:
    """Fetch one after the other: the Cookie of every request, by path."""
    async with app.open(cookies=store) as engine:
        for number, request in enumerate(requests):
            await finished(await engine.fetch(f"f{number}", request))
    found: dict[str, list[str]] = {}
    for asked in app.server.log:
        found.setdefault(asked.path, []).append(asked.headers.get("cookie", ""))
    return found


def test_what_an_answer_sets_the_next_request_brings() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", setting("id=7; Path=/"))
        store = CookieStore()
        assert await sent(app, Request("/a"), Request("/a"), store=store) == {"/a": ["", "id=7"]}

    simulate(test)


@pytest.mark.parametrize(
    ("mode", "own", "other"),
    [("omit", "", ""), ("same-origin", "id=7", ""), ("include", "id=7", "ad=9")],
)
def test_the_credentials_mode_says_whose_cookies_are_sent(
    mode: Credentials, own: str, other: str
) -> None:
    async def test(app: App) -> None:
        app.server.on("/own", whole(TEN))
        app.server.on("/other", setting("more=1; Path=/", **CORS))
        store = kept("id=7; Path=/", url=APP + "/")
        store.keep(OTHER, (("set-cookie", "ad=9; Path=/"),))
        asked = [Request("/own", credentials=mode), Request(OTHER + "/other", credentials=mode)]
        assert await sent(app, *asked, store=store) == {"/own": [own], "/other": [other]}
        assert len(store) == (3 if other else 2)

    simulate(test)


def test_an_unknown_credentials_mode_is_a_type_error() -> None:
    async def test(app: App) -> None:
        async with app.open() as engine:
            odd = Request("/a", credentials="always")  # type: ignore[arg-type] # that is the test
            with pytest.raises(ScriptError, match="credentials mode 'always'"):
                await engine.fetch("s", odd)

    simulate(test)


def test_a_redirect_to_another_origin_takes_no_cookie_along_nor_back() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", redirect(OTHER + "/b"))
        app.server.on("/b", redirect(APP + "/c", **CORS))
        app.server.on("/c", setting("new=1; Path=/", access_control_allow_origin="null"))
        store = kept("id=7; Path=/", url=APP + "/")
        store.keep(OTHER, (("set-cookie", "ad=9; Path=/"),))
        found = await sent(app, Request("/a"), store=store)
        assert found == {"/a": ["id=7"], "/b": [""], "/c": [""]}
        assert len(store) == 2

    simulate(test)


def test_what_a_redirect_sets_goes_along_at_once() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", redirect("/b", set_cookie="id=7; Path=/"))
        app.server.on("/b", whole(TEN))
        assert await sent(app, Request("/a"), store=CookieStore()) == {"/a": [""], "/b": ["id=7"]}

    simulate(test)


def test_the_application_of_another_host_neither_sends_nor_sets_a_cookie_of_one_site() -> None:
    async def test(app: App) -> None:
        app.server.on("/own", setting("new=1; Path=/; SameSite=Strict"))
        app.server.on("/other", setting("more=1; Path=/; SameSite=Lax", **CORS))
        store = kept("id=7; Path=/; SameSite=Strict", url=APP + "/")
        store.keep(OTHER, (("set-cookie", "ad=9; Path=/; SameSite=Strict"),))
        asked = [Request("/own"), Request(OTHER + "/other", credentials="include")]
        assert await sent(app, *asked, store=store) == {"/own": ["id=7"], "/other": [""]}
        assert store.header(APP + "/") == "id=7; new=1"
        assert store.header(OTHER + "/") == "ad=9"

    simulate(test)


def test_without_a_page_cookies_stay_at_the_origin_of_the_url() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", redirect(OTHER + "/b"))
        app.server.on("/b", whole(TEN))
        store = kept("id=7; Path=/", url=APP + "/")
        store.keep(OTHER, (("set-cookie", "ad=9; Path=/"),))
        async with app.open(cookies=store, app_origin=None) as engine:
            await finished(await engine.fetch("s", APP + "/a"))
            own = Request(APP + "/a", headers={"Cookie": "mine=1"}, credentials="include")
            await finished(await engine.fetch("own", own))
        said = [(asked.path, asked.headers.get("cookie")) for asked in app.server.log]
        assert said == [("/a", "id=7"), ("/b", None), ("/a", "mine=1"), ("/b", "ad=9")]

    simulate(test)


def test_who_has_strayed_without_a_page_stays_a_stranger() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", redirect(OTHER + "/b"))
        app.server.on("/b", redirect("/c"))
        app.server.on("/c", whole(TEN))
        store = kept("ad=9; Path=/", url=OTHER + "/")
        async with app.open(cookies=store, app_origin=None) as engine:
            await finished(await engine.fetch("s", APP + "/a"))
        assert [asked.headers.get("cookie") for asked in app.server.log] == [None] * 3

    simulate(test)


WITHOUT_CONSENT: list[Mapping[str, str]] = [
    {"access_control_allow_origin": "*", "access_control_allow_credentials": "true"},
    {"access_control_allow_origin": APP},
    {"access_control_allow_origin": APP, "access_control_allow_credentials": "True"},
]


@pytest.mark.parametrize("headers", WITHOUT_CONSENT)
def test_another_origin_must_agree_to_credentials_by_name(headers: Mapping[str, str]) -> None:
    async def test(app: App) -> None:
        app.server.on("/x", whole(TEN, **headers))
        async with app.open() as engine:
            asked = Request(OTHER + "/x", credentials="include")
            assert await finished(await engine.fetch("s", asked)) == ("failure", "fetch-error")
            plain = Request(OTHER + "/x")
            assert await finished(await engine.fetch("t", plain)) == ("success", "")

    simulate(test)


def test_with_credentials_a_star_exposes_nothing() -> None:
    async def test(app: App) -> None:
        exposing = {**CORS, "access_control_expose_headers": "*", "x_own": "1"}
        app.server.on("/x", whole(TEN, **exposing))
        shown: list[bool] = []
        async with app.open() as engine:
            modes: list[Credentials] = ["same-origin", "include"]
            for mode in modes:
                reg = await engine.fetch(mode, Request(OTHER + "/x", credentials=mode))
                (record,) = await reg.match_all()
                shown.append("x-own" in (await record.response_ready()).headers)
        assert shown == [True, False]

    simulate(test)


def test_cookies_are_in_no_log_no_journal_and_no_response(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(app: App) -> None:
        app.server.on("/a", setting("id=secret; Path=/"))
        async with app.open(cookies=CookieStore()) as engine:
            await finished(await engine.fetch("s", "/a"))
            reg = await engine.fetch("t", "/a")
            (record,) = await reg.match_all()
            headers = (await record.response_ready()).headers
            await finished(reg)
            assert "secret" not in str(app.journal.load()) + str(headers)

    with caplog.at_level(logging.DEBUG):
        simulate(test)
    assert "secret" not in caplog.text


# --- preflight ------------------------------------------------------------------------


def allowing(**headers: str) -> Turn:
    """Answers OPTIONS with a permission and everything else with ten bytes."""

    async def turn(asked: Asked) -> None:
        preflight = asked.method == "OPTIONS"
        given = headers if preflight else {}
        await asked.answer(204 if preflight else 200, b"" if preflight else TEN, **CORS, **given)

    return turn


PERMISSION = {"access_control_allow_headers": "x-own", "access_control_allow_methods": "PUT"}


@pytest.mark.parametrize(
    ("age", "waits", "preflights"),
    [
        pytest.param("60", 59, 1, id="within the time that it allows"),
        pytest.param("60", 61, 2, id="after it"),
        pytest.param(None, 4, 1, id="five seconds if it says nothing"),
        pytest.param(None, 6, 2, id="not longer"),
        pytest.param("0", 0, 2, id="not at all"),
        pytest.param("soon", 6, 2, id="what cannot be read says nothing"),
        pytest.param("999999", 7201, 2, id="two hours at most"),
    ],
)
def test_a_preflight_holds_for_as_long_as_the_server_says(
    age: str | None, waits: float, preflights: int
) -> None:
    async def test(app: App) -> None:
        given = PERMISSION if age is None else {**PERMISSION, "access_control_max_age": age}
        app.server.on("/x", allowing(**given))
        request = Request(OTHER + "/x", method="PUT", headers={"X-Own": "1"})
        async with app.open() as engine:
            await finished(await engine.fetch("one", request))
            await trio.sleep(waits)
            await finished(await engine.fetch("two", request))
        assert [asked.method for asked in app.server.log].count("OPTIONS") == preflights
        assert [asked.method for asked in app.server.log].count("PUT") == 2

    simulate(test, 100_000)


@pytest.mark.parametrize(
    "other",
    [
        Request(OTHER + "/x", method="DELETE", headers={"X-Own": "1"}),
        Request(OTHER + "/x", method="PUT", headers={"X-Own": "1", "X-More": "1"}),
        Request(OTHER + "/y", method="PUT", headers={"X-Own": "1"}),
        Request(OTHER + "/x", method="PUT", headers={"X-Own": "1"}, credentials="include"),
    ],
    ids=["method", "header", "URL", "credentials"],
)
def test_a_preflight_is_for_what_it_was_asked_for(other: Request) -> None:
    async def test(app: App) -> None:
        given = {
            "access_control_allow_headers": "x-own, x-more",
            "access_control_allow_methods": "PUT, DELETE",
        }
        for path in ("/x", "/y"):
            app.server.on(path, allowing(**given))
        first = Request(OTHER + "/x", method="PUT", headers={"X-Own": "1"})
        async with app.open() as engine:
            await finished(await engine.fetch("one", first))
            assert await finished(await engine.fetch("two", other)) == ("success", "")
        assert [asked.method for asked in app.server.log].count("OPTIONS") == 2

    simulate(test)


def test_a_preflight_has_no_cookie_and_its_stars_mean_nothing_with_credentials() -> None:
    async def test(app: App) -> None:
        stars = {"access_control_allow_headers": "*", "access_control_allow_methods": "*"}
        app.server.on("/x", allowing(**stars))
        asked = Request(OTHER + "/x", method="PUT", headers={"X-Own": "1"}, credentials="include")
        store = kept("ad=9; Path=/", url=OTHER + "/")
        async with app.open(cookies=store) as engine:
            assert await finished(await engine.fetch("s", asked)) == ("failure", "fetch-error")
            plain = Request(OTHER + "/x", method="PUT", headers={"X-Own": "1"})
            assert await finished(await engine.fetch("t", plain)) == ("success", "")
        options = [asked for asked in app.server.log if asked.method == "OPTIONS"]
        assert ["cookie" in asked.headers for asked in options] == [False, False]

    simulate(test)


def test_only_so_many_permissions_are_remembered_the_newest_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transfer_engine.network.MOST_PREFLIGHTS", 2)

    async def test(app: App) -> None:
        given = {**PERMISSION, "access_control_max_age": "60"}
        async with app.open() as engine:
            for number, path in enumerate(["/1", "/2", "/3", "/3", "/2", "/1"]):
                app.server.on(path, allowing(**given))
                request = Request(OTHER + path, method="PUT", headers={"X-Own": "1"})
                await finished(await engine.fetch(f"f{number}", request))
        asked = [one.path for one in app.server.log if one.method == "OPTIONS"]
        assert asked == ["/1", "/2", "/3", "/1"]

    simulate(test)


ALLOWED: dict[str, str] = {**CORS, **PERMISSION}
OWN = {"X-Own": "1"}


@pytest.mark.parametrize(
    ("headers", "answer", "permitted"),
    [
        pytest.param(OWN, status(204, b"", **ALLOWED), True, id="permitted"),
        pytest.param(OWN, status(200, b"ok", **ALLOWED), True, id="with a body"),
        pytest.param(OWN, status(404, b"", **ALLOWED), False, id="not there"),
        pytest.param(OWN, status(307, b"", location="/y", **ALLOWED), False, id="a redirect"),
        pytest.param(OWN, status(204, b"", **PERMISSION), False, id="of another origin only"),
        pytest.param(OWN, status(204, b"", **CORS), False, id="of nothing"),
        pytest.param(
            OWN,
            status(204, b"", **{**ALLOWED, "access_control_allow_headers": "X-OWN"}),
            True,
            id="in other letters",
        ),
        pytest.param(
            {"Authorization": "x"},
            status(204, b"", **{**ALLOWED, "access_control_allow_headers": "*"}),
            False,
            id="a secret by a star",
        ),
        pytest.param(
            {"Authorization": "x"},
            status(204, b"", **{**ALLOWED, "access_control_allow_headers": "authorization"}),
            True,
            id="a secret by its name",
        ),
    ],
)
def test_a_request_goes_out_only_if_the_preflight_permits_it(
    headers: dict[str, str], answer: Turn, permitted: bool
) -> None:
    async def test(app: App) -> None:
        app.server.on("/x", answer, status(201, b"", **CORS))
        async with app.open() as engine:
            request = Request(OTHER + "/x", method="PUT", headers=headers)
            result, _ = await finished(await engine.fetch("s", request))
        assert (result == "success") is permitted
        assert [asked.method for asked in app.server.log] == ["OPTIONS", "PUT"][: 1 + permitted]

    simulate(test)


def test_a_redirect_to_another_origin_asks_before_it_goes_there() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", status(307, b"", location=OTHER + "/x"))
        app.server.on("/x", allowing(**PERMISSION))
        async with app.open() as engine:
            request = Request("/a", method="PUT", headers=OWN)
            assert await finished(await engine.fetch("s", request)) == ("success", "")
        said = [(asked.method, asked.path) for asked in app.server.log]
        assert said == [("PUT", "/a"), ("OPTIONS", "/x"), ("PUT", "/x")]

    simulate(test)


def test_a_preflight_is_for_the_origin_that_asked() -> None:
    async def moved(asked: Asked) -> None:
        if asked.method == "OPTIONS":
            await asked.answer(204, **ALLOWED)
        else:
            await asked.answer(307, b"", location="http://third.test/x", **CORS)

    async def test(app: App) -> None:
        app.server.on("/moved", moved)
        app.server.on("/x", allowing(**PERMISSION))
        async with app.open() as engine:
            for number, url in enumerate(["http://third.test/x", OTHER + "/moved"]):
                request = Request(url, method="PUT", headers=OWN)
                await finished(await engine.fetch(f"f{number}", request))
        asked = [one for one in app.server.log if one.path == "/x"]
        assert [(one.method, one.headers["origin"]) for one in asked] == [
            ("OPTIONS", APP),
            ("PUT", APP),
            ("OPTIONS", "null"),
        ]

    simulate(test)
