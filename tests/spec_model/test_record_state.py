"""What is kept of a record."""

from __future__ import annotations

import attrs

from spec_model.record_state import RecordState


def test_one_answer_is_exposable_as_long_as_it_has_not_failed() -> None:
    assert RecordState().exposable
    assert not attrs.evolve(RecordState(), result="aborted").exposable
