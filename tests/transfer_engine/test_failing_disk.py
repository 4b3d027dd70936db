"""A disk that cannot sync or delete: what it may have lost is dropped and never told as stored."""

from __future__ import annotations

import errno
import os

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import Asked, ranged, whole
from tests.transfer_engine.world import App, finished, read_all, simulate, until_downloaded
from transfer_engine import (
    BackgroundFetchEvent,
    Request,
    ScriptError,
    SimulatedBodyDisk,
    SimulatedJournal,
    offload_inline,
)
from transfer_engine.errors import StoreFailed, StoreFull
from transfer_engine.store import Store

TEN = b"0123456789"
NAME = "b00000001"
FAILED, FULL = errno.EIO, errno.ENOSPC


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
