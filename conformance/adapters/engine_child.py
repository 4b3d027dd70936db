"""The engine as a process of its own, which speaks the protocol on its standard streams.

    python -m conformance.adapters.engine_child [DIRECTORY [STEM [MODULE:FUNCTION]]]

``DIRECTORY`` keeps everything from process to process; without it each scenario has a
temporary one, and a kill is played within the process.  ``STEM`` begins the names that
this process gives.  The function is a ``Wrap``.  The process ends with its input or with
``stop``, with exit code 0.

Observations are written at once and block until they are: nothing that happened is
lost by a kill except what had not happened yet.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import trio

import conformance.protocol as p
from conformance.adapters.engine_session import Wrap, open_session
from conformance.adapters.engine_store import DirectoryGround, implementation, wrap_at

CHUNK = 65536


def _say(message: p.AnyReply) -> None:
    sys.stdout.buffer.write(p.encode(message))
    sys.stdout.buffer.flush()


async def _lines() -> AsyncIterator[bytes]:
    buffer = b""
    async with trio.lowlevel.FdStream(sys.stdin.fileno()) as stream:
        while data := await stream.receive_some(CHUNK):
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                yield line


async def serve(directory: Path, stem: str, wrap: Wrap | None, *, fresh: bool) -> None:
    """Obey until the input ends or says stop.  ``fresh``: each scenario in a directory of its own.

    Otherwise ``directory`` is the one scenario's, and may hold what a killed process left.
    """
    ground, who = DirectoryGround(directory), implementation("engine")
    async with open_session(_say, ground, who, wrap=wrap, stem=stem) as session:
        async for line in _lines():
            command = p.decode_command(line)
            if isinstance(command, p.Begin) and fresh:
                session.ground = DirectoryGround(Path(tempfile.mkdtemp(dir=directory)))
            _say(await session.send(command))
            if isinstance(command, p.Stop):
                return


def main(arguments: list[str]) -> None:
    """See above."""
    directory, stem, wrap = (*arguments, "", "", "")[:3]
    broken = wrap_at(wrap) if wrap else None
    if directory:
        # No temporary directory here: a process that is killed could not remove it.
        trio.run(partial(serve, Path(directory), stem, broken, fresh=False))
        return
    with tempfile.TemporaryDirectory(prefix="bgfetch-") as temporary:
        trio.run(partial(serve, Path(temporary), stem, broken, fresh=True))


if __name__ == "__main__":
    main(sys.argv[1:])
