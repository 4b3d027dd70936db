"""Where each wait of the text is in this model.

Every step that waits, runs something in parallel, or puts something into a queue
is listed once, with the thing here that stands for it.  A test keeps the list
complete: a wait of the text that is nowhere would be a wait that never happens.
"""

from __future__ import annotations

PERFORM_PHASES = "a phase of the registration"
RECORD_PHASES = "a phase of the record"
EDIT_QUEUE = "the edit queue of the service worker registration"
UPDATE_QUEUE = "the update queue of the background fetch"
TASK = "a task of the realm's event loop"
CALL = "a call that is under way, named by its promise"
READER = "a reader of a record, by what it has been handed"
WORKER = "a functional event that waits for the worker, then is active"
NOTHING = "no place of its own: straight on in the same function"

PLACES: dict[str, str] = {
    "INFRA-3": TASK,
    # PERFORM
    "PERFORM-5": RECORD_PHASES,
    "PERFORM-5.1": RECORD_PHASES,
    "PERFORM-6": PERFORM_PHASES,
    "PERFORM-8": PERFORM_PHASES,
    "PERFORM-8.7": UPDATE_QUEUE,
    "PERFORM-8.13": PERFORM_PHASES,
    "PERFORM-8.13.1": PERFORM_PHASES,
    "PERFORM-8.13.3": UPDATE_QUEUE,
    # RECORD
    "RECORD-3": RECORD_PHASES,
    "RECORD-11": RECORD_PHASES,
    "RECORD-11.Q.0": RECORD_PHASES,
    "RECORD-11.Q.4": UPDATE_QUEUE,
    "RECORD-11.R.0": RECORD_PHASES,
    "RECORD-11.R.1.1": RECORD_PHASES,
    "RECORD-11.R.3.4": UPDATE_QUEUE,
    "RECORD-11.R.6": RECORD_PHASES,
    "RECORD-11.R.6.4": UPDATE_QUEUE,
    "RECORD-11.R.8.1": RECORD_PHASES,
    "RECORD-13": RECORD_PHASES,
    "RECORD-13.1": RECORD_PHASES,
    # UPDATE, CLICK
    "UPDATE-0": UPDATE_QUEUE,
    "UPDATE-6": TASK,
    "CLICK-1": WORKER,
    # CREATE
    "CREATE-2.8.1": READER,
    "CREATE-2.8.4": TASK,
    "CREATE-2.9": READER,
    "CREATE-2.9.1": READER,
    "CREATE-2.9.2.6": TASK,
    # The calls
    "FETCH-8": EDIT_QUEUE,
    "FETCH-8.8.3": CALL,
    "FETCH-8.8.3.1": CALL,
    "FETCH-8.8.3.1.1": CALL,
    "FETCH-8.10": CALL,
    "FETCH-8.14": TASK,
    "FETCH-8.15": NOTHING,
    "FETCH-8.16": PERFORM_PHASES,
    "GET-0": CALL,
    "GET-4": UPDATE_QUEUE,
    "GET-4.1": TASK,
    "GET-4.2": CALL,
    "GETIDS-0": CALL,
    "ABORT-0": CALL,
    "ABORT-3": EDIT_QUEUE,
    "MATCHALL-3": CALL,
    "MATCHALL-3.3": TASK,
    "UPDATEUI-0": CALL,
    "WDCLICK-7": NOTHING,
}
