"""The engine on real sockets and a real store, in process and in a process that is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import attrs
import pytest
import trio

import conformance.protocol as p
from conformance.adapter import AdapterGone
from conformance.adapters.engine import EngineFactory
from conformance.adapters.engine_killable import KillableAdapter
from conformance.adapters.engine_session import CAPABILITIES, Wrap
from conformance.adapters.stdio import StdioFactory
from conformance.judge.acceptor import Acceptor
from conformance.judge.judge import judge
from conformance.judge.runner import Bounds, required_capabilities, run_scenario
from conformance.judge.verdict import Verdict
from conformance.scenario.find import find
from conformance.scenario.format import Attempt, Hold, Resource, World
from conformance.scenario.load import load
from tests.conformance.adapters.engine_desk import Desk, desk
from transfer_engine import EngineConfig, Seams

SCENARIOS = {one.scenario: one for one in map(load, find()) if one.api == "background-fetch"}
NEEDS = {name: required_capabilities(one) for name, one in SCENARIOS.items()}
KILLING = [name for name, needs in NEEDS.items() if "kill" in needs and needs <= {*CAPABILITIES}]
OF_EACH_KIND = ["SC-22", "SC-30", "SC-49", "SC-62", "SC-132"]

HELD = Resource(size=1000, attempts=[Attempt(send=[400, Hold("half")]), Attempt(wait="on")])
WORLD = World(resources={"/held": HELD})


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary directories are made, by processes too; none may be left behind."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OF_EACH_KIND, *KILLING])
def test_the_engine_conforms(name: str) -> None:
    async def main() -> Verdict:
        trace = await run_scenario(
            SCENARIOS[name], EngineFactory(), lambda *_: Acceptor(), bounds=Bounds.real()
        )
        return judge(trace).verdict

    assert trio.run(main) is Verdict.CONFORMS


def test_some_scenario_kills() -> None:
    assert KILLING


# --- a process that is killed ---------------------------------------------------------


def killable(
    body: Callable[[Desk, KillableAdapter], Awaitable[None]], wrap: Wrap | None = None
) -> None:
    """Run a test's body on an adapter whose user agent is a process of its own."""

    async def main() -> None:
        async with desk(EngineFactory(wrap=wrap), WORLD, kills=True) as it:
            assert isinstance(it.adapter, KillableAdapter)
            await it.begin()
            await body(it, it.adapter)

    with_deadline(main)


def with_deadline(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        with trio.fail_after(60):
            await main()

    trio.run(bounded)


def process_of(adapter: KillableAdapter) -> int:
    assert adapter.process is not None
    return adapter.process


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_kill_ends_the_process_and_a_launch_starts_another_on_the_same_store() -> None:
    async def body(it: Desk, adapter: KillableAdapter) -> None:
        before, instance = process_of(adapter), await it.fetch("/held")
        await it.until(p.Progress)
        await it.do(p.Quit(kill=True))
        assert not lives(before)
        await it.do(p.Launch())
        assert process_of(adapter) != before
        again = await it.call(p.Get(call="", realm="p1", id="f"))
        assert again.instance not in (None, instance)
        it.world.release("on")
        assert (await it.event("backgroundfetchsuccess")).snapshot is not None

    killable(body)


def test_a_clean_quit_ends_the_process_too() -> None:
    async def body(it: Desk, adapter: KillableAdapter) -> None:
        before = process_of(adapter)
        await it.do(p.Quit())
        assert adapter.process is None
        assert not lives(before)
        await it.do(p.Launch())
        assert process_of(adapter) != before

    killable(body)


def test_what_the_user_agent_itself_keeps_survives_a_kill() -> None:
    async def body(it: Desk, adapter: KillableAdapter) -> None:
        await it.do(p.SetPermission(state="denied"))
        await it.do(p.Quit(kill=True))
        await it.do(p.Launch())
        requests = [p.RequestInit(it.url("/held"))]
        denied = await it.call(p.Fetch(call="", realm="p1", id="f", requests=requests))
        assert denied.error == "NotAllowedError"

    killable(body)


def test_a_process_that_dies_by_itself_is_no_kill_of_ours() -> None:
    async def body(it: Desk, adapter: KillableAdapter) -> None:
        os.kill(process_of(adapter), signal.SIGKILL)
        await trio.sleep_forever()  # until the adapter fails

    with pytest.RaisesGroup(pytest.RaisesExc(AdapterGone, match="SIGKILL"), flatten_subgroups=True):
        killable(body)


def test_a_process_that_dies_while_it_is_asked_is_gone() -> None:
    async def body(it: Desk, adapter: KillableAdapter) -> None:
        os.kill(process_of(adapter), signal.SIGKILL)
        with pytest.raises(AdapterGone, match="SIGKILL"):
            await it.do(p.Storage())

    killable(body)


def test_no_process_is_left_behind() -> None:
    left: list[int] = []

    async def body(it: Desk, adapter: KillableAdapter) -> None:
        left.append(process_of(adapter))
        raise KeyError("the judge has given up")

    with pytest.RaisesGroup(KeyError, flatten_subgroups=True):
        killable(body)
    assert not lives(left[0])


def refuses_everything(config: EngineConfig, seams: Seams) -> tuple[EngineConfig, Seams]:
    return attrs.evolve(config, active_worker=False), seams


def test_the_process_finds_the_wrap_that_breaks_it() -> None:
    async def body(it: Desk, adapter: KillableAdapter) -> None:
        requests = [p.RequestInit(it.url("/held"))]
        refused = await it.call(p.Fetch(call="", realm="p1", id="f", requests=requests))
        assert refused.error == "TypeError"

    killable(body, wrap=refuses_everything)


# --- as a program of its own ----------------------------------------------------------


def test_the_child_serves_one_scenario_after_the_other_with_fresh_storage() -> None:
    argv = (sys.executable, "-m", "conformance.adapters.engine_child")

    async def main() -> None:
        factory = StdioFactory("child", argv)
        async with factory.session():
            for _ in range(2):
                async with desk(factory, WORLD) as it:
                    await it.begin()
                    assert (await it.call(p.GetIds(call="", realm="p1"))).strings == []
                    await it.fetch("/held")

    with_deadline(main)
