"""How bodies get into a cache: from a record by a second name, from the network by ``add``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import Asked, Server, Turn, listening, status, whole
from tests.transfer_engine.world import finished, until_downloaded
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    Cache,
    CacheStorage,
    Durability,
    EngineConfig,
    FileBodyDisk,
    Limits,
    LinkableBody,
    Registration,
    Response,
    ScriptError,
    ServiceWorkerRegistration,
    open_user_agent,
)

BODY = bytes(range(256)) * 1000
Test = Callable[[Server, ServiceWorkerRegistration], Awaitable[None]]


@asynccontextmanager
async def app(
    directory: Path, server: Server, origin: str, **given: object
) -> AsyncIterator[ServiceWorkerRegistration]:
    """A registration whose events last until the user agent ends."""

    async def hold(event: BackgroundFetchEvent) -> None:
        await trio.sleep_forever()

    settings = EngineConfig(app_origin=None, policy=OPEN, **given)  # type: ignore[arg-type] # its fields
    async with open_user_agent(directory, settings=settings) as agent:
        yield await agent.register(origin, {"backgroundfetchsuccess": hold})


def run(directory: Path, test: Test, **given: object) -> None:
    async def main() -> None:
        with trio.fail_after(30):
            async with listening() as (server, origin):
                async with app(directory, server, origin, **given) as page:
                    await test(server, page)

    trio.run(main)


def bodies(directory: Path, where: str) -> list[Path]:
    """The body files of registrations or caches."""
    found = (directory / where).rglob("bodies/b*")
    return sorted(path for path in found if path.name.startswith("b0"))


async def only_response(fetch: Registration) -> Response:
    (record,) = await fetch.match_all()
    return await record.response_ready()


async def text_of(cache: Cache, url: str) -> bytes:
    found = await cache.match(url)
    assert found is not None
    return await found.content()


# --- from a record --------------------------------------------------------------------


def test_a_whole_body_is_placed_without_a_copy_and_stays_when_the_record_goes(
    tmp_path: Path,
) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        server.on("/a", whole(BODY))
        fetch = await page.background_fetch.fetch("s", "/a")
        await finished(fetch)
        cache = await page.caches.open("v1")
        await cache.put("/a", await only_response(fetch))
        (original,), (placed,) = bodies(tmp_path, "registrations"), bodies(tmp_path, "caches")
        assert original.samefile(placed)
        await page.engine.unregister()
        assert bodies(tmp_path, "registrations") == []
        assert await text_of(cache, "/a") == BODY

    run(tmp_path, test)


def test_a_body_that_is_still_arriving_is_placed_when_it_is_whole(tmp_path: Path) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        gate = trio.Event()

        async def slow(asked: Asked) -> None:
            await asked.head(200, content_length=str(len(BODY)))
            await asked.raw(BODY[:1000])
            await gate.wait()
            await asked.raw(BODY[1000:])

        server.on("/a", slow)
        fetch = await page.background_fetch.fetch("s", "/a")
        await until_downloaded(fetch, 1000)
        cache = await page.caches.open("v1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cache.put, "/a", await only_response(fetch))
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert await cache.match("/a") is None
            gate.set()
        assert await text_of(cache, "/a") == BODY
        assert bodies(tmp_path, "caches")[0].stat().st_nlink == 2

    run(tmp_path, test)


def test_a_record_that_fails_while_it_is_waited_for_fails_the_put(tmp_path: Path) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        async def stall(asked: Asked) -> None:
            await asked.head(200, content_length="10")
            await trio.sleep_forever()

        server.on("/a", stall)
        fetch = await page.background_fetch.fetch("s", "/a")
        response = await only_response(fetch)
        cache = await page.caches.open("v1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fetch.abort)
            with pytest.raises(ScriptError, match="AbortError"):
                await cache.put("/a", response)
        assert bodies(tmp_path, "caches") == []

    run(tmp_path, test)


@pytest.mark.parametrize(("of_caches", "links"), [("kill", 2), ("power", 1)])
def test_a_store_that_promises_more_gets_a_copy(
    tmp_path: Path, of_caches: Durability, links: int
) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        server.on("/a", whole(BODY))
        fetch = await page.background_fetch.fetch("s", "/a")
        await finished(fetch)
        own = CacheStorage(tmp_path / "own", page.origin + "/", durability=of_caches)
        cache = await own.open("v1")
        await cache.put("/a", await only_response(fetch))
        assert await text_of(cache, "/a") == BODY
        assert bodies(tmp_path, "own")[0].stat().st_nlink == links
        await own.close()

    run(tmp_path, test)


def test_an_answer_of_one_cache_is_placed_into_another_without_a_copy(tmp_path: Path) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        first, second = await page.caches.open("v1"), await page.caches.open("v2")
        await first.put("/a", Response.of("Hello"))
        found = await first.match("/a")
        assert found is not None
        await second.put("/a", found)
        one, other = bodies(tmp_path, "caches")
        assert one.samefile(other)
        await page.caches.delete("v1")
        assert await text_of(second, "/a") == b"Hello"

    run(tmp_path, test)


def test_a_cut_of_one_name_leaves_the_other_whole(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    one, other = FileBodyDisk(tmp_path / "one"), FileBodyDisk(tmp_path / "other")
    one.create("b00000001", BODY)
    other.link("b00000007", one, "b00000001", len(BODY))
    one.truncate("b00000001", 3)
    assert (one.read("b00000001", 0, 10), one.lengths()) == (BODY[:3], {"b00000001": 3})
    assert other.read("b00000007", 0, len(BODY)) == BODY
    for disk in (one, other):
        disk.close()


def test_a_body_of_another_length_than_noted_is_not_placed(tmp_path: Path) -> None:
    one, other = FileBodyDisk(tmp_path / "one"), FileBodyDisk(tmp_path / "other")
    one.create("b00000001", BODY)
    with pytest.raises(OSError, match="instead of"):
        other.link("b00000007", one, "b00000001", len(BODY) + 1)
    assert other.lengths() == {}
    for disk in (one, other):
        disk.close()


def test_a_name_that_no_row_has_is_gone_at_the_next_start(tmp_path: Path) -> None:
    """A kill between the second name and its row."""

    async def main() -> None:
        first = CacheStorage(tmp_path / "caches")
        await (await first.open("v1")).put("https://a.example/", Response.of("kept"))
        disk = FileBodyDisk(tmp_path / "elsewhere")
        disk.create("b00000001", BODY)
        first._disk.link("b00000099", disk, "b00000001", len(BODY))
        disk.close()
        await first.close()
        again = CacheStorage(tmp_path / "caches")
        assert len(bodies(tmp_path, "caches")) == 1
        assert await text_of(await again.open("v1"), "https://a.example/") == b"kept"
        await again.close()

    trio.run(main)


# --- from the network -----------------------------------------------------------------


def test_add_fetches_and_keeps(tmp_path: Path) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        server.on("/a", whole(BODY, content_type="text/x", set_cookie="a=1"))
        server.on("/b", whole(b"b"))
        cache = await page.caches.open("v1")
        await cache.add("/a")
        await cache.add_all(["/a", "/b"])
        found = await cache.match("/a")
        assert found is not None
        assert (found.status, found.headers, found.type) == (
            200,
            {"content-type": "text/x"},
            "basic",
        )
        assert (await found.content(), await text_of(cache, "/b")) == (BODY, b"b")
        assert [asked.headers.get("cookie") for asked in server.log][1:] == ["a=1", "a=1"]

    run(tmp_path, test)


def test_what_is_added_takes_its_turn_beside_the_background_fetches(tmp_path: Path) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        gate = trio.Event()

        async def slow(asked: Asked) -> None:
            await gate.wait()
            await asked.answer(200, BODY)

        server.on("/slow", slow)
        server.on("/a", whole(BODY))
        cache = await page.caches.open("v1")
        await page.background_fetch.fetch("slow", "/slow")
        while not server.heads:
            await trio.lowlevel.checkpoint()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cache.add, "/a")
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert server.heads == ["/slow"]
            gate.set()
        assert await text_of(cache, "/a") == BODY

    run(tmp_path, test, limits=Limits(per_origin=1))


PARTIAL: Turn = status(206, b"x", content_range="bytes 0-0/1")


@pytest.mark.parametrize(
    ("turn", "why"),
    [
        pytest.param(status(404), "answered 404", id="not ok"),
        pytest.param(PARTIAL, "partial", id="partial"),
        pytest.param(whole(b"", vary="*"), "varies by everything", id="vary"),
        pytest.param(status(302, b"", location="http://h:1/"), "blocked|refused|port", id="port"),
    ],
)
def test_add_all_keeps_all_or_nothing(tmp_path: Path, turn: Turn, why: str) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        server.on("/a", whole(BODY))
        server.on("/b", turn)
        cache = await page.caches.open("v1")
        await cache.put("/a", Response.of("old"))
        with pytest.raises(ScriptError, match=f"TypeError.*({why})"):
            await cache.add_all(["/a", "/b"])
        assert [one.url for one in await cache.keys()] == [f"{page.origin}/a"]
        assert await text_of(cache, "/a") == b"old"
        assert len(bodies(tmp_path, "caches")) == 1
        assert page._agent._meter(page.origin).responses == 3

    run(tmp_path, test)


def test_add_all_of_the_same_twice_is_refused(tmp_path: Path) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        server.on("/a", whole(BODY))
        cache = await page.caches.open("v1")
        with pytest.raises(ScriptError, match="InvalidStateError"):
            await cache.add_all(["/a", "/a"])
        assert bodies(tmp_path, "caches") == []

    run(tmp_path, test)


def test_a_page_adds_of_another_origin_only_what_that_shares(tmp_path: Path) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        elsewhere = page.origin.replace("127.0.0.1", "localhost")
        server.on("/own", whole(BODY))
        server.on("/shared", whole(BODY, access_control_allow_origin="*", x_own="1"))
        cache = await page.caches.open("v1")
        with pytest.raises(ScriptError, match="CORS"):
            await cache.add(f"{elsewhere}/own")
        await cache.add_all(["/own", f"{elsewhere}/shared"])
        own, shared = await cache.match_all()
        assert (own.type, shared.type, "x-own" in shared.headers) == ("basic", "cors", False)
        said = {asked.path: asked.headers.get("origin") for asked in server.log[1:]}
        assert said == {"/own": None, "/shared": page.origin}

    run(tmp_path, test)


def test_what_does_not_fit_is_not_added(tmp_path: Path) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        server.on("/a", whole(BODY))
        with pytest.raises(ScriptError, match="QuotaExceededError"):
            await (await page.caches.open("v1")).add("/a")
        assert bodies(tmp_path, "caches") == []

    run(tmp_path, test, quota=1000)


def test_caches_of_their_own_have_nobody_who_fetches(tmp_path: Path) -> None:
    async def main() -> None:
        own = CacheStorage(tmp_path, "https://a.example/")
        with pytest.raises(ScriptError, match="nobody fetches"):
            await (await own.open("v1")).add("/a")
        await own.close()

    trio.run(main)


def test_a_body_is_saved_as_a_file_without_a_copy_and_never_over_one(tmp_path: Path) -> None:
    async def test(server: Server, page: ServiceWorkerRegistration) -> None:
        server.on("/a", whole(BODY))
        fetch = await page.background_fetch.fetch("s", "/a")
        await finished(fetch)
        (tmp_path / "there").write_bytes(b"mine")
        body = (await only_response(fetch)).body
        assert isinstance(body, LinkableBody)
        assert not await body.link_to(tmp_path / "there")
        assert await body.link_to(tmp_path / "free")
        assert (tmp_path / "there").read_bytes() == b"mine"
        assert (tmp_path / "free").samefile(bodies(tmp_path, "registrations")[0])
        assert not await body.link_to(tmp_path / "again"), "a body is read once"
        await page.engine.unregister()
        assert (tmp_path / "free").read_bytes() == BODY

    run(tmp_path, test)
