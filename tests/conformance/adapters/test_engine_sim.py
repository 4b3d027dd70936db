"""The engine in simulation: every scenario conforms, and nothing outside of memory is touched."""

from __future__ import annotations

import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from conformance import protocol as p
from conformance.adapters.engine_session import CAPABILITIES, Wrap
from conformance.adapters.engine_sim import EngineSimFactory
from conformance.judge.acceptor import Acceptor
from conformance.judge.judge import judge
from conformance.judge.outcomes import observed
from conformance.judge.run_needs import required_capabilities
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import load
from conformance.trace import GaveUp, Trace
from transfer_engine import Decisions, EngineConfig, Seams, StoredHead, StoredRequest
from transfer_engine.plan import Join, Refuse, Replace, Stored, Whole, parse_content_range

OFFERED = frozenset[p.Capability](CAPABILITIES) | {"virtual-time"}
SCENARIOS = [one for one in map(load, find()) if required_capabilities(one) <= OFFERED]
BY_NAME = {one.scenario: one for one in SCENARIOS}
LOOKING = [one.scenario for one in SCENARIOS if "interface" in required_capabilities(one)]
FREEDOMS = frozenset({"which-failure=another", "pause-toggle=withheld"})
"""Of several failures the first in time names the reason; what is paused offers no pause."""

TOUCHING = ("open", "os.", "socket.", "sqlite3.", "subprocess.", "shutil.", "tempfile.")
"""Python's own audit events for files, sockets, databases and processes."""


def on_engine(scenario: Scenario, wrap: Wrap | None = None) -> Judgement:
    return judge(played(scenario, wrap))


def played(scenario: Scenario, wrap: Wrap | None = None) -> Trace:
    trace = trio.run(
        lambda: run_scenario(
            scenario,
            EngineSimFactory(wrap=wrap),
            lambda *_: Acceptor(),
            bounds=Bounds.simulated(),
        ),
        clock=trio.testing.MockClock(autojump_threshold=0),
    )
    assert [e.note for e in trace.entries if isinstance(e.note, GaveUp)] == [] or wrap
    return trace


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.scenario)
def test_the_engine_conforms(scenario: Scenario) -> None:
    judgement = on_engine(scenario)
    assert judgement.verdict in (Verdict.CONFORMS, Verdict.CONFORMS_VIA), judgement.why
    assert set(judgement.choices) <= FREEDOMS


@pytest.mark.parametrize("name", LOOKING)
def test_what_the_interface_shows_is_what_the_scenario_expects(name: str) -> None:
    """The judge explains what pages and workers see; of the interface it says nothing."""
    found = observed(played(BY_NAME[name])).looks
    for look, shows in BY_NAME[name].expect["amended"].looks.items():
        assert found[look].items() >= shows.items()


# --- memory alone ---------------------------------------------------------------------

_touched: list[str] | None = None


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _touched is not None and event.startswith(TOUCHING):
        _touched.append(f"{event} {arguments}")


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is touched meanwhile.  (An audit hook cannot be taken off again; it can sleep.)"""
    global _touched
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked.append(True)
    touched = _touched = list[str]()
    start = threading.Thread.start

    def noted(thread: threading.Thread) -> None:
        touched.append(f"thread {thread}")  # no audit event before Python 3.12
        start(thread)

    try:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", noted)
            yield touched
    finally:
        _touched = None


_hooked: list[bool] = []


def test_the_watch_sees_files_sockets_databases_and_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with watched(monkeypatch) as touched:
        Path(__file__).read_bytes()
        socket.socket().close()
        sqlite3.connect(":memory:").close()
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    kinds = {one.split(".")[0].split()[0] for one in touched}
    assert kinds >= {"open", "socket", "sqlite3", "thread"}


@pytest.mark.parametrize("name", ["NT-206-after-kill", "SC-132", "SC-59", "SC-49"])
def test_no_thread_socket_file_or_database_is_touched(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_engine(BY_NAME[name])  # whatever is imported late has been imported now

    async def main() -> list[str]:
        # Trio itself has opened its wake-up socket by now.
        with watched(monkeypatch) as touched:
            await run_scenario(
                BY_NAME[name],
                EngineSimFactory(),
                lambda *_: Acceptor(),
                bounds=Bounds.simulated(),
            )
            return touched

    clock = trio.testing.MockClock(autojump_threshold=0)
    assert trio.run(main, clock=clock) == []


# --- broken on purpose ----------------------------------------------------------------


class _JoinsAnything(Decisions):
    def judge_head(
        self, request: StoredRequest, start: int, stored: Stored, head: StoredHead
    ) -> Join | Replace | Whole | Refuse:
        part = parse_content_range(head.get("content-range"))
        if head.status == 206 and part is not None and start > 0:
            return Join(part)
        return super().judge_head(request, start, stored, head)


def joins_anything(config: EngineConfig, seams: Seams) -> tuple[EngineConfig, Seams]:
    return config, attrs.evolve(seams, decisions=_JoinsAnything())


def test_a_wrapped_engine_is_judged_through_the_same_door() -> None:
    scenario = BY_NAME["SC-135"]
    assert on_engine(scenario).verdict is Verdict.CONFORMS
    assert on_engine(scenario, joins_anything).verdict is Verdict.VIOLATES
