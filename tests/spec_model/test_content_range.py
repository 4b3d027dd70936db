"""Content-Range values, and which partial answers may be joined."""

from __future__ import annotations

import attrs
import pytest

from spec_model.content_range import (
    ContentRange,
    extract_content_range,
    unsatisfied_length,
    validate_partial_response,
)
from spec_model.decide import Explain
from spec_model.editions import AMENDED, AS_WRITTEN
from spec_model.values import Extent, Head, exactly


def head(value: str | None, status: int = 206, **headers: str) -> Head:
    pairs = list(headers.items())
    if value is not None:
        pairs.append(("content-range", value))
    return Head(1, status, tuple(pairs), tuple(pairs))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes 5-9/10", ContentRange(5, 9, 10)),
        ("bytes 5-9/*", ContentRange(5, 9, None)),
        (f"bytes 0-{2**70}/{2**71}", ContentRange(0, 2**70, 2**71)),
    ],
)
def test_what_http_sends_is_understood(value: str, expected: ContentRange) -> None:
    assert extract_content_range(head(value), Explain()) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "bytes=5-9/10",
        "bytes  5-9/10",
        "bytes 5-9",
        "bytes 5-9/10, bytes 5-9/10",
        "bytes +5-9/10",
        "bytes 5_0-90/100",
        "bytes ٥-9/10",
        "bytes 5-9/10\n",
        "bytes */10",
    ],
)
def test_anything_else_is_a_failure(value: str | None) -> None:
    assert extract_content_range(head(value), Explain()) is None


def test_as_written_only_an_equals_sign_will_do() -> None:
    d = Explain(AS_WRITTEN)
    assert extract_content_range(head("bytes=5-9/10"), d) == ContentRange(5, 9, 10)
    assert extract_content_range(head("bytes 5-9/10"), d) is None


def test_a_header_that_cors_hides_counts_only_with_the_repair() -> None:
    hidden = Head(1, 206, (), (("content-range", "bytes 5-9/10"),))
    assert extract_content_range(hidden, Explain()) == ContentRange(5, 9, 10)
    assert extract_content_range(hidden, Explain(AMENDED.without("E30"))) is None


def test_an_unsatisfied_range_tells_the_length() -> None:
    assert unsatisfied_length(head("bytes */10", 416)) == 10
    assert unsatisfied_length(head("bytes 5-9/10", 416)) is None
    assert unsatisfied_length(head(None, 416)) is None


def verdict(new: Head, previous: Head | None = None, reading: str = "") -> str:
    d = Explain(AMENDED.without(reading) if reading else AMENDED)
    return validate_partial_response(exactly(5), new, previous, d)


def test_the_part_that_was_asked_for_is_valid() -> None:
    assert verdict(head("bytes 5-9/10", etag='"1"'), head(None, 200, etag='"1"')) == "valid"


@pytest.mark.parametrize("value", ["bytes 4-9/10", "bytes 6-9/10", "nonsense"])
def test_another_part_is_not(value: str) -> None:
    assert verdict(head(value)) == "invalid"


def test_an_expected_start_known_as_bounds_takes_what_lies_between() -> None:
    new = head("bytes 5-9/10")
    assert validate_partial_response(Extent(3, 7), new, None, Explain()) == "valid"
    assert validate_partial_response(Extent(6, 7), new, None, Explain()) == "invalid"


@pytest.mark.parametrize("value", ["bytes 5-4/10", "bytes 5-10/10"])
def test_impossible_bounds_are_refused_with_the_repair_only(value: str) -> None:
    assert verdict(head(value)) == "invalid"
    assert verdict(head(value), reading="E26") == "valid"


@pytest.mark.parametrize("name", ["etag", "last-modified"])
def test_a_validator_that_differs_or_is_gone_means_that_the_resource_changed(name: str) -> None:
    previous, new = (
        Head(1, status, (pair,), (pair, ("content-range", "bytes 5-9/10")))
        for status, pair in ((200, (name, "old")), (206, (name, "new")))
    )
    assert verdict(attrs.evolve(new, headers=new.internal), previous) == "changed"
    assert verdict(head("bytes 5-9/10"), previous) == "changed"


def test_a_validator_that_appears_later_is_no_change() -> None:
    assert verdict(head("bytes 5-9/10", etag='"1"'), head(None, 200)) == "valid"


def test_complete_lengths_of_two_parts_must_agree_where_the_first_is_known() -> None:
    assert verdict(head("bytes 5-9/10"), head("bytes 0-4/11")) == "changed"
    assert verdict(head("bytes 5-9/10"), head("bytes 0-4/*")) == "valid"
    assert verdict(head("bytes 5-9/10"), head("nonsense")) == "invalid"
