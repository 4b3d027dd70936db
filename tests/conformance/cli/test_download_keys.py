"""``bgfetch download`` on a terminal: keys, Ctrl-C, bars, and the terminal as it was."""

from __future__ import annotations

import os
import pty
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio
import trio.testing

from conformance.cli.downloads.control import ask
from conformance.scenario.format import Attempt, Hold, Resource
from conformance.world.content import content
from tests.conformance.cli.downloading import BGFETCH, SECONDS, Served, serving, with_deadline
from transfer_engine import StoreUnusable

SIZE = 10_000
HELD = Resource(size=SIZE, attempts=[Attempt(send=[4000, Hold("never")]), Attempt()])


@attrs.define(eq=False)
class Terminal:
    """A process on a terminal of its own; ``shown`` is all that it wrote."""

    process: trio.Process
    fd: int
    store: Path
    shown: str = ""
    _news: trio.Event = attrs.field(factory=trio.Event)

    def press(self, key: str) -> None:
        os.write(self.fd, key.encode())

    async def until_shown(self, text: str) -> None:
        with trio.fail_after(SECONDS):
            while text not in self.shown:
                await self._news.wait()

    async def until_state(self, state: str, downloaded: int = 4000) -> None:
        """Until the process itself says so."""
        with trio.fail_after(SECONDS):
            while await trio.to_thread.run_sync(self._state) != (state, downloaded):
                await trio.lowlevel.checkpoint()

    def _state(self) -> tuple[object, object] | None:
        try:
            entries = ask(self.store, {"do": "jobs"})
        except StoreUnusable:
            return None
        return (entries[0]["state"], entries[0]["downloaded"]) if entries else None

    async def read(self) -> None:
        """Read all the time: a process on a terminal that nobody reads stands still."""
        while True:
            await trio.lowlevel.wait_readable(self.fd)
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return  # nobody has the other end any more
            self.shown += data.decode("utf-8", "replace")
            self._news.set()
            self._news = trio.Event()

    async def end(self) -> int:
        with trio.fail_after(SECONDS):
            code = await self.process.wait()
        await trio.testing.wait_all_tasks_blocked()  # what it wrote last is read
        return code


@asynccontextmanager
async def terminal(served: Served, folder: Path) -> AsyncIterator[Terminal]:
    """``bgfetch download /a`` on a terminal, with its controlling session."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = await trio.lowlevel.open_process(
        [BGFETCH, "download", f"{served.base}/a", "--allow-private"],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        # A session of its own, whose terminal this is: so that Ctrl-C reaches it.
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )
    try:
        async with trio.open_nursery() as nursery:
            shown = Terminal(process, ours, folder / ".bgfetch")
            nursery.start_soon(shown.read)
            yield shown
            nursery.cancel_scope.cancel()
        if process.returncode is not None:
            assert termios.tcgetattr(theirs)[3] == before[3], "the terminal is not as it was"
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
        os.close(ours)
        os.close(theirs)


def test_p_pauses_and_r_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served, terminal(served, tmp_path) as shown:
            await shown.until_state("downloading")
            await shown.until_shown("p pause, r resume, a abort")
            shown.press("p")
            await shown.until_state("paused")
            await shown.until_shown("paused")
            shown.press("r")
            assert await shown.end() == 0
            assert "a: downloaded" in shown.shown
            assert served.ranges() == ["", "bytes=4000-"]
        assert (tmp_path / "a").read_bytes() == content("/a", 1, 0, SIZE)

    with_deadline(main)


def test_a_aborts(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served, terminal(served, tmp_path) as shown:
            await shown.until_state("downloading")
            shown.press("a")
            assert await shown.end() == 1
            assert "/a: aborted" in shown.shown

    with_deadline(main)
    assert list(tmp_path.iterdir()) == []


def leaving_with(key: str, folder: Path) -> None:
    async def main() -> None:
        async with serving(a=HELD) as served:
            async with terminal(served, folder) as shown:
                await shown.until_state("downloading")
                shown.press(key)
                assert await shown.end() == 130
                assert "go on with: bgfetch download --resume" in shown.shown
            (left,) = ask(folder / ".bgfetch", {"do": "jobs"})
            assert (left["state"], left["downloaded"]) == ("stopped", 4000)

    with_deadline(main)


def test_q_leaves_and_keeps_what_has_come(tmp_path: Path) -> None:
    leaving_with("q", tmp_path)


def test_control_c_leaves_and_keeps_what_has_come(tmp_path: Path) -> None:
    leaving_with("\x03", tmp_path)
