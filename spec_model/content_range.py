"""Validate a partial response, and extract content-range values (VALIDATE, EXTRACT, ABNF).

The literal grammar asks for ``bytes=5-9/10``; HTTP (RFC 9110, 14.4) sends
``bytes 5-9/10`` (E22).  Numbers are unbounded ASCII digits: Python's ``int``
would also take signs, underscores and other scripts' digits.
"""

from __future__ import annotations

import re

import attrs

from spec_model.decide import Decide
from spec_model.values import Extent, Head

_AS_WRITTEN = re.compile(r"bytes=([0-9]+)-([0-9]+)/([0-9]+|\*)", re.ASCII)
_AS_HTTP = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)", re.ASCII)
_UNSATISFIED = re.compile(r"bytes \*/([0-9]+)", re.ASCII)


@attrs.frozen
class ContentRange:
    """First and last byte position, and the complete length or None for ``*``."""

    first: int
    last: int
    complete: int | None


def extract_content_range(head: Head, d: Decide) -> ContentRange | None:
    """The values of a response's Content-Range, or None where the text says failure."""
    d.take("EXTRACT-1")
    # E30: the filtered response of another origin does not show the header.
    value = head.get("content-range", internal=d.repaired("E30"))
    if value is None:
        return None
    d.take("EXTRACT-2", "EXTRACT-3", "ABNF-1", "ABNF-2", "ABNF-3", "ABNF-4")
    grammar = _AS_HTTP if d.repaired("E22") else _AS_WRITTEN
    found = grammar.fullmatch(value)
    if found is None:
        return None
    d.take("EXTRACT-4", "EXTRACT-5", "EXTRACT-6", "EXTRACT-7", "EXTRACT-8")
    complete = None if found[3] == "*" else int(found[3])
    return ContentRange(int(found[1]), int(found[2]), complete)


def unsatisfied_length(head: Head) -> int | None:
    """N of a 416's ``bytes */N`` (RFC 9110, 14.4), or None."""
    found = _UNSATISFIED.fullmatch(head.get("content-range", internal=True) or "")
    return int(found[1]) if found else None


def validate_partial_response(
    expected: Extent, head: Head, previous: Head | None, d: Decide
) -> str:
    """ "valid", "invalid", or "changed" where the validators or the length differ.

    ``changed`` is what the text calls invalid too; it is told apart since a user
    agent may start over instead (E29).
    """
    d.take("VALIDATE-1", "VALIDATE-2")
    values = extract_content_range(head, d)
    if values is None:
        return "invalid"
    d.take("VALIDATE-3")
    if not expected.has(values.first):
        return "invalid"
    if d.repaired("E26"):
        if values.last < values.first:
            return "invalid"
        if values.complete is not None and values.last >= values.complete:
            return "invalid"
    d.take("VALIDATE-4")
    if previous is None:
        return "valid"
    internal = d.repaired("E30")
    d.take("VALIDATE-4.1")
    for name in ("etag", "last-modified"):
        d.take("VALIDATE-4.1.1")
        before = previous.get(name, internal=internal)
        if before is not None and before != head.get(name, internal=internal):
            return "changed"
    d.take("VALIDATE-4.2")
    if previous.status == 206:
        d.take("VALIDATE-4.2.1")
        earlier = extract_content_range(previous, d)
        if earlier is None:
            return "invalid"
        d.take("VALIDATE-4.2.2")
        if earlier.complete is not None and earlier.complete != values.complete:
            return "changed"
    d.take("VALIDATE-5")
    return "valid"
