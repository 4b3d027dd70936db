"""Cache storage: what is kept, what replaces what, what survives, what is refused."""

from __future__ import annotations

import errno
import gc
import os
import sqlite3
import stat
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import attrs
import pytest
import trio

from transfer_engine import (
    Cache,
    CacheStorage,
    Durability,
    EngineClosed,
    FileBodyDisk,
    LinkableBody,
    Meter,
    QueryOptions,
    ReadableBody,
    Request,
    Response,
    ScriptError,
    StoreUnusable,
)
from transfer_engine.body_disk import blame

BASE = "https://app.test/"


def with_caches(
    directory: Path, test: Callable[[CacheStorage], Awaitable[None]], meter: Meter | None = None
) -> None:
    async def main() -> None:
        caches = CacheStorage(directory, BASE, meter)
        try:
            await test(caches)
        finally:
            await caches.close()

    directory.mkdir(exist_ok=True)
    trio.run(main)


def bodies(directory: Path) -> int:
    return sum(1 for path in (directory / "bodies").iterdir() if path.name.startswith("b0"))


def test_what_is_put_is_found_after_a_restart(tmp_path: Path) -> None:
    async def put(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("hello", 201, {"X-Y": "z"}))

    async def look(caches: CacheStorage) -> None:
        assert await caches.keys() == ["v1"]
        found = await caches.match("/a")
        assert found is not None
        assert (found.status, found.headers, await found.text()) == (201, {"x-y": "z"}, "hello")
        assert [one.url for one in await (await caches.open("v1")).keys()] == [BASE + "a"]

    with_caches(tmp_path, put)
    with_caches(tmp_path, look)


def test_a_second_answer_replaces_the_first(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("old"))
        await cache.put("/a", Response.of("new"))
        assert [await one.text() for one in await cache.match_all("/a")] == ["new"]
        assert bodies(tmp_path) == 1

    with_caches(tmp_path, test)


def test_of_two_that_are_put_at_once_one_stays(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(cache.put, "/a", Response.of("x"))
        assert len(await cache.match_all("/a")) == 1
        assert bodies(tmp_path) == 1

    with_caches(tmp_path, test)


def test_answers_that_vary_are_kept_beside_each_other(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        vary = {"vary": "accept-language"}
        for language in ("en", "de"):
            asked = Request("/a", headers={"accept-language": language})
            await cache.put(asked, Response.of(language, 200, vary))
        found = await cache.match(Request("/a", headers={"accept-language": "de"}))
        assert found is not None
        assert await found.text() == "de"
        assert await cache.match("/a") is None
        ignoring = await cache.match_all("/a", QueryOptions(ignore_vary=True))
        assert [await one.text() for one in ignoring] == ["en", "de"]

    with_caches(tmp_path, test)


def test_a_query_is_compared_unless_it_is_ignored(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a?x", Response.of("1"))
        assert await cache.match("/a") is None
        assert await cache.match("/a", QueryOptions(ignore_search=True)) is not None
        assert await cache.match(Request("/a?x", method="HEAD")) is None

    with_caches(tmp_path, test)


def test_deleting_tells_whether_there_was_anything(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("1"))
        assert (await cache.delete("/a"), await cache.delete("/a")) == (True, False)
        assert (await caches.delete("v1"), await caches.delete("v1")) == (True, False)
        assert (await caches.has("v1"), bodies(tmp_path)) == (False, 0)
        with pytest.raises(ScriptError, match="the cache has been deleted"):
            await cache.put("/a", Response.of("1"))
        assert bodies(tmp_path) == 0

    with_caches(tmp_path, test)


async def half_read(cache: Cache) -> ReadableBody:
    """A body of ten bytes, ``0123456789``, of which four have been read."""
    await cache.put("/a", Response.of("0123456789"))
    found = await cache.match("/a")
    assert found is not None
    assert found.body is not None
    assert await found.body.read(4) == b"0123"
    return found.body


def test_a_body_that_is_being_read_outlives_its_entry(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        body = await half_read(cache)
        await cache.delete("/a")
        assert b"".join([chunk async for chunk in body]) == b"456789"
        del body
        gc.collect()
        await cache.put("/b", Response.of(""))
        await cache.delete("/b")
        assert bodies(tmp_path) == 0

    with_caches(tmp_path, test)


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (Request("/a", method="POST"), Response.of("")),
        ("/a", Response.of("", 206)),
        ("/a", Response.of("", 200, {"vary": "accept, *"})),
        ("ftp://h/", Response.of("")),
    ],
)
def test_what_cannot_be_cached_is_a_type_error(
    request_: str | Request, response: Response, tmp_path: Path
) -> None:
    async def test(caches: CacheStorage) -> None:
        with pytest.raises(ScriptError, match="TypeError"):
            await (await caches.open("v1")).put(request_, response)

    with_caches(tmp_path, test)


def test_a_body_can_be_put_once(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache, response = await caches.open("v1"), Response.of("x")
        await cache.put("/a", response)
        with pytest.raises(ScriptError, match="read already"):
            await cache.put("/b", response)

    with_caches(tmp_path, test)


def test_bytes_count_against_the_quota_and_come_back(tmp_path: Path) -> None:
    meter = Meter(10)

    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("1234567"))
        assert meter.available == 3
        with pytest.raises(ScriptError, match="QuotaExceededError"):
            await cache.put("/b", Response.of("1234"))
        assert (meter.available, bodies(tmp_path)) == (3, 1)
        await cache.delete("/a")
        assert meter.available == 10

    with_caches(tmp_path, test, meter)


def test_a_store_that_is_opened_again_counts_what_it_holds(tmp_path: Path) -> None:
    async def put(caches: CacheStorage) -> None:
        await (await caches.open("v1")).put("/a", Response.of("1234567"))

    async def nothing(caches: CacheStorage) -> None:
        pass

    meter = Meter(10)
    with_caches(tmp_path, put)
    with_caches(tmp_path, nothing, meter)
    assert meter.available == 3


def test_an_entry_whose_bytes_were_lost_is_gone(tmp_path: Path) -> None:
    async def put(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("1234567"))
        await cache.put("/b", Response.of("1234567"))

    async def look(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        assert [one.url for one in await cache.keys()] == [BASE + "b"]

    with_caches(tmp_path, put)
    first = min(path for path in (tmp_path / "bodies").iterdir() if path.name.startswith("b0"))
    first.write_bytes(b"123")
    with_caches(tmp_path, look)


def test_what_comes_after_a_lost_body_is_not_taken_for_it(tmp_path: Path) -> None:
    async def put(caches: CacheStorage) -> None:
        await (await caches.open("v1")).put("/a", Response.of("1234567"))

    async def again(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/b", Response.of("another"))
        found = await cache.match("/b")
        assert found is not None
        assert await found.text() == "another"

    with_caches(tmp_path, put)
    (tmp_path / "bodies" / "b00000001").unlink()
    with_caches(tmp_path, again)


def test_a_full_disk_is_told_and_the_caches_are_as_they_were(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("1234567"))
        (pages,) = caches._table._db.execute("PRAGMA page_count").fetchone()
        caches._table._db.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(ScriptError) as refusal:
            await cache.put("/b", Response.of("b", headers={"x": "y" * 99999}))
        assert refusal.value.name == "QuotaExceededError"
        assert [one.url for one in await cache.keys()] == [BASE + "a"]
        assert await cache.delete("/a")

    with_caches(tmp_path, test)


def test_a_deletion_that_fails_does_not_hold_up_the_next(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("1234567"))
        caches._table._db.set_authorizer(
            lambda action, what, *_: (
                sqlite3.SQLITE_DENY
                if (action, what) == (sqlite3.SQLITE_TRANSACTION, "COMMIT")
                else sqlite3.SQLITE_OK
            )
        )
        with pytest.raises(StoreUnusable, match=r"caches\.sqlite cannot be used: not authorized"):
            await cache.delete("/a")
        caches._table._db.set_authorizer(None)
        assert await cache.delete("/a")

    with_caches(tmp_path, test)


class Failing:
    """A body that cannot be read."""

    disturbed = False

    async def read(self, most: int = 1) -> bytes:
        raise ScriptError("TypeError", "the record failed")

    def __aiter__(self) -> Failing:
        return self

    async def __anext__(self) -> bytes:
        return await self.read()

    def close(self) -> None:
        pass

    def clone(self) -> Failing:
        return self


def test_a_body_that_fails_leaves_the_old_answer(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("old"))
        with pytest.raises(ScriptError, match="the record failed"):
            await cache.put("/a", attrs.evolve(Response.of(""), body=Failing()))
        found = await cache.match("/a")
        assert found is not None
        assert await found.text() == "old"
        assert bodies(tmp_path) == 1

    with_caches(tmp_path, test)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_damaged_body_is_an_error_and_no_byte(tmp_path: Path, damaged: bool) -> None:
    async def put(caches: CacheStorage) -> None:
        await (await caches.open("v1")).put("/a", Response.of("0123456789"))

    async def look(caches: CacheStorage) -> None:
        found = await caches.match("/a")
        assert found is not None
        if not damaged:
            assert await found.text() == "0123456789"
            return
        with pytest.raises(ScriptError, match="cached body b00000001 is damaged"):
            await found.text()
        again = await caches.match("/a")
        assert again is not None
        with pytest.raises(ScriptError, match="is damaged"):
            await (await caches.open("v2")).put("/a", again)

    with_caches(tmp_path, put)
    (body,) = (path for path in (tmp_path / "bodies").iterdir() if path.name.startswith("b0"))
    if damaged:
        body.write_bytes(b"0123456780")
    with_caches(tmp_path, look)


@pytest.mark.parametrize("left", [None, 0, 4])
def test_a_body_that_goes_while_it_is_read_is_an_error_and_no_end(
    tmp_path: Path, left: int | None
) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        body = await half_read(cache)
        (file,) = (path for path in (tmp_path / "bodies").iterdir() if path.name.startswith("b0"))
        if left is None:
            file.unlink()
        else:
            os.truncate(file, left)
        with pytest.raises(ScriptError, match="cached body b00000001") as error:
            await body.read()
        assert error.value.name == "TypeError"

    with_caches(tmp_path, test)


@pytest.mark.parametrize(
    ("code", "expected"), [(errno.EIO, "TypeError"), (errno.ENOSPC, "QuotaExceededError")]
)
@pytest.mark.parametrize("call", ["create", "append", "sync"])
def test_a_disk_that_fails_is_told_as_the_engine_tells_it_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, expected: str
) -> None:
    meter = Meter(1000)

    def fails(*args: object) -> None:
        error = OSError(code, os.strerror(code))
        raise error if call == "sync" else blame(error, 1)

    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("old"))
        with monkeypatch.context() as patch:
            patch.setattr(FileBodyDisk, call, fails)
            with pytest.raises(ScriptError) as error:
                await cache.put("/a", Response.of("newer"))
        assert error.value.name == expected
        assert (meter.responses, bodies(tmp_path)) == (3, 1)

    with_caches(tmp_path, test, meter)


def test_a_body_that_cannot_be_deleted_fails_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        await cache.put("/a", Response.of("old"))
        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", _refuse)
            await cache.put("/a", Response.of("new"))
            with pytest.raises(ScriptError, match="the record failed"):
                await cache.put("/b", attrs.evolve(Response.of(""), body=Failing()))
        assert bodies(tmp_path) == 3

    async def again(caches: CacheStorage) -> None:
        assert bodies(tmp_path) == 1

    with_caches(tmp_path, test)
    with_caches(tmp_path, again)


def _refuse(*args: object, **named: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_caches_from_before_there_were_seals_are_read(tmp_path: Path) -> None:
    async def put(caches: CacheStorage) -> None:
        await (await caches.open("v1")).put("/a", Response.of("old"))

    async def look(caches: CacheStorage) -> None:
        found = await caches.match("/a")
        assert found is not None
        assert await found.text() == "old"
        await (await caches.open("v1")).put("/b", Response.of("new"))

    with_caches(tmp_path, put)
    with closing(sqlite3.connect(tmp_path / "caches.sqlite")) as db:
        db.executescript("ALTER TABLE entry DROP COLUMN seal; PRAGMA user_version=1;")
    with_caches(tmp_path, look)


def pragma(caches: CacheStorage, name: str) -> int:
    (value,) = caches._table._db.execute(f"PRAGMA {name}").fetchone()
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize(("durability", "level"), [("kill", 0), ("power", 2)])
def test_a_file_of_caches_is_its_owners_has_no_power_and_is_as_durable_as_promised(
    tmp_path: Path, durability: Durability, level: int
) -> None:
    async def main() -> None:
        caches = CacheStorage(tmp_path, BASE, durability=durability)
        found = [pragma(caches, name) for name in ("synchronous", "trusted_schema", "foreign_keys")]
        assert found == [level, 0, 1]
        await caches.close()
        await caches.close()

    trio.run(main)
    assert stat.S_IMODE((tmp_path / "caches.sqlite").stat().st_mode) == 0o600


def test_caches_of_a_version_that_is_unknown_are_refused_and_let_go_of(tmp_path: Path) -> None:
    with_caches(tmp_path, nothing)
    with closing(sqlite3.connect(tmp_path / "caches.sqlite")) as db:
        db.execute("PRAGMA user_version=99")
    for _ in range(2):  # the folder is not kept locked
        with pytest.raises(StoreUnusable, match="schema version 99"):
            with_caches(tmp_path, nothing)


async def nothing(_: CacheStorage) -> None:
    """Open and close."""


def test_a_named_cache_is_looked_in_alone_and_names_come_in_the_order_of_their_making(
    tmp_path: Path,
) -> None:
    async def test(caches: CacheStorage) -> None:
        for name in ("v2", "v1"):
            await (await caches.open(name)).put("/a", Response.of(name))
        await (await caches.open("v1")).put("/b", Response.of("b"))
        assert await caches.keys() == ["v2", "v1"]
        found = [await caches.match("/a"), await caches.match("/a", cache_name="v1")]
        assert [await one.text() for one in found if one is not None] == ["v2", "v1"]
        assert await caches.match("/b", cache_name="v2") is None
        assert await caches.match("/a", cache_name="v3") is None
        assert await caches.keys() == ["v2", "v1"], "looking makes none"
        assert (await caches.has("v1"), await caches.has("v3")) == (True, False)

    with_caches(tmp_path, test)


def test_only_a_get_finds_what_is_kept_unless_the_method_is_ignored(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        for path in ("/a", "/b", "/c"):
            await cache.put(path, Response.of(path))
        head = Request("/b", method="HEAD")
        assert await cache.match(head) is None
        assert await cache.match(head, QueryOptions(ignore_method=True)) is not None
        assert [one.url[-2:] for one in await cache.keys()] == ["/a", "/b", "/c"]
        assert [await one.text() for one in await cache.match_all()] == ["/a", "/b", "/c"]

    with_caches(tmp_path, test)


def test_nothing_of_a_closed_storage_can_be_had(tmp_path: Path) -> None:
    kept: list[CacheStorage] = []

    async def test(caches: CacheStorage) -> None:
        kept.append(caches)
        await (await caches.open("v1")).put("/a", Response.of("a"))

    async def late() -> None:
        with pytest.raises(EngineClosed):
            await kept[0].match("/a")

    with_caches(tmp_path, test)
    trio.run(late)


def test_a_body_that_is_read_when_the_caches_close_is_gone_then(tmp_path: Path) -> None:
    held: list[ReadableBody] = []

    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        held.append(await half_read(cache))
        await cache.delete("/a")
        assert bodies(tmp_path) == 1

    with_caches(tmp_path, test)
    assert bodies(tmp_path) == 0


def test_a_failure_of_sqlite_is_told_as_one_of_the_store(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        cache = await caches.open("v1")
        caches._table._db.execute("DROP TABLE entry")
        with pytest.raises(StoreUnusable, match=r"caches\.sqlite.*no such table"):
            await cache.match("/a")

    with_caches(tmp_path, test)


def test_a_damaged_body_is_given_no_second_name(tmp_path: Path) -> None:
    async def put(caches: CacheStorage) -> None:
        await (await caches.open("v1")).put("/a", Response.of("0123"))

    async def test(caches: CacheStorage) -> None:
        (name,) = (tmp_path / "bodies").glob("b0*")
        name.write_bytes(b"0124")
        other = FileBodyDisk(tmp_path / "other")
        for _ in range(2):
            found = await caches.match("/a")
            assert found is not None
            assert isinstance(found.body, LinkableBody)
            with pytest.raises(ScriptError, match="damaged"):
                await found.body.link_to(tmp_path / "free")
            with pytest.raises(ScriptError, match="damaged"):
                await found.body.link_into(other, "b00000009")
        assert (other.lengths(), (tmp_path / "free").exists()) == ({}, False)
        other.close()

    with_caches(tmp_path, put)
    with_caches(tmp_path, test)


def test_what_varies_by_everything_among_others_is_not_kept(tmp_path: Path) -> None:
    async def test(caches: CacheStorage) -> None:
        with pytest.raises(ScriptError, match="varies by everything"):
            await (await caches.open("v1")).put("/a", Response.of("a", 200, {"Vary": "accept, *"}))

    with_caches(tmp_path, test)


def test_a_body_is_synced_before_a_row_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FileBodyDisk.sync
    rows: list[int] = []

    def sync(disk: FileBodyDisk, name: str) -> None:
        with closing(sqlite3.connect(tmp_path / "caches.sqlite")) as db:
            rows.extend(db.execute("SELECT count(*) FROM entry").fetchone())
        real(disk, name)

    async def test(caches: CacheStorage) -> None:
        monkeypatch.setattr(FileBodyDisk, "sync", sync)
        await (await caches.open("v1")).put("/a", Response.of("a"))

    with_caches(tmp_path, test)
    assert rows == [0]
