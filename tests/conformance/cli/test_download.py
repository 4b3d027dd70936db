"""``bgfetch download``: over real sockets and a real disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from conformance.cli.download import STORE, Item, fetch_all, plan
from conformance.cli.root import run
from conformance.scenario.format import Attempt, Hold, Resource, World
from conformance.trace import AnyServerEntry, ServerRequest
from conformance.world.content import content
from conformance.world.network import open_network
from conformance.world.scripted import ScriptedWorld
from conformance.world.server import ScriptedServer
from transfer_engine import RetryPolicy

SIZE = 10_000
QUICK = {"retry": RetryPolicy(first=0.01)}


@attrs.frozen
class Served:
    """A running server: its base URL, its log, its gates."""

    base: str
    log: list[AnyServerEntry]
    world: ScriptedWorld

    def ranges(self) -> list[str]:
        """The Range value of each request."""
        asked = [one for one in self.log if isinstance(one, ServerRequest)]
        return [one.headers.get("range", "") for one in asked]


@asynccontextmanager
async def serving(**resources: Resource) -> AsyncIterator[Served]:
    """Serve ``/name`` for each keyword."""
    network = await open_network("loopback", ["app"])
    log: list[AnyServerEntry] = []
    world = World(resources={f"/{name}": one for name, one in resources.items()})
    scripted = ScriptedWorld(world, network.origins, log.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(network.serve, ScriptedServer(scripted).serve)
        yield Served(network.origins["app"], log, scripted)
        nursery.cancel_scope.cancel()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def items(served: Served, folder: Path, *names: str) -> list[Item]:
    return plan([f"{served.base}/{name}" for name in names], folder)


def test_a_connection_that_breaks_is_continued_where_it_broke(tmp_path: Path) -> None:
    async def main() -> None:
        broken = Resource(size=SIZE, attempts=[Attempt(send=[4000], then="reset"), Attempt()])
        async with serving(a=broken) as served:
            (item,) = wanted = items(served, tmp_path, "a")
            await fetch_all(wanted, tmp_path, config=QUICK)
            assert item.outcome == "downloaded"
            assert (tmp_path / "a").read_bytes() == content("/a", 1, 0, SIZE)
            assert len(served.ranges()) == 2

    trio.run(main)


def test_an_interrupted_download_goes_on_with_what_it_has(tmp_path: Path) -> None:
    async def main() -> None:
        held = Resource(size=SIZE, attempts=[Attempt(send=[4000, Hold("never")]), Attempt()])
        async with serving(a=held) as served:
            wanted = items(served, tmp_path, "a")

            def stop_at_4000(item: Item) -> None:
                if item.downloaded == 4000:
                    scope.cancel()

            with trio.CancelScope() as scope:
                await fetch_all(wanted, tmp_path, progress=stop_at_4000)
            assert names(tmp_path) == [STORE]
            await fetch_all(items(served, tmp_path, "a"), tmp_path)
            assert (tmp_path / "a").read_bytes() == content("/a", 1, 0, SIZE)
            assert served.ranges() == ["", "bytes=4000-"]
        assert names(tmp_path) == ["a"]

    trio.run(main)


def test_a_missing_file_does_not_fail_the_others(tmp_path: Path) -> None:
    async def main() -> None:
        async with serving(a=Resource(size=SIZE)) as served:
            a, b = wanted = items(served, tmp_path, "a", "b")
            await fetch_all(wanted, tmp_path)
        assert (a.outcome, b.outcome) == ("downloaded", "the server answered 404 Not Found")
        assert (tmp_path / "a").exists()
        assert not (tmp_path / "b").exists()

    trio.run(main)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "a").write_text("mine")
        async with serving(a=Resource(size=SIZE)) as served:
            (item,) = wanted = items(served, tmp_path, "a")
            await fetch_all(wanted, tmp_path)
            assert served.log == []
        assert item.outcome == "already there"
        assert (tmp_path / "a").read_text() == "mine"

    trio.run(main)


@pytest.mark.parametrize(
    ("urls", "wanted"),
    [
        (["http://h/a/b.iso", "http://h/c/b.iso"], ["b.iso", "b.iso-2"]),
        (["http://h/a", "http://h/a"], ["a"]),
        (["http://h/"], ["h"]),
        (["http://h/%2e%2e%2f.ssh"], ["_.ssh"]),
        (["http://h/..%2f..%2fetc"], ["_.._etc"]),
        (["http://h/.."], ["h"]),
        (["http://h/x?y=/z"], ["x"]),
    ],
)
def test_names_stay_in_the_folder(urls: list[str], wanted: list[str], tmp_path: Path) -> None:
    planned = plan(urls, tmp_path)
    assert [item.path.name for item in planned] == wanted
    assert all(item.path.parent == tmp_path for item in planned)


def test_what_is_no_url_is_a_usage_error() -> None:
    assert run(["download", "ftp://h/a"]) == 64
    assert run(["download", "a"]) == 64


def test_a_folder_that_cannot_be_made_ends_with_78(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert run(["download", "http://localhost/a", "--dir", str(tmp_path / "file" / "x")]) == 78
