"""Who waits for a socket is woken when its time is up, and only then."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable

import pytest
import trio
import trio.testing

from transfer_engine.config import Timeouts
from transfer_engine.connection import Connection, Watch
from transfer_engine.errors import TooSlow
from transfer_engine.link import SocketLink
from transfer_engine.wire import Chunk


def with_sockets(
    test: Callable[[Watch, SocketLink, socket.socket], Awaitable[None]],
) -> None:
    """Run it with a watch, a link and the server's end of that; seconds are the clock's."""

    async def main() -> None:
        ours, theirs = socket.socketpair()
        async with trio.open_nursery() as nursery:
            watch = Watch()
            nursery.start_soon(watch.run)
            with theirs:
                stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
                await test(watch, SocketLink(stream), theirs)
                await stream.aclose()
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.01))


def test_a_wait_is_over_at_its_time() -> None:
    async def test(watch: Watch, link: SocketLink, _: socket.socket) -> None:
        assert not await watch.readable(link, trio.current_time() + 7)
        assert 7 <= trio.current_time() < 8

    with_sockets(test)


def test_a_short_wait_is_not_kept_up_by_a_long_one_that_began_before() -> None:
    async def test(watch: Watch, link: SocketLink, _: socket.socket) -> None:
        over: list[tuple[bool, float]] = []

        async def wait(stream: SocketLink, seconds: float) -> None:
            over.append((await watch.readable(stream, trio.current_time() + seconds), seconds))

        ours, theirs = socket.socketpair()
        other = SocketLink(trio.SocketStream(trio.socket.from_stdlib_socket(ours)))
        with theirs:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait, link, 100)
                await trio.testing.wait_all_tasks_blocked()
                nursery.start_soon(wait, other, 5)
                await trio.sleep(6)
                assert over == [(False, 5)]
                await trio.sleep(100)
            await other.close()
        assert over == [(False, 5), (False, 100)]

    with_sockets(test)


def test_what_comes_in_time_ends_the_wait_and_the_watch_forgets_it() -> None:
    async def test(watch: Watch, link: SocketLink, theirs: socket.socket) -> None:
        theirs.send(b"x")
        assert await watch.readable(link, trio.current_time() + 5)
        assert link.receive_now(9) == b"x"
        await trio.sleep(6)
        theirs.send(b"y")
        assert await watch.readable(link, trio.current_time() + 5)

    with_sockets(test)


def test_a_connection_that_is_closed_meanwhile_is_not_called_slow() -> None:
    async def test(watch: Watch, link: SocketLink, _: socket.socket) -> None:
        async def wait() -> None:
            try:
                await watch.readable(link, trio.current_time() + 5)
            except trio.ClosedResourceError:
                seen.append("closed")

        seen: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            await link.close()
        assert seen == ["closed"]

    with_sockets(test)


def test_who_has_got_the_number_of_a_closed_socket_is_left_alone() -> None:
    async def test(watch: Watch, link: SocketLink, theirs: socket.socket) -> None:
        ours, far = socket.socketpair()
        closed = SocketLink(trio.SocketStream(trio.socket.from_stdlib_socket(ours)))
        over: dict[str, bool] = {}

        async def wait(name: str, stream: SocketLink, seconds: float) -> None:
            over[name] = await watch.readable(stream, trio.current_time() + seconds)

        with far:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait, "closed", closed, 5)
                nursery.start_soon(wait, "open", link, 9)
                await trio.testing.wait_all_tasks_blocked()
                number, closed.fd = closed.fd, -1
                far_number, link.fd = link.fd, number  # the system gives it to the next
                await trio.sleep(6)
                assert over == {}
                link.fd = far_number
                far.send(b"x")
                theirs.send(b"x")
            await closed.close()
        assert over == {"closed": True, "open": True}

    with_sockets(test)


def test_each_limit_that_is_broken_has_its_name() -> None:
    async def test(watch: Watch, link: SocketLink, theirs: socket.socket) -> None:
        told: list[str] = []
        for limits in (Timeouts(head=3, idle=5), Timeouts(head=5, idle=3)):
            ours, far = socket.socketpair()
            with far:
                stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
                connection = Connection(SocketLink(stream), watch, limits, 9)
                try:
                    await connection.head()
                except TooSlow as error:
                    told.append(error.why)
                await stream.aclose()
        assert told == ["no answer within 3 s", "nothing was received for 3 s"]

    with_sockets(test)


def test_who_sends_too_little_in_a_window_is_too_slow_however_often() -> None:
    async def test(watch: Watch, link: SocketLink, theirs: socket.socket) -> None:
        limits = Timeouts(head=None, idle=5, window=10, least=10)
        connection = Connection(link, watch, limits, 99)
        theirs.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        await connection.head()
        begun = trio.current_time()

        async def trickle() -> None:
            while True:
                theirs.send(b"xx")
                await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(trickle)
            try:
                while True:
                    await connection.next()
            except TooSlow as error:
                assert error.why == "less than 10 bytes a second for 10 s"
            nursery.cancel_scope.cancel()
        assert 10 <= trio.current_time() - begun < 13

    with_sockets(test)


def test_what_a_thread_took_past_the_connection_is_looked_at_too() -> None:
    async def test(watch: Watch, link: SocketLink, theirs: socket.socket) -> None:
        limits = Timeouts(head=None, idle=None, window=10, least=10)
        connection = Connection(link, watch, limits, 99)
        theirs.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        await connection.head()
        connection.took(100)  # the window begins
        await trio.sleep(10)
        connection.took(100)  # enough, and the next one
        await trio.sleep(10)
        with pytest.raises(TooSlow):
            connection.took(99)

    with_sockets(test)


def test_a_body_is_not_blamed_for_the_time_that_its_head_took() -> None:
    async def test(watch: Watch, link: SocketLink, theirs: socket.socket) -> None:
        limits = Timeouts(head=None, idle=None, window=10, least=1000)
        connection = Connection(link, watch, limits, 99)

        async def answer() -> None:
            await trio.sleep(9)
            theirs.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            await trio.sleep(2)
            theirs.send(b"ab")
            await trio.sleep(2)
            theirs.send(b"cd")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            await connection.head()
            assert [await connection.next() for _ in "12"] == [Chunk(b"ab"), Chunk(b"cd")]

    with_sockets(test)
