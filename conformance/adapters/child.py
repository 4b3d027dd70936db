"""A child process with pipes, a process group of its own, and an end that leaves nothing.

Its standard error is drained by a thread, which lives as long as the pipe: the
trio run that reads the other pipes may come and go without it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Self

import attrs
import trio

CHUNK = 1 << 16  # bytes
STDERR_KEPT = 1 << 14  # bytes
STDERR_SHOWN = 600  # characters
PATIENCE = 5.0  # seconds to exit by itself, and again after SIGTERM
DRAIN_PATIENCE = 0.5  # seconds for the last words: a grandchild may hold the pipe for ever
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def _find_prctl() -> Callable[[int, int], int] | None:
    """Found before the fork: after it, nothing may be loaded."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        prctl: Callable[[int, int], int] = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return prctl


_PRCTL = _find_prctl()


def _end_with_parent() -> None:
    if _PRCTL is not None:
        _PRCTL(PR_SET_PDEATHSIG, signal.SIGTERM)


@attrs.define(eq=False)
class Child:
    """One child process."""

    process: subprocess.Popen[bytes]
    _stdin: trio.lowlevel.FdStream
    _stdout: trio.lowlevel.FdStream
    _stderr: bytearray = attrs.field(factory=bytearray)
    _drain: threading.Thread | None = None

    @classmethod
    def spawn(cls, argv: Sequence[str], environment: dict[str, str]) -> Self:
        """Start it.  Raises OSError.

        Not by trio, which forks in a worker thread: the parent whose death the child is
        told of is the thread that forked it, and trio's threads die when they are idle.
        """
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_end_with_parent,
            env={**os.environ, **environment},
            bufsize=0,
        )
        assert process.stdin is not None and process.stdout is not None
        child = cls(
            process,
            trio.lowlevel.FdStream(os.dup(process.stdin.fileno())),
            trio.lowlevel.FdStream(os.dup(process.stdout.fileno())),
        )
        process.stdin.close()
        process.stdout.close()
        child._drain = threading.Thread(target=child._keep_stderr, daemon=True)
        child._drain.start()
        return child

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self._over()

    def _keep_stderr(self) -> None:
        assert self.process.stderr is not None
        while data := self.process.stderr.read(CHUNK):
            self._stderr += data
            del self._stderr[:-STDERR_KEPT]
        self.process.stderr.close()

    async def write(self, data: bytes) -> None:
        """Write to its standard input.  Raises trio.BrokenResourceError when it is closed."""
        await self._stdin.send_all(data)

    async def read(self) -> bytes:
        """Some of its standard output; empty at the end."""
        return await self._stdout.receive_some(CHUNK)

    async def obituary(self) -> str:
        """How it ended (it has closed its output) and the last it said on standard error."""
        how = "closed its standard output"
        if await self._exits(PATIENCE):
            how = f"ended with {_how(self._fate())}"
            if self._drain is not None:
                self._drain.join(DRAIN_PATIENCE)
        last = self._stderr.decode(errors="backslashreplace").strip()[-STDERR_SHOWN:]
        return f"{how}; on standard error: {last}" if last else how

    async def end(self, farewell: bytes | None) -> str:
        """End it and its group: asked (with a last line), then told, then made to.

        Gives what was wrong with its end, where it was asked: "" if it obeyed.
        """
        before = self._over()
        if farewell is not None:
            with trio.move_on_after(PATIENCE):
                try:
                    await self._stdin.send_all(farewell)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    pass  # it is gone already
        await self._stdin.aclose()
        wrong = ""
        if farewell is not None:
            wrong = self._wrong(before, obeyed=await self._exits(PATIENCE))
        if not self._over():
            self._signal(signal.SIGTERM)
            await self._exits(PATIENCE)
        self._signal(signal.SIGKILL)  # whoever of the group is left
        await self._exits(PATIENCE)
        self.process.poll()
        await self._stdout.aclose()
        return wrong

    def _wrong(self, before: bool, *, obeyed: bool) -> str:
        """What was wrong with how it ended when it was asked to."""
        if not obeyed:
            return f"it had not ended {PATIENCE:g} s after it was asked to, and was killed"
        fate = self._fate()
        if before:
            return f"it ended with {_how(fate)} before it was asked to"
        well = fate is not None and (fate.si_code, fate.si_status) == (os.CLD_EXITED, 0)
        return "" if well else f"it ended with {_how(fate)} when it was asked to"

    def abandon(self) -> None:
        """Kill it and its group, when the trio run that talked with it is lost."""
        self._signal(signal.SIGKILL)
        self.process.wait()

    async def _exits(self, seconds: float) -> bool:
        """Whether it is over within this time; its number stays taken until it is reaped."""
        with trio.move_on_after(seconds):
            while not self._over():  # noqa: ASYNC110 - the system offers no event for an unreaped end
                await trio.sleep(0.005)
        return self._over()

    def _over(self) -> bool:
        return self.process.returncode is not None or self._fate() is not None

    def _fate(self) -> os.waitid_result | None:
        """How it ended, without reaping it: its number, and so its group's, stays taken."""
        try:
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self.process.pid, options)
        except ChildProcessError:
            return None

    def _signal(self, number: signal.Signals) -> None:
        if self.process.returncode is not None:
            return  # reaped: its number may be somebody else's by now
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass  # nobody is left


def _how(fate: os.waitid_result | None) -> str:
    if fate is None:
        return "an unknown fate"
    if fate.si_code == os.CLD_EXITED:
        return f"exit code {fate.si_status}"
    return f"signal {signal.Signals(fate.si_status).name}"
