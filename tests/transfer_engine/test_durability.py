"""What each level waits for, and what the next engine asks for again."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import ranged, stall
from tests.transfer_engine.world import App, finished, simulate, until_downloaded
from transfer_engine import Durability, FileBodyDisk, SimulatedBodyDisk, SqliteJournal, running
from transfer_engine.messages import Snapshot

NAME = "b00000001"
TEN = b"0123456789"


def test_only_level_power_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    for durability, expected in (("kill", 0), ("power", 1)):
        disk = FileBodyDisk(tmp_path / durability, "kill" if durability == "kill" else "power")
        disk.create(NAME, TEN)
        disk.sync(NAME)
        disk.close()
        assert len(synced) == expected


def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced from here on, and renamed: "body", "file", "folder", "rename"."""
    done: list[str] = []
    fsync, rename, fdatasync = os.fsync, os.rename, os.fdatasync

    def noted(fd: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        fsync(fd)

    def body(fd: int) -> None:
        done.append("body")
        fdatasync(fd)

    def renamed(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        done.append("rename")
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "fdatasync", body)
    monkeypatch.setattr(os, "rename", renamed)
    return done


def test_the_name_of_a_body_is_synced_with_its_first_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FileBodyDisk(tmp_path, "power")
    done = synced(monkeypatch)
    disk.create(NAME, TEN)
    disk.sync(NAME)
    disk.append(NAME, TEN)
    disk.sync(NAME)
    assert done == ["body", "folder", "body"]
    disk.close()


def test_a_second_name_is_synced_too_and_so_is_one_that_was_given_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, other = FileBodyDisk(tmp_path / "1", "power"), FileBodyDisk(tmp_path / "2", "power")
    disk.create(NAME, TEN)
    disk.sync(NAME)
    done = synced(monkeypatch)
    other.link("b00000007", disk, NAME, len(TEN))
    other.sync("b00000007")
    assert done == ["body", "folder"]
    disk.truncate(NAME, 4)
    assert done[2:4] == ["file", "rename"], "what was synced is never replaced by what is not"
    done.clear()
    disk.sync(NAME)
    assert done == ["body", "folder"]
    assert (disk.read(NAME, 0, 99), other.read("b00000007", 0, 99)) == (TEN[:4], TEN)
    for one in (disk, other):
        one.close()


@pytest.mark.parametrize(("durability", "waits"), [("kill", []), ("power", ["file"])])
def test_a_cut_is_durable_at_level_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durability: Durability, waits: list[str]
) -> None:
    disk = FileBodyDisk(tmp_path, durability)
    disk.create(NAME, TEN)
    done = synced(monkeypatch)
    disk.truncate(NAME, 4)
    assert done == waits
    disk.close()


def test_a_note_is_durable_before_it_replaces_the_old_one_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FileBodyDisk(tmp_path, "power")
    done = synced(monkeypatch)
    disk.recovered()
    assert done == ["file", "rename", "folder"]
    disk.close()


@pytest.mark.parametrize(("durability", "level"), [("kill", 1), ("power", 2)])
def test_the_journal_has_the_same_levels(
    tmp_path: Path, durability: Durability, level: int
) -> None:
    journal = SqliteJournal(tmp_path / "j.sqlite", durability)
    with closing(journal._db.execute("PRAGMA synchronous")) as rows:
        assert rows.fetchone() == (level,)
    journal.close()
    with closing(sqlite3.connect(tmp_path / "j.sqlite")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


class Surviving(SimulatedBodyDisk):
    """A disk whose unsynced bytes survive, as files do survive a kill."""

    def trusted(self, name: str, counted: int) -> int:
        """See BodyDisk."""
        return self.lengths()[name]


def downloaded_again(*, survives: bool) -> tuple[Snapshot, list[str]]:
    """Five bytes are committed, three more stored; then a kill.  What the next engine has."""
    found: list[tuple[Snapshot, list[str]]] = []

    async def test(app: App) -> None:
        if survives:
            app.disk = Surviving()
        app.server.on("/a", stall(TEN, 8), ranged(TEN))
        # The interval is so long that nothing is committed after the first byte.
        async with app.open(chunk_size=1, checkpoint_interval=1e6) as engine:
            registration = await engine.fetch("s", "/a")
            await until_downloaded(registration, 8)
            await trio.testing.wait_all_tasks_blocked()
            engine.kill()
        app.journal.crash()
        app.disk.crash(keep=lambda name, synced, written: written)
        async with app.open() as engine:
            again = await engine.get("s")
            assert again is not None
            snapshot = again.snapshot
            assert await finished(again) == ("success", "")
        found.append((snapshot, app.server.ranges("/a")))

    simulate(test)
    return found[0]


def test_what_was_stored_after_the_last_commit_is_not_asked_for_again() -> None:
    snapshot, ranges = downloaded_again(survives=True)
    assert snapshot.downloaded == 8
    assert ranges == ["", "bytes=8-"]


def test_where_the_tail_may_be_lost_only_committed_bytes_count() -> None:
    snapshot, ranges = downloaded_again(survives=False)
    assert snapshot.downloaded < 8
    assert ranges[1] == (f"bytes={snapshot.downloaded}-" if snapshot.downloaded else "")


@pytest.mark.parametrize(("size", "asked"), [(3 << 20, "bytes=8-"), (1000, "")])
def test_the_head_of_a_long_body_is_kept_before_its_first_byte(size: int, asked: str) -> None:
    """So that a kill right behind it costs nothing; of a short one little is lost."""

    async def test(app: App) -> None:
        app.disk = Surviving()
        body = bytes(size)
        app.server.on("/a", stall(body, 8), ranged(body))
        async with app.open() as engine:
            registration = await engine.fetch("s", "/a")
            registration.on_progress(lambda _: engine.kill())
            await trio.sleep(60)
        app.journal.crash()
        app.disk.crash(keep=lambda name, synced, written: written)
        async with app.open():
            await app.seen("success")
        assert app.server.ranges("/a") == ["", asked]

    simulate(test)


@pytest.mark.parametrize("most", [4, 8])
def test_so_many_bytes_at_stake_wait_for_no_interval(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(running, "MOST_AT_STAKE", most)
    counted: list[int] = []

    async def test(app: App) -> None:
        app.server.on("/a", stall(TEN, 8))
        async with app.open(chunk_size=1, checkpoint_interval=1e6, durability="power") as engine:
            registration = await engine.fetch("s", "/a")
            await until_downloaded(registration, 8)
            await trio.testing.wait_all_tasks_blocked()
            counted.extend(row.length for row in app.journal.load().records)
            engine.kill()

    simulate(test)
    assert 8 - most < counted[0] < (8 if most == 4 else 4)
