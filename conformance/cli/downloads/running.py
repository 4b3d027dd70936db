"""Downloads around one engine: begin or go on, show, obey, take what came.

The engine is one without a page: what a user asks for on a command line belongs to no
origin, so nothing is foreign to it and CORS does not apply.  A download is one background
fetch, whatever number of files it has; files that failed do not take the others along.

Opening a store goes on with everything in it.  The command waits for what it was asked
for, paused or not, and leaves when that has ended.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import attrs
import trio

from conformance.cli.downloads import control, keys
from conformance.cli.downloads.planning import BadPlan, Plan, PlanBook
from conformance.cli.downloads.taking import Taken, take_all
from conformance.cli.downloads.views import View
from transfer_engine import (
    BackgroundFetchEvent,
    CookieStore,
    Engine,
    EngineConfig,
    FetchOptions,
    Icon,
    NotOffered,
    Policy,
    Request,
    RetryPolicy,
    Shown,
    open_engine,
)

EVENTS = ("backgroundfetchsuccess", "backgroundfetchfail", "backgroundfetchabort")
DEFAULT_RETRY = RetryPolicy(statuses=frozenset({429, 503}))


class BadCookies(Exception):
    """What ``--cookies`` names cannot be read as one."""


class Left(Exception):
    """The user leaves and means to come back."""


@attrs.frozen(kw_only=True)
class Settings:
    """``store``: the folder of the engine.  ``at_once``: files of one download in flight.

    ``cookies``: a ``cookies.txt`` to begin with.
    """

    store: Path
    policy: Policy = attrs.field(factory=Policy)
    headers: dict[str, str] = attrs.field(factory=dict)
    cookies: Path | None = None
    at_once: int = 4
    retry: RetryPolicy = DEFAULT_RETRY
    output: Path = Path()


@attrs.define(eq=False)
class Downloads:
    """What one command does.  ``taken``: outcomes, by the id of the download."""

    settings: Settings
    view: View
    taken: dict[str, list[Taken]] = attrs.field(factory=dict)
    plans: dict[str, Plan] = attrs.field(factory=dict)
    _wanted: set[str] = attrs.field(factory=set)
    _news: trio.Event = attrs.field(factory=trio.Event)
    _failure: Exception | None = None
    _engine: Engine | None = None

    async def run(self, plan: Plan | None, resume: Sequence[str] | None, use_keys: bool) -> None:
        """Do ``plan``, or go on with ``resume`` (empty: with all that is not paused).

        Raises BadPlan, BadCookies, StoreUnusable, Left, OSError when a file cannot be written.
        """
        settings = self.settings
        config = EngineConfig(
            app_origin=None,
            directory=settings.store,
            handlers=dict.fromkeys(EVENTS, self._settled),
            concurrency=settings.at_once,
            unavailability="network-loss",
            policy=settings.policy,
            retry=settings.retry,
            cookies=self._cookies(),
        )
        async with open_engine(config) as engine, trio.open_nursery() as nursery:
            self._engine = engine
            self._read_plans(engine)
            if resume is not None:
                await self._resume(engine, resume)
            elif plan is not None:
                await self._begin(engine, plan)
            nursery.start_soon(control.serve, engine, settings.store)
            nursery.start_soon(self._show, engine)
            nursery.start_soon(self._signals)
            if use_keys:
                nursery.start_soon(self._keys, engine)
            while self._wanted - self.taken.keys():
                await self._news.wait()
            nursery.cancel_scope.cancel()
        if self._failure is not None:
            raise self._failure

    def _cookies(self) -> CookieStore:
        """Kept with the store: who goes on after a kill is still logged in."""
        settings = self.settings
        cookies = CookieStore(settings.store / "cookies.json")
        if settings.cookies is not None:
            try:
                cookies.add_netscape_file(settings.cookies)
            except (OSError, ValueError) as error:
                raise BadCookies(str(error)) from error
        return cookies

    def _read_plans(self, engine: Engine) -> None:
        for one in engine.interface.shown():
            urls = [record.url for record in engine.interface.records(one.id)]
            self.plans[one.id] = self._book.read(one.id, urls, self.settings.output)

    async def _begin(self, engine: Engine, plan: Plan) -> None:
        """Begin it, unless the store has it already: then go on with that."""
        wanted = {one.url for one in plan.files}
        shown = engine.interface.shown()
        for one in shown:
            if wanted <= {file.url for file in self.plans[one.id].files}:
                self._add_checksums(one.id, plan)
                self._want(one.id, "going on")
                return
        # Also one that has ended and was not taken yet: its bytes are none of this plan's.
        if any(one.id == plan.id for one in shown):
            raise BadPlan(
                f"the id {plan.id!r} is in use by other URLs; choose another --id, or go on "
                f"with bgfetch download --resume {plan.id!r}"
            )
        self._book.write(plan)
        self.plans[plan.id] = plan
        icons = tuple(Icon(i["src"], i.get("sizes", ""), i.get("type", "")) for i in plan.icons)
        headers = self.settings.headers
        requests = [Request(f.url, headers=headers, credentials="include") for f in plan.files]
        await engine.fetch(plan.id, requests, FetchOptions(plan.title, icons, plan.total))
        self._want(plan.id, "beginning")

    def _add_checksums(self, name: str, given: Plan) -> None:
        """What was begun without a checksum, or with another, is compared with the newest."""
        known = self.plans[name]
        newest = {one.url: one.checksum for one in given.files if one.checksum}
        files = tuple(
            attrs.evolve(one, checksum=newest.get(one.url, one.checksum)) for one in known.files
        )
        if files != known.files:
            self.plans[name] = attrs.evolve(known, files=files)
            self._book.write(self.plans[name])

    async def _resume(self, engine: Engine, ids: Sequence[str]) -> None:
        known = {one.id: one for one in engine.interface.shown()}
        if unknown := [one for one in ids if one not in known]:
            raise BadPlan(f"there is no download {unknown[0]!r}; see bgfetch jobs")
        for one in ids or [name for name, entry in known.items() if not entry.paused]:
            if known[one].paused:
                await engine.interface.resume(one)
            self._want(one, "going on")
        if not self._wanted and known:
            raise BadPlan("all downloads are paused; name those to go on with")
        if not self._wanted:
            raise BadPlan(f"nothing to go on with in {self.settings.store}")

    def _want(self, name: str, note: str) -> None:
        self._wanted.add(name)
        self.view.begins(self.plans[name], note)

    async def _settled(self, event: BackgroundFetchEvent) -> None:
        """The engine's event: it ends when the files are in their place.

        If that cannot be, the engine must not take the event for delivered: it is killed,
        and delivers it again next time, as it does when it is interrupted here.
        """
        name = event.registration.id
        engine = self._engine
        assert engine is not None  # events come from an open one
        if name not in self.plans:
            self._read_plans(engine)
        plan = self.plans[name]
        try:
            if event.type == "backgroundfetchabort":
                taken = [Taken(one.url, "aborted") for one in plan.files]
            else:
                taken = await take_all(event, plan, engine.interface)
        except Exception as error:
            self._failure = error
            engine.kill()
            raise
        self.taken[name] = taken
        self._book.forget(name)
        self.view.ends(plan, taken)
        self._news.set()
        self._news = trio.Event()

    @property
    def _book(self) -> PlanBook:
        return PlanBook(self.settings.store / "plans")

    async def _show(self, engine: Engine) -> None:
        before: dict[str, Shown] = {}
        async for entries in engine.interface.display():
            for one in entries:
                if one.id in self._wanted - self.taken.keys() and before.get(one.id) != one:
                    records = engine.interface.records(one.id)
                    self.view.moves(self.plans[one.id], one, records)
                    before[one.id] = one
            await trio.sleep(self.view.pace)

    async def _signals(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as signals:
            async for _ in signals:
                raise Left

    async def _keys(self, engine: Engine) -> None:
        interface = engine.interface
        async for key in keys.pressed():
            if key == "q":
                raise Left
            for one in self._wanted - self.taken.keys():
                try:
                    if key == "p":
                        await interface.pause(one)
                    elif key == "r":
                        await interface.resume(one)
                    elif key == "a":
                        await interface.abort(one)
                except NotOffered:
                    pass  # it is so already, or has just ended
