"""Where the facts of the text are: which field here is which slot, member or word there.

An algorithm cites its steps while it runs.  A fact has no moment: the text says "a
background fetch has a title", and here some class has such a field.  Each row of this
table says which; where the text says how the slot starts, so does the row.  A test
compares the table with the classes, so that a field cannot go while its fact stays.
"""

from __future__ import annotations

from typing import Final

import attrs

from spec_model import messages as m
from spec_model.background_fetch import BackgroundFetch, FetchCall, UserAgent
from spec_model.instances import Instance, Snapshot
from spec_model.record_objects import RecordObject
from spec_model.record_state import RecordState
from spec_model.state import Event, Realm, State
from spec_model.values import RequestSpec

UNSAID: Final = object()
"""How a slot starts where the text does not say."""


@attrs.frozen
class Slot:
    """``steps`` state these fields or properties of a class; ``starts``: how they begin."""

    steps: tuple[str, ...]
    of: type
    fields: tuple[str, ...]
    starts: object = UNSAID


def step(*steps: str, of: type, slot: str, starts: object = UNSAID) -> Slot:
    """One row; ``slot`` may name several fields, with spaces between."""
    return Slot(steps, of, tuple(slot.split()), starts)


SLOTS: tuple[Slot, ...] = (
    step("REALM-1", of=RecordObject, slot="realm"),
    step("PERM-1", of=UserAgent, slot="permission"),
    step("INFRA-2", "INFRA-3", of=Realm, slot="tasks", starts=()),
    # One user agent here is one service worker registration.
    step("SWREG-1", of=BackgroundFetch, slot="in_map"),
    step("SWREG-2", of=State, slot="edits", starts=()),
    # A background fetch
    step("DM-BG-1", of=BackgroundFetch, slot="id"),
    step("DM-BG-2", of=BackgroundFetch, slot="requests"),
    step("DM-BG-2", of=State, slot="records"),
    step("DM-BG-3", of=BackgroundFetch, slot="title"),
    step("DM-BG-4", of=BackgroundFetch, slot="download_total"),
    step("DM-BG-5", of=BackgroundFetch, slot="upload_total"),
    # Kept for each record, so that a body sent again does not count twice (E34).
    step("DM-BG-6", of=State, slot="uploaded", starts=()),
    step("DM-BG-7", of=BackgroundFetch, slot="result", starts=""),
    step("DM-BG-8", of=BackgroundFetch, slot="failure_reason", starts=""),
    step("DM-BG-9", of=BackgroundFetch, slot="records_available", starts=True),
    step("DM-BG-11", of=UserAgent, slot="fetches", starts=()),
    step("DM-BG-12", of=State, slot="updates", starts=()),
    step("DM-BG-13", of=BackgroundFetch, slot="paused", starts=False),
    step("DM-BG-14", of=BackgroundFetch, slot="abort", starts=""),
    # A record and its data
    step("DM-REC-1", of=RequestSpec, slot="url method body mode"),
    step("DM-REC-2", of=RecordState, slot="response stored result"),
    step("DM-DATA-1", of=RecordState, slot="response", starts=None),
    step("DM-DATA-2", of=RecordState, slot="parts", starts=()),
    step("DM-DATA-3", of=RecordState, slot="result", starts=""),
    step("DM-DATA-4", of=RecordState, slot="exposable"),
    # PERFORM and RECORD run once for each, wherever they wait.
    step("PERFORM-0", of=BackgroundFetch, slot="phase"),
    step("RECORD-0", of=RecordState, slot="phase"),
    # The worker's event handlers
    step("IDL-SWGS-1", "IDL-SWGS-2", "IDL-SWGS-3", "IDL-SWGS-4", of=UserAgent, slot="listening"),
    step("IDL-EVT-1", "IDL-EVT-2", "IDL-EVT-3", "IDL-EVT-4", of=Event, slot="can_update_ui"),
    # BackgroundFetchManager: one in each realm, bound to the one registration
    step("IDL-SWR-1", "IDL-SWR-2", "IDL-SWR-3", of=State, slot="realms"),
    step("IDL-MGR-0", of=m.CallFetch, slot="realm"),
    step("IDL-MGR-1", of=m.CallFetch, slot="arguments"),
    step("IDL-MGR-1", of=FetchCall, slot="id requests"),
    step("IDL-MGR-2", of=m.CallGet, slot="id"),
    step("IDL-MGR-3", of=m.CallGetIds, slot="call"),
    step("IDL-MGR-4", of=Realm, slot="instances", starts=()),
    step("IDL-MGR-5", of=State, slot="agent"),
    step("IDL-OPT-2", of=FetchCall, slot="title", starts=""),
    step("IDL-OPT-3", of=FetchCall, slot="download_total", starts=0),
    # BackgroundFetchRegistration: copies of slots in one realm
    step("IDL-REG-0", of=Realm, slot="instances"),
    step(
        "IDL-REG-1",
        of=Snapshot,
        slot="id upload_total uploaded download_total downloaded"
        " result failure_reason records_available",
    ),
    step("IDL-REG-2", "REG-18", "REG-19", of=m.ProgressFired, slot="instance snapshot"),
    step("IDL-REG-3", of=m.CallAbort, slot="instance"),
    step("IDL-REG-4", of=m.CallMatch, slot="url first"),
    step("IDL-REG-5", of=m.CallMatch, slot="url method ignore_search ignore_method"),
    step("IDL-ENUM-1", of=Snapshot, slot="result", starts=""),
    step("IDL-ENUM-3", "IDL-ENUM-4", "IDL-ENUM-5", of=BackgroundFetch, slot="failure_reason"),
    step("IDL-ENUM-6", "IDL-ENUM-7", of=BackgroundFetch, slot="failure_reason"),
    step("IDL-ENUM-2", of=Snapshot, slot="failure_reason", starts=""),
    step("REG-1", of=Instance, slot="fetch"),
    step("REG-6", "REG-10", of=Snapshot, slot="id"),
    step("REG-7", "REG-11", of=Snapshot, slot="upload_total"),
    step("REG-8", "REG-12", of=Snapshot, slot="download_total"),
    step("REG-3", "REG-13", of=Snapshot, slot="uploaded"),
    step("REG-2", "REG-14", of=Snapshot, slot="downloaded"),
    step("REG-4", "REG-15", of=Snapshot, slot="result"),
    step("REG-5", "REG-16", of=Snapshot, slot="failure_reason"),
    step("REG-9", "REG-17", of=Snapshot, slot="records_available"),
    # BackgroundFetchRecord
    step("IDL-REC-0", of=RecordObject, slot="realm"),
    step("IDL-REC-1", "IDL-REC-3", of=RecordObject, slot="url method"),
    step("IDL-REC-2", "IDL-REC-4", of=RecordObject, slot="ready", starts=None),
    # BackgroundFetchEvent and BackgroundFetchUpdateUIEvent: in the worker only
    step("IDL-BFE-0", "IDL-UUE-0", of=Event, slot="type"),
    step("IDL-BFE-1", of=m.CallSynthesize, slot="name instance"),
    step("IDL-BFE-2", "IDL-BFE-5", of=m.EventDispatched, slot="instance snapshot"),
    step("IDL-BFE-4", of=Event, slot="fetch"),
    step("IDL-UUE-2", of=m.CallUpdateUI, slot="event title"),
    step("IDL-UUE-3", of=Event, slot="ui_updated", starts=False),
)
"""Every fact that is a field here, in the order of the text's parts."""
