"""Journals and disks: the simulated ones promise what the real ones do, or less."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import attrs
import pytest
import trio
import trio.testing

from transfer_engine import (
    BodyDisk,
    EngineClosed,
    FileBodyDisk,
    Icon,
    JobRow,
    Journal,
    RecordRow,
    SimulatedBodyDisk,
    SimulatedJournal,
    SqliteJournal,
    StoreBusy,
    StoredHead,
    StoredRequest,
    StoreFull,
    StoreUnusable,
    offload_inline,
)
from transfer_engine.errors import StoreFailed
from transfer_engine.store import DeleteJob, Store

T = TypeVar("T")
JOB = JobRow(1, "ид", "title", (Icon("/i.png", "1x1"),), 2**64 - 1, 5)
RECORD = RecordRow(
    1,
    0,
    StoredRequest("http://a.test/", "POST", (("x", "ÿ"),), "cors"),
    "b00000001",
    5,
    "b00000002",
    3,
    StoredHead(200, (("etag", '"v1"'),), "http://a.test/", True, True),
    "success",
    True,
    5,
)


@pytest.fixture(params=["sqlite", "simulated"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    return SqliteJournal(tmp_path / "j.sqlite") if request.param == "sqlite" else SimulatedJournal()


@pytest.fixture(params=["files", "simulated"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> BodyDisk:
    return FileBodyDisk(tmp_path / "bodies") if request.param == "files" else SimulatedBodyDisk()


def test_rows_come_back_as_they_were_once_committed(journal: Journal) -> None:
    journal.put_job(JOB)
    journal.put_record(RECORD)
    journal.commit()
    assert journal.load().jobs == (JOB,)
    assert journal.load().records == (RECORD,)
    journal.put_record(attrs.evolve(RECORD, head=None, request_body=None))
    journal.commit()
    assert journal.load().records[0].head is None
    journal.delete_job(1)
    journal.delete_job(7)
    journal.commit()
    assert not journal.load().jobs
    assert not journal.load().records
    journal.close()


JOB_CHANGES: list[dict[str, object]] = [
    {"paused": True},
    {"awaiting": True},
    {"aborted": True},
    {"failure": "bad-status"},
    {"result": "failure"},
    {"reason": "quota-exceeded"},
]
RECORD_CHANGES: list[dict[str, object]] = [
    {"request": attrs.evolve(RECORD.request, credentials="include")},
    {"request": attrs.evolve(RECORD.request, mode="same-origin")},
    {"head": StoredHead(206, (), "http://b.test/", False, True, True)},
    {"result": "bad-status"},
    {"sent": False},
    {"uploaded": 4},
    {"seal": 0},
    {"seal": 2**32 - 1},
]


@pytest.mark.parametrize("change", JOB_CHANGES, ids=str)
def test_no_mark_of_a_job_is_lost_or_taken_for_another(
    journal: Journal, change: dict[str, object]
) -> None:
    job = attrs.evolve(JOB, **change)  # type: ignore[arg-type] # one field each
    journal.put_job(job)
    journal.put_record(RECORD)
    journal.commit()
    assert journal.load().jobs == (job,)
    journal.close()


@pytest.mark.parametrize("change", RECORD_CHANGES, ids=str)
def test_no_mark_of_a_record_is_lost_or_taken_for_another(
    journal: Journal, change: dict[str, object]
) -> None:
    record = attrs.evolve(RECORD, **change)  # type: ignore[arg-type] # one field each
    journal.put_job(JOB)
    journal.put_record(record)
    journal.commit()
    assert journal.load().records == (record,)
    journal.close()


def test_jobs_and_records_come_back_in_the_order_of_their_keys(journal: Journal) -> None:
    for key in (12, 3, 1):
        journal.put_job(attrs.evolve(JOB, key=key))
        for index in (1, 0):
            journal.put_record(attrs.evolve(RECORD, job=key, index=index))
    journal.commit()
    image = journal.load()
    assert [job.key for job in image.jobs] == [1, 3, 12]
    places = [(record.job, record.index) for record in image.records]
    assert places == [(key, index) for key in (1, 3, 12) for index in (0, 1)]
    journal.close()


def test_a_row_from_before_there_were_credentials_and_seals_is_read(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    journal = SqliteJournal(path)
    journal.put_job(JOB)
    journal.put_record(RECORD)
    journal.commit()
    journal.close()
    with closing(sqlite3.connect(path)) as database, database:
        row = json.loads(database.execute("SELECT data FROM record").fetchone()[0])
        del row["request"]["credentials"], row["head"]["credentialed"], row["seal"]
        data = json.dumps(row)
        check = zlib.crc32(f"(1, 0) {data}".encode())
        database.execute("UPDATE record SET data = ?, checksum = ?", (data, check))
    journal = SqliteJournal(path)
    assert journal.load().records == (RECORD,)
    journal.close()


def test_a_journal_that_others_could_read_is_its_owners_again(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    SqliteJournal(path).close()
    path.chmod(0o644)
    SqliteJournal(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_journal_of_an_older_version_is_told_from_a_newer_one(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    SqliteJournal(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=1")
    with pytest.raises(StoreUnusable, match="schema version 1 is older than 2"):
        SqliteJournal(path)


def test_what_is_rolled_back_never_was(journal: Journal) -> None:
    journal.put_job(JOB)
    journal.rollback()
    journal.commit()
    assert journal.load().jobs == ()
    journal.close()


def test_sqlite_keeps_committed_rows_and_loses_others_over_a_close(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    first = SqliteJournal(path)
    first.put_job(JOB)
    first.put_record(RECORD)
    first.commit()
    first.put_job(attrs.evolve(JOB, key=2))
    first.close()
    second = SqliteJournal(path)
    assert [row.key for row in second.load().jobs] == [1]
    second.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_foreign_newer_or_damaged_file_is_unusable(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"not a database, but long enough to have a header" * 100)
    with pytest.raises(StoreUnusable):
        SqliteJournal(path)
    path.unlink()
    SqliteJournal(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version=99")
    with pytest.raises(StoreUnusable, match="schema version 99"):
        SqliteJournal(path)


@pytest.mark.parametrize(
    "data",
    ["{", "[]", "{}", '{"id": 7}', "[" * 100_000, '{"request": {"url": 1}}'],
)
def test_rows_that_make_no_sense_are_reported(tmp_path: Path, data: str) -> None:
    path = tmp_path / "j.sqlite"
    SqliteJournal(path).close()
    with closing(sqlite3.connect(path)) as database, database:
        check = zlib.crc32(f"(1,) {data}".encode())
        database.execute("INSERT INTO job VALUES (1, ?, ?)", (data, check))
    journal = SqliteJournal(path)
    with pytest.raises(StoreUnusable):
        journal.load()
    journal.close()


def test_bodies_grow_are_read_cut_and_deleted(disk: BodyDisk) -> None:
    disk.create("b00000001")
    disk.append("b00000001", b"0123")
    disk.append("b00000001", b"4567")
    assert disk.read("b00000001", 2, 4) == b"2345"
    assert disk.read("b00000001", 8, 4) == b""
    disk.sync("b00000001")
    disk.truncate("b00000001", 5)
    disk.append("b00000001", b"x")
    assert disk.read("b00000001", 0, 99) == b"01234x"
    assert disk.lengths() == {"b00000001": 6}
    disk.delete("b00000001")
    disk.delete("b00000001")
    assert disk.lengths() == {}
    with pytest.raises(FileNotFoundError):
        disk.read("b00000001", 0, 1)
    disk.close()


def test_files_are_private_and_never_reached_by_a_link_or_another_name(tmp_path: Path) -> None:
    disk = FileBodyDisk(tmp_path)
    disk.create("b00000001")
    assert stat.S_IMODE((tmp_path / "b00000001").stat().st_mode) == 0o600
    (tmp_path / "b00000002").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        disk.read("b00000002", 0, 1)
    for name in ("../x", "/etc/passwd", "b1", "b00000001\0", "b00000001/"):
        with pytest.raises(ValueError, match="not a body's name"):
            disk.read(name, 0, 1)
        with pytest.raises(ValueError, match="not a body's name"):
            disk.delete(name)
    assert disk.lengths() == {"b00000001": 0}
    disk.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EIO, StoreFailed)],
)
def test_a_write_that_stops_half_way_leaves_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[Exception]
) -> None:
    disk = FileBodyDisk(tmp_path)
    disk.create("b00000001", b"0123")

    def half(fd: int, data: bytes) -> None:
        os.write(fd, data[: len(data) // 2])
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("transfer_engine.body_disk._write", half)
    with pytest.raises(error):
        disk.append("b00000001", b"4567")
    with pytest.raises(error):
        disk.create("b00000002", b"4567")
    assert disk.lengths() == {"b00000001": 4}
    assert disk.read("b00000001", 0, 99) == b"0123"
    disk.close()


def test_a_body_is_never_made_over_another(tmp_path: Path) -> None:
    disk = FileBodyDisk(tmp_path)
    disk.create("b00000001", b"0123")
    with pytest.raises(StoreFailed):
        disk.create("b00000001", b"4567")
    assert disk.read("b00000001", 0, 99) == b"0123"
    disk.close()


def test_who_finds_a_store_in_use_keeps_no_descriptor_of_it(tmp_path: Path) -> None:
    disk = FileBodyDisk(tmp_path)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no paths are wanted
    with pytest.raises(StoreBusy):
        FileBodyDisk(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above
    disk.close()


def test_a_full_disk_stores_nothing_of_the_batch() -> None:
    simulated = SimulatedBodyDisk(capacity=10)
    simulated.create("b00000001")
    simulated.append("b00000001", b"x" * 8)
    with pytest.raises(StoreFull):
        simulated.append("b00000001", b"x" * 3)
    assert simulated.lengths() == {"b00000001": 8}


def test_a_crash_takes_what_was_not_synced() -> None:
    disk = SimulatedBodyDisk()
    for name in ("b00000001", "b00000002"):
        disk.create(name)
        disk.append(name, b"12")
    disk.sync("b00000001")
    disk.append("b00000001", b"34")
    disk.crash()
    assert disk.lengths() == {"b00000001": 2}
    disk.append("b00000001", b"345678")
    disk.crash(keep=lambda _name, synced, written: (synced + written) // 2)
    assert disk.lengths() == {"b00000001": 5}


def test_a_commit_deletes_last_and_groups_what_waits() -> None:
    said: list[str] = []

    class Disk(SimulatedBodyDisk):
        def delete(self, name: str) -> None:
            said.append(f"delete {name}")
            super().delete(name)

    class Rows(SimulatedJournal):
        def commit(self) -> None:
            said.append("commit")
            super().commit()

    async def main() -> None:
        disk = Disk()
        store = Store(Rows(), disk, offload_inline)
        for name in ("b00000001", "b00000002", "b00000003"):
            await store.append(name, b"x")
        async with trio.open_nursery() as nursery:
            before = store._writing = trio.Event()  # somebody writes: all three wait
            for n in range(3):
                row = attrs.evolve(JOB, key=n + 1)
                nursery.start_soon(store.commit, row)
            await trio.testing.wait_all_tasks_blocked()
            store._writing = None
            before.set()
        await store.commit(DeleteJob(1), delete=["b00000001"])

    trio.run(main)
    assert said == ["commit", "commit", "delete b00000001"]


class Slow:
    """An offload that waits for ``go`` before each commit."""

    def __init__(self) -> None:
        self.go = trio.Event()

    async def __call__(self, fn: Callable[..., T], /, *args: object) -> T:
        if fn.__name__ == "_write":
            await self.go.wait()
        await trio.lowlevel.checkpoint()
        return fn(*args)


def test_who_waits_for_a_commit_when_the_engine_is_killed_is_told_nothing() -> None:
    async def main() -> None:
        slow = Slow()
        store = Store(SimulatedJournal(), SimulatedBodyDisk(), slow)
        told: list[str] = []

        async def commit(key: int) -> None:
            try:
                await store.commit(attrs.evolve(JOB, key=key))
            except EngineClosed:
                told.append(f"{key}: closed")
            else:
                told.append(f"{key}: durable")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(commit, 1)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(commit, 2)
            await trio.testing.wait_all_tasks_blocked()
            store.closed = True
            slow.go.set()
        assert sorted(told) == ["1: durable", "2: closed"]

    trio.run(main)


def test_a_store_closes_behind_the_commit_that_runs() -> None:
    said: list[str] = []

    class Rows(SimulatedJournal):
        def commit(self) -> None:
            said.append("commit")
            super().commit()

        def close(self) -> None:
            said.append("close")
            super().close()

    async def main() -> None:
        slow = Slow()
        store = Store(Rows(), SimulatedBodyDisk(), slow)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.commit, JOB)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(store.close)
            await trio.testing.wait_all_tasks_blocked()
            slow.go.set()

    trio.run(main)
    assert said == ["commit", "close"]


def test_all_who_wait_for_one_commit_wake_after_it_and_none_writes_again() -> None:
    commits = []

    class Rows(SimulatedJournal):
        def commit(self) -> None:
            commits.append(1)
            super().commit()

    async def main() -> None:
        slow = Slow()
        store = Store(Rows(), SimulatedBodyDisk(), slow)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(store.commit, JOB)
            await trio.testing.wait_all_tasks_blocked()
            for key in range(2, 12):  # they come while the first is being written
                nursery.start_soon(store.commit, attrs.evolve(JOB, key=key))
            await trio.testing.wait_all_tasks_blocked()
            slow.go.set()
        assert len(store.journal.load().jobs) == 11

    trio.run(main)
    assert len(commits) == 2
