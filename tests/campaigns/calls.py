"""Every system call that changes a store, as a place to die or to fail: by strace.

The calls are the engine's own and SQLite's: none is missed because a library makes it.  strace
attaches to a forked engine and, at its nth call of a kind on a file of the store, sends SIGKILL
or makes the call fail with ENOSPC, EDQUOT or EIO, once or from then on.  (strace counts for each
thread by itself.)

A life that a call has failed must end as the engine specifies: all settles, or StoreUnusable
with what to do; a full disk as ``failures`` says.  Then an engine without a fault goes on, and
the invariants must hold.

The trials are in a fixed order that mixes them all, so a part of it is a fair sample.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import attrs

from tests.campaigns.failures import WHEN_FULL
from tests.campaigns.kills import judged
from tests.campaigns.machine import ROOM
from tests.campaigns.origin import in_child, origin
from tests.campaigns.simulated import LEVELS
from tests.campaigns.trial import Told, Trial, evidence
from transfer_engine import store
from transfer_engine.boot_note import Durability

# How many of them one thread of a life makes on its store, at most, about: by level.
CALLS: dict[Durability, dict[str, int]] = {
    "kill": {
        "pwrite64": 66,
        "splice": 25,
        "write": 7,
        "fdatasync": 3,
        "fsync": 3,
        "unlinkat": 6,
        "unlink": 2,
        "ftruncate": 2,
        "renameat": 1,
        "fallocate": 1,
    },
    "power": {
        "pwrite64": 44,
        "splice": 16,
        "write": 7,
        "fdatasync": 18,
        "fsync": 5,
        "unlinkat": 6,
        "unlink": 2,
        "ftruncate": 2,
        "renameat": 1,
        "fallocate": 1,
    },
}
NEED_ROOM = ("pwrite64", "splice", "write", "fdatasync", "fsync", "fallocate")
ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EDQUOT": errno.EDQUOT}
PATIENCE = 0.5  # seconds for ``store.ROOM_PATIENCE``: nobody makes room here
PR_SET_PTRACER, ANY = 0x59616D61, ctypes.c_ulong(-1)


@attrs.frozen
class Injection:
    """``what``: KILL or an error's name.  ``number``: of the call, from 1 on."""

    level: Durability
    call: str
    what: str
    lasting: bool
    number: int

    @property
    def expression(self) -> str:
        """For strace."""
        what = "signal=SIGKILL" if self.what == "KILL" else f"error={self.what}"
        return f"inject={self.call}:{what}:when={self.number}{'+' if self.lasting else ''}"


def injections() -> list[Injection]:
    """All of them, mixed."""
    out = []
    for level, call, number in _made():
        out.append(Injection(level, call, "KILL", False, number))
        for name, code in ERRORS.items():
            if code not in ROOM or call in NEED_ROOM:
                for lasting in (False, True):
                    out.append(Injection(level, call, name, lasting, number))
    Random(1).shuffle(out)
    return out


def _made() -> Iterator[tuple[Durability, str, int]]:
    for level in LEVELS:
        for call, most in CALLS[level].items():
            for number in range(1, most + 1):
                yield level, call, number


def strace() -> str:
    """Its path.  Raises OSError, with the reason, where it may not be used."""
    found = shutil.which("strace")
    if found is None:
        raise OSError("strace is not installed")
    tried = subprocess.run([found, "-f", "-o", "/dev/null", "true"], capture_output=True, text=True)
    if tried.returncode:
        raise OSError(f"strace may not be used here: {tried.stderr.strip()}")
    return found


@attrs.define
class Calls:
    """What a campaign has found so far; ``next``: the injection that it goes on with.

    ``injected``: trials in which the call was made, and killed the engine or failed, by call
    and by what was done to it.  ``outcomes``: how lives with a failed call ended.
    """

    next: int = 0
    of: int = 0
    injected: dict[str, int] = attrs.field(factory=dict)
    outcomes: dict[str, int] = attrs.field(factory=dict)
    seconds: float = 0.0
    broken: list[str] = attrs.field(factory=list)


def paths(trial: Trial, call: str) -> list[str]:
    """Options for strace: only calls on files of the store, where others make them, too."""
    if call not in ("write", "splice"):
        return []  # and so the question whether there is room gets the same answer
    files = ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "bodies"]
    files += [f"bodies/{name}" for name in ("boot", "boot.new", "spare")]
    files += [f"bodies/b{number:08d}" for number in range(1, 12)]
    return [word for file in files for word in ("-P", str(trial.directory / "store" / file))]


def live_with(trial: Trial, tool: str, injection: Injection) -> tuple[int, bool]:
    """The wait status of a life with this injection, and whether the call was made.

    Raises PermissionError where strace may not attach.
    """
    ready, go = os.pipe()
    armed, arm = os.pipe()
    child = os.fork()
    if child == 0:
        in_child(lambda: _traced(trial, ready, arm))
    os.read(armed, 1)
    log = trial.directory / "strace"
    command = [tool, "-f", "-p", str(child), "-o", str(log), "-e", f"trace={injection.call}"]
    command += ["-e", injection.expression, *paths(trial, injection.call)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        attached = tracer.stderr.readline()
        if "attached" not in attached:
            os.kill(child, signal.SIGKILL)
        os.write(go, b"x")
        _, status = os.waitpid(child, 0)
        tracer.communicate()
    for end in (ready, go, armed, arm):
        os.close(end)
    if "attached" not in attached:
        raise PermissionError(f"strace may not attach here: {attached.strip()}")
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return status, killed or "(INJECTED" in log.read_text()


def _traced(trial: Trial, ready: int, arm: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANY, 0, 0, 0)
    os.write(arm, b"x")
    os.read(ready, 1)
    store.ROOM_PATIENCE = PATIENCE
    trial.arm(True, None, 40.0)


def one_call(trial: Trial, record: Path, tool: str, injection: Injection, found: Calls) -> None:
    """A life with an injection, then one without."""
    trial.directory.mkdir(parents=True)
    record.touch()
    scene = evidence(trial, record)
    status, made = live_with(trial, tool, injection)
    scene.faulty = injection.what != "KILL"
    scene.crash(cut=False)
    ended = Told(scene.story.server)
    ended.read(trial.said)
    broken = [] if os.WIFSIGNALED(status) or not status else [f"it ended with {status}"]
    trial.run(False, None)
    broken += judged(scene, trial)
    if made:
        name = f"{injection.call} {injection.what}{' lasting' if injection.lasting else ''}"
        found.injected[name] = found.injected.get(name, 0) + 1
        if scene.faulty:
            broken += _unspecified(ended, injection)
            found.outcomes = dict(Counter(found.outcomes) + Counter(_outcomes(ended)))
    found.broken += [f"{injection}: {what}" for what in broken]
    shutil.rmtree(trial.directory)


def _outcomes(told: Told) -> list[str]:
    out = [outcome for deliveries in told.delivered.values() for outcome, _ in deliveries]
    return out + [f"refused: {name}" for name in told.refused] + ["StoreUnusable"] * told.unusable


def _unspecified(told: Told, injection: Injection) -> list[str]:
    if ERRORS[injection.what] not in ROOM:
        return []
    good = WHEN_FULL | {"refused: QuotaExceededError", "StoreUnusable"}
    return [f"the disk was full: {what}" for what in _outcomes(told) if what not in good]


def fail_every_call(
    directory: Path,
    *,
    found: Calls | None = None,
    until: float = float("inf"),
    save: Callable[[Calls], None] = lambda _found: None,
) -> Calls:
    """Go on with the injections until their end; ``save`` is called now and then."""
    found = Calls() if found is None else found
    record, tool, todo = directory / "requests", strace(), injections()
    found.of = len(todo)
    before = time.monotonic()
    with origin(record) as places:
        while found.next < found.of and time.monotonic() < until:
            number, injection = found.next, todo[found.next]
            trial = Trial(directory / f"c{number}", f"/c{number}", places.plain, injection.level)
            one_call(trial, record, tool, injection, found)
            found.next += 1
            found.seconds = round(found.seconds + time.monotonic() - before, 1)
            before = time.monotonic()
            if found.next % 10 == 0:
                record.write_bytes(b"")
                save(found)
    save(found)
    return found
