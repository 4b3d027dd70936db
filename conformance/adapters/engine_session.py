"""The judge's commands on the transfer engine: what all of its adapters share.

A session is one scenario.  It stands on a *ground*, which keeps the engine's store
from launch to launch; each launch opens an engine on it, and that engine's life
(``engine_life``) does the talking.  Quitting closes the engine and keeps the ground;
a kill ends it as if the process had been killed.

A ``Wrap`` may put other seams and another configuration under each engine: so
deliberately broken engines are judged through the same door.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import attrs
import trio

import conformance.protocol as p
from conformance.adapter import Sink
from conformance.adapters.engine_caches import Caches
from conformance.adapters.engine_commands import PERMISSIONS, Doing
from conformance.adapters.engine_life import AllNames, Life
from conformance.adapters.engine_profile import Profile
from transfer_engine import NO_LIMITS, NO_TIMEOUTS, OPEN, EngineConfig, Seams, open_engine

VERSION = "1"

CAPABILITIES: list[p.Capability] = [
    "pause", "user-abort", "click", "quota", "permission", "restart", "kill", "offline",
    "uploads", "streaming", "many-pages", "stored-bytes", "serial", "synthetic-event",
    "sparse-totals", "caches", "push", "unregister", "busy-realm", "interface",
    "streamed-uploads",
]  # fmt: skip

Wrap = Callable[[EngineConfig, Seams], tuple[EngineConfig, Seams]]
"""What an engine would be opened with, to what it is opened with."""


class Ground(Protocol):
    """Where one scenario's engines stand, one after the other."""

    async def seams(self, config: EngineConfig) -> Seams:
        """Open the store, with all that the last engine left there.  Raises StoreUnusable."""
        ...

    def crash(self) -> None:
        """The engine was killed: what had not been made durable is lost."""
        ...

    def profile(self, begin: p.Begin) -> Profile:
        """What the user agent itself keeps."""
        ...

    async def caches(self, begin: p.Begin, profile: Profile) -> Caches:
        """Open the caches.  Raises StoreUnusable."""
        ...


@attrs.define(eq=False)
class Session:
    """One scenario on the engine."""

    sink: Sink
    ground: Ground
    implementation: p.Implementation
    names: AllNames
    wrap: Wrap | None
    _nursery: trio.Nursery
    _begin: p.Begin | None = None
    _profile: Profile | None = None
    _life: Life | None = None

    async def send(self, command: p.AnyCommand) -> p.Answer:
        """Do one command.  Raises StoreUnusable; KeyError for a name that was never given."""
        seq = command.seq
        match command:
            case p.Start():
                return p.Answer(seq, implementation=self.implementation)
            case p.Begin():
                await self._quit(kill=True)
                self._begin, self._profile = command, self.ground.profile(command)
                await self._launch(command, self._profile)
            case p.Launch():
                if self._life is None and self._begin is not None and self._profile is not None:
                    await self._launch(self._begin, self._profile)
            case p.End() | p.Stop():
                await self._quit(kill=True)
            case p.Quit():
                await self._quit(kill=command.kill)
            case p.SyncRegister() | p.SyncGetTags() | p.BgCacheRegister():
                return p.Answer(seq, unsupported="the engine knows background fetches only")
            case p.Online() if self._life is None and self._profile is not None:
                self._profile.online = command.online
            case p.SetPermission() if self._life is None and self._profile is not None:
                self._profile.permission = command.state
            case _ if self._life is not None:
                return await Doing(self._life).do(command)
        return p.Answer(seq)

    # --- launching and leaving --------------------------------------------------------

    async def _launch(self, begin: p.Begin, profile: Profile) -> None:
        self._life = await self._nursery.start(self._live, begin, profile)

    async def _live(
        self, begin: p.Begin, profile: Profile, *, task_status: trio.TaskStatus[Life]
    ) -> None:
        caches = await self.ground.caches(begin, profile)
        life = Life(self.sink, profile, caches, self.names)
        config = _configured(begin, profile, life)
        seams = await self.ground.seams(config)
        if self.wrap is not None:
            config, seams = self.wrap(config, seams)
        try:
            async with open_engine(config, seams) as engine, trio.open_nursery() as nursery:
                life.begin(engine, nursery)
                task_status.started(life)
                await life.leaving.wait()
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await caches.close()
            life.gone.set()

    async def _quit(self, *, kill: bool) -> None:
        life, self._life = self._life, None
        if life is None:
            return
        if kill:
            life.end()
            life.engine.kill()
        life.leaving.set()
        await life.gone.wait()
        if kill:
            self.ground.crash()
        else:
            # What is dispatched while the engine closes has been dispatched, and is seen.
            life.end()


def _configured(begin: p.Begin, profile: Profile, life: Life) -> EngineConfig:
    """No time limits: a held answer is part of a scenario, however long it is held.

    No limits of number, either, but the scenario's own; and the worlds are on this machine.
    """
    return EngineConfig(
        app_origin=begin.origins["app"],
        handlers=dict.fromkeys(begin.listen, life.handle),
        interrupted="over",
        quota=begin.quota,
        permission=PERMISSIONS[profile.permission],
        online=profile.online,
        active_worker=profile.worker,
        concurrency=begin.concurrency,
        timeouts=NO_TIMEOUTS,
        policy=OPEN,
        limits=NO_LIMITS,
    )


@asynccontextmanager
async def open_session(
    sink: Sink,
    ground: Ground,
    implementation: p.Implementation,
    *,
    wrap: Wrap | None = None,
    stem: str = "",
) -> AsyncIterator[Session]:
    """A session; leaving it ends the engine that is still running.  ``stem`` begins all names."""
    # The engine logs what a handler raised; here a handler raises because the judge says so.
    log, silence = logging.getLogger("transfer_engine"), logging.NullHandler()
    log.addHandler(silence)
    try:
        async with trio.open_nursery() as nursery:
            session = Session(sink, ground, implementation, AllNames(stem), wrap, nursery)
            yield session
            await session.send(p.End())
            nursery.cancel_scope.cancel()
    finally:
        log.removeHandler(silence)
