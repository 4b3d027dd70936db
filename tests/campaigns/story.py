"""The reference job: what it asks for, what the server does, what has been promised to whom.

Four fetches: ``season`` (three GETs: one that breaks off and comes in a short 206 and a long
one, one behind a redirect, one small), ``post`` (an upload), ``paused`` (a GET that the user
pauses and resumes), ``doomed`` (aborted while it hangs).  A *life* is one engine on the
machine; the first makes the calls, the later ones go on with what they find.  The story
notes every promise as the caller hears it, and the server every request: the invariants
compare the two with what is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio
import trio.testing

from tests.campaigns.machine import Disk, Machine, PowerOrKill, Rowbook
from tests.transfer_engine.server import Asked, Server, cut, ranged, stall, status, whole
from tests.transfer_engine.world import read_all, until_downloaded
from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    Engine,
    EngineClosed,
    EngineConfig,
    Image,
    Registration,
    Request,
    RetryPolicy,
    ScriptError,
    Seams,
    StorageUse,
    StoreUnusable,
    offload_inline,
    open_engine,
    resolve_to_itself,
)
from transfer_engine.decisions import Decisions

APP = "http://app.test"
LONG = b"".join(i.to_bytes(8, "big") for i in range(700))
SMALL = LONG[8:908]
UPLOAD = LONG[16:1500]
BODIES = {"/a": LONG, "/r": SMALL, "/c": SMALL[:300], "/pause": LONG, "/post": b"made"}
JOBS = {
    "season": ["/a", "/r", "/c"],
    "post": ["/post"],
    "paused": ["/pause"],
    "doomed": ["/hang"],
}
SETTLES = ("success", "fail", "abort")
CHUNK = 1024

Delivery = tuple[str, tuple[tuple[int, bytes] | str, ...]]


@attrs.define
class Shore:
    """What a recovery found: after it, before any transfer went on."""

    image: Image
    files: dict[str, bytes]
    storage: StorageUse


def short(body: bytes, span: int) -> Callable[[Asked], object]:
    """A 206 of ``span`` bytes, though more was asked for."""

    async def turn(asked: Asked) -> None:
        first = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        last = min(first + span, len(body)) - 1
        await asked.answer(
            206,
            body[first : last + 1],
            etag='"v1"',
            content_range=f"bytes {first}-{last}/{len(body)}",
        )

    return turn


async def hang(asked: Asked) -> None:
    """Never an answer."""
    await trio.sleep_forever()


async def moved(asked: Asked) -> None:
    """A redirect to the small body."""
    await asked.answer(302, b"elsewhere", location="/real")


class Nobody:
    """A nursery in which nothing runs."""

    def start_soon(self, *task: object) -> None:
        """Never."""


@attrs.define(eq=False)
class Story:
    """``resolved``, ``aborted``: promises.  ``delivered``: outcomes, by fetch.

    ``calling``: around the call that is made.  ``refused``: what fetch() was refused with.
    ``unusable``: how engines ended that could not go on.  ``stuck``: lives that did neither settle
    nor end, or that kept what nobody needs.
    """

    machine: Machine
    server: Server
    decisions: Decisions = attrs.field(factory=Decisions)
    resolved: set[str] = attrs.field(factory=set)
    aborted: set[str] = attrs.field(factory=set)
    dispatched: set[str] = attrs.field(factory=set)
    delivered: dict[str, list[Delivery]] = attrs.field(factory=dict)
    shores: list[Shore] = attrs.field(factory=list)
    calling: trio.CancelScope | None = None
    refused: list[ScriptError] = attrs.field(factory=list)
    unusable: list[StoreUnusable] = attrs.field(factory=list)
    stuck: list[str] = attrs.field(factory=list)
    disk: Callable[[Machine], Disk] = Disk
    kill: Callable[[], None] = lambda: None
    quit: Callable[[], None] = lambda: None
    seam: Callable[[Seams], Seams] = lambda seams: seams

    def __attrs_post_init__(self) -> None:
        on = self.server.on
        on("/a", cut(LONG, 2500, etag='"v1"'), short(LONG, 1100), ranged(LONG))  # type: ignore[arg-type] # a Turn
        on("/r", moved)
        on("/real", whole(SMALL, etag='"v1"'))
        on("/c", whole(SMALL[:300]))
        on("/post", status(201, b"made"))
        on("/pause", stall(LONG, 2000, etag='"v1"'), ranged(LONG))
        on("/hang", hang)

    async def _handle(self, event: BackgroundFetchEvent) -> None:
        registration = event.registration
        self.dispatched.add(registration.id)
        found = await read_all(registration)
        outcome = registration.failure_reason or registration.result
        self.delivered.setdefault(registration.id, []).append((outcome, tuple(found)))

    async def life(self, *, fresh: bool, seconds: float = 500.0) -> bool:
        """One engine's; true if it came to its own end."""
        try:
            async with open_engine(self._config(), self._seams()) as engine:
                self.kill, self.quit = engine.kill, engine._nursery.cancel_scope.cancel
                self._land(engine)
                with trio.move_on_after(seconds) as scope:
                    await (self._calls(engine) if fresh else self._go_on(engine))
                    await self._settled(engine)
                if scope.cancelled_caught:
                    self.stuck.append(f"nothing had settled after {seconds:.0f} seconds")
                elif (kept := engine.storage()).requests or kept.responses:
                    self.stuck.append(f"nothing is owed, and yet {kept} is kept")
        except (PowerOrKill, EngineClosed):
            return False
        except StoreUnusable as error:
            self.unusable.append(error)
            return False
        return not self.machine.dead

    async def recovery(self) -> bool:
        """A life that only recovers: no task of it ever runs.  False if it did not come so far."""
        try:
            engine = Engine(self._config(), self._seams(), Nobody())  # type: ignore[arg-type] # a nursery
            await engine._recover()
        except (PowerOrKill, EngineClosed):
            return False
        except StoreUnusable as error:
            self.unusable.append(error)
            return False
        self._land(engine)
        return True

    def _seams(self) -> Seams:
        return self.seam(
            Seams(
                journal=Rowbook(self.machine),
                disk=self.disk(self.machine),
                offload=offload_inline,
                connect=self.server.connect,
                resolve=resolve_to_itself,
                now=trio.current_time,
                decisions=self.decisions,
            )
        )

    def _config(self) -> EngineConfig:
        return EngineConfig(
            policy=OPEN,
            app_origin=APP,
            handlers={f"backgroundfetch{name}": self._handle for name in SETTLES},
            unavailability="network-loss",
            retry=RetryPolicy(first=0.1, most=1.0),
            checkpoint_interval=0.0,
            chunk_size=CHUNK,
            durability=self.machine.durability,
        )

    def _land(self, engine: Engine) -> None:
        machine = self.machine
        self.shores.append(Shore(machine.image(), machine.contents(), engine.storage()))

    async def _calls(self, engine: Engine) -> None:
        async def call(id: str, *requests: str | Request) -> Registration | None:
            registration = None
            with trio.CancelScope() as self.calling:
                try:
                    registration = await engine.fetch(id, requests)
                except ScriptError as error:
                    self.refused.append(error)  # no room for it, or the disk failed
                else:
                    self.resolved.add(id)
            self.calling = None
            return registration

        await call("season", *JOBS["season"])
        await call("post", Request("/post", method="POST", body=UPLOAD))
        paused = await call("paused", "/pause")
        doomed = await call("doomed", "/hang")
        if paused is not None:
            with trio.move_on_after(5):
                await until_downloaded(paused, 2000)
            if await engine.get("paused") is not None:
                await engine.interface.pause("paused")
        with trio.CancelScope() as self.calling:
            if doomed is not None and await doomed.abort():
                self.aborted.add("doomed")
        self.calling = None
        if doomed is not None and "doomed" not in self.aborted:
            await doomed.abort()  # it was cancelled: whether it did anything is not known
        await trio.sleep(1)
        if paused is not None and await engine.get("paused") is not None:
            await engine.interface.resume("paused")

    async def _go_on(self, engine: Engine) -> None:
        if "doomed" not in self.aborted:
            self.server.on("/hang", status(200, b"after all"))
        for shown in engine.interface.shown():
            if shown.paused:
                await engine.interface.resume(shown.id)

    async def _settled(self, engine: Engine) -> None:
        """Until the journal owes nothing: its rows go when the events have ended."""
        while self.machine.commits[-1][0]:  # noqa: ASYNC110 - a file tells nobody
            await trio.sleep(1)


def play(test: Callable[[Server], object], seconds: float = 1e6) -> None:
    """Run in virtual time; a test that hangs fails."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            with trio.fail_after(seconds):
                await test(Server(nursery))  # type: ignore[misc] # an async function
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
