"""What the server may do with one request, as the scenario format says it.

Each kind is an ``Attempt``, so that the explored server and the scripted one of the
conformance suite are the same: a plan is made of it by the same function.  Bodies are
chunked, so that the last byte and the end are two moments.
"""

from __future__ import annotations

import functools

from conformance.scenario.format import Attempt, Resource
from conformance.world.scripted import Plan, plan_answer

HOME = "https://app.example"
FOREIGN = "https://cdn.example"

FAULTS = {
    "drop": "the connection breaks before an answer",
    "reset": "the connection breaks in a body",
    "status": "404 with a body of one byte",
    "status-cut": "500 with a body of one byte that breaks off",
    "null": "204 without a body",
    "ignored": "200 although a range was asked for",
    "short": "206 with one byte less than asked for",
    "empty": "206 that adds nothing",
    "star": "206 of unknown total length",
    "changed": "206 of another version",
    "wrong": "206 whose Content-Range is nonsense",
    "long": "206 with a byte more than its Content-Range says",
    "weak": "200 without any validator",
    "encoded": "200 with a content coding",
    "see-other": "303 to another resource",
    "moved": "307 to another resource",
}
"""Kinds of answers that are not the whole resource, in the words of the command line."""

REDIRECTS = ("see-other", "moved")
"""Those after which the same attempt makes another request."""

TARGET = "/moved"
"""Where redirects lead."""


def attempt(kind: str, start: int, size: int) -> Attempt:
    """What the server does with a request for the bytes from ``start`` on."""
    whole = Attempt(framing="chunked")
    rest = f"bytes {start}-{size - 1}/{size}"
    match kind:
        case "drop":
            return Attempt(drop="reset")
        case "status":
            return Attempt(status=404, count=1, framing="chunked")
        case "status-cut":
            # The error page carries the resource's validator, as some servers let it.
            marked = {"ETag": '"v1"'}
            return Attempt(status=500, headers=marked, count=1, framing="chunked", then="reset")
        case "null":
            return Attempt(status=204)
        case "ignored":
            return Attempt(range="ignore", framing="chunked")
        case "short":
            value = f"bytes {start}-{start}/{size}"
            return Attempt(206, framing="chunked", content_range=value, first=start, count=1)
        case "empty":
            return Attempt(206, framing="chunked", content_range=rest, first=start, count=0)
        case "star":
            value = f"bytes {start}-{size - 1}/*"
            count = size - start
            return Attempt(206, framing="chunked", content_range=value, first=start, count=count)
        case "changed":
            count = size - start
            return Attempt(
                206, framing="chunked", content_range=rest, first=start, count=count,
                version=2, etag='"v2"',
            )  # fmt: skip
        case "wrong":
            value = f"bytes {start}-{size + 1}/{size}"
            count = size - start
            return Attempt(206, framing="chunked", content_range=value, first=start, count=count)
        case "long":
            value = f"bytes {start}-{start}/{size}"
            return Attempt(206, framing="chunked", content_range=value, first=start, count=2)
        case "weak":
            return Attempt(etag="", framing="chunked")
        case "encoded":
            if start:
                return whole  # ranges are those of the identity form
            # What matters are the headers; the bytes are those of the identity form.
            return Attempt(encoding="gzip", etag='"v1-gzip"', framing="chunked")
        case "see-other":
            return Attempt(status=303, redirect=TARGET)
        case "moved":
            return Attempt(status=307, redirect=TARGET)
    return whole


EXPOSED = ["Content-Range", "ETag"]
"""What another origin may let a page see of its answers."""


def resource_of(size: int, foreign: bool, exposed: bool = False) -> Resource:
    """The resource that every record asks for."""
    return Resource(size=size, cors=foreign, expose=EXPOSED if exposed else [])


@functools.cache
def plan(
    kind: str, start: int, size: int, method: str, foreign: bool, exposed: bool = False
) -> Plan:
    """The answer; the request has a Range that begins at ``start`` unless that is 0."""
    headers = {"range": f"bytes={start}-"} if start else {}
    made = attempt(kind, start, size)
    resource = resource_of(size, foreign, exposed)
    return plan_answer("/film", resource, made, method, headers, {"app": HOME, "cdn": FOREIGN})
