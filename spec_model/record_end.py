"""How an attempt of a record is over: RECORD-13 to 15.

Either there is a result, and the record is settled; or there is none, and step 15 runs
RECORD again: the record waits, and keeps its bytes.  What belonged to the attempt is
cleared.
"""

from __future__ import annotations

import attrs

from spec_model.decide import Decide
from spec_model.phases import RecordPhase, fire
from spec_model.phases import RecordPhaseTrigger as On
from spec_model.record_state import TIGHT, RecordState, View
from spec_model.values import NOTHING, RequestSpec


def cleared(record: RecordState) -> RecordState:
    """Without what belongs to one attempt."""
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
    return attrs.evolve(cleared(record), phase=fire(record.phase, why), url=url)


def settle(record: RecordState, result: str) -> RecordState:
    """The record's result is set for good and its attempt is over."""
    why = On.ABORT if result == "aborted" else On.END
    return attrs.evolve(cleared(record), phase=fire(record.phase, why), result=result)


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
        return attrs.evolve(cleared(record), phase=fire(record.phase, On.END))
    return waits(record, why, d)


def available(record: RecordState, d: Decide) -> RecordState:
    """RECORD-11.R.1.1 and R.8.1: the resource is available again, and the attempt over."""
    d.take("RECORD-13.1", "RECORD-13.2", "RECORD-15")
    return again(record, On.AVAILABLE, d)
