"""What a user agent keeps from launch to launch besides its background fetches.

The engine's own store holds the fetches.  Caches, the permission, whether the
worker is registered and whether there is a network belong to whoever embeds the
engine, so the adapter keeps them.  In one process this is an object that outlives
engines; for a process that may be killed it is a file as well, replaced as a
whole before the change is answered or observed.
"""

from __future__ import annotations

from pathlib import Path

import attrs
import msgspec

from conformance.protocol import Begin


class _Kept(msgspec.Struct):
    online: bool
    permission: str
    worker: bool = True
    caches: dict[str, list[str]] = {}


@attrs.define(eq=False)
class Profile:
    """``path`` None: it lives as long as this object."""

    _kept: _Kept
    path: Path | None = None

    @classmethod
    def of(cls, begin: Begin, path: Path | None = None) -> Profile:
        """The one that ``path`` holds, or a fresh one.  Raises OSError, msgspec.DecodeError."""
        if path is not None and path.exists():
            return cls(msgspec.json.decode(path.read_bytes(), type=_Kept), path)
        profile = cls(_Kept(begin.online, begin.permission), path)
        profile._save()
        return profile

    @property
    def online(self) -> bool:
        """Whether the user agent believes that there is a network."""
        return self._kept.online

    @online.setter
    def online(self, online: bool) -> None:
        self._kept.online = online
        self._save()

    @property
    def permission(self) -> str:
        """The state of the ``background-fetch`` permission."""
        return self._kept.permission

    @permission.setter
    def permission(self, state: str) -> None:
        self._kept.permission = state
        self._save()

    @property
    def worker(self) -> bool:
        """Whether the service worker is registered."""
        return self._kept.worker

    @worker.setter
    def worker(self, registered: bool) -> None:
        self._kept.worker = registered
        self._save()

    def put(self, cache: str, url: str) -> None:
        """``cache.put``: an entry for the same URL is replaced, and moves to the end."""
        urls = self._kept.caches.setdefault(cache, [])
        if url in urls:
            urls.remove(url)
        urls.append(url)
        self._save()

    def keys(self, cache: str) -> list[str]:
        """URLs in a cache, in insertion order."""
        return list(self._kept.caches.get(cache, ()))

    def _save(self) -> None:
        if self.path is None:
            return
        fresh = self.path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self._kept))
        fresh.replace(self.path)
