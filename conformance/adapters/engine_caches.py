"""The caches of the application: the engine's own, or only their names.

On a disk they are the engine's cache storage, bodies and all.  In simulation there is no
disk, so there a cache is a list of URLs that the profile keeps, and ``put`` does what the
real one does up to the point where bytes would be kept.
"""

from __future__ import annotations

from typing import Protocol

import attrs
import trio

from conformance.adapters.engine_profile import Profile
from conformance.adapters.engine_reading import ReadableRecord
from transfer_engine import CacheStorage, ScriptError


class Caches(Protocol):
    """``put`` and ``keys`` of a named cache, which is made when first asked for."""

    async def put(self, cache: str, record: ReadableRecord) -> None:
        """Raises ScriptError, EngineClosed, RealmClosed."""
        ...

    async def keys(self, cache: str) -> list[str]:
        """The URLs, in the order in which they were put."""
        ...

    async def close(self) -> None:
        """The user agent ends."""
        ...


@attrs.frozen
class StoredCaches:
    """The engine's."""

    storage: CacheStorage

    async def put(self, cache: str, record: ReadableRecord) -> None:
        """See Caches."""
        opened = await self.storage.open(cache)
        await opened.put(record.record.request, await record.response())

    async def keys(self, cache: str) -> list[str]:
        """See Caches."""
        return [one.url for one in await (await self.storage.open(cache)).keys()]

    async def close(self) -> None:
        """See Caches."""
        await self.storage.close()


@attrs.frozen
class NotedCaches:
    """Names alone.  Source of ``put``: Service Workers, "Cache.put", steps 4, 6, 7 and 12."""

    profile: Profile

    async def put(self, cache: str, record: ReadableRecord) -> None:
        """See Caches."""
        response = await record.response()
        vary = [name.strip() for name in response.headers.get("vary", "").split(",")]
        if record.record.request.method != "GET" or response.status == 206 or "*" in vary:
            raise ScriptError("TypeError", "it cannot be cached")
        while response.body is not None and await response.body.read():
            pass
        self.profile.put(cache, record.record.request.url)

    async def keys(self, cache: str) -> list[str]:
        """See Caches."""
        await trio.lowlevel.checkpoint()
        return self.profile.keys(cache)

    async def close(self) -> None:
        """See Caches."""
        await trio.lowlevel.checkpoint()
