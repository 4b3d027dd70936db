"""Real kills: real engines on sockets, SQLite and files, and a server that outlives them.

The kills are at random times, at task steps 1, 2, 3 … and at calls 1, 2, 3 … that change the
disk, by turns; every third trial has a second, early kill in the recovery.  Every fourth
engine is of level ``power``, every fifth fetches over TLS, so that both ways of the fast pump
(``splice`` from plain sockets, ``readv`` under TLS) are killed.  A trial's number decides all of
it, so a campaign can stop anywhere and go on (``Kills.next``).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import attrs

from tests.campaigns.invariants import broken
from tests.campaigns.origin import Places, origin
from tests.campaigns.trial import MOVED, By, KillPoint, RealScene, Trial, evidence, fetched_again
from transfer_engine.boot_note import Durability

STEPS, CALLS = 400, 120
MOST_AGAIN = 1 << 20


@attrs.define
class Kills:
    """What a campaign has found so far; ``next``: the trial that it goes on with.

    ``interrupted``: downloads that had stored something at a kill, and went on after it.
    ``fetched_again``: most bytes that one of them had stored and asked for again, by level.
    """

    next: int = 0
    kills: int = 0
    by_time: int = 0
    by_step: int = 0
    by_call: int = 0
    lives: int = 0
    interrupted: int = 0
    fetched_again: dict[str, int] = attrs.field(factory=lambda: {"kill": 0, "power": 0})
    bytes_spliced: int = 0
    bytes_read_by_readv: int = 0
    seconds: float = 0.0
    broken: list[str] = attrs.field(factory=list)


def run_trial(trial: Trial, record: Path, points: list[KillPoint], found: Kills) -> None:
    """Lives that end at these points, one after another, then one that may finish."""
    trial.directory.mkdir(parents=True)
    scene = evidence(trial, record)
    for number, point in enumerate(points):
        found.lives += 1
        if trial.run(number == 0, point):
            found.kills += 1
            found.by_time += point.by == "time"
            found.by_step += point.by == "step"
            found.by_call += point.by == "call"
            scene.crash(cut=False)
    found.lives += 1
    trial.run(False, None)
    found.broken += [f"{trial.prefix} {points}: {what}" for what in judged(scene, trial)]
    again = fetched_again(scene)
    found.interrupted += len(again)
    found.broken += [f"{trial.prefix} {points}: {n} again" for n in again if n > MOST_AGAIN]
    most = found.fetched_again
    most[trial.durability] = max([most[trial.durability], *again])
    shutil.rmtree(trial.directory)


def judged(scene: RealScene, trial: Trial) -> list[str]:
    """What is broken after the last life of a trial."""
    scene.story.read(trial.said)
    left = sorted(path.name for path in (trial.directory / "store" / "bodies").iterdir())
    return broken(scene) + ([] if left == ["boot"] else [f"I6: {left} are left"])


def measure(directory: Path, record: Path, places: Places) -> float:
    """Seconds that an undisturbed life takes here and now."""
    trial = Trial(directory / "measure", "/measure", places.plain)
    trial.directory.mkdir(parents=True)
    began = time.monotonic()
    trial.run(True, None)
    took = time.monotonic() - began
    shutil.rmtree(trial.directory)
    return took


def trial_of(
    number: int, seed: int, reach: float, directory: Path, places: Places
) -> tuple[Trial, list[KillPoint]]:
    """The nth trial of a seed, and where it is killed."""
    rng, nth = Random(f"{seed}/{number}"), number // 3
    by: By = ("time", "step", "call")[number % 3]
    at = {"time": rng.random() * reach, "step": 1 + nth % STEPS, "call": 1 + nth % CALLS}[by]
    level: Durability = "power" if number % 4 == 3 else "kill"
    tls = number % 5 == 4
    trial = Trial(
        directory / f"t{number}",
        f"/t{number}",
        places.tls if tls else places.plain,
        level,
        places.pem if tls else None,
    )
    second = [KillPoint("time", rng.random() * reach)] if rng.random() < 1 / 3 else []
    return trial, [KillPoint(by, at), *second]


def kill_everywhere(
    directory: Path,
    kills: int,
    seed: int,
    *,
    found: Kills | None = None,
    until: float = float("inf"),
    save: Callable[[Kills], None] = lambda _found: None,
) -> Kills:
    """At least so many kills, those ``found`` before included; ``save`` is called now and then."""
    found = Kills() if found is None else found
    record = directory / "requests"
    with origin(record) as places:
        reach = measure(directory, record, places)
        before, moved = time.monotonic(), MOVED.sums()
        while found.kills < kills and time.monotonic() < until:
            trial, points = trial_of(found.next, seed, reach, directory, places)
            run_trial(trial, record, points, found)
            found.next += 1
            now, sums = time.monotonic(), MOVED.sums()
            found.seconds = round(found.seconds + now - before, 3)
            found.bytes_spliced += sums["splice"] - moved["splice"]
            found.bytes_read_by_readv += sums["readv"] - moved["readv"]
            before, moved = now, sums
            if found.next % 20 == 0:
                record.write_bytes(b"")  # nobody needs the lines of trials that are over
                save(found)
    save(found)
    return found
