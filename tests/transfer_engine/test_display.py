"""What a user interface is given to draw, and progress as something to iterate over."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import cut, partial, stall, status, whole
from tests.transfer_engine.world import App, finished, simulate, until_downloaded
from transfer_engine import (
    EngineClosed,
    FetchOptions,
    Icon,
    NotOffered,
    Request,
    Shown,
    ShownRecord,
)


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
            await trio.testing.wait_all_tasks_blocked()
            seen += engine.interface.shown()
        first = seen[0]
        assert (first.title, first.icons, first.origin) == (
            "Songs",
            (Icon("/i.png"),),
            "http://app.test",
        )
        assert (first.downloaded, first.download_total, first.busy) == (0, 10, True)
        for last in seen[-2:]:  # when it has settled, and when its bytes are gone
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


def test_what_is_tried_again_is_shown_until_there_is_an_answer() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", cut(b"x" * 10, 4), stall(b"x" * 10, 5, etag='"v2"'))
        async with app.open(unavailability="network-loss") as engine:
            display = engine.interface.display()
            reg = await engine.fetch("s", "/a")
            while not (await anext(display))[0].trouble:
                pass
            assert "6 bytes were due" in engine.interface.shown()[0].trouble
            await app.server.asked("/a", 2)
            await until_downloaded(reg, 5)
            assert engine.interface.shown()[0].trouble == ""

    simulate(test)


def test_why_a_record_failed_is_shown_with_it() -> None:
    async def test(app: App) -> None:
        app.server.on("/part", partial(b"x", "bytes 1-1/2"))
        app.server.on("/foreign", whole(b"x"))
        async with app.open(handlers={}) as engine:
            asked = ["/part", "http://other.test/foreign"]
            await finished(await engine.fetch("s", asked))
            why = [one.why for one in engine.interface.records("s")]
        assert why == [
            "206 from byte 1 where 0 was due",
            "the answer cannot be used: the CORS check failed",
        ]

    simulate(test)


def test_what_was_aborted_while_it_was_paused_is_paused_no_more() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(b"x" * 10, 4))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 4)
            await engine.interface.pause("s")
            await reg.abort()
            (aborting,) = engine.interface.shown()
            assert (aborting.can_pause, aborting.can_resume, aborting.can_abort) == (False,) * 3
            await finished(reg)
            (shown,) = engine.interface.shown()
            assert (shown.paused, shown.awaiting, shown.busy) == (False, False, False)
            assert shown.dismissible

    simulate(test)


def test_only_so_many_that_have_ended_are_shown_the_newest_ones() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(b"x"))
        app.server.on("/b", stall(b"x", 0))
        async with app.open(handlers={}) as engine:
            await engine.fetch("runs", "/b")
            for number in range(5):
                await finished(await engine.fetch(f"{number}", "/a"))
            assert [one.id for one in engine.interface.shown()] == ["runs", "2", "3", "4"]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("transfer_engine.interface.MOST_SETTLED_SHOWN", 2)
        simulate(test)


def test_what_has_ended_shows_no_trouble_any_more_and_its_records_why() -> None:
    async def test(app: App) -> None:
        app.server.refuse = True
        async with app.open(unavailability="network-loss", handlers={}) as engine:
            await finished(await engine.fetch("s", "/a"))
            assert engine.interface.shown()[0].trouble == ""
            assert "refused" in engine.interface.records("s")[0].why

    simulate(test)


def test_what_is_offered_is_what_would_be_done() -> None:
    async def test(app: App) -> None:
        app.server.on("/p", stall(b"x" * 10, 4))
        async with app.open() as engine:
            await engine.fetch("upload", ["/p", Request("/p", "POST", body=b"x")])
            engine.set_permission("prompt")
            await engine.fetch("asks", "/p")
            upload, asks = engine.interface.shown()
            assert (upload.can_pause, upload.can_resume, upload.can_abort) == (False, False, True)
            assert (asks.can_pause, asks.can_resume, asks.can_abort) == (False, False, True)
            for name, action in (("upload", "pause"), ("upload", "accept"), ("asks", "resume")):
                with pytest.raises(NotOffered):
                    await getattr(engine.interface, action)(name)
            assert engine.interface.shown() == [upload, asks]

    simulate(test)


def test_a_callback_that_fails_stops_neither_the_others_nor_the_transfer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(b"x" * 10))
        shown: list[int] = []

        def fails(_: object) -> None:
            raise RuntimeError("of the page")

        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            reg.on_progress(fails)
            reg.on_progress(lambda one: shown.append(one.downloaded))
            assert await finished(reg) == ("success", "")
        assert shown == [10, 10]

    simulate(test)
    assert "a progress callback of 's' failed" in caplog.text
