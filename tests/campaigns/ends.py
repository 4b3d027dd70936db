"""Ends and cancellations at every checkpoint: each is at the end of a step of some task.

``end_everywhere``: after the 1st, 2nd, 3rd … step of any task of the reference job, the server's
included, the engine is killed, or its block is cancelled.

``cancel_everywhere``: a caller is cancelled in its call (each fetch(), the abort()) after the 1st,
2nd, 3rd … step that its task makes in one.  The life goes on, and settles: what was cancelled may
exist or not, but not by half, and no byte of it may be kept in the end.

Both to the end of the enumeration, at both levels of durability; then lives without a fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial

import trio

from tests.campaigns.invariants import broken
from tests.campaigns.machine import Machine
from tests.campaigns.seeded import seeded_scheduler
from tests.campaigns.simulated import (
    CUTS,
    LEVELS,
    RIGHT,
    Count,
    Engine,
    SimulatedScene,
    survive,
)
from tests.campaigns.story import Story, play
from tests.transfer_engine.server import Server
from transfer_engine.boot_note import Durability


class StepCounter(trio.abc.Instrument):
    """Counts steps, and acts after one of them."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self.at = at
        self.act = act
        self.count = 0

    def step(self) -> None:
        """One more."""
        self.count += 1
        if self.count == self.at:
            self.act()


class AnyStep(StepCounter):
    """Counts the steps of all tasks."""

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """See Instrument."""
        self.step()


class StepInCall(StepCounter):
    """Counts the steps that the task of a story makes in calls, and cancels the call."""

    def __init__(self, at: int, story: Story) -> None:
        super().__init__(at, self._cancel)
        self.story = story
        self.caller = trio.lowlevel.current_task()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """See Instrument."""
        if task is self.caller and self.story.calling is not None:
            self.step()

    def _cancel(self) -> None:
        assert self.story.calling is not None
        self.story.calling.cancel()


def _life(
    level: Durability, engine: Engine, counter: Callable[[Story], StepCounter], seed: int, name: str
) -> Count | None:
    """A life with a fault after a step, and one without; None if the first had fewer steps."""
    count, reached = Count(), False

    async def test(server: Server) -> None:
        nonlocal reached
        machine = Machine(level)
        scene = SimulatedScene(engine.story(machine, server), machine)
        steps = counter(scene.story)
        trio.lowlevel.add_instrument(steps)
        await scene.story.life(fresh=True)
        trio.lowlevel.remove_instrument(steps)
        reached = steps.count >= steps.at
        machine.after_kill()
        scene.crash(cut=False)
        await survive(scene, 0)
        count.trials += 1
        what_broke = [*scene.story.stuck, *broken(scene)]
        count.broken += [f"{level} {name}: {what}" for what in what_broke]

    with seeded_scheduler(seed):
        play(test)
    return count if reached else None


def _everywhere(trial: Callable[[int], Count | None], stride: int, until: float) -> Count:
    """A trial after every ``stride``th step, until there are no more of them."""
    whole, step = Count(), 1
    while (one := trial(step)) is not None:
        whole.add(one)
        step += stride
        if time.monotonic() > until:
            break
    return whole


def end_after(step: int, level: Durability, *, clean: bool, engine: Engine = RIGHT) -> Count | None:
    """Kill or cancel the engine after so many steps; None if the story has fewer."""

    def counter(story: Story) -> StepCounter:
        return AnyStep(step, lambda: story.quit() if clean else story.kill())

    return _life(level, engine, counter, step, f"step {step} clean={clean}")


def end_everywhere(
    stride: int = 1, *, levels: Iterable[Durability] = LEVELS, until: float = float("inf")
) -> Count:
    """See above; every ``stride``th step."""
    whole = Count()
    for level in levels:
        for clean in CUTS:
            trial = partial(end_after, level=level, clean=clean)
            whole.add(_everywhere(trial, stride, until))
    return whole


def cancel_after(step: int, level: Durability, engine: Engine = RIGHT) -> Count | None:
    """Cancel a caller after so many steps in calls; None if it makes fewer."""
    return _life(level, engine, partial(StepInCall, step), step, f"cancelled at {step}")


def cancel_everywhere(
    stride: int = 1, *, levels: Iterable[Durability] = LEVELS, until: float = float("inf")
) -> Count:
    """See above; every ``stride``th step."""
    whole = Count()
    for level in levels:
        whole.add(_everywhere(partial(cancel_after, level=level), stride, until))
    return whole
