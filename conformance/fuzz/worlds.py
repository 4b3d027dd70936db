"""Worlds to draw from: small resources, and servers that misbehave in the ways that matter.

Sizes are small, since nothing depends on them, and every fault has its own
strategy with a name, so that a shrunk example reads like a sentence.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from hypothesis import strategies as st

from conformance.scenario.format import Attempt, Hold, Resource, World

KEYS = ("/a", "/b", "cdn:/c")
SIZE = 64


def _cut(then: str) -> st.SearchStrategy[Attempt]:
    at = st.sampled_from([0, 1, 24, SIZE - 1, SIZE])
    if then == "close":
        return at.map(lambda n: Attempt(send=_first(n), then="close"))
    return at.map(lambda n: Attempt(send=_first(n), then="reset"))


def _held(gate: str) -> st.SearchStrategy[Attempt]:
    at = st.sampled_from([0, 24, SIZE])
    return at.map(lambda n: Attempt(send=[*_first(n), Hold(gate)]))


def _first(length: int) -> list[int | Literal["rest"] | Hold]:
    """Send so many bytes before anything else; nothing is not a thing to send."""
    return [length] if length else []


def healthy() -> st.SearchStrategy[Attempt]:
    """A plain good answer, in each framing."""
    return st.sampled_from(
        [Attempt(), Attempt(framing="chunked"), Attempt(framing="close"), Attempt(encoding="gzip")]
    )


def failing() -> st.SearchStrategy[Attempt]:
    """Answers that end a record, or a connection that breaks."""
    return st.one_of(
        st.sampled_from([Attempt(status=s, body=9) for s in (404, 416, 500, 503)]),
        st.sampled_from([Attempt(status=204), Attempt(drop="reset"), Attempt(drop="close")]),
        _cut("close"),
        _cut("reset"),
    )


def ranges() -> st.SearchStrategy[Attempt]:
    """What can be said to a Range request: all the ways of being right or wrong about it."""
    return st.sampled_from(
        [
            Attempt(range="ignore"),
            Attempt(version=2, etag='"v2"'),
            Attempt(version=2, etag=""),
            Attempt(status=206, first=0, content_range=f"bytes 0-{SIZE - 1}/{SIZE}"),
            Attempt(status=206, content_range="octets 1-2/3"),
            Attempt(status=206, content_range=""),
            Attempt(status=206, first=24, count=SIZE - 24, content_range=f"bytes 24-{SIZE - 1}/*"),
            Attempt(status=206, first=24, count=8, content_range=f"bytes 24-31/{SIZE}"),
            Attempt(status=206, first=24, count=8, content_range=f"bytes 24-63/{SIZE}"),
            Attempt(status=206, first=25, count=SIZE - 25, content_range=f"bytes 25-63/{SIZE}"),
            Attempt(status=206, first=24, count=60, content_range=f"bytes 24-63/{SIZE}"),
            Attempt(status=206, first=24, count=SIZE - 24, content_range="bytes 24-23/64"),
        ]
    )


def redirects() -> st.SearchStrategy[Attempt]:
    """To another resource of the world, or round in a circle."""
    return st.sampled_from(
        [
            Attempt(redirect="/b"),
            Attempt(redirect="/b", status=303),
            Attempt(redirect="/b", status=307),
            Attempt(redirect="cdn:/c"),
        ]
    )


def missing() -> Attempt:
    """The plainest failure."""
    return Attempt(status=404, body=9)


def interrupted(gate: str) -> st.SearchStrategy[list[Attempt]]:
    """A body that waits in its middle; whoever then has to ask for the rest gets some answer."""
    held = Attempt(send=[24, Hold(gate)])
    changed = Attempt(version=2, etag='"v2"')
    return st.one_of(st.just(changed), ranges()).map(lambda rest: [held, rest])


def resources(key: str) -> st.SearchStrategy[Resource]:
    """One resource: the first answer often waits at a gate, so that there is time to interfere."""
    gate = "gate-" + key[-1]
    first = st.one_of(_held(gate), healthy(), failing(), redirects())
    later = st.one_of(healthy(), ranges(), failing())
    anything = st.builds(lambda one, more: [one, *more], first, st.lists(later, max_size=2))
    attempts = st.one_of(interrupted(gate), interrupted(gate), st.just([missing()]), anything)
    # A circle of redirects costs a request each time round and shows nothing new.
    safe = attempts.map(lambda made: [*made, Attempt()] if made[-1].redirect else made)
    etags = st.sampled_from(['"v1"', 'W/"v1"', ""])
    return st.builds(_resource, safe, etags, st.booleans())


def _resource(attempts: list[Attempt], etag: str, cors: bool) -> Resource:
    # Without a validator nobody can tell two versions apart, so there is only one.
    if not etag:
        attempts = [msgspec.structs.replace(one, version=None, etag=None) for one in attempts]
    return Resource(size=SIZE, etag=etag, cors=cors, attempts=attempts)


def worlds() -> st.SearchStrategy[World]:
    """Three resources, one of them on another origin; sometimes a quota or a prompt."""
    return st.builds(
        lambda a, b, c, quota, permission: World(
            origins=["cdn"],
            resources=dict(zip(KEYS, (a, b, c), strict=True)),
            quota=quota,
            permission=permission,
        ),
        *(resources(key) for key in KEYS),
        st.sampled_from([None, None, SIZE, 2 * SIZE - 1, 4 * SIZE]),
        st.sampled_from([*["granted"] * 8, "prompt", "denied"]),
    )
