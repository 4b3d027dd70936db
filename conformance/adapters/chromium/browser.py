"""The browser process: started, quit, killed; its pages, permission and quota.

One profile directory holds the browser's storage.  ``quit`` and ``kill`` leave it
in place, so that ``launch`` is a restart; ``wipe`` makes a fresh one.

The flags.  Background Fetch lives in the full browser, not in the old headless
shell, hence ``--headless=new``.  By default a failed request is retried after 20
seconds and nothing at all is downloaded in the first 25: the two delays are
parameters of the browser's download service.  Pages that the adapter answers
itself count as coming from the public network, and may reach neither the
switchboard nor the judge's servers unless the checks for that are off.  (Of two
``--disable-features`` the last one counts, so Playwright's own list has no effect.)
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from pathlib import Path
from typing import TypedDict

import attrs
from playwright.async_api import BrowserContext, CDPSession, Page, Playwright, Route
from playwright.async_api import Error as PlaywrightError

from conformance.adapters.chromium import pages

DOWNLOADS = "DownloadService:retry_delay_ms/50/start_up_delay_ms/10/network_change_delay_ms/10"
ONE_AT_A_TIME = ",BackgroundFetch:max_running_downloads/1"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
)
START_DEADLINE = 45.0  # seconds a browser has to start
GONE_DEADLINE = 10.0  # seconds a browser has to go away
REMOVALS = 40  # attempts to remove a profile, 50 ms apart


def last_words(message: str) -> str:
    """What a browser that did not start said, or how it ended, out of Playwright's log of it."""
    first, *_ = message.splitlines()
    words = first.removeprefix("BrowserType.launch_persistent_context: ")
    for pattern in (r"<process did exit: (.*)>", r"\[pid=\d+\]\[err\] *(\S.*)"):
        for found in re.finditer(pattern, message):
            words = found.group(1)
    return words


@attrs.define(eq=False, slots=False)  # Playwright marks the owners of its handlers
class Chromium:
    """One browser on one profile; ``context`` is None while it is not running.

    ``serial``: its background fetches transfer one request at a time.
    """

    playwright: Playwright
    executable: str
    profile: Path
    serial: bool = False
    context: BrowserContext | None = None
    version: str = ""
    pages: dict[str, Page] = attrs.field(factory=dict)
    _control: CDPSession | None = None
    _keeper: CDPSession | None = None
    _workers: dict[str, str] = attrs.field(factory=dict)
    _process: int = 0

    @property
    def running(self) -> bool:
        """Whether it has been launched and not been quit, killed or lost."""
        return self.context is not None

    async def launch(self) -> None:
        """Start it on its profile.  Raises Playwright's Error when it does not start."""
        context = await self.playwright.chromium.launch_persistent_context(
            self.profile,
            executable_path=self.executable,
            args=[*FLAGS, f"--enable-features={DOWNLOADS}{ONE_AT_A_TIME if self.serial else ''}"],
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
            timeout=START_DEADLINE * 1000,
        )
        await context.route(pages.PATTERN, _fulfil)
        browser = context.browser
        assert browser is not None
        self.context, self.version = context, browser.version
        self._control = await browser.new_browser_cdp_session()
        # The blank first page stays open: it keeps the browser alive and holds overrides.
        self._keeper = await context.new_cdp_session(context.pages[0])
        self._keeper.on("ServiceWorker.workerRegistrationUpdated", self._note_workers)
        await self._keeper.send("ServiceWorker.enable")
        info = await self._control.send("SystemInfo.getProcessInfo")
        self._process = next(p["id"] for p in info["processInfo"] if p["type"] == "browser")

    async def open_page(self, name: str, url: str) -> None:
        """Open a page; it connects to the switchboard when its worker is active."""
        assert self.context is not None
        page = await self.context.new_page()
        self.pages[name] = page
        await page.goto(url, wait_until="commit")

    async def close_page(self, name: str) -> None:
        """Close a page."""
        await self.pages.pop(name).close()

    async def set_quota(self, origin: str, quota: int) -> None:
        """Give an origin so many bytes beyond what it uses now."""
        assert self._keeper is not None
        used = await self._keeper.send("Storage.getUsageAndQuota", {"origin": origin})
        await self._keeper.send(
            "Storage.overrideQuotaForOrigin",
            {"origin": origin, "quotaSize": used["usage"] + quota},
        )

    async def push(self, origin: str, data: str) -> None:
        """Deliver a push message to the origin's worker."""
        assert self._keeper is not None
        registration = self._workers[f"{origin}{pages.SCOPE}"]
        await self._keeper.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": origin, "registrationId": registration, "data": data},
        )

    async def clear(self, origin: str) -> None:
        """Throw away what an origin has stored."""
        assert self._keeper is not None
        await self._keeper.send(
            "Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"}
        )

    async def quit(self) -> None:
        """End it as a user would."""
        if self.context is None:
            return
        context = self._forget()
        try:
            async with asyncio.timeout(GONE_DEADLINE):
                await context.close()
        except (PlaywrightError, TimeoutError):
            _kill(self._process)

    async def kill(self) -> None:
        """End it with SIGKILL."""
        if self.context is None:
            return
        context = self._forget()
        _kill(self._process)
        async with asyncio.timeout(GONE_DEADLINE):
            while _lives(self._process):  # noqa: ASYNC110 - it is not our child: no event tells
                await asyncio.sleep(0.005)
        try:
            await context.close()
        except PlaywrightError:
            pass  # it is gone already, which is what was wanted

    async def wipe(self) -> None:
        """End it and throw its storage away; the next launch is on a fresh profile."""
        await self.kill()
        # The browser is gone, but its helpers may be writing their last.
        for _ in range(REMOVALS):
            shutil.rmtree(self.profile, ignore_errors=True)
            if not self.profile.exists():
                break
            await asyncio.sleep(0.05)

    def _note_workers(self, update: _RegistrationsUpdated) -> None:
        for registration in update["registrations"]:
            if not registration["isDeleted"]:
                self._workers[registration["scopeURL"]] = registration["registrationId"]

    def _forget(self) -> BrowserContext:
        assert self.context is not None
        context, self.context = self.context, None
        self._control = self._keeper = None
        self._workers.clear()
        self.pages.clear()
        return context


class _Registration(TypedDict):
    registrationId: str
    scopeURL: str
    isDeleted: bool


class _RegistrationsUpdated(TypedDict):
    registrations: list[_Registration]


async def _fulfil(route: Route) -> None:
    path = "/" + route.request.url.split("/", 3)[3]
    kind, text = pages.answer(path)
    await route.fulfill(status=200, content_type=kind, body=text)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _kill(process: int) -> None:
    """Kill the browser and, where it leads one, its whole process group."""
    try:
        if os.getpgid(process) == process:
            os.killpg(process, signal.SIGKILL)
        else:
            os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass
