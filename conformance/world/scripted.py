"""What the scripted world decides, apart from any network.

A request for a resource is looked up in the scenario's world and becomes a
*plan*: the head, the body's bytes, and an ordered list of things to do.  The
trio server carries a plan out over a stream; the model's adapter carries it out
in its head.  Both write the same log.  Gates are shared with the script and
with handler programs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import attrs

from conformance.scenario.format import Attempt, Hold, Resource, World
from conformance.trace import AnyServerEntry
from conformance.world.content import content, encode_gzip

NO_BODY = frozenset({101, 103, 204, 205, 304})


@attrs.frozen
class Send:
    """Write body bytes [start, end) of the encoded body; then ``decoded`` bytes may be known."""

    start: int
    end: int
    decoded: int

    def written(self, plan: Plan) -> int | None:
        """For the log: how much of a coded body is written then; None of a plain one."""
        return None if plan.encoding == "identity" else self.end


@attrs.frozen
class Wait:
    """Wait at a gate."""

    gate: str


@attrs.frozen
class Finish:
    """End the answer: end (as framed), close, reset, or drop (no head was sent)."""

    how: str


Action = Send | Wait | Finish


@attrs.frozen
class Plan:
    """One answer.  ``wait``: gate before the head; ``body``: encoded; ``head`` False: drop."""

    head: bool
    status: int
    headers: tuple[tuple[str, str], ...]
    framing: str
    encoding: str
    version: int
    first: int
    length: int
    body: bytes
    wait: str | None
    actions: tuple[Action, ...]
    drop: Literal["reset", "close"] | None = None  # how a connection without an answer ends


@attrs.define
class ScriptedWorld:
    """The world of one running scenario: attempt counters, gates, the log's sink."""

    world: World
    origins: dict[str, str]
    note: Callable[[AnyServerEntry], None]
    _attempts: dict[str, int] = attrs.field(factory=dict)
    _exchanges: int = 0
    _open: set[str] = attrs.field(factory=set)
    _watchers: list[Callable[[str], None]] = attrs.field(factory=list)

    def next_exchange(self) -> int:
        """A new number for a request and its answer."""
        self._exchanges += 1
        return self._exchanges

    def count_attempt(self, key: str) -> int:
        """How many requests for ``key`` have come, this one included."""
        self._attempts[key] = self._attempts.get(key, 0) + 1
        return self._attempts[key]

    def release(self, gate: str) -> None:
        """Open a gate for good and tell everyone who watches."""
        self._open.add(gate)
        for watcher in tuple(self._watchers):
            watcher(gate)

    def is_open(self, gate: str) -> bool:
        """Whether a gate has been opened."""
        return gate in self._open

    def watch(self, watcher: Callable[[str], None]) -> None:
        """Call ``watcher(gate)`` whenever a gate is opened."""
        self._watchers.append(watcher)

    def plan(self, key: str, attempt: int, method: str, headers: dict[str, str]) -> Plan:
        """What the server does with this request; an unknown key is an ordinary 404."""
        resource = self.world.resources.get(key)
        if resource is None:
            resource = Resource(attempts=[Attempt(status=404, body=9)])
        attempts = resource.attempts or [Attempt()]
        chosen = attempts[min(attempt, len(attempts)) - 1]
        return plan_answer(key, resource, chosen, method, headers, self.origins)


_RANGE = re.compile(r"bytes=([0-9]{1,18})-")
"""Whoever is judged may send anything: digits that are none, thousands of them."""


def requested_range(headers: dict[str, str]) -> int | None:
    """First byte of a ``bytes=k-`` request, or None; other forms of Range are ignored."""
    found = _RANGE.fullmatch(headers.get("range", ""))
    return None if found is None else int(found[1])


def plan_answer(
    key: str,
    resource: Resource,
    attempt: Attempt,
    method: str,
    headers: dict[str, str],
    origins: dict[str, str],
) -> Plan:
    """Turn a scripted attempt and a request into a plan."""
    version = resource.version if attempt.version is None else attempt.version
    size = resource.size if attempt.body is None else attempt.body
    wanted = requested_range(headers)
    partial = wanted is not None and attempt.range == "honour" and attempt.status in (None, 206)
    status = attempt.status or (206 if partial else 200)
    first, length = 0, size
    extra: list[tuple[str, str]] = []
    if attempt.redirect is not None:
        status = attempt.status or 302
        extra.append(("Location", absolute(attempt.redirect, origins)))
        length = 0
    elif partial and wanted is not None:
        if wanted >= size:
            status, length = 416, 0
            extra.append(("Content-Range", f"bytes */{size}"))
        else:
            first, length = wanted, size - wanted
            extra.append(("Content-Range", f"bytes {wanted}-{size - 1}/{size}"))
    if attempt.first is not None:
        first = attempt.first
    if attempt.count is not None:
        length = attempt.count
    if attempt.content_range is not None:
        extra = [pair for pair in extra if pair[0] != "Content-Range"]
        if attempt.content_range:
            extra.append(("Content-Range", attempt.content_range))
    etag = resource.etag if attempt.etag is None else attempt.etag
    modified = resource.last_modified if attempt.last_modified is None else attempt.last_modified
    if etag and status < 400:
        extra.append(("ETag", etag))
    if modified and status < 400:
        extra.append(("Last-Modified", modified))
    if resource.cors:
        extra.append(("Access-Control-Allow-Origin", "*"))
        if resource.expose:
            extra.append(("Access-Control-Expose-Headers", ", ".join(resource.expose)))
    bodiless = status in NO_BODY or method == "HEAD"
    body = b"" if bodiless else content(key, version, first, length)
    if bodiless:
        length = 0
    if attempt.encoding == "gzip" and not bodiless:
        body = encode_gzip(body)
        extra.append(("Content-Encoding", "gzip"))
    framing = attempt.framing
    if not bodiless:
        extra.append(("Content-Type", "application/octet-stream"))
        if framing == "length":
            extra.append(("Content-Length", str(len(body))))
        elif framing == "chunked":
            extra.append(("Transfer-Encoding", "chunked"))
    extra.extend(attempt.headers.items())
    return Plan(
        head=attempt.drop is None,
        status=status,
        headers=tuple(extra),
        framing="none" if bodiless else framing,
        encoding=attempt.encoding,
        version=version,
        first=first,
        length=length,
        body=body,
        wait=attempt.wait,
        actions=_actions(attempt, len(body), length, attempt.encoding == "gzip"),
        drop=attempt.drop,
    )


def _actions(attempt: Attempt, encoded: int, decoded: int, gzip: bool) -> tuple[Action, ...]:
    if attempt.drop is not None:
        return (Finish("drop"),)
    actions: list[Action] = []
    at = 0
    for item in attempt.send:
        if isinstance(item, Hold):
            actions.append(Wait(item.hold))
            continue
        end = encoded if item == "rest" else min(encoded, at + int(item))
        if end > at:
            # Any encoded byte may already decode to everything: an upper bound.
            actions.append(Send(at, end, decoded if gzip else end))
        at = end
    if attempt.then == "end" and at < encoded:
        actions.append(Send(at, encoded, decoded))
    actions.append(Finish(attempt.then))
    return tuple(actions)


def absolute(key: str, origins: dict[str, str]) -> str:
    """The URL of a resource key: ``/path`` on ``app``, ``name:/path`` elsewhere."""
    origin, path = ("app", key) if key.startswith("/") else tuple(key.split(":", 1))
    return origins[origin] + path
