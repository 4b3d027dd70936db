"""Bodies on their way into a cache: counted, durable, and gone again unless they are kept.

A body whose file is complete is not copied: it gets a second name (a hard link) in the
cache's folder, and whoever deletes one name leaves the other.  So a download of any size is
placed into a cache at once, and takes its room once; the quota counts it twice while both
have it.  It is summed once, for the seal that every cached body has
(``sealing``).  Where the file system has no links, between two file systems, and between stores
of different durability, it is copied.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import attrs
import trio

from transfer_engine.bodies import READ, InPieces, LinkableBody, ReadableBody, check_fresh
from transfer_engine.body_disk import FileBodyDisk, blame, body_name
from transfer_engine.errors import ScriptError, StoreFailed, StoreFull, TransferError
from transfer_engine.hops import shown_headers
from transfer_engine.logs import log
from transfer_engine.messages import StoredRequest
from transfer_engine.network import Answer
from transfer_engine.records import Response
from transfer_engine.sealing import checksum
from transfer_engine.state import Meter
from transfer_engine.store import Offload

Fetch = Callable[[StoredRequest], AbstractAsyncContextManager[Answer]]
"""Sends a request for a page.  Raises TransferError."""


@attrs.frozen(eq=False)
class Draft:
    """An answer whose bytes are stored and durable, under a name that no row has yet."""

    request: StoredRequest
    response: Response
    body: str | None = None
    length: int = 0
    seal: int | None = None


@attrs.define(eq=False)
class Filling:
    """Makes drafts.  ``call``: runs what blocks.  ``next``: the number of the next body."""

    disk: FileBodyDisk
    meter: Meter
    call: Offload
    next: int

    async def draft(self, request: StoredRequest, response: Response) -> Draft:
        """Store a body to its end.  On any failure nothing stays behind.

        Raises ScriptError: TypeError for what cannot be cached, QuotaExceededError, and
        whatever the body fails with.
        """
        _check(request, response)
        if response.body is None:
            return Draft(request, response)
        name, self.next = body_name(self.next), self.next + 1
        counted = seal = 0
        try:
            linked = None
            if isinstance(response.body, LinkableBody):
                linked = await response.body.link_into(self.disk, name)
            if linked is None:
                await self.call(self.disk.create, name)
                async for piece in response.body:
                    self._count(len(piece))
                    counted += len(piece)
                    seal = zlib.crc32(piece, seal)
                    await self.call(self.disk.append, name, piece)
            else:
                self._count(linked)
                counted = linked
                seal = await checksum(self.call, self.disk, name, linked) or 0
            await self.call(self.disk.sync, name)
        except BaseException as error:
            await self.discard(Draft(request, response, name, counted))
            cause = blame(error, counted) if isinstance(error, OSError) else error
            if isinstance(cause, StoreFull):
                raise ScriptError("QuotaExceededError", "the answer does not fit") from error
            if isinstance(cause, StoreFailed):
                raise ScriptError("TypeError", str(cause)) from error
            raise
        return Draft(request, response, name, counted, seal)

    async def fetched(self, request: StoredRequest, fetch: Fetch) -> Draft:
        """The answer of the network, if it is a good one.  Raises ScriptError as ``draft``."""
        try:
            async with fetch(request) as answer:
                head = answer.head
                if not head.ok:
                    raise ScriptError("TypeError", f"{request.url} was answered {head.status}")
                kind = "cors" if head.cross_origin else "basic"
                shown, body = shown_headers(head), ArrivingBody(answer)
                response = Response(head.status, shown, head.url, head.redirected, kind, body)
                return await self.draft(request, response)
        except TransferError as error:
            raise ScriptError("TypeError", str(error)) from error

    async def discard(self, *drafts: Draft) -> None:
        """Nobody keeps these."""
        with trio.CancelScope(shield=True):
            for draft in drafts:
                self.meter.responses -= draft.length
                if draft.body is not None:
                    await self.delete(draft.body)

    async def delete(self, name: str) -> None:
        """Remove a body, now or when the caches are next opened."""
        try:
            await self.call(self.disk.delete, name)
        except OSError as error:
            log.warning("the cached body %s stays until the next start: %s", name, error)

    def _count(self, more: int) -> None:
        if not self.meter.fits(more):
            raise StoreFull(more)
        self.meter.responses += more


def _check(request: StoredRequest, response: Response) -> None:
    """Service Workers, "Cache.put", steps 2 to 9, and "Cache.addAll".  Raises ScriptError."""
    if request.method != "GET":
        raise ScriptError("TypeError", f"{request.method} cannot be cached")
    if response.status == 206:
        raise ScriptError("TypeError", "a partial answer cannot be cached")
    if "*" in {part.strip() for part in response.headers.get("vary", "").split(",")}:
        raise ScriptError("TypeError", "an answer that varies by everything cannot be cached")
    if response.body is not None:
        check_fresh(response.body)


class ArrivingBody(InPieces):
    """The body of an answer that comes from the network now."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._begun = False

    @property
    def disturbed(self) -> bool:
        """See ReadableBody."""
        return self._begun

    async def read(self, most: int = READ) -> bytes:
        """See ReadableBody.  Raises TransferError."""
        self._begun = True
        return await self._answer.receive(most)

    def close(self) -> None:
        """See ReadableBody."""
        self._begun = True

    def clone(self) -> ReadableBody:
        """See ReadableBody."""
        raise ScriptError("TypeError", "what comes from the network comes once")
