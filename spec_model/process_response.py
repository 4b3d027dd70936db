"""What the network says to an attempt of a record: the callbacks of step 11 (RECORD-11.R).

A response comes, or a network error (R.1 to R.5); its body comes, in as many pieces as it
likes (R.6), and ends (R.7) or breaks (R.8).  How many bytes have come is handed in as an
extent, exact where it is known: how a body was cut matters only where a limit is met.
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
from spec_model.record_end import again, cleared, settle, waits
from spec_model.record_state import Loose, RecordState, View
from spec_model.values import NOTHING, Extent, Head, Part, RequestSpec


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
            return replace_data(again(read, On.AGAIN, d))
        if verdict != "valid":
            d.take("RECORD-11.R.2.1.1", "RECORD-11.R.2.1.2", "RECORD-11.R.2.1.3")
            return _complete(record, "fetch-error", d)
        if record.start.hi == 0 and record.stored.hi > 0:
            record = replace_data(record)
    else:
        d.take("RECORD-11.R.3")
        if _is_whole(record, head, d):
            d.take("RECORD-11.R.7", "RECORD-11.R.7.3", "RECORD-11.R.7.4")
            return _complete(record, "success", d)
        # E17: nothing was there that a reader could have been given.
        fresh = record.response is None and record.stored.hi == 0
        if not (fresh and d.repaired("E17")):
            d.take("RECORD-11.R.3.1", "RECORD-11.R.3.2", "RECORD-11.R.3.3", "RECORD-11.R.3.4")
            record = replace_data(record)
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


def replace_data(record: RecordState) -> RecordState:
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
        return attrs.evolve(cleared(record), result=result, loose=loose)
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
        return cleared(record) if leaking else record
    d.take("RECORD-11.R.8", "RECORD-11.R.8.1")
    if _temporarily_unavailable(record, spec, view, True, d):
        return waits(record, On.UNAVAILABLE, d)
    d.take("RECORD-11.R.8.2")
    return _complete(record, "fetch-error", d)


def _complete(record: RecordState, result: str, d: Decide) -> RecordState:
    """RECORD-13.1 and 13.2: the attempt has ended by itself, with a result."""
    d.take("RECORD-13.1")
    if record.phase is RecordPhase.READING and not d.repaired("E03"):
        if d.choose("the end is noticed", ("at once", "late")) == "late":
            return attrs.evolve(record, current=None, exchange=0, result=result)
    d.take("RECORD-13.2")
    return settle(record, result)
