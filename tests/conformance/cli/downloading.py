"""A server of this repository, and ``bgfetch`` as a process that talks to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from conformance.scenario.format import Resource, World
from conformance.trace import AnyServerEntry, ServerRequest
from conformance.world.network import open_network
from conformance.world.scripted import ScriptedWorld
from conformance.world.server import ScriptedServer

BGFETCH = str(Path(sys.executable).parent / "bgfetch")
SECONDS = 60
"""A bound on each wait, far beyond what it takes."""


@attrs.frozen
class Served:
    """A running server: its base URLs, its log."""

    base: str
    other: str
    log: list[AnyServerEntry]
    world: ScriptedWorld

    def asked(self) -> list[ServerRequest]:
        return [one for one in self.log if isinstance(one, ServerRequest)]

    def ranges(self) -> list[str]:
        """The Range value of each request."""
        return [one.headers.get("range", "") for one in self.asked()]


@asynccontextmanager
async def serving(**resources: Resource) -> AsyncIterator[Served]:
    """Serve ``/name`` for each keyword; ``other:/name`` is of another origin."""
    network = await open_network("loopback", ["app", "other"])
    log: list[AnyServerEntry] = []
    world = World(
        resources={name if ":" in name else f"/{name}": one for name, one in resources.items()}
    )
    scripted = ScriptedWorld(world, network.origins, log.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(network.serve, ScriptedServer(scripted).serve)
        yield Served(network.origins["app"], network.origins["other"], log, scripted)
        nursery.cancel_scope.cancel()


@attrs.frozen
class Ended:
    code: int
    out: str
    err: str


async def bgfetch(*arguments: str, cwd: Path) -> Ended:
    """Run a command to its end."""
    done = await trio.run_process(
        [BGFETCH, *arguments], cwd=cwd, capture_stdout=True, capture_stderr=True, check=False
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@attrs.define(eq=False)
class Running:
    """A ``bgfetch download --json`` that goes on."""

    process: trio.Process
    _buffer: bytes = b""

    async def event(self, wanted: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        """The next event of which this is true."""
        assert self.process.stdout is not None
        with trio.fail_after(SECONDS):
            while True:
                line, newline, rest = self._buffer.partition(b"\n")
                if newline:
                    self._buffer = rest
                    event: dict[str, object] = json.loads(line)
                    if wanted(event):
                        return event
                    continue
                data = await self.process.stdout.receive_some()
                assert data, "it ended without the event"
                self._buffer += bytes(data)

    async def until_downloaded(self, count: int) -> None:
        await self.event(lambda e: e["event"] == "progress" and e["downloaded"] == count)

    async def said(self) -> str:
        """What it has said to its user, once it has ended."""
        assert self.process.stderr is not None
        return b"".join([bytes(data) async for data in self.process.stderr]).decode()

    async def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if any, and wait."""
        if number is not None:
            self.process.send_signal(number)
        with trio.fail_after(SECONDS):
            return await self.process.wait()


@asynccontextmanager
async def running(*arguments: str, cwd: Path, json: bool = True) -> AsyncIterator[Running]:
    """A download in the background, killed at the end if it still runs."""
    process = await trio.lowlevel.open_process(
        [BGFETCH, "download", *arguments, "--allow-private", *["--json"] * json],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield Running(process)
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                await stream.aclose()


async def stopped_at(count: int, *arguments: str, cwd: Path) -> None:
    """Begin a download and stop it, as with Ctrl-C, when so many bytes are there."""
    async with running(*arguments, cwd=cwd) as download:
        await download.until_downloaded(count)
        await download.end(signal.SIGINT)


def with_deadline(main: Callable[[], Awaitable[None]]) -> None:
    """Run it; what hangs fails."""

    async def bounded() -> None:
        with trio.fail_after(SECONDS):
            await main()

    trio.run(bounded)
