"""The engine is killed or cancelled after each step of any task (``end_everywhere``)."""

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
from tests.campaigns.story import play
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
