"""A disk that cannot sync or delete, or takes long: what is not on it is never told as stored."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import attrs
import pytest
import trio
import trio.testing

from tests.transfer_engine.server import Asked, ranged, stall, whole
from tests.transfer_engine.world import (
    APP,
    App,
    finished,
    read_all,
    simulate,
    until_downloaded,
)
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    Engine,
    EngineConfig,
    Request,
    ScriptError,
    SimulatedBodyDisk,
    SimulatedJournal,
    StoredRequest,
    offload_inline,
    open_engine,
    simulated_seams,
)
from transfer_engine.errors import StoreFailed, StoreFull
from transfer_engine.state import Body, Job, Meter, RecordState
from transfer_engine.store import Store
from transfer_engine.writer import Writer

TEN = b"0123456789"
NAME = "b00000001"
FAILED, FULL = errno.EIO, errno.ENOSPC
T = TypeVar("T")


class Sour(SimulatedBodyDisk):
    """``syncs``: the error of each sync, 0 for none; then none fails."""

    def __init__(self, *syncs: int) -> None:
        super().__init__()
        self.syncs = list(syncs)

    def sync(self, name: str) -> None:
        """See BodyDisk."""
        code = self.syncs.pop(0) if self.syncs else 0
        if code:
            raise OSError(code, os.strerror(code))
        super().sync(name)


def test_a_body_that_could_not_be_synced_is_fetched_again() -> None:
    found: list[object] = []

    async def test(app: App) -> None:
        app.disk = Sour(FAILED)
        app.server.on("/a", whole(TEN, etag='"v1"'))

        async def then(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))

        app.then["success"] = then
        async with app.open(unavailability="network-loss") as engine:
            assert await finished(await engine.fetch("s", "/a")) == ("success", "")
            await trio.testing.wait_all_tasks_blocked()
            assert engine.storage().responses == 0
        assert app.server.ranges("/a") == ["", ""]
        assert found == [(200, TEN)]

    simulate(test)


def test_where_nothing_is_tried_again_it_is_a_fetch_error() -> None:
    async def test(app: App) -> None:
        app.disk = Sour(FAILED)
        app.server.on("/a", whole(TEN))
        async with app.open() as engine:
            assert await finished(await engine.fetch("s", "/a")) == ("failure", "fetch-error")

    simulate(test)


def test_a_disk_that_is_found_full_by_a_sync_is_quota_exceeded_and_nothing_is_kept() -> None:
    async def test(app: App) -> None:
        app.disk = Sour(FULL)
        app.server.on("/a", whole(TEN))
        kept: list[int] = []

        async def then(event: BackgroundFetchEvent) -> None:
            kept.extend([engine.storage().responses, event.registration.downloaded])

        app.then["fail"] = then
        async with app.open(unavailability="network-loss") as engine:
            assert await finished(await engine.fetch("s", "/a")) == ("failure", "quota-exceeded")
            await trio.testing.wait_all_tasks_blocked()
        assert kept == [0, 0]
        assert len(app.server.log) == 1

    simulate(test)


def test_what_was_synced_before_is_kept_and_the_rest_asked_for_again() -> None:
    found: list[object] = []

    async def test(app: App) -> None:
        app.disk = Sour(0, FAILED)
        gate = trio.Event()

        async def twice(asked: Asked) -> None:
            await asked.answer(200, TEN, 4, etag='"v1"')
            await gate.wait()
            await asked.raw(TEN[4:8])
            await asked.stream.receive_some(1)

        async def then(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))

        app.then["success"] = then
        app.server.on("/a", twice, ranged(TEN))
        async with app.open(unavailability="network-loss", quota=10) as engine:
            registration = await engine.fetch("s", "/a")
            await until_downloaded(registration, 4)
            await trio.testing.wait_all_tasks_blocked()
            gate.set()
            assert await finished(registration) == ("success", "")
            await trio.testing.wait_all_tasks_blocked()
        assert app.server.ranges("/a") == ["", "bytes=4-"]
        assert found == [(200, TEN)]

    simulate(test)


def test_no_result_is_told_whose_last_bytes_could_not_be_synced() -> None:
    async def test(app: App) -> None:
        app.disk = Sour(0, FAILED)
        gate = trio.Event()

        async def late(asked: Asked) -> None:
            await asked.answer(200, TEN, 4, etag='"v1"')
            await gate.wait()
            await asked.raw(TEN[4:])

        app.server.on("/a", late, ranged(TEN))
        async with app.open(unavailability="network-loss", checkpoint_interval=1e6) as engine:
            registration = await engine.fetch("s", "/a")
            await until_downloaded(registration, 4)
            await trio.testing.wait_all_tasks_blocked()  # the first checkpoint is made at once
            gate.set()
            assert await finished(registration) == ("success", "")
        assert app.server.ranges("/a") == ["", "bytes=4-"]

    simulate(test)


def test_a_body_whose_sync_failed_is_spoilt_until_it_is_cut_whatever_later_syncs_say() -> None:
    async def main() -> None:
        store = Store(SimulatedJournal(), Sour(FAILED), offload_inline)
        await store.append(NAME, TEN)
        for _ in range(2):
            assert isinstance((await store.harden([NAME]))[NAME], StoreFailed)
        await store.truncate(NAME, 0)
        assert await store.harden([NAME]) == {}
        await store.append("b00000002", TEN)
        assert await store.harden(["b00000002", "b00000003"]) == {}

    trio.run(main)


def test_a_full_disk_and_a_failing_one_are_told_apart() -> None:
    async def main() -> None:
        for code, error in ((FULL, StoreFull), (FAILED, StoreFailed)):
            store = Store(SimulatedJournal(), Sour(code), offload_inline)
            await store.append(NAME, TEN)
            assert type((await store.harden([NAME]))[NAME]) is error

    trio.run(main)


@pytest.mark.parametrize(("code", "error"), [(FAILED, "TypeError"), (FULL, "QuotaExceededError")])
def test_an_upload_that_could_not_be_synced_is_refused_and_leaves_nothing(
    code: int, error: str
) -> None:
    async def test(app: App) -> None:
        app.disk = Sour(code)
        async with app.open() as engine:
            with pytest.raises(ScriptError) as caught:
                await engine.fetch("s", Request("/p", "POST", body=TEN))
            assert caught.value.name == error
            assert (engine.storage().requests, app.disk.lengths()) == (0, {})
            assert app.journal.load().jobs == ()
            assert await engine.get_ids() == []

    simulate(test)


def test_a_body_that_cannot_be_deleted_holds_up_nobody_and_goes_at_the_next_start() -> None:
    class Stuck(SimulatedBodyDisk):
        stuck = True

        def delete(self, name: str) -> None:
            """See BodyDisk."""
            if self.stuck:
                raise OSError(FAILED, os.strerror(FAILED))
            super().delete(name)

    async def test(app: App) -> None:
        app.disk = disk = Stuck()
        app.server.on("/a", whole(TEN))
        async with app.open() as engine:
            for name in ("s", "t"):
                await finished(await engine.fetch(name, "/a"))
            await app.seen("success", "success")
            await trio.testing.wait_all_tasks_blocked()
            assert engine.storage().responses == 0
            assert len(disk.lengths()) == 2
        disk.stuck = False
        async with app.open():
            assert disk.lengths() == {}

    simulate(test)


@attrs.define(eq=False)
class Slow:
    """A sync has been done, and its thread comes back only when the gate opens."""

    gate: trio.Event = attrs.field(factory=trio.Event)
    synced: trio.Event = attrs.field(factory=trio.Event)

    async def offload(self, fn: Callable[..., T], *args: object) -> T:
        """See Offload."""
        result = await offload_inline(fn, *args)
        if fn.__name__ == "sync":
            self.synced.set()
            with trio.CancelScope(shield=True):
                await self.gate.wait()
        return result


def with_a_slow_sync(test: Callable[[App, Slow, Engine], Awaitable[None]]) -> None:
    async def main(app: App) -> None:
        slow = Slow()
        plain = simulated_seams(app.server.connect, app.journal, app.disk)
        config = EngineConfig(app_origin=APP, policy=OPEN, checkpoint_interval=1e6)
        async with open_engine(config, attrs.evolve(plain, offload=slow.offload)) as engine:
            await test(app, slow, engine)

    simulate(main)


def test_a_row_counts_what_was_there_when_the_sync_began_and_not_what_came_meanwhile() -> None:
    async def test(app: App, slow: Slow, engine: Engine) -> None:
        async def twice(asked: Asked) -> None:
            await asked.answer(200, TEN, 4, etag='"v1"')
            await slow.synced.wait()
            await asked.raw(TEN[4:8])
            await asked.stream.receive_some(1)

        app.server.on("/a", twice)
        await until_downloaded(await engine.fetch("s", "/a"), 8)
        slow.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert [row.length for row in app.journal.load().records] == [4]
        engine.kill()

    with_a_slow_sync(test)


def test_of_what_has_ended_and_gone_during_a_sync_nothing_is_written() -> None:
    async def test(app: App, slow: Slow, engine: Engine) -> None:
        app.server.on("/a", stall(TEN, 4))
        registration = await engine.fetch("s", "/a")
        await slow.synced.wait()
        assert await registration.abort()
        await trio.testing.wait_all_tasks_blocked()
        assert app.journal.load().jobs == ()
        slow.gate.set()
        await trio.testing.wait_all_tasks_blocked()
        assert await engine.get_ids() == []
        assert (app.journal.load().records, app.disk.lengths()) == ((), {})

    with_a_slow_sync(test)


def test_who_has_no_room_waits_for_what_may_be_given_back_before_it_is_refused() -> None:
    async def main() -> None:
        store = Store(SimulatedJournal(), SimulatedBodyDisk(), offload_inline)
        meter = Meter(quota=10, responses=8, reserved=8)  # by the turn of another body
        record = RecordState(0, StoredRequest(APP, "GET", (), "cors"), None, 0, Body(NAME))
        job = Job(1, "s", "", (), 0, 0, [record])
        writer = Writer(store, meter, lambda *_: None, job, record, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.append, TEN[:5])
            await trio.testing.wait_all_tasks_blocked()
            assert writer.got == 0
            meter.responses, meter.reserved = 3, 0  # it has used so much
            meter.given_back.fire()
        assert (writer.got, meter.responses, record.body.length) == (5, 8, 5)
        with pytest.raises(StoreFull):
            await writer.append(TEN[:3])

    trio.run(main)
