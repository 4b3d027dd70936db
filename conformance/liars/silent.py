"""Acknowledges every command and never shows anything: breaks whatever is due.

It is no engine: nothing is behind it.  A judge that only looks at what was said finds
nothing wrong with it; the one that knows what is due at a quiet point must see that the
promise of ``fetch()`` never settled.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal, get_args

import attrs

import conformance.protocol as p
from conformance.adapter import Adapter, Sink, Surroundings


@attrs.frozen
class _Nobody:
    implementation: p.Implementation

    async def send(self, command: p.AnyCommand) -> p.Answer:
        """Yes."""
        if isinstance(command, p.Start):
            return p.Answer(command.seq, implementation=self.implementation)
        return p.Answer(command.seq)


@attrs.define
class SilentFactory:
    """Opens nothing at all, and says that it can do everything."""

    name: str = "silent"
    network: Literal["loopback", "memory", "none"] = "memory"

    def open(self, sink: Sink, surroundings: Surroundings) -> AbstractAsyncContextManager[Adapter]:
        """Never fails."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Adapter]:
        able = list(get_args(p.Capability))
        yield _Nobody(p.Implementation(self.name, "1", p.PROTOCOL_VERSION, able))
