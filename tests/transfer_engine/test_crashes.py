"""A kill at every single operation of the store, then again during the recovery from it.

The same story runs once for each operation n: the engine is killed just before
its nth call of journal or disk, the store forgets what was not durable, the
next engine goes on.  Whatever n is, the promises hold at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TypeVar

import attrs
import pytest
import trio
import trio.testing

from tests.campaigns.seeded import seeded_scheduler
from tests.transfer_engine.server import cut, ranged, status
from tests.transfer_engine.world import App, read_all, simulate
from transfer_engine import (
    OPEN,
    AfterClose,
    BackgroundFetchEvent,
    EngineClosed,
    EngineConfig,
    Request,
    Seams,
    offload_inline,
    open_engine,
    resolve_to_itself,
)

BODY = bytes(range(256)) * 300
SETTLES = ("success", "fail", "abort")
T = TypeVar("T")


@attrs.define(eq=False)
class Fuse:
    """Counts operations of the store; kills before the one at which it is set."""

    at: int
    kill: Callable[[], None] = lambda: None
    quit: Callable[[], None] = lambda: None
    count: int = 0

    async def offload(self, fn: Callable[..., T], *args: object) -> T:
        self.count += 1
        if self.count == self.at:
            self.kill()
            raise EngineClosed()
        return await offload_inline(fn, *args)


@attrs.define(eq=False)
class Story:
    """What was promised before a kill, and what came of it."""

    app: App
    resolved: set[str] = attrs.field(factory=set)
    aborted: bool = False
    dispatched: Counter[str] = attrs.field(factory=Counter)
    settled: dict[str, list[str]] = attrs.field(factory=dict)
    bodies: dict[str, list[tuple[int, bytes] | str]] = attrs.field(factory=dict)
    interrupted: AfterClose = "again"

    async def handle(self, event: BackgroundFetchEvent) -> None:
        """Every settle event reads everything before it ends."""
        reg = event.registration
        self.dispatched[reg.id] += 1
        found = await read_all(reg)
        self.bodies[reg.id] = found
        self.settled.setdefault(reg.id, []).append(reg.failure_reason or reg.result)

    async def run(self, fuse: Fuse, *, fresh: bool) -> bool:
        """One life of the engine; true if it ended by the fuse."""
        seams = Seams(
            journal=self.app.journal,
            disk=self.app.disk,
            offload=fuse.offload,
            connect=self.app.server.connect,
            resolve=resolve_to_itself,
        )
        config = EngineConfig(
            policy=OPEN,
            app_origin="http://app.test",
            handlers={f"backgroundfetch{name}": self.handle for name in SETTLES},
            unavailability="network-loss",
            checkpoint_interval=0.0,
            interrupted=self.interrupted,
        )
        try:
            async with open_engine(config, seams) as engine:
                fuse.kill = engine.kill
                fuse.quit = engine._nursery.cancel_scope.cancel
                if fresh:
                    await self._calls(engine.fetch)
                await trio.sleep(1000)
        except EngineClosed:
            return True
        return fuse.at <= fuse.count

    async def _calls(self, fetch: Callable[..., object]) -> None:
        async def call(name: str, request: str | Request) -> object:
            reg = await fetch(name, request)  # type: ignore[misc] # Engine.fetch
            self.resolved.add(name)
            return reg

        await call("get", "/get")
        await call("post", Request("/post", method="POST", body=b"once"))
        doomed = await call("doomed", "/hang")
        self.aborted = await doomed.abort()  # type: ignore[attr-defined] # a Registration


async def hang(asked: object) -> None:
    await trio.sleep_forever()


def story(app: App) -> Story:
    app.server.on("/get", cut(BODY, 30_000, etag='"v1"'), ranged(BODY))
    app.server.on("/post", status(201, b"made"))
    app.server.on("/hang", hang)
    return Story(app)


def operations() -> int:
    """How many operations the story has when nobody interrupts it, in one order of tasks."""
    fuse = Fuse(-1)

    async def test(app: App) -> None:
        told = story(app)
        assert await told.run(fuse, fresh=True) is True  # no fuse: at < count
        assert told.settled == {"get": ["success"], "post": ["success"], "doomed": ["aborted"]}

    with seeded_scheduler(0):
        simulate(test, 10_000)
    return fuse.count


TOTAL = operations()


def check(told: Story, *, once: bool) -> None:
    assert told.app.server.heads.count("/post") <= 1  # S21
    for name in told.resolved:
        assert told.dispatched[name], f"{name} was promised and is lost"
        if once:
            assert told.dispatched[name] == 1, "a clean end: at most once"
        else:
            assert told.settled.get(name), "its handler was cut off, and it never came again"
        assert len(set(told.settled.get(name, []))) <= 1, "delivered twice, and differently"
    for name, outcomes in told.settled.items():
        if name == "get":
            assert outcomes[-1] == "success"
            assert told.bodies[name] == [(200, BODY)]  # I1
        if name == "post":
            assert outcomes[-1] in ("success", "fetch-error")
        if name == "doomed" and told.aborted:
            assert outcomes[-1] == "aborted"  # I4
    assert told.app.disk.lengths() == {}  # I6
    assert told.app.journal.load().jobs == ()


async def survive(told: Story, *, once: bool = False) -> None:
    """Go on after an end until nothing is owed; then everything promised must be there."""
    app = told.app
    while app.journal.load().jobs:
        if "doomed" in {row.id for row in app.journal.load().jobs} and not told.aborted:
            app.server.on("/hang", status(200, b"after all"))
        await told.run(Fuse(-1), fresh=False)
    await told.run(Fuse(-1), fresh=False)
    check(told, once=once)


@pytest.mark.parametrize("at", range(1, TOTAL + 1))
def test_a_kill_at_any_operation_breaks_no_promise(at: int) -> None:
    async def test(app: App) -> None:
        told = story(app)
        await told.run(Fuse(at), fresh=True)
        app.crash()
        # The recovery is killed as well, a little later each time.
        for nested in (1 + at % 7, 9 + at % 5):
            await told.run(Fuse(nested), fresh=False)
            app.crash()
        await survive(told)

    with seeded_scheduler(0):
        simulate(test, 100_000)


ENDS: list[tuple[bool, AfterClose]] = [(False, "over"), (True, "over"), (True, "again")]


@attrs.define(eq=False)
class Steps(trio.abc.Instrument):
    """Counts the steps of all tasks; ends the engine after the one at which it is set."""

    at: int
    fuse: Fuse
    clean: bool
    count: int = 0

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """See Instrument."""
        self.count += 1
        if self.count == self.at:
            (self.fuse.quit if self.clean else self.fuse.kill)()


@pytest.mark.parametrize("phase", range(4))
@pytest.mark.parametrize(("clean", "interrupted"), ENDS)
def test_an_end_after_any_step_of_any_task_breaks_no_promise(
    phase: int, clean: bool, interrupted: AfterClose
) -> None:
    async def test(app: App, at: int) -> bool:
        told, fuse = story(app), Fuse(-1)
        told.interrupted = interrupted
        steps = Steps(at, fuse, clean)
        trio.lowlevel.add_instrument(steps)
        await told.run(fuse, fresh=True)
        trio.lowlevel.remove_instrument(steps)
        app.crash()
        await survive(told, once=clean and interrupted == "over")
        return steps.count >= at

    at, on = 1 + phase, True

    async def one(app: App) -> None:
        nonlocal on
        on = await test(app, at)

    while on:
        simulate(one, 100_000)
        at += 12  # with the four phases: every third step
    assert at > 100
