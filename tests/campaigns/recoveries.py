"""Every crash point, every legal disk after it, and a second crash in the recovery.

A *crash point* is an operation of the reference job and a moment: before it, within it (an
append is torn after one sector), after it.  A *disk* is what the next life finds: after a kill
the one that there is, still in memory or read in again; after a power cut each that ``machine``
says is legal.

*The bound.*  At level ``power`` all of them are tried.  At level ``kill`` nothing was ever
synced, and there are billions; but there a power cut makes an engine believe no length, so a
disk is to it a set of names and a journal.  All of these are tried, with zeros for contents; and
a sample of disks with other contents (``SAMPLE`` at each point) must recover to the same as their
names and journal do.

*Recovering and living.*  A recovery is a function of the disk alone: what it leaves, rows, bytes
and sums, is one *outcome*, and most disks of a point share a few.  So every disk is recovered,
and for each outcome one engine lives on, with the server and the promises as they were at the
crash, until nothing is owed.  After it the ten invariants must hold.  (Where a point has more
than ``LIVES`` outcomes, as at level ``kill``, so many of them, spread from the newest journal to
the oldest.)

*Nested once.*  One disk of each outcome (of ``OUTCOMES`` of them, spread likewise) is recovered
again and again, and each time the recovery dies at its next operation, by a kill and by a power
cut with up to ``NESTED`` disks; what those recover to is an outcome as well and gets its life.
Equal disks are recovered once, equal scenes lived once.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from random import Random
from typing import TypeVar

import attrs

from tests.campaigns.invariants import broken, prefixes
from tests.campaigns.machine import Machine
from tests.campaigns.seeded import seeded_scheduler
from tests.campaigns.simulated import (
    CUTS,
    LEVELS,
    MOMENTS,
    RIGHT,
    Engine,
    Moment,
    SimulatedScene,
    crash_once,
    die_at,
    move_to,
    operations,
    survive,
)
from tests.campaigns.story import Shore, Story, play
from tests.transfer_engine.server import Server
from transfer_engine.boot_note import Durability, read_note

SAMPLE = 4
NESTED = 3
OUTCOMES = 6
LIVES = 10
T = TypeVar("T")
Outcome = Hashable
Crashed = tuple[bool, Machine]  # by a power cut?  What it left


@attrs.define
class Recoveries:
    """What a campaign has counted; ``next``: the point that it goes on with.

    ``legal``: disks that the rules allow, by level.  ``tried``: of these, those that were
    recovered, or were equal to one that was.  ``recovered``: recoveries run to their end.
    ``second_crashes``: recoveries that died.  ``lives``: engines that lived until nothing was
    owed.
    """

    next: int = 0
    points: int = 0
    legal: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(LEVELS, 0))
    tried: dict[str, int] = attrs.field(factory=lambda: dict.fromkeys(LEVELS, 0))
    nested_disks: int = 0
    distinct_disks: int = 0
    recovered: int = 0
    second_crashes: int = 0
    lives: int = 0
    broken: list[str] = attrs.field(factory=list)


@attrs.define(eq=False)
class Campaign:
    """``outcomes``: what each disk recovers to.  ``stable``: those that recover to themselves.

    ``seconds``: the disks that second crashes in the recovery of a disk leave.
    """

    found: Recoveries = attrs.field(factory=Recoveries)
    engine: Engine = RIGHT
    outcomes: dict[Hashable, Outcome] = attrs.field(factory=dict)
    stable: set[Outcome] = attrs.field(factory=set)
    lived: set[Hashable] = attrs.field(factory=set)
    seconds: dict[Hashable, list[Crashed]] = attrs.field(factory=dict)

    async def recover(self, disk: Machine, server: Server) -> Outcome:
        """What an engine makes of a disk, before it asks for anything."""
        key = disk.key()
        if key not in self.outcomes:
            machine = disk.copy()
            self.outcomes[key] = first = await self._recovery(machine, server)
            if first not in self.stable:
                self.stable.add(first)
                if await self._recovery(machine, server) != first:
                    self.found.broken.append("I7: two recoveries of one store differ")
        return self.outcomes[key]

    async def _recovery(self, machine: Machine, server: Server) -> Outcome:
        story = self.engine.story(machine, server)
        await story.recovery()
        machine.after_kill()
        self.found.recovered += 1
        return _outcome(machine, story.shores[-1])

    async def nested(self, disk: Machine, server: Server) -> list[Crashed]:
        """Whether by a cut, and the disk that each second crash leaves."""
        key = disk.key()
        if key not in self.seconds:
            left = self.seconds[key] = []
            for number in itertools.count(1):
                machine = disk.copy()
                story = self.engine.story(machine, server)
                die_at(machine, number, "before", lambda: None)
                if await story.recovery():
                    break  # it has fewer operations
                self.found.second_crashes += 1
                left += [(True, cut) for cut in machine.after_power_cut(Random(number), NESTED)]
                left += [(False, killed) for killed in disks(machine, cut=False)]
        return self.seconds[key]

    async def point(self, scene: SimulatedScene, cut: bool, where: str) -> None:
        """All that may follow from one crash."""
        found, server, machine = self.found, scene.story.server, scene.machine
        found.points += 1
        firsts: dict[Outcome, list[Crashed]] = {}
        for disk in disks(machine, cut):
            found.legal[machine.durability] += not cut
            found.tried[machine.durability] += 1
            firsts.setdefault(await self.recover(disk, server), [(cut, disk)])
            self._check(scene, disk, where)
        if cut and machine.durability == "kill":
            for disk in machine.after_power_cut(Random(where), SAMPLE):
                found.tried["kill"] += 1
                if await self.recover(disk, server) not in firsts:
                    found.broken.append(f"{where}: contents matter after a power cut")
        found.legal[machine.durability] += machine.legal_disks() if cut else 0
        seconds: dict[Outcome, list[Crashed]] = {}
        for first in spread(list(firsts.values()), OUTCOMES):
            for second in await self.nested(first[0][1], server):
                found.nested_disks += 1
                self._check(scene, second[1], where)
                outcome = await self.recover(second[1], server)
                if outcome not in firsts:
                    seconds.setdefault(outcome, [*first, second])
        for outcomes in (firsts, seconds):
            for crashes in spread(list(outcomes.values()), LIVES):
                await self.live(scene, crashes, where)

    def _check(self, scene: SimulatedScene, disk: Machine, where: str) -> None:
        if not read_note(disk.note, str(disk.boot)).lost:
            ahead = prefixes(scene, disk.image(), disk.contents())
            self.found.broken += [f"{where}: I2: {what}" for what in ahead]

    async def live(self, before: SimulatedScene, crashes: list[Crashed], where: str) -> None:
        """Go on from the last of these disks until nothing is owed; once from equal scenes."""
        key = (tuple((cut, disk.key()) for cut, disk in crashes), _told(before.story))
        if key in self.lived:
            return
        self.lived.add(key)
        scene = _fork(before, self.engine, crashes[0][1].copy())
        for cut, disk in crashes:
            move_to(scene, disk.copy())
            scene.crash(cut=cut)
        await survive(scene, 0)
        self.found.lives += 1
        self.found.broken += [f"{where}: {what}" for what in broken(scene)]


def spread(many: list[T], most: int) -> list[T]:
    """The first, the last, and so many as may be, evenly between."""
    if len(many) <= most:
        return many
    return [many[at * (len(many) - 1) // (most - 1)] for at in range(most)]


def disks(machine: Machine, cut: bool) -> Iterator[Machine]:
    """What the crash of a machine may leave."""
    if not cut:
        for forgetful in (False, True) if machine.durability == "power" else (False,):
            left = machine.copy()
            left.after_kill(forgetful=forgetful)
            yield left
    elif machine.durability == "kill":
        yield from machine.after_power_cut_by_names()
    else:
        yield from machine.after_power_cut(Random(0), machine.legal_disks())


def _outcome(machine: Machine, shore: Shore) -> Outcome:
    """What can be seen of it."""
    jobs, records = machine.commits[-1]
    files = tuple(sorted(machine.contents().items()))
    trust = read_note(machine.note, str(machine.boot))
    return (tuple(jobs.items()), tuple(records.items()), files, trust, shore.storage)


def _told(story: Story) -> Hashable:
    """All that the invariants and the next lives know of the time before."""
    log = tuple((asked.path, asked.headers.get("range")) for asked in story.server.log)
    delivered = tuple((fetch, tuple(what)) for fetch, what in story.delivered.items())
    promised = (story.resolved, story.aborted, story.dispatched)
    return (log, tuple(story.server.heads), delivered, tuple(map(frozenset, promised)))


def _fork(scene: SimulatedScene, engine: Engine, machine: Machine) -> SimulatedScene:
    """The same promises and the same server, with another disk."""
    before = scene.story
    story = engine.story(machine, Server(before.server.nursery))
    story.server.log[:], story.server.heads[:] = before.server.log, before.server.heads
    story.resolved, story.aborted = set(before.resolved), set(before.aborted)
    story.dispatched = set(before.dispatched)
    story.delivered = {fetch: list(what) for fetch, what in before.delivered.items()}
    return SimulatedScene(story, machine)


def crash_everywhere(
    numbers: Callable[[int], Iterable[int]] = lambda total: range(1, total + 1),
    *,
    levels: Iterable[Durability] = LEVELS,
    moments: Iterable[Moment] = MOMENTS,
    cuts: Iterable[bool] = CUTS,
    engine: Engine = RIGHT,
    until: float = float("inf"),
    stop: bool = False,
    found: Recoveries | None = None,
) -> Recoveries:
    """See above; ``until`` in ``time.monotonic``.

    ``stop``: at the first that is broken.  ``found``: so far.
    """
    found = Recoveries() if found is None else found
    campaign, before = Campaign(found, engine), found.distinct_disks
    points = [
        (level, number, moment, cut)
        for level in levels
        for number in numbers(operations(level, engine))
        for moment in moments
        for cut in cuts
    ]
    for point in points[found.next :]:
        if time.monotonic() > until or (stop and found.broken):
            break
        _one_point(campaign, *point)
        found.next += 1
        found.distinct_disks = before + len(campaign.outcomes)
    return found


def _one_point(
    campaign: Campaign, level: Durability, number: int, moment: Moment, cut: bool
) -> None:
    async def test(server: Server) -> None:
        story = campaign.engine.story(Machine(level), server)
        await crash_once(story, number, moment, fresh=True)
        if story.machine.dead:
            where = f"{level} {'cut' if cut else 'kill'} {moment} {number}"
            await campaign.point(SimulatedScene(story, story.machine), cut, where)

    with seeded_scheduler(0):
        play(test)
