"""The simulated campaigns: crashes, faults, cancellations and seeds, on the machine in memory.

``crash_everywhere``: the reference job dies before, within and after each of its
operations; by a kill and by a power cut; with every legal disk after the cut (or a
sample, where a moment has more than ``disks``); and the recovery dies as well, at an
operation that moves on with every trial (``nested``).  Then a life without a fault must
keep every promise.

Every function gives its ``Count``; ``Count.broken`` is empty, or the engine is wrong.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Literal

import attrs

from tests.campaigns.invariants import Scene, broken
from tests.campaigns.machine import Disk, Machine
from tests.campaigns.seeded import seeded_scheduler
from tests.campaigns.story import Story, play
from tests.transfer_engine.server import Server
from transfer_engine.boot_note import Durability
from transfer_engine.decisions import Decisions

Moment = Literal["before", "torn", "after"]
SimulatedScene = Scene[Story, Machine]
MOMENTS: tuple[Moment, ...] = ("before", "torn", "after")
LEVELS: tuple[Durability, ...] = ("kill", "power")
CUTS: tuple[bool, ...] = (False, True)


@attrs.define
class Count:
    """``disks``: post-crash disks that were legal at the crash points; ``trials`` of them tried."""

    trials: int = 0
    disks: int = 0
    lives: int = 0
    crashes: int = 0
    outcomes: Counter[str] = attrs.field(factory=Counter)
    broken: list[str] = attrs.field(factory=list)

    def add(self, other: Count) -> None:
        """Sum up."""
        self.trials += other.trials
        self.disks += other.disks
        self.lives += other.lives
        self.crashes += other.crashes
        self.outcomes += other.outcomes
        self.broken += other.broken


@attrs.frozen
class Engine:
    """What runs on the machine: ``decisions`` and ``disk`` may be those of a planted fault."""

    decisions: Callable[[], Decisions] = Decisions
    disk: Callable[[Machine], Disk] = Disk
    prepare: Callable[[Story], None] = lambda _story: None

    def story(self, machine: Machine, server: Server) -> Story:
        """A new story."""
        story = Story(machine, server, self.decisions(), disk=self.disk)
        self.prepare(story)
        return story


RIGHT = Engine()


def operations(level: Durability, engine: Engine = RIGHT) -> int:
    """How many the reference job has when nobody interrupts it."""
    machine = Machine(level)

    async def test(server: Server) -> None:
        assert await engine.story(machine, server).life(fresh=True)

    with seeded_scheduler(0):
        play(test)
    return machine.count


def die_at(machine: Machine, number: int, moment: Moment, kill: Callable[[], None]) -> None:
    """End the life at its nth operation from now."""
    target = machine.count + number

    def trap(count: int, what: str) -> None:
        if count != target:
            return
        kill()
        if moment == "after":
            machine.dies_after = True
            return
        if moment == "torn" and what.startswith("append"):
            machine.tears = 512
        machine.die()

    machine.trap = trap


async def crash_once(story: Story, number: int, moment: Moment, *, fresh: bool) -> bool:
    """A life that dies at its nth operation; false if it had fewer."""
    story.kill = lambda: None
    die_at(story.machine, number, moment, lambda: story.kill())
    return not await story.life(fresh=fresh)


def move_to(scene: SimulatedScene, machine: Machine) -> None:
    scene.machine = scene.story.machine = machine


async def survive(scene: SimulatedScene, nested: int) -> None:
    """Die once more on the way, then live."""
    story = scene.story
    if nested and await crash_once(story, nested, "before", fresh=False):
        scene.machine.after_kill()
        scene.crash(cut=False)
    if nested % 3 == 1:
        await story.recovery()
        scene.machine.after_kill()
        scene.crash(cut=False)
    scene.machine.after_kill()
    for _ in range(4):
        if not scene.machine.image().jobs:
            break
        await story.life(fresh=False)
        scene.machine.after_kill()
    await story.life(fresh=False)  # the last orphans
    if scene.machine.image().jobs:
        story.delivered.setdefault("doomed", []).append(("nothing settles any more", ()))
    if scene.machine.files:
        story.shores.append(attrs.evolve(story.shores[-1], files={"left": b""}))


def seeds(many: Iterable[int], engine: Engine = RIGHT, until: float = float("inf")) -> Count:
    """Random schedules, random crashes, random disks; what a seed finds it finds again."""
    whole = Count()
    for seed in many:
        if time.monotonic() > until:
            break
        whole.add(_one_seed(seed, engine))
    return whole


def _one_seed(seed: int, engine: Engine) -> Count:
    rng, count = Random(seed), Count()
    level: Durability = rng.choice(LEVELS)

    async def test(server: Server) -> None:
        scene = SimulatedScene(engine.story(Machine(level), server), Machine(level))
        scene.machine = scene.story.machine
        for life in range(rng.randrange(1, 4)):
            await crash_once(
                scene.story, rng.randrange(1, 70), rng.choice(MOMENTS), fresh=life == 0
            )
            cut = rng.random() < 0.5
            if cut:
                disks = list(scene.machine.after_power_cut(rng, 8))
                move_to(scene, rng.choice(disks))
            else:
                scene.machine.after_kill()
            scene.crash(cut=cut)
        await survive(scene, 0)
        count.trials, count.lives = 1, 1 + len(scene.story.shores)
        count.crashes = len(scene.crashes)
        count.broken = [f"seed {seed}: {what}" for what in broken(scene)]

    with seeded_scheduler(seed):
        play(test)
    return count


def replay(seed: int) -> list[str]:
    """The operations of one undisturbed run under a seed."""
    machine = Machine("power")

    async def test(server: Server) -> None:
        await Story(machine, server).life(fresh=True)

    with seeded_scheduler(seed):
        play(test)
    return machine.said


def every(stride: int, phase: int = 1, most: int = 10**9) -> Callable[[int], Iterator[int]]:
    """Each ``stride``th operation, up to ``most``."""
    return lambda total: iter(range(phase, min(total, most) + 1, stride))
