"""Memory streams behave like loopback TCP where clients can tell."""

from __future__ import annotations

from typing import Literal

import pytest
import trio
import trio.testing

from conformance.scenario.format import World
from conformance.world.network import LoopbackNetwork, MemoryNetwork, memory_pair, open_network
from tests.conformance.world.serving import run, serving


def test_what_was_written_can_be_read_at_once() -> None:
    async def main() -> None:
        left, right = memory_pair()
        await left.send_all(b"hello")
        assert await right.receive_some(2) == b"he"
        assert await right.receive_some() == b"llo"

    run(main)


def test_after_a_reset_the_bytes_are_readable_and_then_both_directions_fail() -> None:
    async def main() -> None:
        left, right = memory_pair()
        await left.send_all(b"hello")
        left.reset()
        assert await right.receive_some() == b"hello"
        with pytest.raises(trio.BrokenResourceError):
            await right.receive_some()
        with pytest.raises(trio.BrokenResourceError):
            await right.send_all(b"x")
        with pytest.raises(trio.ClosedResourceError):
            await left.receive_some()

    run(main)


def test_a_close_is_an_end_for_the_reader_and_an_error_for_the_writer() -> None:
    async def main() -> None:
        left, right = memory_pair()
        await left.aclose()
        assert await right.receive_some() == b""
        with pytest.raises(trio.BrokenResourceError):
            await right.send_all(b"x")

    run(main)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_reader_that_waits_is_woken_by_its_own_end_closing(how: str) -> None:
    async def main() -> None:
        left, _right = memory_pair()
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await left.receive_some()

            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            if how == "close":
                await left.aclose()
            else:
                left.reset()

    run(main)


def test_half_a_close_leaves_the_other_direction_open() -> None:
    async def main() -> None:
        left, right = memory_pair()
        await left.send_eof()
        assert await right.receive_some() == b""
        await right.send_all(b"still here")
        assert await left.receive_some() == b"still here"
        with pytest.raises(trio.ClosedResourceError):
            await left.send_all(b"x")

    run(main)


@pytest.mark.parametrize(("host", "port"), [("b.test", 80), ("app", 80), ("app.test", 81)])
def test_unknown_hosts_refuse(host: str, port: int) -> None:
    async def main() -> None:
        network = MemoryNetwork(("app",))

        async def serve(origin: str, stream: trio.abc.Stream) -> None:
            await stream.aclose()

        async with trio.open_nursery() as nursery:
            await nursery.start(network.serve, serve)
            await (await network.connect("app.test", 80)).aclose()
            with pytest.raises(ConnectionRefusedError):
                await network.connect(host, port)
            nursery.cancel_scope.cancel()
        with pytest.raises(ConnectionRefusedError):
            await network.connect("app.test", 80)

    run(main)


def test_loopback_origins_are_localhost_with_a_port_each() -> None:
    async def main() -> None:
        async with serving(World(origins=["cdn"]), "loopback") as it:
            origins = it.network.origins
            assert list(origins) == ["app", "cdn"]
            assert all(url.startswith("http://localhost:") for url in origins.values())
            assert len(set(origins.values())) == 2

    run(main, "loopback")


@pytest.mark.parametrize(("kind", "made"), [("none", MemoryNetwork), ("loopback", LoopbackNetwork)])
def test_who_needs_no_network_gets_names_and_no_sockets(
    kind: Literal["none", "loopback"], made: type
) -> None:
    async def main() -> None:
        network = await open_network(kind, ["app"])
        assert isinstance(network, made)
        if isinstance(network, LoopbackNetwork):
            for listener in network._listeners.values():
                await listener.aclose()

    run(main, "loopback")
