"""A judge's desk for tests of the engine's adapters: send commands, wait for observations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import attrs
import msgspec
import trio
import trio.testing

import conformance.protocol as p
from conformance.adapter import Adapter, AdapterFactory, Surroundings
from conformance.scenario.format import World
from conformance.world.network import open_network
from conformance.world.scripted import ScriptedWorld
from conformance.world.server import ScriptedServer

S = TypeVar("S", bound=p.Observation)

EVENTS = [f"backgroundfetch{name}" for name in ("success", "fail", "abort", "click")]
PATIENCE = 30.0  # seconds, virtual ones in simulation


@attrs.define(eq=False)
class Desk:
    """One open adapter in front of one scripted world."""

    adapter: Adapter
    world: ScriptedWorld
    seen: list[p.AnyObservation]
    _changed: list[trio.Event]
    _seq: int = 0
    _calls: int = 0

    async def do(self, command: p.AnyCommand) -> p.Answer:
        """Send a command; it gets the next number."""
        self._seq += 1
        answer = await self.adapter.send(msgspec.structs.replace(command, seq=self._seq))
        assert answer.seq == self._seq
        return answer

    async def begin(self, **given: object) -> None:
        """Begin a scenario that listens to every event of the engine."""
        begin = p.Begin(scenario="test", origins=self.world.origins, listen=EVENTS)
        await self.do(msgspec.structs.replace(begin, **given))

    async def call(self, command: p.AnyCommand) -> p.Settled:
        """Make a call and wait until it has settled."""
        self._calls += 1
        name = f"c{self._calls}"
        await self.do(msgspec.structs.replace(command, call=name))
        return await self.until(p.Settled, lambda settled: settled.call == name)

    async def fetch(self, *paths: str, id: str = "f", realm: str = "p1") -> str:
        """Start a background fetch of resources of ``app``; the name of its instance."""
        requests = [p.RequestInit(self.url(path)) for path in paths]
        settled = await self.call(p.Fetch(call="", realm=realm, id=id, requests=requests))
        assert settled.instance is not None, settled
        return settled.instance

    async def records(self, instance: str) -> list[str]:
        """The names of new record objects of all records."""
        settled = await self.call(p.MatchAll(call="", instance=instance))
        assert settled.records is not None, settled
        return [one.record for one in settled.records]

    async def event(self, name: str) -> p.WorkerEvent:
        """Wait for a worker event."""
        return await self.until(p.WorkerEvent, lambda event: event.name == name)

    async def until(self, kind: type[S], met: Callable[[S], bool] = lambda seen: True) -> S:
        """Wait for an observation; the first one that is as wanted."""
        with trio.fail_after(PATIENCE):
            while True:
                for one in self.seen:
                    if isinstance(one, kind) and met(one):
                        return one
                await self._changed[0].wait()

    def all(self, kind: type[S]) -> list[S]:
        """All observations of one kind so far."""
        return [one for one in self.seen if isinstance(one, kind)]

    def url(self, path: str) -> str:
        """The URL of a resource of ``app``."""
        return self.world.origins["app"] + path


@asynccontextmanager
async def desk(
    factory: AdapterFactory, world: World, *, kills: bool = False
) -> AsyncIterator[Desk]:
    """Open a world and an adapter on it."""
    seen: list[p.AnyObservation] = []
    changed = [trio.Event()]

    def sink(observation: p.AnyObservation) -> None:
        seen.append(observation)
        changed[0].set()
        changed[0] = trio.Event()

    network = await open_network(factory.network, ["app"])
    scripted = ScriptedWorld(world, network.origins, lambda entry: None)
    async with trio.open_nursery() as nursery:
        await nursery.start(network.serve, ScriptedServer(scripted).serve)
        async with factory.open(sink, Surroundings(scripted, network.connect, kills)) as adapter:
            yield Desk(adapter, scripted, seen, changed)
        nursery.cancel_scope.cancel()


def simulated(main: Callable[[], Awaitable[None]]) -> None:
    """Run a test's body in virtual time."""
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
