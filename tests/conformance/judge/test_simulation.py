"""Simulated runs: no real time, and the same order of tasks each time."""

from __future__ import annotations

import time

import trio

from conformance.judge.simulation import run_simulated


async def finishing_order() -> list[int]:
    """Ten tasks that all could go first, again and again."""
    order: list[int] = []

    async def task(number: int) -> None:
        for _ in range(3):
            await trio.lowlevel.checkpoint()
            order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(task, number)
    return order


def test_the_same_seed_gives_the_same_order() -> None:
    assert len({tuple(run_simulated(finishing_order)) for _ in range(10)}) == 1


def test_another_seed_gives_another() -> None:
    assert len({tuple(run_simulated(finishing_order, seed)) for seed in range(10)}) > 5


def test_time_passes_at_once() -> None:
    async def sleep() -> float:
        await trio.sleep(3600)
        return trio.current_time()

    before = time.monotonic()
    run_simulated(sleep)
    assert time.monotonic() - before < 60


def test_afterwards_trio_is_as_it_was() -> None:
    import trio._core._run as trio_run

    before = trio_run._ALLOW_DETERMINISTIC_SCHEDULING, trio_run._r.getstate()
    run_simulated(finishing_order)
    assert (trio_run._ALLOW_DETERMINISTIC_SCHEDULING, trio_run._r.getstate()) == before
