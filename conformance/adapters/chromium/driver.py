"""What each command of the protocol is on Chromium.

Calls of a script go to the realm that makes them; the rest is done to the
browser.  Answers and observations leave through ``write`` in the order in which
they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import assert_never

import attrs
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright

from conformance import protocol as p
from conformance.adapters.chromium import pages
from conformance.adapters.chromium.browser import Chromium, last_words
from conformance.adapters.chromium.switchboard import Realm, RealmGone, Switchboard

CAPABILITIES: list[p.Capability] = [
    "quota",
    "restart",
    "kill",
    "uploads",
    "many-pages",
    "serial",
    "synthetic-event",
    "sparse-totals",
    "caches",
    "push",
    "unregister",
    "sync",
]

OWN = -1  # the seq of the adapter's own commands
COMMAND_DEADLINE = 20.0  # seconds, a launch of the browser again included
FIRST_DEADLINE = 50.0  # seconds for ``start``: a cold browser takes longer; the judge waits 60
PLENTY = 1 << 60  # bytes of quota where a scenario does not set one
LEAVE_DEADLINE = 3.0  # seconds a scenario's leftovers have before the profile is thrown away


@attrs.define(eq=False)
class Browsers:
    """Two browsers, each started when it is first needed.

    How many requests run at once is set on the command line, so scenarios that want one at
    a time have a browser of their own.
    """

    playwright: Playwright
    executable: str
    place: Path
    _known: dict[bool, Chromium] = attrs.field(factory=dict)

    def get(self, *, serial: bool) -> Chromium:
        """The one for this kind of scenario."""
        if serial not in self._known:
            profile = self.place / ("serial" if serial else "plain")
            self._known[serial] = Chromium(self.playwright, self.executable, profile, serial)
        return self._known[serial]

    async def dispose(self) -> None:
        """End them and leave nothing behind."""
        for browser in self._known.values():
            await browser.wipe()
        for folder in (self.place, self.place.parent):
            with suppress(OSError):  # never made, or another child uses it too
                folder.rmdir()


@attrs.define(eq=False)
class Driver:
    """One session with the judge."""

    browsers: Browsers
    write: Callable[[p.AnyReply], None]
    _browser: Chromium | None = None
    _begin: p.Begin | None = None
    _listening: bool = False
    _switchboard: Switchboard | None = None

    def hear(self, reply: p.AnyReply) -> None:
        """The switchboard's sink: what happens between two scenarios is not told."""
        own = isinstance(reply, p.Answer) and reply.seq == OWN
        if self._listening and not own:
            self.write(reply)

    def attach(self, switchboard: Switchboard) -> None:
        """Where the realms are; its sink is ``hear``."""
        self._switchboard = switchboard

    async def obey(self, command: p.AnyCommand) -> None:
        """Do one command and answer it.

        A browser that fails us (Playwright's Error, TimeoutError) is no answer: it ends this
        process, and the judge says that the adapter is broken.
        """
        try:
            first = isinstance(command, p.Start)
            async with asyncio.timeout(FIRST_DEADLINE if first else COMMAND_DEADLINE):
                answer = await self._do(command)
        except RealmGone as gone:
            answer = p.Answer(command.seq, refused=f"no living realm: {gone}")
        if answer is not None:
            self.write(answer)

    async def _do(self, command: p.AnyCommand) -> p.Answer | None:
        """An answer, or None where a realm has answered for itself."""
        match command:
            case p.Fetch() | p.Get() | p.GetIds() | p.CachePut() | p.CacheKeys():
                await self._tell(await self._realm(command.realm), command)
            case p.Abort() | p.Match() | p.MatchAll() | p.Look():
                await self._tell(self._board.owner(command.instance), command)
            case p.Read():
                await self._tell(self._board.owner(command.record), command)
            case p.UpdateUI() | p.EndEvent():
                await self._tell(self._board.owner(command.event), command)
            case p.Synthesize():
                await self._tell(await self._realm(p.WORKER), command)
            case p.Unregister():
                await self._tell(await self._any_page(), command)
            case p.Begin() if lacking := _lacking(command):
                return p.Answer(command.seq, unsupported=lacking)
            case p.SyncGetTags():
                await self._tell(await self._realm(command.realm), command)
            case p.SyncRegister() if command.api != "sync14":
                await self._tell(await self._realm(command.realm), command)
            case p.Start():
                return await self._start(command)
            case (
                p.User()
                | p.SetPermission()
                | p.Online()
                | p.Advance()
                | p.Storage()
                | p.Busy()
                | p.Interface()
                | p.EndBody()
                | p.SyncRegister()
                | p.BgCacheRegister()
            ):
                return p.Answer(command.seq, unsupported=f"no way to do {type(command).__name__}")
            case _:
                await self._do_to_browser(command)
                return p.Answer(command.seq)
        return None

    async def _do_to_browser(
        self,
        command: p.Begin | p.End | p.Stop | p.OpenPage | p.ClosePage | p.Quit | p.Launch | p.Push,
    ) -> None:
        match command:
            case p.Begin():
                await self._begin_scenario(command)
            case p.End():
                await self._end_scenario()
            case p.Stop():
                await self.browsers.dispose()
            case p.OpenPage():
                await self._open(command.page)
            case p.ClosePage():
                await self.browser.close_page(command.page)
                await self._board.departure(command.page)
            case p.Quit():
                await (self.browser.kill() if command.kill else self.browser.quit())
                await self._board.departure()
            case p.Launch():
                await self.browser.launch()
                await self._settle_in()
            case p.Push():
                await self.browser.push(self._board.origin, command.data)
            case _:
                assert_never(command)

    # --- one scenario -----------------------------------------------------------------

    async def _start(self, command: p.Start) -> p.Answer:
        if p.PROTOCOL_VERSION not in command.versions:
            return p.Answer(command.seq, refused=f"speaks only version {p.PROTOCOL_VERSION}")
        self._browser = self.browsers.get(serial=False)
        try:
            await self.browser.launch()
        except PlaywrightError as error:
            why = f"the browser does not start: {last_words(error.message)}"
            return p.Answer(command.seq, refused=why)
        known = p.Implementation(
            "chromium", self.browser.version, p.PROTOCOL_VERSION, CAPABILITIES, language="C++"
        )
        return p.Answer(command.seq, implementation=known)

    async def _begin_scenario(self, command: p.Begin) -> None:
        self._browser = self.browsers.get(serial=command.concurrency == 1)
        if not self.browser.running:
            await self.browser.launch()
        self._begin = command
        self._board.begin(command.origins["app"])
        self._listening = True
        await self._settle_in()

    async def _settle_in(self) -> None:
        """Page ``p1``, and what the profile does not remember."""
        assert self._begin is not None
        await self._open("p1")
        # Last: a registered worker counts as storage in use.
        quota = PLENTY if self._begin.quota is None else self._begin.quota
        await self.browser.set_quota(self._board.origin, quota)

    async def _end_scenario(self) -> None:
        """Abort, unregister, close, clear; where that is too slow, start from nothing."""
        self._listening = False
        if self._begin is None:
            return
        try:
            async with asyncio.timeout(LEAVE_DEADLINE):
                page = await self._any_page()
                await page.ask(b'{"command":"leave","seq":%d}' % OWN, OWN)
                for name in list(self.browser.pages):
                    await self.browser.close_page(name)
                await self.browser.clear(self._board.origin)
        except (TimeoutError, RealmGone, PlaywrightError):
            await self.browser.wipe()
        self._begin = None
        self._board.begin("")

    # --- realms -----------------------------------------------------------------------

    @property
    def browser(self) -> Chromium:
        """The one of the running scenario."""
        assert self._browser is not None
        return self._browser

    @property
    def _board(self) -> Switchboard:
        assert self._switchboard is not None
        return self._switchboard

    async def _tell(self, realm: Realm, command: p.AnyCommand) -> None:
        """The realm answers for itself."""
        await realm.ask(p.encode(command), command.seq)

    async def _realm(self, name: str) -> Realm:
        """A realm by name; a worker that sleeps is woken."""
        if name == p.WORKER and not self._board.lives(name):
            await (await self._any_page()).ask(b'{"command":"wake","seq":%d}' % OWN, OWN)
            return await self._board.arrival(name)
        return self._board.realm(name)

    async def _any_page(self) -> Realm:
        """Some living page, a new one where there is none.  Raises RealmGone."""
        name = self._board.page()
        if name is not None:
            return self._board.realm(name)
        if not self.browser.running:
            raise RealmGone("the browser is not running")
        return await self._open("helper")

    async def _open(self, name: str) -> Realm:
        assert self._begin is not None
        path = pages.page_path(name, self._board.port, self._begin.listen)
        await self.browser.open_page(name, self._board.origin + path)
        return await self._board.arrival(name)


def _lacking(command: p.Begin) -> str:
    """What this scenario needs and Chromium has not."""
    if command.permission != "granted":
        return f"no way to have the permission {command.permission}"
    if not command.online:
        return "no way to be offline"
    if command.concurrency not in (None, 1):
        return f"no way to have a concurrency of {command.concurrency}"
    return ""
