"""The engines behind ``run``, ``replay`` and ``smoke``: the runner, the acceptor, the judge."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from conformance.adapter import AdapterFactory
from conformance.judge.judge import judge
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.session import Column, Session, Watcher, judge_all
from conformance.judge.texts import Texts
from conformance.judge.verdict import Judgement
from conformance.scenario.format import Scenario
from conformance.trace import Trace


@attrs.define
class Judging:
    """Plays and judges; the acceptors that watched a run are those that judge its trace."""

    _last: tuple[Trace, Texts] | None = None

    async def play(self, scenario: Scenario, factory: AdapterFactory) -> Trace:
        """One run, watched by acceptors that know when silence is due."""
        real = factory.network == "loopback"
        bounds = Bounds.real() if real else Bounds.simulated()
        texts = Texts()
        trace = await run_scenario(scenario, factory, lambda *_: texts, bounds=bounds)
        self._last = (trace, texts)
        return trace

    def judged(self, trace: Trace, _: Scenario) -> Judgement:
        """The verdict on one trace."""
        if self._last is not None and self._last[0] is trace:
            return judge(trace, fed=self._last[1])
        return judge(trace)


def session(
    scenarios: Sequence[Scenario],
    columns: Sequence[Column],
    deadline: float,
    repeat: int,
    watcher: Watcher,
) -> Session:
    """Run and judge everything with the real engines."""
    judging = Judging()
    return judge_all(
        scenarios,
        columns,
        run=judging.play,
        judge=judging.judged,
        deadline=deadline,
        repeat=repeat,
        watcher=watcher,
    )
