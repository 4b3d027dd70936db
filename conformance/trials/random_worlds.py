"""Small random worlds for wild runs: the faults of ``conformance.fuzz.worlds``, drawn fast."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal

import msgspec

from conformance.scenario.format import Attempt, Hold, Resource, World

KEYS = ("/a", "/b", "cdn:/c")
SIZE = 16
"""Bytes of a resource: two of the marks that name version and offset."""

_GOOD = (
    Attempt(),
    Attempt(),
    Attempt(framing="chunked"),
    Attempt(framing="close"),
    Attempt(encoding="gzip"),
    Attempt(status=204),
)
_BAD = (
    Attempt(status=404, body=9),
    Attempt(status=416, body=9),
    Attempt(status=503, body=9),
    Attempt(drop="reset"),
    Attempt(drop="close"),
    Attempt(send=[8], then="close"),
    Attempt(send=[8], then="reset"),
    Attempt(then="reset"),
    Attempt(framing="chunked", send=[8], then="close"),
    Attempt(framing="close", send=[8], then="close"),
    Attempt(encoding="gzip", send=[12], then="reset"),
)
_TO_RANGES = (
    Attempt(range="ignore"),
    Attempt(version=2, etag='"v2"'),
    Attempt(version=2, etag=""),
    Attempt(version=2, etag='"v2"', range="ignore"),
    Attempt(status=206, first=0, content_range="bytes 0-15/16"),
    Attempt(status=206, content_range="octets 1-2/3"),
    Attempt(status=206, content_range=""),
    Attempt(status=206, first=8, count=8, content_range="bytes 8-15/*"),
    Attempt(status=206, first=8, count=4, content_range="bytes 8-11/16"),
    Attempt(status=206, first=8, count=4, content_range="bytes 8-15/16"),
    Attempt(status=206, first=9, count=7, content_range="bytes 9-15/16"),
    Attempt(status=206, first=8, count=12, content_range="bytes 8-15/16"),
    Attempt(status=206, first=8, count=8, content_range="bytes 8-7/16"),
    Attempt(status=416, body=0, content_range="bytes */8"),
)
_AWAY = (
    Attempt(redirect="/b"),
    Attempt(redirect="/b", status=303),
    Attempt(redirect="/b", status=307),
    Attempt(redirect="cdn:/c"),
)

_PERMISSIONS: tuple[Literal["granted", "prompt", "denied"], ...] = (
    *(("granted",) * 16),
    *("prompt", "prompt", "prompt", "denied"),
)


def _held(rng: Random, gate: str) -> Attempt:
    before = rng.choice((0, 8, 8, SIZE))
    return Attempt(
        send=[before, Hold(gate)] if before else [Hold(gate)],
        framing=rng.choice(("length", "length", "chunked")),
        then=rng.choice(("end", "end", "end", "close", "reset")),
    )


def _waiting(rng: Random, gate: str) -> Attempt:
    return msgspec.structs.replace(rng.choice((*_GOOD, *_GOOD, *_BAD)), wait=gate)


def _first(rng: Random, gate: str) -> Attempt:
    draw: Callable[[], Attempt] = rng.choice(
        (
            lambda: _held(rng, gate),
            lambda: _held(rng, gate),
            lambda: _waiting(rng, gate),
            lambda: rng.choice(_GOOD),
            lambda: rng.choice(_GOOD),
            lambda: rng.choice(_BAD),
            lambda: rng.choice(_AWAY),
        )
    )
    return draw()


def _resource(rng: Random, key: str) -> Resource:
    attempts = [_first(rng, "gate-" + key[-1])]
    for _ in range(rng.choice((0, 1, 1, 2))):
        attempts.append(rng.choice((*_GOOD, *_TO_RANGES, *_TO_RANGES, *_BAD)))
    if attempts[-1].redirect:
        attempts.append(Attempt())
    etag = rng.choice(('"v1"', '"v1"', '"v1"', 'W/"v1"', ""))
    modified = rng.choice(("", "", "", "Tue, 01 Jan 2030 00:00:00 GMT"))
    if not etag and not modified:
        # Without a validator nobody can tell two versions apart, so there is only one.
        attempts = [msgspec.structs.replace(one, version=None, etag=None) for one in attempts]
    return Resource(SIZE, 1, etag, modified, rng.random() < 0.7, [], attempts)


def random_world(rng: Random) -> World:
    """Three resources, one on another origin; sometimes a quota, a prompt, few connections."""
    return World(
        origins=["cdn"],
        resources={key: _resource(rng, key) for key in KEYS},
        quota=rng.choice((None, None, None, SIZE, 2 * SIZE - 1, 4 * SIZE)),
        permission=rng.choice(_PERMISSIONS),
        online=rng.random() < 0.95,
        concurrency=rng.choice((None, None, None, None, 1)),
    )
