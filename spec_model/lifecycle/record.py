"""What one record is doing: it waits, asks, receives, and ends in one of six ways."""

from __future__ import annotations

import enum

from spec_model.table import NON_SPEC, Row, Table, rows


class RecordState(enum.Enum):
    """What one record is doing."""

    WAITING = "waiting"
    REQUESTING = "requesting"
    RECEIVING = "receiving"
    STALLED = "stalled"
    SUCCESS = "success"
    BAD_STATUS = "bad-status"
    FETCH_ERROR = "fetch-error"
    QUOTA_EXCEEDED = "quota-exceeded"
    DOWNLOAD_TOTAL_EXCEEDED = "download-total-exceeded"
    ABORTED = "aborted"


class RecordTrigger(enum.Enum):
    """What moves one record."""

    SEND = "send"
    HEADERS = "headers"
    REPLACE = "replace"
    AGAIN = "again"
    UNAVAILABLE = "unavailable"
    AVAILABLE = "available"
    PAUSE = "pause"
    END_SUCCESS = "end-success"
    END_BAD_STATUS = "end-bad-status"
    END_FETCH_ERROR = "end-fetch-error"
    END_QUOTA_EXCEEDED = "end-quota-exceeded"
    END_DOWNLOAD_TOTAL_EXCEEDED = "end-download-total-exceeded"
    END_ABORTED = "end-aborted"
    RESTART = "restart"


_S = RecordState
_T = RecordTrigger

ENDED = (
    _S.SUCCESS,
    _S.BAD_STATUS,
    _S.FETCH_ERROR,
    _S.QUOTA_EXCEEDED,
    _S.DOWNLOAD_TOTAL_EXCEEDED,
    _S.ABORTED,
)
"""The six ways in which a record can be over."""

_FLYING = (_S.REQUESTING, _S.RECEIVING)

_ROWS: tuple[Row[RecordState, RecordTrigger], ...] = (
    *rows(_T.SEND, (_S.WAITING,), _S.REQUESTING, "RECORD-11", "a request is sent"),
    *rows(
        _T.HEADERS,
        (_S.REQUESTING,),
        _S.RECEIVING,
        "RECORD-11.R.4 RECORD-11.R.5",
        "the first answer, or the next part of it",
    ),
    *rows(
        _T.REPLACE,
        (_S.REQUESTING,),
        _S.RECEIVING,
        "RECORD-11.R.3.1 RECORD-11.R.3.3",
        "a whole answer to a request for the rest: the record starts anew",
    ),
    *rows(_T.AGAIN, (_S.RECEIVING,), _S.WAITING, "RECORD-11.R.7.1.2 RECORD-15", "a part lacks"),
    *rows(_T.UNAVAILABLE, (_S.REQUESTING,), _S.STALLED, "RECORD-11.R.1.1", "no answer for now"),
    *rows(_T.UNAVAILABLE, (_S.RECEIVING,), _S.STALLED, "RECORD-11.R.8.1", "cut off for now"),
    *rows(
        _T.AVAILABLE,
        (_S.STALLED,),
        _S.WAITING,
        "RECORD-11.R.1.1 RECORD-11.R.8.1 RECORD-15",
        "the resource may be back: a new attempt",
    ),
    *rows(
        _T.PAUSE,
        (*_FLYING, _S.STALLED),
        _S.WAITING,
        "RECORD-13 RECORD-14.4 RECORD-15",
        "the attempt is given up, what is stored is kept",
    ),
    *rows(_T.PAUSE, (_S.WAITING,), None, "RECORD-3", "it has not begun"),
    # Ends.
    *rows(
        _T.END_SUCCESS,
        (_S.RECEIVING,),
        _S.SUCCESS,
        "RECORD-11.R.7.1.2 RECORD-11.R.7.3",
        "all bytes are here and the status was ok",
    ),
    *rows(_T.END_BAD_STATUS, (_S.RECEIVING,), _S.BAD_STATUS, "RECORD-11.R.7.2", "not an ok status"),
    *rows(
        _T.END_FETCH_ERROR,
        (_S.REQUESTING,),
        _S.FETCH_ERROR,
        "RECORD-11.R.1.2 RECORD-11.R.2.1.1",
        "no answer, or a part that does not fit",
    ),
    *rows(
        _T.END_FETCH_ERROR,
        (_S.RECEIVING,),
        _S.FETCH_ERROR,
        "RECORD-11.R.8.2",
        "cut off, and not to be tried again",
    ),
    *rows(
        _T.END_QUOTA_EXCEEDED,
        (_S.RECEIVING,),
        _S.QUOTA_EXCEEDED,
        "RECORD-11.R.6.3",
        "storage is full",
    ),
    *rows(
        _T.END_DOWNLOAD_TOTAL_EXCEEDED,
        (_S.RECEIVING,),
        _S.DOWNLOAD_TOTAL_EXCEEDED,
        "RECORD-11.R.6.1.2",
        "with these bytes the fetch would have more than it announced",
    ),
    *rows(
        _T.END_ABORTED,
        (*_FLYING, _S.STALLED),
        _S.ABORTED,
        "RECORD-13 RECORD-14.2 RECORD-14.4",
        "the whole fetch is stopped",
    ),
    *rows(
        _T.END_ABORTED,
        (_S.WAITING,),
        _S.ABORTED,
        "RECORD-3",
        "the whole fetch is stopped before the next request",
        only_with="E13",
    ),
    # Doors that only defects of the text open.
    *rows(
        _T.END_FETCH_ERROR,
        (_S.STALLED,),
        _S.FETCH_ERROR,
        "RECORD-14.3 RECORD-11.R.8.2",
        "an earlier pause left an error behind",
        unless="E15",
    ),
    *rows(
        _T.END_FETCH_ERROR,
        (_S.ABORTED,),
        _S.FETCH_ERROR,
        "RECORD-11.R.1.2 RECORD-11.R.8.2",
        "the attempt's end writes over the result of the abort",
        unless="E03",
    ),
    *rows(
        _T.END_SUCCESS,
        (_S.DOWNLOAD_TOTAL_EXCEEDED,),
        _S.SUCCESS,
        "RECORD-11.R.7.3",
        "the cancelled stream ends normally",
        unless="E19",
    ),
    *rows(
        _T.END_SUCCESS,
        (_S.QUOTA_EXCEEDED,),
        _S.SUCCESS,
        "RECORD-11.R.7.3",
        "nothing stopped the stream",
        unless="E20",
    ),
    *rows(
        _T.RESTART,
        (_S.WAITING, *_FLYING, _S.STALLED),
        _S.WAITING,
        NON_SPEC,
        "the text is silent about restarts (E87); what is stored is resumed",
    ),
)

RECORD = Table("record", _S, _T, _S.WAITING, _ROWS)
"""The public lifecycle of one record."""
