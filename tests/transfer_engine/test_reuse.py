"""Connections: which are used again, which never, and who gets the next one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from tests.transfer_engine.sockets import Far, Pairs, Talk
from transfer_engine import (
    NO_TIMEOUTS,
    OPEN,
    EngineConfig,
    Limits,
    Seams,
    SimulatedBodyDisk,
    SimulatedJournal,
    Timeouts,
    TransferError,
    resolve_to_itself,
)
from transfer_engine.messages import StoredRequest
from transfer_engine.network import Network
from transfer_engine.pool import MOST_IDLE, Idle, Turns

APP = "http://app.test"
OK = b"HTTP/1.1 200 OK\r\n"
FIVE = OK + b"Content-Length: 5\r\n\r\nhello"


@attrs.define(eq=False)
class Client:
    """Asks one after the other on one network."""

    network: Network
    pairs: Pairs

    async def ask(self, path: str = "/x", method: str = "GET") -> bytes | str:
        """The body, or the error's name."""
        request = StoredRequest(APP + path, method, (), "cors")
        body = b""
        try:
            async with self.network.answer("x", request, 0, None) as answer:
                while data := await answer.receive(65536):
                    body += data
        except TransferError as error:
            return type(error).__name__
        return body


def with_client(
    talk: Talk,
    test: Callable[[Client], Awaitable[None]],
    after: trio.Event | None = None,
    **config: Any,
) -> None:
    """``after``: what must come to pass once the engine has ended."""

    async def main() -> None:
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                pairs = Pairs(nursery, talk)
                seams = Seams(
                    journal=SimulatedJournal(),
                    disk=SimulatedBodyDisk(),
                    connect=pairs.connect,
                    resolve=resolve_to_itself,
                )
                settings: dict[str, Any] = {"policy": OPEN, "timeouts": NO_TIMEOUTS} | config
                made = EngineConfig(app_origin=APP, **settings)
                async with trio.open_nursery() as engines:
                    await test(Client(Network(made, seams, engines), pairs))
                    engines.cancel_scope.cancel()
                if after is not None:
                    await after.wait()
                nursery.cancel_scope.cancel()

    trio.run(main)


def saying(*answers: bytes) -> Talk:
    """On each connection the answers in turn, then it closes."""

    async def talk(far: Far) -> None:
        for answer in answers:
            if not await far.head():
                return
            await far.say(answer)
        await trio.sleep_forever()

    return talk


SOUND = [
    FIVE,
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    OK + b"Content-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No\r\n\r\n",
    b"HTTP/1.1 103 Hint\r\n\r\n" + FIVE,
    b"HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nhello",
]


@pytest.mark.parametrize("answer", SOUND)
def test_a_connection_whose_answer_ended_as_framed_is_used_again(answer: bytes) -> None:
    async def test(client: Client) -> None:
        first = await client.ask()
        assert first == await client.ask()
        assert client.pairs.count == 1

    with_client(saying(answer, answer), test)


ANOMALIES = [
    ("asks to close", OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello"),
    ("HTTP/1.0", b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ("bytes behind a length", FIVE + b"x"),
    ("an answer behind", FIVE + FIVE),
    ("bytes behind chunks", OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nx"),
    ("a folded line", OK + b"X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello"),
    ("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    ("one bare LF", OK + b"X: a\nContent-Length: 5\r\n\r\nhello"),
    ("204 with a body", b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello"),
    ("two framings", OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("a chunk that lies", OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX"),
    ("a folded 1xx", b"HTTP/1.1 103 Hint\r\nX: a\r\n b\r\n\r\n" + FIVE),
]


@pytest.mark.parametrize("answer", [row[1] for row in ANOMALIES], ids=[row[0] for row in ANOMALIES])
def test_after_any_anomaly_a_connection_is_not_used_again(answer: bytes) -> None:
    async def test(client: Client) -> None:
        await client.ask()
        await client.ask()
        assert client.pairs.count == 2

    with_client(saying(answer, answer), test)


def test_a_body_that_was_not_read_to_its_end_is_no_end() -> None:
    async def test(client: Client) -> None:
        request = StoredRequest(APP + "/x", "GET", (), "cors")
        async with client.network.answer("x", request, 0, None):
            pass
        await client.ask()
        assert client.pairs.count == 2

    with_client(saying(FIVE, FIVE), test)


def test_what_arrives_while_nobody_asked_ends_a_connection() -> None:
    spoken = trio.Event()

    async def talk(far: Far) -> None:
        await far.head()
        await far.say(FIVE)
        await trio.testing.wait_all_tasks_blocked()
        await far.say(FIVE)  # an answer to a question that nobody has asked yet
        spoken.set()
        await far.head()
        await far.say(FIVE)

    async def test(client: Client) -> None:
        await client.ask()
        await spoken.wait()
        assert await client.ask() == b"hello"
        assert client.pairs.count == 2

    with_client(talk, test)


def test_a_get_that_dies_on_a_used_connection_is_sent_again_once_on_a_new_one() -> None:
    async def talk(far: Far) -> None:
        await far.head()
        await far.say(FIVE)
        await far.head()  # and closes without a word

    async def test(client: Client) -> None:
        assert [await client.ask(), await client.ask()] == [b"hello", b"hello"]
        assert client.pairs.count == 2

    with_client(talk, test)


def test_a_get_that_dies_on_a_new_connection_is_not_sent_again() -> None:
    async def talk(far: Far) -> None:
        await far.head()

    async def test(client: Client) -> None:
        assert await client.ask() == "Interrupted"
        assert client.pairs.count == 1

    with_client(talk, test)


def test_a_get_that_finds_nobody_who_answers_on_a_used_connection_is_not_sent_again() -> None:
    async def talk(far: Far) -> None:
        await far.head()
        await far.say(FIVE)
        await trio.sleep_forever()

    async def test(client: Client) -> None:
        assert [await client.ask(), await client.ask()] == [b"hello", "TooSlow"]
        assert client.pairs.count == 1

    with_client(talk, test, timeouts=Timeouts(idle=0.05))


def test_a_get_that_dies_after_a_byte_of_an_answer_is_not_sent_again() -> None:
    async def talk(far: Far) -> None:
        await far.head()
        await far.say(FIVE)
        await far.head()
        await far.say(b"H")

    async def test(client: Client) -> None:
        assert [await client.ask(), await client.ask()] == [b"hello", "Interrupted"]
        assert client.pairs.count == 1

    with_client(talk, test)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_request_with_consequences_has_a_connection_of_its_own(method: str) -> None:
    async def test(client: Client) -> None:
        await client.ask()
        await client.ask(method=method)
        assert client.pairs.count == 2

    with_client(saying(FIVE, FIVE), test)


def told_of_its_end(closed: trio.Event) -> Talk:
    """A server that answers once and says when the connection is closed."""

    async def talk(far: Far) -> None:
        await far.head()
        await far.say(FIVE)
        if not await far.head():
            closed.set()

    return talk


def test_idle_connections_are_closed_when_their_time_is_up() -> None:
    closed = trio.Event()

    async def test(client: Client) -> None:
        await client.ask()
        await closed.wait()

    with_client(told_of_its_end(closed), test, limits=Limits(idle=0.01))


def test_idle_connections_are_closed_with_their_engine() -> None:
    closed = trio.Event()

    async def test(client: Client) -> None:
        await client.ask()

    with_client(told_of_its_end(closed), test, after=closed)


class Still:
    """A link on which nothing happens."""

    direct = True

    def __init__(self) -> None:
        self.closed = False

    async def send(self, data: bytes | memoryview) -> None:
        """See Link."""

    async def receive(self, most: int) -> bytes:
        """See Link."""
        return b""

    def quiet(self) -> bool:
        """See Link."""
        return not self.closed

    async def close(self) -> None:
        """See Link."""
        self.closed = True


def test_an_idle_connection_is_not_used_once_its_time_is_up() -> None:
    async def main() -> None:
        idle, link = Idle(keep=10), Still()
        await idle.give("o", link)
        await trio.sleep(9)
        assert await idle.take("o") is link
        await idle.give("o", link)
        await trio.sleep(10)
        assert (await idle.take("o"), link.closed) == (None, True)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_connection_that_cannot_be_looked_at_is_closed_at_once() -> None:
    async def main() -> None:
        idle, link = Idle(keep=10), Still()
        link.direct = False
        await idle.give("o", link)
        assert (link.closed, await idle.take("o")) == (True, None)

    trio.run(main)


def test_no_more_than_so_many_connections_are_kept() -> None:
    async def main() -> None:
        idle, links = Idle(keep=10), [Still() for _ in range(MOST_IDLE + 2)]
        for link in links[:-1]:
            await idle.give("o", link)
        assert [link.closed for link in links] == [False] * MOST_IDLE + [True, False]
        await idle.take("o")
        await idle.give("o", links[-1])
        assert not links[-1].closed

    trio.run(main)


def test_an_exchange_that_fails_gives_its_turn_back() -> None:
    async def talk(far: Far) -> None:
        await far.head()

    async def test(client: Client) -> None:
        assert [await client.ask() for _ in range(3)] == ["Interrupted"] * 3

    with_client(talk, test, limits=Limits(per_origin=2, total=2))


def test_it_is_sent_again_once_however_many_used_connections_have_died() -> None:
    asked: list[int] = []
    both = trio.Event()

    async def talk(far: Far) -> None:
        await far.head()
        asked.append(far.number)
        if len(asked) == 2:
            both.set()
        await both.wait()
        await far.say(FIVE)
        await far.head()
        asked.append(far.number)  # and closes without a word

    async def test(client: Client) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.ask)
            nursery.start_soon(client.ask)
        assert await client.ask() == b"hello"
        assert len(asked) == 4
        assert asked[3] == 3

    with_client(talk, test)


def test_a_limit_must_let_something_through() -> None:
    with pytest.raises(ValueError, match="no network at all"):
        Limits(per_origin=0)


def test_turns_go_round_the_jobs_and_pass_over_full_origins() -> None:
    async def main() -> None:
        turns = Turns(Limits(per_origin=1, total=2))
        order: list[str] = []

        async def work(who: str, origin: str) -> None:
            await turns.take(who, origin)
            order.append(f"{who}@{origin}")
            await trio.testing.wait_all_tasks_blocked()
            turns.give_back(origin)

        async with trio.open_nursery() as nursery:
            await turns.take("blocker", "a")
            await turns.take("blocker", "b")
            for who, origin in [("1", "a"), ("1", "a"), ("1", "a"), ("2", "a"), ("3", "b")]:
                nursery.start_soon(work, who, origin)
                await trio.testing.wait_all_tasks_blocked()
            turns.give_back("b")  # job 1 waits for longer, but for an origin that is full
            await trio.testing.wait_all_tasks_blocked()
            assert order == ["3@b"]
            turns.give_back("a")
        assert order == ["3@b", "1@a", "2@a", "1@a", "1@a"]

    trio.run(main)


def test_who_is_cancelled_while_waiting_takes_no_turn() -> None:
    async def main() -> None:
        turns = Turns(Limits(per_origin=1, total=None))
        await turns.take("x", "a")
        with trio.move_on_after(0):
            await turns.take("y", "a")
        turns.give_back("a")
        with trio.fail_after(1):
            await turns.take("z", "a")

    trio.run(main)
