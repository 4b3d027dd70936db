"""A reading is an edition and answers, by a name that says both."""

from __future__ import annotations

import pytest

from conformance.readings import BadReading, reading
from spec_model.editions import AMENDED, edition


def test_an_edition_is_a_reading_that_answers_by_default() -> None:
    assert reading("amended").edition == AMENDED
    assert reading("amended").answers == {}


def test_answers_stand_after_the_edition() -> None:
    read = reading("amended - E13 + id-order=by-text + met first=the part's end")
    assert read.edition == edition("amended - E13")
    assert read.answers == {"id-order": "by-text", "met first": "the part's end"}


@pytest.mark.parametrize("name", ["amendet", "amended + id-order", "amended + id-order=insertion"])
def test_what_is_no_reading_is_refused(name: str) -> None:
    with pytest.raises(BadReading):
        reading(name)
