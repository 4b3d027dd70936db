"""What an engine makes of the store that it finds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import Asked, cut, ranged, stall, status, whole
from tests.transfer_engine.world import App, finished, read_all, simulate, until_downloaded
from transfer_engine import (
    BackgroundFetchEvent,
    FetchOptions,
    Icon,
    Request,
    SimulatedBodyDisk,
    SimulatedJournal,
    Snapshot,
)

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


async def hang(asked: Asked) -> None:
    """No answer, until the client goes away."""
    await asked.stream.receive_some(1)


async def killed(app: App, *fetches: tuple[str, list[str | Request]], **config: Any) -> None:
    """An engine in which these have begun, as far as they come by themselves; then a kill."""
    async with app.open(**config) as engine:
        for name, requests in fetches:
            await engine.fetch(name, requests)
        await trio.testing.wait_all_tasks_blocked()
        engine.kill()
    app.crash()


def test_what_a_fetch_is_called_may_have_and_has_sent_survives_a_kill() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5))
        app.server.on("/p", status(201))
        options = FetchOptions("Songs", (Icon("/i.png", "1x1", "image/png"),), 100)
        async with app.open() as engine:
            upload = Request("/p", "POST", body=b"12345")
            await until_downloaded(await engine.fetch("s", ["/a", upload], options), 5)
            await trio.testing.wait_all_tasks_blocked()
            before = (engine.interface.shown(), engine.interface.records("s"), engine.storage())
            engine.kill()
        app.crash()
        async with app.open(online=False) as engine:
            back = await engine.get("s")
            assert back is not None
            assert (back.upload_total, back.uploaded, back.download_total) == (5, 5, 100)
            after = (engine.interface.shown(), engine.interface.records("s"), engine.storage())
            assert after == before

    simulate(test)


def test_the_limit_and_the_quota_hold_over_a_kill() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 5, etag='"v1"'), ranged(TEN))
        async with app.open() as engine:
            options = FetchOptions(download_total=9)
            await until_downloaded(await engine.fetch("limited", "/a", options), 5)
            app.server.on("/b", stall(TEN, 5, etag='"v1"'), ranged(TEN))
            await until_downloaded(await engine.fetch("full", "/b"), 5)
            await trio.testing.wait_all_tasks_blocked()
            engine.kill()
        app.crash()
        async with app.open(quota=10) as engine:
            found = [await engine.get(name) for name in ("limited", "full")]
            reasons = [(await finished(one))[1] for one in found if one is not None]
            assert reasons == ["download-total-exceeded", "quota-exceeded"]

    simulate(test)


def test_an_upload_that_waits_for_the_user_is_sent_after_a_kill_or_fails_if_it_is_lost() -> None:
    async def test(app: App, lost: bool) -> None:
        app.server.on("/p", status(201))
        upload = Request("/p", "POST", body=b"12345")
        await killed(app, ("s", [upload]), permission="prompt")
        if lost:
            for name in app.disk.lengths():
                app.disk.delete(name)
        async with app.open() as engine:
            assert engine.storage().requests == 5
            back = await engine.get("s")
            assert back is not None
            await engine.interface.accept("s")
            expected = ("failure", "fetch-error") if lost else ("success", "")
            assert await finished(back) == expected
            await trio.testing.wait_all_tasks_blocked()
            assert (engine.storage().requests, app.disk.lengths()) == (0, {})
        assert app.server.heads == ([] if lost else ["/p"]), "nothing is sent in its place"
        assert [asked.body for asked in app.server.log] == ([] if lost else [b"12345"])

    for lost in (False, True):
        simulate(partial(test, lost=lost))


def test_names_and_keys_of_what_has_no_byte_yet_are_not_given_again() -> None:
    found: dict[str, object] = {}

    async def test(app: App) -> None:
        async def then(event: BackgroundFetchEvent) -> None:
            found[event.registration.id] = await read_all(event.registration)

        app.then["success"] = then
        for path in ("/s", "/t"):
            app.server.on(path, hang)
        await killed(app, ("s", ["/s"]))
        await killed(app, ("t", ["/t"]))
        assert [row.id for row in app.journal.load().jobs] == ["s", "t"]
        for path in ("/s", "/t"):
            app.server.on(path, whole(path.encode() * 5))
        async with app.open():
            await app.seen("success", "success")
            await trio.testing.wait_all_tasks_blocked()
        assert found == {"s": [(200, b"/s" * 5)], "t": [(200, b"/t" * 5)]}

    simulate(test)


def test_what_failed_first_is_the_reason_also_after_a_kill() -> None:
    async def test(app: App) -> None:
        async def later(asked: Asked) -> None:
            await trio.sleep(10)
            await asked.answer(404)

        app.server.on("/first", later)
        app.server.on("/second", status(206))
        app.server.on("/third", hang, whole(TEN))
        async with app.open() as engine:
            await engine.fetch("s", ["/first", "/second", "/third"])
            await trio.sleep(20)
            engine.kill()
        app.crash()
        async with app.open() as engine:
            back = await engine.get("s")
            assert back is not None
            assert await finished(back) == ("failure", "fetch-error")

    simulate(test)


def test_what_had_passed_its_limit_is_over_after_a_kill_and_asks_for_nothing() -> None:
    class Watched(SimulatedJournal):
        """Kills once the record that was too large is committed, and nothing after it."""

        kill: Callable[[], None] = staticmethod(lambda: None)

        def commit(self) -> None:
            """See Journal."""
            super().commit()
            if any(row.result == "download-total-exceeded" for row in self.load().records):
                self.kill()

    async def test(app: App) -> None:
        app.journal = journal = Watched()
        app.server.on("/large", whole(TEN))
        app.server.on("/other", hang, whole(b"x"))
        async with app.open() as engine:
            journal.kill = engine.kill
            await engine.fetch("s", ["/large", "/other"], FetchOptions(download_total=9))
            await trio.sleep(60)
        app.crash()
        journal.kill = lambda: None
        async with app.open() as engine:
            back = await engine.get("s")
            assert back is not None
            assert await finished(back) == ("failure", "download-total-exceeded")
        assert len(app.server.ranges("/other")) == 1

    simulate(test)


@pytest.mark.parametrize("fails", [False, True])
def test_of_what_had_settled_lost_bytes_come_again_only_where_all_had_gone_well(
    fails: bool,
) -> None:
    found: list[object] = []

    async def test(app: App) -> None:
        async def cut_off(_: BackgroundFetchEvent) -> None:
            await trio.sleep_forever()

        async def then(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))

        app.then = dict.fromkeys(("success", "fail"), cut_off)
        app.server.on("/a", whole(TEN))
        app.server.on("/b", status(404 if fails else 200, b"b"))
        await killed(app, ("s", ["/a", "/b"]))
        app.disk.delete(app.journal.load().records[0].body)
        app.then = dict.fromkeys(("success", "fail"), then)
        asked = len(app.server.log)
        async with app.open():
            await trio.sleep(60)
        assert len(app.server.log) - asked == (0 if fails else 1)
        assert found == (["TypeError", (404, b"b")] if fails else [(200, TEN), (200, b"b")])
        assert app.events == [*["fail" if fails else "success"] * 2]

    simulate(test)


def test_what_had_settled_has_settled_after_a_kill_too_and_its_id_is_free() -> None:
    async def cut_off(_: BackgroundFetchEvent) -> None:
        await trio.sleep_forever()

    async def test(app: App) -> None:
        app.then["success"] = cut_off
        app.server.on("/a", whole(TEN))
        await killed(app, ("s", ["/a"]))
        async with app.open() as engine:
            assert await engine.get_ids() == []
            assert [one.result for one in engine.interface.shown()] == ["success"]
            await engine.fetch("s", "/a")
            await app.seen("success", "success", "success")

    simulate(test)


def test_an_event_that_never_began_is_not_over_when_a_close_is() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(TEN))
        async with app.open(interrupted="over") as engine:
            engine.worker.set_busy(True)
            await finished(await engine.fetch("s", "/a"))
        async with app.open(interrupted="over"):
            await app.seen("success")

    simulate(test)


def test_a_click_ends_nothing_at_a_close() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 4), ranged(TEN))
        async with app.open(interrupted="over") as engine:
            await until_downloaded(await engine.fetch("s", "/a"), 4)
            await engine.interface.click("s")
            await app.seen("click")
        async with app.open(interrupted="over"):
            await app.seen("click", "success")

    simulate(test)


def test_what_has_survived_beyond_the_last_commit_is_synced_before_it_counts() -> None:
    class Surviving(SimulatedBodyDisk):
        def trusted(self, name: str, counted: int) -> int:
            """See BodyDisk."""
            return self.lengths()[name]

    async def test(app: App) -> None:
        app.disk = Surviving()
        app.server.on("/a", stall(TEN, 8))
        async with app.open(chunk_size=1, checkpoint_interval=1e6) as engine:
            await until_downloaded(await engine.fetch("s", "/a"), 8)
            engine.kill()
        app.journal.crash()
        app.disk.crash(keep=lambda _name, _synced, written: written)
        for name in app.disk.lengths():
            app.disk._synced[name] = 0  # so far the kernel has it, and nobody else
        async with app.open(online=False):
            assert [row.length for row in app.journal.load().records] == [8]
            assert list(app.disk._synced.values()) == [8]

    simulate(test)


def test_what_was_resumed_goes_on_after_a_kill() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 4))
        async with app.open() as engine:
            await until_downloaded(await engine.fetch("s", "/a"), 4)
            await engine.interface.pause("s")
            await engine.interface.resume("s")
            engine.kill()
        app.crash()
        app.server.on("/a", ranged(TEN))
        async with app.open():
            await app.seen("success")

    simulate(test)
