"""What each level waits for, and what the next engine asks for again."""

from __future__ import annotations

import os
import sqlite3
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
