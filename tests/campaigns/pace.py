"""How fast simulation is: jobs by a second of one core, and virtual seconds by a real one.

Virtual time passes for free where nothing happens, so its pace is that of the events in it.
The reference job packs its four fetches, with pauses, losses and redirects, into two virtual
seconds: it shows what an event costs.  ``evening`` is a household's: three films' worth of bytes
over a line of 64 KiB a second, which is lost now and then, with a server that is away for
minutes and a pause of an hour, at the default pace of checkpoints, retries and time limits.
It shows whether an engine that waits is left alone by its own timers.
"""

from __future__ import annotations

import time

import attrs
import trio

from tests.campaigns.ends import AnyStep
from tests.campaigns.machine import Machine
from tests.campaigns.seeded import seeded_scheduler
from tests.campaigns.story import APP, Story, play
from tests.transfer_engine.server import Asked, Server, Turn
from tests.transfer_engine.world import App, finished, until_downloaded
from transfer_engine import OPEN, EngineConfig, open_engine, simulated_seams

PIECE = 65536
FILM = bytes(range(256)) * (600 * 256)
LOST_AFTER = 150 * PIECE


def line(body: bytes, lost_after: int) -> Turn:
    """A range of the body at ``PIECE`` bytes a second; the line is lost after so many bytes."""

    async def turn(asked: Asked) -> None:
        first = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        headers = {"content_length": str(len(body) - first), "etag": '"v1"'}
        if "range" in asked.headers:
            headers["content_range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        await asked.head(206 if "range" in asked.headers else 200, **headers)
        for at in range(first, min(first + lost_after, len(body)), PIECE):
            await asked.raw(body[at : at + PIECE])
            await trio.sleep(1)

    return turn


@attrs.define
class Evening:
    """Virtual seconds in which bytes came, and in which nothing did; task steps in the hour."""

    busy: float = 0.0
    still: float = 0.0
    steps_in_the_pause: int = 0


async def evening(server: Server) -> Evening:
    """See above."""
    for name in ("/a", "/b", "/c"):
        server.on(name, line(FILM, LOST_AFTER))
    app = App(server)
    seams = simulated_seams(server.connect, app.journal, app.disk)
    config = EngineConfig(policy=OPEN, app_origin=APP, unavailability="network-loss")
    begun = trio.current_time()
    async with open_engine(config, seams) as engine:
        films = await engine.fetch("films", ["/a", "/b", "/c"])
        await until_downloaded(films, len(FILM))
        await engine.interface.pause("films")
        steps = AnyStep(0, lambda: None)
        trio.lowlevel.add_instrument(steps)
        await trio.sleep(3600)
        trio.lowlevel.remove_instrument(steps)
        server.refuse = True
        await engine.interface.resume("films")
        await trio.sleep(60)
        server.refuse = False
        assert await finished(films) == ("success", "")
    still = 3600 + 60
    return Evening(trio.current_time() - begun - still, still, steps.count)


@attrs.define
class Pace:
    """Per second of one core."""

    jobs: float
    virtual_seconds_of_the_reference_job: float
    virtual_seconds_of_an_evening: float
    virtual_seconds_while_bytes_come: float


def pace(stories: int = 50) -> Pace:
    """Measure; it takes a few seconds."""
    virtual, slow = 0.0, Evening()

    async def test(server: Server) -> None:
        nonlocal virtual
        start = trio.current_time()
        await Story(Machine("kill"), server).life(fresh=True)
        virtual += trio.current_time() - start

    async def wait(server: Server) -> None:
        nonlocal slow
        slow = await evening(server)

    begun = time.process_time()
    for seed in range(stories):
        with seeded_scheduler(seed):
            play(test)
    jobs = time.process_time() - begun
    begun = time.process_time()
    with seeded_scheduler(0):
        play(wait)
    took = time.process_time() - begun
    return Pace(
        round(4 * stories / jobs, 1),
        round(virtual / jobs, 1),
        round((slow.busy + slow.still) / took, 1),
        round(slow.busy / took, 1),
    )
