"""A disk without room: what is refused, what waits, and how long."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from tests.transfer_engine.server import stall
from tests.transfer_engine.test_store import JOB
from tests.transfer_engine.world import App, simulate, until_downloaded
from transfer_engine import (
    FileBodyDisk,
    SimulatedBodyDisk,
    SimulatedJournal,
    SqliteJournal,
    StoreFull,
    StoreUnusable,
    offload_inline,
)
from transfer_engine.spare import SPARE
from transfer_engine.store import ROOM_PATIENCE, Store

SMALL_DISK = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o size=6m full /mnt && exec "$@"', "-"]


class FullJournal(SimulatedJournal):
    """Has no room before ``room`` of trio's time; counts those who asked in vain."""

    def __init__(self, room: float = float("inf")) -> None:
        super().__init__()
        self.room = room
        self.refused = 0

    def commit(self) -> None:
        """See Journal."""
        if trio.current_time() < self.room:
            self.refused += 1
            raise StoreFull(0)
        super().commit()


def in_virtual_time(test: object, journal: FullJournal) -> float:
    """Run ``test(store)``; how many virtual seconds it took."""

    async def main() -> float:
        begun = trio.current_time()
        journal.room += begun
        with trio.fail_after(1000):
            await test(Store(journal, SimulatedBodyDisk(), offload_inline))  # type: ignore[operator] # an async function
        return trio.current_time() - begun

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_commit_waits_until_there_is_room_and_a_crowd_looks_for_it_as_one() -> None:
    journal = FullJournal(room=20.0)

    async def test(store: Store) -> None:
        async with trio.open_nursery() as nursery:
            for key in range(1, 101):
                nursery.start_soon(store.commit, attrs.evolve(JOB, key=key))

    assert 20 <= in_virtual_time(test, journal) < 26
    assert len(journal.load().jobs) == 100
    assert journal.refused < 15


def test_who_can_still_refuse_is_refused_at_once_and_leaves_nothing_behind() -> None:
    journal = FullJournal(room=20.0)

    async def test(store: Store) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.commit, JOB)
            await trio.testing.wait_all_tasks_blocked()
            begun = trio.current_time()
            with pytest.raises(StoreFull):
                await store.commit(attrs.evolve(JOB, key=77), patient=False)
            assert trio.current_time() == begun

    in_virtual_time(test, journal)
    assert [job.key for job in journal.load().jobs] == [JOB.key]


def test_rows_keep_their_order_however_long_they_wait() -> None:
    journal = FullJournal(room=3.0)

    async def test(store: Store) -> None:
        async with trio.open_nursery() as nursery:
            for title in ("old", "newer", "newest"):
                nursery.start_soon(store.commit, attrs.evolve(JOB, title=title))
                await trio.sleep(1)

    in_virtual_time(test, journal)
    assert [job.title for job in journal.load().jobs] == ["newest"]


def test_no_room_for_too_long_is_told_with_what_may_be_done() -> None:
    journal = FullJournal()

    async def test(store: Store) -> None:
        with pytest.raises(StoreUnusable, match=r"disk is full.*make some and start again"):
            await store.commit(JOB)

    assert ROOM_PATIENCE <= in_virtual_time(test, journal) < ROOM_PATIENCE + 6


def test_a_close_waits_for_no_room(caplog: pytest.LogCaptureFixture) -> None:
    async def test(app: App) -> None:
        app.journal = journal = FullJournal(room=0.0)
        app.server.on("/a", stall(b"x" * 10, 4))
        async with app.open() as engine:
            await until_downloaded(await engine.fetch("s", "/a"), 4)
            journal.room = float("inf")
            begun = trio.current_time()
        assert trio.current_time() - begun < 1

    simulate(test)
    assert "not all could be saved" in caplog.text


@pytest.mark.parametrize("code", [errno.EDQUOT, errno.ENOSPC])
def test_a_write_error_of_sqlite_is_a_full_disk_where_nothing_else_can_be_written_either(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(tmp_path / "j.sqlite")
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    assert isinstance(journal._blame(failed), StoreUnusable)

    def beyond(fd: int, data: bytes, at: int) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "pwrite", beyond)
    assert isinstance(journal._blame(failed), StoreFull)
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert isinstance(journal._blame(failed), StoreUnusable), "a sync is never tried again"
    journal.close()


def test_what_is_kept_for_the_last_word_is_given_up_for_it_and_no_body_grows_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, first: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    disk = FileBodyDisk(tmp_path)
    disk.recovered()
    disk.create("b00000001", b"x")
    assert (tmp_path / "spare").stat().st_size == SPARE
    assert disk.make_room()
    assert not disk.make_room()
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", full)
        for grow in (disk.append, disk.create):
            with pytest.raises(StoreFull):
                grow("b00000001", b"y")
        with pytest.raises(StoreFull):
            disk.open("b00000001", append=True)
        assert not (tmp_path / "spare").exists()
    disk.append("b00000001", b"y")
    assert (tmp_path / "spare").exists(), "there was room again"
    assert disk.read("b00000001", 0, 9) == b"xy"
    disk.close()
    assert not (tmp_path / "spare").exists()


def test_on_a_disk_that_is_really_full_downloads_fail_and_the_engine_goes_on() -> None:
    """A file system of 6 MiB of its own, by user namespaces; see ``on_a_small_disk``."""
    tried = subprocess.run([*SMALL_DISK, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no file system may be mounted here: {tried.stderr.strip()}")
    here = [sys.executable, "-m", "tests.transfer_engine.on_a_small_disk"]
    ended = subprocess.run([*SMALL_DISK, *here], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n") == [
        "failure quota-exceeded",
        "QuotaExceededError",
        "success ",
        "0 bytes are kept",
        "",
    ]
