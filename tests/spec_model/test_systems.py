"""Every specification by name, and what can be asked of each."""

from __future__ import annotations

import pytest

from spec_model import steps, systems
from spec_model.steps import UnknownStep


def test_a_text_knows_where_its_code_takes_each_step() -> None:
    for text in systems.TEXTS.values():
        taken = text.places()
        assert taken.keys() <= text.steps.keys()
        assert taken.keys() | text.not_modelled.keys() == text.steps.keys(), text.name


def test_a_step_is_found_in_whichever_text_has_it() -> None:
    assert systems.step("FETCH-1") is steps.get("FETCH-1")
    assert systems.step("BS-REGISTER-3") is systems.SYNC_TEXT.steps["BS-REGISTER-3"]


def test_a_step_that_no_text_has_is_refused() -> None:
    with pytest.raises(UnknownStep):
        systems.step("FETCH-99")
