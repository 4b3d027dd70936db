"""``python -m conformance.adapters.chromium [BROWSER [PROFILES]]``: Chromium on the protocol.

``BROWSER`` is its executable; ``PROFILES`` a directory that is made, and removed in the end.

Commands come on standard input, answers and observations leave on standard
output.  The end of input, SIGTERM and SIGINT all mean the same: leave no browser
and no profile behind.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright

from conformance.adapters.chromium import BROWSERS, find_browser
from conformance.adapters.chromium.driver import Browsers, Driver
from conformance.adapters.chromium.switchboard import Switchboard
from conformance.protocol import AnyReply, Stop, decode_command, encode

LINE_LIMIT = 1 << 20  # bytes


def write(reply: AnyReply) -> None:
    """One line to the judge."""
    sys.stdout.buffer.write(encode(reply))
    sys.stdout.buffer.flush()


async def converse(driver: Driver, commands: asyncio.StreamReader) -> None:
    """Obey until told to stop or until there is nobody left to tell."""
    queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def obey() -> None:
        while True:
            command = decode_command(await queue.get())
            await driver.obey(command)
            if isinstance(command, Stop):
                return

    obeying = asyncio.create_task(obey())

    async def read() -> None:
        while line := await commands.readline():
            queue.put_nowait(line)
        obeying.cancel()  # the judge is gone: whatever is being done, nobody waits for it

    reading = asyncio.create_task(read())
    try:
        await obeying
    except asyncio.CancelledError:
        pass
    finally:
        reading.cancel()


async def main() -> None:
    """One session."""
    executable = sys.argv[1] if len(sys.argv) > 1 else find_browser() or BROWSERS[0]
    place = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="bgfetch-chromium-"))
    os.environ.setdefault("PW_EXPERIMENTAL_SERVICE_WORKER_NETWORK_EVENTS", "1")
    commands = asyncio.StreamReader(limit=LINE_LIMIT)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, commands.feed_eof)
    async with async_playwright() as playwright:
        # A former child's browser may still be dying on its own profile.
        browsers = Browsers(playwright, executable, place / str(os.getpid()))
        driver = Driver(browsers, write)
        try:
            async with Switchboard(driver.hear) as switchboard:
                driver.attach(switchboard)
                await converse(driver, commands)
        finally:
            await browsers.dispose()


asyncio.run(main())
