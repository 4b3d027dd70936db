"""What a user interface is given to draw, and progress as something to iterate over."""

from __future__ import annotations

import pytest
import trio

from tests.transfer_engine.server import stall, status, whole
from tests.transfer_engine.world import App, finished, simulate, until_downloaded
from transfer_engine import EngineClosed, FetchOptions, Icon, Request, Shown, ShownRecord


def test_the_display_shows_each_state_up_to_the_end() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(b"x" * 10))
        seen: list[Shown] = []
        async with app.open() as engine:
            options = FetchOptions("Songs", (Icon("/i.png"),), 10)
            await engine.fetch("s", "/a", options)
            async for entries in engine.interface.display():
                seen += entries
                if entries[0].dismissible:
                    break
        first, last = seen[0], seen[-1]
        assert (first.title, first.icons, first.origin) == (
            "Songs",
            (Icon("/i.png"),),
            "http://app.test",
        )
        assert (first.downloaded, first.download_total, first.busy) == (0, 10, True)
        assert (last.downloaded, last.result, last.busy) == (10, "success", False)

    simulate(test)


def test_pausing_and_resuming_are_shown() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(b"x" * 10, 4, etag='"1"'))
        async with app.open() as engine:
            await until_downloaded(await engine.fetch("s", "/a"), 4)
            display = engine.interface.display()
            states = [(await anext(display))[0].paused]
            await engine.interface.pause("s")
            states.append((await anext(display))[0].paused)
            await engine.interface.resume("s")
            states.append((await anext(display))[0].paused)
        assert states == [False, True, False]

    simulate(test)


def test_a_display_ends_with_its_engine() -> None:
    async def test(app: App) -> None:
        async with trio.open_nursery() as nursery:
            async with app.open() as engine:
                display = engine.interface.display()
                assert await anext(display) == []
                ended = trio.Event()

                async def watch() -> None:
                    assert [_ async for _ in display] == []
                    ended.set()

                nursery.start_soon(watch)
                await trio.testing.wait_all_tasks_blocked()
            await ended.wait()

    simulate(test)


def test_records_are_shown_one_by_one() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(b"x" * 10, 4))
        app.server.on("/p", status(404, b"none"))
        async with app.open() as engine:
            reg = await engine.fetch("s", ["/a", Request("/p", "POST", body=b"12345")])
            await until_downloaded(reg, 8)
            await trio.testing.wait_all_tasks_blocked()
            assert engine.interface.records("s") == [
                ShownRecord("http://app.test/a", "GET", 4, 10, 0, 0, 200, ""),
                ShownRecord("http://app.test/p", "POST", 4, 4, 5, 5, 404, "bad-status"),
            ]
            assert engine.interface.records("other") == []

    simulate(test)


def test_progress_ends_with_the_result() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(b"x" * 10))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            shown = [(one.downloaded, one.result) async for one in reg.progress()]
            assert shown[0] == (0, "")
            assert shown[-1] == (10, "success")
            assert [one.result async for one in reg.progress()] == ["success"]

    simulate(test)


def test_progress_of_an_engine_that_ends_is_an_error() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(b"x" * 10, 4))
        raised = trio.Event()

        async def watch() -> None:
            with pytest.raises(EngineClosed):
                [_ async for _ in reg.progress()]
            raised.set()

        async with trio.open_nursery() as nursery:
            async with app.open() as engine:
                reg = await engine.fetch("s", "/a")
                nursery.start_soon(watch)
                await until_downloaded(reg, 4)
            await raised.wait()

    simulate(test)


def test_a_changed_title_is_shown_at_once() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(b"x"))
        titles: list[str] = []

        async def done(event: object) -> None:
            await event.update_ui(title="Ready")  # type: ignore[attr-defined]  # a success event
            titles.append(engine.interface.shown()[0].title)

        app.then["success"] = done
        async with app.open() as engine:
            await finished(await engine.fetch("s", "/a", FetchOptions("Getting")))
            async for entries in engine.interface.display():
                if entries[0].title == "Ready":
                    break
        assert titles == ["Ready"]

    simulate(test)
