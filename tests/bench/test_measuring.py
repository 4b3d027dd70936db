"""What a figure says; nothing here is timed."""

from __future__ import annotations

from tests.bench.__main__ import benches
from tests.bench.measuring import Bench, measure


def spin() -> int:
    return sum(range(200_000)) and 100


def test_less_than_the_goal_is_good_for_seconds() -> None:
    figure = measure(Bench("x", "spins", spin, goal=1000.0), unit=0.01, runs=3)
    assert 0 < figure.best <= figure.median <= figure.worst
    assert figure.ratio is not None
    assert figure.ratio < 1


def test_more_than_the_goal_is_good_for_units_per_second() -> None:
    figure = measure(Bench("x", "spins", spin, "per second", goal=0.001), unit=0.01, runs=3)
    assert figure.best >= figure.median >= figure.worst > 0
    assert figure.ratio is not None
    assert figure.ratio < 1


def test_every_bench_is_a_figure_of_its_own() -> None:
    names = [(bench.name, bench.says) for bench in benches()]
    assert len(names) == len(set(names)) > 0


def test_what_is_long_is_done_once() -> None:
    calls: list[int] = []

    def work() -> int:
        calls.append(spin())
        return 1

    figure = measure(Bench("x", "spins", work, "per second", once=True), unit=0.01, runs=3)
    assert len(calls) == 1
    assert figure.best == figure.median == figure.worst
