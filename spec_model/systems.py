"""Every specification that runs here, and a step of any of them by its id."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from spec_model import steps
from spec_model.background_sync.steps import STEPS as SYNC_STEPS
from spec_model.steps import STEPS, Step

STEPS_OF: Mapping[str, Mapping[str, Step]] = MappingProxyType(
    {"background-fetch": STEPS, "sync": SYNC_STEPS}
)
"""The steps of each specification, by the name that its system has."""


def step(id: str) -> Step:
    """The step with this id, of whichever specification.  Raises UnknownStep."""
    known = SYNC_STEPS.get(id)
    return known if known is not None else steps.get(id)
