"""A peer that says exactly these bytes, and what the engine makes of it.

``meet`` runs a whole engine: its outcome is what a page sees.  ``hear`` runs only the
network, over the same memory streams: fast enough to cut an answer at each of its bytes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import attrs
import trio
import trio.testing

from tests.transfer_engine.world import finished, read_all
from transfer_engine import (
    NO_TIMEOUTS,
    OPEN,
    BackgroundFetchEvent,
    EngineConfig,
    Request,
    ScriptError,
    TransferError,
    open_engine,
    simulated_seams,
)
from transfer_engine.messages import StoredRequest
from transfer_engine.network import Network

APP = "http://app.test"
OK = b"HTTP/1.1 200 OK\r\n"
REASONS = {"", "bad-status", "fetch-error", "quota-exceeded", "download-total-exceeded"}
MOST_HELD = 2 << 20
"""Bytes of one answer that may be in memory: chunk size, head limit and some slack."""

Pieces = bytes | Iterable[bytes]


@attrs.define(eq=False)
class Peer:
    """Answers the nth connection with the nth answer, then closes; the last one repeats.

    ``stays``: does not close.  ``asked``: the heads of all requests, ``hosts`` where each
    connection went.
    """

    nursery: trio.Nursery
    answers: Sequence[Pieces]
    stays: bool = False
    asked: list[bytes] = attrs.field(factory=list)
    hosts: list[tuple[str, int]] = attrs.field(factory=list)
    written: int = 0

    async def connect(self, host: str, port: int, /) -> trio.abc.Stream:
        """See Connect."""
        await trio.lowlevel.checkpoint()
        near, far = trio.testing.memory_stream_pair()
        self.hosts.append((host, port))
        turn = min(len(self.hosts), len(self.answers)) - 1
        self.nursery.start_soon(self._serve, far, self.answers[turn])
        return near

    async def _serve(self, stream: trio.abc.Stream, answer: Pieces) -> None:
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                data = await stream.receive_some(65536)
                if not data:
                    return
                head += bytes(data)
            self.asked.append(head)
            for piece in [answer] if isinstance(answer, bytes) else answer:
                await stream.send_all(piece)
                self.written += len(piece)
            if self.stays:
                await trio.sleep_forever()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the engine has heard enough
        finally:
            await trio.aclose_forcefully(stream)


@attrs.frozen
class Met:
    """What came of it: the reason ("" for success), each record as read, what was asked."""

    reason: str
    records: list[tuple[int, bytes] | str]
    asked: list[bytes]
    hosts: list[tuple[str, int]]
    written: int
    seconds: float


def run(test: Callable[[], Awaitable[None]]) -> None:
    """In virtual time; what hangs fails."""

    async def main() -> None:
        with trio.fail_after(100_000):
            await test()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def meet(
    *answers: Pieces,
    request: str | Request = "/x",
    stays: bool = False,
    **config: Any,  # any field of EngineConfig
) -> Met:
    """Fetch one request from a peer that answers so.  Raises ScriptError when it is refused."""
    met: list[Met] = []
    refused: list[ScriptError] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            peer = Peer(nursery, answers, stays)
            records: list[tuple[int, bytes] | str] = []

            async def handler(event: BackgroundFetchEvent) -> None:
                records.extend(await read_all(event.registration))

            names = ("success", "fail", "abort")
            settings: dict[str, Any] = {"app_origin": APP, "policy": OPEN, "timeouts": NO_TIMEOUTS}
            made = EngineConfig(
                handlers={f"backgroundfetch{name}": handler for name in names},
                **settings | config,
            )
            start = trio.current_time()
            async with open_engine(made, simulated_seams(peer.connect)) as engine:
                try:
                    registration = await engine.fetch("x", request)
                except ScriptError as error:
                    refused.append(error)
                    nursery.cancel_scope.cancel()
                    return
                _, reason = await finished(registration)
                seconds = trio.current_time() - start
                await trio.testing.wait_all_tasks_blocked()
            met.append(Met(reason, records, peer.asked, peer.hosts, peer.written, seconds))
            nursery.cancel_scope.cancel()

    run(main)
    if refused:
        raise refused[0]
    assert met[0].reason in REASONS
    return met[0]


Heard = tuple[int, bytes, str]
"""Status (0 for no head), body so far, "end" or the error's name."""


async def hear(pieces: Pieces, *, method: str = "GET", most: int = 65536) -> Heard:
    """What the network makes of one answer."""
    async with trio.open_nursery() as nursery:
        peer = Peer(nursery, [pieces])
        config = EngineConfig(app_origin=APP, policy=OPEN, timeouts=NO_TIMEOUTS, chunk_size=most)
        network = Network(config, simulated_seams(peer.connect), nursery)
        status, body = 0, b""
        try:
            request = StoredRequest(f"{APP}/x", method, (), "cors")
            async with network.answer("x", request, 0, None) as answer:
                status = answer.head.status
                while data := await answer.receive(most):
                    assert len(data) <= most
                    body += data
            heard = (status, body, "end")
        except TransferError as error:
            heard = (status, body, type(error).__name__)
        nursery.cancel_scope.cancel()
    return heard


def cuts(answer: bytes) -> Iterable[list[bytes]]:
    """The answer in two pieces, cut at each of its N+1 places."""
    for at in range(len(answer) + 1):
        yield [piece for piece in (answer[:at], answer[at:]) if piece]
