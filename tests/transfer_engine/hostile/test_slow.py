"""Slow peers: each has its time limit, and a slow server holds up nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import trio

from tests.transfer_engine.hostile.world import APP, OK, Peer, meet, run
from tests.transfer_engine.server import Asked
from tests.transfer_engine.world import App, finished, simulate, until_downloaded
from transfer_engine import (
    OPEN,
    EngineConfig,
    Limits,
    Timeouts,
    open_engine,
    simulated_seams,
)

LIMITS = Timeouts(connect=3, head=7, idle=5, window=20, least=10)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (b"", 5),
        (b"HTTP/1.1 200 OK\r\n", 5),
        (OK + b"Content-Length: 5\r\n\r\n", 5),
        (OK + b"Content-Length: 5\r\n\r\nhel", 5),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", 5),
    ],
    ids=["says nothing", "half a head", "no body", "half a body", "half a chunk"],
)
def test_a_peer_that_falls_silent_is_given_up(said: bytes, seconds: float) -> None:
    met = meet(said, stays=True, timeouts=LIMITS)
    assert (met.reason, met.seconds) == ("fetch-error", seconds)


def test_a_connection_that_does_not_come_about_is_given_up() -> None:
    async def main() -> None:
        async def connect(host: str, port: int) -> trio.abc.Stream:
            await trio.sleep_forever()
            raise AssertionError("never")

        config = EngineConfig(app_origin=APP, policy=OPEN, timeouts=LIMITS)
        async with open_engine(config, simulated_seams(connect)) as engine:
            registration = await engine.fetch("x", "/x")
            assert await finished(registration) == ("failure", "fetch-error")
            assert trio.current_time() == 3

    run(main)


class Trickle(trio.abc.Stream):
    """An answer, one byte every ``pause`` seconds."""

    def __init__(self, answer: Iterator[int], pause: float) -> None:
        self.answer, self.pause = answer, pause

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.sleep(self.pause)
        return bytes([next(self.answer)])

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("answer", "pause", "latest"),
    [
        (OK + b"Content-Length: 9999\r\n\r\n" + b"x" * 9999, 1.0, 7),
        (OK + b"Content-Length: 9999\r\n\r\n" + b"x" * 9999, 0.15, 7 + 21),
    ],
    ids=["the head trickles", "the body trickles"],
)
def test_a_trickle_is_given_up_however_regular_it_is(
    answer: bytes, pause: float, latest: float
) -> None:
    async def main() -> None:
        async def connect(host: str, port: int) -> trio.abc.Stream:
            await trio.lowlevel.checkpoint()
            return Trickle(iter(answer), pause)

        config = EngineConfig(app_origin=APP, policy=OPEN, timeouts=LIMITS)
        async with open_engine(config, simulated_seams(connect)) as engine:
            registration = await engine.fetch("x", "/x")
            assert await finished(registration) == ("failure", "fetch-error")
            assert trio.current_time() <= latest

    run(main)


def test_the_limit_of_a_head_is_none_of_its_body() -> None:
    async def test(app: App) -> None:
        async def slowly(asked: Asked) -> None:
            await asked.head(200, content_length="4")
            for _ in range(4):
                await trio.sleep(4)
                await asked.raw(b"x")

        app.server.on("/a", slowly)
        limits = Timeouts(head=7, idle=5, window=None)
        async with app.open(timeouts=limits) as engine:
            assert await finished(await engine.fetch("s", "/a")) == ("success", "")

    simulate(test)


def test_a_slow_origin_holds_up_neither_its_own_job_nor_another() -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            slow = Peer(nursery, [b""], stays=True)
            fast = Peer(
                nursery,
                [OK + b"Access-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\nok"],
            )

            async def connect(host: str, port: int) -> trio.abc.Stream:
                return await (slow if host == "slow.test" else fast).connect(host, port)

            config = EngineConfig(app_origin=APP, policy=OPEN, limits=Limits(per_origin=2, total=4))
            async with open_engine(config, simulated_seams(connect)) as engine:
                mixed = [f"http://slow.test/{n}" for n in range(20)]
                mixed += [f"http://fast.test/{n}" for n in range(5)]
                one = await engine.fetch("one", mixed)
                two = await engine.fetch("two", [f"/{n}" for n in range(5)])
                assert await finished(two) == ("success", "")
                await until_downloaded(one, 10)
                assert trio.current_time() < 2
                assert len(slow.hosts) == 2
            nursery.cancel_scope.cancel()

    run(main)
