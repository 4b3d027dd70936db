"""Complete a record (RECORD): one request of a fetch, from waiting to its result.

The text is one long algorithm that waits four times: for the pause to end
(step 3), for a response and then for its body (the callbacks inside step 11,
watched by step 13), and for an unavailable resource to come back (11.R.1.1 and
11.R.8.1).  Each wait is a phase; between two waits there is one function:

- here, from the beginning to the request (steps 1 to 11), and what becomes of that request;
- in ``process_response``, what the network says to it (the callbacks, 11.R);
- in ``interruptions``, where a flag or the end of the user agent cuts it short (13, 14);
- in ``record_end``, how an attempt is over, and whether there is another one (13 to 15).

A retry and the next part of a partial answer are the recursion of step 15: the
record waits again and keeps its bytes.  What is kept is in ``record_state``.
"""

from __future__ import annotations

import attrs

from spec_model.decide import Decide
from spec_model.phases import RecordPhaseTrigger as On
from spec_model.phases import fire
from spec_model.process_response import network_error, replace_data
from spec_model.record_end import settle
from spec_model.record_state import TIGHT, RecordState, Sent, View
from spec_model.values import NOTHING, Head, Part, RequestSpec, exactly


def start(record: RecordState, spec: RequestSpec, view: View, d: Decide) -> RecordState | None:
    """RECORD-1 to 11: make a request, or None while there is nothing to do but wait."""
    d.take("RECORD-0", "RECORD-1", "RECORD-2")
    if view.abort and d.repaired("E13"):
        return settle(record, "aborted")
    d.take("RECORD-3")
    if view.paused:
        return None
    d.take("RECORD-4")
    kept_alive = not d.repaired("E36")
    if kept_alive:
        d.take("RECORD-5")
    d.take("RECORD-6", "RECORD-7")
    range_start = record.stored
    if record.stored.hi > 0 and not may_continue(record, spec, d):
        # The text replaces data when a response is there (R.3); dropping it now is as good.
        range_start = NOTHING
        if d.choose("data dropped at", ("the response", "the request")) == "the request":
            record = replace_data(record)
    d.take("RECORD-8", "RECORD-9", "RECORD-10", "RECORD-11", "RECORD-12", "RECORD-13")
    sent = attrs.evolve(record, phase=fire(record.phase, On.SEND), start=range_start)
    if kept_alive and (spec.body or 0) > KEEPALIVE_LIMIT:
        return network_error(sent, spec, view, d, lost=False)
    if not view.online:
        return network_error(sent, spec, view, d, lost=True)
    url = record.url or spec.url
    return attrs.evolve(
        sent,
        url=url,
        method=spec.method,
        hops=0,
        exchange=0,
        attempts=record.attempts + 1,
        unseen=(*record.unseen, Sent(url, spec.method, range_start)),
    )


KEEPALIVE_LIMIT = 64 * 1024
"""Body bytes that Fetch lets a keepalive request have ("HTTP-network-or-cache fetch"; E36)."""


def has_validator(head: Head) -> bool:
    """A strong ETag or a Last-Modified: without one a change would go unnoticed (E29)."""
    etag = head.get("etag", internal=True)
    strong = etag is not None and not etag.startswith("W/")
    return strong or head.get("last-modified", internal=True) is not None


def may_continue(record: RecordState, spec: RequestSpec, d: Decide) -> bool:
    """Whether stored bytes may be continued with a Range request (E27, E28, E31)."""
    response = record.response
    if response is None or (spec.own_range and d.repaired("E31")):
        return False
    if response.status not in (200, 206) and d.repaired("E27"):
        return False
    if not has_validator(response) and d.repaired("E29"):
        if d.choose("unvalidated-resume") == "anew":
            return False
    if response.encoded and d.repaired("E28"):
        return d.choose("encoded-resume") == "continued"
    return True


def arrived(record: RecordState, at: int) -> RecordState:
    """The server has read the request at this place of ``unseen``."""
    left = list(record.unseen)
    del left[at]
    return attrs.evolve(record, unseen=tuple(left))


def asked_from(record: RecordState, first: int) -> RecordState | None:
    """The request was seen to ask for bytes from ``first`` on: rangeStart is known now.

    None if RECORD-7 cannot have given that number.
    """
    anew = record.start == NOTHING
    if not record.start.has(first) or (first < record.floor and not anew):
        return None
    if anew:
        return record
    known = exactly(first)
    return attrs.evolve(record, start=known, stored=known, parts=_up_to(record.parts, first))


def _up_to(parts: tuple[Part, ...], length: int) -> tuple[Part, ...]:
    """The parts that make up the first ``length`` bytes: a tail may have been lost (E87)."""
    kept = []
    for part in parts:
        taken = min(part.length.hi, length)
        if taken:
            kept.append(attrs.evolve(part, length=exactly(taken)))
        length -= taken
    return tuple(kept)


def redirected(record: RecordState, url: str, method: str, taint: str = "") -> RecordState:
    """Fetch follows a redirect within the same attempt: one more request is on its way.

    As written the body is sent again and counted again (E34).
    """
    return attrs.evolve(
        record,
        url=url,
        method=method,
        hops=record.hops + 1,
        taint=taint,
        exchange=0,
        unseen=(*record.unseen, Sent(url, method, record.start)),
        loose=TIGHT,
    )
