"""What cuts an attempt of a record short: a pause, an abort, the end of the user agent.

RECORD-13 watches two flags while the callbacks of step 11 run, and RECORD-14 terminates
the attempt; step 15 then makes another one, which asks for what is missing.  Bytes that
had come by then are stored first, as many as ``amount`` says.

As written nobody waits for the end of what was terminated (E03, E15, E16): what that
leaves in the record's data is asked here.  A restart (E87) is ours: the text is silent.
"""

from __future__ import annotations

import attrs

from spec_model.decide import Decide
from spec_model.phases import RecordPhase
from spec_model.phases import RecordPhaseTrigger as On
from spec_model.process_response import append
from spec_model.record_end import again, settle, waits
from spec_model.record_state import Abandoned, RecordState, View
from spec_model.values import Extent, Part, RequestSpec


def interrupt(
    record: RecordState, spec: RequestSpec, amount: Extent, view: View, d: Decide
) -> RecordState | None:
    """RECORD-13 and 14: the paused or abort-all flag stops an attempt; None if neither does."""
    pauses = view.paused and may_be_paused(spec, d)
    if not pauses and not view.abort:
        return None
    d.take("RECORD-13", "RECORD-14", "RECORD-14.1", "RECORD-14.2")
    if view.abort:
        kept = append(record, spec, amount, attrs.evolve(view, room=None, quota=None), d)
        d.take("RECORD-14.3", "RECORD-14.4")
        stopped = settle(kept, "aborted")
        return attrs.evolve(stopped, result=_overwritten(record, "aborted", d))
    kept = append(record, spec, amount, view, d)
    if kept.settled:
        return kept
    d.take("RECORD-14.3", "RECORD-14.4", "RECORD-15")
    over = again(kept, On.PAUSE, d)
    if over.settled or d.repaired("E03"):
        return over
    head = record.current
    if head is not None and d.choose("the abandoned attempt stops", LATE_OR_AT_ONCE) == "late":
        abandoned = Abandoned(head, record.attempts)
        return attrs.evolve(over, loose=attrs.evolve(over.loose, abandoned=abandoned))
    return attrs.evolve(over, result=_left_behind(record, over.result, d))


LATE_OR_AT_ONCE = ("late", "at once")
"""E16: nobody waits for the end of the fetch that RECORD-14.4 terminates."""


def may_be_paused(spec: RequestSpec, d: Decide) -> bool:
    """E14: as written nothing but an assertion keeps a pause from hitting another method."""
    return spec.method == "GET" or not d.repaired("E14")


def _left_behind(record: RecordState, result: str, d: Decide) -> str:
    """E03, E15, E45: the result that the data has once the attempt has been terminated."""
    if record.phase is RecordPhase.BEFORE_HEADERS:
        d.take("RECORD-11.R.1", "RECORD-11.R.1.2")
        return "aborted"
    if record.phase is RecordPhase.READING:
        d.take("RECORD-11.R.8", "RECORD-11.R.8.2")
        return "fetch-error"
    return result


def _overwritten(record: RecordState, result: str, d: Decide) -> str:
    """E03: what a reader finds, before or after the end of the attempt is noticed."""
    if d.repaired("E03") or d.choose("the result is read", ("late", "early")) == "early":
        return result
    return _left_behind(record, result, d)


def restarted(
    record: RecordState, spec: RequestSpec, amount: Extent, view: View, d: Decide, *, killed: bool
) -> RecordState:
    """E87: the user agent went away and came back (RECORD-0).

    Results stay.  A GET goes on from what is durable: after a kill that may be
    less than what had been stored.  Another method is not sent again.
    """
    if record.settled:
        return record
    was_waiting = record.phase in (RecordPhase.WAITING_UNPAUSED, RecordPhase.WAITING_AVAILABLE)
    kept = append(record, spec, amount, attrs.evolve(view, room=None, quota=None), d)
    if spec.method != "GET" and not was_waiting:
        return settle(kept, "fetch-error")
    kept = waits(kept, On.RESTART, d)
    if killed:
        kept = attrs.evolve(kept, stored=Extent(0, kept.stored.hi), floor=0, parts=_shrunk(kept))
    return kept


def _shrunk(record: RecordState) -> tuple[Part, ...]:
    if not record.parts:
        return ()
    *before, last = record.parts
    return (*before, attrs.evolve(last, length=Extent(0, last.length.hi)))
