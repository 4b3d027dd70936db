"""What an attempt still does that RECORD-14.4 has told to stop, as written (E03, E16).

Nobody waits for the end of the fetch that is terminated there, and its callbacks go on
writing into the record's data, which the next attempt uses, too.  Here that goes on until
the next answer comes, until the record is interrupted again, or until the old answer
ends by itself.  As amended none of this happens: an attempt that is over is sealed.
"""

from __future__ import annotations

import attrs

from spec_model.content_range import extract_content_range
from spec_model.decide import Decide
from spec_model.process_response import append
from spec_model.record_state import RecordState, View
from spec_model.values import Head, RequestSpec, exactly


def abandoned_head(record: RecordState, exchange: int) -> Head | None:
    """The head of that answer, if an attempt that was abandoned still reads it."""
    abandoned = record.loose.abandoned
    return abandoned.head if abandoned and abandoned.head.exchange == exchange else None


def append_late(
    record: RecordState, spec: RequestSpec, head: Head, upto: int, view: View, d: Decide
) -> RecordState:
    """RECORD-11.R.6 of the old attempt: bytes for which the new one asks, too (E16)."""
    own = sum(part.length.lo for part in record.parts if part.exchange == head.exchange)
    reading = attrs.evolve(record, current=head)
    after = append(reading, spec, exactly(max(0, upto - own)), view, d)
    return after if after.settled else attrs.evolve(after, current=record.current)


def end_late(record: RecordState, head: Head, how: str, d: Decide) -> RecordState:
    """RECORD-11.R.7 or R.8 of the old attempt: it leaves a result behind (E15)."""
    if how != "end":
        return stop_late(record, d)
    result = "success" if head.ok else "bad-status"
    if head.status == 206:
        values = extract_content_range(head, d)
        whole = values is not None and values.complete == record.stored.lo
        result = "success" if whole else ""
    d.take("RECORD-11.R.7", "RECORD-11.R.7.4")
    return _gone(record, result)


def stop_late(record: RecordState, d: Decide) -> RecordState:
    """RECORD-14.4 takes effect: the old stream breaks and its callback runs."""
    if record.loose.abandoned is None:
        return record
    d.take("RECORD-11.R.8", "RECORD-11.R.8.2")
    return _gone(record, "fetch-error")


def _gone(record: RecordState, result: str) -> RecordState:
    loose = attrs.evolve(record.loose, abandoned=None)
    return attrs.evolve(record, result=result, loose=loose)
