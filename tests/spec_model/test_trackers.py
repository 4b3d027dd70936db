"""Where errata have come up."""

from __future__ import annotations

from spec_model.errata import ERRATA
from spec_model.trackers import TRACKERS


def test_each_number_belongs_to_an_erratum_of_the_register() -> None:
    assert TRACKERS.keys() <= ERRATA.keys()


def test_each_lists_its_numbers_once_and_in_order() -> None:
    for erratum, numbers in TRACKERS.items():
        assert numbers, erratum
        assert list(numbers) == sorted(set(numbers)), erratum
