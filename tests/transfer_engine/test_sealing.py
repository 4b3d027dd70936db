"""Bodies at rest have checksums; a damaged one is told, and none of its bytes is given."""

from __future__ import annotations

import errno
import zlib

import pytest
import trio
import trio.testing

from tests.transfer_engine.server import stall, whole
from tests.transfer_engine.world import App, read_all, simulate
from transfer_engine import BackgroundFetchEvent, Engine, Registration, ScriptError

BODY = bytes(range(256)) * 40


def seals(app: App) -> list[int | None]:
    return [row.seal for row in app.journal.load().records]


async def begin(app: App, engine: Engine) -> Registration:
    """Two records: one whole, one that never ends."""
    app.server.on("/a", whole(BODY))
    app.server.on("/b", stall(BODY, 4))
    reg = await engine.fetch("s", ["/a", "/b"])
    await trio.testing.wait_all_tasks_blocked()
    return reg


def test_what_is_whole_and_stays_is_sealed_after_a_while() -> None:
    async def test(app: App) -> None:
        async with app.open() as engine:
            await begin(app, engine)
            await trio.sleep(9.9)
            assert seals(app) == [None, None]
            await trio.sleep(0.2)
            assert seals(app) == [zlib.crc32(BODY), None]

    simulate(test)


def test_what_leaves_soon_is_never_summed() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", whole(BODY))
        reads: list[str] = []

        def watched(name: str, offset: int, most: int) -> bytes:
            reads.append(name)
            return b""

        app.disk.read = watched  # type: ignore[method-assign] # to see that nobody calls it
        async with app.open() as engine:
            await engine.fetch("s", "/a")
            await app.seen("success")
            await trio.sleep(20)
        assert reads == []

    simulate(test)


def test_sealing_can_be_left_out() -> None:
    async def test(app: App) -> None:
        async with app.open(seal_after=None) as engine:
            await begin(app, engine)
            await trio.sleep(20)
        assert seals(app) == [None, None]

    simulate(test)


def test_what_was_whole_before_a_restart_is_sealed_after_it() -> None:
    async def test(app: App) -> None:
        async with app.open() as engine:
            await begin(app, engine)
        assert seals(app) == [None, None]
        async with app.open():
            await trio.sleep(11)
        assert seals(app) == [zlib.crc32(BODY), None]

    simulate(test)


def test_a_body_that_cannot_be_read_keeps_no_other_from_its_seal() -> None:
    async def test(app: App) -> None:
        for path in ("/a", "/c", "/d"):
            app.server.on(path, whole(BODY))
        app.server.on("/b", stall(BODY, 4))
        plain = app.disk.read

        def fails(name: str, offset: int, most: int) -> bytes:
            if name == "b00000002":
                raise OSError(errno.EIO, "planted")
            return plain(name, offset, most)

        app.disk.read = fails  # type: ignore[method-assign] # to plant an error
        async with app.open() as engine:
            await engine.fetch("s", ["/a", "/c", "/d", "/b"])
            await trio.sleep(11)
            sum_of_it = zlib.crc32(BODY)
            assert seals(app) == [sum_of_it, None, sum_of_it, None]

    simulate(test)


def damage(app: App) -> None:
    """One bit of the first body."""
    name = app.journal.load().records[0].body
    app.disk._bodies[name][5000] ^= 1


@pytest.mark.parametrize("damaged", [False, True])
def test_a_damaged_body_is_an_error_and_no_byte(damaged: bool) -> None:
    found: list[object] = []

    async def test(app: App) -> None:
        async with app.open() as engine:
            await begin(app, engine)
            await trio.sleep(11)
        if damaged:
            damage(app)

        async def read(event: BackgroundFetchEvent) -> None:
            found.extend(await read_all(event.registration))

        app.then["success"] = read
        app.server.on("/b", whole(b"b"))
        async with app.open():
            await app.seen("success")
            await trio.testing.wait_all_tasks_blocked()

    simulate(test)
    assert found == ["TypeError" if damaged else (200, BODY), (200, b"b")]


def test_the_error_of_a_damaged_body_names_the_file() -> None:
    async def test(app: App) -> None:
        async with app.open() as engine:
            await begin(app, engine)
            await trio.sleep(11)
        damage(app)
        async with app.open() as engine:
            reg = await engine.get("s")
            assert reg is not None
            body = (await (await reg.match_all())[0].response_ready()).body
            assert body is not None
            with pytest.raises(ScriptError, match="stored body b00000001 is damaged"):
                await body.read(1)
            assert await body.read(1) == b""

    simulate(test)


def test_an_intact_body_is_summed_once_after_a_restart() -> None:
    async def test(app: App) -> None:
        async with app.open() as engine:
            await begin(app, engine)
            await trio.sleep(11)
        async with app.open(seal_after=None) as engine:
            reg = await engine.get("s")
            assert reg is not None
            record = (await reg.match_all())[0]
            read: list[tuple[int, int]] = []
            plain = app.disk.read

            def watched(name: str, offset: int, most: int) -> bytes:
                read.append((offset, most))
                return plain(name, offset, most)

            app.disk.read = watched  # type: ignore[method-assign] # to see what is read
            body = (await record.response_ready()).body
            assert body is not None
            assert [await body.read(4) for _ in range(2)] == [BODY[:4], BODY[4:8]]
            assert read == [(0, len(BODY)), (0, 4), (4, 4)]

    simulate(test)
