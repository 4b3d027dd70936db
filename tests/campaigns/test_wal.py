"""What a power cut leaves of the real journal: commits from the first on, whole, and no others.

The simulated machine takes this for granted.  Here SQLite's own file is cut at each sector, and
each sector of it is lost in turn, as if the medium had never got it; whoever opens what is left
must find the journal as some commit left it, and the one that the sectors before the damage hold.
(What the log says does not depend on the level of durability, only when it is synced does.)
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.transfer_engine.test_store import JOB, RECORD
from transfer_engine import Image, SqliteJournal

SECTOR = 512
COMMITS = 6


@attrs.frozen
class Written:
    """The files of a journal whose owner was cut off, and after each commit its length and rows."""

    database: bytes
    log: bytes
    ends: list[int]
    images: list[Image]

    def after(self, sound: int) -> Image:
        """The rows of the last commit that lies within so many sound bytes of the log."""
        return self.images[max(at for at, end in enumerate(self.ends) if end <= sound)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A journal with some commits, as its files stand before it is closed."""
    path = tmp_path_factory.mktemp("journal") / "j.sqlite"
    log = path.with_name("j.sqlite-wal")
    journal = SqliteJournal(path)
    ends, images = [0, log.stat().st_size], [Image((), ()), journal.load()]
    for key in range(1, COMMITS + 1):
        journal.put_job(attrs.evolve(JOB, key=key, title="t" * 300 * key))
        for index in range(3):
            journal.put_record(attrs.evolve(RECORD, job=key, index=index))
        if key % 3 == 0:
            journal.delete_job(key - 1)
        journal.commit()
        ends.append(log.stat().st_size)
        images.append(journal.load())
    found = Written(path.read_bytes(), log.read_bytes(), ends, images)
    journal.close()
    return found


def opened(directory: Path, database: bytes, log: bytes) -> Image:
    """What a journal with these files loads."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / "j.sqlite").write_bytes(database)
    (directory / "j.sqlite-wal").write_bytes(log)
    journal = SqliteJournal(directory / "j.sqlite")
    try:
        return journal.load()
    finally:
        journal.close()


def sectors(written: Written) -> Iterator[int]:
    """Where each begins."""
    return iter(range(0, len(written.log), SECTOR))


def test_a_log_cut_at_any_sector_is_the_journal_of_a_commit(
    written: Written, tmp_path: Path
) -> None:
    assert len(set(written.ends)) == COMMITS + 2, "each commit made the log longer"
    for at in sectors(written):
        found = opened(tmp_path / "cut", written.database, written.log[:at])
        assert found == written.after(at), at


def test_a_log_that_lost_any_sector_is_the_journal_of_the_commit_before_it(
    written: Written, tmp_path: Path
) -> None:
    for at in sectors(written):
        lost = bytes(min(SECTOR, len(written.log) - at))
        if written.log[at : at + SECTOR] != lost:
            log = written.log[:at] + lost + written.log[at + SECTOR :]
            assert opened(tmp_path / "lost", written.database, log) == written.after(at), at
