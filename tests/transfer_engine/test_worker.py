"""What handlers can do, and when: success, fail, abort, click, wait_until, update_ui."""

from __future__ import annotations

import logging

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import stall, status, whole
from tests.transfer_engine.world import App, finished, simulate, until_downloaded
from transfer_engine import (
    BackgroundFetchEvent,
    BackgroundFetchUpdateUIEvent,
    Handler,
    Icon,
    NotOffered,
    Registration,
    ScriptError,
)

TEN = b"0123456789"


async def error_of(call: object) -> str:
    try:
        await call  # type: ignore[misc] # whatever coroutine the test made
    except ScriptError as error:
        return error.name
    return "none"


def test_records_stay_available_until_all_that_the_event_waits_for_has_ended() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        gate = trio.Event()

        async def then(event: BackgroundFetchEvent) -> None:
            event.wait_until(gate.wait)
            event.wait_until(gate.wait())

        app.then["success"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await app.seen("success")
            await trio.testing.wait_all_tasks_blocked()
            assert reg.records_available
            assert len(await reg.match_all()) == 1
            gate.set()
            await trio.testing.wait_all_tasks_blocked()
            assert not reg.records_available

    simulate(test)


def test_handlers_of_one_event_begin_in_their_order_and_the_event_is_over_when_all_have_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said: list[str] = []
    gates = {"first": trio.Event(), "third": trio.Event()}

    def handler(name: str) -> Handler:
        async def handle(event: BackgroundFetchEvent) -> None:
            said.append(f"{name} begins")
            if name == "second":
                raise RuntimeError("no more")
            await trio.lowlevel.checkpoint()
            event.wait_until(gates[name].wait)

        return handle

    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        three = [handler(name) for name in ("first", "second", "third")]
        async with app.open(handlers={"backgroundfetchsuccess": three}) as engine:
            reg = await engine.fetch("s", "/a")
            await trio.testing.wait_all_tasks_blocked()
            assert said == ["first begins", "second begins", "third begins"]
            gates["third"].set()
            await trio.testing.wait_all_tasks_blocked()
            assert reg.records_available
            gates["first"].set()
            await trio.testing.wait_all_tasks_blocked()
            assert not reg.records_available

    simulate(test)
    assert [record.getMessage() for record in caplog.records] == [
        "backgroundfetchsuccess of 's': the handler failed"
    ]


def test_a_handler_that_throws_ends_its_event_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))

        async def then(_: BackgroundFetchEvent) -> None:
            raise RuntimeError("handler")

        app.then["success"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await finished(reg)
            await trio.testing.wait_all_tasks_blocked()
            assert not reg.records_available
            assert await engine.fetch("s", "/a") is not reg

    with caplog.at_level(logging.CRITICAL, "transfer_engine"):
        simulate(test)


def test_update_ui_works_once_while_the_event_is_active() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        kept: list[BackgroundFetchUpdateUIEvent] = []
        errors: list[str] = []

        async def then(event: BackgroundFetchEvent) -> None:
            assert isinstance(event, BackgroundFetchUpdateUIEvent)
            kept.append(event)
            if event.registration.id == "once":
                await event.update_ui(title="done", icons=(Icon("/i"),))
                errors.append(await error_of(event.update_ui(title="again")))

        app.then["success"] = then
        async with app.open() as engine:
            await finished(await engine.fetch("once", "/a"))
            await finished(await engine.fetch("late", "/a"))
            await app.seen("success", "success")
            await trio.testing.wait_all_tasks_blocked()
            errors.append(await error_of(kept[1].update_ui(title="late")))
            shown = engine.interface.shown()
            seen = [(s.id, s.title, len(s.icons)) for s in shown]
            assert seen == [("once", "done", 1), ("late", "", 0)]
            assert errors == ["InvalidStateError", "InvalidStateError"]
            with pytest.raises(ScriptError, match="not active"):
                kept[0].wait_until(trio.sleep_forever)

    simulate(test)


def test_an_event_that_somebody_makes_is_not_trusted() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5))
        async with app.open() as engine:
            reg = await engine.worker.fetch("s", "/a")
            event = BackgroundFetchUpdateUIEvent("backgroundfetchsuccess", reg)
            assert event.registration is reg
            assert await error_of(event.update_ui(title="x")) == "InvalidStateError"
            with pytest.raises(ScriptError) as caught:
                BackgroundFetchUpdateUIEvent("backgroundfetchsuccess")
            assert caught.value.name == "TypeError"

    simulate(test)


def test_clicks_come_while_it_is_shown_and_change_nothing() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5), whole(TEN))
        clicked: list[tuple[Registration, str, int]] = []

        async def then(event: BackgroundFetchEvent) -> None:
            assert not isinstance(event, BackgroundFetchUpdateUIEvent)
            reg = event.registration
            clicked.append((reg, reg.result, reg.downloaded))

        app.then["click"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 5)
            await engine.interface.click("s")
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(NotOffered):
                await engine.interface.dismiss("s")
            engine.set_online(False)
            engine.set_online(True)
            await finished(reg)
            await trio.testing.wait_all_tasks_blocked()
            await engine.interface.click("s")
            await trio.testing.wait_all_tasks_blocked()
            assert [c[1:] for c in clicked] == [("", 5), ("success", 10)]
            assert clicked[0][0] is clicked[1][0]  # one object in one realm
            assert clicked[0][0] is not reg  # another realm
            await engine.interface.dismiss("s")
            with pytest.raises(NotOffered):
                await engine.interface.click("s")
            with pytest.raises(NotOffered):
                await engine.interface.abort("s")

    simulate(test)


def test_unregistering_ends_everything_without_an_event() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5))
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 5)
            assert await engine.unregister() is True
            assert await error_of(reg.match_all()) == "InvalidStateError"
            assert await finished(reg) == ("failure", "aborted")
            await trio.testing.wait_all_tasks_blocked()
            assert (app.events, reg.records_available) == ([], False)
            assert engine.storage().responses == 0
            assert await error_of(engine.fetch("t", "/a")) == "TypeError"
            assert await engine.unregister() is False

    simulate(test)


def test_unregistering_takes_the_records_from_a_handler_that_still_runs() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        handled = trio.Event()

        async def then(_: BackgroundFetchEvent) -> None:
            await handled.wait()

        app.then["success"] = then
        async with app.open() as engine:
            reg = await engine.fetch("s", "/a")
            await finished(reg)
            await trio.testing.wait_all_tasks_blocked()
            assert engine.storage().responses == len(TEN)
            await engine.unregister()
            assert not reg.records_available
            assert engine.storage().responses == 0
            with pytest.raises(NotOffered):
                await engine.interface.click("s")
            handled.set()
            await trio.testing.wait_all_tasks_blocked()
            assert app.events == ["success"]

    simulate(test)


def test_every_realm_has_one_object_and_sees_the_same_end() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5), whole(TEN))
        async with app.open() as engine:
            one, two = engine.realm("one"), engine.realm("two")
            reg = await one.fetch("s", "/a")
            other = await two.get("s")
            assert other is not None
            assert await one.get("s") is reg
            assert await two.get("s") is other
            assert other is not reg
            gone = await engine.realm("three").get("s")
            assert gone is not None
            engine.close_realm("three")
            await until_downloaded(reg, 5)
            engine.set_online(False)
            engine.set_online(True)
            await finished(reg)
            assert other.snapshot == reg.snapshot
            assert gone.result == ""

    simulate(test)


def test_two_failures_name_the_first_and_a_late_sibling_settles_before_the_event() -> None:
    async def test(app: App) -> None:
        app.server.on("/404", status(404))
        app.server.on("/bad", status(206))
        app.server.on("/slow", stall(TEN, 5))
        async with app.open() as engine:
            reg = await engine.fetch("s", ["/slow", "/404"])
            await until_downloaded(reg, 5)
            await trio.sleep(10)
            assert (reg.result, app.events) == ("", [])
            engine.set_online(False)
            await trio.sleep(10)
            assert reg.result == ""
            app.server.on("/slow", status(206))
            engine.set_online(True)
            assert await finished(reg) == ("failure", "bad-status")

    simulate(test)
