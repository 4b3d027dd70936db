"""The Chromium adapter on a real browser, and what it says where there is none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import attrs
import pytest
import trio

from conformance import protocol as p
from conformance.adapter import CannotStart, EndedBadly, Surroundings
from conformance.adapters import chromium
from conformance.adapters.chromium import ChromiumFactory
from conformance.adapters.chromium.browser import last_words
from conformance.adapters.stdio import StdioAdapter
from conformance.scenario.format import World
from conformance.world.scripted import ScriptedWorld

SURROUNDINGS = Surroundings(ScriptedWorld(World(), {"app": "http://app.test"}, lambda entry: None))
EVENTS = [f"backgroundfetch{kind}" for kind in ("success", "fail", "abort", "click")]
T = TypeVar("T", bound=p.Observation)

browser = pytest.mark.browser
needs_browser = pytest.mark.skipif(
    chromium.why_not() is not None, reason=f"{chromium.why_not()}: {chromium.REMEDY}"
)


@attrs.define(eq=False)
class Server:
    """Answers ``/N`` with N bytes, ``/missing`` with 404; ``/held`` only when ``go`` is set."""

    port: int = 0
    requests: list[str] = attrs.field(factory=list)
    go: trio.Event = attrs.field(factory=trio.Event)

    async def serve(self, stream: trio.SocketStream) -> None:
        head = b""
        try:
            while data := await stream.receive_some(4096):
                head += data
                while (end := head.find(b"\r\n\r\n")) >= 0:
                    path, head = head.split(b" ", 2)[1].decode(), head[end + 4 :]
                    await self.answer(stream, path)
        except trio.BrokenResourceError:
            pass  # the browser was killed

    async def answer(self, stream: trio.SocketStream, path: str) -> None:
        self.requests.append(path)
        if path == "/held":
            await self.go.wait()
        body = b"z" * (int(path[1:]) if path[1:].isdigit() else 5)
        status = b"404 Not Found" if path == "/missing" else b"200 OK"
        head = b"HTTP/1.1 %s\r\nContent-Type: a/b\r\nContent-Length: %d\r\n\r\n"
        await stream.send_all(head % (status, len(body)) + body)


@attrs.define(eq=False)
class Scenario:
    """One scenario's hands and eyes."""

    adapter: StdioAdapter
    server: Server
    seen: list[p.AnyObservation]
    changed: Callable[[], Awaitable[None]]
    calls: int = 0

    @property
    def app(self) -> str:
        return f"http://localhost:{self.server.port}"

    def all(self, kind: type[T]) -> list[T]:
        return [one for one in self.seen if isinstance(one, kind)]

    async def see(self, kind: type[T], met: Callable[[T], bool] = lambda one: True) -> T:
        with trio.fail_after(20):
            while not (found := [one for one in self.all(kind) if met(one)]):
                await self.changed()
        return found[0]

    async def settled(self, make: Callable[[str], p.AnyCommand]) -> p.Settled:
        self.calls += 1
        name = f"c{self.calls}"
        answer = await self.adapter.send(make(name))
        assert answer == p.Answer(0)
        return await self.see(p.Settled, lambda one: one.call == name)

    async def fetch(self, id: str, *paths: str) -> p.Settled:
        requests = [p.RequestInit(self.app + path) for path in paths]
        return await self.settled(lambda call: p.Fetch(call, "p1", id, requests))

    async def read(self, instance: str) -> dict[str, p.Body]:
        """Path to body of every record."""
        found = await self.settled(lambda call: p.MatchAll(call, instance))
        bodies = {}
        for info in found.records or []:
            await self.adapter.send(p.Read(info.record))
            path = info.url.removeprefix(self.app)
            bodies[path] = await self.see(p.Body, _of_record(info.record))
        return bodies


def _of_record(record: str) -> Callable[[p.Body], bool]:
    return lambda one: one.record == record


@asynccontextmanager
async def scenario(
    it: ChromiumFactory, quota: int | None = None, concurrency: int | None = None
) -> AsyncIterator[Scenario]:
    server, event = Server(), trio.Event()
    seen: list[p.AnyObservation] = []

    def sink(observation: p.AnyObservation) -> None:
        nonlocal event
        seen.append(observation)
        event.set()
        event = trio.Event()

    async def changed() -> None:
        await event.wait()

    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        async with it.open(sink, SURROUNDINGS) as adapter:
            one = Scenario(adapter, server, seen, changed)
            begin = p.Begin("x", {"app": one.app}, EVENTS, quota=quota, concurrency=concurrency)
            assert await adapter.send(begin) == p.Answer(0)
            yield one
            assert await adapter.send(p.End()) == p.Answer(0)
        nursery.cancel_scope.cancel()


def leftovers() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("bgfetch-chromium-*")}


def processes(profiles: str) -> list[str]:
    """The command lines that name these profiles."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_text().replace("\0", " ")
        except OSError:
            continue  # it has just ended
        if profiles in words:
            found.append(words)
    return found


async def until(met: Callable[[], bool]) -> None:
    with trio.fail_after(20):
        while not met():  # noqa: ASYNC110 - what other processes do wakes nobody here
            await trio.sleep(0.02)


async def gone(profiles: str) -> None:
    await until(lambda: not processes(profiles))


@browser
@needs_browser
def test_scenarios_of_one_session_share_a_browser_and_nothing_else() -> None:
    async def main() -> None:
        it = ChromiumFactory()
        async with it.session():
            for _ in range(2):
                async with scenario(it) as one:
                    ids = await one.settled(lambda call: p.GetIds(call, "p1"))
                    assert ids.strings == []
                    await one.fetch("f", "/16", "/70000", "/missing")
                    event = await one.see(p.WorkerEvent)
                    assert (event.name, event.can_update_ui) == ("backgroundfetchfail", True)
                    assert event.snapshot is not None and event.instance is not None
                    assert event.snapshot.failure_reason == "bad-status"
                    bodies = await one.read(event.instance)
                    assert bodies["/16"].text == "z" * 16
                    assert bodies["/70000"].text is None
                    assert bodies["/70000"].sha256 is not None
                    assert [one.length for one in bodies.values()].count(0) == 1
                    assert one.server.requests.count("/16") == 1
                    assert not [path for path in one.server.requests if "bgfetch" in path]

    trio.run(main)


@browser
@needs_browser
def test_names_follow_identity_and_pages_are_realms_of_their_own() -> None:
    async def main() -> None:
        async with scenario(ChromiumFactory()) as one:
            first = await one.fetch("f", "/held")
            assert first.instance is not None
            await one.adapter.send(p.OpenPage("p2"))
            again = await one.settled(lambda call: p.Get(call, "p1", "f"))
            there = await one.settled(lambda call: p.Get(call, "p2", "f"))
            assert len({first.instance, again.instance, there.instance}) == 3
            aborted = await one.settled(lambda call: p.Abort(call, there.instance or ""))
            assert aborted.boolean is True
            event = await one.see(p.WorkerEvent)
            assert (event.name, event.can_update_ui) == ("backgroundfetchabort", False)
            await one.see(p.Progress, lambda seen: seen.instance == first.instance)
            looked = await one.adapter.send(p.Look(first.instance))
            assert looked.snapshot is not None
            assert looked.snapshot.failure_reason == "aborted"
            assert await one.adapter.send(p.EndEvent(event.event)) == p.Answer(0)
            assert await one.adapter.send(p.ClosePage("p2")) == p.Answer(0)
            refused = await one.adapter.send(p.Look(there.instance or ""))
            assert refused.refused is not None

    trio.run(main)


@browser
@needs_browser
def test_a_killed_browser_goes_on_where_it_was_and_only_one_record_is_fetched_at_a_time() -> None:
    async def main() -> None:
        async with scenario(ChromiumFactory(), concurrency=1) as one:
            await one.fetch("f", "/held", "/16")
            await until(lambda: bool(one.server.requests))
            assert await one.adapter.send(p.Quit(kill=True)) == p.Answer(0)
            assert one.server.requests == ["/held"]
            assert await one.adapter.send(p.Launch()) == p.Answer(0)
            again = await one.settled(lambda call: p.Get(call, "p1", "f"))
            assert again.instance is not None
            assert again.instance != "p1.i1"
            one.server.go.set()
            event = await one.see(p.WorkerEvent)
            assert event.name == "backgroundfetchsuccess"

    trio.run(main)


@browser
@needs_browser
def test_a_quota_is_felt() -> None:
    async def main() -> None:
        async with scenario(ChromiumFactory(), quota=50_000) as one:
            await one.fetch("f", "/100000")
            event = await one.see(p.WorkerEvent)
            assert event.snapshot is not None
            assert event.snapshot.failure_reason == "quota-exceeded"
            refused = await one.adapter.send(p.User("pause", "f"))
            assert refused.unsupported is not None

    trio.run(main)


@browser
@needs_browser
def test_nothing_is_left_of_a_session_even_if_its_child_was_killed() -> None:
    async def main() -> None:
        before = leftovers()
        it = ChromiumFactory()
        with pytest.raises(EndedBadly, match="SIGKILL"):
            async with it.session():
                async with scenario(it) as one:
                    (place,) = leftovers() - before
                    assert processes(place)
                    await one.fetch("f", "/held")
                assert it._kept is not None and it._kept._talk is not None
                child = it._kept._talk.child
                os.killpg(child.process.pid, signal.SIGKILL)
                await until(lambda: child.ended)
                async with scenario(it) as one:
                    await one.fetch("f", "/held")
        await gone(place)
        assert leftovers() == before

    trio.run(main)


@browser
@needs_browser
def test_the_end_of_its_input_ends_the_child_and_its_browser(tmp_path: Path) -> None:
    module = [sys.executable, "-m", "conformance.adapters.chromium"]
    executable = chromium.find_browser() or ""
    place = tmp_path / "bgfetch-chromium-profiles"
    start = p.encode(p.Start(seq=1, versions=[1]))
    done = subprocess.run(
        [*module, executable, str(place)], input=start, capture_output=True, timeout=60, check=True
    )
    reply = p.decode_reply(done.stdout.splitlines()[0]) if done.stdout else None
    assert reply is None or isinstance(reply, p.Answer)
    assert not place.exists()
    trio.run(gone, str(place))


def test_without_a_browser_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chromium.VARIABLE, "/no/such/browser")

    async def main() -> None:
        with pytest.raises(CannotStart) as caught:
            async with ChromiumFactory().open(lambda one: None, SURROUNDINGS):
                raise AssertionError("it started")
        assert "/no/such/browser" in caught.value.why
        assert chromium.VARIABLE in caught.value.remedy

    trio.run(main)


def test_without_its_packages_it_names_an_extra_that_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chromium, "PACKAGES", ("no_such_package", "sys", "nor_this_one"))

    async def main() -> None:
        with pytest.raises(CannotStart) as caught:
            async with ChromiumFactory().open(lambda one: None, SURROUNDINGS):
                raise AssertionError("it started")
        assert caught.value.why == (
            "the Python packages no_such_package and nor_this_one are not installed"
        )
        assert caught.value.remedy == "pip install 'bgfetch-spec[browser]'"

    trio.run(main)


def test_the_variable_chooses_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(chromium.VARIABLE, sys.executable)
    assert chromium.find_browser() == sys.executable


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo first >&2; echo 'libfoo.so.1 is missing' >&2; exit 127", "libfoo.so.1 is missing"),
        ("exit 3", "exitCode=3, signal=null"),
    ],
)
def test_a_browser_that_does_not_start_is_quoted_in_one_line(
    script: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "browser"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    monkeypatch.setenv(chromium.VARIABLE, str(broken))

    async def main() -> None:
        with pytest.raises(CannotStart) as caught:
            async with ChromiumFactory().open(lambda one: None, SURROUNDINGS):
                raise AssertionError("it started")
        assert caught.value.why == f"the browser does not start: {words}"

    trio.run(main)


def test_a_browser_that_hangs_is_told_by_what_was_waited_for() -> None:
    said = "BrowserType.launch_persistent_context: Timeout 45000ms exceeded."
    assert last_words(f"{said}\nCall log:\n  - <launched>") == "Timeout 45000ms exceeded."
