"""What a background fetch goes through.

A registration is *admitted* once its id is taken, *active* while records may use
the network, *paused* while the paused flag is set, *stalled* while every record
that is not over waits for its resource to come back.  *Aborting* and *overflowing*
are the times between the decision to stop and the settlement: aborting because a
page or the user said so, overflowing because the download total was passed.  Then
one state per outcome, in which the settle event is delivered and its handler runs,
and *closed* once the records are gone.

What was thought through, move by move:

- Pausing while stalled pauses: the wait for the resource is abandoned with the
  attempt, and resuming makes a new attempt, which may stall again.  Both flags are
  looked at, not waited for: who resumes before the pause was noticed finds the same wait.
- Aborting is possible from every state before settlement but *admitted*, which only
  the user can leave so: ``abort()`` waits in the queue in which ``fetch()`` runs.
- A total that was passed just before a pause is found out while paused, since a
  record that is over reports its result then too.  So do all other outcomes, when
  the pause comes between the last record's end and the settlement.
- ``abort()`` beats an overflow: the entry is still in the map until settlement.
- Awaiting permission has no way to an outcome but through a refusal or an abort.
  (The text starts interface and transfer in parallel, so that requests may go out, and
  even be answered, before the prompt is up: E68, with rows of its own.)
- Whatever the interface offers after settlement moves nothing, so it has no row (E80).
- A restarted user agent finds the state that it left.  Only *stalled* is forgotten,
  being a belief: the records try again.
- Unregistering ends everything without an event (PRIV-1 has no steps for it, E86).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

from spec_model.table import NON_SPEC, Row, Table, rows


class RegistrationState(enum.Enum):
    """What a background fetch is going through."""

    ADMITTED = "admitted"
    AWAITING_PERMISSION = "awaiting-permission"
    ACTIVE = "active"
    PAUSED = "paused"
    STALLED = "stalled"
    ABORTING = "aborting"
    OVERFLOWING = "overflowing"
    SUCCESS = "success"
    ABORTED = "aborted"
    BAD_STATUS = "bad-status"
    FETCH_ERROR = "fetch-error"
    QUOTA_EXCEEDED = "quota-exceeded"
    DOWNLOAD_TOTAL_EXCEEDED = "download-total-exceeded"
    CLOSED = "closed"


class RegistrationTrigger(enum.Enum):
    """What moves a background fetch."""

    START = "start"
    START_PAUSED = "start-paused"
    PROMPT = "prompt"
    ACCEPT = "accept"
    REFUSE = "refuse"
    PAUSE = "pause"
    RESUME = "resume"
    STILL_STALLED = "still-stalled"
    STALL = "stall"
    RECOVER = "recover"
    ABORT = "abort"
    USER_ABORT = "user-abort"
    OVERFLOW = "overflow"
    SETTLE_SUCCESS = "settle-success"
    SETTLE_ABORTED = "settle-aborted"
    SETTLE_BAD_STATUS = "settle-bad-status"
    SETTLE_FETCH_ERROR = "settle-fetch-error"
    SETTLE_QUOTA_EXCEEDED = "settle-quota-exceeded"
    SETTLE_DOWNLOAD_TOTAL_EXCEEDED = "settle-download-total-exceeded"
    RELEASE = "release"
    UNREGISTER = "unregister"
    RESTART = "restart"


_S = RegistrationState
_T = RegistrationTrigger

SETTLED = (
    _S.SUCCESS,
    _S.ABORTED,
    _S.BAD_STATUS,
    _S.FETCH_ERROR,
    _S.QUOTA_EXCEEDED,
    _S.DOWNLOAD_TOTAL_EXCEEDED,
)
"""The six outcomes."""

_STOPPING = (_S.ABORTING, _S.OVERFLOWING)
_UNSETTLED = (_S.ADMITTED, _S.AWAITING_PERMISSION, _S.ACTIVE, _S.PAUSED, _S.STALLED, *_STOPPING)
_RUNNING = (_S.ACTIVE, _S.PAUSED)

_FAILURES = (
    (_T.SETTLE_BAD_STATUS, _S.BAD_STATUS),
    (_T.SETTLE_FETCH_ERROR, _S.FETCH_ERROR),
    (_T.SETTLE_QUOTA_EXCEEDED, _S.QUOTA_EXCEEDED),
)
"""How it settles where a record has failed by itself."""


def _failing(
    source: RegistrationState, cite: str, why: str, unless: str | None = None
) -> Iterator[Row[RegistrationState, RegistrationTrigger]]:
    """A row for each of the failures."""
    for trigger, outcome in _FAILURES:
        yield from rows(trigger, (source,), outcome, cite, why, unless=unless)


_ROWS: tuple[Row[RegistrationState, RegistrationTrigger], ...] = (
    # How it begins.
    *rows(_T.START, (_S.ADMITTED,), _S.ACTIVE, "FETCH-8.16", "the transfer is started"),
    *rows(_T.START_PAUSED, (_S.ADMITTED,), _S.PAUSED, "DISPLAY-12", "metered, or started unseen"),
    *rows(_T.PROMPT, (_S.ADMITTED,), _S.AWAITING_PERMISSION, "DISPLAY-11.1", "the user is asked"),
    *rows(_T.ACCEPT, (_S.AWAITING_PERMISSION,), _S.ACTIVE, "DISPLAY-11.2", "the user accepts"),
    *rows(_T.REFUSE, (_S.AWAITING_PERMISSION,), _S.ABORTING, "DISPLAY-11.2", "the user refuses"),
    # Pausing and stalling.
    *rows(
        _T.PAUSE,
        (_S.ACTIVE, _S.STALLED),
        _S.PAUSED,
        "DISPLAY-8 DISPLAY-12 RECORD-13",
        "attempts are abandoned, a wait for the resource with them",
    ),
    *rows(_T.PAUSE, _STOPPING, None, "DISPLAY-8", "the flag is set; stopping goes on"),
    *rows(_T.RESUME, (_S.PAUSED,), _S.ACTIVE, "DISPLAY-8 RECORD-3", "records go on"),
    *rows(
        _T.STILL_STALLED,
        (_S.PAUSED,),
        _S.STALLED,
        "DISPLAY-8 RECORD-13",
        "resumed before the wait for the resource was given up",
    ),
    *rows(_T.RESUME, _STOPPING, None, "DISPLAY-8", "the flag is unset; stopping goes on"),
    *rows(
        _T.STALL,
        (_S.ACTIVE,),
        _S.STALLED,
        "RECORD-11.R.1.1 RECORD-11.R.8.1",
        "every record that is not over waits for its resource",
    ),
    *rows(
        _T.RECOVER,
        (_S.STALLED,),
        _S.ACTIVE,
        "RECORD-11.R.1.1 RECORD-11.R.8.1 RECORD-15",
        "a resource may be back: its record tries again",
    ),
    # Stopping.
    *rows(
        _T.ABORT,
        (_S.AWAITING_PERMISSION, _S.ACTIVE, _S.PAUSED, _S.STALLED, _S.OVERFLOWING),
        _S.ABORTING,
        "ABORT-3.4 ABORT-3.6",
        "abort() took it out of the active map",
    ),
    *rows(
        _T.ABORT,
        (_S.ABORTING,),
        None,
        "ABORT-3.4",
        "a user's abort left it in the map, so that abort() succeeds after it",
        unless="E02",
    ),
    *rows(_T.USER_ABORT, _UNSETTLED, _S.ABORTING, "DISPLAY-7", "the user stops it"),
    *rows(
        _T.OVERFLOW,
        _RUNNING,
        _S.OVERFLOWING,
        "PERFORM-5.5 PERFORM-7",
        "a record passed the download total: all others are stopped",
    ),
    *rows(_T.OVERFLOW, (_S.ABORTING,), None, "PERFORM-7 PERFORM-8.4", "it is stopping already"),
    # Settling.  PERFORM-8 does not look at the paused flag.
    *rows(_T.SETTLE_SUCCESS, _RUNNING, _S.SUCCESS, "PERFORM-8.6", "all records succeeded"),
    *rows(_T.SETTLE_BAD_STATUS, _RUNNING, _S.BAD_STATUS, "PERFORM-8.5.2", "a status was not ok"),
    *rows(_T.SETTLE_FETCH_ERROR, _RUNNING, _S.FETCH_ERROR, "PERFORM-8.5.2", "a record failed"),
    *rows(
        _T.SETTLE_QUOTA_EXCEEDED, _RUNNING, _S.QUOTA_EXCEEDED, "PERFORM-8.5.2", "storage was full"
    ),
    *rows(
        _T.SETTLE_ABORTED,
        (_S.ABORTING,),
        _S.ABORTED,
        "PERFORM-8.4 PERFORM-8.5.2",
        "a page or the user stopped it",
    ),
    *rows(
        _T.SETTLE_DOWNLOAD_TOTAL_EXCEEDED,
        (_S.OVERFLOWING,),
        _S.DOWNLOAD_TOTAL_EXCEEDED,
        "PERFORM-8.5.2",
        "more came than was announced",
    ),
    # Which of several failures gives the reason is not determined (E12).
    *_failing(
        _S.OVERFLOWING,
        "PERFORM-5.3.2 PERFORM-8.5.2",
        "a record that failed before the overflow gives the reason",
    ),
    # Doors that only defects of the text open.
    *rows(
        _T.SETTLE_SUCCESS,
        (_S.OVERFLOWING,),
        _S.SUCCESS,
        "PERFORM-5.3 PERFORM-8.6",
        "no record's failure is ever remembered",
        unless="E01",
    ),
    *rows(
        _T.SETTLE_ABORTED,
        (_S.OVERFLOWING,),
        _S.ABORTED,
        "PERFORM-5.3.2 PERFORM-8.5.2",
        "a record stopped by the overflow gives the reason",
        unless="E04",
    ),
    *rows(
        _T.SETTLE_ABORTED,
        _RUNNING,
        _S.ABORTED,
        "RECORD-11.R.1.2 PERFORM-8.5.2",
        "the network aborted a record, nobody else did",
        unless="E45",
    ),
    *rows(
        _T.SETTLE_SUCCESS,
        (_S.ABORTING,),
        _S.SUCCESS,
        "DISPLAY-7 PERFORM-8.6",
        "a user's abort is not one",
        unless="E02",
    ),
    *_failing(
        _S.ABORTING,
        "DISPLAY-7 PERFORM-8.5.2",
        "an earlier failure outdoes a user's abort",
        unless="E02",
    ),
    *rows(
        _T.SETTLE_DOWNLOAD_TOTAL_EXCEEDED,
        (_S.ABORTING,),
        _S.DOWNLOAD_TOTAL_EXCEEDED,
        "DISPLAY-7 PERFORM-8.5.2",
        "an overflow outdoes a user's abort",
        unless="E02",
    ),
    *rows(
        _T.PROMPT,
        (_S.ACTIVE, _S.PAUSED, _S.STALLED),
        _S.AWAITING_PERMISSION,
        "FETCH-8.15 DISPLAY-11.1",
        "requests went out before the user was asked",
        unless="E68",
    ),
    *rows(
        _T.SETTLE_SUCCESS,
        (_S.AWAITING_PERMISSION,),
        _S.SUCCESS,
        "FETCH-8.15 PERFORM-8.6",
        "all was over before the user answered",
        unless="E68",
    ),
    *_failing(
        _S.AWAITING_PERMISSION,
        "FETCH-8.15 PERFORM-8.5.2",
        "all was over before the user answered",
        unless="E68",
    ),
    *rows(
        _T.OVERFLOW,
        (_S.AWAITING_PERMISSION,),
        _S.OVERFLOWING,
        "FETCH-8.15 PERFORM-5.5 PERFORM-7",
        "a record was over before the user answered",
        unless="E68",
    ),
    *rows(
        _T.STILL_STALLED,
        (_S.AWAITING_PERMISSION,),
        _S.STALLED,
        "FETCH-8.15 DISPLAY-11.2 RECORD-13",
        "accepted before the wait for the resource was given up",
        unless="E68",
    ),
    # How it is over.
    *rows(
        _T.RELEASE,
        SETTLED,
        _S.CLOSED,
        "PERFORM-8.13.1 PERFORM-8.13.2",
        "the settle event has been handled, or there was none",
    ),
    *rows(
        _T.UNREGISTER,
        (*_UNSETTLED, *SETTLED),
        _S.CLOSED,
        "PRIV-1",
        "the registration is cleared: no event, nothing kept",
    ),
    # Restarts of the user agent.
    *rows(
        _T.RESTART,
        (
            _S.ADMITTED,
            _S.AWAITING_PERMISSION,
            _S.ACTIVE,
            _S.PAUSED,
            *_STOPPING,
            *SETTLED,
        ),
        None,
        NON_SPEC,
        "the text is silent about restarts (E87); what was decided is kept",
    ),
    *rows(
        _T.RESTART,
        (_S.STALLED,),
        _S.ACTIVE,
        NON_SPEC,
        "a belief about a resource does not outlive the user agent: records try again",
    ),
)

REGISTRATION = Table("registration", _S, _T, _S.ADMITTED, _ROWS)
"""The public lifecycle of a background fetch."""
