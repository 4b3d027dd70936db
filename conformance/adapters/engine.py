"""``engine``: the engine on loopback sockets and a real store, in real time.

It runs in this process, unless the scenario kills the user agent: then it is a child
process, which is really killed.  The store is a temporary directory of each scenario.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Literal

import attrs
import trio

from conformance.adapter import Adapter, Sink, Surroundings
from conformance.adapters.engine_killable import open_killable
from conformance.adapters.engine_session import Wrap, open_session
from conformance.adapters.engine_store import DirectoryGround, implementation


@attrs.define
class EngineFactory:
    """Opens the engine; ``wrap`` may break it on purpose (a function of a module)."""

    name: str = "engine"
    wrap: Wrap | None = None
    network: Literal["loopback", "memory", "none"] = "loopback"

    def open(self, sink: Sink, surroundings: Surroundings) -> AbstractAsyncContextManager[Adapter]:
        """A fresh engine.  Raises CannotStart."""
        return self._open(sink, surroundings)

    @asynccontextmanager
    async def _open(self, sink: Sink, surroundings: Surroundings) -> AsyncIterator[Adapter]:
        who = implementation(self.name)
        temporary = tempfile.TemporaryDirectory(prefix="bgfetch-")
        directory = Path(temporary.name)
        try:
            if surroundings.kills:
                async with open_killable(sink, directory, who, self.wrap) as killable:
                    yield killable
            else:
                ground = DirectoryGround(directory)
                async with open_session(sink, ground, who, wrap=self.wrap) as session:
                    yield session
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(temporary.cleanup)
