"""Single keys from a terminal, without Enter, and the terminal as it was afterwards."""

from __future__ import annotations

import os
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import trio


def available() -> bool:
    """Whether standard input is a terminal and ours: a background job must not touch it."""
    try:
        fd = sys.stdin.fileno()
        return os.isatty(fd) and os.tcgetpgrp(fd) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False


@contextmanager
def single_keys(wanted: bool) -> Iterator[None]:
    """Let keys come one by one; Ctrl-C stays what it is."""
    if not wanted:
        yield
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


async def pressed() -> AsyncIterator[str]:
    """Each key; ends when the terminal has gone."""
    fd = sys.stdin.fileno()
    while True:
        await trio.lowlevel.wait_readable(fd)
        try:
            data = os.read(fd, 64)
        except OSError:
            return
        if not data:
            return
        for key in data.decode("ascii", "replace"):
            yield key
