"""Reading a record's response to its end: what a page learns, and what a cache stores.

A page may read a record and put it into a cache as well; it would clone the
response first.  Here whoever wants the body pulls it, one at a time, and all have
what was pulled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import attrs
import trio

import conformance.protocol as p
from transfer_engine import ReadableBody, Record, ScriptError


@attrs.define(eq=False)
class _Gathered:
    """Bytes of a body: kept while they may come back whole, digested in any case."""

    length: int = 0
    over: bool = False
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
    _gathered: _Gathered = attrs.field(factory=_Gathered)
    _body: ReadableBody | None = None
    _turn: trio.Lock = attrs.field(factory=trio.Lock)

    async def read(self, name: str, push: Callable[[p.AnyObservation], None]) -> None:
        """Push Ready, then Received as bytes come, then Body.  Raises EngineClosed."""
        try:
            response = await self.record.response_ready()
        except ScriptError as error:
            push(p.Ready(name, error=error.name))
            return
        push(p.Ready(name, status=response.status, headers=response.headers))
        await self._drain(response.body, lambda length: push(p.Received(name, length)))
        push(self._gathered.body(name))

    async def store(self) -> str | None:
        """What ``cache.put`` does: None, and its request is to be stored, or an error's name.

        Raises EngineClosed.  Source: Service Workers, "Cache.put", steps 4, 6, 7 and 12.
        """
        try:
            response = await self.record.response_ready()
        except ScriptError as error:
            return error.name
        vary = response.headers.get("vary", "").split(",")
        stored = self.record.request.method == "GET" and response.status != 206
        if not stored or "*" in [name.strip() for name in vary]:
            return "TypeError"
        await self._drain(response.body, lambda length: None)
        return self._gathered.error

    def let_go(self) -> None:
        """Nobody will read on: what the engine keeps for this reader alone may go."""
        if self._body is not None:
            self._body.close()
        if not self._gathered.over:
            self._gathered.error, self._gathered.over = "AbortError", True

    async def _drain(self, body: ReadableBody | None, told: Callable[[int], None]) -> None:
        """Until the body is over; ``told`` how many bytes there are whenever there are more."""
        gathered, known = self._gathered, 0
        self._body = body
        while body is not None:
            if gathered.length > known:
                known = gathered.length
                told(known)
            if gathered.over:
                return
            async with self._turn:
                if gathered.length == known and not gathered.over:
                    await self._pull(body)

    async def _pull(self, body: ReadableBody) -> None:
        gathered = self._gathered
        try:
            data = await body.read()
        except ScriptError as error:
            gathered.error, gathered.over = error.name, True
            return
        if not gathered.over:
            gathered.add(data)
            gathered.over = not data
