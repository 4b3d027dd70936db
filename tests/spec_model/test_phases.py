"""Where the algorithms wait, and how the public states follow from it."""

from __future__ import annotations

import pytest

from spec_model import phases
from spec_model.lifecycle import RecordState, RegistrationState
from spec_model.phases import (
    RecordPhase,
    RecordPhaseTrigger,
    RegistrationPhase,
    RegistrationPhaseTrigger,
    fire,
    record_state,
    registration_state,
)
from spec_model.places import PERFORM_PHASES, PLACES, RECORD_PHASES
from spec_model.steps import STEPS, Kind
from spec_model.table import IllegalMove
from tests.spec_model.test_lifecycle import compact

PINNED = """
starting: start>running, clear>records-gone, restart>starting
running: all-settled>deciding, overflow>draining+E05, overflow-at-once>deciding/E05, \
clear>records-gone, restart>running
draining: all-settled>deciding+E05, clear>records-gone, restart>draining
deciding: decide>event-queued, clear>records-gone, restart>deciding
event-queued: dispatch>event-active, skip-event>records-gone+E08, clear>records-gone, \
restart>event-queued
event-active: event-ended>records-gone, clear>records-gone, restart>event-queued
records-gone:

waiting-unpaused: send>before-headers, pause>waiting-unpaused, abort>settled+E13, \
restart>waiting-unpaused
before-headers: headers>reading, unavailable>waiting-available, pause>waiting-unpaused, \
end>settled, abort>settled, restart>waiting-unpaused
reading: again>waiting-unpaused, unavailable>waiting-available, pause>waiting-unpaused, \
end>settled, abort>settled, restart>waiting-unpaused
waiting-available: available>waiting-unpaused, pause>waiting-unpaused, end>settled/E15, \
abort>settled, restart>waiting-unpaused
settled:
"""


def test_the_phase_tables_are_these_and_no_others() -> None:
    assert f"{compact(phases.REGISTRATION)}\n\n{compact(phases.RECORD)}" == PINNED.strip()


def test_a_trigger_of_the_other_table_moves_nothing() -> None:
    wrong = RecordPhaseTrigger.SEND
    with pytest.raises(IllegalMove):
        fire(RegistrationPhase.STARTING, wrong)  # type: ignore[call-overload]  # the wrong pair is the point


def test_an_interrupted_handler_gets_its_event_again_after_a_restart() -> None:
    again = fire(RegistrationPhase.EVENT_ACTIVE, RegistrationPhaseTrigger.RESTART)
    assert again is RegistrationPhase.EVENT_QUEUED


def test_an_overflow_waits_for_the_stopped_records_before_deciding() -> None:
    draining = fire(RegistrationPhase.RUNNING, RegistrationPhaseTrigger.OVERFLOW)
    with pytest.raises(IllegalMove):
        fire(draining, RegistrationPhaseTrigger.DECIDE)
    deciding = fire(draining, RegistrationPhaseTrigger.ALL_SETTLED)
    assert deciding is RegistrationPhase.DECIDING


def test_the_records_are_kept_until_the_event_is_over() -> None:
    with pytest.raises(IllegalMove):
        fire(RegistrationPhase.EVENT_QUEUED, RegistrationPhaseTrigger.EVENT_ENDED)


def test_without_an_event_the_records_go_at_once() -> None:
    gone = fire(RegistrationPhase.EVENT_QUEUED, RegistrationPhaseTrigger.SKIP_EVENT)
    assert gone is RegistrationPhase.RECORDS_GONE


def test_a_settled_record_is_not_run_again() -> None:
    for trigger in RecordPhaseTrigger:
        with pytest.raises(IllegalMove):
            fire(RecordPhase.SETTLED, trigger)


def test_every_wait_of_the_text_has_a_place() -> None:
    waits = {
        step.id for step in STEPS.values() if step.kind in (Kind.WAIT, Kind.ENQUEUE, Kind.PARALLEL)
    }
    assert set(PLACES) == waits


def test_a_wait_that_is_said_to_be_a_phase_is_cited_by_the_phase_tables() -> None:
    cited = {
        step
        for table in (phases.REGISTRATION, phases.RECORD)
        for row in table.rows()
        for step in row.cite
    }
    # Steps that hold a wait's sub-steps, or the callbacks that a phase listens to.
    within = {
        "PERFORM-5.1": "PERFORM-5",
        "RECORD-11.Q.0": "RECORD-11",
        "RECORD-11.R.0": "RECORD-11",
    }
    for step, place in PLACES.items():
        if place in (PERFORM_PHASES, RECORD_PHASES):
            assert within.get(step, step) in cited, step


def test_each_phase_of_a_record_has_its_public_state() -> None:
    assert [record_state(phase, "success") for phase in RecordPhase] == [
        RecordState.WAITING,
        RecordState.REQUESTING,
        RecordState.RECEIVING,
        RecordState.STALLED,
        RecordState.SUCCESS,
    ]


def test_a_settled_record_without_a_result_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="RecordState"):
        record_state(RecordPhase.SETTLED, "")


def public(
    phase: RegistrationPhase = RegistrationPhase.RUNNING,
    *,
    outcome: tuple[str, str] = ("", ""),
    flags: str = "",
    records: tuple[RecordPhase, ...] = (RecordPhase.READING,),
) -> RegistrationState:
    return registration_state(
        phase,
        result=outcome[0],
        failure_reason=outcome[1],
        paused="paused" in flags,
        prompting="prompting" in flags,
        aborted="aborted" in flags,
        overflowed="overflowed" in flags,
        records=records,
    )


def test_it_is_stalled_only_if_every_record_that_is_not_over_waits_for_its_resource() -> None:
    waits, over = RecordPhase.WAITING_AVAILABLE, RecordPhase.SETTLED
    assert public(records=(waits, over)) is RegistrationState.STALLED
    assert public(records=(waits, RecordPhase.READING)) is RegistrationState.ACTIVE
    assert public(records=(over, over)) is RegistrationState.ACTIVE


def test_stopping_comes_before_pausing() -> None:
    assert public(flags="paused") is RegistrationState.PAUSED
    assert public(flags="paused prompting") is RegistrationState.AWAITING_PERMISSION
    assert public(flags="paused overflowed") is RegistrationState.OVERFLOWING
    assert public(flags="paused overflowed aborted") is RegistrationState.ABORTING


def test_it_is_admitted_until_it_has_been_started_unless_it_is_aborted_before() -> None:
    assert public(RegistrationPhase.STARTING) is RegistrationState.ADMITTED
    assert public(RegistrationPhase.STARTING, flags="aborted") is RegistrationState.ABORTING


def test_a_result_is_told_by_its_reason_until_the_records_are_gone() -> None:
    queued = RegistrationPhase.EVENT_QUEUED
    assert public(queued, outcome=("success", "")) is RegistrationState.SUCCESS
    assert public(queued, outcome=("failure", "bad-status")) is RegistrationState.BAD_STATUS
    gone = RegistrationPhase.RECORDS_GONE
    assert public(gone, outcome=("success", "")) is RegistrationState.CLOSED
