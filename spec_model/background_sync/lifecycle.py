"""The lifecycle of one sync registration: four states of the text, and its removal.

A tag that was removed may be registered again: that is another registration.
"""

from __future__ import annotations

import enum
from itertools import chain

from spec_model.table import NON_SPEC, Row, Table, rows


class SyncState(enum.Enum):
    """BS-DM-3, and the end."""

    PENDING = "pending"
    WAITING = "waiting"
    FIRING = "firing"
    REREGISTERED = "reregistered-while-firing"
    REMOVED = "removed"


class SyncTrigger(enum.Enum):
    """What happens to a registration."""

    REGISTER = "register again"
    FIRE = "fire"
    FULFIL = "event fulfilled"
    FAIL = "event failed"
    FAIL_FINALLY = "event failed, last chance"
    WAIT_OVER = "wait over"
    RESTART = "restart"
    UNREGISTER = "worker unregistered"


S, T = SyncState, SyncTrigger
_LIVE = (S.PENDING, S.WAITING, S.FIRING, S.REREGISTERED)

_ROWS: tuple[Row[SyncState, SyncTrigger], ...] = tuple(
    chain(
        rows(T.REGISTER, [S.PENDING], None, "BS-REGISTER-8.3", "it is to be fired already"),
        rows(T.REGISTER, [S.WAITING], S.PENDING, "BS-REGISTER-8.1", "the wait is cut short"),
        rows(T.REGISTER, [S.FIRING], S.REREGISTERED, "BS-REGISTER-8.2", "one more event is due"),
        rows(
            T.REGISTER, [S.REREGISTERED], None, "BS-REGISTER-8.3", "one more event is due already"
        ),
        rows(T.FIRE, [S.PENDING], S.FIRING, "BS-FIRE-4", "its event is dispatched"),
        rows(
            T.FIRE,
            [S.WAITING, S.FIRING, S.REREGISTERED],
            S.FIRING,
            "BS-REGISTER-9.6",
            "the call that made it does not look whether somebody else has fired it",
            unless="BS03",
        ),
        rows(T.FULFIL, [S.FIRING], S.REMOVED, "BS-FIRE-5.2.3", "it is done"),
        rows(T.FULFIL, [S.REREGISTERED], S.PENDING, "BS-FIRE-5.2.1.1", "there is more to do"),
        rows(T.FAIL, [S.FIRING], S.WAITING, "BS-FIRE-5.3.2", "it will be tried again"),
        rows(T.FAIL_FINALLY, [S.FIRING], S.REMOVED, "BS-FIRE-5.3.3", "it is given up"),
        rows(T.FAIL, [S.REREGISTERED], S.PENDING, "BS-FIRE-5.3.1.1", "there is more to do"),
        rows(T.FAIL_FINALLY, [S.REREGISTERED], S.PENDING, "BS-FIRE-5.3.1.1", "as above"),
        rows(
            T.FULFIL,
            [S.PENDING, S.WAITING],
            S.REMOVED,
            "BS-FIRE-5.2.3",
            "one of two events at a time has ended before",
            unless="BS03",
        ),
        rows(
            T.FAIL,
            [S.PENDING, S.WAITING],
            S.WAITING,
            "BS-FIRE-5.3.2",
            "one of two events at a time has ended before",
            unless="BS03",
        ),
        rows(
            T.FAIL_FINALLY,
            [S.PENDING, S.WAITING],
            S.REMOVED,
            "BS-FIRE-5.3.3",
            "one of two events at a time has ended before",
            unless="BS03",
        ),
        rows(T.WAIT_OVER, [S.WAITING], S.PENDING, "BS-FIRE-5.3.2.3", "it may be fired again"),
        rows(
            T.RESTART,
            [S.FIRING, S.REREGISTERED],
            S.PENDING,
            NON_SPEC,
            "nobody will say how its event ended",
            only_with="BS02",
        ),
        rows(T.UNREGISTER, _LIVE, S.REMOVED, NON_SPEC, "its list is gone with the worker"),
    )
)

SYNC_REGISTRATION = Table("sync registration", SyncState, SyncTrigger, S.PENDING, _ROWS)
"""The public table."""


def fire(state: SyncState, trigger: SyncTrigger) -> SyncState:
    """Where a trigger leads.  Raises IllegalMove."""
    return SYNC_REGISTRATION.fire(state, trigger)
