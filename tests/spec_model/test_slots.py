"""The facts of the text that are fields here: each field is there, and starts as the text says."""

from __future__ import annotations

import attrs
import pytest

from spec_model.slots import SLOTS, UNSAID, Slot
from spec_model.steps import STEPS, Kind

EACH = pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: f"{slot.of.__name__} {slot.steps}")


@EACH
def test_the_class_has_the_fields(slot: Slot) -> None:
    fields = {field.name for field in attrs.fields(slot.of)}
    for name in slot.fields:
        assert name in fields or isinstance(getattr(slot.of, name), property)


@EACH
def test_a_slot_starts_as_the_text_says(slot: Slot) -> None:
    if slot.starts is UNSAID:
        return
    for name in slot.fields:
        default = getattr(attrs.fields(slot.of), name).default
        assert default == slot.starts
        assert type(default) is type(slot.starts)


@EACH
def test_only_what_has_no_moment_is_cited_here(slot: Slot) -> None:
    # Steps of algorithms are cited where they are taken.
    for step in slot.steps:
        queue_of_tasks = step == "INFRA-3"
        assert STEPS[step].kind in (Kind.FACT, Kind.RETURN) or queue_of_tasks
