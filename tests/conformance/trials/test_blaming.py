"""The trial of blame in its short form; ``python -m conformance.trials blame`` is the long one."""

from __future__ import annotations

from conformance.scenario.find import find
from conformance.trials.blaming import (
    ENOUGH,
    HALVES,
    HELD_OUT,
    Blamed,
    algorithm,
    blamed,
    half_of,
    known,
    order,
    summary,
    well_blamed,
)

SCENARIOS = tuple(path for path in find() if path.stem in ("SC-57", "SC-34", "E28"))
FUNCTIONS = ("failure_reason", "settle", "body_ended", "_settle_event", "abort", "respond")
VIOLATIONS = 5
MOST = 8


def some() -> list[Blamed]:
    found: list[Blamed] = []
    for number, mutant in enumerate(order(HELD_OUT)):
        if mutant.function in FUNCTIONS and len(found) < VIOLATIONS:
            one = blamed(mutant, number, known(SCENARIOS))
            found += [one] if one is not None else []
    return found


def test_of_changes_that_nobody_tuned_for_the_changed_step_is_blamed_nearly_always() -> None:
    found = some()
    assert len(found) == VIOLATIONS
    assert sum(one.hits(one.named) for one in found) >= ENOUGH * VIOLATIONS
    assert all(len(one.named) <= MOST for one in found)


def test_the_halves_have_nothing_in_common_and_are_of_a_size() -> None:
    tuned, held_out = map(order, HALVES)
    assert not {one.key for one in tuned} & {one.key for one in held_out}
    assert abs(len(tuned) - len(held_out)) < 0.1 * len(held_out)
    assert all(half_of(one) == HELD_OUT for one in held_out)


def test_every_algorithm_has_its_turn_before_one_has_its_second() -> None:
    first: list[str] = []
    for name in map(algorithm, order(HELD_OUT)):
        if name in first:
            break
        first.append(name)
    assert len(first) > 15


def test_the_figures_are_said_with_the_size_of_what_is_named() -> None:
    counts = {"violates": 4, "blamed": 3, "size 2": 3, "size 6": 1}
    assert not well_blamed(counts)
    assert well_blamed(counts | {"blamed": 4})
    said = summary(counts)
    assert "4 violations; the changed step is blamed in 75%" in said
    assert "median 2, mean 3.0, at most 6" in said
