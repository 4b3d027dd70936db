"""Reading a record's response to its end: what a page learns, and what a cache stores.

A page may read a record and put it into a cache as well; it would clone the response first.
So whoever wants the response gets a clone, and the first one is never read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import attrs

import conformance.protocol as p
from transfer_engine import ReadableBody, Record, Response, ScriptError


@attrs.define(eq=False)
class _Gathered:
    """Bytes of a body: kept while they may come back whole, digested in any case."""

    length: int = 0
    error: str | None = None
    _whole: bytearray = attrs.field(factory=bytearray)
    _digest: hashlib._Hash = attrs.field(factory=hashlib.sha256)

    def add(self, data: bytes) -> None:
        self.length += len(data)
        self._digest.update(data)
        if self.length <= p.WHOLE_BODY_LIMIT:
            self._whole += data

    def body(self, record: str) -> p.Body:
        if self.length <= p.WHOLE_BODY_LIMIT:
            return p.Body(record, self.length, self.error, text=self._whole.decode("latin-1"))
        return p.Body(record, self.length, self.error, sha256=self._digest.hexdigest())


@attrs.define(eq=False)
class ReadableRecord:
    """A record as one page holds it.  ``asked``: the judge reads it."""

    record: Record
    asked: bool = False
    _bodies: list[ReadableBody] = attrs.field(factory=list)

    async def response(self) -> Response:
        """One for each who asks.  Raises ScriptError, EngineClosed, RealmClosed."""
        response = (await self.record.response_ready()).clone()
        if response.body is not None:
            self._bodies.append(response.body)
        return response

    async def read(self, name: str, push: Callable[[p.AnyObservation], None]) -> None:
        """Push Ready, then Received as bytes come, then Body.  Raises as ``response``."""
        try:
            response = await self.response()
        except ScriptError as error:
            push(p.Ready(name, error=error.name))
            return
        push(p.Ready(name, status=response.status, headers=response.headers))
        gathered = _Gathered()
        try:
            while response.body is not None and (data := await response.body.read()):
                gathered.add(data)
                push(p.Received(name, gathered.length))
        except ScriptError as error:
            gathered.error = error.name
        push(gathered.body(name))

    def let_go(self) -> None:
        """Nobody will read on: what the engine keeps for these readers alone may go."""
        for body in self._bodies:
            body.close()
