"""The Background Fetch specification as an executable, explicit state machine.

Pure: no input or output, no clock, no randomness.  ``simulate`` shows it in one
call; ``system`` is the whole of it; ``lifecycle`` has the public states as tables.
"""

from spec_model.choices import CHOICES, Choice
from spec_model.decide import Decide, Explain, Outcome, outcomes
from spec_model.editions import AMENDED, AS_WRITTEN, Edition, UnknownCluster, edition
from spec_model.invariants import BrokenInvariant, check
from spec_model.kernel import NeverSettles, System
from spec_model.lifecycle import RECORD, REGISTRATION
from spec_model.messages import Input, Output
from spec_model.simulate import RecordOutcome, RefusedFetch, Simulation, simulate
from spec_model.state import Realm, State, UnknownName
from spec_model.system import BACKGROUND_FETCH, enabled, inject, perform, run
from spec_model.tasks import Task

__all__ = [
    "AMENDED",
    "AS_WRITTEN",
    "BACKGROUND_FETCH",
    "CHOICES",
    "RECORD",
    "REGISTRATION",
    "BrokenInvariant",
    "Choice",
    "Decide",
    "Edition",
    "Explain",
    "Input",
    "NeverSettles",
    "Outcome",
    "Output",
    "Realm",
    "RecordOutcome",
    "RefusedFetch",
    "Simulation",
    "State",
    "System",
    "Task",
    "UnknownCluster",
    "UnknownName",
    "check",
    "edition",
    "enabled",
    "inject",
    "outcomes",
    "perform",
    "run",
    "simulate",
]
