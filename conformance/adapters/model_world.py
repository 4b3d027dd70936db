"""The scripted world as the model meets it: no network, no time, the same log.

A request of the model is looked up in the world's script and becomes an exchange,
whose plan is carried out in the head: everything that does not wait at a gate happens
at once, in the order in which requests were made.  What the real server would note is
noted, in the same order: bytes before anybody can know them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from urllib.parse import urldefrag

import attrs

from conformance.protocol import RequestInit
from conformance.trace import (
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerHeld,
    ServerLost,
    ServerRequest,
    ServerRequestBody,
)
from conformance.world.scripted import Finish, Plan, ScriptedWorld, Send, Wait
from spec_model.fetch_boundary import Wire
from spec_model.messages import (
    Accepted,
    AttemptTerminated,
    BytesArrived,
    Ended,
    FromNetwork,
    RequestStarted,
    Responded,
    Uploaded,
)

MOST_EXCHANGES = 5000
"""Exchanges of one scenario: more of them are a model that never gives up."""


class Endless(RuntimeError):
    """The model made request after request without an end (E24 is one way to that)."""


@attrs.define(eq=False)
class _Exchange:
    """One request and how far its plan has been carried out."""

    number: int
    request: RequestStarted
    plan: Plan
    headed: bool = False
    at: int = 0
    noted_end: bool = False
    told_end: bool = False
    sent: int = 0
    held_at: str | None = None

    @property
    def wire(self) -> Wire:
        plan = self.plan
        return Wire(
            self.number, plan.status, plan.headers, plan.framing,
            plan.version, plan.first, plan.length, plan.encoding,
        )  # fmt: skip

    def is_of(self, ended: AttemptTerminated) -> bool:
        """Whether it belongs to that attempt."""
        made = self.request
        of = (made.fetch, made.record, made.attempt)
        return of == (ended.fetch, ended.record, ended.attempt)

    @property
    def how(self) -> str:
        """How the plan ends; every plan ends with a Finish."""
        last = self.plan.actions[-1]
        assert isinstance(last, Finish), "a plan without an end"
        return last.how


@attrs.define(eq=False)
class ModelWorld:
    """Carries plans out.  ``tell`` puts what comes from the network into the model's inbox."""

    world: ScriptedWorld
    tell: Callable[[FromNetwork], None]
    given: dict[tuple[str, str], dict[str, str]] = attrs.field(factory=dict)
    """What pages put on their requests, by URL and method: the model keeps no headers."""
    _open: list[_Exchange] = attrs.field(factory=list)
    _made: int = 0

    def copied(self, world: ScriptedWorld, tell: Callable[[FromNetwork], None]) -> ModelWorld:
        """Another one that has come as far, on a world that has."""
        opened = [attrs.evolve(each) for each in self._open]
        return ModelWorld(world, tell, dict(self.given), opened, self._made)

    def asked(self, requests: list[RequestInit]) -> None:
        """A page calls fetch()."""
        for init in requests:
            own = {name.lower(): value for name, value in init.headers.items()}
            own.pop("range", None)  # which the model knows
            self.given[urldefrag(init.url).url, init.method.upper()] = own

    def request(self, made: RequestStarted) -> None:
        """The model's request reaches its server."""
        self._made += 1
        if self._made > MOST_EXCHANGES:
            raise Endless(f"{self._made} requests; the last one: {made}")
        world, key = self.world, self.key_of(made.url)
        number, attempt = world.next_exchange(), world.count_attempt(key)
        headers = self.given.get((made.url, made.method.upper()), {}) | _headers(made)
        # The model keeps no connections: each exchange has one of its own.
        world.note(ServerRequest(number, key, made.method, attempt, headers, number))
        if "content-length" in headers:
            world.note(ServerRequestBody(number, made.body or 0, complete=True))
        plan = world.plan(key, attempt, made.method, headers)
        self._open.append(_Exchange(number, made, plan))
        self.tell(Accepted(made.fetch, made.record, made.attempt, number))
        if made.body is not None:
            self.tell(Uploaded(number, made.body))

    def dropped(self, ended: AttemptTerminated) -> None:
        """The model's connections of this attempt are gone."""
        for exchange in tuple(self._open):
            if exchange.is_of(ended):
                self._open.remove(exchange)
                if not exchange.noted_end:
                    self.world.note(ServerLost(exchange.number))

    def move(self) -> bool:
        """Carry out one action of the first exchange that can; whether there was one."""
        for exchange in self._open:
            if not self._waits(exchange):
                self._next(exchange)
                return True
        return False

    def key_of(self, url: str) -> str:
        """The resource key of a URL."""
        for name, base in self.world.origins.items():
            if url.startswith(base + "/"):
                path = url[len(base) :].split("#", 1)[0]
                return path if name == "app" else f"{name}:{path}"
        return url

    def _waits(self, exchange: _Exchange) -> bool:
        """Whether it waits at a closed gate, which is noted once."""
        gate = exchange.plan.wait if not exchange.headed else None
        if exchange.headed:
            action = exchange.plan.actions[exchange.at]
            gate = action.gate if isinstance(action, Wait) else None
        if gate is None or self.world.is_open(gate):
            exchange.held_at = None
            return False
        if exchange.held_at is None:
            exchange.held_at = gate
            self.world.note(ServerHeld(exchange.number, gate))
        return True

    def _next(self, exchange: _Exchange) -> None:
        plan, note = exchange.plan, self.world.note
        if not exchange.headed:
            exchange.headed = True
            if plan.head:
                note(_noted_head(exchange))
                self._note_end_if_complete(exchange, 0)
                self.tell(Responded(exchange.number, exchange.wire))
                self._tell_end_if_complete(exchange, 0)
            return
        action = plan.actions[exchange.at]
        exchange.at += 1
        if isinstance(action, Send):
            note(ServerBytes(exchange.number, action.decoded, action.written(plan)))
            self._note_end_if_complete(exchange, action.end)
            exchange.sent = _decoded(plan, action.end)
            self.tell(BytesArrived(exchange.number, exchange.sent))
            self._tell_end_if_complete(exchange, action.end)
        elif isinstance(action, Finish):
            self._open.remove(exchange)
            self._note_end(exchange, action.how)
            self._tell_end(exchange, action.how)

    def _complete(self, exchange: _Exchange, written: int) -> bool:
        """Whether a client knows by now that this was all."""
        plan = exchange.plan
        whole = plan.framing == "length" and written == len(plan.body)
        return whole or plan.framing == "none"

    def _note_end_if_complete(self, exchange: _Exchange, written: int) -> None:
        if self._complete(exchange, written) and exchange.how == "end":
            self._note_end(exchange, "end")

    def _tell_end_if_complete(self, exchange: _Exchange, written: int) -> None:
        if self._complete(exchange, written):
            self._tell_end(exchange, "end")

    def _note_end(self, exchange: _Exchange, how: str) -> None:
        if not exchange.noted_end:
            exchange.noted_end = True
            self.world.note(ServerEnd(exchange.number, how))

    def _tell_end(self, exchange: _Exchange, how: str) -> None:
        if not exchange.told_end:
            exchange.told_end = True
            wire = exchange.wire if exchange.plan.head else None
            self.tell(Ended(exchange.number, how, wire, exchange.sent))


def _headers(made: RequestStarted) -> dict[str, str]:
    """The request headers that matter here."""
    host = made.url.split("://", 1)[1].split("/", 1)[0]
    headers = {"host": host}
    if made.own_range:
        headers["range"] = made.own_range
    if made.first is not None:
        headers["range"] = f"bytes={made.first}-"
        headers["accept-encoding"] = "identity"
    if made.body is not None:
        headers["content-length"] = str(made.body)
    return headers


def _noted_head(exchange: _Exchange) -> ServerHead:
    plan = exchange.plan
    return ServerHead(
        exchange.number, plan.status, list(plan.headers), plan.framing,
        plan.version, plan.first, plan.length, plan.encoding,
    )  # fmt: skip


def _decoded(plan: Plan, written: int) -> int:
    """Bytes that a reader has after so many encoded ones."""
    if plan.encoding != "gzip":
        return written
    return len(zlib.decompressobj(wbits=31).decompress(plan.body[:written]))
