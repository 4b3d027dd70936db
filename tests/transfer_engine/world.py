"""An application in simulation: a server, seams that survive, a log of what was seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from tests.transfer_engine.server import Server
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    Engine,
    EngineConfig,
    Registration,
    ScriptError,
    SimulatedBodyDisk,
    SimulatedJournal,
    open_engine,
    simulated_seams,
)

APP = "http://app.test"
NAMES = ("success", "fail", "abort", "click")

Then = Callable[[BackgroundFetchEvent], Awaitable[None]]


@attrs.define(eq=False)
class App:
    """``events``: names as dispatched.  ``then``: what a handler does; by name."""

    server: Server
    journal: SimulatedJournal = attrs.field(factory=SimulatedJournal)
    disk: SimulatedBodyDisk = attrs.field(factory=SimulatedBodyDisk)
    events: list[str] = attrs.field(factory=list)
    then: dict[str, Then] = attrs.field(factory=dict)
    _news: trio.Event = attrs.field(factory=trio.Event)

    async def _handle(self, event: BackgroundFetchEvent) -> None:
        name = event.type.removeprefix("backgroundfetch")
        self.events.append(name)
        self._news.set()
        self._news = trio.Event()
        if name in self.then:
            await self.then[name](event)

    async def seen(self, *names: str) -> None:
        """Until exactly these events have been dispatched, in this order."""
        while len(self.events) < len(names):
            await self._news.wait()
        assert self.events == list(names)

    @asynccontextmanager
    async def open(self, **config: Any) -> AsyncIterator[Engine]:  # any field of EngineConfig
        """An engine on this application's store."""
        config.setdefault("handlers", {f"backgroundfetch{n}": self._handle for n in NAMES})
        config.setdefault("checkpoint_interval", 0.0)
        config.setdefault("policy", OPEN)
        config.setdefault("app_origin", APP)
        seams = simulated_seams(self.server.connect, self.journal, self.disk)
        async with open_engine(EngineConfig(**config), seams) as engine:
            yield engine

    def crash(self) -> None:
        """What a kill does to the store; after the engine's block has ended."""
        self.journal.crash()
        self.disk.crash()


async def finished(registration: Registration) -> tuple[str, str]:
    """Wait for the last progress callback; (result, failure reason)."""
    done = trio.Event()

    def look(shown: Registration) -> None:
        if shown.result:
            done.set()

    remove = registration.on_progress(look)
    if not registration.result:
        await done.wait()
    remove()
    return registration.result, registration.failure_reason


async def until_downloaded(registration: Registration, length: int) -> None:
    """Wait until the registration shows so many bytes."""
    enough = trio.Event()

    def look(shown: Registration) -> None:
        if shown.downloaded >= length:
            enough.set()

    remove = registration.on_progress(look)
    look(registration)
    await enough.wait()
    remove()


async def read_all(registration: Registration) -> list[tuple[int, bytes] | str]:
    """Each record's status and body, or the name of the error it gave."""
    out: list[tuple[int, bytes] | str] = []
    for record in await registration.match_all():
        try:
            response = await record.response_ready()
            body = b"" if response.body is None else b"".join([c async for c in response.body])
            out.append((response.status, body))
        except ScriptError as error:
            out.append(error.name)
    return out


def simulate(test: Callable[[App], Awaitable[None]], seconds: float = 3600.0) -> None:
    """Run a test in virtual time; a test that hangs fails."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            with trio.fail_after(seconds):
                await test(App(Server(nursery)))
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
