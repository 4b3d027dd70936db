"""The two public lifecycles: what a background fetch goes through, and what each record does.

The text has no such states: it has flags, slots and algorithms that wait.  These
tables are the reader's view of them, the one that is printed and drawn.  Where the
algorithms wait is a finer matter (``spec_model.phases``), and an invariant of the
model says that the view and the slots agree.
"""

from spec_model.lifecycle.record import ENDED, RECORD, RecordState, RecordTrigger
from spec_model.lifecycle.registration import (
    REGISTRATION,
    SETTLED,
    RegistrationState,
    RegistrationTrigger,
)

__all__ = [
    "ENDED",
    "RECORD",
    "REGISTRATION",
    "SETTLED",
    "RecordState",
    "RecordTrigger",
    "RegistrationState",
    "RegistrationTrigger",
]
