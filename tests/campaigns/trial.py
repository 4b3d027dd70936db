"""One trial on a real disk: engines that are killed, and the evidence they leave.

A *trial* has a directory and a path prefix of its own.  Its engine runs in a forked child of a
warm parent (a fork costs milliseconds, an interpreter start hundreds) and writes each promise
that it hears, in one ``write`` to a file, before it goes on: what is in the file was said.
The child is killed after a random time, or it kills itself after a number of task steps, or
of calls that change the disk (``KillPoint``).

From the promises, the server's record, the journal and the bodies the trial makes a
``Scene``, and the invariants judge it like a simulated one; those that look into a living
engine (I5) see nothing here.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import attrs
import trio

from tests.campaigns.ends import AnyStep
from tests.campaigns.invariants import Scene, path_of
from tests.campaigns.origin import GETS, UPLOAD, bodies, in_child, jobs
from tests.campaigns.story import Delivery, Shore
from tests.transfer_engine.sockets import client_tls
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    Engine,
    EngineConfig,
    FastPump,
    Image,
    Record,
    Registration,
    Request,
    RetryPolicy,
    ScriptError,
    SqliteJournal,
    StoreUnusable,
    open_engine,
    real_seams,
)
from transfer_engine.boot_note import Durability, this_boot

By = Literal["time", "step", "call"]


@attrs.frozen
class KillPoint:
    """When a life ends: after ``at`` seconds, task steps, or calls that change the disk."""

    by: By
    at: float


class Moved:
    """Bytes that children have moved by ``splice`` and by ``readv``, killed ones included.

    In memory that all forked children share; they count behind the engine's back.
    """

    NAMES = ("splice", "readv")

    def __init__(self) -> None:
        self._counts = memoryview(mmap.mmap(-1, 4096)).cast("Q")

    def count(self) -> None:
        """From here on, in this process."""
        for at, name in enumerate(self.NAMES):
            setattr(os, name, self._counting(at, getattr(os, name)))

    def _counting(self, at: int, real: Callable[..., int]) -> Callable[..., int]:
        def call(*args: object) -> int:
            count = real(*args)
            self._counts[at] += count
            return count

        return call

    def sums(self) -> dict[str, int]:
        """By call; ``splice`` moves each byte twice, through a pipe."""
        return {name: self._counts[at] for at, name in enumerate(self.NAMES)}


MOVED = Moved()


@attrs.frozen
class Trial:
    """One directory, one prefix; all that its processes know."""

    directory: Path
    prefix: str
    origin: str
    durability: Durability = "kill"
    pem: Path | None = None
    gets: tuple[str, ...] = GETS
    moved: Moved = attrs.field(factory=lambda: MOVED)

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
            ssl_context=client_tls(self.pem) if self.pem else None,
        )
        self.moved.count()
        try:
            seams = real_seams(config)
            assert isinstance(seams.pump, FastPump)
            with trio.fail_after(seconds):
                async with open_engine(config, seams) as engine:
                    await (self._call(engine, say) if fresh else self._go_on(engine))
                    while engine._runner.jobs:  # noqa: ASYNC110 - the API has nothing to wait for
                        await trio.sleep(0.001)
        except StoreUnusable as error:
            say("unusable", error.where, error.why, error.remedy)

    async def _call(self, engine: Engine, say: Callable[..., None]) -> None:
        async def fetch(id: str, requests: list[str] | Request) -> Registration | None:
            try:
                registration = await engine.fetch(id, requests)
            except ScriptError as error:
                say("refused", error.name)  # the disk was full, or failed
                return None
            say("resolved", id)
            return registration

        await fetch("gets", [f"{self.prefix}/{name}" for name in self.gets])
        await fetch("post", Request(f"{self.prefix}/post", method="POST", body=UPLOAD))
        doomed = await fetch("doomed", [f"{self.prefix}/hang"])
        if doomed is not None and await doomed.abort():
            say("aborted", "doomed")

    async def _go_on(self, engine: Engine) -> None:
        doomed = await engine.get("doomed")
        if doomed is not None:
            await doomed.abort()

    def run(self, fresh: bool, point: KillPoint | None, seconds: float = 60.0) -> bool:
        """A life in a child; true if it was killed.  Raises ChildProcessError if it failed."""
        child = os.fork()
        if child == 0:
            in_child(lambda: self.arm(fresh, point, seconds))
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

    def arm(self, fresh: bool, point: KillPoint | None, seconds: float) -> None:
        """Live, in this process, up to that point."""
        instruments: list[trio.abc.Instrument] = []
        if point is not None and point.by == "step":
            instruments = [AnyStep(int(point.at), _die)]
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
    refused: list[str] = attrs.field(factory=list)
    unusable: int = 0
    shores: list[Shore] = attrs.field(factory=list)

    def read(self, said: Path) -> None:
        """Take in what was said."""
        lines = said.read_bytes().splitlines() if said.exists() else []
        for line in lines:
            match json.loads(line):
                case ["resolved", str(fetch)]:
                    self.resolved.add(fetch)
                case ["aborted", str(fetch)]:
                    self.aborted.add(fetch)
                case ["refused", str(name)]:
                    self.refused.append(name)
                case ["unusable", str(), str(), str()]:
                    self.unusable += 1
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

    def in_memory(self, name: str, start: int) -> int:
        """To its end: there is memory enough for what has just been written."""
        path = self.directory / "bodies" / name
        return path.stat().st_size if path.exists() else start


RealScene = Scene[Told, Store]


def evidence(trial: Trial, record: Path) -> RealScene:
    """The scene of a trial that has not begun."""
    begun = record.stat().st_size if record.exists() else 0
    return RealScene(
        Told(Heard(record, trial.prefix, begun)),
        Store(trial.directory / "store", trial.durability),
        bodies=bodies(trial.prefix),
        jobs=jobs(trial.prefix),
        upload=digest(UPLOAD),
        shown=digest,
    )


def fetched_again(scene: RealScene) -> list[int]:
    """For each download that a kill interrupted: bytes that it had stored and asked for again.

    Those whose head was not noted, too, though nothing is promised for them.
    """
    log, found = scene.story.server.log, []
    for crash in scene.crashes:
        for row in crash.image.records:
            stored = len(crash.files.get(row.body, b""))
            later = [asked for asked in log[crash.asked :] if asked.path == path_of(row)]
            if row.request.method == "GET" and not row.result and stored and later:
                first = later[0].headers.get("range", "bytes=0-")
                at = int(first.removeprefix("bytes=").rstrip("-"))
                found.append(max(0, stored - at))
    return found
