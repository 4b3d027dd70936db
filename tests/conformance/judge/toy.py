"""A toy implementation in process, just good enough to run the runner against.

It fetches one URL after the other over whatever network there is, then sends
``backgroundfetchsuccess`` to its worker.  Tests change what it does through ``on``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

import attrs
import h11
import msgspec
import trio
import trio.testing

from conformance.adapter import Adapter, Sink, Surroundings
from conformance.judge.runner import Bounds, run_scenario
from conformance.protocol import (
    Abort,
    Answer,
    AnyCommand,
    Body,
    CachePut,
    Capability,
    Fetch,
    Get,
    Implementation,
    Look,
    MatchAll,
    Quit,
    Read,
    Ready,
    RecordInfo,
    Settled,
    Snapshot,
    WorkerEvent,
)
from conformance.scenario.format import Scenario
from conformance.trace import AnyNote, Entry, Trace


@attrs.define(eq=False)
class Toy:
    """One open toy."""

    factory: ToyFactory
    sink: Sink
    surroundings: Surroundings
    nursery: trio.Nursery
    bodies: dict[str, bytes] = attrs.field(factory=dict)
    work: list[trio.CancelScope] = attrs.field(factory=list)
    events: int = 0

    @property
    def implementation(self) -> Implementation:
        return Implementation("toy", "1", 1, sorted(self.factory.capabilities))

    async def send(self, command: AnyCommand) -> Answer:
        self.factory.sent.append(command)
        await trio.lowlevel.checkpoint()
        answer = Answer(command.seq)
        instead = self.factory.on.get(type(command))
        if instead is not None:
            changed = await instead(self, command)
            return msgspec.structs.replace(changed or answer, seq=command.seq)
        match command:
            case Fetch():
                self.sink(Settled(command.call, instance="i1", snapshot=Snapshot(command.id)))
                urls = [request.url for request in command.requests]
                self.nursery.start_soon(self.transfer, command.id, urls)
            case Get():
                self.sink(Settled(command.call))
            case Abort():
                self.sink(Settled(command.call, boolean=True))
            case MatchAll():
                records = [RecordInfo(f"r:{url}", url) for url in self.bodies]
                self.sink(Settled(command.call, records=records))
            case Read():
                body = self.bodies[command.record.removeprefix("r:")]
                self.sink(Ready(command.record, 200))
                self.sink(Body(command.record, len(body), text=body.decode("latin-1")))
            case CachePut():
                self.sink(Settled(command.call))
            case Look():
                done = sum(map(len, self.bodies.values()))
                return Answer(command.seq, snapshot=Snapshot("f", downloaded=done))
            case Quit():
                for scope in self.work:
                    scope.cancel()
        return answer

    async def transfer(self, fetch: str, urls: list[str]) -> None:
        with trio.CancelScope() as scope:
            self.work.append(scope)
            for url in urls:
                self.bodies[url] = await self.get(url)
            self.dispatch("backgroundfetchsuccess", "i1", fetch)

    def dispatch(self, name: str, instance: str | None = None, fetch: str = "f") -> None:
        self.events += 1
        snapshot = Snapshot(fetch, result="success") if instance else None
        self.sink(WorkerEvent(f"e{self.events}", name, instance, snapshot))

    async def get(self, url: str) -> bytes:
        parts = urlsplit(url)
        assert self.surroundings.connect is not None
        assert parts.hostname is not None
        stream = await self.surroundings.connect(parts.hostname, parts.port or 80)
        client = h11.Connection(h11.CLIENT)
        request = h11.Request(method="GET", target=parts.path, headers=[("Host", parts.netloc)])
        async with stream:
            await stream.send_all(client.send(request) + client.send(h11.EndOfMessage()))
            body = bytearray()
            while not isinstance(event := client.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    client.receive_data(bytes(await stream.receive_some()))
                elif isinstance(event, h11.Data):
                    body += event.data
        return bytes(body)


Instead = Callable[[Toy, AnyCommand], Awaitable[Answer | None]]


@attrs.define(eq=False)
class ToyFactory:
    """Opens toys and keeps every command that they were sent."""

    network: Literal["loopback", "memory", "none"] = "memory"
    capabilities: frozenset[Capability] = frozenset({"caches", "restart", "kill", "many-pages"})
    on: dict[type, Instead] = attrs.field(factory=dict)
    sent: list[AnyCommand] = attrs.field(factory=list)
    name: str = "toy"

    @asynccontextmanager
    async def open(self, sink: Sink, surroundings: Surroundings) -> AsyncIterator[Adapter]:
        async with trio.open_nursery() as nursery:
            yield Toy(self, sink, surroundings, nursery)
            nursery.cancel_scope.cancel()

    def kinds(self) -> list[str]:
        return [type(command).__name__ for command in self.sent]


@attrs.define
class Content:
    """An oracle that is content with everything."""

    fed: list[Entry] = attrs.field(factory=list)

    def feed(self, entry: Entry) -> None:
        self.fed.append(entry)

    def pending(self) -> tuple[str, ...]:
        return ()


@attrs.define
class Waits(Content):
    """An oracle that says that so many worker events are due."""

    count: int = 1

    def pending(self) -> tuple[str, ...]:
        seen = sum(isinstance(entry.seen, WorkerEvent) for entry in self.fed)
        return () if seen >= self.count else ("event",)


def scenario(script: list[object], **rest: object) -> Scenario:
    """A scenario from plain data, as a file has it."""
    plain = {"scenario": "T-1", "title": "a test", "source": [], "script": script, **rest}
    return msgspec.convert(plain, Scenario)


FETCH = {"fetch": {"id": "f", "requests": ["/a"], "as": "bg"}}
WORLD = {"resources": {"/a": {"size": 16}}}


def play(
    what: Scenario,
    factory: ToyFactory | None = None,
    oracle: Content | None = None,
    bounds: Bounds | None = None,
) -> Trace:
    """Run a scenario on a clock that jumps, or in real time over real sockets."""
    toy, judge = factory or ToyFactory(), oracle or Content()
    real = toy.network == "loopback"
    limits = bounds or (Bounds.real(wait=5) if real else Bounds.simulated())

    def oracles(_: Scenario, __: Implementation, ___: Mapping[str, str]) -> Content:
        return judge

    async def main() -> Trace:
        with trio.fail_after(20 if real else 1e9):
            return await run_scenario(what, toy, oracles, bounds=limits)

    clock = None if real else trio.testing.MockClock(autojump_threshold=0)
    return trio.run(main, clock=clock)


def told(trace: Trace) -> list[str]:
    """The kinds of all entries, in order."""
    return [type(_content(entry)).__name__ for entry in trace.entries]


def notes(trace: Trace) -> list[AnyNote]:
    return [entry.note for entry in trace.entries if entry.note is not None]


def _content(entry: Entry) -> object:
    return entry.sent or entry.answered or entry.seen or entry.server or entry.note
