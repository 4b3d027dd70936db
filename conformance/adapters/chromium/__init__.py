"""Chromium as an implementation: a child process that drives a browser.

This module is what the judge's process needs; the rest of the package runs in the
child (``python -m conformance.adapters.chromium``) and is the only part that
needs Playwright.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import attrs
import trio

import conformance
from conformance.adapter import CannotStart, Sink, Surroundings
from conformance.adapters.stdio import StdioAdapter, StdioFactory

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable")
VARIABLE = "BGFETCH_CHROMIUM"
REMEDY = f"install Debian's chromium or Google Chrome, or set ${VARIABLE} to its executable"
REMOVAL = 5.0  # seconds to remove the profiles
PACKAGES = ("playwright", "websockets")


def find_browser() -> str | None:
    """The executable: ``$BGFETCH_CHROMIUM``, else the first known name on the path."""
    chosen = os.environ.get(VARIABLE)
    names = (chosen,) if chosen else BROWSERS
    return next((found for name in names if (found := shutil.which(name))), None)


def why_not() -> str | None:
    """Why Chromium cannot be judged here, or None."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        return f"the Python packages {' and '.join(missing)} are not installed"
    if find_browser() is None:
        return f"no executable {os.environ.get(VARIABLE) or ', '.join(BROWSERS)} was found"
    return None


@attrs.define(eq=False)
class ChromiumFactory:
    """``chromium``: a real browser on the judge's loopback servers."""

    name: str = "chromium"
    network: Literal["loopback", "memory", "none"] = "loopback"
    _kept: StdioFactory | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Inside of it the browser is kept between scenarios."""
        async with _child(self.name) as self._kept:
            try:
                async with self._kept.session():
                    yield
            finally:
                self._kept = None

    @asynccontextmanager
    async def open(self, sink: Sink, surroundings: Surroundings) -> AsyncIterator[StdioAdapter]:
        """Raises CannotStart, and what StdioFactory.open() raises."""
        if (why := why_not()) is not None:
            remedy = REMEDY if "executable" in why else "pip install 'bgfetch-spec[browser]'"
            raise CannotStart(self.name, why, remedy)
        if self._kept is not None:
            async with self._kept.open(sink, surroundings) as adapter:
                yield adapter
        else:
            async with _child(self.name) as factory:
                async with factory.open(sink, surroundings) as adapter:
                    yield adapter


@asynccontextmanager
async def _child(name: str) -> AsyncIterator[StdioFactory]:
    """The child's factory; its profiles are removed in the end, even if the child was killed.

    The directory is named here and made by the child, which removes it too: whichever of
    the two outlives the other leaves nothing behind.
    """
    profiles = Path(tempfile.gettempdir()) / f"bgfetch-chromium-{secrets.token_hex(8)}"
    module = "conformance.adapters.chromium"
    argv = (sys.executable, "-m", module, find_browser() or "chromium", str(profiles))
    # The child finds this package where we found it, installed or not.
    path = [str(Path(conformance.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, path))}
    try:
        yield StdioFactory(name, argv, environment=environment, remedy=REMEDY)
    finally:
        with trio.move_on_after(REMOVAL, shield=True):
            while profiles.exists():  # a browser whose child was killed takes a moment to end
                shutil.rmtree(profiles, ignore_errors=True)
                await trio.sleep(0.05)
