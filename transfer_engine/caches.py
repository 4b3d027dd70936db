"""Cache storage (Service Workers, "Cache"), durable on a disk: answers kept by name.

Rows are in SQLite (``cache_rows``), bodies in files.  ``put`` takes a body to its end
(``cache_filling``) and then replaces what it matches in one commit: whoever asks gets the
old answer or the new one, whole, across a kill too.  A body that somebody still reads goes
when the reader has.
Each has a seal, which is compared before it is read by another process than the one that
put it there: damage is told, and never handed out.
All bytes count against the quota of the origin, while they arrive.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from transfer_engine.bodies import READ, ReadableBody, WholeBody, check_fresh
from transfer_engine.body_disk import FileBodyDisk, body_number
from transfer_engine.boot_note import Durability
from transfer_engine.cache_filling import Draft, Fetch, Filling
from transfer_engine.cache_rows import CacheRows, Entry
from transfer_engine.errors import EngineClosed, ScriptError, StoreFailed, StoreUnusable
from transfer_engine.logs import log
from transfer_engine.matching import matches, query_of, request_of
from transfer_engine.messages import QueryOptions, Request, StoredHead, StoredRequest
from transfer_engine.records import Response
from transfer_engine.sealing import checksum
from transfer_engine.state import Meter

T = TypeVar("T")


class CachedBody(WholeBody):
    """The body of an answer in a cache; readable to its end though the entry be deleted."""

    def __init__(self, storage: CacheStorage, name: str, length: int) -> None:
        super().__init__(length)
        self._storage = storage
        self._name = name

    async def read(self, most: int = READ) -> bytes:
        """See ReadableBody.

        Raises EngineClosed, and ScriptError TypeError if it is damaged or cannot be read.
        """
        self._begun = True
        await self._storage._check(self._name, self._length)
        wanted = min(max(1, most), self._length - self._offset)
        if wanted <= 0:
            return b""
        disk = self._storage._disk
        try:
            data = await self._storage._call(disk.read, self._name, self._offset, wanted)
        except OSError as error:
            why = f"the cached body {self._name} cannot be read: {error.strerror}"
            raise ScriptError("TypeError", why) from error
        if not data:
            raise ScriptError("TypeError", f"the cached body {self._name} has lost bytes")
        self._offset += len(data)
        return data

    def clone(self) -> CachedBody:
        """See ReadableBody."""
        check_fresh(self)
        return self._storage._body(self._name, self._length)

    async def link_into(self, disk: FileBodyDisk, name: str) -> int | None:
        """See LinkableBody."""
        if self._begun:
            return None
        await self._storage._check(self._name, self._length)
        try:
            here = self._storage._disk
            await self._storage._call(disk.link, name, here, self._name, self._length)
        except OSError:
            return None
        self.close()
        return self._length

    async def link_to(self, path: Path) -> bool:
        """See LinkableBody."""
        if self._begun:
            return False
        await self._storage._check(self._name, self._length)
        try:
            here = self._storage._disk
            await self._storage._call(here.link_to, self._name, path, self._length)
        except OSError:
            return False
        self.close()
        return True


class Cache:
    """One named cache; made by ``CacheStorage.open``."""

    def __init__(self, storage: CacheStorage, key: int, name: str) -> None:
        self._storage = storage
        self._key = key
        self.name = name

    async def put(self, request: str | Request | StoredRequest, response: Response) -> None:
        """Keep an answer under a request; durable, body and all, when it returns.

        Raises ScriptError: TypeError (not a GET, status 206, ``Vary: *``, a body that has
        been read or cannot be, a disk that fails), QuotaExceededError; and StoreUnusable, as
        everything here does when SQLite fails.  Then the cache is as it was.
        """
        stored = self._storage._request(request)
        await self._storage._put(self._key, await self._storage._filling.draft(stored, response))

    async def add(self, request: str | Request | StoredRequest) -> None:
        """Fetch it and keep the answer, as ``put`` does, if its status is 200 to 299.

        Raises ScriptError: TypeError (also for what the network does), QuotaExceededError.
        """
        await self.add_all([request])

    async def add_all(self, requests: Iterable[str | Request | StoredRequest]) -> None:
        """Fetch them and keep all answers, or none if one is not to be had.

        Raises ScriptError as ``add``, and InvalidStateError if one would replace another.
        """
        asked = [self._storage._request(request) for request in requests]
        await self._storage._add_all(self._key, asked)

    async def match(
        self, request: str | Request | StoredRequest, options: QueryOptions = QueryOptions()
    ) -> Response | None:
        """The first answer kept for it, or None."""
        found = await self._storage._find(self._key, request, options)
        return self._storage._response(found[0]) if found else None

    async def match_all(
        self,
        request: str | Request | StoredRequest | None = None,
        options: QueryOptions = QueryOptions(),
    ) -> list[Response]:
        """All answers kept for it, oldest first; all there are without a request."""
        found = await self._storage._find(self._key, request, options)
        return [self._storage._response(entry) for entry in found]

    async def keys(
        self,
        request: str | Request | StoredRequest | None = None,
        options: QueryOptions = QueryOptions(),
    ) -> list[StoredRequest]:
        """The requests, oldest first."""
        return [e.request for e in await self._storage._find(self._key, request, options)]

    async def delete(
        self, request: str | Request | StoredRequest, options: QueryOptions = QueryOptions()
    ) -> bool:
        """Forget what is kept for it; whether there was anything."""
        found = await self._storage._find(self._key, request, options)
        await self._storage._remove(found)
        return bool(found)


class CacheStorage:
    """The caches of one origin; made by a user agent, or by itself with a directory.

    ``base``: what URLs are relative to.  ``meter``: what bytes are counted by.  ``fetch``:
    how ``add`` reaches the network.
    Raises StoreUnusable.
    """

    def __init__(
        self,
        directory: Path,
        base: str = "",
        meter: Meter | None = None,
        durability: Durability = "power",
        fetch: Fetch | None = None,
    ) -> None:
        self._base = base
        self._fetch = fetch
        self._meter = Meter(None) if meter is None else meter
        self._lock = trio.Lock()
        self._closed = False
        self._readers: dict[str, weakref.WeakSet[CachedBody]] = {}
        self._doomed: set[str] = set()
        self._disk = FileBodyDisk(directory / "bodies", durability)  # it holds the lock
        self._path = directory / "caches.sqlite"
        try:
            self._table = CacheRows(self._path, durability)
            self._recover()
        except (sqlite3.Error, OSError) as error:
            self._disk.close()
            raise StoreUnusable(str(directory), str(error)) from error
        except StoreUnusable:
            self._disk.close()
            raise

    def _recover(self) -> None:
        """Entries whose bytes were lost, and bytes of no entry, go."""
        lengths = self._disk.lengths()
        rows = self._table.bodies()
        lost = {row.key for row in rows if lengths.get(row.name, 0) < row.length}
        self._table.forget(lost)
        kept = [row for row in rows if row.key not in lost]
        # The name of a body that is lost may be given again, to bytes with another seal.
        self._seals = {row.name: row.seal for row in kept if row.seal is not None}
        for orphan in lengths.keys() - {row.name for row in kept}:
            self._disk.delete(orphan)
        self._disk.recovered()
        following = max((body_number(name) or 0 for name in lengths), default=0) + 1
        self._filling = Filling(self._disk, self._meter, self._call, following)
        self._meter.responses += sum(row.length for row in kept)

    # --- what a script calls ---------------------------------------------------------------

    async def open(self, name: str) -> Cache:
        """The cache of that name, made if there is none."""

        return Cache(self, await self._call(self._table.open, name), name)

    async def has(self, name: str) -> bool:
        """Whether there is a cache of that name."""
        return name in await self.keys()

    async def keys(self) -> list[str]:
        """The names of all caches, oldest first."""

        return await self._call(self._table.names)

    async def delete(self, name: str) -> bool:
        """Delete a cache and all in it; whether there was one."""
        if not await self.has(name):
            return False
        cache = await self.open(name)
        found = await self._find(cache._key, None, QueryOptions())
        await self._remove(found, cache._key)
        return True

    async def match(
        self,
        request: str | Request | StoredRequest,
        options: QueryOptions = QueryOptions(),
        cache_name: str | None = None,
    ) -> Response | None:
        """The first answer in any cache (or in the named one), caches oldest first."""
        for name in await self.keys():
            if cache_name in (None, name):
                found = await (await self.open(name)).match(request, options)
                if found is not None:
                    return found
        return None

    async def close(self) -> None:
        """Let go of the files; everything is durable already."""
        if not self._closed:
            self._closed = True
            with trio.CancelScope(shield=True):
                async with self._lock:
                    await trio.to_thread.run_sync(self._let_go)

    def _let_go(self) -> None:
        self._table.close()
        for name in self._doomed:
            self._disk.delete(name)
        self._disk.close()

    # --- how -------------------------------------------------------------------------------

    async def _call(self, fn: Callable[..., T], *args: object) -> T:
        if self._closed:
            raise EngineClosed()
        async with self._lock:
            try:
                return await trio.to_thread.run_sync(fn, *args)
            except sqlite3.Error as error:
                raise StoreUnusable(str(self._path), str(error)) from error

    async def _check(self, name: str, length: int) -> None:
        """Compare what is from before this opening with its seal, once.  Raises ScriptError."""
        seal = self._seals.get(name)
        if seal is None:
            return
        try:
            found = await checksum(self._call, self._disk, name, length)
        except StoreFailed as error:
            raise ScriptError("TypeError", str(error)) from error
        if found != seal:
            log.error("the cached body %s is damaged", name)
            raise ScriptError("TypeError", f"the cached body {name} is damaged")
        self._seals.pop(name, None)

    def _request(self, request: str | Request | StoredRequest) -> StoredRequest:
        if isinstance(request, StoredRequest):
            return request
        return request_of(request, self._base)

    async def _find(
        self, cache: int, request: str | Request | StoredRequest | None, options: QueryOptions
    ) -> list[Entry]:
        entries = await self._call(self._table.entries, cache)
        if request is None:
            return entries
        query = request if isinstance(request, StoredRequest) else query_of(request, self._base)
        if query.method != "GET" and not options.ignore_method:
            return []
        return [e for e in entries if matches(query, e.request, e.head, options)]

    def _response(self, entry: Entry) -> Response:
        body: CachedBody | None = None
        if entry.body is not None:
            body = self._body(entry.body, entry.length)
        return Response(
            entry.status, dict(entry.headers), entry.url, entry.redirected, entry.type, body
        )

    def _body(self, name: str, length: int) -> CachedBody:
        body = CachedBody(self, name, length)
        self._readers.setdefault(name, weakref.WeakSet()).add(body)
        return body

    async def _add_all(self, cache: int, requests: list[StoredRequest]) -> None:
        fetch = self._fetch
        if fetch is None:
            raise ScriptError("TypeError", "nobody fetches for these caches")
        drafts: dict[int, Draft] = {}

        async def one(number: int, request: StoredRequest) -> None:
            drafts[number] = await self._filling.fetched(request, fetch)

        try:
            await _all_of(partial(one, n, request) for n, request in enumerate(requests))
            found = [drafts[number] for number in sorted(drafts)]
            for number, draft in enumerate(found):
                if any(_replaces(draft, other) for other in found[:number]):
                    raise ScriptError("InvalidStateError", f"{draft.request.url} is there twice")
        except BaseException:
            if not self._closed:
                await self._filling.discard(*drafts.values())
            raise
        await self._put(cache, *found)

    async def _put(self, cache: int, *drafts: Draft) -> None:
        """Keep all drafts in one commit, or none."""
        try:
            with trio.CancelScope(shield=True):
                replaced = await self._call(self._table.put, cache, drafts)
        except BaseException:
            if not self._closed:
                await self._filling.discard(*drafts)
            raise
        await self._dispose(replaced)

    async def _remove(self, entries: list[Entry], cache: int | None = None) -> None:
        with trio.CancelScope(shield=True):
            await self._call(self._table.remove, entries, cache)
        await self._dispose(entries)

    async def _dispose(self, entries: list[Entry]) -> None:
        """Delete bodies that nobody reads; the others when it is next looked."""
        self._meter.responses -= sum(entry.length for entry in entries)
        self._doomed |= {entry.body for entry in entries if entry.body is not None}
        for name in [name for name in self._doomed if not self._readers.get(name)]:
            self._doomed.discard(name)
            self._readers.pop(name, None)
            await self._filling.delete(name)


def _replaces(draft: Draft, other: Draft) -> bool:
    response = other.response
    head = StoredHead(response.status, tuple(response.headers.items()), response.url)
    return matches(draft.request, other.request, head, QueryOptions())


async def _all_of(tasks: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run them together.  Raises the first ScriptError that one of them raises."""
    try:
        async with trio.open_nursery() as nursery:
            for task in tasks:
                nursery.start_soon(task)
    except* ScriptError as group:
        refusal = _first(group)
    else:
        return
    raise refusal


def _first(group: BaseExceptionGroup[ScriptError]) -> ScriptError:
    found = group.exceptions[0]
    return found if isinstance(found, ScriptError) else _first(found)


__all__ = ["Cache", "CacheStorage", "CachedBody", "ReadableBody"]
