"""Running everything: no scenario costs another one its result."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Literal

import attrs
import pytest
import trio

from conformance.adapter import Adapter, AdapterGone, CannotStart, Sink, Surroundings
from conformance.judge.names import ScenarioError
from conformance.judge.run_session import Unsupported
from conformance.judge.session import (
    Absent,
    Column,
    Outcome,
    Session,
    Silent,
    Unclean,
    judge_all,
)
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.format import Scenario
from conformance.trace import Trace

SCENARIOS = [Scenario(name, name, [], []) for name in ("A", "B", "C")]


@attrs.define
class Factory:
    """Never opened: these tests give the session a ``run`` of their own."""

    name: str = "fake"
    network: Literal["loopback", "memory", "none"] = "memory"

    def open(self, sink: Sink, surroundings: Surroundings) -> AbstractAsyncContextManager[Adapter]:
        raise NotImplementedError


def trace_of(scenario: Scenario) -> Trace:
    return Trace(scenario.scenario, "fake", "1.0", [], {}, virtual=True, entries=[])


def conforms(trace: Trace, scenario: Scenario) -> Judgement:
    return Judgement(scenario.scenario, "fake", trace.version, Verdict.CONFORMS)


def session(
    at_b: Callable[[], Awaitable[None]],
    *,
    network: Literal["loopback", "memory", "none"] = "memory",
    judge: Callable[[Trace, Scenario], Judgement] = conforms,
    deadline: float = 60.0,
    repeat: int = 1,
    watcher: Silent | None = None,
) -> Session:
    async def run(scenario: Scenario, factory: object) -> Trace:
        await trio.lowlevel.checkpoint()
        if scenario.scenario == "B":
            await at_b()
        return trace_of(scenario)

    columns = [Column("fake", Factory(network=network))]
    return judge_all(
        SCENARIOS,
        columns,
        run=run,
        judge=judge,
        deadline=deadline,
        repeat=repeat,
        watcher=watcher,
    )


async def nothing() -> None:
    """B is as good as the others."""


def verdicts(found: Session) -> list[tuple[str, Verdict]]:
    return [(one.judgement.scenario, one.judgement.verdict) for one in found.outcomes]


def only_b_is(verdict: Verdict) -> list[tuple[str, Verdict]]:
    return [("A", Verdict.CONFORMS), ("B", verdict), ("C", Verdict.CONFORMS)]


both_kinds_of_time = pytest.mark.parametrize("network", ["memory", "loopback"])


@both_kinds_of_time
def test_every_scenario_gets_its_verdict(network: Literal["memory", "loopback"]) -> None:
    found = session(nothing, network=network)
    assert verdicts(found) == only_b_is(Verdict.CONFORMS)
    assert found.complete


def test_the_alarm_of_whoever_calls_is_left_as_it_was() -> None:
    def theirs(*_: object) -> None:
        raise AssertionError("nobody has set it off")

    before = signal.signal(signal.SIGALRM, theirs)
    try:
        session(nothing)
        assert signal.getsignal(signal.SIGALRM) is theirs
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_wait_without_end_under_virtual_time_is_found_at_once_and_costs_only_itself() -> None:
    found = session(trio.sleep_forever)
    assert verdicts(found) == only_b_is(Verdict.INCONCLUSIVE)
    assert found.outcomes[1].judgement.why == "everybody waits, for ever"


def test_a_day_of_virtual_time_is_no_deadline() -> None:
    async def sleep() -> None:
        await trio.sleep(86400)

    assert verdicts(session(sleep, deadline=5)) == only_b_is(Verdict.CONFORMS)


def test_a_wait_without_end_in_real_time_costs_only_itself() -> None:
    found = session(trio.sleep_forever, network="loopback", deadline=0.05)
    assert verdicts(found) == only_b_is(Verdict.INCONCLUSIVE)


@both_kinds_of_time
def test_a_loop_that_never_yields_costs_only_itself(
    network: Literal["memory", "loopback"], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def spin() -> None:
        while True:
            time.perf_counter()

    monkeypatch.setattr("conformance.judge.session._GRACE", 0.05)
    found = session(spin, network=network, deadline=0.05)
    assert verdicts(found) == only_b_is(Verdict.INCONCLUSIVE)
    assert "looped" in found.outcomes[1].judgement.why


def test_a_judge_that_never_ends_leaves_the_trace() -> None:
    def judge(trace: Trace, scenario: Scenario) -> Judgement:
        while scenario.scenario == "B":
            time.perf_counter()
        return conforms(trace, scenario)

    found = session(nothing, judge=judge, deadline=0.1)
    assert verdicts(found) == only_b_is(Verdict.INCONCLUSIVE)
    assert found.outcomes[1].trace == trace_of(SCENARIOS[1])


@both_kinds_of_time
def test_an_adapter_that_dies_in_mid_run_is_broken_and_the_rest_is_run(
    network: Literal["memory", "loopback"],
) -> None:
    async def die() -> None:
        async with trio.open_nursery():  # wraps what it raises in a group, as adapters do
            raise AdapterGone("fake", "exit code -9")

    found = session(die, network=network)
    assert verdicts(found) == only_b_is(Verdict.BROKEN_ADAPTER)
    assert found.outcomes[1].judgement.why == "fake is gone: exit code -9"


@both_kinds_of_time
def test_a_fault_of_our_own_is_told_apart_and_the_rest_is_run(
    network: Literal["memory", "loopback"],
) -> None:
    async def stumble() -> None:
        raise KeyError("x")

    found = session(stumble, network=network)
    assert verdicts(found) == only_b_is(Verdict.INCONCLUSIVE)
    assert [bool(one.bug) for one in found.outcomes] == [False, True, False]
    assert "KeyError: 'x'" in found.outcomes[1].bug


def test_a_capability_that_is_lacking_makes_only_that_scenario_unsupported() -> None:
    async def lack() -> None:
        raise Unsupported(("kill", "offline"))

    found = session(lack)
    assert verdicts(found) == only_b_is(Verdict.UNSUPPORTED)
    assert found.outcomes[1].judgement.missing == ("kill", "offline")


def test_a_scenario_that_makes_no_sense_is_nobodys_violation() -> None:
    async def nonsense() -> None:
        raise ScenarioError("step 3", "there is no call x")

    found = session(nonsense)
    assert verdicts(found) == only_b_is(Verdict.INCONCLUSIVE)
    assert found.outcomes[1].mistake == "step 3: there is no call x"
    assert not found.outcomes[1].bug


def test_a_fault_of_the_judge_keeps_the_trace() -> None:
    def judge(trace: Trace, scenario: Scenario) -> Judgement:
        if scenario.scenario == "B":
            raise KeyError("x")
        return conforms(trace, scenario)

    found = session(nothing, judge=judge)
    assert verdicts(found) == only_b_is(Verdict.INCONCLUSIVE)
    assert found.outcomes[1].trace == trace_of(SCENARIOS[1])
    assert found.outcomes[1].bug


def test_an_implementation_that_will_not_start_is_absent_and_asked_only_once() -> None:
    asked = []

    async def run(scenario: Scenario, factory: object) -> Trace:
        asked.append(scenario.scenario)
        raise CannotStart("fake", "no such program", "install it")

    found = judge_all(SCENARIOS, [Column("fake", Factory())], run=run, judge=conforms)
    assert asked == ["A"]
    assert found.absent == [Absent("fake", "no such program", "install it")]
    assert found.complete
    assert found.outcomes == []


def test_an_implementation_that_will_not_start_again_is_broken_for_that_scenario() -> None:
    async def gone() -> None:
        raise CannotStart("fake", "the profile is locked")

    assert verdicts(session(gone)) == only_b_is(Verdict.BROKEN_ADAPTER)


@both_kinds_of_time
def test_an_interrupt_keeps_what_was_finished(network: Literal["memory", "loopback"]) -> None:
    async def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await trio.sleep_forever()

    found = session(interrupt, network=network)
    assert verdicts(found) == [("A", Verdict.CONFORMS)]
    assert not found.complete


def test_an_interrupt_while_judging_keeps_what_was_finished() -> None:
    def judge(trace: Trace, scenario: Scenario) -> Judgement:
        if scenario.scenario == "B":
            raise KeyboardInterrupt
        return conforms(trace, scenario)

    found = session(nothing, judge=judge)
    assert verdicts(found) == [("A", Verdict.CONFORMS)]
    assert not found.complete


@attrs.define
class Warm(Factory):
    """Keeps something warm, and may fail to let go of it."""

    heard: list[str] = attrs.field(factory=list)
    fails: bool = False

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        self.heard.append("warm")
        yield
        self.heard.append("cold")
        if self.fails:
            raise AdapterGone("fake", "it did not end")


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_kept_warm_is_kept_for_all_scenarios_and_let_go_of(fails: bool) -> None:
    factory = Warm(network="loopback", fails=fails)

    async def run(scenario: Scenario, factory: object) -> Trace:
        assert isinstance(factory, Warm)
        factory.heard.append(scenario.scenario)
        return trace_of(scenario)

    found = judge_all(SCENARIOS, [Column("fake", factory)], run=run, judge=conforms)
    assert factory.heard == ["warm", "A", "B", "C", "cold"]
    assert verdicts(found) == only_b_is(Verdict.CONFORMS)
    assert found.complete
    assert found.unclean == [Unclean("fake", "fake is gone: it did not end")] * fails


def test_repeats_are_counted() -> None:
    found = session(nothing, repeat=2)
    counted = [(one.judgement.scenario, one.attempt) for one in found.outcomes]
    assert counted == [(name, attempt) for name in "ABC" for attempt in (1, 2)]


def test_a_watcher_hears_of_each_outcome_when_it_is_there() -> None:
    heard: list[str] = []

    class Watcher(Silent):
        def column_begins(self, column: str, runs: int) -> None:
            heard.append(f"{column} has {runs}")

        def scenario_begins(self, column: str, scenario: str, attempt: int) -> None:
            heard.append(f"{scenario} begins")

        def finished(self, outcome: Outcome) -> None:
            heard.append(f"{outcome.judgement.scenario} {outcome.judgement.verdict.value}")

    session(nothing, watcher=Watcher())
    assert heard[:3] == ["fake has 3", "A begins", "A conforms"]


def test_the_interval_timer_is_off_afterwards() -> None:
    session(nothing)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
