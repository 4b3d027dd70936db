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

import attrs
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


@attrs.define(eq=False)
class Steps(trio.abc.Instrument):
    """Counts the steps of all tasks; acts after the one at which it is set."""

    at: int
    act: Callable[[], None]
    count: int = 0

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """See Instrument."""
        self.count += 1
        if self.count == self.at:
            self.act()


def end_after(step: int, level: Durability, *, clean: bool, engine: Engine = RIGHT) -> Count | None:
    """Kill or cancel the engine after so many steps; None if the story has fewer."""
    count, reached = Count(), False

    async def test(server: Server) -> None:
        nonlocal reached
        machine = Machine(level)
        scene = SimulatedScene(engine.story(machine, server), machine)
        steps = Steps(step, lambda: (scene.story.quit if clean else scene.story.kill)())
        trio.lowlevel.add_instrument(steps)
        await scene.story.life(fresh=True)
        trio.lowlevel.remove_instrument(steps)
        reached = steps.count >= step
        machine.after_kill()
        scene.crash(cut=False)
        await survive(scene, 0)
        count.trials += 1
        count.broken += [f"{level} step {step} clean={clean}: {what}" for what in broken(scene)]

    with seeded_scheduler(step):
        play(test)
    return count if reached else None


def end_everywhere(
    stride: int = 1, *, levels: Iterable[Durability] = LEVELS, until: float = float("inf")
) -> Count:
    """See above; every ``stride``th step."""
    whole = Count()
    for level in levels:
        for clean in CUTS:
            step: int = 1
            while (one := end_after(step, level, clean=clean)) is not None:
                whole.add(one)
                step += stride
                if time.monotonic() > until:
                    return whole
    return whole


@attrs.define(eq=False)
class InCall(trio.abc.Instrument):
    """Cancels the call that a story makes after the nth step of it."""

    story: Story
    caller: trio.lowlevel.Task
    at: int
    count: int = 0

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """See Instrument."""
        if task is self.caller and self.story.calling is not None:
            self.count += 1
            if self.count == self.at:
                self.story.calling.cancel()


def cancel_after(step: int, level: Durability, engine: Engine = RIGHT) -> Count | None:
    """Cancel a caller after so many steps in calls; None if it makes fewer."""
    count, reached = Count(), False

    async def test(server: Server) -> None:
        nonlocal reached
        machine = Machine(level)
        scene = SimulatedScene(engine.story(machine, server), machine)
        caller = InCall(scene.story, trio.lowlevel.current_task(), step)
        trio.lowlevel.add_instrument(caller)
        await scene.story.life(fresh=True)
        trio.lowlevel.remove_instrument(caller)
        reached = caller.count >= step
        machine.after_kill()
        scene.crash(cut=False)
        await survive(scene, 0)
        count.trials += 1
        what_broke = [*scene.story.stuck, *broken(scene)]
        count.broken += [f"{level} cancelled at {step}: {what}" for what in what_broke]

    with seeded_scheduler(step):
        play(test)
    return count if reached else None


def cancel_everywhere(
    stride: int = 1, *, levels: Iterable[Durability] = LEVELS, until: float = float("inf")
) -> Count:
    """See above; every ``stride``th step."""
    whole = Count()
    for level in levels:
        step: int = 1
        while (one := cancel_after(step, level)) is not None:
            whole.add(one)
            step += stride
            if time.monotonic() > until:
                return whole
    return whole
