"""Programs compared by speed: in turn, on warm memory, for a bounded time.

*In turn*: every client of a row runs once a round, each round begins with another one, so
that a change of the machine's load, and whatever one run leaves behind, meets all of them.

*On warm memory*: a virtual machine gives free memory back to its host, and whoever uses it
first again waits for the host.  Measured on one: a new file of 1 GiB took 0.3 s or 2.7 s of
processor time by nothing but that.  So before each run as much as it will write is written
to the same directory and deleted, until that is as quick as it has ever been.

*On a part of the disk of its own* (``spread``): ext4 does not use an inode again soon after
a file was deleted, and looks at every such one whenever it makes a file near there.  Whoever
ran after the deletion of 10,000 files would pay a millisecond for each of his own.

*For a bounded time*: a row has a share of the minutes.  After ``LEAST`` rounds it ends when
another would not fit.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parent.parent.parent
LEAST = 3
COLD = 1.5
"""So many times the shortest time says that memory was cold."""
_BLOCK = bytes(1 << 19)
_GET_FLAGS, _SET_FLAGS, _TOP = 0x80086601, 0x40086602, 0x00020000


@attrs.frozen
class Sample:
    """One run: wall and CPU seconds, most resident MiB, and what else the client said.

    A command's memory cannot be seen below that of this program, from which it began.
    """

    seconds: float
    cpu: float
    rss: float
    said: Mapping[str, Any]  # its JSON


@attrs.frozen
class Goal:
    """``ours`` must be ``factor`` times as fast as ``theirs``."""

    ours: str
    theirs: str
    factor: float


@attrs.frozen
class Row:
    """One comparison: clients by name, each run with a fresh directory.

    ``writes``: MiB that a run leaves in files.  ``share`` of the whole time that is its.
    ``after``: what to clear away after each run.
    """

    name: str
    title: str
    clients: Mapping[str, Callable[[Path], Sequence[str]]]
    share: float
    writes: int
    goals: Sequence[Goal] = ()
    most_runs: int = 99
    after: Callable[[], None] = lambda: None


@attrs.define(eq=False)
class Clock:
    """The time there is for all; ``say`` gives progress to whoever waits."""

    minutes: float
    now: Callable[[], float] = time.monotonic
    granted: float = 0.0
    _start: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._start = self.now()

    @property
    def passed(self) -> float:
        """Seconds."""
        return self.now() - self._start

    def grant(self, share: float) -> None:
        """Another part begins: what earlier ones have left over is its, too."""
        self.granted += share * self.minutes * 60

    def has(self, seconds: float) -> bool:
        """Whether what has been granted is enough for so many seconds more."""
        return self.passed + seconds <= self.granted

    def say(self, what: str) -> None:
        """One line."""
        at = int(self.passed)
        line = f"[{at // 60}:{at % 60:02} of {self.minutes:g} min] {what}"
        print(line, file=sys.stderr, flush=True)


@attrs.define(eq=False)
class Warmth:
    """Makes the memory warm that the next run will use."""

    directory: Path
    _best: float = float("inf")

    def warm(self, mib: int) -> None:
        """Write so much and delete it, up to four times."""
        for _ in range(4):
            taken = self._write(mib) / max(1, mib)
            self._best = min(self._best, taken)
            if taken <= COLD * self._best:
                return

    def _write(self, mib: int) -> float:
        path, start = self.directory / "warm", time.perf_counter()
        with path.open("wb", buffering=0) as file:
            for _ in range(2 * mib):
                file.write(_BLOCK)
        taken = time.perf_counter() - start
        path.unlink()
        return taken


def spread(directory: Path) -> None:
    """Directories in it have nothing to do with each other, where the file system can be told."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        (flags,) = struct.unpack("=l", fcntl.ioctl(fd, _GET_FLAGS, bytes(4)))
        fcntl.ioctl(fd, _SET_FLAGS, struct.pack("=l", flags | _TOP))
    except OSError:
        pass  # another file system, with other habits
    finally:
        os.close(fd)


def measure(command: Sequence[str]) -> Sample:
    """Run it to its end.  Raises RuntimeError when it fails."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=complained, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        if status:
            raise RuntimeError(f"{command[:4]}: {complained.read()[-2000:].decode()}")
        lines = said.read().splitlines()
    told = json.loads(lines[-1]) if lines and lines[-1].startswith(b"{") else {}
    cpu = usage.ru_utime + usage.ru_stime
    rss = told.get("rss", usage.ru_maxrss / 1024)
    return Sample(told.get("seconds", seconds), cpu, rss, told)


def run_row(
    row: Row,
    here: Path,
    runs: int,
    clock: Clock,
    warmth: Warmth,
    run: Callable[[Sequence[str]], Sample] = measure,
) -> dict[str, list[Sample]]:
    """All clients in turn, as often as wished and as time allows."""
    found: dict[str, list[Sample]] = {name: [] for name in row.clients}
    names, wished, longest = list(row.clients), min(runs, row.most_runs), 0.0
    clock.grant(row.share)
    for number in range(wished):
        if number >= LEAST and not clock.has(longest):
            clock.say(f"{row.name}: no time for more than {number} of {wished} rounds")
            break
        begun = clock.passed
        for name in names[number % len(names) :] + names[: number % len(names)]:
            to = Path(tempfile.mkdtemp(dir=here))
            command = row.clients[name](to)
            warmth.warm(row.writes)
            found[name].append(run(command))
            shutil.rmtree(to)
            row.after()
            seconds = found[name][-1].seconds
            clock.say(f"{row.name} {number + 1}/{wished} {name}: {seconds:.3f} s")
        longest = max(longest, clock.passed - begun)
    return found
