"""A user agent on a directory: scopes, workers found by name, shared quota, what is shown."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import Asked, Server, listening, ranged, stall, whole
from tests.transfer_engine.world import finished, until_downloaded
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    EngineClosed,
    EngineConfig,
    HandlerNotFound,
    Limits,
    Registration,
    Response,
    ScriptError,
    ServiceWorkerRegistration,
    StoreUnusable,
    UserAgent,
    open_user_agent,
)

TEN = b"0123456789"
HERE = f"{__name__}:"
seen: list[tuple[str, str]] = []


async def note(event: BackgroundFetchEvent) -> None:
    """A handler with a name."""
    seen.append((event.type, event.registration.id))
    cache = await event.worker.caches.open(event.registration.id)
    for record in await event.registration.match_all():
        await cache.put(record.request, await record.response_ready())


not_callable = "text"


@asynccontextmanager
async def agent(
    directory: Path,
    quota: int | None = None,
    opened: list[str] | None = None,
    limits: Limits = Limits(),
) -> AsyncIterator[UserAgent]:
    async def open_window(url: str) -> None:
        assert opened is not None
        opened.append(url)

    settings = EngineConfig(app_origin=None, policy=OPEN, quota=quota, limits=limits)
    async with open_user_agent(directory, settings=settings, open_window=open_window) as one:
        yield one


def run(test: Callable[[Server, str], Awaitable[None]]) -> None:
    async def main() -> None:
        seen.clear()
        with trio.fail_after(30):
            async with listening() as (server, origin):
                await test(server, origin)

    trio.run(main)


async def closed(registration: Registration) -> None:
    """Wait until the settle event has ended."""
    while registration.records_available:
        await trio.lowlevel.checkpoint()


def test_a_worker_found_by_name_ends_what_a_page_began(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        server.on("/shop/a", stall(TEN, 4, etag='"v1"'), ranged(TEN))
        scope = f"{origin}/shop/"
        async with agent(tmp_path) as first:
            page = await first.register(scope, {"backgroundfetchsuccess": HERE + "note"})
            await until_downloaded(await page.background_fetch.fetch("s", "a"), 4)
        async with agent(tmp_path) as second:
            found = second.get_registration(scope)
            assert found is not None
            while not (cached := await found.caches.match(f"{scope}a")):
                await trio.lowlevel.checkpoint()
            assert await cached.content() == TEN
        assert seen == [("backgroundfetchsuccess", "s")]
        assert server.ranges("/shop/a") == ["", "bytes=4-"]

    run(test)


def test_handlers_without_names_wait_until_they_are_registered_again(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        server.on("/a", stall(TEN, 4, etag='"v1"'), ranged(TEN))
        async with agent(tmp_path) as first:
            page = await first.register(origin, {"backgroundfetchsuccess": note})
            await until_downloaded(await page.background_fetch.fetch("s", "/a"), 4)
        async with agent(tmp_path) as second:
            assert second.get_registrations() == []
            page = await second.register(origin, {"backgroundfetchsuccess": note})
            assert await page.background_fetch.get_ids() == ["s"]
            bg = await page.background_fetch.get("s")
            assert bg is not None
            await closed(bg)
        assert seen == [("backgroundfetchsuccess", "s")]

    run(test)


def test_a_handler_that_has_gone_keeps_its_registration_waiting(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        async with agent(tmp_path) as first:
            await first.register(origin, {"backgroundfetchsuccess": HERE + "note"})
        file = tmp_path / "registrations.json"
        file.write_text(file.read_text().replace(":note", ":gone"))
        async with agent(tmp_path) as second:
            (why,) = second.unloaded.values()
            assert why.name.endswith(":gone")
            await second.register(origin, {"backgroundfetchsuccess": HERE + "note"})
            assert second.unloaded == {}

    run(test)


@pytest.mark.parametrize(
    "name", ["no_such_module_here:f", HERE + "none", HERE + "not_callable", "x"]
)
def test_a_name_that_leads_nowhere_is_refused(name: str, tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        async with agent(tmp_path) as one:
            with pytest.raises(HandlerNotFound, match="write it as module:attribute"):
                await one.register(origin, {"backgroundfetchsuccess": name})
            assert one.get_registrations() == []

    run(test)


def test_bad_scopes_and_events_are_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_user_agent(tmp_path) as one:
            with pytest.raises(ScriptError, match="no secure context"):
                await one.register("http://app.test/", {})
            with pytest.raises(ScriptError, match="TypeError"):
                await one.register("app.test", {})
            with pytest.raises(ScriptError, match="there is no event 'onsuccess'"):
                await one.register("https://app.test/", {"onsuccess": note})

    trio.run(main)


def test_what_cannot_be_written_down_is_not_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(server: Server, origin: str) -> None:
        async with agent(tmp_path) as one:
            page = await one.register(f"{origin}/1/", {})
            with monkeypatch.context() as patched:
                patched.setattr(os, "fsync", full)
                with pytest.raises(StoreUnusable, match=r"registrations\.json"):
                    await one.register(f"{origin}/2/", {"backgroundfetchsuccess": HERE + "note"})
                with pytest.raises(StoreUnusable, match=r"registrations\.json"):
                    await page.add_event_listener("backgroundfetchsuccess", HERE + "note")
            assert one.get_registrations() == [page]
            await page.add_event_listener("backgroundfetchfail", HERE + "also")
        written = json.loads((tmp_path / "registrations.json").read_text())
        assert written == {f"{origin}/1/": {"backgroundfetchfail": [HERE + "also"]}}

    run(test)


def full(fd: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_registration_survives_a_power_cut_name_and_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    real, file = os.fsync, tmp_path / "registrations.json"

    def noted(fd: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"
        synced.append((kind, file.exists()))
        real(fd)

    async def test(server: Server, origin: str) -> None:
        async with agent(tmp_path) as one:
            with monkeypatch.context() as patched:
                patched.setattr(os, "fsync", noted)
                patched.setattr(UserAgent, "_open", nothing)
                await one.register(origin, {})
        assert synced == [("file", False), ("folder", True)]

    run(test)


async def nothing(*_: object) -> None:
    """Instead of an engine, which syncs files of its own."""


def test_an_id_may_be_used_in_two_scopes(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        server.on("/a", whole(TEN))
        async with agent(tmp_path) as one:
            first = await one.register(f"{origin}/1/", {})
            second = await one.register(f"{origin}/2/", {})
            regs = [await page.background_fetch.fetch("s", "/a") for page in (first, second)]
            assert [await finished(reg) for reg in regs] == [("success", "")] * 2

    run(test)


def test_scopes_and_caches_of_an_origin_share_its_quota(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        server.on("/a", whole(TEN))
        async with agent(tmp_path, quota=15) as one:
            page = await one.register(f"{origin}/1/", {})
            other = await one.register(f"{origin}/2/", {})
            await (await page.caches.open("v1")).put("/x", Response.of("123456"))
            with pytest.raises(ScriptError, match="QuotaExceededError"):
                await other.background_fetch.fetch("s", "/a", download_total=10)
            reg = await other.background_fetch.fetch("s", "/a")
            assert await finished(reg) == ("failure", "quota-exceeded")

    run(test)


def test_a_click_can_open_a_window(tmp_path: Path) -> None:
    opened: list[str] = []

    async def clicked(event: BackgroundFetchEvent) -> None:
        await event.worker.open_window("progress.html")

    async def test(server: Server, origin: str) -> None:
        server.on("/a", stall(TEN, 4))
        async with agent(tmp_path, opened=opened) as one:
            page = await one.register(f"{origin}/app/", {"backgroundfetchclick": clicked})
            await page.background_fetch.fetch("s", "/a")
            await page.interface.click("s")
            while not opened:
                await trio.lowlevel.checkpoint()
        assert opened == [f"{origin}/app/progress.html"]

    run(test)


def test_the_display_shows_all_scopes(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        server.on("/a", stall(TEN, 4))
        async with agent(tmp_path) as one:
            for scope in ("/1/", "/2/"):
                page = await one.register(origin + scope, {})
                await page.background_fetch.fetch("s", "/a", title=scope)
            async for entries in one.display():
                if [entry.shown.downloaded for entry in entries] == [4, 4]:
                    break
            assert [(e.scope, e.shown.title) for e in entries] == [
                (f"{origin}/1/", "/1/"),
                (f"{origin}/2/", "/2/"),
            ]

    run(test)


def test_unregistering_leaves_nothing_of_it(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        server.on("/a", stall(TEN, 4))
        async with agent(tmp_path) as one:
            page = await one.register(origin, {"backgroundfetchabort": note})
            await until_downloaded(await page.background_fetch.fetch("s", "/a"), 4)
            assert (await page.unregister(), await page.unregister()) == (True, False)
            assert one.get_registration(origin) is None
            with pytest.raises(EngineClosed):
                _ = page.background_fetch
        assert seen == []
        assert list((tmp_path / "registrations").iterdir()) == []
        assert (tmp_path / "registrations.json").read_text() == "{}"

    run(test)


def test_an_event_of_no_user_agent_has_no_worker(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        server.on("/a", whole(TEN))
        async with agent(tmp_path) as one:
            page = await one.register(origin, {})
            reg = await page.background_fetch.fetch("s", "/a")
            with pytest.raises(ScriptError, match="no user agent has dispatched"):
                _ = BackgroundFetchEvent("backgroundfetchclick", reg).worker

    run(test)


async def also(event: BackgroundFetchEvent) -> None:
    """Another handler with a name."""
    seen.append(("also", event.registration.id))


def test_handlers_that_were_added_by_name_are_found_again_in_their_order(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        server.on("/a", whole(TEN))
        async with agent(tmp_path) as first:
            page = await first.register(origin, {"backgroundfetchsuccess": HERE + "also"})
            for name in ("note", "also", "note"):
                await page.add_event_listener("backgroundfetchsuccess", HERE + name)
            await page.add_event_listener("backgroundfetchfail", HERE + "also")
            await page.remove_event_listener("backgroundfetchfail", HERE + "also")
        async with agent(tmp_path) as second:
            found = second.get_registration(origin)
            assert found is not None
            await closed(await found.background_fetch.fetch("s", "/a"))
        assert seen == [("also", "s"), ("backgroundfetchsuccess", "s")]

    run(test)


def test_one_handler_without_a_name_keeps_a_registration_from_being_found_again(
    tmp_path: Path,
) -> None:
    async def test(server: Server, origin: str) -> None:
        async with agent(tmp_path) as first:
            page = await first.register(origin, {"backgroundfetchsuccess": HERE + "also"})
            await page.add_event_listener("backgroundfetchsuccess", note)
        async with agent(tmp_path) as second:
            assert second.get_registration(origin) is None
            page = await second.register(origin, {"backgroundfetchsuccess": [note, HERE + "also"]})
            await page.remove_event_listener("backgroundfetchsuccess", note)
        async with agent(tmp_path) as third:
            assert third.get_registration(origin) is not None

    run(test)


def test_there_is_no_listening_to_an_event_that_there_is_not(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        async with agent(tmp_path) as one:
            page = await one.register(origin, {})
            with pytest.raises(ScriptError, match="there is no event 'click'"):
                await page.add_event_listener("click", note)
            await page.unregister()
            with pytest.raises(EngineClosed):
                await page.add_event_listener("backgroundfetchclick", note)

    run(test)


@pytest.mark.parametrize("limits", [Limits(total=2), Limits(per_origin=2)], ids=["all", "origin"])
def test_all_scopes_have_the_limits_together_and_take_turns(tmp_path: Path, limits: Limits) -> None:
    """Four files of one scope, then one of another: that one is not the last."""

    async def test(server: Server, origin: str) -> None:
        running, most, gate = 0, 0, trio.Event()

        async def busy(asked: Asked) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await gate.wait()
            running -= 1
            await asked.answer(200, TEN)

        big, small = [f"/big/{n}" for n in range(6)], "/small/one"
        for path in (*big, small):
            server.on(path, busy)
        async with agent(tmp_path, limits=limits) as one:
            first = await one.register(f"{origin}/big/", {})
            second = await one.register(f"{origin}/small/", {})
            await first.background_fetch.fetch("big", big)
            while len(server.heads) < 2:
                await trio.lowlevel.checkpoint()
            await second.background_fetch.fetch("small", small)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert (len(server.heads), most) == (2, 2)
            gate.set()
            await finished(await _found(first, "big"))
            assert most == 2
            assert server.heads.index(small) < 5

    run(test)


async def _found(page: ServiceWorkerRegistration, id: str) -> Registration:
    found = await page.background_fetch.get(id)
    assert found is not None
    return found


def test_cookies_outlive_the_user_agent_and_are_there_for_what_goes_on(tmp_path: Path) -> None:
    async def test(server: Server, origin: str) -> None:
        server.on("/login", whole(TEN, set_cookie="id=7; Path=/"))
        server.on("/a", stall(TEN, 4, etag='"v1"'), ranged(TEN))
        handlers = {"backgroundfetchsuccess": HERE + "also"}
        async with agent(tmp_path) as first:
            page = await first.register(origin, handlers)
            await finished(await page.background_fetch.fetch("login", "/login"))
            await until_downloaded(await page.background_fetch.fetch("s", "/a"), 4)
            while not (tmp_path / "cookies.json").exists():  # not only at a clean end
                await trio.lowlevel.checkpoint()
        async with agent(tmp_path) as second:
            found = second.get_registration(origin)
            assert found is not None
            await finished(await _found(found, "s"))
        assert [asked.headers.get("cookie") for asked in server.log] == [None, "id=7", "id=7"]

    run(test)


@pytest.mark.parametrize("text", ["{", "[]", '{"https://a.test/": 1}', "\xff"])
def test_registrations_that_cannot_be_read_are_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "registrations.json").write_text(text, "latin-1")

    async def main() -> None:
        with pytest.raises(StoreUnusable, match=r"registrations\.json"):
            async with open_user_agent(tmp_path):
                pass

    trio.run(main)


def test_a_directory_is_made_for_its_owner_and_this_machine_needs_no_https(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_user_agent(tmp_path / "new" / "agent") as one:
            for scope in ("http://localhost:1/", "http://127.0.0.1:1/", "https://a.test/"):
                await one.register(scope, {})
            page = await one.register("https://a.test/x/", {"backgroundfetchsuccess": note})
            await page.worker.open_window("x")  # nobody opens any, and nobody minds
            with pytest.raises(ScriptError, match="TypeError"):
                await page.worker.open_window("http://[")

    trio.run(main)
    assert stat.S_IMODE((tmp_path / "new" / "agent").stat().st_mode) == 0o700


def test_a_handler_that_was_written_down_by_itself_is_found(tmp_path: Path) -> None:
    written = {"https://a.test/": {"backgroundfetchsuccess": HERE + "note"}}
    (tmp_path / "registrations.json").write_text(json.dumps(written))

    async def main() -> None:
        async with open_user_agent(tmp_path) as one:
            assert [page.scope for page in one.get_registrations()] == ["https://a.test/"]

    trio.run(main)


def test_a_display_of_all_ends_with_its_user_agent(tmp_path: Path) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            ended = trio.Event()
            async with open_user_agent(tmp_path) as one:
                display = one.display()
                assert await anext(display) == []

                async def watch() -> None:
                    assert [entries async for entries in display] == []
                    ended.set()

                nursery.start_soon(watch)
                await trio.testing.wait_all_tasks_blocked()
            with trio.fail_after(10):
                await ended.wait()

    trio.run(main)
