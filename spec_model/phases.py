"""Where the algorithms wait: the finer phases behind the two public lifecycles.

The rule that settles what is a phase: every place where the text waits, runs
something in parallel, enqueues, or says "abort when" is named here; everything
between two waits is one straight function.  So a phase is a program counter, and
flags stay what the text says they are: *paused*, *abort all*, *prompting* are slots
that the functions read, not phases.

A registration's phases are the waits of PERFORM; a record's are those of RECORD.
The wait for a finished attempt (RECORD-13.1) is no phase of its own: nothing can
be told apart between the end of an attempt and its being noticed, once a record
that is over keeps its result (E46).  The waits of calls, readers and queues belong
to the things that wait; ``spec_model.places`` says for every such step of the text
which phase, queue or task it is here, and a test keeps that list complete.

``registration_state`` and ``record_state`` derive the public states from phases
and slots: a second description of the lifecycle, which the model's invariant
compares with the first after every step.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import overload

from spec_model.lifecycle import RecordState, RegistrationState
from spec_model.table import NON_SPEC, IllegalMove, Row, Table, rows


class RegistrationPhase(enum.Enum):
    """Where PERFORM is."""

    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
    DECIDING = "deciding"
    EVENT_QUEUED = "event-queued"
    EVENT_ACTIVE = "event-active"
    RECORDS_GONE = "records-gone"


class RegistrationPhaseTrigger(enum.Enum):
    """What lets PERFORM go on."""

    START = "start"
    ALL_SETTLED = "all-settled"
    OVERFLOW = "overflow"
    OVERFLOW_AT_ONCE = "overflow-at-once"
    DECIDE = "decide"
    DISPATCH = "dispatch"
    SKIP_EVENT = "skip-event"
    EVENT_ENDED = "event-ended"
    CLEAR = "clear"
    RESTART = "restart"


class RecordPhase(enum.Enum):
    """Where RECORD is."""

    WAITING_UNPAUSED = "waiting-unpaused"
    BEFORE_HEADERS = "before-headers"
    READING = "reading"
    WAITING_AVAILABLE = "waiting-available"
    SETTLED = "settled"


class RecordPhaseTrigger(enum.Enum):
    """What lets RECORD go on."""

    SEND = "send"
    HEADERS = "headers"
    AGAIN = "again"
    UNAVAILABLE = "unavailable"
    AVAILABLE = "available"
    PAUSE = "pause"
    END = "end"
    ABORT = "abort"
    RESTART = "restart"


_P = RegistrationPhase
_Q = RegistrationPhaseTrigger

_REGISTRATION_ROWS: tuple[Row[RegistrationPhase, RegistrationPhaseTrigger], ...] = (
    *rows(_Q.START, (_P.STARTING,), _P.RUNNING, "FETCH-8.16 PERFORM-5", "one RECORD per record"),
    *rows(
        _Q.ALL_SETTLED,
        (_P.RUNNING,),
        _P.DECIDING,
        "PERFORM-6 PERFORM-8",
        "the rest waits in the edit queue",
    ),
    *rows(
        _Q.OVERFLOW,
        (_P.RUNNING,),
        _P.DRAINING,
        "PERFORM-6 PERFORM-7",
        "all records are stopped, and waited for",
        only_with="E05",
    ),
    *rows(
        _Q.OVERFLOW_AT_ONCE,
        (_P.RUNNING,),
        _P.DECIDING,
        "PERFORM-6 PERFORM-7 PERFORM-8",
        "settlement does not wait for the records that were stopped",
        unless="E05",
    ),
    *rows(
        _Q.ALL_SETTLED,
        (_P.DRAINING,),
        _P.DECIDING,
        "PERFORM-6 PERFORM-8",
        "the last stopped record is over",
        only_with="E05",
    ),
    *rows(
        _Q.DECIDE,
        (_P.DECIDING,),
        _P.EVENT_QUEUED,
        "PERFORM-8.3 PERFORM-8.5 PERFORM-8.6 PERFORM-8.13",
        "result and reason are set, the event waits for a worker",
    ),
    *rows(
        _Q.DISPATCH,
        (_P.EVENT_QUEUED,),
        _P.EVENT_ACTIVE,
        "PERFORM-8.13 PERFORM-8.13.0",
        "the worker's handlers run",
    ),
    *rows(
        _Q.SKIP_EVENT,
        (_P.EVENT_QUEUED,),
        _P.RECORDS_GONE,
        "PERFORM-8.13.2 PERFORM-8.13.3",
        "no event can be dispatched, so nothing holds the records",
        only_with="E08",
    ),
    *rows(
        _Q.EVENT_ENDED,
        (_P.EVENT_ACTIVE,),
        _P.RECORDS_GONE,
        "PERFORM-8.13.1 PERFORM-8.13.2",
        "the event is no longer active",
    ),
    *rows(
        _Q.CLEAR,
        (_P.STARTING, _P.RUNNING, _P.DRAINING, _P.DECIDING, _P.EVENT_QUEUED, _P.EVENT_ACTIVE),
        _P.RECORDS_GONE,
        "PRIV-1",
        "the registration is cleared",
    ),
    # A restart runs PERFORM again on what was kept; a decision is final, an event may come twice.
    *rows(
        _Q.RESTART,
        (_P.STARTING, _P.RUNNING, _P.DRAINING, _P.DECIDING, _P.EVENT_QUEUED),
        None,
        NON_SPEC,
        "the text is silent about restarts (E87); the wait is taken up again",
    ),
    *rows(
        _Q.RESTART,
        (_P.EVENT_ACTIVE,),
        _P.EVENT_QUEUED,
        NON_SPEC,
        "a handler that was cut off gets its event again",
    ),
)

REGISTRATION = Table("registration phases", _P, _Q, _P.STARTING, _REGISTRATION_ROWS)
"""Where PERFORM waits."""

_R = RecordPhase
_U = RecordPhaseTrigger

_RECORD_ROWS: tuple[Row[RecordPhase, RecordPhaseTrigger], ...] = (
    *rows(_U.SEND, (_R.WAITING_UNPAUSED,), _R.BEFORE_HEADERS, "RECORD-3 RECORD-11", "a request"),
    *rows(_U.HEADERS, (_R.BEFORE_HEADERS,), _R.READING, "RECORD-11.R.5 RECORD-11.R.6", "an answer"),
    *rows(
        _U.AGAIN,
        (_R.READING,),
        _R.WAITING_UNPAUSED,
        "RECORD-11.R.7.1.2 RECORD-15",
        "a part is missing",
    ),
    *rows(
        _U.UNAVAILABLE,
        (_R.BEFORE_HEADERS,),
        _R.WAITING_AVAILABLE,
        "RECORD-11.R.1.1",
        "no answer for now",
    ),
    *rows(
        _U.UNAVAILABLE, (_R.READING,), _R.WAITING_AVAILABLE, "RECORD-11.R.8.1", "cut off for now"
    ),
    *rows(
        _U.AVAILABLE,
        (_R.WAITING_AVAILABLE,),
        _R.WAITING_UNPAUSED,
        "RECORD-11.R.1.1 RECORD-11.R.8.1 RECORD-15",
        "the attempt is over, without a result",
    ),
    *rows(_U.PAUSE, (_R.WAITING_UNPAUSED,), None, "RECORD-3", "it waits for that flag already"),
    *rows(
        _U.PAUSE,
        (_R.BEFORE_HEADERS, _R.READING, _R.WAITING_AVAILABLE),
        _R.WAITING_UNPAUSED,
        "RECORD-13 RECORD-14.4 RECORD-15",
        "the attempt is abandoned",
    ),
    *rows(
        _U.END,
        (_R.BEFORE_HEADERS, _R.READING),
        _R.SETTLED,
        "RECORD-13.1 RECORD-13.2",
        "the attempt has a result",
    ),
    *rows(
        _U.END,
        (_R.WAITING_AVAILABLE,),
        _R.SETTLED,
        "RECORD-14.3",
        "an earlier pause left a result behind",
        unless="E15",
    ),
    *rows(
        _U.ABORT,
        (_R.BEFORE_HEADERS, _R.READING, _R.WAITING_AVAILABLE),
        _R.SETTLED,
        "RECORD-13 RECORD-14.2 RECORD-14.4",
        "the whole fetch is stopped",
    ),
    *rows(
        _U.ABORT,
        (_R.WAITING_UNPAUSED,),
        _R.SETTLED,
        "RECORD-3",
        "the whole fetch is stopped before the next request",
        only_with="E13",
    ),
    *rows(
        _U.RESTART,
        (_R.WAITING_UNPAUSED, _R.BEFORE_HEADERS, _R.READING, _R.WAITING_AVAILABLE),
        _R.WAITING_UNPAUSED,
        NON_SPEC,
        "the text is silent about restarts (E87); RECORD runs again on what is stored",
    ),
)

RECORD = Table("record phases", _R, _U, _R.WAITING_UNPAUSED, _RECORD_ROWS)
"""Where RECORD waits."""


@overload
def fire(state: RegistrationPhase, trigger: RegistrationPhaseTrigger) -> RegistrationPhase: ...
@overload
def fire(state: RecordPhase, trigger: RecordPhaseTrigger) -> RecordPhase: ...
def fire(
    state: RegistrationPhase | RecordPhase,
    trigger: RegistrationPhaseTrigger | RecordPhaseTrigger,
) -> RegistrationPhase | RecordPhase:
    """The phase that ``trigger`` leads to; nothing else happens.  Raises IllegalMove."""
    if isinstance(state, RegistrationPhase) and isinstance(trigger, RegistrationPhaseTrigger):
        return REGISTRATION.fire(state, trigger)
    if isinstance(state, RecordPhase) and isinstance(trigger, RecordPhaseTrigger):
        return RECORD.fire(state, trigger)
    raise IllegalMove(state, trigger, ())


_RECORD_STATES = {
    RecordPhase.WAITING_UNPAUSED: RecordState.WAITING,
    RecordPhase.BEFORE_HEADERS: RecordState.REQUESTING,
    RecordPhase.READING: RecordState.RECEIVING,
    RecordPhase.WAITING_AVAILABLE: RecordState.STALLED,
}


def record_state(phase: RecordPhase, result: str) -> RecordState:
    """What a reader calls a record in this phase; ``result`` counts once it is settled.

    Raises ValueError for a settled record whose result is not one of the six.
    """
    if phase is RecordPhase.SETTLED:
        return RecordState(result)
    return _RECORD_STATES[phase]


def registration_state(
    phase: RegistrationPhase,
    *,
    result: str,
    failure_reason: str,
    paused: bool,
    prompting: bool,
    aborted: bool,
    overflowed: bool,
    records: Collection[RecordPhase],
) -> RegistrationState:
    """What a reader calls a background fetch with these slots.

    ``aborted``: a page's ``abort()`` was answered with true, or the user stopped it.
    ``overflowed``: a record passed the download total.  ``prompting``: the paused
    flag stands for an unanswered prompt.
    """
    if phase is RegistrationPhase.RECORDS_GONE:
        return RegistrationState.CLOSED
    if result:
        return RegistrationState(failure_reason or result)
    if aborted:
        return RegistrationState.ABORTING
    if phase is RegistrationPhase.STARTING:
        return RegistrationState.ADMITTED
    if overflowed:
        return RegistrationState.OVERFLOWING
    if paused:
        return RegistrationState.AWAITING_PERMISSION if prompting else RegistrationState.PAUSED
    waiting = [each for each in records if each is not RecordPhase.SETTLED]
    if waiting and all(each is RecordPhase.WAITING_AVAILABLE for each in waiting):
        return RegistrationState.STALLED
    return RegistrationState.ACTIVE
