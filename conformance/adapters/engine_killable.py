"""The engine in a child process, for scenarios that kill the user agent.

Each launch is a new process on the same directory.  ``quit`` with ``kill`` ends it
with SIGKILL; what it had written by then is still read, what it had not is lost
with it.  ``begin`` is sent again to every process; what has changed since the first one
stands in the directory.  Each process gives names of its own, so that nothing of a
dead one can be taken for something of a living one.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

import conformance.protocol as p
from conformance.adapter import AdapterError, CannotStart, Sink
from conformance.adapters.child import Child
from conformance.adapters.engine_session import Wrap
from conformance.adapters.engine_store import path_of
from conformance.adapters.stdio import ANSWER_DEADLINE, Talk

CHILD = "conformance.adapters.engine_child"
END_PATIENCE = 10.0  # seconds for a killed process to be gone


@attrs.define(eq=False)
class _Process:
    """One life of the user agent."""

    talk: Talk
    ended: trio.Event = attrs.field(factory=trio.Event)
    ending: bool = False
    """It is meant to end."""


@attrs.define(eq=False)
class KillableAdapter:
    """One scenario on one process after the other."""

    implementation: p.Implementation
    sink: Sink
    directory: Path
    wrap: Wrap | None
    _nursery: trio.Nursery
    _begin: p.Begin | None = None
    _process: _Process | None = None
    _launches: int = 0

    @property
    def process(self) -> int | None:
        """The number of the process that is the user agent now."""
        return None if self._process is None else self._process.talk.child.process.pid

    async def send(self, command: p.AnyCommand) -> p.Answer:
        """Do one command.  Raises AdapterGone, AdapterNonsense, CannotStart."""
        match command:
            case p.Start():
                return p.Answer(command.seq, implementation=self.implementation)
            case p.Begin():
                self._begin = command
                await self._launch()
            case p.Launch():
                await self._launch()
            case p.Quit():
                await self._quit(kill=command.kill)
            case p.End() | p.Stop():
                await self._quit(kill=True)
            case _ if self._process is not None:
                return await self._process.talk.ask(command)
        return p.Answer(command.seq)

    async def _launch(self) -> None:
        if self._process is not None or self._begin is None:
            return
        self._launches += 1
        stem = "" if self._launches == 1 else f"life{self._launches}-"
        argv = [sys.executable, "-m", CHILD, str(self.directory), stem]
        if self.wrap is not None:
            argv.append(path_of(self.wrap))
        name = self.implementation.name
        try:
            child = Child.spawn(argv, {})
        except OSError as error:
            raise CannotStart(name, str(error)) from None
        self._process = process = _Process(Talk(name, child, ANSWER_DEADLINE))
        self._nursery.start_soon(self._listen, process)
        await process.talk.ask(self._begin)

    async def _listen(self, process: _Process) -> None:
        """Take what it says until it ends.  Raises AdapterError if no command would notice."""
        unnoticed: list[AdapterError] = []

        def failed() -> None:
            if not process.ending and process.talk.failure is not None:
                unnoticed.append(process.talk.failure)

        await process.talk.listen(self.sink, failed)
        process.ended.set()
        if unnoticed:
            raise unnoticed[0]

    async def _quit(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        child = process.talk.child
        if not kill:
            await process.talk.ask(p.Quit())
        process.ending = True
        if kill:
            os.killpg(child.process.pid, signal.SIGKILL)
            with trio.move_on_after(END_PATIENCE):
                await process.ended.wait()  # what it had written has been read
        await child.end(None if kill else p.encode(p.Stop()))

    async def close(self) -> None:
        """Leave no process behind."""
        with trio.CancelScope(shield=True):
            await self._quit(kill=True)


@asynccontextmanager
async def open_killable(
    sink: Sink, directory: Path, who: p.Implementation, wrap: Wrap | None
) -> AsyncIterator[KillableAdapter]:
    """An adapter whose user agent can be killed.  Raises AdapterGone when it ends by itself."""
    async with trio.open_nursery() as nursery:
        adapter = KillableAdapter(who, sink, directory, wrap, nursery)
        try:
            yield adapter
        finally:
            await adapter.close()
        nursery.cancel_scope.cancel()
