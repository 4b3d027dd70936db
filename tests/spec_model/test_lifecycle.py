"""The public lifecycles: pinned by value, and move by move by what they mean."""

from __future__ import annotations

import enum
from itertools import product
from typing import Any, TypeAlias

import pytest

from spec_model import errata, phases, steps
from spec_model.lifecycle import (
    ENDED,
    RECORD,
    REGISTRATION,
    SETTLED,
    RecordState,
    RecordTrigger,
    RegistrationState,
    RegistrationTrigger,
)
from spec_model.table import NON_SPEC, IllegalMove, Table, UncitedMove, rows

# Tables of different enums side by side: the checks below do not care which.
AnyTable: TypeAlias = Table[Any, Any]
TABLES: tuple[AnyTable, ...] = (REGISTRATION, RECORD, phases.REGISTRATION, phases.RECORD)
NAMES = [table.name for table in TABLES]

PINNED = """
admitted: start>active, start-paused>paused, prompt>awaiting-permission, user-abort>aborting, \
unregister>closed, restart>admitted
awaiting-permission: accept>active, refuse>aborting, abort>aborting, user-abort>aborting, \
settle-success>success/E68, settle-bad-status>bad-status/E68, settle-fetch-error>fetch-error/E68, \
settle-quota-exceeded>quota-exceeded/E68, overflow>overflowing/E68, still-stalled>stalled/E68, \
unregister>closed, restart>awaiting-permission
active: pause>paused, stall>stalled, abort>aborting, user-abort>aborting, overflow>overflowing, \
settle-success>success, settle-bad-status>bad-status, settle-fetch-error>fetch-error, \
settle-quota-exceeded>quota-exceeded, settle-aborted>aborted/E45, prompt>awaiting-permission/E68, \
unregister>closed, restart>active
paused: resume>active, still-stalled>stalled, abort>aborting, user-abort>aborting, \
overflow>overflowing, \
settle-success>success, settle-bad-status>bad-status, settle-fetch-error>fetch-error, \
settle-quota-exceeded>quota-exceeded, settle-aborted>aborted/E45, \
prompt>awaiting-permission/E68, unregister>closed, restart>paused
stalled: pause>paused, recover>active, abort>aborting, user-abort>aborting, \
prompt>awaiting-permission/E68, unregister>closed, restart>active
aborting: pause>aborting, resume>aborting, abort>aborting/E02, user-abort>aborting, \
overflow>aborting, settle-aborted>aborted, settle-success>success/E02, \
settle-bad-status>bad-status/E02, settle-fetch-error>fetch-error/E02, \
settle-quota-exceeded>quota-exceeded/E02, \
settle-download-total-exceeded>download-total-exceeded/E02, unregister>closed, restart>aborting
overflowing: pause>overflowing, resume>overflowing, abort>aborting, user-abort>aborting, \
settle-download-total-exceeded>download-total-exceeded, settle-bad-status>bad-status, \
settle-fetch-error>fetch-error, settle-quota-exceeded>quota-exceeded, settle-success>success/E01, \
settle-aborted>aborted/E04, unregister>closed, restart>overflowing
success: release>closed, unregister>closed, restart>success
aborted: release>closed, unregister>closed, restart>aborted
bad-status: release>closed, unregister>closed, restart>bad-status
fetch-error: release>closed, unregister>closed, restart>fetch-error
quota-exceeded: release>closed, unregister>closed, restart>quota-exceeded
download-total-exceeded: release>closed, unregister>closed, restart>download-total-exceeded
closed:

waiting: send>requesting, pause>waiting, end-aborted>aborted+E13, restart>waiting
requesting: headers>receiving, replace>receiving, unavailable>stalled, pause>waiting, \
end-fetch-error>fetch-error, end-aborted>aborted, restart>waiting
receiving: again>waiting, unavailable>stalled, pause>waiting, end-success>success, \
end-bad-status>bad-status, end-fetch-error>fetch-error, end-quota-exceeded>quota-exceeded, \
end-download-total-exceeded>download-total-exceeded, end-aborted>aborted, restart>waiting
stalled: available>waiting, pause>waiting, end-aborted>aborted, end-fetch-error>fetch-error/E15, \
restart>waiting
success:
bad-status:
fetch-error:
quota-exceeded: end-success>success/E20
download-total-exceeded: end-success>success/E19
aborted: end-fetch-error>fetch-error/E03
"""


def compact(table: AnyTable) -> str:
    lines = []
    for state in table.states:
        moves = [
            f"{row.trigger.value}>{row.dest.value}"
            + (f"/{row.unless}" if row.unless else "")
            + (f"+{row.only_with}" if row.only_with else "")
            for row in table.rows()
            if row.source is state
        ]
        lines.append(f"{state.value}: {', '.join(moves)}".rstrip())
    return "\n".join(lines)


def test_the_public_tables_are_these_and_no_others() -> None:
    assert f"{compact(REGISTRATION)}\n\n{compact(RECORD)}" == PINNED.strip()


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_every_cell_moves_as_its_row_says_or_is_illegal(table: AnyTable) -> None:
    known = {(row.source, row.trigger): row.dest for row in table.rows()}
    for state, trigger in product(list(table.states), list(table.triggers)):
        if (state, trigger) in known:
            assert table.fire(state, trigger) is known[state, trigger]
        else:
            with pytest.raises(IllegalMove) as caught:
                table.fire(state, trigger)
            assert (caught.value.state, caught.value.trigger) == (state, trigger)
            assert caught.value.allowed == table.allowed(state)


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_no_cell_has_two_rows(table: AnyTable) -> None:
    cells = [(row.source, row.trigger) for row in table.rows()]
    assert len(cells) == len(set(cells))


@pytest.mark.parametrize("amended", [False, True], ids=["as written", "amended"])
@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_every_state_can_be_reached(table: AnyTable, amended: bool) -> None:
    reached: set[enum.Enum] = {table.initial}
    while True:
        more = {row.dest for row in table.rows(amended=amended) if row.source in reached}
        if more <= reached:
            break
        reached |= more
    assert reached == set(table.states)


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_every_trigger_is_used(table: AnyTable) -> None:
    assert {row.trigger for row in table.rows()} == set(table.triggers)


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_every_row_cites_steps_that_exist_or_says_why_there_are_none(table: AnyTable) -> None:
    for row in table.rows():
        assert row.why
        if row.cite == (NON_SPEC,):
            assert len(row.why.split()) > 3, row
        else:
            assert row.cite
            for step in row.cite:
                steps.get(step)


@pytest.mark.parametrize("table", TABLES, ids=NAMES)
def test_a_row_that_depends_on_an_erratum_names_one_of_the_register(table: AnyTable) -> None:
    for row in table.rows():
        assert not (row.unless and row.only_with)
        if name := row.unless or row.only_with:
            errata.get(name)


def test_a_background_fetch_ends_closed_and_nothing_leaves_that() -> None:
    assert REGISTRATION.ends() == (RegistrationState.CLOSED,)
    assert REGISTRATION.allowed(RegistrationState.CLOSED) == ()


def test_a_record_ends_in_one_of_six_results_for_good_once_the_text_is_repaired() -> None:
    assert set(RECORD.ends()) == set(ENDED)
    for row in RECORD.rows():
        assert row.source not in ENDED or row.unless, row


R, T = RegistrationState, RegistrationTrigger
U = RecordTrigger


def settling(reason: str) -> RegistrationTrigger:
    """The trigger that settles with this failure reason."""
    return T(f"settle-{reason or 'success'}")


def test_there_is_one_settled_state_for_each_outcome() -> None:
    reasons = ["", "aborted", "bad-status", "fetch-error", "quota-exceeded"]
    reasons.append("download-total-exceeded")
    reached = {
        row.dest for reason in reasons for row in REGISTRATION.rows()
        if row.trigger is settling(reason)
    }  # fmt: skip
    assert reached == set(SETTLED)


def test_an_illegal_move_says_what_was_allowed() -> None:
    with pytest.raises(IllegalMove, match=r"'stalled' has no move 'resume'; .*recover"):
        REGISTRATION.fire(RegistrationState.STALLED, RegistrationTrigger.RESUME)


def test_each_state_knows_its_moves() -> None:
    assert REGISTRATION.allowed(RegistrationState.CLOSED) == ()
    assert RECORD.allowed(RecordState.WAITING) == (
        *(RecordTrigger.SEND, RecordTrigger.PAUSE),
        *(RecordTrigger.END_ABORTED, RecordTrigger.RESTART),
    )


def test_a_move_without_a_citation_cannot_be_built() -> None:
    moves = rows(RecordTrigger.SEND, (RecordState.WAITING,), RecordState.REQUESTING, "", "why not")
    with pytest.raises(UncitedMove, match="WAITING"):
        Table("broken", RecordState, RecordTrigger, RecordState.WAITING, moves)


MEANING: list[tuple[str, RegistrationState, RegistrationTrigger, RegistrationState | None]] = [
    ("a pause gives up the wait for a resource", R.STALLED, T.PAUSE, R.PAUSED),
    ("after a pause it is active until it stalls again", R.PAUSED, T.RESUME, R.ACTIVE),
    ("a pause that nobody noticed gives up nothing", R.PAUSED, T.STILL_STALLED, R.STALLED),
    ("what is paused cannot stall", R.PAUSED, T.STALL, None),
    ("a running fetch cannot be resumed", R.ACTIVE, T.RESUME, None),
    ("a prompt is answered by accepting", R.AWAITING_PERMISSION, T.ACCEPT, R.ACTIVE),
    ("refusing a prompt is aborting", R.AWAITING_PERMISSION, T.REFUSE, R.ABORTING),
    ("a prompt is not a pause that can be toggled", R.AWAITING_PERMISSION, T.RESUME, None),
    ("a fetch can be aborted while the prompt is up", R.AWAITING_PERMISSION, T.ABORT, R.ABORTING),
    ("a running fetch can be aborted", R.ACTIVE, T.ABORT, R.ABORTING),
    ("a paused fetch can be aborted", R.PAUSED, T.ABORT, R.ABORTING),
    ("a stalled fetch can be aborted", R.STALLED, T.ABORT, R.ABORTING),
    ("the user can abort while paused", R.PAUSED, T.USER_ABORT, R.ABORTING),
    ("abort() beats an overflow", R.OVERFLOWING, T.ABORT, R.ABORTING),
    ("an overflow does not undo an abort", R.ABORTING, T.OVERFLOW, R.ABORTING),
    ("pausing does not undo an abort", R.ABORTING, T.PAUSE, R.ABORTING),
    ("abort() waits until fetch() has started it", R.ADMITTED, T.ABORT, None),
    ("an overflow can be found while paused", R.PAUSED, T.OVERFLOW, R.OVERFLOWING),
    ("nothing overflows while all records wait", R.STALLED, T.OVERFLOW, None),
    ("a pause after the last record does not keep it", R.PAUSED, T.SETTLE_SUCCESS, R.SUCCESS),
    ("all records must be over to succeed", R.STALLED, T.SETTLE_SUCCESS, None),
    ("nothing settles before it has started", R.ADMITTED, T.SETTLE_SUCCESS, None),
    ("an abort settles as aborted", R.ABORTING, T.SETTLE_ABORTED, R.ABORTED),
    ("an overflow has its own reason", R.OVERFLOWING, T.SETTLE_DOWNLOAD_TOTAL_EXCEEDED,
     R.DOWNLOAD_TOTAL_EXCEEDED),
    ("an earlier failure may name it instead", R.OVERFLOWING, T.SETTLE_BAD_STATUS, R.BAD_STATUS),
    ("without an overflow there is no such reason", R.ACTIVE, T.SETTLE_DOWNLOAD_TOTAL_EXCEEDED,
     None),
    ("what has succeeded cannot fail", R.SUCCESS, T.SETTLE_ABORTED, None),
    ("what has settled cannot be aborted", R.SUCCESS, T.ABORT, None),
    ("what has settled cannot be paused", R.FETCH_ERROR, T.PAUSE, None),
    ("the records go after the event", R.ABORTED, T.RELEASE, R.CLOSED),
    ("the records do not go before settlement", R.ACTIVE, T.RELEASE, None),
    ("unregistering closes without settling", R.PAUSED, T.UNREGISTER, R.CLOSED),
    ("a pause outlives the user agent", R.PAUSED, T.RESTART, R.PAUSED),
    ("an unanswered prompt outlives it", R.AWAITING_PERMISSION, T.RESTART, R.AWAITING_PERMISSION),
    ("an abort outlives it", R.ABORTING, T.RESTART, R.ABORTING),
    ("an outcome outlives it", R.QUOTA_EXCEEDED, T.RESTART, R.QUOTA_EXCEEDED),
    ("a belief does not outlive it", R.STALLED, T.RESTART, R.ACTIVE),
    ("a closed fetch is not brought back", R.CLOSED, T.RESTART, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "trigger", "dest"), [row[1:] for row in MEANING], ids=[row[0] for row in MEANING]
)
def test_a_background_fetch_moves_as_it_should(
    state: RegistrationState, trigger: RegistrationTrigger, dest: RegistrationState | None
) -> None:
    if dest is None:
        with pytest.raises(IllegalMove):
            REGISTRATION.fire(state, trigger)
    else:
        assert REGISTRATION.fire(state, trigger) is dest


RECORD_MEANING: list[tuple[str, RecordState, RecordTrigger, RecordState | None]] = [
    ("a record waits before its first request", RecordState.WAITING, U.SEND,
     RecordState.REQUESTING),
    ("a waiting record cannot receive", RecordState.WAITING, U.HEADERS, None),
    ("an answer is received", RecordState.REQUESTING, U.HEADERS, RecordState.RECEIVING),
    ("a whole answer replaces what was stored", RecordState.REQUESTING, U.REPLACE,
     RecordState.RECEIVING),
    ("a missing part is asked for", RecordState.RECEIVING, U.AGAIN, RecordState.WAITING),
    ("a lost answer stalls it", RecordState.REQUESTING, U.UNAVAILABLE, RecordState.STALLED),
    ("a cut body stalls it", RecordState.RECEIVING, U.UNAVAILABLE, RecordState.STALLED),
    ("a resource that is back is asked for again", RecordState.STALLED, U.AVAILABLE,
     RecordState.WAITING),
    ("a pause gives up an attempt", RecordState.RECEIVING, U.PAUSE, RecordState.WAITING),
    ("a pause gives up a wait for the resource", RecordState.STALLED, U.PAUSE,
     RecordState.WAITING),
    ("success needs a body", RecordState.REQUESTING, U.END_SUCCESS, None),
    ("a body that is complete is a success", RecordState.RECEIVING, U.END_SUCCESS,
     RecordState.SUCCESS),
    ("a status is judged at the end of its body", RecordState.RECEIVING, U.END_BAD_STATUS,
     RecordState.BAD_STATUS),
    ("no answer at all is an error", RecordState.REQUESTING, U.END_FETCH_ERROR,
     RecordState.FETCH_ERROR),
    ("nothing fails before a request", RecordState.WAITING, U.END_FETCH_ERROR, None),
    ("a record in flight can be aborted", RecordState.REQUESTING, U.END_ABORTED,
     RecordState.ABORTED),
    ("a stalled record can be aborted", RecordState.STALLED, U.END_ABORTED, RecordState.ABORTED),
    ("a paused record can be aborted", RecordState.WAITING, U.END_ABORTED, RecordState.ABORTED),
    ("a finished record keeps its result when all is aborted", RecordState.SUCCESS, U.END_ABORTED,
     None),
    ("a finished record is not sent again", RecordState.SUCCESS, U.RESTART, None),
    ("a restart resumes a record", RecordState.RECEIVING, U.RESTART, RecordState.WAITING),
]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "trigger", "dest"),
    [row[1:] for row in RECORD_MEANING],
    ids=[row[0] for row in RECORD_MEANING],
)
def test_a_record_moves_as_it_should(
    state: RecordState, trigger: RecordTrigger, dest: RecordState | None
) -> None:
    if dest is None:
        with pytest.raises(IllegalMove):
            RECORD.fire(state, trigger)
    else:
        assert RECORD.fire(state, trigger) is dest


UNSETTLED = [
    state for state in RegistrationState if state not in {*SETTLED, RegistrationState.CLOSED}
]


@pytest.mark.parametrize("state", [*UNSETTLED, *SETTLED])
def test_unregistering_closes_whatever_there_is(state: RegistrationState) -> None:
    assert REGISTRATION.fire(state, T.UNREGISTER) is R.CLOSED


@pytest.mark.parametrize("state", UNSETTLED)
def test_the_user_can_stop_whatever_has_not_settled(state: RegistrationState) -> None:
    assert REGISTRATION.fire(state, T.USER_ABORT) is R.ABORTING


@pytest.mark.parametrize("state", [*UNSETTLED, *SETTLED])
def test_a_restart_of_the_user_agent_forgets_only_that_it_was_stalled(
    state: RegistrationState,
) -> None:
    assert REGISTRATION.fire(state, T.RESTART) is (R.ACTIVE if state is R.STALLED else state)


@pytest.mark.parametrize("state", SETTLED)
def test_every_outcome_is_followed_by_the_release_of_the_records(
    state: RegistrationState,
) -> None:
    assert REGISTRATION.fire(state, T.RELEASE) is R.CLOSED


@pytest.mark.parametrize("state", [R.ABORTING, R.OVERFLOWING])
def test_the_pause_toggle_does_not_change_that_it_is_stopping(state: RegistrationState) -> None:
    assert REGISTRATION.fire(state, T.PAUSE) is state
    assert REGISTRATION.fire(state, T.RESUME) is state


@pytest.mark.parametrize("reason", ["", "bad-status", "fetch-error", "quota-exceeded"])
@pytest.mark.parametrize("state", [R.ACTIVE, R.PAUSED])
def test_records_decide_the_outcome_of_what_nobody_stopped(
    state: RegistrationState, reason: str
) -> None:
    assert REGISTRATION.fire(state, settling(reason)) is RegistrationState(reason or "success")


@pytest.mark.parametrize("reason", ["bad-status", "fetch-error", "quota-exceeded"])
def test_a_failure_before_an_overflow_may_give_the_reason(reason: str) -> None:
    assert REGISTRATION.fire(R.OVERFLOWING, settling(reason)) is RegistrationState(reason)


def test_a_fetch_begins_running_paused_or_with_a_question() -> None:
    begun = [
        REGISTRATION.fire(R.ADMITTED, trigger) for trigger in (T.START, T.START_PAUSED, T.PROMPT)
    ]
    assert begun == [R.ACTIVE, R.PAUSED, R.AWAITING_PERMISSION]


def test_a_running_fetch_can_be_paused_or_stall_or_overflow() -> None:
    then = [REGISTRATION.fire(R.ACTIVE, trigger) for trigger in (T.PAUSE, T.STALL, T.OVERFLOW)]
    assert then == [R.PAUSED, R.STALLED, R.OVERFLOWING]
    assert REGISTRATION.fire(R.STALLED, T.RECOVER) is R.ACTIVE


IN_WORK = [state for state in RecordState if state not in ENDED]


@pytest.mark.parametrize("state", IN_WORK)
def test_a_record_that_is_not_over_waits_again_after_a_pause_or_a_restart(
    state: RecordState,
) -> None:
    assert RECORD.fire(state, U.PAUSE) is RecordState.WAITING
    assert RECORD.fire(state, U.RESTART) is RecordState.WAITING


@pytest.mark.parametrize("state", IN_WORK)
def test_a_record_that_is_not_over_can_be_aborted(state: RecordState) -> None:
    assert RECORD.fire(state, U.END_ABORTED) is RecordState.ABORTED


@pytest.mark.parametrize("end", [end for end in ENDED if end is not RecordState.ABORTED])
def test_a_record_that_receives_can_end_in_every_way(end: RecordState) -> None:
    assert RECORD.fire(RecordState.RECEIVING, U(f"end-{end.value}")) is end


def test_every_unsettled_state_can_still_settle_when_repaired() -> None:
    ways: dict[enum.Enum, set[enum.Enum]] = {}
    for row in REGISTRATION.rows(amended=True):
        if row.trigger is not T.UNREGISTER:
            ways.setdefault(row.source, set()).add(row.dest)
    for state in RegistrationState:
        seen: set[enum.Enum] = set()
        todo: list[enum.Enum] = [state]
        while todo:
            here = todo.pop()
            if here not in seen:
                seen.add(here)
                todo.extend(ways.get(here, ()))
        assert seen & {*SETTLED, RegistrationState.CLOSED}, state
