"""Trio runs whose outcome depends on nothing but what is run.

A mock clock takes real time away; what is left is trio's order of tasks that could
run next, which it shuffles on purpose.  In a simulation the same scenario has to give
the same bytes, so here the shuffle is seeded.  Trio has no public switch for that: its
own hypothesis plugin sets the same two private names.

The clock and ``wait_all_tasks_blocked`` are public in ``trio.testing``, whose import takes
pytest along and so a third of the time of a short command; they are taken from where they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio
import trio._core._run as trio_run  # the only place where they are
from trio._core._mock_clock import MockClock
from trio._core._run import wait_all_tasks_blocked

__all__ = ["run_simulated", "wait_all_tasks_blocked"]

T = TypeVar("T")


def run_simulated(main: Callable[[], Awaitable[T]], seed: int = 0) -> T:
    """``trio.run`` in virtual time; the same seed gives the same order of tasks.

    Must be called outside trio.  Raises what ``main`` raises.
    """
    with _scheduled(seed):
        return trio.run(main, clock=MockClock(autojump_threshold=0))


@contextmanager
def _scheduled(seed: int) -> Iterator[None]:
    shuffle = trio_run._r
    before, order = trio_run._ALLOW_DETERMINISTIC_SCHEDULING, shuffle.getstate()
    # Without the switch the batch's own order, that of addresses, shows through.
    setattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)  # noqa: B010 - it is declared Final
    shuffle.seed(seed)
    try:
        yield
    finally:
        shuffle.setstate(order)
        setattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", before)  # noqa: B010 - as above
