"""The stdio adapter against children that are healthy, and against every way not to be."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from conformance.adapter import (
    AdapterGone,
    AdapterNonsense,
    CannotStart,
    EndedBadly,
    Surroundings,
)
from conformance.adapters import child
from conformance.adapters.stdio import StdioAdapter, StdioFactory, stdio_factory
from conformance.protocol import (
    PAGE,
    AnyObservation,
    Begin,
    End,
    Fetch,
    Log,
    Settled,
    readable,
    section_of,
)
from conformance.scenario.format import World
from conformance.world.scripted import ScriptedWorld

FAKE = Path(__file__).parent / "fake_child.py"
SURROUNDINGS = Surroundings(ScriptedWorld(World(), {"app": "http://app.test"}, lambda entry: None))
BEGIN = Begin(seq=1, scenario="x", origins={"app": "http://app.test"}, listen=[])
FETCH = Fetch(seq=2, call="c1", realm="p1", id="f", requests=[])
END = End(seq=3)

Body = Callable[[StdioAdapter, list[AnyObservation]], Awaitable[None]]


def factory(*arguments: str, deadline: float = 10.0) -> StdioFactory:
    return StdioFactory("fake", (sys.executable, str(FAKE), *arguments), deadline)


async def play(it: StdioFactory, body: Body) -> None:
    seen: list[AnyObservation] = []
    with trio.fail_after(30):
        async with it.open(seen.append, SURROUNDINGS) as adapter:
            await body(adapter, seen)


async def fetches(adapter: StdioAdapter, seen: list[AnyObservation]) -> None:
    await adapter.send(BEGIN)
    await adapter.send(FETCH)
    await trio.sleep_forever()  # until the adapter fails


async def whole(adapter: StdioAdapter, seen: list[AnyObservation]) -> None:
    await adapter.send(BEGIN)
    assert (await adapter.send(FETCH)).seq == 2
    while not seen:
        await trio.lowlevel.checkpoint()
    await adapter.send(END)
    assert [one.call for one in seen if isinstance(one, Settled)] == ["c1"]


def lives(process: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def gone(process: int) -> None:
    with trio.fail_after(10):
        while lives(process):  # noqa: ASYNC110 - it is not our child: no event tells
            await trio.sleep(0.01)


# --- a healthy child ------------------------------------------------------------------


def test_one_process_serves_all_scenarios_of_a_session() -> None:
    async def main() -> None:
        it, processes = factory(), []

        async def body(adapter: StdioAdapter, seen: list[AnyObservation]) -> None:
            processes.append(adapter.implementation.version)
            await whole(adapter, seen)

        async with it.session():
            await play(it, body)
            await play(it, body)
        assert len(set(processes)) == 1
        await play(it, body)
        assert len(set(processes)) == 2
        assert not any(lives(int(process)) for process in processes)

    trio.run(main)


def test_a_session_ends_with_stop(tmp_path: Path) -> None:
    async def main() -> None:
        it = factory("none", str(tmp_path / "farewell"))
        async with it.session():
            await play(it, whole)
            assert not (tmp_path / "farewell").exists()
        assert (tmp_path / "farewell").read_text() == "stopped"

    trio.run(main)


def test_an_answer_is_returned_before_the_observations_that_follow_it_are_told() -> None:
    async def main() -> None:
        order: list[str] = []

        def sink(observation: AnyObservation) -> None:
            order.append(observation.text if isinstance(observation, Log) else "settled")

        async with factory("interleaves").open(sink, SURROUNDINGS) as adapter:
            await adapter.send(BEGIN)
            await adapter.send(FETCH)
            order.append("answer")
            with trio.fail_after(10):
                while "after" not in order:
                    await trio.lowlevel.checkpoint()
        assert order == ["before", "answer", "settled", "after"]

    for _ in range(20):  # trio's scheduler tosses a coin wherever two tasks can run
        trio.run(main)


def test_a_scenario_that_was_not_ended_is_ended_and_its_last_words_are_not_told() -> None:
    async def main() -> None:
        it = factory("talks-after-end")
        seen: list[AnyObservation] = []
        async with it.session():
            async with it.open(seen.append, SURROUNDINGS) as adapter:
                await adapter.send(BEGIN)
                process = adapter.implementation.version
            assert seen == []
            with pytest.raises(AdapterNonsense, match="an observation outside a scenario"):
                await play(it, fetches)
        await gone(int(process))

    trio.run(main)


def test_a_scenario_that_raises_does_not_cost_the_process() -> None:
    async def main() -> None:
        it, processes = factory(), set()
        async with it.session():
            with pytest.raises(ZeroDivisionError):
                async with it.open(lambda one: None, SURROUNDINGS) as adapter:
                    await adapter.send(BEGIN)
                    processes.add(adapter.implementation.version)
                    raise ZeroDivisionError
            async with it.open(lambda one: None, SURROUNDINGS) as adapter:
                processes.add(adapter.implementation.version)
        assert len(processes) == 1

    trio.run(main)


def test_a_child_that_died_between_two_scenarios_costs_neither_of_them() -> None:
    async def main() -> None:
        it, processes = factory(), []

        async def body(adapter: StdioAdapter, seen: list[AnyObservation]) -> None:
            processes.append(int(adapter.implementation.version))
            await whole(adapter, seen)

        with pytest.raises(EndedBadly, match="signal SIGKILL before it was asked to"):
            async with it.session():
                await play(it, body)
                os.kill(processes[0], signal.SIGKILL)
                await gone(processes[0])
                await play(it, body)
        assert len(set(processes)) == 2

    trio.run(main)


def test_a_command_is_split_into_words_but_given_to_no_shell() -> None:
    assert stdio_factory("./mine --say 'a b' $HOME").argv == ("./mine", "--say", "a b", "$HOME")
    with pytest.raises(ValueError, match="quotation"):
        stdio_factory("./mine 'a")


# --- faults ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "section"),
    [
        (b'{"observation":"answer","seq":"1"}\n', "Answers"),
        (b'{"observation":"body","record":"r1"}\n', "body"),
        (b'{"observation":"applause"}\n', "Observations"),
        (b"{}\n", "Observations"),
        (b"[]\n", "Lines"),
    ],
)
def test_a_line_that_is_no_message_leads_to_a_section_of_the_page(
    line: bytes, section: str
) -> None:
    assert section_of(line) == section
    page = Path(__file__).parents[3] / PAGE
    assert re.search(f"^##+ {section}$", page.read_text("utf-8"), re.MULTILINE)


def test_a_line_is_shown_in_one_line_that_no_terminal_obeys() -> None:
    assert readable(b"\x1b[2Ja\tb\xff\xc3\xa9\r\n") == r"\x1b[2Ja\tb\xffé"
    assert readable(b"x" * 200 + b"\n") == "x" * 200
    assert readable(b"\x00" * 5_000_000) == r"\x00" * 50 + "…"


@pytest.mark.parametrize(
    ("fault", "error", "why"),
    [
        ("dies", AdapterGone, "ended with exit code 3; on standard error: x+out of luck$"),
        ("dies-later", AdapterGone, "ended with exit code 0"),
        ("is-killed", AdapterGone, "ended with signal SIGKILL"),
        ("nonsense", AdapterNonsense, "does not speak the protocol.*Segmentation fault"),
        ("unknown", AdapterNonsense, "Invalid value 'applause'"),
        ("not-utf-8", AdapterNonsense, r'not UTF-8 .* 0xff\) .*"Lines".*: \{.*\\xff"\}$'),
        ("nested", AdapterNonsense, "it is nested too deep"),
        ("half-a-pair", AdapterNonsense, r"half of a surrogate pair .*\\ud800 x"),
        ("dies-in-a-line", AdapterGone, 'exit code 0; a line has no end: {"observation":"answer",'),
        ("wrong-seq", AdapterNonsense, "expected the answer to seq 2"),
        ("long-line", AdapterNonsense, "a line over 1,048,576 bytes .*: .*xx…$"),
        ("floods", AdapterNonsense, "more than 67,108,864 bytes said .*: .*xx…$"),
        ("talks-too-early", AdapterNonsense, "an observation outside a scenario"),
    ],
)
def test_a_fault_of_the_child_is_named_and_the_next_scenario_has_a_new_one(
    fault: str, error: type[Exception], why: str
) -> None:
    async def main() -> None:
        it = factory(fault)
        async with it.session():
            with pytest.raises(error, match=why):
                await play(it, fetches)
            it.argv = factory().argv
            await play(it, whole)

    trio.run(main)


def test_what_is_kept_of_standard_error_is_bounded() -> None:
    async def main() -> None:
        script = "import sys; sys.stderr.write('x' * 200_000 + 'the end')"
        one = child.Child.spawn([sys.executable, "-c", script], {})
        assert await one.read() == b""
        last = await one.obituary()
        assert last.endswith("xthe end")
        assert len(last) < child.STDERR_SHOWN + 100
        assert len(one._stderr) == child.STDERR_KEPT
        await one.end(None)

    trio.run(main)


def test_what_is_observed_while_a_scenario_ends_is_not_told() -> None:
    async def main() -> None:
        seen: list[AnyObservation] = []
        async with factory("talks-after-end").open(seen.append, SURROUNDINGS) as adapter:
            await adapter.send(BEGIN)
            await adapter.send(END)
        assert seen == []

    trio.run(main)


def test_silence_is_ended_by_the_deadline() -> None:
    async def main() -> None:
        with pytest.raises(AdapterGone, match=r'no answer in 0.2 s to .*"command":"fetch"'):
            await play(factory("silent", deadline=0.2), fetches)

    trio.run(main)


def test_an_answer_that_lacks_only_its_line_feed_is_shown() -> None:
    async def main() -> None:
        with pytest.raises(AdapterGone, match=r'no answer in .*; a line has no end: .*"seq": 2\}$'):
            await play(factory("no-line-feed", deadline=0.2), fetches)

    trio.run(main)


def test_after_a_command_was_given_up_the_process_is_not_trusted() -> None:
    async def main() -> None:
        it = factory("silent")
        async with it.session():
            async with it.open(lambda one: None, SURROUNDINGS) as adapter:
                await adapter.send(BEGIN)
                process = int(adapter.implementation.version)
                with trio.move_on_after(0.05):
                    await adapter.send(FETCH)
            await gone(process)

    trio.run(main)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("ends-with-3", 'it ended with exit code 3 when it was asked to .see "stop" in docs/'),
        ("ignores-sigterm", "it had not ended 0.3 s after it was asked to, and was killed"),
    ],
)
def test_a_bad_end_is_told_when_everything_is_over(
    fault: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "PATIENCE", 0.3 if fault == "ignores-sigterm" else 5.0)

    async def main() -> None:
        it = factory(fault)
        with pytest.raises(EndedBadly, match=why):
            async with it.session():
                await play(it, whole)
        it.argv = factory().argv
        async with it.session():
            await play(it, whole)

    trio.run(main)


def test_a_bad_end_hides_nothing_worse() -> None:
    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            async with (it := factory("ends-with-3")).session():
                await play(it, whole)
                raise ZeroDivisionError

    trio.run(main)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["/no/such/program"], "No such file or directory"),
        ([sys.executable, str(FAKE), "will-not-run"], "exit code 1; on standard error: no licence"),
        ([sys.executable, str(FAKE), "refuses"], "the moon is full"),
        ([sys.executable, str(FAKE), "speaks-2"], "it speaks protocol 2, not 1"),
    ],
)
def test_what_cannot_start_says_why(argv: list[str], why: str) -> None:
    async def main() -> None:
        with pytest.raises(CannotStart, match=why):
            await play(StdioFactory("fake", argv), fetches)

    trio.run(main)


def test_an_answer_to_start_without_a_name_is_nonsense() -> None:
    async def main() -> None:
        with pytest.raises(AdapterNonsense, match="no implementation in the answer to start"):
            await play(factory("anonymous"), fetches)

    trio.run(main)


# --- nothing is left ------------------------------------------------------------------


def test_the_whole_process_group_ends() -> None:
    async def main() -> None:
        seen: list[AnyObservation] = []
        async with factory("forks").open(seen.append, SURROUNDINGS) as adapter:
            await adapter.send(BEGIN)
            await adapter.send(FETCH)
            while not seen:
                await trio.lowlevel.checkpoint()
        (log,) = seen
        assert isinstance(log, Log)
        await gone(int(log.text))

    trio.run(main)


def test_a_child_that_will_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "PATIENCE", 0.1)

    async def main() -> None:
        async with factory("ignores-sigterm").open(lambda one: None, SURROUNDINGS) as adapter:
            process = int(adapter.implementation.version)
        await gone(process)

    trio.run(main)


def test_a_cancelled_scenario_leaves_no_process() -> None:
    async def main() -> None:
        process = 0
        with trio.CancelScope() as scope:
            async with factory().open(lambda one: None, SURROUNDINGS) as adapter:
                process = int(adapter.implementation.version)
                await adapter.send(BEGIN)
                scope.cancel()
                await trio.sleep_forever()
        await gone(process)

    trio.run(main)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children")
def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = f"""
import os, sys, trio
from conformance.adapters.child import Child
async def main():
    child = Child.spawn([sys.executable, "-c", "import time; time.sleep(1000)"], {{}})
    open({str(tmp_path / "pid")!r}, "w").write(str(child.process.pid))
    os.kill(os.getpid(), 9)
trio.run(main)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    os.spawnve(os.P_WAIT, sys.executable, [sys.executable, "-c", script], environment)
    trio.run(gone, int((tmp_path / "pid").read_text()))
