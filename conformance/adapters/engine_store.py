"""The ground of an engine on a real store and real sockets: a directory."""

from __future__ import annotations

import importlib
from pathlib import Path

import attrs
import trio

import conformance.protocol as p
from conformance.adapters.engine_caches import Caches, StoredCaches
from conformance.adapters.engine_profile import Profile
from conformance.adapters.engine_session import CAPABILITIES, VERSION, Wrap
from transfer_engine import CacheStorage, EngineConfig, Seams, real_seams


def implementation(name: str) -> p.Implementation:
    """Who this is, in process or as a child."""
    return p.Implementation(name, VERSION, p.PROTOCOL_VERSION, CAPABILITIES, language="Python")


async def connect_loopback(host: str, port: int, /) -> trio.abc.Stream:
    """A TCP connection; the world's ``localhost`` needs no resolver and no thread."""
    return await trio.open_tcp_stream("127.0.0.1" if host == "localhost" else host, port)


@attrs.frozen
class DirectoryGround:
    """SQLite, body files and the profile in one directory."""

    directory: Path

    async def seams(self, config: EngineConfig) -> Seams:
        """See Ground."""
        placed = attrs.evolve(config, directory=self.directory / "store")
        return await trio.to_thread.run_sync(real_seams, placed, connect_loopback)

    def crash(self) -> None:
        """See Ground: files are as they are."""

    def profile(self, begin: p.Begin) -> Profile:
        """See Ground: a process that follows a killed one finds what that one kept."""
        return Profile.of(begin, self.directory / "profile.json")

    async def caches(self, begin: p.Begin, profile: Profile) -> Caches:
        """See Ground: the engine's own."""
        return StoredCaches(await trio.to_thread.run_sync(self._caches, begin.origins["app"]))

    def _caches(self, origin: str) -> CacheStorage:
        return CacheStorage(self.directory / "caches", origin + "/", durability="kill")


def path_of(wrap: Wrap) -> str:
    """``module:function``, by which another process finds a wrap."""
    return f"{wrap.__module__}:{wrap.__qualname__}"


def wrap_at(path: str) -> Wrap:
    """The other way.  Raises ImportError, AttributeError."""
    module, _, function = path.partition(":")
    wrap: Wrap = getattr(importlib.import_module(module), function)
    return wrap
