"""Complete a record (RECORD): one request of a fetch, from waiting to its result.

The text is one long algorithm that waits four times: for the pause to end
(step 3), for a response and then for its body (the callbacks inside step 11,
watched by step 13), and for an unavailable resource to come back (11.R.1.1 and
11.R.8.1).  Each wait is a phase; between two waits there is one function here, or in
``interruptions`` where a flag or the end of the user agent cuts an attempt short.
A retry and the next part of a partial answer are the recursion of step 15: the
record waits again and keeps its bytes.

What a function reads of the rest of the fetch is a ``View``; it changes its own
record only.  How many bytes of the current answer have been stored is handed in
as an extent, exact where it is known.

``unseen`` are requests given to the network that the server has not shown yet, the newest
last: a request in flight may still arrive after its attempt is over.

As written an attempt that is over is not sealed (E03): terminating it breaks its
stream, and the callbacks of that stream write into data that is kept.  Where an
edition leaves that unrepaired, ``result`` may be set before the record is settled
(E15), a settled record may go on reading (E20), and an attempt that was abandoned may
go on beside the next one (``spec_model.abandoned``).  What only such an edition has to
keep is in ``Loose``; as amended that is always ``TIGHT``.
"""

from __future__ import annotations

import attrs

from spec_model.content_range import (
    extract_content_range,
    unsatisfied_length,
    validate_partial_response,
)
from spec_model.decide import Decide
from spec_model.phases import RecordPhase, fire
from spec_model.phases import RecordPhaseTrigger as On
from spec_model.values import NOTHING, Extent, Head, Part, RequestSpec, exactly


@attrs.frozen(cache_hash=True)
class View:
    """What a record sees of its fetch and of the user agent.

    ``abort``: the abort-all flag, by its cause, "" while unset.  ``room``: how many
    bytes this record may hold under downloadTotal, ``quota``: under the quota; None: no limit.
    """

    paused: bool = False
    abort: str = ""
    online: bool = True
    room: Extent | None = None
    quota: Extent | None = None


@attrs.frozen(cache_hash=True)
class Abandoned:
    """An attempt that was told to stop and has not stopped yet (E16)."""

    head: Head
    attempt: int


@attrs.frozen(cache_hash=True)
class Loose:
    """What a record keeps only where an amendment does not apply.

    ``skipped``: bytes of the current answer that were not stored, ``reported``: the result
    that PERFORM-5.2 has read before it was written over (E20); ``transmitted``: how much
    of the request's body this transmission has sent (E34).
    """

    skipped: int = 0
    reported: str = ""
    transmitted: int = 0
    abandoned: Abandoned | None = None


TIGHT = Loose()


@attrs.frozen(cache_hash=True)
class Sent:
    """A request that was given to the network; ``start``: rangeStart of its attempt."""

    url: str
    method: str
    start: Extent = NOTHING


@attrs.frozen(cache_hash=True)
class RecordState:
    """A record's response data (DM-DATA) and where in RECORD it is.

    ``stored``: bytes held; ``response`` and ``result`` as in the text; ``current``: the head
    of the answer being read; ``start``: rangeStart of the current attempt; ``url``,
    ``method``, ``hops`` and ``taint``: where redirects have led (``fetch_boundary``);
    ``generation``: how often the data was replaced.
    """

    phase: RecordPhase = RecordPhase.WAITING_UNPAUSED
    stored: Extent = NOTHING
    parts: tuple[Part, ...] = ()
    response: Head | None = None
    result: str = ""
    current: Head | None = None
    exchange: int = 0
    start: Extent = NOTHING
    url: str = ""
    method: str = ""
    hops: int = 0
    taint: str = ""
    attempts: int = 0
    generation: int = 0
    unseen: tuple[Sent, ...] = ()
    floor: int = 0
    loose: Loose = TIGHT

    @property
    def settled(self) -> bool:
        """Whether RECORD has ended for this record."""
        return self.phase is RecordPhase.SETTLED

    @property
    def exposable(self) -> bool:
        """DM-DATA-4."""
        return self.result in ("", "success", "bad-status")


def _over(record: RecordState) -> RecordState:
    return attrs.evolve(
        record,
        current=None,
        exchange=0,
        start=NOTHING,
        url="",
        method="",
        hops=0,
        taint="",
        loose=TIGHT,
    )


def waits(record: RecordState, why: On, d: Decide) -> RecordState:
    """The attempt is over, and there will be another one; the bytes are kept."""
    url = record.url if record.phase is RecordPhase.WAITING_AVAILABLE else ""
    if record.hops and d.choose("lost-redirect") == "redirected":
        url = record.url
    return attrs.evolve(_over(record), phase=fire(record.phase, why), url=url)


def settle(record: RecordState, result: str) -> RecordState:
    """The record's result is set for good and its attempt is over."""
    why = On.ABORT if result == "aborted" else On.END
    return attrs.evolve(_over(record), phase=fire(record.phase, why), result=result)


def _complete(record: RecordState, result: str, d: Decide) -> RecordState:
    """RECORD-13.1 and 13.2: the attempt has ended by itself, with a result."""
    d.take("RECORD-13.1")
    if record.phase is RecordPhase.READING and not d.repaired("E03"):
        if d.choose("the end is noticed", ("at once", "late")) == "late":
            return attrs.evolve(record, current=None, exchange=0, result=result)
    d.take("RECORD-13.2")
    return settle(record, result)


def unnoticed(record: RecordState) -> bool:
    """E46: the attempt has ended, and RECORD-13.2 has not read its result yet."""
    return record.phase is RecordPhase.READING and record.current is None


def notice(record: RecordState, spec: RequestSpec, view: View, d: Decide) -> RecordState:
    """RECORD-13.2, or 14 if a flag was set meanwhile: then an abort comes first (E46)."""
    if view.abort:
        d.take("RECORD-14", "RECORD-14.1", "RECORD-14.2", "RECORD-14.3", "RECORD-14.4")
        return settle(record, "aborted")
    d.take("RECORD-13.2")
    return settle(record, record.result)


def again(record: RecordState, why: On, d: Decide) -> RecordState:
    """Another run for the same record, unless it has a result."""
    if record.result:
        # E15: RECORD-13.2 or 14.3 reads what an abandoned attempt left behind.
        return attrs.evolve(_over(record), phase=fire(record.phase, On.END))
    return waits(record, why, d)


def _replace_data(record: RecordState) -> RecordState:
    """RECORD-11.R.3.1 to 3.3: fresh response data; readers of the old see it as redundant."""
    return attrs.evolve(
        record,
        stored=NOTHING,
        parts=(),
        response=None,
        result="",
        generation=record.generation + 1,
        floor=0,
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
            record = _replace_data(record)
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


def _temporarily_unavailable(
    record: RecordState, spec: RequestSpec, view: View, lost: bool, d: Decide
) -> bool:
    """INFRA-1: a belief of the user agent; only a lost connection can be temporary."""
    d.take("INFRA-1")
    # E33: as written the method is that of the copy, which a redirect may have changed.
    method = spec.method if d.repaired("E32") else record.method or spec.method
    if method != "GET" or not lost:
        return False
    return not view.online or d.choose("temporary-loss") == "temporary"


def network_error(
    record: RecordState, spec: RequestSpec, view: View, d: Decide, *, lost: bool
) -> RecordState:
    """RECORD-11.R.1.  ``lost``: the connection failed (not CORS, not nonsense)."""
    d.take("RECORD-11.R.1", "RECORD-11.R.1.1")
    if _temporarily_unavailable(record, spec, view, lost, d):
        return waits(record, On.UNAVAILABLE, d)
    d.take("RECORD-11.R.1.2", "RECORD-11.R.1.3")
    return _complete(record, "fetch-error", d)


def available(record: RecordState, d: Decide) -> RecordState:
    """RECORD-11.R.1.1 and R.8.1: the resource is available again, and the attempt over."""
    d.take("RECORD-13.1", "RECORD-13.2", "RECORD-15")
    return again(record, On.AVAILABLE, d)


def respond(
    record: RecordState, spec: RequestSpec, head: Head, view: View, d: Decide
) -> RecordState:
    """RECORD-11.R.2 to R.5: a response has come."""
    d.take("RECORD-11.R.2")
    if head.own_range and not d.repaired("E31"):
        head = attrs.evolve(head, own_range=False)
    if head.status == 206 and not head.own_range:
        d.take("RECORD-11.R.2.1")
        # Where nothing is continued there is nothing to agree with (E29).
        joined = record.start.hi or not d.repaired("E29")
        previous = record.response if joined else None
        verdict = validate_partial_response(record.start, head, previous, d)
        if verdict == "changed" and d.choose("changed-validator") == "restart":
            read = attrs.evolve(record, phase=fire(record.phase, On.HEADERS))
            return _replace_data(again(read, On.AGAIN, d))
        if verdict != "valid":
            d.take("RECORD-11.R.2.1.1", "RECORD-11.R.2.1.2", "RECORD-11.R.2.1.3")
            return _complete(record, "fetch-error", d)
        if record.start.hi == 0 and record.stored.hi > 0:
            record = _replace_data(record)
    else:
        d.take("RECORD-11.R.3")
        if _is_whole(record, head, d):
            d.take("RECORD-11.R.7", "RECORD-11.R.7.3", "RECORD-11.R.7.4")
            return _complete(record, "success", d)
        # E17: nothing was there that a reader could have been given.
        fresh = record.response is None and record.stored.hi == 0
        if not (fresh and d.repaired("E17")):
            d.take("RECORD-11.R.3.1", "RECORD-11.R.3.2", "RECORD-11.R.3.3", "RECORD-11.R.3.4")
            record = _replace_data(record)
    d.take("RECORD-11.R.4")
    first_answer = record.start.hi == 0 or head.status != 206
    record = attrs.evolve(
        record,
        phase=fire(record.phase, On.HEADERS),
        response=head if first_answer else record.response,
        current=head,
        exchange=head.exchange,
    )
    if not head.ok and not head.null_body and d.choose("error-answer") == "unread":
        # E40: the status says all that there is to judge.
        d.take("RECORD-11.R.7", "RECORD-11.R.7.2", "RECORD-11.R.7.4")
        return _complete(record, "bad-status", d)
    d.take("RECORD-11.R.5")
    if head.null_body and d.repaired("E18"):
        return body_ended(record, spec, NOTHING, view, d)
    return record


def _is_whole(record: RecordState, head: Head, d: Decide) -> bool:
    """E25: a 416 that names the stored length says that nothing is missing."""
    if head.status != 416 or record.start.lo == 0 or not d.repaired("E23"):
        return False
    return record.response is not None and unsatisfied_length(head) == record.start.lo


def append(
    record: RecordState, spec: RequestSpec, amount: Extent, view: View, d: Decide
) -> RecordState:
    """RECORD-11.R.6: ``amount`` more bytes of the current answer, unless a limit forbids them."""
    if amount.hi == 0 or (head := record.current) is None:
        return record
    d.take("RECORD-11.R.6")
    total = record.stored + amount
    # E26: more bytes than the part announced; which of two limits is met first hangs on chunks.
    if _overshoots(record, head, amount, d) and (
        not (_may_exceed(total, view.room) or _may_exceed(total, view.quota))
        or d.choose("met first", ("the part's end", "a limit")) == "the part's end"
    ):
        return _complete(record, "fetch-error", d)
    d.take("RECORD-11.R.6.1")
    if _exceeds(total, view.room, d):
        d.take("RECORD-11.R.6.1.1", "RECORD-11.R.6.1.2")
        return _cancelled(_complete(record, "download-total-exceeded", d), head, d)
    d.take("RECORD-11.R.6.2", "RECORD-11.R.6.3")
    if _exceeds(total, view.quota, d):
        if d.repaired("E20"):
            return _complete(record, "quota-exceeded", d)
        return _leave_a_hole(record, amount)
    parts = record.parts
    if parts and parts[-1].exchange == head.exchange and not record.loose.skipped:
        joined = attrs.evolve(parts[-1], length=parts[-1].length + amount)
        parts = (*parts[:-1], joined)
    else:
        key = record.url or spec.url
        first = head.first + received(record)
        parts = (*parts, Part(head.exchange, key, head.version, first, amount))
    d.take("RECORD-11.R.6.4")
    return attrs.evolve(record, stored=total, parts=parts)


def received(record: RecordState) -> int:
    """How many bytes of the current answer have come, at least, stored or not."""
    head = record.current
    if head is None:
        return 0
    own = (part for part in record.parts if part.exchange == head.exchange)
    return sum(part.length.lo for part in own) + record.loose.skipped


def _cancelled(record: RecordState, head: Head, d: Decide) -> RecordState:
    """E19: as written a cancelled stream may count as one whose transmission is done."""
    if d.repaired("E03") or not head.ok:
        return record
    if d.choose("is a cancelled stream done", ("yes", "no")) == "no":
        return record
    d.take("RECORD-11.R.7", "RECORD-11.R.7.3")
    return attrs.evolve(record, result="success")


def _leave_a_hole(record: RecordState, amount: Extent) -> RecordState:
    """E20: the record is over, but nothing stops its stream; the batch is lost."""
    phase = record.phase if record.settled else fire(record.phase, On.END)
    skipped = record.loose.skipped + amount.lo
    loose = Loose(skipped=skipped, reported="quota-exceeded")
    return attrs.evolve(record, phase=phase, result="quota-exceeded", loose=loose)


def _overshoots(record: RecordState, head: Head, amount: Extent, d: Decide) -> bool:
    """Whether a partial answer surely brought more than its Content-Range says."""
    if head.status != 206 or not d.repaired("E26"):
        return False
    values = extract_content_range(head, d)
    got = received(record) + amount.lo
    return values is not None and got > values.last - values.first + 1


def _is_over(record: RecordState) -> bool:
    """Whether the attempt has a result by now, noticed or not."""
    return record.settled or record.current is None


def _may_exceed(total: Extent, room: Extent | None) -> bool:
    return room is not None and total.hi > room.lo


def _exceeds(total: Extent, room: Extent | None, d: Decide) -> bool:
    """Whether bytes do not fit; asked where bounds leave it open."""
    if room is None or not _may_exceed(total, room):
        return False
    if total.lo > room.hi:
        return True
    return d.choose("does it fit", ("fits", "exceeds")) == "exceeds"


def body_ended(
    record: RecordState, spec: RequestSpec, amount: Extent, view: View, d: Decide
) -> RecordState:
    """RECORD-11.R.7: the body ended normally after ``amount`` bytes not yet stored."""
    head, leaking = record.current, record.settled
    record = append(record, spec, amount, view, d)
    if head is None or (_is_over(record) and not leaking):
        return record
    d.take("RECORD-11.R.7", "RECORD-11.R.7.1")
    if head.status == 206 and not head.own_range and not leaking:
        return _part_ended(record, spec, head, d)
    d.take("RECORD-11.R.7.2")
    result = "success" if head.ok else "bad-status"
    if head.ok:
        d.take("RECORD-11.R.7.3")
    d.take("RECORD-11.R.7.4")
    if leaking:
        loose = Loose(reported=record.loose.reported)
        return attrs.evolve(_over(record), result=result, loose=loose)
    return _complete(record, result, d)


def _part_ended(record: RecordState, spec: RequestSpec, head: Head, d: Decide) -> RecordState:
    """RECORD-11.R.7.1: a partial answer ended; is the whole there?"""
    d.take("RECORD-11.R.7.1.1")
    values = extract_content_range(head, d)
    assert values is not None, "VALIDATE-2 has refused such an answer"
    d.take("RECORD-11.R.7.1.2", "RECORD-11.R.7.4")
    if values.complete is not None and record.stored.has(values.complete):
        return _complete(record, "success", d)
    got = received(record)
    announced = values.last - values.first + 1
    if got > announced and d.repaired("E26"):
        return _complete(record, "fetch-error", d)
    if values.complete is None and got == announced and d.repaired("E23"):
        return _complete(record, "success", d)
    if spec.method != "GET" and d.repaired("E32"):
        return _complete(record, "fetch-error", d)
    if got == 0 and d.repaired("E24"):
        return _complete(record, "fetch-error", d)
    d.take("RECORD-13.1", "RECORD-13.2", "RECORD-15")
    return again(record, On.AGAIN, d)


def body_errored(
    record: RecordState, spec: RequestSpec, amount: Extent, view: View, d: Decide
) -> RecordState:
    """RECORD-11.R.8: the stream broke after ``amount`` bytes not yet stored."""
    leaking = record.settled
    record = append(record, spec, amount, view, d)
    if _is_over(record):
        return _over(record) if leaking else record
    d.take("RECORD-11.R.8", "RECORD-11.R.8.1")
    if _temporarily_unavailable(record, spec, view, True, d):
        return waits(record, On.UNAVAILABLE, d)
    d.take("RECORD-11.R.8.2")
    return _complete(record, "fetch-error", d)


def redirected(record: RecordState, url: str, method: str, taint: str = "") -> RecordState:
    """Fetch follows a redirect within the same attempt: one more request is on its way."""
    return attrs.evolve(
        record,
        url=url,
        method=method,
        hops=record.hops + 1,
        taint=taint,
        exchange=0,
        unseen=(*record.unseen, Sent(url, method, record.start)),
        loose=TIGHT if not record.loose.transmitted else attrs.evolve(record.loose, transmitted=0),
    )
