"""How findings add up."""

from __future__ import annotations

from conformance.judge.properties.tally import Tally
from tests.conformance.judge.properties.traces import breaks, holds, unclear


def test_nothing_found_holds_vacuously() -> None:
    holds(Tally("S01").result(), 0)


def test_one_undecided_case_leaves_the_whole_undecided() -> None:
    tally = Tally("S01")
    tally.met()
    tally.unclear("first")
    tally.unclear("second")
    unclear(tally.result(), "first")
    assert tally.result().instances == 1


def test_a_breach_outweighs_what_is_undecided_and_the_earliest_is_reported() -> None:
    tally = Tally("S01")
    tally.breach(7, "late")
    tally.breach(3, "early")
    tally.breach(5, "between")
    tally.unclear("who knows")
    breaks(tally.result(), 3, "early")
    assert tally.result().instances == 3
