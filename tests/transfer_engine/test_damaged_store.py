"""A damaged, truncated, swapped or foreign store is refused or repaired, never misread."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import attrs
import pytest
import trio

from tests.transfer_engine.server import Server, ranged
from tests.transfer_engine.test_store import JOB, RECORD
from tests.transfer_engine.world import read_all
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    EngineConfig,
    Image,
    RecordRow,
    SqliteJournal,
    StoredRequest,
    StoreFull,
    StoreUnusable,
    open_engine,
    real_seams,
)

BODY = b"".join(i.to_bytes(8, "big") for i in range(512))
JOBS = tuple(attrs.evolve(JOB, key=key, id=f"job {key}") for key in range(1, 9))


def filled(path: Path) -> Image:
    """A journal with eight jobs, all in the main file."""
    journal = SqliteJournal(path)
    for job in JOBS:
        journal.put_job(job)
        journal.put_record(attrs.evolve(RECORD, job=job.key))
    journal.commit()
    image = journal.load()
    journal.close()
    return image


def opened(path: Path) -> Image | None:
    """What is read from it; None if it is refused."""
    try:
        journal = SqliteJournal(path)
    except StoreUnusable:
        return None
    try:
        return journal.load()
    except StoreUnusable:
        return None
    finally:
        journal.close()


def test_a_journal_cut_at_any_512_bytes_is_refused_or_empty(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    filled(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 512):
        path.write_bytes(whole[:length])
        assert opened(path) in (None, Image((), ())), length
        for left in tmp_path.glob("j.sqlite-*"):
            left.unlink()


def test_a_journal_with_flipped_bits_is_refused_or_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    image = filled(path)
    whole = path.read_bytes()
    rng, refused = Random(3), 0
    for _ in range(600):
        spoilt = bytearray(whole)
        spoilt[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        path.write_bytes(spoilt)
        read = opened(path)
        assert read in (None, image)
        refused += read is None
        for left in tmp_path.glob("j.sqlite-*"):
            left.unlink()
    assert refused > 20


def test_a_damaged_log_gives_an_earlier_commit_and_no_other_rows(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    journal = SqliteJournal(path)
    images = [journal.load()]
    for job in JOBS:
        journal.put_job(job)
        journal.put_record(attrs.evolve(RECORD, job=job.key))
        journal.commit()
        images.append(journal.load())
    main, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    rng = Random(4)
    for number in range(120):
        case = tmp_path / f"{number}"
        case.mkdir()
        spoilt = bytearray(log)
        spoilt[rng.randrange(len(log))] ^= 1 << rng.randrange(8)
        copy = case / "j.sqlite"
        copy.write_bytes(main)
        Path(f"{copy}-wal").write_bytes(spoilt[: rng.randrange(len(log))] if number % 2 else spoilt)
        assert opened(copy) in (None, *images)
    journal.close()


@pytest.mark.parametrize("number", [-1, -(2**63), 2**64, 10**400, 1.5, True, None, "7"])
def test_absurd_numbers_are_refused(tmp_path: Path, number: object) -> None:
    journal = SqliteJournal(tmp_path / "j.sqlite")
    journal.put_job(JOB)
    row = attrs.evolve(RECORD, length=number)  # type: ignore[arg-type] # that is the point
    journal.put_record(row)
    journal.commit()
    with pytest.raises(StoreUnusable, match="makes no sense"):
        journal.load()
    journal.close()


@pytest.mark.parametrize("rows", [(JOB,), (JOB, attrs.evolve(RECORD, index=1))])
def test_jobs_and_records_that_do_not_belong_together_are_refused(
    tmp_path: Path, rows: tuple[object, ...]
) -> None:
    journal = SqliteJournal(tmp_path / "j.sqlite")
    for row in rows:
        journal.put_record(row) if isinstance(row, RecordRow) else journal.put_job(JOB)
    journal.commit()
    with pytest.raises(StoreUnusable):
        journal.load()
    journal.close()


def test_rows_that_have_changed_places_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    filled(path)
    with closing(sqlite3.connect(path)) as database, database:
        rows = database.execute("SELECT key, data, checksum FROM job").fetchall()
        for (key, _, _), (_, data, check) in zip(rows, reversed(rows), strict=True):
            database.execute("UPDATE job SET data = ?, checksum = ? WHERE key = ?",
                             (data, check, key))  # fmt: skip
    assert opened(path) is None


def test_a_file_whose_pages_do_not_add_up_is_refused_though_its_rows_can_be_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.sqlite"
    journal = SqliteJournal(path)
    journal.put_job(attrs.evolve(JOB, title="x" * 100_000))
    journal.commit()
    journal.delete_job(JOB.key)
    journal.commit()
    journal.close()
    data = bytearray(path.read_bytes())
    data[36:40] = (int.from_bytes(data[36:40], "big") + 1).to_bytes(4, "big")  # its free pages
    path.write_bytes(data)
    with pytest.raises(StoreUnusable, match="damaged"):
        SqliteJournal(path)


def test_a_journal_that_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "j.sqlite")
    with pytest.raises(StoreUnusable, match="not a regular file"):
        SqliteJournal(tmp_path / "j.sqlite")


def test_a_journal_that_is_refused_is_let_go_of(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE theirs (x)")
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - no paths are wanted
    refusals: list[StoreUnusable] = []  # with their frames, and what these hold
    for _ in range(3):
        with pytest.raises(StoreUnusable) as caught:
            SqliteJournal(path)
        refusals.append(caught.value)
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208 - as above


def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="not a journal of this engine"):
        SqliteJournal(path)
    assert path.read_bytes() == before


def test_a_trigger_in_a_swapped_journal_has_no_power(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "j.sqlite")
    assert journal._db.execute("PRAGMA trusted_schema").fetchone() == (0,)
    journal.close()


@pytest.mark.parametrize("what", ["journal.sqlite", "bodies", "bodies/boot"])
def test_links_in_a_store_are_refused(tmp_path: Path, what: str) -> None:
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    (store / "bodies").mkdir(parents=True)
    if what == "bodies":
        (store / "bodies").rmdir()
        elsewhere.mkdir()
    else:
        elsewhere.write_text("mine")
    (store / what).symlink_to(elsewhere)
    with pytest.raises(StoreUnusable):
        real_seams(EngineConfig(app_origin="http://a.test", directory=store))
    assert elsewhere.is_dir() or elsewhere.read_text() == "mine"


def test_a_second_process_is_told_that_the_store_is_in_use(tmp_path: Path) -> None:
    config = EngineConfig(app_origin="http://a.test", directory=tmp_path)
    seams = real_seams(config)
    program = (
        "import sys; from pathlib import Path; from transfer_engine import *\n"
        "try: real_seams(EngineConfig(app_origin='http://a.test', directory=Path(sys.argv[1])))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "another engine" in said or "in use" in said
    seams.journal.close()
    seams.disk.close()


def test_a_journal_that_finds_no_room_says_so_and_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    image = filled(path)
    journal = SqliteJournal(path)
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={pages}")
    journal.put_job(attrs.evolve(JOB, key=99, title="x"))
    with pytest.raises(StoreFull):
        for index in range(1000):
            journal.put_record(attrs.evolve(RECORD, job=99, index=index))
    journal.rollback()
    assert journal.load() == image
    journal.close()


def unfinished(store: Path, length: int, content: bytes) -> None:
    """A store with one GET, noted as finished with ``length`` bytes."""
    (store / "bodies").mkdir(parents=True)
    (store / "bodies" / "b00000001").write_bytes(content)
    journal = SqliteJournal(store / "journal.sqlite")
    request = StoredRequest("http://app.test/a", "GET", (), "cors")
    journal.put_job(attrs.evolve(JOB, upload_total=0))
    assert RECORD.head is not None
    head = attrs.evolve(RECORD.head, headers=(("etag", '"v1"'), ("content-length", "4096")))
    journal.put_record(RecordRow(1, 0, request, None, 0, "b00000001", length, head, "success"))
    journal.commit()
    journal.close()


def delivered(store: Path, config: EngineConfig) -> list[object]:
    """What the one event reads."""
    found: list[object] = []

    async def main() -> None:
        done = trio.Event()

        async def handle(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))
            done.set()

        handlers = dict.fromkeys(("backgroundfetchsuccess", "backgroundfetchfail"), handle)
        async with trio.open_nursery() as nursery:
            server = Server(nursery)
            server.on("/a", ranged(BODY))
            seams = attrs.evolve(real_seams(config), connect=server.connect, resolve=itself)
            async with open_engine(attrs.evolve(config, handlers=handlers), seams):
                with trio.fail_after(20):
                    await done.wait()
            nursery.cancel_scope.cancel()

    trio.run(main)
    return found


async def itself(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_a_body_cut_at_any_512_bytes_is_fetched_again_from_there(tmp_path: Path) -> None:
    for length in range(0, len(BODY) + 1, 512):
        store = tmp_path / str(length)
        unfinished(store, len(BODY), BODY[:length])
        config = EngineConfig(app_origin="http://app.test", directory=store, policy=OPEN)
        assert delivered(store, config) == [(200, BODY)], length


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_for_a_body_is_quota_exceeded(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    unfinished(store, 512, BODY[:512])
    config = EngineConfig(app_origin="http://app.test", directory=store, policy=OPEN)

    def full(fd: int, data: bytes) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("transfer_engine.body_disk._write", full)
    journal = SqliteJournal(store / "journal.sqlite")
    row = journal.load().records[0]
    journal.put_record(attrs.evolve(row, result=""))
    journal.commit()
    journal.close()
    (store / "bodies" / "boot").write_text(f"{boot()} kill")
    assert delivered(store, config) == ["TypeError"]


def boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
