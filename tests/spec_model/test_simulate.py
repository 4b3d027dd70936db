"""The shortest way into the model."""

from __future__ import annotations

import doctest

import pytest

import spec_model
from spec_model import simulate as short_way  # the function, by its public name
from spec_model.editions import AMENDED, UnknownCluster
from spec_model.simulate import RecordOutcome, RefusedFetch
from spec_model.steps import STEPS


def test_its_example_is_true_and_short() -> None:
    import sys

    module = sys.modules["spec_model.simulate"]
    result = doctest.testmod(module)
    assert (result.failed, result.attempted) == (0, 6)
    (example,) = [each for each in doctest.DocTestFinder().find(module) if each.examples]
    lines = sum(1 + len(each.want.splitlines()) for each in example.examples)
    assert lines <= 12


def test_all_good_is_a_success() -> None:
    run = short_way({"/a": 200, "/b": b"four"})
    assert (run.event, run.result, run.failure_reason) == ("backgroundfetchsuccess", "success", "")
    assert run.records[1] == RecordOutcome("/b", 200, 4)


@pytest.mark.parametrize(
    ("answer", "reason", "record"),
    [
        (404, "bad-status", RecordOutcome("/a", 404, 16)),
        (None, "fetch-error", RecordOutcome("/a", error="TypeError")),
        (304, "bad-status", RecordOutcome("/a", 304, 0)),
    ],
)
def test_each_bad_answer_has_its_reason(
    answer: int | None, reason: str, record: RecordOutcome
) -> None:
    run = short_way({"/a": answer})
    assert (run.event, run.failure_reason, run.records) == (
        "backgroundfetchfail",
        reason,
        (record,),
    )


def test_limits_can_be_set() -> None:
    assert short_way({"/a": b"12345"}, download_total=4).failure_reason == "download-total-exceeded"
    assert short_way({"/a": b"12345"}, quota=4).failure_reason == "quota-exceeded"


def test_an_edition_is_a_name_or_a_value() -> None:
    for edition in ("amended - E01", AMENDED.without("E01")):
        assert short_way({"/a": 404}, edition=edition).result == "success"
    with pytest.raises(UnknownCluster):
        short_way({"/a": 404}, edition="amended - E99")


def test_without_an_event_there_are_no_records() -> None:
    run = short_way({"/a": 204}, edition="as-written")
    assert (run.event, run.result, run.records) == ("", "", ())


def test_a_refused_fetch_says_where_the_text_refuses_it() -> None:
    with pytest.raises(RefusedFetch) as caught:
        short_way({})
    assert (caught.value.error, caught.value.step) == ("TypeError", "FETCH-5")


def test_its_steps_are_steps_of_the_text() -> None:
    run = short_way({"/a": 404})
    assert set(run.steps) <= set(STEPS)
    assert "RECORD-11.R.7.2" in run.steps


def test_the_public_list_is_complete_and_true() -> None:
    assert spec_model.__all__ == sorted(spec_model.__all__, key=spec_model.__all__.index)
    assert len(set(spec_model.__all__)) == len(spec_model.__all__)
    for name in spec_model.__all__:
        assert getattr(spec_model, name) is not None
