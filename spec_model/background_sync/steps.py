"""The steps of the one-shot Background Sync text, as data; see ``spec_model.steps``.

Ids begin with ``BS-``, so that they never mean a step of another text.
"""

from __future__ import annotations

from spec_model.steps import load

DOCUMENT = "WICG/background-sync spec/index.bs"
COMMIT = "04f129e5dd6104a8ad7a59a5c12dc3206d0ac7c4"
"""The commit of the source that line numbers and digests belong to (2021-11-12)."""

STEPS = load("spec_model.background_sync")
"""Every step by id, in the order of the source."""

NOT_MODELLED = {
    "BS-ONLINE-2": "Online(true) means online as the user agent itself understands it",
    "BS-BACKGROUND-1": "a definition that only BS-REGISTER-5 uses",
    "BS-DM-1": "the shape of ``State``",
    "BS-DM-2": "the shape of ``Registration``",
    "BS-DM-4": "there is one service worker registration",
    "BS-PERM-2": "the judge sets the permission",
    "BS-PERM-3": "a scenario begins with the permission granted",
    "BS-IDL-1": "interface: adapters reach it",
    "BS-IDL-2": "interface: adapters reach it",
    "BS-IDL-3": "interface: whether the worker listens is data of ``State``",
    "BS-IDL-4": "interface: the shape of ``SyncFired``",
    "BS-IDL-5": "interface: events made by script are not dispatched by the user agent",
    "BS-EVENT-1": "a note; what it promises follows from BS-REGISTER and BS-SWEEP-1",
}
"""Rows that no code takes, with the reason."""
