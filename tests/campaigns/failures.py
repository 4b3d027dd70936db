"""Each operation of the reference job fails with each error: once, or from then on, or once and
then the power goes (``fail_everywhere``).

Whatever fails, the life must come to an end that the engine specifies, in bounded virtual
time (``Story.life``): every fetch settles, or the engine ends with StoreUnusable, which says
what its owner may do.  A full disk, whichever of its errors says so, has no other outcomes
than these:

=====================  ===================================================================
where room was missed  what follows
=====================  ===================================================================
in fetch()             it is refused with QuotaExceededError, and nothing of it stays
for a body             its fetch fails, ``quota-exceeded``
for the journal        commits wait for room; after ``ROOM_PATIENCE`` seconds StoreUnusable
when a store opens     StoreUnusable
=====================  ===================================================================

Then the disk is well again (after every other failure it was also short of memory, so that what it
has not written is gone), and lives without a fault must keep every promise.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Literal

from tests.campaigns.invariants import broken
from tests.campaigns.machine import ROOM, Machine
from tests.campaigns.seeded import seeded_scheduler
from tests.campaigns.simulated import (
    LEVELS,
    RIGHT,
    Count,
    Engine,
    SimulatedScene,
    move_to,
    operations,
    survive,
)
from tests.campaigns.story import Story, play
from tests.transfer_engine.server import Server
from transfer_engine.boot_note import Durability

Kind = Literal["once", "lasting", "cut"]
KINDS: tuple[Kind, ...] = ("once", "lasting", "cut")
ERRORS = {
    "EIO": errno.EIO,
    "ENOSPC": errno.ENOSPC,
    "EDQUOT": errno.EDQUOT,
    "EMFILE": errno.EMFILE,
}
WHEN_FULL = {"success", "aborted", "quota-exceeded"}


def one_failure(
    level: Durability, number: int, code: int, kind: Kind, engine: Engine = RIGHT
) -> Count:
    """The nth operation fails: only it, or all from it on, or the power goes a little later."""
    count = Count()
    where = f"{level} {errno.errorcode[code]} at {number} {kind}"

    async def test(server: Server) -> None:
        machine = Machine(level)
        scene = SimulatedScene(engine.story(machine, server), machine, faulty=True)

        def trap(at: int, what: str) -> None:
            if kind == "cut" and at >= number + 4:
                scene.story.kill()
                machine.die()
            if at == number or (kind == "lasting" and at > number):
                raise OSError(code, f"planted at {what}")

        machine.trap = trap
        await scene.story.life(fresh=True)
        count.broken += [f"{where}: {what}" for what in unspecified(scene.story, code)]
        count.outcomes.update(outcomes(scene.story))
        if kind == "cut":
            move_to(scene, next(machine.after_power_cut(Random(number), 2)))
        else:
            machine.after_kill(forgetful=number % 2 == 1)
        scene.crash(cut=kind == "cut")
        await survive(scene, 0)
        count.trials += 1
        count.lives += 1 + len(scene.story.shores)
        count.broken += [f"{where}: {what}" for what in broken(scene)]

    with seeded_scheduler(0):
        try:
            play(test)
        except* Exception as group:  # noqa: BLE001 - none may leave the engine
            count.broken.append(f"{where}: {group.exceptions!r}")
    return count


def outcomes(story: Story) -> Iterator[str]:
    """How a life ended, in a word for each fetch and for the engine."""
    for deliveries in story.delivered.values():
        yield from (outcome for outcome, _ in deliveries)
    yield from (f"refused: {error.name}" for error in story.refused)
    yield from ("StoreUnusable" for _ in story.unusable)


def unspecified(story: Story, code: int) -> Iterator[str]:
    """What is no specified end of a life."""
    yield from story.stuck
    for error in story.unusable:
        if not (error.where and error.why and error.remedy):
            yield f"StoreUnusable does not say what to do: {error}"
    if code in ROOM:
        for fetch, deliveries in story.delivered.items():
            for outcome, _ in deliveries:
                if outcome not in WHEN_FULL:
                    yield f"the disk was full, and {fetch} ended as {outcome}"
        for refusal in story.refused:
            if refusal.name != "QuotaExceededError":
                yield f"the disk was full, and fetch() was refused with {refusal}"


def fail_everywhere(
    numbers: Callable[[int], Iterable[int]] = lambda total: range(1, total + 1),
    *,
    errors: Iterable[int] = tuple(ERRORS.values()),
    levels: Iterable[Durability] = LEVELS,
    kinds: Iterable[Kind] = KINDS,
    engine: Engine = RIGHT,
    until: float = float("inf"),
) -> Count:
    """See above; ``until`` in ``time.monotonic``."""
    whole = Count()
    for level in levels:
        for number in numbers(operations(level, engine)):
            for code in errors:
                for kind in kinds:
                    if time.monotonic() > until:
                        return whole
                    whole.add(one_failure(level, number, code, kind, engine))
    return whole
