"""The source documents' examples, whole: page, worker, cache, user, over real sockets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import trio

from tests.transfer_engine.server import Server, listening, ranged, stall, status, whole
from tests.transfer_engine.world import finished, until_downloaded
from transfer_engine import (
    OPEN,
    EngineConfig,
    Response,
    ServiceWorkerRegistration,
    open_user_agent,
)

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
BODY = bytes(range(256)) * 100


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))


Test = Callable[[Server, ServiceWorkerRegistration, list[str]], Awaitable[None]]


def with_app(app: ModuleType, directory: Path, test: Test) -> None:
    """Run a test with the example's worker registered at the server's origin."""

    async def main() -> None:
        opened: list[str] = []

        async def open_window(url: str) -> None:
            opened.append(url)

        settings = EngineConfig(app_origin=None, policy=OPEN, durability="kill")
        with trio.fail_after(30):
            async with listening() as (server, origin):
                async with open_user_agent(
                    directory, settings=settings, open_window=open_window
                ) as agent:
                    await test(server, await agent.register(origin, app.HANDLERS), opened)

    trio.run(main)


async def titled(page: ServiceWorkerRegistration, title: str) -> None:
    """Until the interface shows this title."""
    async for entries in page.interface.display():
        if entries[-1].title == title:
            return


async def cached(page: ServiceWorkerRegistration, url: str) -> bytes | None:
    found: Response | None = await page.caches.match(url)
    return None if found is None else await found.content()


def test_the_episode_is_cached_and_the_notification_leads_to_it(tmp_path: Path) -> None:
    app = import_module("podcast")

    async def test(server: Server, page: ServiceWorkerRegistration, opened: list[str]) -> None:
        server.on("/ep-5.mp3", whole(BODY))
        server.on("/ep-5-artwork.jpg", whole(b"jpg"))
        percentages: list[int] = []
        fetch = await app.download_episode(page)
        await app.show_progress(fetch, percentages.append)
        assert percentages == sorted(percentages)
        await titled(page, "Episode 5 ready to listen!")
        assert await cached(page, "/ep-5.mp3") == BODY
        assert await cached(page, "/ep-5-artwork.jpg") == b"jpg"
        await page.interface.click("my-fetch")
        while not opened:
            await trio.lowlevel.checkpoint()
        assert opened == [f"{page.origin}/latest-podcasts"]

    with_app(app, tmp_path, test)


def test_an_episode_that_is_not_there_is_told(tmp_path: Path) -> None:
    app = import_module("podcast")

    async def test(server: Server, page: ServiceWorkerRegistration, opened: list[str]) -> None:
        server.on("/ep-5.mp3", whole(BODY))
        await app.download_episode(page)
        await titled(page, "Episode 5 failed: bad-status")
        assert await page.caches.keys() == []

    with_app(app, tmp_path, test)


def test_a_movie_can_be_watched_while_it_comes_and_is_kept(tmp_path: Path) -> None:
    app = import_module("movie")

    async def test(server: Server, page: ServiceWorkerRegistration, opened: list[str]) -> None:
        first, second = app.PARTS
        server.on(first, stall(BODY, 1000, etag='"v1"'), ranged(BODY))
        server.on(second, whole(BODY))
        fetch = await app.download_movie(page)
        assert await app.download_movie(page) is fetch
        pieces = app.watch(fetch, first)
        seen = b""
        while len(seen) < 1000:
            seen += await anext(pieces)
        await page.interface.pause("my-movie")
        await page.interface.click("my-movie")
        await page.interface.resume("my-movie")
        async for piece in pieces:
            seen += piece
        assert seen == BODY
        await titled(page, "Movie download complete")
        assert await cached(page, first) == BODY
        assert opened == [f"{page.origin}/movie-download-progress"]

    with_app(app, tmp_path, test)


def test_what_came_of_a_failed_movie_is_kept(tmp_path: Path) -> None:
    app = import_module("movie")

    async def test(server: Server, page: ServiceWorkerRegistration, opened: list[str]) -> None:
        server.on(app.PARTS[0], whole(BODY))
        await app.download_movie(page)
        await titled(page, "Movie download failed, 1 of 2 parts kept")
        assert await cached(page, app.PARTS[0]) == BODY
        assert await cached(page, app.PARTS[1]) is None

    with_app(app, tmp_path, test)


def test_a_movie_that_is_not_wanted_any_more_goes(tmp_path: Path) -> None:
    app = import_module("movie")

    async def test(server: Server, page: ServiceWorkerRegistration, opened: list[str]) -> None:
        server.on(app.PARTS[0], stall(BODY, 1000))
        await page.caches.open("movies")
        fetch = await app.download_movie(page)
        await until_downloaded(fetch, 1000)
        assert await fetch.abort()
        assert await finished(fetch) == ("failure", "aborted")
        while await page.caches.has("movies"):
            await trio.lowlevel.checkpoint()

    with_app(app, tmp_path, test)


def test_photos_are_uploaded_though_they_have_been_deleted(tmp_path: Path) -> None:
    app = import_module("gallery")
    photos = [tmp_path / f"{n}.jpg" for n in range(3)]
    for photo in photos:
        photo.write_bytes(BODY)

    def delete() -> None:
        for photo in photos:
            photo.unlink()

    async def test(server: Server, page: ServiceWorkerRegistration, opened: list[str]) -> None:
        server.on("/photos", status(201, b"thanks"))
        fetch = await app.upload(page, photos)
        delete()
        assert await finished(fetch) == ("success", "")
        assert fetch.uploaded == fetch.upload_total > 3 * len(BODY)
        await titled(page, "Photos uploaded")
        assert await cached(page, "/receipts/2") == b"thanks"
        assert all(BODY in asked.body for asked in server.log)

    with_app(app, tmp_path / "agent", test)


@pytest.mark.parametrize("allowed", [True, False])
def test_a_level_comes_in_the_background_or_to_the_page(tmp_path: Path, allowed: bool) -> None:
    app = import_module("game")

    async def test(server: Server, page: ServiceWorkerRegistration, opened: list[str]) -> None:
        for path in app.ASSETS:
            server.on(path, whole(path.encode()))
        page.engine.set_permission("granted" if allowed else "denied")
        assert await app.get_level(page) is not allowed
        if allowed:
            await titled(page, "Level 20 is ready")
        assert [await cached(page, path) for path in app.ASSETS] == [
            path.encode() for path in app.ASSETS
        ]

    with_app(app, tmp_path, test)
