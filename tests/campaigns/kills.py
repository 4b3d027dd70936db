"""Real kills: a real engine on sockets, SQLite and files, and a server that outlives it.

A *trial* has a directory and a path prefix of its own.  Its engine runs in a forked child of a
warm parent (a fork costs milliseconds, an interpreter start hundreds) and writes each promise
that it hears, in one ``write`` to a file, before it goes on: what is in the file was said.
The child is killed after a random time, or it kills itself after a number of task steps, or
of calls that change the disk (``KillPoint``); sometimes its successor is, too.  Then one engine
may live until nothing is owed.

The server is a process of its own and writes a line for each request.  From the two files, the
journal and the bodies the trial makes a ``Scene``, and the invariants judge it like a simulated
one; those that look into a living engine (I5) see nothing here.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Literal

import attrs
import h11
import trio

from tests.campaigns.invariants import Scene, broken
from tests.campaigns.simulated import Count, Steps
from tests.campaigns.story import Delivery, Shore
from tests.transfer_engine.server import Asked, Server, Turn, not_found
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    EngineConfig,
    FastPump,
    Image,
    Record,
    Request,
    RetryPolicy,
    ScriptError,
    SqliteJournal,
    open_engine,
    real_seams,
)
from transfer_engine.boot_note import Durability, this_boot

PIECE = 128 * 1024
BIG = b"".join(i.to_bytes(8, "big") for i in range(384 * 1024))
CUT = BIG[8 : 8 + 1_500_000]
SMALL = BIG[16:5016]
UPLOAD = BIG[24 : 24 + 400_000]
GETS: tuple[str, ...] = ("big", "cut", "small")

By = Literal["time", "step", "call"]


def bodies(prefix: str) -> dict[str, bytes]:
    """What each path of a trial gives."""
    return {
        f"{prefix}/big": BIG,
        f"{prefix}/cut": CUT,
        f"{prefix}/small": SMALL,
        f"{prefix}/post": b"made",
    }


def jobs(prefix: str) -> dict[str, list[str]]:
    """What each fetch of a trial asks for."""
    return {
        "gets": [f"{prefix}/{name}" for name in GETS],
        "post": [f"{prefix}/post"],
        "doomed": [f"{prefix}/hang"],
    }


# --- the server ---------------------------------------------------------------------------


class Origin(Server):
    """Answers every trial's paths; one line in ``record`` for each request, before the answer."""

    def __init__(self, nursery: trio.Nursery, record: int) -> None:
        super().__init__(nursery)
        self.record = record

    async def serve(self, stream: trio.abc.Stream) -> None:
        """One connection, one exchange."""
        async with stream:
            try:
                asked = await self._read(stream)
                if asked is not None:
                    self._note(asked)
                    await self._turn(asked)(asked)
            except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
                pass  # the client was killed

    def _note(self, asked: Asked) -> None:
        upload = hashlib.sha256(asked.body).hexdigest()
        line = {"path": asked.path, "headers": asked.headers, "upload": upload}
        os.write(self.record, (json.dumps(line) + "\n").encode())

    def _turn(self, asked: Asked) -> Turn:
        name = asked.path.rsplit("/", 1)[-1]
        if name == "post":
            return _made
        if name == "hang":
            return _hang
        body = bodies("").get(f"/{name}")
        if body is None:
            return not_found
        stop = 700_000 if name == "cut" and "range" not in asked.headers else len(body)
        return _pieces(body, stop)


async def _made(asked: Asked) -> None:
    await asked.answer(201, b"made")


async def _hang(asked: Asked) -> None:
    await asked.stream.receive_some(1)


def _pieces(body: bytes, stop: int) -> Turn:
    async def turn(asked: Asked) -> None:
        first = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        length = str(len(body) - first)
        if "range" in asked.headers:
            whole = f"bytes {first}-{len(body) - 1}/{len(body)}"
            await asked.head(206, content_length=length, etag='"v1"', content_range=whole)
        else:
            await asked.head(200, content_length=length, etag='"v1"')
        for at in range(first, stop, PIECE):
            await asked.raw(body[at : min(at + PIECE, stop)])
            await trio.sleep(0.0005)  # so that a kill can come between two pieces

    return turn


@contextmanager
def origin(record: Path) -> Iterator[str]:
    """A server process; its origin."""
    ready, answer = os.pipe()
    child = os.fork()
    if child == 0:
        _in_child(lambda: trio.run(_serve, record, answer))
    port = os.read(ready, 16).decode()
    os.close(ready)
    os.close(answer)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


async def _serve(record: Path, answer: int) -> None:
    async with trio.open_nursery() as nursery:
        fd = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        server = Origin(nursery, fd)
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, server.serve, listeners)
        os.write(answer, str(listeners[0].socket.getsockname()[1]).encode())


def _in_child(work: Callable[[], object]) -> None:
    """Never comes back."""
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the parent must see it, and no test runner
        traceback.print_exc(file=sys.stderr)
        os._exit(3)


# --- one life of an engine -----------------------------------------------------------------


@attrs.frozen
class KillPoint:
    """When a life ends: after ``at`` seconds, task steps, or calls that change the disk."""

    by: By
    at: float


@attrs.frozen
class Trial:
    """One directory, one prefix; all that its processes know."""

    directory: Path
    prefix: str
    origin: str
    durability: Durability = "kill"

    @property
    def said(self) -> Path:
        """The promises file."""
        return self.directory / "said"

    async def live(self, fresh: bool, seconds: float) -> None:
        """One engine's life; it ends by a kill, or when nothing is owed."""
        said = os.open(self.said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        def say(*words: object) -> None:
            os.write(said, (json.dumps(words) + "\n").encode())

        async def handle(event: BackgroundFetchEvent) -> None:
            registration = event.registration
            shown = [await digested(record) for record in await registration.match_all()]
            outcome = registration.failure_reason or registration.result
            say("delivered", registration.id, outcome, shown)

        config = EngineConfig(
            policy=OPEN,
            app_origin=self.origin,
            directory=self.directory / "store",
            handlers={f"backgroundfetch{n}": handle for n in ("success", "fail", "abort")},
            unavailability="network-loss",
            retry=RetryPolicy(first=0.01, most=0.1),
            checkpoint_interval=0.01,
            durability=self.durability,
        )
        seams = real_seams(config)
        with trio.fail_after(seconds):
            async with open_engine(config, seams) as engine:
                if fresh:
                    gets = [f"{self.prefix}/{name}" for name in GETS]
                    await engine.fetch("gets", gets)
                    say("resolved", "gets")
                    upload = Request(f"{self.prefix}/post", method="POST", body=UPLOAD)
                    await engine.fetch("post", upload)
                    say("resolved", "post")
                    doomed = await engine.fetch("doomed", f"{self.prefix}/hang")
                    say("resolved", "doomed")
                    if await doomed.abort():
                        say("aborted", "doomed")
                else:
                    doomed_again = await engine.get("doomed")
                    if doomed_again is not None:
                        await doomed_again.abort()
                while engine._runner.jobs:  # noqa: ASYNC110 - the API has nothing to wait for
                    await trio.sleep(0.001)
        assert isinstance(seams.pump, FastPump)
        say("turns", seams.pump.calls["turn"])

    def run(self, fresh: bool, point: KillPoint | None, seconds: float = 60.0) -> bool:
        """A life in a child; true if it was killed.  Raises ChildProcessError if it failed."""
        child = os.fork()
        if child == 0:
            _in_child(lambda: self._arm(fresh, point, seconds))
        if point is not None and point.by == "time":
            time.sleep(point.at)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return True
        if os.WEXITSTATUS(status):
            raise ChildProcessError(f"{self.prefix}: the engine ended with {status}")
        return False

    def _arm(self, fresh: bool, point: KillPoint | None, seconds: float) -> None:
        instruments: list[trio.abc.Instrument] = []
        if point is not None and point.by == "step":
            instruments = [Steps(int(point.at), _die)]
        if point is not None and point.by == "call":
            _count_calls(int(point.at))
        trio.run(self.live, fresh, seconds, instruments=instruments)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _count_calls(at: int) -> None:
    """Die before the nth call that changes a file or moves a body."""
    left = at

    def counting(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            nonlocal left
            left -= 1
            if left <= 0:
                _die()
            return real(*args, **named)

        return call

    for name in ("splice", "readv", "unlink", "ftruncate", "rename", "fsync", "fdatasync"):
        setattr(os, name, counting(getattr(os, name)))
    for name in ("put_record", "commit"):
        setattr(SqliteJournal, name, counting(getattr(SqliteJournal, name)))


async def digested(record: Record) -> list[object] | str:
    """Status and digest of a record's body, or its error; a body may be larger than memory."""
    hashed = hashlib.sha256()
    try:
        response = await record.response_ready()
        if response.body is not None:
            async for piece in response.body:
                hashed.update(piece)
    except ScriptError as error:
        return error.name
    return [response.status, hashed.hexdigest()]


def digest(body: bytes) -> bytes:
    """How bodies are compared across processes."""
    return hashlib.sha256(body).digest()


# --- what a trial proves ---------------------------------------------------------------------


@attrs.frozen
class Line:
    """One request, as the server noted it."""

    path: str
    headers: dict[str, str]
    body: bytes


@attrs.define
class Heard:
    """The server's lines of one trial."""

    record: Path
    prefix: str
    begun: int

    @property
    def log(self) -> list[Line]:
        """See invariants."""
        with self.record.open("rb") as file:
            file.seek(self.begun)
            lines = [json.loads(line) for line in file if line.endswith(b"\n")]
        return [
            Line(line["path"], line["headers"], bytes.fromhex(line["upload"]))
            for line in lines
            if line["path"].startswith(self.prefix + "/")
        ]

    @property
    def heads(self) -> list[str]:
        """See invariants."""
        return [line.path for line in self.log]


@attrs.define
class Told:
    """What the engine's callers were told, read from the promises file."""

    server: Heard
    resolved: set[str] = attrs.field(factory=set)
    aborted: set[str] = attrs.field(factory=set)
    dispatched: set[str] = attrs.field(factory=set)
    delivered: dict[str, list[Delivery]] = attrs.field(factory=dict)
    shores: list[Shore] = attrs.field(factory=list)
    turns: int = 0

    def read(self, said: Path) -> None:
        """Take in what was said."""
        lines = said.read_bytes().splitlines() if said.exists() else []
        for line in lines:
            match json.loads(line):
                case ["resolved", str(fetch)]:
                    self.resolved.add(fetch)
                case ["aborted", str(fetch)]:
                    self.aborted.add(fetch)
                case ["turns", int(turns)]:
                    self.turns += turns
                case ["delivered", str(fetch), str(outcome), list(found)]:
                    shown = tuple(
                        f if isinstance(f, str) else (int(f[0]), bytes.fromhex(f[1])) for f in found
                    )
                    self.delivered.setdefault(fetch, []).append((outcome, shown))


@attrs.define
class Store:
    """What is on the disk; the journal is read from a copy, since reading it mends it."""

    directory: Path
    durability: Durability

    @property
    def boot(self) -> str:
        """This one: nobody cuts the power here."""
        return this_boot()

    @property
    def note(self) -> str:
        """See ``boot_note``."""
        path = self.directory / "bodies" / "boot"
        return path.read_text("ascii") if path.exists() else ""

    def image(self) -> Image:
        """What a journal opened now would load."""
        copy = self.directory.parent / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for file in self.directory.glob("journal.sqlite*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, copy)
        if not (copy / "journal.sqlite").exists():
            return Image((), ())
        journal = SqliteJournal(copy / "journal.sqlite")
        try:
            return journal.load()
        finally:
            journal.close()

    def contents(self) -> dict[str, bytes]:
        """Every body."""
        found = (self.directory / "bodies").glob("b0*")
        return {path.name: path.read_bytes() for path in found}


def one_trial(trial: Trial, record: Path, points: list[KillPoint]) -> tuple[Count, int]:
    """Lives that end at these points, one after another, then one that may finish.

    The second number: how many batches of the last life went by the fast pump's turns.
    """
    count = Count()
    trial.directory.mkdir(parents=True)
    heard = Heard(record, trial.prefix, record.stat().st_size if record.exists() else 0)
    told, store = Told(heard), Store(trial.directory / "store", trial.durability)
    scene = Scene(
        told,
        store,
        bodies=bodies(trial.prefix),
        jobs=jobs(trial.prefix),
        upload=digest(UPLOAD),
        shown=digest,
    )
    for number, point in enumerate(points):
        if trial.run(number == 0, point):
            count.crashes += 1
            scene.crash(cut=False)
        count.lives += 1
    trial.run(False, None)
    count.lives += 1
    told.read(trial.said)
    count.trials += 1
    count.broken += [f"{trial.prefix} {points}: {what}" for what in broken(scene)]
    left = sorted(path.name for path in (store.directory / "bodies").iterdir())
    if left != ["boot"]:
        count.broken.append(f"{trial.prefix} {points}: I6: {left} are left")
    shutil.rmtree(trial.directory)
    return count, told.turns


def points_at(rng: Random, by: By, at: float, reach: float) -> list[KillPoint]:
    """The first kill where it is asked for; every third trial has a second, early one."""
    second = [KillPoint("time", rng.random() * reach)] if rng.random() < 1 / 3 else []
    return [KillPoint(by, at), *second]


def measure(directory: Path, record: Path, server: str) -> float:
    """Seconds that an undisturbed life takes here and now."""
    trial = Trial(directory / "measure", "/measure", server)
    trial.directory.mkdir(parents=True)
    began = time.monotonic()
    trial.run(True, None)
    took = time.monotonic() - began
    shutil.rmtree(trial.directory)
    return took


def kill_everywhere(
    directory: Path, kills: int, seed: int, until: float = float("inf")
) -> tuple[Count, int]:
    """At least so many kills: by turns at random times, at steps, at calls, from the first on."""
    rng, whole, turns, number = Random(seed), Count(), 0, 0
    record = directory / "requests"
    with origin(record) as server:
        reach = measure(directory, record, server)
        while whole.crashes < kills and time.monotonic() < until:
            by: By = ("time", "step", "call")[number % 3]
            nth = number // 3
            at = {
                "time": rng.random() * reach,
                "step": 1 + nth % 400,
                "call": 1 + nth % 120,
            }[by]
            level: Durability = "power" if number % 4 == 3 else "kill"
            trial = Trial(directory / f"t{number}", f"/t{number}", server, level)
            count, turned = one_trial(trial, record, points_at(rng, by, at, reach))
            whole.add(count)
            turns += turned
            number += 1
    return whole, turns
