"""The library clients of the benchmark, each run in a process of its own.

    python -m tests.bench.transfer_child CLIENT JSON

prints one line of JSON: ``seconds`` of the job itself, without the interpreter's start,
and what else the row wants.  The commands that they are compared with have no such start.
"""

from __future__ import annotations

import json
import os
import random
import re
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio

from transfer_engine import (
    OPEN,
    BackgroundFetchEvent,
    Engine,
    EngineConfig,
    NotOffered,
    Registration,
    Request,
    open_engine,
)

Given = dict[str, Any]  # what the parent wrote as JSON
PIECE = 1 << 20


def _config(
    given: Given, handler: Callable[[BackgroundFetchEvent], Awaitable[None]]
) -> EngineConfig:
    names = ("success", "fail", "abort")
    tls = ssl.create_default_context(cafile=given["pem"]) if "pem" in given else None
    return EngineConfig(
        app_origin=given["origin"],
        directory=Path(given["directory"]),
        policy=OPEN,
        durability=given.get("durability", "kill"),
        permission=given.get("permission", "granted"),
        ssl_context=tls,
        handlers={f"backgroundfetch{name}": handler for name in names},
    )


def _say(**what: object) -> None:
    print(json.dumps(what | {"rss": _most_resident()}), flush=True)


def _most_resident() -> float:
    """MiB of this program; ``ru_maxrss`` would be those of its parent if they were more."""
    status = Path("/proc/self/status").read_text("ascii")
    found = re.search(r"^VmHWM:\s*([0-9]+) kB$", status, re.MULTILINE)
    assert found is not None  # Linux says so of every process
    return int(found[1]) / 1024


async def engine_fetch(given: Given) -> None:
    """Download all paths as one job; ``accept`` measures registration apart."""
    done = trio.Event()
    ended: dict[str, float] = {}

    async def settled(event: BackgroundFetchEvent) -> None:
        ended["at"] = time.perf_counter()
        ended["bytes"] = event.registration.downloaded
        assert event.registration.result == "success", event.registration.failure_reason
        done.set()
        await trio.lowlevel.checkpoint()

    async with open_engine(_config(given, settled)) as engine:
        start = time.perf_counter()
        await engine.fetch("job", given["paths"])
        registered = time.perf_counter() - start
        if given.get("permission") == "prompt":
            await engine.interface.accept("job")
        await done.wait()
        _say(seconds=ended["at"] - start, registered=registered, bytes=ended["bytes"])


async def engine_put(given: Given) -> None:
    """Store a file as a request body, then send it; the sending is what is measured."""
    done = trio.Event()
    ended: dict[str, float] = {}

    async def settled(event: BackgroundFetchEvent) -> None:
        ended["at"] = time.perf_counter()
        assert event.registration.result == "success", event.registration.failure_reason
        done.set()
        await trio.lowlevel.checkpoint()

    async def pieces() -> AsyncIterator[bytes]:
        with Path(given["file"]).open("rb") as file:  # noqa: ASYNC230 - nobody else waits here
            while piece := file.read(PIECE):
                await trio.lowlevel.checkpoint()
                yield piece

    async with open_engine(_config(given, settled)) as engine:
        begun = time.perf_counter()
        await engine.fetch("job", Request(given["path"], method="PUT", body=pieces()))
        start = time.perf_counter()
        await done.wait()
        _say(seconds=ended["at"] - start, stored=start - begun)


async def engine_pauses(given: Given) -> None:
    """Pause at full speed, again and again: milliseconds from the call to the last byte."""
    samples: list[float] = []
    last = 0.0
    chance = random.Random(given["seed"])

    async def settled(event: BackgroundFetchEvent) -> None:
        await trio.lowlevel.checkpoint()

    def grew(_: Registration) -> None:
        nonlocal last
        last = time.perf_counter()

    async def once(engine: Engine, registration: Registration) -> None:
        before = registration.downloaded
        while registration.downloaded == before and not registration.result:  # noqa: ASYNC110
            await trio.sleep(0.001)  # a stopwatch polls
        await trio.sleep(chance.uniform(0, 0.02))
        if registration.result:
            return
        called = time.perf_counter()
        with suppress(NotOffered):
            await engine.interface.pause(registration.id)
        await trio.sleep(0.1)
        samples.append(max(0.0, last - called) * 1000)
        with suppress(NotOffered):  # it had all its bytes when the pause came
            await engine.interface.resume(registration.id)

    async with open_engine(_config(given, settled)) as engine:
        number, until = 0, time.perf_counter() + given["most"]
        while len(samples) < given["samples"] and time.perf_counter() < until:
            number += 1
            registration = await engine.fetch(f"job{number}", given["paths"])
            registration.on_progress(grew)
            while not registration.result and len(samples) < given["samples"]:
                if time.perf_counter() > until:
                    break
                await once(engine, registration)
            if not registration.result:
                await registration.abort()
    _say(seconds=0.0, milliseconds=samples)


async def engine_until_killed(given: Given) -> None:
    """Download and say how far it is, until somebody kills this process."""

    async def settled(event: BackgroundFetchEvent) -> None:
        await trio.lowlevel.checkpoint()

    async with open_engine(_config(given, settled)) as engine:
        registration = await engine.fetch("job", given["paths"])
        registration.on_progress(lambda shown: _say(downloaded=shown.downloaded))
        await trio.sleep_forever()


async def engine_resumes(given: Given) -> None:
    """Open what a killed process left: the bytes that will not be asked for again."""

    async def settled(event: BackgroundFetchEvent) -> None:
        await trio.lowlevel.checkpoint()

    async with open_engine(_config(given, settled)) as engine:
        registration = await engine.get("job")
        _say(seconds=0.0, kept=-1 if registration is None else registration.downloaded)
        await trio.lowlevel.checkpoint()


async def httpx_fetch(given: Given) -> None:
    """The same files with httpx: 16 at a time, streamed to files, no promises."""
    import httpx  # of the extra ``bench``

    verify: ssl.SSLContext | bool = True
    if "pem" in given:
        verify = ssl.create_default_context(cafile=given["pem"])
    directory = Path(given["directory"])
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nobody else waits here
    limit = trio.CapacityLimiter(16)

    async def one(client: httpx.AsyncClient, path: str, number: int) -> None:
        async with limit, client.stream("GET", given["origin"] + path) as response:
            response.raise_for_status()
            with (directory / str(number)).open("wb") as out:
                async for chunk in response.aiter_raw(PIECE):
                    out.write(chunk)

    start = time.perf_counter()
    async with (
        httpx.AsyncClient(verify=verify, trust_env=False, timeout=60) as client,
        trio.open_nursery() as nursery,
    ):
        for number, path in enumerate(given["paths"]):
            nursery.start_soon(one, client, path, number)
    _say(seconds=time.perf_counter() - start)


CLIENTS: dict[str, Callable[[Given], Awaitable[None]]] = {
    "engine": engine_fetch,
    "engine-put": engine_put,
    "engine-pauses": engine_pauses,
    "engine-until-killed": engine_until_killed,
    "engine-resumes": engine_resumes,
    "httpx": httpx_fetch,
}

if __name__ == "__main__":
    os.environ.pop("http_proxy", None)
    trio.run(CLIENTS[sys.argv[1]], json.loads(sys.argv[2]))
