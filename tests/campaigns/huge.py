"""One body of more than 2 GiB through a kill: offsets beyond 31 bits, on a real file.

Each MiB begins with its own number, so that a piece in the wrong place is seen.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path

import trio

from tests.campaigns.origin import in_child
from tests.campaigns.trial import KillPoint, Trial
from tests.transfer_engine.server import Asked, Server, Turn

MIB = 1 << 20
MIBS = 2144
KILLED_AT = 2049 * MIB
FILL = bytes(range(256)) * (MIB // 256)


def block(number: int) -> bytes:
    """The nth MiB of the body."""
    return number.to_bytes(8, "big") + FILL[8:]


def whole() -> str:
    """The digest of the whole body."""
    hashed = hashlib.sha256()
    for number in range(MIBS):
        hashed.update(block(number))
    return hashed.hexdigest()


async def _huge(asked: Asked) -> None:
    first = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
    total = MIBS * MIB
    headers = {"content_length": str(total - first), "etag": '"v1"'}
    if "range" in asked.headers:
        headers["content_range"] = f"bytes {first}-{total - 1}/{total}"
    await asked.head(206 if "range" in asked.headers else 200, **headers)
    await asked.raw(block(first // MIB)[first % MIB :])
    for number in range(first // MIB + 1, MIBS):
        await asked.raw(block(number))


async def _serve(answer: int, record: Path) -> None:
    async with trio.open_nursery() as nursery:
        server = Server(nursery)
        server.on("/h/huge", _noted(record))
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, server.serve, listeners)
        os.write(answer, str(listeners[0].socket.getsockname()[1]).encode())


def _noted(record: Path) -> Turn:
    async def turn(asked: Asked) -> None:
        with record.open("a") as file:
            file.write(asked.headers.get("range", "") + "\n")
        await _huge(asked)

    return turn


def huge(directory: Path) -> dict[str, object]:
    """Kill it past 2 GiB; what was asked for then, and if it is whole."""
    record = directory / "ranges"
    ready, answer = os.pipe()
    child = os.fork()
    if child == 0:
        in_child(lambda: trio.run(_serve, answer, record))
    port = os.read(ready, 16).decode()
    trial = Trial(directory / "huge", "/h", f"http://127.0.0.1:{port}", gets=("huge",))
    trial.directory.mkdir(parents=True)
    began = time.monotonic()
    try:
        engine = os.fork()
        if engine == 0:
            in_child(lambda: trial.arm(True, None, 300))
        bodies = trial.directory / "store" / "bodies"
        while not any(p.stat().st_size > KILLED_AT for p in bodies.glob("b0*")):
            if os.waitpid(engine, os.WNOHANG)[0]:
                raise ChildProcessError("the engine has ended before it was killed")
            time.sleep(0.001)
        os.kill(engine, 9)
        os.waitpid(engine, 0)
        (body,) = [p for p in bodies.glob("b0*") if p.stat().st_size > MIB]
        with body.open("rb") as file:
            stored = os.fstat(file.fileno()).st_size
            right = all(
                file.read(MIB) == block(n)[: max(0, min(MIB, stored - n * MIB))]
                for n in range(stored // MIB + 1)
                if stored > n * MIB
            )
        engine = os.fork()
        if engine == 0:
            in_child(lambda: trial.arm(False, KillPoint("step", 10**9), 300))
        _, status = os.waitpid(engine, 0)
        asked = record.read_text().split("\n")[:-1]
        told = trial.said.read_text()
        return {
            "bytes": MIBS * MIB,
            "stored at the kill": stored,
            "prefix right": right,
            "asked": asked,
            "resumed exactly": asked == ["", f"bytes={stored}-"] and stored >= 1 << 31,
            "delivered whole": whole() in told and status == 0,
            "seconds": round(time.monotonic() - began, 1),
        }
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        shutil.rmtree(trial.directory)
