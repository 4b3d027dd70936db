"""Record objects: what ``match`` gives, readable while the bytes still arrive.

``response_ready`` settles once, by itself, as a promise does: the first head
that may be shown fulfils it, a result that may not be shown rejects it, whether
or not anybody waits.  So a record object watches its record from the start.

When a restart replaces the body (CREATE, repaired by E53) a reader that has
been given nothing yet moves on to the new body; one that has been given bytes
gets a TypeError, since the rest of what it holds will never come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

import attrs

from transfer_engine.bodies import READ, GivenBody, InPieces, ReadableBody, check_fresh
from transfer_engine.body_disk import FileBodyDisk
from transfer_engine.errors import EngineClosed, ScriptError, StoreFailed
from transfer_engine.hops import shown_headers
from transfer_engine.mailbox import Mailbox
from transfer_engine.messages import EXPOSABLE, StoredHead, StoredRequest
from transfer_engine.plan import NULL_BODY_STATUS
from transfer_engine.sealing import check
from transfer_engine.state import Body, RecordState, Watcher
from transfer_engine.store import Store


@attrs.define(eq=False)
class Reading:
    """What the record objects of one realm need of their engine."""

    store: Store
    let_go: Callable[[Body], None]
    """Called when a reader has ended: a released body may now be deleted."""
    mail: Mailbox
    """What is on its way to the realm of these objects."""


@attrs.frozen(eq=False)
class Response:
    """An answer as a script sees it.

    ``status`` is 200 for a resource that was put together from parts.  ``headers``
    have lower-case names and no Content-Length or Content-Range.  ``body`` is None
    for answers that have none (HEAD, 204, 205, 304).
    """

    status: int
    headers: dict[str, str]
    url: str
    redirected: bool
    type: str
    body: ReadableBody | None

    @classmethod
    def of(
        cls, data: bytes | str, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """An answer that a program makes, for a cache."""
        body = GivenBody(data.encode() if isinstance(data, str) else data)
        named = {name.lower(): value for name, value in (headers or {}).items()}
        return cls(status, named, "", False, "default", body)

    async def content(self) -> bytes:
        """The whole body, in memory.  Raises ScriptError TypeError if reading has begun."""
        if self.body is None:
            return b""
        check_fresh(self.body)
        return b"".join([chunk async for chunk in self.body])

    async def text(self) -> str:
        """The whole body as UTF-8, as a web page reads it."""
        return (await self.content()).decode("utf-8-sig", "replace")

    def clone(self) -> Response:
        """The same answer with a body of its own, to read one and keep the other.

        Raises ScriptError TypeError if reading has begun.
        """
        return self if self.body is None else attrs.evolve(self, body=self.body.clone())

    @property
    def ok(self) -> bool:
        """Status 200 to 299."""
        return 200 <= self.status <= 299

    @property
    def status_text(self) -> str:
        """The usual phrase of the status."""
        return HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else ""


class BodyReader(InPieces):
    """The body of one record, from its first byte; one reader, read once.

    Reading holds the data: a body whose reading began before the settle event
    ended can be read to its end, later ones find it gone (AbortError).
    """

    def __init__(self, record: RecordState, reading: Reading, body: Body) -> None:
        self._record = record
        self._reading = reading
        self._body = body
        self._offset = 0
        self._closed = False

    @property
    def disturbed(self) -> bool:
        """See ReadableBody."""
        return self._closed or self._offset > 0

    async def read(self, most: int = READ) -> bytes:
        """The next 1 to ``most`` bytes as soon as there are any; empty at the end.

        Raises ScriptError AbortError (aborted, or the data was released) or TypeError
        (the record failed, or was restarted after bytes had been handed out), and
        EngineClosed.
        """
        if self._closed:
            return b""
        try:
            data = await self._next(max(1, most))
        except ScriptError:
            self.close()
            raise
        if not data:
            self.close()
        return data

    def _holding(self) -> Body:
        """The body, which is kept for this reader from now on.  Raises ScriptError."""
        body = self._follow()
        if body.released and self not in body.readers:
            raise ScriptError("AbortError", "the data has been released")
        if body.result == "aborted":
            raise ScriptError("AbortError", "the background fetch was aborted")
        if body.result not in EXPOSABLE:
            raise ScriptError("TypeError", f"the record failed: {body.result}")
        body.readers.add(self)
        return body

    async def link_into(self, disk: FileBodyDisk, name: str) -> int | None:
        """See LinkableBody."""
        source = self._reading.store.disk
        if not isinstance(source, FileBodyDisk) or self.disturbed:
            return None

        def link(body: Body) -> None:
            disk.link(name, source, body.name, body.length)

        return await self._linked(link)

    async def link_to(self, path: Path) -> bool:
        """See LinkableBody."""
        source = self._reading.store.disk
        if not isinstance(source, FileBodyDisk) or self.disturbed:
            return False

        def link(body: Body) -> None:
            source.link_to(body.name, path, body.length)

        return await self._linked(link) is not None

    async def _linked(self, link: Callable[[Body], None]) -> int | None:
        """The length of the complete body that ``link`` was called with; None if it failed."""
        store = self._reading.store
        try:
            while not (body := self._holding()).result:
                if store.closed:
                    raise EngineClosed()
                await body.changed.wait()
            await check(store, body)
            await store.run(link, body)
        except OSError:
            return None  # nothing has been read: it can be copied
        except ScriptError:
            self.close()
            raise
        self.close()
        return body.length

    async def _next(self, most: int) -> bytes:
        while True:
            body = self._holding()
            await check(self._reading.store, body)
            if body.length > self._offset:
                wanted = min(most, body.length - self._offset)
                data = b""
                try:
                    data = await self._reading.store.read(body.name, self._offset, wanted)
                except FileNotFoundError:
                    pass  # gone, as if it were empty
                except StoreFailed as error:
                    raise ScriptError("TypeError", str(error)) from error
                await self._reading.mail.turn()
                if body.redundant:
                    continue  # restarted while reading: these bytes are of the old body
                if not data:
                    raise ScriptError("TypeError", f"the stored body {body.name} has lost bytes")
                self._offset += len(data)
                return data
            if body.result:
                await self._reading.mail.turn()
                return b""
            if self._reading.store.closed:
                raise EngineClosed()
            await body.changed.wait()

    def _follow(self) -> Body:
        """The body to read from: the current one, if the reader may change over to it."""
        if self._body.redundant:
            old, new = self._body, self._record.body
            same = old.head is None or (new.head is not None and new.head.ok == old.head.ok)
            if self._offset or not same:
                raise ScriptError("TypeError", "the record was restarted")
            self._body = new
        return self._body

    def close(self) -> None:
        """Stop reading; what was held for this reader may be deleted."""
        self._closed = True
        self._body.readers.discard(self)
        self._reading.let_go(self._body)

    def clone(self) -> BodyReader:
        """See ReadableBody."""
        check_fresh(self)
        return BodyReader(self._record, self._reading, self._body)


class Record(Watcher):
    """One ``BackgroundFetchRecord``: made by ``match``, bound to the answer of that moment."""

    def __init__(self, record: RecordState, reading: Reading) -> None:
        self._record = record
        self._reading = reading
        self._settled: Response | ScriptError | None = None
        record.watch(self)
        self.look()

    @property
    def request(self) -> StoredRequest:
        """The request as it was given to ``fetch()``, always the same object."""
        return self._record.request

    def look(self) -> None:
        """See Watcher: settle ``response_ready`` if the record's state says so."""
        body = self._record.body
        if self._settled is not None:
            return
        if body.result == "aborted":
            self._settled = ScriptError("AbortError", "the background fetch was aborted")
        elif body.result not in EXPOSABLE:
            self._settled = ScriptError("TypeError", f"the record failed: {body.result}")
        elif body.head is not None:
            self._settled = self._response(body, body.head)

    def _response(self, body: Body, head: StoredHead) -> Response:
        assembled = head.status == 206 and not self._record.request.own_range
        bodiless = self._record.request.method == "HEAD" or head.status in NULL_BODY_STATUS
        return Response(
            status=200 if assembled else head.status,
            headers=shown_headers(head),
            url=head.url,
            redirected=head.redirected,
            type="cors" if head.cross_origin else "basic",
            body=None if bodiless else BodyReader(self._record, self._reading, body),
        )

    async def response_ready(self) -> Response:
        """The answer's head, as soon as there is one; the same object each time.

        Raises ScriptError AbortError (aborted before a head came) or TypeError (failed),
        and EngineClosed.
        """
        while self._settled is None:
            if self._reading.store.closed:
                raise EngineClosed()
            await self._record.body.changed.wait()
        await self._reading.mail.turn()
        if isinstance(self._settled, ScriptError):
            raise self._settled
        return self._settled
