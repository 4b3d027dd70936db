"""Small pieces of English for values of the protocol."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.protocol import RequestInit, Settled, Shown, Snapshot


def count(number: int, singular: str, plural: str = "") -> str:
    """``1 scenario``, ``2 scenarios``; ``plural`` where an s is not enough."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def bytes_of(length: int) -> str:
    """A length in bytes."""
    return count(length, "byte")


def quoted(text: str) -> str:
    """A string as a reader of scripts expects it."""
    return f'"{text}"'


def clipped(text: str, limit: int) -> str:
    """At most ``limit`` characters, the last an ellipsis where something is left out."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def alternatives(words: Sequence[str], most: int = 4) -> str:
    """What could have come instead, the first few."""
    rest = len(words) - most
    return "; or ".join(words[:most]) + (f"; or {rest} more" if rest > 0 else "")


def requests_of(requests: Sequence[RequestInit]) -> str:
    """The requests of a call: one in words, several counted."""
    methods = [request.method for request in requests if request.method != "GET"]
    extra = f" ({len(methods)} with {methods[0]})" if methods else ""
    return f"{count(len(requests), 'request')}{extra}"


def snapshot_of(snapshot: Snapshot) -> str:
    """The attributes of a registration, the uninteresting ones left out."""
    parts = [quoted(snapshot.id)]
    if snapshot.result:
        reason = f" ({snapshot.failure_reason})" if snapshot.failure_reason else ""
        parts.append(f"{snapshot.result}{reason}")
    elif snapshot.failure_reason:
        parts.append(f"no result but {snapshot.failure_reason}")
    parts.append(f"{_of(snapshot.downloaded, snapshot.download_total)} bytes down")
    if snapshot.upload_total or snapshot.uploaded:
        parts.append(f"{_of(snapshot.uploaded, snapshot.upload_total)} bytes up")
    if not snapshot.records_available:
        parts.append("records gone")
    return ", ".join(parts)


def interface_of(shown: Shown) -> str:
    """What the interface of a background fetch shows and offers."""
    if not shown.displayed:
        return "nothing is displayed"
    offers = ["abort"] * shown.can_abort + ["pause"] * shown.can_pause
    offers += ["dismiss"] * shown.dismissible
    busy = ", busy" if shown.busy else ""
    choice = ", ".join(offers) or "nothing"
    return f"{quoted(shown.title)} from {shown.origin} is displayed{busy}, offering {choice}"


def _of(done: int, total: int) -> str:
    return f"{done:,} of {total:,}" if total else f"{done:,}"


def value_of(settled: Settled) -> str:
    """How a promise settled."""
    if settled.error is not None:
        return f"reject with {settled.error}"
    if settled.snapshot is not None:
        return f"fulfil with {settled.instance}: {snapshot_of(settled.snapshot)}"
    if settled.instance is not None:
        return f"fulfil with {settled.instance}"
    if settled.boolean is not None:
        return f"fulfil with {str(settled.boolean).lower()}"
    if settled.strings is not None:
        return f"fulfil with [{', '.join(map(quoted, settled.strings))}]"
    if settled.records is not None:
        return f"fulfil with {count(len(settled.records), 'record')}"
    if settled.event is not None:
        return f"fulfil with event {settled.event}"
    return "fulfil with undefined"
