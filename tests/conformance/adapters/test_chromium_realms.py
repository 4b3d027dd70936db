"""The realms of a browser without the browser: names, eras, ends, and what cannot be done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from conformance import protocol as p
from conformance.adapters.chromium import pages
from conformance.adapters.chromium.driver import OWN, Browsers, Driver
from conformance.adapters.chromium.switchboard import RealmGone, Switchboard

ORIGIN = "http://localhost:1"


@attrs.define
class Board:
    """A switchboard, and what its sink heard."""

    board: Switchboard
    heard: list[p.AnyReply]

    async def join(self, name: str, origin: str = ORIGIN) -> tuple[ClientConnection, str]:
        """A realm's side, and the prefix that it was given."""
        client = await connect(
            f"ws://127.0.0.1:{self.board.port}/{name}", origin=cast(None, origin)
        )
        prefix: str = json.loads(await client.recv())["prefix"]
        await self.board.arrival(name)
        return client, prefix


@asynccontextmanager
async def switchboard() -> AsyncIterator[Board]:
    heard: list[p.AnyReply] = []
    async with Switchboard(heard.append) as board:
        board.begin(ORIGIN)
        yield Board(board, heard)


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await main()

    asyncio.run(bounded())


async def heard(it: Board, count: int) -> None:
    while len(it.heard) < count:  # noqa: ASYNC110 - a sink wakes nobody
        await asyncio.sleep(0.001)


def test_a_name_that_lives_again_gives_other_names() -> None:
    async def main() -> None:
        async with switchboard() as it:
            prefixes = []
            for name in ("p1", "worker", "p1", "worker"):
                client, prefix = await it.join(name)
                prefixes.append(prefix)
                await client.close()
                await it.board.departure(name)
            assert prefixes == ["p1.", "w1.", "p1-2.", "w2."]
            it.board.begin(ORIGIN)
            _, prefix = await it.join("p1")
            assert prefix == "p1."

    run(main)


def test_an_object_belongs_to_the_life_that_named_it() -> None:
    async def main() -> None:
        async with switchboard() as it:
            first, _ = await it.join("p1")
            assert it.board.owner("p1.i3").name == "p1"
            await first.close()
            await it.board.departure("p1")
            await it.join("p1")
            with pytest.raises(RealmGone):
                it.board.owner("p1.i3")
            assert it.board.owner("p1-2.i1").name == "p1"

    run(main)


def test_nobody_joins_from_another_origin() -> None:
    async def main() -> None:
        async with switchboard() as it:
            with pytest.raises(ConnectionClosed):
                await it.join("p1", "http://localhost:2")
            assert not it.board.lives("p1")

    run(main)


def test_a_page_is_not_the_worker() -> None:
    async def main() -> None:
        async with switchboard() as it:
            await it.join("worker")
            assert it.board.page() is None and it.board.lives("worker")
            await it.join("p2")
            assert it.board.page() == "p2"

    run(main)


def test_an_answer_is_told_before_who_asked_goes_on() -> None:
    async def main() -> None:
        async with switchboard() as it:
            client, _ = await it.join("p1")
            asking = asyncio.create_task(it.board.realm("p1").ask(b'{"command":"x"}', 7))
            assert await client.recv() == '{"command":"x"}'
            await client.send(p.encode(p.Answer(6)).decode())
            await heard(it, 1)
            assert not asking.done()
            await client.send(p.encode(p.Answer(7)).decode())
            await asking
            assert it.heard == [p.Answer(6), p.Answer(7)]

    run(main)


def test_who_waits_for_a_realm_that_goes_is_told() -> None:
    async def main() -> None:
        async with switchboard() as it:
            client, _ = await it.join("p1")
            asking = asyncio.create_task(it.board.realm("p1").ask(b"{}", 7))
            await client.recv()
            await client.close()
            with pytest.raises(RealmGone):
                await asking
            await it.board.departure()
            with pytest.raises(RealmGone):
                it.board.realm("p1")

    run(main)


def test_a_new_scenario_begins_without_realms() -> None:
    async def main() -> None:
        async with switchboard() as it:
            await it.join("p1")
            it.board.begin(ORIGIN)
            assert not it.board.lives("p1") and it.board.page() is None

    run(main)


def test_one_may_depart_while_others_stay() -> None:
    async def main() -> None:
        async with switchboard() as it:
            await it.join("worker")
            client, _ = await it.join("p1")
            await client.close()
            await it.board.departure("p1")
            assert it.board.lives("worker")

    run(main)


def test_what_a_former_scenario_still_says_is_not_heard() -> None:
    async def main() -> None:
        async with switchboard() as it:
            old, _ = await it.join("p1")
            it.board.begin(ORIGIN)
            new, _ = await it.join("p1")
            await old.send(p.encode(p.Log(text="old")).decode())
            await old.close()
            await old.wait_closed()
            await new.send(p.encode(p.Log(text="new")).decode())
            await heard(it, 1)
            assert it.heard == [p.Log(text="new")]
            assert it.board.lives("p1")  # the end of the old one is not that of the new

    run(main)


# --- pages ----------------------------------------------------------------------------


def test_a_page_knows_its_name_the_port_and_its_worker() -> None:
    path = pages.page_path("p 2", 99, ["backgroundfetchfail", "sync"])
    found = {key: one for key, (one,) in parse_qs(urlsplit(path).query).items()}
    assert path.startswith("/.bgfetch/page.html?")
    assert (found["realm"], found["port"], found["scope"]) == ("p 2", "99", "/.bgfetch/scope/")
    worker = urlsplit(found["worker"])
    asked = {key: one for key, (one,) in parse_qs(worker.query).items()}
    assert worker.path == "/.bgfetch/sw.js"
    assert asked == {"realm": "worker", "port": "99", "listen": "backgroundfetchfail,sync"}


def test_a_page_and_a_worker_are_the_same_script() -> None:
    kind, text = pages.answer("/.bgfetch/sw.js?realm=worker")
    assert (kind, text) == ("text/javascript", pages.harness())
    kind, text = pages.answer('/.bgfetch/page.html?realm="><b>')
    assert kind == "text/html" and pages.harness() in text
    assert '"><b>' not in text
    assert '<link rel="icon" href="data:,">' in text  # or the judge's server would be asked


# --- commands -------------------------------------------------------------------------


class NoBrowser:
    """Where a browser would be; nothing here starts one."""

    running = False


@attrs.define
class Driven:
    """A driver that has no browser, and what it wrote."""

    driver: Driver
    written: list[p.AnyReply]

    async def do(self, command: p.AnyCommand) -> p.AnyReply:
        await self.driver.obey(command)
        return self.written[-1]


@asynccontextmanager
async def driver() -> AsyncIterator[Driven]:
    written: list[p.AnyReply] = []
    made = Driver(cast(Browsers, None), written.append)
    made._browser = cast(None, NoBrowser())
    async with Switchboard(made.hear) as board:
        board.begin(ORIGIN)
        made.attach(board)
        yield Driven(made, written)


def begin(**more: object) -> p.Begin:
    fields: dict[str, object] = {"permission": "granted", "online": True, **more}
    return p.Begin("x", {"app": ORIGIN}, [], seq=4, **fields)  # type: ignore[arg-type]  # its own fields


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"permission": "prompt"}, "no way to have the permission prompt"),
        ({"online": False}, "no way to be offline"),
        ({"concurrency": 2}, "no way to have a concurrency of 2"),
    ],
)
def test_a_scenario_that_chromium_cannot_have_is_unsupported(
    more: dict[str, object], why: str
) -> None:
    async def main() -> None:
        async with driver() as it:
            assert await it.do(begin(**more)) == p.Answer(4, unsupported=why)

    run(main)


@pytest.mark.parametrize(
    "command",
    [
        p.User("pause", "f", seq=5),
        p.SetPermission("denied", seq=5),
        p.Online(online=False, seq=5),
        p.Advance(1.0, seq=5),
        p.Storage(seq=5),
        p.Busy("p1", busy=True, seq=5),
        p.Interface("f", seq=5),
        p.EndBody("c1", 0, seq=5),
        p.SyncRegister("c1", "p1", "t", "sync14", seq=5),
        p.BgCacheRegister("c1", "p1", "c", [], seq=5),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_no_browser_can_be_made_to_do_is_unsupported(command: p.AnyCommand) -> None:
    async def main() -> None:
        async with driver() as it:
            words = f"no way to do {type(command).__name__}"
            assert await it.do(command) == p.Answer(5, unsupported=words)

    run(main)


@pytest.mark.parametrize(
    "command",
    [
        p.Look("p1.i1", seq=5),
        p.Fetch("c1", "p1", "f", [], seq=5),
        p.Fetch("c1", "worker", "f", [], seq=5),
        p.Read("p1.r1", seq=5),
        p.EndEvent("w1.e1", seq=5),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_is_done_where_nobody_lives_is_refused(command: p.AnyCommand) -> None:
    async def main() -> None:
        async with driver() as it:
            answer = await it.do(command)
            assert isinstance(answer, p.Answer) and answer.seq == 5
            assert (answer.refused or "").startswith("no living realm: ")

    run(main)


def test_another_version_of_the_protocol_is_refused() -> None:
    async def main() -> None:
        async with driver() as it:
            answer = await it.do(p.Start(versions=[99], seq=1))
            assert answer == p.Answer(1, refused="speaks only version 1")

    run(main)


def test_nothing_is_told_between_two_scenarios_and_never_an_answer_to_itself() -> None:
    async def main() -> None:
        async with driver() as it:
            it.driver.hear(p.Log(text="too early"))
            it.driver._listening = True
            it.driver.hear(p.Answer(OWN))
            it.driver.hear(p.Answer(3))
            it.driver.hear(p.Log(text="now"))
            await it.driver._end_scenario()
            it.driver.hear(p.Log(text="too late"))
            assert it.written == [p.Answer(3), p.Log(text="now")]

    run(main)
