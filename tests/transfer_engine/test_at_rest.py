"""A store that no engine has open: what may be done to it, and what the next engine makes of it."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import attrs
import pytest
import trio

from tests.transfer_engine.server import Server, listening, ranged, stall, whole
from tests.transfer_engine.world import finished, read_all, until_downloaded
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    Engine,
    EngineConfig,
    Image,
    JobRow,
    NotOffered,
    RecordRow,
    Request,
    SqliteJournal,
    StoreBusy,
    StoredHead,
    StoredRequest,
    StoreUnusable,
    open_at_rest,
    open_engine,
)

TEN = b"0123456789"


def run(test: Callable[[Server, EngineConfig, list[str]], Awaitable[None]], store: Path) -> None:
    async def main() -> None:
        events: list[str] = []

        async def handler(event: BackgroundFetchEvent) -> None:
            events.append(event.type)

        with trio.fail_after(30):
            async with listening() as (server, origin):
                server.on("/a", stall(TEN, 4, etag='"v1"'), ranged(TEN))
                handlers = {"backgroundfetchabort": handler, "backgroundfetchsuccess": handler}
                config = EngineConfig(
                    app_origin=origin, directory=store, policy=OPEN, handlers=handlers
                )
                async with open_engine(config) as engine:
                    await until_downloaded(await engine.fetch("s", "/a"), 4)
                await test(server, config, events)

    trio.run(main)


async def result(engine: Engine) -> tuple[str, str]:
    reg = await engine.get("s")
    assert reg is not None
    return await finished(reg)


def test_it_shows_what_the_engine_left(tmp_path: Path) -> None:
    async def test(server: Server, config: EngineConfig, events: list[str]) -> None:
        with open_at_rest(tmp_path) as store:
            (shown,) = store.shown()
            (record,) = store.records("s")
            assert store.records("other") == []
        assert (shown.id, shown.downloaded, shown.busy, shown.can_pause) == ("s", 4, False, True)
        assert (record.downloaded, record.length, record.status) == (4, 10, 200)

    run(test, tmp_path)


def test_what_is_paused_there_stays_paused_until_it_is_resumed(tmp_path: Path) -> None:
    async def test(server: Server, config: EngineConfig, events: list[str]) -> None:
        with open_at_rest(tmp_path) as store:
            store.pause("s")
            with pytest.raises(NotOffered, match="it is paused"):
                store.pause("s")
        async with open_engine(config) as engine:
            assert engine.interface.shown()[0].paused
        assert len(server.log) == 1
        with open_at_rest(tmp_path) as store:
            store.resume("s")
            with pytest.raises(NotOffered, match="not paused"):
                store.resume("s")
        async with open_engine(config) as engine:
            assert await result(engine) == ("success", "")
        assert server.ranges("/a") == ["", "bytes=4-"]

    run(test, tmp_path)


def test_what_is_aborted_there_ends_with_its_event(tmp_path: Path) -> None:
    async def test(server: Server, config: EngineConfig, events: list[str]) -> None:
        with open_at_rest(tmp_path) as store:
            store.abort("s")
            with pytest.raises(NotOffered, match="it has ended"):
                store.abort("s")
        async with open_engine(config) as engine:
            while not events:
                await trio.lowlevel.checkpoint()
            assert await engine.get_ids() == []
        assert (events, len(server.log)) == (["backgroundfetchabort"], 1)

    run(test, tmp_path)


def test_what_is_forgotten_there_leaves_nothing(tmp_path: Path) -> None:
    async def test(server: Server, config: EngineConfig, events: list[str]) -> None:
        with open_at_rest(tmp_path) as store:
            store.forget("s")
            assert store.shown() == []
        async with open_engine(config) as engine:
            assert engine.interface.shown() == []
        assert events == []
        assert [p.name for p in (tmp_path / "bodies").iterdir() if p.name[:2] == "b0"] == []

    run(test, tmp_path)


def test_an_upload_cannot_be_paused(tmp_path: Path) -> None:
    async def test(server: Server, config: EngineConfig, events: list[str]) -> None:
        async with open_engine(config) as engine:
            server.on("/p", stall(TEN, 4))
            await engine.fetch("up", ["/a", Request("/p", "POST", body=b"x")])
        with open_at_rest(tmp_path) as store:
            assert not store.shown()[-1].can_pause
            with pytest.raises(NotOffered, match="not a GET"):
                store.pause("up")

    run(test, tmp_path)


def test_an_open_store_is_busy(tmp_path: Path) -> None:
    async def test(server: Server, config: EngineConfig, events: list[str]) -> None:
        async with open_engine(config):
            with pytest.raises(StoreBusy), open_at_rest(tmp_path):
                pass
        with open_at_rest(tmp_path), pytest.raises(StoreBusy):
            async with open_engine(config):
                pass

    run(test, tmp_path)


def test_no_store_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="there is no store"), open_at_rest(tmp_path / "x"):
        pass
    assert list(tmp_path.iterdir()) == []


def put(store: Path, *rows: JobRow | RecordRow) -> None:
    """A store with exactly these rows, and no body."""
    (store / "bodies").mkdir(parents=True)
    journal = SqliteJournal(store / "journal.sqlite")
    for row in rows:
        journal.put_job(row) if isinstance(row, JobRow) else journal.put_record(row)
    journal.commit()
    journal.close()


def rows(store: Path) -> Image:
    journal = SqliteJournal(store / "journal.sqlite")
    image = journal.load()
    journal.close()
    return image


ONE = JobRow(1, "s", "", (), 0, 0)
GET = RecordRow(
    1, 0, StoredRequest("http://a.test/1", "GET", (), "cors"), None, 0, "b00000001", 0, None, ""
)
POST = attrs.evolve(GET, request=attrs.evolve(GET.request, method="POST"))
ACTIONS = ("pause", "resume", "abort")


def test_of_two_with_one_id_the_newest_is_meant(tmp_path: Path) -> None:
    settled = attrs.evolve(ONE, result="success")
    newest = attrs.evolve(ONE, key=2)
    other = attrs.evolve(GET, job=2, request=attrs.evolve(GET.request, url="http://a.test/2"))
    put(tmp_path, settled, GET, newest, other)
    with open_at_rest(tmp_path) as store:
        assert [one.url for one in store.records("s")] == ["http://a.test/2"]
        store.pause("s")
    assert rows(tmp_path).jobs == (settled, attrs.evolve(newest, paused=True))


@pytest.mark.parametrize("marks", [{"result": "success"}, {"aborted": True}], ids=str)
def test_what_has_ended_can_only_be_forgotten(tmp_path: Path, marks: dict[str, object]) -> None:
    put(tmp_path, attrs.evolve(ONE, **marks), GET)  # type: ignore[arg-type] # a field each
    with open_at_rest(tmp_path) as store:
        (shown,) = store.shown()
        assert (shown.can_pause, shown.can_resume, shown.can_abort) == (False, False, False)
        assert shown.dismissible
        for action in ACTIONS:
            with pytest.raises(NotOffered, match="it has ended"):
                getattr(store, action)("s")
        store.forget("s")
    assert rows(tmp_path) == Image((), ())


def test_what_was_aborted_is_shown_so_before_its_event_has_come(tmp_path: Path) -> None:
    put(tmp_path, attrs.evolve(ONE, aborted=True), GET)
    with open_at_rest(tmp_path) as store:
        assert store.shown()[0].failure_reason == "aborted"


def test_what_waits_for_the_user_to_accept_is_not_resumed_without(tmp_path: Path) -> None:
    put(tmp_path, attrs.evolve(ONE, paused=True, awaiting=True), GET)
    with open_at_rest(tmp_path) as store:
        (shown,) = store.shown()
        assert (shown.paused, shown.awaiting, shown.can_resume) == (True, True, False)
        with pytest.raises(NotOffered, match="not paused by the user"):
            store.resume("s")


def test_an_unknown_id_is_told(tmp_path: Path) -> None:
    put(tmp_path, ONE, GET)
    with open_at_rest(tmp_path) as store:
        for action in (*ACTIONS, "forget"):
            with pytest.raises(NotOffered, match="nothing of that id"):
                getattr(store, action)("t")


# --- comparing ------------------------------------------------------------------------


def with_two(test: Callable[[Server, EngineConfig], Awaitable[None]], store: Path) -> None:
    """A store with one sealed whole body and one half."""

    async def main() -> None:
        with trio.fail_after(30):
            async with listening() as (server, origin):
                server.on("/a", whole(TEN))
                server.on("/b", stall(TEN, 4, etag='"v1"'), ranged(TEN))
                config = EngineConfig(
                    app_origin=origin, directory=store, policy=OPEN, seal_after=0.0
                )
                async with open_engine(config) as engine:
                    reg = await engine.fetch("s", ["/a", "/b"])
                    await until_downloaded(reg, 14)
                    while (await trio.to_thread.run_sync(seals, store)) != 1:
                        await trio.lowlevel.checkpoint()
                await test(server, config)

    trio.run(main)


def seals(store: Path) -> int:
    """How many seals the journal has."""
    with closing(sqlite3.connect(store / "journal.sqlite")) as db:
        rows = db.execute("SELECT data FROM record").fetchall()
    return sum(json.loads(data)["seal"] is not None for (data,) in rows)


def flip(store: Path) -> None:
    """One bit of the first body."""
    path = store / "bodies" / "b00000001"
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


def test_bodies_are_compared_with_what_was_noted(tmp_path: Path) -> None:
    async def test(server: Server, config: EngineConfig) -> None:
        with open_at_rest(tmp_path) as store:
            assert [one.state for one in store.verify()] == ["whole", "unfinished"]
            flip(tmp_path)
            assert [one.state for one in store.verify()] == ["damaged", "unfinished"]
            (tmp_path / "bodies" / "b00000002").write_bytes(b"")
            assert [one.state for one in store.verify()] == ["damaged", "damaged"]
            (tmp_path / "bodies" / "b00000001").unlink()
            assert [one.state for one in store.verify()] == ["damaged", "damaged"]

    with_two(test, tmp_path)


def test_nothing_is_fetched_again_of_what_has_failed(tmp_path: Path) -> None:
    async def test(server: Server, config: EngineConfig) -> None:
        with open_at_rest(tmp_path) as store:
            store.abort("s")
        flip(tmp_path)
        with open_at_rest(tmp_path) as store:
            damaged = store.verify()[0]
            with pytest.raises(NotOffered, match="failed"):
                store.drop(damaged)

    with_two(test, tmp_path)


def test_a_body_that_is_longer_than_what_counts_is_no_damage(tmp_path: Path) -> None:
    done = attrs.evolve(GET, length=4, result="success")
    for seal, state in ((None, "unsealed"), (zlib.crc32(TEN[:4]), "whole"), (1, "damaged")):
        store = tmp_path / state
        put(store, ONE, attrs.evolve(done, seal=seal))
        (store / "bodies" / "b00000001").write_bytes(TEN)
        with open_at_rest(store) as opened:
            assert [one.state for one in opened.verify()] == [state]


def test_nothing_of_a_dropped_body_is_believed_any_more(tmp_path: Path) -> None:
    head = StoredHead(200, (("content-length", "4"),), "http://a.test/1")
    put(tmp_path, ONE, attrs.evolve(GET, length=4, head=head, result="success", seal=1))
    with open_at_rest(tmp_path) as store:
        store.drop(store.verify()[0])
    assert rows(tmp_path).records == (GET,)


@pytest.mark.parametrize(
    ("job", "record", "why"),
    [(ONE, POST, "not sent twice"), (attrs.evolve(ONE, result="failure"), GET, "failed")],
)
def test_what_may_not_be_fetched_again_is_not_dropped(
    tmp_path: Path, job: JobRow, record: RecordRow, why: str
) -> None:
    put(tmp_path, job, attrs.evolve(record, length=4, result="success"))
    before = rows(tmp_path)
    with open_at_rest(tmp_path) as store, pytest.raises(NotOffered, match=why):
        store.drop(store.verify()[0])
    assert rows(tmp_path) == before


def test_what_was_damaged_and_dropped_is_fetched_again(tmp_path: Path) -> None:
    async def test(server: Server, config: EngineConfig) -> None:
        flip(tmp_path)
        with open_at_rest(tmp_path) as store:
            store.drop(store.verify()[0])
        read: list[tuple[int, bytes] | str] = []

        async def handler(event: BackgroundFetchEvent) -> None:
            read.extend(await read_all(event.registration))

        handlers = {"backgroundfetchsuccess": handler}
        async with open_engine(attrs.evolve(config, handlers=handlers)) as engine:
            assert await result(engine) == ("success", "")
            while len(read) < 2:
                await trio.lowlevel.checkpoint()
        assert read == [(200, TEN), (200, TEN)]
        assert server.ranges("/a") == ["", ""]

    with_two(test, tmp_path)
