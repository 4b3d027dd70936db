"""Runs scenarios on implementations, one at a time, and judges what came of it.

One scenario must never cost another one its result.  So every run has a
deadline, every fault becomes an *outcome* of that scenario alone, and whoever
watches is told of each outcome the moment it is there: what was finished
before a hang, a crash or Ctrl-C stays.

Two kinds of time.  Where time is virtual, each scenario gets a trio run of its
own under a clock that jumps, so that nothing of one scenario lives in the next
and a wait without end is found at once.  Where it is real, all scenarios of
one implementation share one trio run, so that a slow implementation can be
kept warm between them.  ``judge_all`` starts those runs and is therefore not
itself a coroutine.

Three nets catch what does not end: a trio deadline (a wait), an interval timer
of the operating system a little later (a loop that never yields, in an
implementation in our process or in ourselves), and for judging the timer
alone.  When the timer goes off inside trio, that trio run is lost and the next
scenario starts a new one.
"""

from __future__ import annotations

import signal
import threading
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Protocol, runtime_checkable

import attrs
import msgspec
import trio

from conformance.adapter import AdapterError, AdapterFactory, CannotStart
from conformance.judge.names import ScenarioError
from conformance.judge.run_session import Unsupported
from conformance.judge.simulation import run_simulated
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.format import Scenario
from conformance.trace import Trace

DEADLINE = 60.0
"""Seconds that one scenario may take on one implementation."""

_GRACE = 10.0
"""Seconds by which the timer comes after the trio deadline: cleaning up takes time too."""

_VIRTUAL = 1e7
"""Virtual seconds, some months: more than any scenario lets pass, and reached at once."""

Run = Callable[[Scenario, AdapterFactory], Awaitable[Trace]]
Judge = Callable[[Trace, Scenario], Judgement]


@attrs.frozen
class Column:
    """One implementation to run.  ``name`` is what the user called it."""

    name: str
    factory: AdapterFactory

    @property
    def virtual(self) -> bool:
        """Time is virtual wherever no real socket is used."""
        return self.factory.network != "loopback"


@attrs.frozen
class Outcome:
    """One scenario on one implementation, once (``attempt`` counts from 1).

    ``bug`` is the traceback of a fault of our own, ``mistake`` what is wrong with the
    scenario; with either the judgement is inconclusive.
    """

    column: str
    attempt: int
    judgement: Judgement
    trace: Trace | None = None
    bug: str = ""
    mistake: str = ""


@attrs.frozen
class Absent:
    """An implementation that would not start, and the next move."""

    column: str
    why: str
    remedy: str = ""


@attrs.frozen
class Unclean:
    """An implementation that did not end well, after all its scenarios: no verdict changes."""

    column: str
    why: str


@runtime_checkable
class KeepsWarm(Protocol):
    """A factory that keeps its implementation running between scenarios, inside ``session``."""

    def session(self) -> AbstractAsyncContextManager[None]:
        """Lasts as long as the trio run.  Raises CannotStart, and in the end EndedBadly."""
        ...


class Watcher(Protocol):
    """Is told what happens, as it happens."""

    def column_begins(self, column: str, runs: int) -> None:
        """So many runs on this implementation follow."""
        ...

    def scenario_begins(self, column: str, scenario: str, attempt: int) -> None:
        """One run begins."""
        ...

    def finished(self, outcome: Outcome) -> None:
        """One run has its outcome."""
        ...

    def absent(self, absent: Absent) -> None:
        """This implementation would not start; none of its scenarios is run."""
        ...


class Silent:
    """A watcher that does nothing."""

    def column_begins(self, column: str, runs: int) -> None:
        """Nothing."""

    def scenario_begins(self, column: str, scenario: str, attempt: int) -> None:
        """Nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing."""

    def absent(self, absent: Absent) -> None:
        """Nothing."""


@attrs.define
class Session:
    """What has been found so far.  ``complete`` is False until nothing is left to run."""

    outcomes: list[Outcome] = attrs.field(factory=list)
    absent: list[Absent] = attrs.field(factory=list)
    complete: bool = False
    unclean: list[Unclean] = attrs.field(factory=list)


def judge_all(
    scenarios: Sequence[Scenario],
    columns: Sequence[Column],
    *,
    run: Run,
    judge: Judge,
    deadline: float = DEADLINE,
    repeat: int = 1,
    watcher: Watcher | None = None,
) -> Session:
    """Run and judge everything.  Ctrl-C ends it early, with what was finished.

    ``deadline`` in real seconds for each run; where time is virtual only a loop can
    reach it.  Must be called outside trio.
    """
    session = Session()
    for column in columns:
        runs = deque((one, attempt) for one in scenarios for attempt in range(1, repeat + 1))
        worker = _Worker(column, run, judge, deadline, runs, session, watcher or Silent())
        try:
            worker.work()
        except KeyboardInterrupt:
            return session
    session.complete = True
    return session


@attrs.define
class _Worker:
    """Works off the runs of one implementation."""

    column: Column
    run: Run
    judge: Judge
    deadline: float
    runs: deque[tuple[Scenario, int]]
    session: Session
    watcher: Watcher
    version: str = ""
    started: bool = False

    def work(self) -> None:
        self.watcher.column_begins(self.column.name, len(self.runs))
        while self.runs:
            try:
                self._enter_trio()
            except BaseException as error:  # noqa: BLE001 - every fault must become an outcome
                # BaseException: trio wraps Ctrl-C and our timer in groups of their own.
                if cause(error, KeyboardInterrupt):
                    raise KeyboardInterrupt from None
                self._failed(error)

    def _enter_trio(self) -> None:
        if self.column.virtual:
            run_simulated(self._next)
        else:
            trio.run(self._rest)

    async def _rest(self) -> None:
        factory = self.column.factory
        async with factory.session() if isinstance(factory, KeepsWarm) else nullcontext():
            await self._all()

    async def _all(self) -> None:
        while self.runs:
            try:
                await self._next()
            except Exception as error:
                if cause(error, KeyboardInterrupt):
                    raise
                self._failed(error)

    async def _next(self) -> None:
        scenario, attempt = self.runs[0]
        self.watcher.scenario_begins(self.column.name, scenario.scenario, attempt)
        limit = _VIRTUAL if self.column.virtual else self.deadline
        with _timer(self.deadline + _GRACE), trio.move_on_after(limit) as scope:
            trace = await self.run(scenario, self.column.factory)
        if scope.cancelled_caught:
            why = "everybody waits, for ever" if self.column.virtual else f"no end in {limit:g} s"
            self._finish(self._gave_up(why))
            return
        self.started, self.version = True, trace.version
        self._judge(scenario, trace)

    def _judge(self, scenario: Scenario, trace: Trace) -> None:
        """Judge a trace; whatever goes wrong here, the trace is kept."""
        bug = ""
        try:
            with _timer(self.deadline):
                judgement = self.judge(trace, scenario)
        except _TookTooLong:
            judgement = self._gave_up(f"judging it had not ended after {self.deadline:g} s")
        except Exception as error:  # noqa: BLE001 - every fault must become an outcome
            judgement, bug = self._our_fault(error)
        self._finish(judgement, trace, bug)

    def _finish(
        self, judgement: Judgement, trace: Trace | None = None, bug: str = "", mistake: str = ""
    ) -> None:
        _, attempt = self.runs.popleft()
        outcome = Outcome(self.column.name, attempt, judgement, trace, bug, mistake)
        self.session.outcomes.append(outcome)
        self.watcher.finished(outcome)

    def _failed(self, error: BaseException) -> None:
        """The run at the head of the queue ended in an exception: say whose fault it is."""
        if not self.runs:
            # Everything is finished; only what was kept warm did not end well.
            if (unclean := cause(error, AdapterError)) is None:
                raise error
            self.session.unclean.append(Unclean(self.column.name, str(unclean)))
            return
        if (missing := cause(error, CannotStart)) and not self.started:
            assert isinstance(missing, CannotStart)
            absent = Absent(self.column.name, missing.why, missing.remedy)
            self.runs.clear()
            self.session.absent.append(absent)
            self.watcher.absent(absent)
        elif unsupported := cause(error, Unsupported):
            assert isinstance(unsupported, Unsupported)
            self.started = True
            lacking = self._gave_up(unsupported.why, Verdict.UNSUPPORTED)
            self._finish(msgspec.structs.replace(lacking, missing=unsupported.missing))
        elif adapter := cause(error, AdapterError):
            self._finish(self._gave_up(str(adapter), Verdict.BROKEN_ADAPTER))
        elif mistake := cause(error, ScenarioError):
            why = f"the scenario cannot be played: {mistake}"
            self._finish(self._gave_up(why), mistake=str(mistake))
        elif cause(error, _TookTooLong):
            why = f"something looped for {self.deadline:g} s without ever waiting"
            self._finish(self._gave_up(why))
        else:
            judgement, bug = self._our_fault(error)
            self._finish(judgement, bug=bug)

    def _our_fault(self, error: BaseException) -> tuple[Judgement, str]:
        lines = traceback.format_exception(error)
        return self._gave_up(f"a fault of this program: {lines[-1].strip()}"), "".join(lines)

    def _gave_up(self, why: str, verdict: Verdict = Verdict.INCONCLUSIVE) -> Judgement:
        scenario, _ = self.runs[0]
        return Judgement(scenario.scenario, self.column.name, self.version, verdict, why=why)


class _TookTooLong(BaseException):
    """The timer went off.  A BaseException, so that nothing on its way takes it for its own."""


@contextmanager
def _timer(seconds: float) -> Iterator[None]:
    """Raise _TookTooLong here after so many seconds of wall time.

    Does nothing where the system has no interval timers, or off the main thread.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """The first exception of a kind in an exception, its groups and its causes."""
    if error is None or isinstance(error, kind):
        return error
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for one in (*inner, error.__cause__):
        if found := cause(one, kind):
            return found
    return None
