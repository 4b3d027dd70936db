"""One figure, measured several times.

Processor time, not time on the clock, so that a busy machine says nearly the same as an
idle one.  A ``yardstick`` (a fixed piece of plain Python) is measured beside it: a figure
in yardsticks compares between machines, a figure in seconds does not.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import attrs
import msgspec

RUNS = 5
"""Times that each figure is measured; the median is what counts."""


@attrs.frozen
class Bench:
    """``work`` is measured; it gives how many units it did (scenarios, entries, states).

    ``goal``: for "seconds" the most processor time one call may take, for "per second" the
    least units that a second of processor time has to do; None: there is no goal yet.
    ``once``: it is long, and measured once, without a call before.
    """

    name: str
    says: str
    work: Callable[[], int]
    figure: str = "seconds"
    goal: float | None = None
    once: bool = False


class Measured(msgspec.Struct, frozen=True):
    """Median, best and worst of the runs; ``ratio`` to the goal: 1 or less is good.

    ``yardsticks``: the median call's processor time in yardsticks.
    """

    name: str
    says: str
    figure: str
    median: float
    best: float
    worst: float
    yardsticks: float
    goal: float | None
    ratio: float | None


def seconds_of(work: Callable[[], object]) -> float:
    """Processor time of one call."""
    before = time.process_time()
    work()
    return time.process_time() - before


def yardstick() -> float:
    """Processor time of a fixed piece of work on this machine: the best of several."""

    def work() -> None:
        words: dict[int, tuple[int, str]] = {}
        for number in range(100_000):
            words[number % 1000] = (number, str(number))

    return min(seconds_of(work) for _ in range(RUNS))


def measure(bench: Bench, unit: float, runs: int = RUNS) -> Measured:
    """Measure it; one more call before the first run fills caches.  ``unit``: one yardstick."""
    done: list[int] = []

    def work() -> None:
        done.append(bench.work())

    if not bench.once:
        work()
    taken = [seconds_of(work) for _ in range(1 if bench.once else runs)]
    units = done[-1]
    figures = taken if bench.figure == "seconds" else [units / one for one in taken]
    middle = statistics.median(figures)
    ratio = None
    if bench.goal is not None:
        ratio = middle / bench.goal if bench.figure == "seconds" else bench.goal / middle
    best, worst = min(figures), max(figures)
    if bench.figure != "seconds":
        best, worst = worst, best
    return Measured(
        name=bench.name,
        says=bench.says,
        figure=bench.figure,
        median=_rounded(middle),
        best=_rounded(best),
        worst=_rounded(worst),
        yardsticks=_rounded(statistics.median(taken) / unit),
        goal=bench.goal,
        ratio=None if ratio is None else _rounded(ratio),
    )


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
