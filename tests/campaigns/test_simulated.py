"""The simulated campaigns, in short; ``python -m tests.campaigns.crash`` runs them in full."""

from __future__ import annotations

import errno
import logging
import re
import time
from collections.abc import Callable, Iterator

import pytest
from trio._core import _run

from tests.campaigns import seeded
from tests.campaigns.ends import cancel_everywhere, end_everywhere
from tests.campaigns.failures import fail_everywhere, one_failure
from tests.campaigns.faults import FAULTS, Fault
from tests.campaigns.recoveries import crash_everywhere
from tests.campaigns.simulated import (
    LEVELS,
    every,
    replay,
    seeds,
)
from transfer_engine.boot_note import Durability


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Hundreds of planned failures are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_trio_still_has_the_scheduler_that_can_be_seeded() -> None:
    assert hasattr(_run, seeded.FLAG)
    assert hasattr(_run, seeded.RANDOM)
    assert replay(1) == replay(1)
    assert len({tuple(replay(seed)) for seed in range(6)}) > 1


@pytest.mark.parametrize(
    ("level", "numbers"), [("power", every(9, 3)), ("kill", every(23, 6, most=40))]
)
def test_no_promise_breaks_by_a_crash_at_an_operation_any_disk_after_it_and_a_second_crash(
    level: Durability, numbers: Callable[[int], Iterator[int]]
) -> None:
    found = crash_everywhere(numbers, levels=(level,), moments=("before", "after"))
    assert found.broken == []
    assert found.tried[level] > found.points
    assert found.second_crashes > 20
    assert found.lives > 10


def test_every_legal_disk_is_tried_at_level_power() -> None:
    found = crash_everywhere(every(40, 30), levels=("power",), moments=("after",))
    assert found.tried == found.legal
    assert found.tried["power"] > 500


def test_no_promise_breaks_by_an_operation_that_fails() -> None:
    count = fail_everywhere(every(29, 3))
    assert count.broken == []
    assert count.trials > 40


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_fails_from_the_first_promise_on_ends_every_life(
    code: int, level: Durability
) -> None:
    count = one_failure(level, 6, code, "lasting")
    assert count.broken == []
    assert count.outcomes["StoreUnusable"] == 1


def test_no_promise_breaks_by_an_end_after_a_step_of_a_task() -> None:
    count = end_everywhere(71)
    assert count.broken == []
    assert count.trials > 15


def test_a_call_that_is_cancelled_leaves_all_of_its_fetch_or_nothing() -> None:
    count = cancel_everywhere()
    assert count.broken == []
    assert count.trials > 30


def test_no_promise_breaks_under_random_schedules_and_crashes() -> None:
    count = seeds(range(1000, 1025))
    assert count.broken == []
    assert count.crashes > 25


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_seen(fault: Fault) -> None:
    began = time.monotonic()
    found = {number for line in fault.find().broken if (number := re.search(r"I\d+(?=:)", line))}
    assert fault.breaks & {number[0] for number in found}, f"{time.monotonic() - began:.0f} s"
