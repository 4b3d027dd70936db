"""A page or a worker whose program is busy: what waits for it, and in which order it comes."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import stall, whole
from tests.transfer_engine.world import App, simulate, until_downloaded
from transfer_engine import Engine, EngineClosed, RealmClosed, Registration
from transfer_engine.mailbox import Mailbox

TEN = b"0123456789"


def test_the_objects_of_a_busy_page_show_what_they_showed_and_then_each_state_in_turn() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 4))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            other = engine.realm("other")
            seen: list[int] = []
            reg.on_progress(lambda shown: seen.append(shown.downloaded))
            engine.page.set_busy(True)
            elsewhere = await other.get("s")
            assert elsewhere is not None
            await until_downloaded(elsewhere, 4)
            assert await elsewhere.abort()
            await trio.testing.wait_all_tasks_blocked()
            assert (reg.downloaded, reg.result, seen) == (0, "", [])
            engine.page.set_busy(False)
            await trio.testing.wait_all_tasks_blocked()
            assert (reg.downloaded, reg.failure_reason, seen) == (4, "aborted", [4, 4])

    simulate(test)


def test_fetch_returns_to_a_page_that_was_busy_before_anything_comes_of_it() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        async with app.open() as engine, trio.open_nursery() as nursery:
            seen: list[str] = []

            async def call() -> None:
                reg = await engine.fetch("s", "/a")
                seen.append(f"fetched {reg.result!r} {reg.downloaded}")
                reg.on_progress(lambda one: seen.append(f"shows {one.result!r} {one.downloaded}"))

            engine.page.set_busy(True)
            nursery.start_soon(call)
            await app.seen("success")
            await trio.testing.wait_all_tasks_blocked()
            assert seen == []
            engine.page.set_busy(False)
            await trio.testing.wait_all_tasks_blocked()
            assert seen == ["fetched '' 0", "shows '' 10", "shows 'success' 10"]

    simulate(test)


def test_a_record_is_read_by_a_page_that_was_busy_only_when_it_is_free_again() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 4))
        async with app.open() as engine, trio.open_nursery() as nursery:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 4)
            (record,) = await reg.match_all()
            read: list[bytes] = []

            async def reader() -> None:
                body = (await record.response_ready()).body
                assert body is not None
                read.append(await body.read())

            engine.page.set_busy(True)
            nursery.start_soon(reader)
            await trio.testing.wait_all_tasks_blocked()
            assert read == []
            engine.page.set_busy(False)
            await trio.testing.wait_all_tasks_blocked()
            assert read == [TEN[:4]]

    simulate(test)


def test_events_wait_for_a_busy_worker_and_nobody_waits_for_them() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        app.server.on("/b", whole(TEN))
        async with app.open() as engine:
            engine.worker.set_busy(True)
            first = await engine.fetch("one", "/a")
            await trio.testing.wait_all_tasks_blocked()
            await engine.interface.click("one")
            second = await engine.fetch("two", "/b")
            await trio.testing.wait_all_tasks_blocked()
            assert (first.result, second.result, app.events) == ("success", "success", [])
            engine.worker.set_busy(False)
            await app.seen("success", "click", "success")

    simulate(test)


def test_an_event_that_waited_for_the_worker_does_not_come_once_it_is_unregistered() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        async with app.open() as engine:
            engine.worker.set_busy(True)
            await engine.fetch("one", "/a")
            await trio.testing.wait_all_tasks_blocked()
            await engine.interface.click("one")
            await engine.unregister()
            engine.worker.set_busy(False)
            await trio.testing.wait_all_tasks_blocked()
            assert app.events == []

    simulate(test)


def test_an_event_that_waited_when_the_engine_ended_comes_after_the_next_start() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        async with app.open() as engine:
            engine.worker.set_busy(True)
            await engine.fetch("one", "/a")
            await trio.testing.wait_all_tasks_blocked()
        assert app.events == []
        async with app.open():
            await app.seen("success")

    simulate(test)


async def _waiting_call(app: App, end: str) -> type[Exception] | None:
    """What a call of a busy page meets when the page, or the engine, ends."""
    app.server.on("/a", whole(TEN))
    met: list[type[Exception]] = []

    async def call(reg: Registration) -> None:
        try:
            await reg.match_all()
        except (RealmClosed, EngineClosed) as error:
            met.append(type(error))

    async with trio.open_nursery() as nursery:
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            engine.page.set_busy(True)
            nursery.start_soon(call, reg)
            await trio.testing.wait_all_tasks_blocked()
            if end == "page":
                engine.close_realm("page")
                await trio.testing.wait_all_tasks_blocked()
                assert met
    return met[0] if met else None


def test_the_worker_is_not_closed_as_a_page_is() -> None:
    async def test(app: App) -> None:
        async with app.open() as engine:
            with pytest.raises(ValueError, match="unregister"):
                engine.close_realm("worker")

    simulate(test)


@pytest.mark.parametrize(("end", "error"), [("page", RealmClosed), ("engine", EngineClosed)])
def test_a_call_that_waits_in_a_busy_page_ends_with_it(end: str, error: type[Exception]) -> None:
    async def test(app: App) -> None:
        assert await _waiting_call(app, end) is error

    simulate(test)


def test_a_call_that_is_cancelled_while_it_waits_lets_what_is_behind_it_through() -> None:
    found: list[str] = []

    async def call(engine: Engine) -> None:
        found.extend(await engine.get_ids())

    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 4))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            engine.page.set_busy(True)
            with trio.move_on_after(1):
                await reg.match_all()
            with trio.move_on_after(1):
                await engine.get_ids()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call, engine)
                await trio.testing.wait_all_tasks_blocked()
                engine.page.set_busy(False)
            assert found == ["s"]

    simulate(test)


def test_what_happens_while_what_waited_is_delivered_comes_behind_it() -> None:
    async def test(app: App) -> None:
        came: list[int] = []
        async with trio.open_nursery() as nursery:
            mail = Mailbox(nursery.start_soon)
            mail.set_busy(True)
            mail.post(lambda: came.append(1))
            mail.set_busy(False)
            mail.post(lambda: came.append(2))
        assert came == [1, 2]

    simulate(test)
