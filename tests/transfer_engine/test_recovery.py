"""What an engine makes of the store that it finds."""

from __future__ import annotations

from itertools import pairwise

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import Asked, cut, ranged, stall, whole
from tests.transfer_engine.world import App, finished, read_all, simulate, until_downloaded
from transfer_engine import BackgroundFetchEvent, Request, Snapshot

TEN = b"0123456789"


def test_bytes_beyond_the_last_checkpoint_are_cut_off_and_fetched_again() -> None:
    async def test(app: App) -> None:
        gate = trio.Event()
        found: list[object] = []

        async def twice(asked: Asked) -> None:
            await asked.answer(200, TEN, 3, etag='"v1"')
            await gate.wait()
            await asked.raw(TEN[3:7])
            await asked.stream.receive_some(1)

        async def then(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))

        app.then["success"] = then
        app.server.on("/a", twice, ranged(TEN))
        async with app.open(checkpoint_interval=1e6) as engine:
            reg = await engine.fetch("s", "/a")
            await until_downloaded(reg, 3)
            await trio.testing.wait_all_tasks_blocked()  # the first checkpoint is made at once
            gate.set()
            await until_downloaded(reg, 7)
            engine.kill()
        app.journal.crash()
        app.disk.crash(keep=lambda _name, _synced, written: written)  # as kill -9 leaves them
        async with app.open() as engine:
            back = await engine.get("s")
            assert back is not None
            assert back.downloaded == 3
            assert await finished(back) == ("success", "")
            await trio.testing.wait_all_tasks_blocked()
        assert app.server.ranges("/a") == ["", "bytes=3-"]
        assert found == [(200, TEN)]

    simulate(test)


def test_bodies_that_no_row_names_are_swept() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5))
        app.disk.create("b00000041")
        async with app.open() as engine:
            await until_downloaded(await engine.fetch("s", "/a"), 5)
            assert sorted(app.disk.lengths()) == ["b00000042"]

    simulate(test)


def test_pause_and_prompt_survive_a_kill() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5), whole(TEN))
        async with app.open() as engine:
            await until_downloaded(await engine.fetch("paused", "/a"), 5)
            await engine.interface.pause("paused")
            engine.set_permission("prompt")
            await engine.fetch("prompt", "/a")
            engine.kill()
        app.crash()
        async with app.open() as engine:
            await trio.sleep(60)
            shown = {s.id: (s.paused, s.awaiting, s.busy) for s in engine.interface.shown()}
            assert shown == {"paused": (True, False, False), "prompt": (True, True, False)}
            assert app.server.heads == ["/a"]
            await engine.interface.accept("prompt")
            await engine.interface.resume("paused")
            await app.seen("success", "success")

    simulate(test)


def test_a_settled_fetch_whose_event_was_not_dispatched_is_delivered_after_a_clean_end() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        async with app.open() as engine:
            settled = trio.Event()
            reg = await engine.fetch("s", "/a")
            reg.on_progress(lambda r: settled.set() if r.result else None)
            # The callback runs before the event: end the engine right there.
            reg.on_progress(lambda r: engine._nursery.cancel_scope.cancel() if r.result else None)
            await settled.wait()
            await trio.sleep(1000)
        async with app.open() as engine:
            await app.seen(*app.events)
            await trio.testing.wait_all_tasks_blocked()
            assert app.events == ["success"]
            assert await engine.get_ids() == []

    simulate(test)


def test_a_blink_of_the_network_does_not_send_a_post_twice() -> None:
    async def test(app: App) -> None:
        app.server.on("/p", stall(TEN, 5))
        async with app.open() as engine:
            reg = await engine.fetch("s", Request("/p", method="POST", body=b"x"))
            await until_downloaded(reg, 5)
            engine.set_online(False)
            engine.set_online(True)
            assert await finished(reg) == ("failure", "fetch-error")
            assert app.server.heads == ["/p"]

    simulate(test)


def test_a_restart_from_nothing_is_no_progress() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", cut(TEN, 0), cut(TEN, 0), whole(TEN))
        shown: list[Snapshot] = []
        async with app.open(unavailability="network-loss") as engine:
            reg = await engine.fetch("s", "/a")
            reg.on_progress(lambda r: shown.append(r.snapshot))
            assert await finished(reg) == ("success", "")
            assert all(a != b for a, b in pairwise(shown))
            assert [s.downloaded for s in shown] == [10, 10]

    simulate(test)


def test_restarts_after_heads_without_bytes_leave_one_body_each() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", cut(TEN, 0), stall(TEN, 5))
        async with app.open(unavailability="network-loss") as engine:
            await until_downloaded(await engine.fetch("s", "/a"), 5)
            await trio.testing.wait_all_tasks_blocked()
            assert list(app.disk.lengths().values()) == [5]

    simulate(test)


def test_a_full_disk_is_quota_exceeded_and_charges_nothing() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        app.disk.capacity = 5
        async with app.open(handlers={}) as engine:
            reg = await engine.fetch("s", "/a")
            assert await finished(reg) == ("failure", "quota-exceeded")
            assert (reg.downloaded, engine.storage().responses) == (0, 0)

    simulate(test)


@pytest.mark.parametrize("steps", range(8))
def test_what_was_shown_before_a_close_is_not_fetched_again(steps: int) -> None:
    """However far the commit of it had come when the engine was closed."""

    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 4, etag='"v1"'), ranged(TEN))
        async with app.open() as engine:
            await until_downloaded(await engine.fetch("s", "/a"), 4)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
        app.crash()
        async with app.open():
            await app.seen("success")
        assert app.server.ranges("/a") == ["", "bytes=4-"]

    simulate(test)
