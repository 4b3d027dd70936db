"""How an attempt of a record is over."""

from __future__ import annotations

import pytest

from spec_model.complete_record import start
from spec_model.decide import Explain
from spec_model.editions import AMENDED
from spec_model.phases import RecordPhase
from spec_model.process_response import (
    body_ended,
    body_errored,
)
from spec_model.record_end import available, notice, unnoticed
from spec_model.record_state import RecordState, View
from spec_model.values import NOTHING, exactly
from tests.spec_model.records import GET, VIEW, explain, reading


def test_what_is_available_again_is_asked_for_again() -> None:
    waiting = start(RecordState(), GET, View(online=False), explain())
    assert waiting is not None
    assert available(waiting, explain()).phase is RecordPhase.WAITING_UNPAUSED


@pytest.mark.parametrize(("abort", "result"), [("", "success"), ("script", "aborted")])
def test_as_written_an_abort_may_come_between_the_end_and_its_being_noticed(
    abort: str, result: str
) -> None:
    d = Explain(AMENDED.without("E03"), {"the end is noticed": "late"})
    ended = body_ended(reading(4), GET, exactly(6), VIEW, d)
    assert (ended.settled, unnoticed(ended)) == (False, True)
    noticed = notice(ended, GET, View(abort=abort), d)
    assert (noticed.settled, noticed.result) == (True, result)
    assert body_errored(ended, GET, NOTHING, VIEW, d) == ended
