"""``engine-sim``: the engine in this process, in virtual time, on memory alone.

Streams come from the world, the journal and the disk are simulated, and offloaded
work runs inline: no thread, no socket, no file.  A kill loses what the simulated
journal had not committed and what the simulated disk had not synced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

import attrs
import trio

import conformance.protocol as p
from conformance.adapter import Adapter, CannotStart, Connect, Sink, Surroundings
from conformance.adapters.engine_caches import Caches, NotedCaches
from conformance.adapters.engine_profile import Profile
from conformance.adapters.engine_session import CAPABILITIES, VERSION, Wrap, open_session
from transfer_engine import (
    EngineConfig,
    Seams,
    SimulatedBodyDisk,
    SimulatedJournal,
    simulated_seams,
)


@attrs.define(eq=False)
class SimulatedGround:
    """A journal and a disk in memory, which outlive engines."""

    connect: Connect
    journal: SimulatedJournal = attrs.field(factory=SimulatedJournal)
    disk: SimulatedBodyDisk = attrs.field(factory=SimulatedBodyDisk)

    async def seams(self, config: EngineConfig) -> Seams:
        """See Ground."""
        return simulated_seams(self._stream, self.journal, self.disk)

    async def _stream(self, host: str, port: int, /) -> trio.abc.Stream:
        return await self.connect(host, port)

    def crash(self) -> None:
        """See Ground."""
        self.journal.crash()
        self.disk.crash()

    def profile(self, begin: p.Begin) -> Profile:
        """See Ground."""
        return Profile.of(begin)

    async def caches(self, begin: p.Begin, profile: Profile) -> Caches:
        """See Ground: names alone."""
        await trio.lowlevel.checkpoint()
        return NotedCaches(profile)


@attrs.define
class EngineSimFactory:
    """Opens the engine in simulation; ``wrap`` may break it on purpose."""

    name: str = "engine-sim"
    wrap: Wrap | None = None
    network: Literal["loopback", "memory", "none"] = "memory"

    def open(self, sink: Sink, surroundings: Surroundings) -> AbstractAsyncContextManager[Adapter]:
        """A fresh engine.  Raises CannotStart in a world without streams."""
        return self._open(sink, surroundings)

    @asynccontextmanager
    async def _open(self, sink: Sink, surroundings: Surroundings) -> AsyncIterator[Adapter]:
        if surroundings.connect is None:
            raise CannotStart(self.name, "the world offers no streams")
        who = p.Implementation(
            self.name, VERSION, p.PROTOCOL_VERSION, [*CAPABILITIES, "virtual-time"]
        )
        ground = SimulatedGround(surroundings.connect)
        async with open_session(sink, ground, who, wrap=self.wrap) as session:
            yield session
