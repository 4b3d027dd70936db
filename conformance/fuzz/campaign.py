"""A campaign: so many examples with one seed, and what to keep of a failure.

``python -m pytest conformance`` runs the same machine with the settings of its
hypothesis profile; this is the door of ``bgfetch fuzz``.  The same seed and
number of examples make the same examples, in the same order, and write the same
bytes: nothing but the seed is random and in simulation even time is virtual.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import attrs
import msgspec
import trio
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import run_state_machine_as_test

from conformance.adapter import AdapterError, AdapterFactory
from conformance.fuzz.machine import BAD, GOOD, Judge, Unconforming, machine_for
from conformance.fuzz.shorten import shortened
from conformance.judge.judge import judge
from conformance.judge.run_session import Unsupported
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.session import cause
from conformance.judge.simulation import run_simulated
from conformance.judge.texts import Texts
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.dump import dump
from conformance.scenario.format import Scenario, Step
from conformance.trace import Trace

STEPS = 10
"""Most rules in one example: every known fault shows within eight."""


_PROBE = Scenario("probe", "what it can do", [], [Step(quiet=True)])


def judge_on(factory: AdapterFactory) -> Judge:
    """Run a scenario on one implementation and judge it; simulated ones in virtual time."""

    def run(scenario: Scenario) -> Judgement:
        texts = Texts()
        try:
            return judge(_play(factory, scenario, texts), fed=texts)
        except Unsupported as lacking:
            found = Judgement(scenario.scenario, factory.name, "", Verdict.UNSUPPORTED)
            return msgspec.structs.replace(found, why=lacking.why, missing=lacking.missing)

    return run


def capabilities_of(factory: AdapterFactory) -> frozenset[str]:
    """What an implementation says that it can do.  Raises AdapterError."""
    return frozenset(_play(factory, _PROBE, Texts()).capabilities)


def _play(factory: AdapterFactory, scenario: Scenario, texts: Texts) -> Trace:
    virtual = factory.network != "loopback"
    bounds = Bounds.simulated() if virtual else Bounds.real(wait=5.0)
    main = functools.partial(run_scenario, scenario, factory, lambda *_: texts, bounds=bounds)
    return run_simulated(main) if virtual else trio.run(main)


class _NotThere(BaseException):
    """The implementation is not there any more.

    A BaseException: hypothesis would try for minutes to find a smaller example of any other.
    """

    def __init__(self, error: AdapterError) -> None:
        super().__init__(str(error))
        self.error = error


@attrs.frozen
class Campaign:
    """What came of it.  ``failure`` is the shrunk counterexample, ``file`` where it was written.

    ``examples`` counts scenarios judged, shrinking included; ``undecided`` those of them that
    neither conform nor violate; ``unwritten`` says why there is no file where one was wanted.
    ``sometimes``: done again, the implementation did not go wrong; ``failure`` is what it did.
    """

    examples: int
    failure: Unconforming | None = None
    file: Path | None = None
    undecided: int = 0
    unwritten: str = ""
    sometimes: bool = False


def campaign(
    factory: AdapterFactory,
    *,
    examples: int,
    random_seed: int,
    out: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Campaign:
    """Run it.  ``progress`` is told the number of scenarios judged so far.

    Nothing is tried that the implementation says it cannot do.  Raises AdapterError.
    """
    judged = undecided = 0
    on = judge_on(factory)

    def counted(scenario: Scenario) -> Judgement:
        nonlocal judged, undecided
        judged += 1
        if progress is not None:
            progress(judged)
        try:
            judgement = on(scenario)
        except AdapterError as error:
            raise _NotThere(error) from error
        undecided += judgement.verdict not in GOOD | BAD
        return judgement

    machine = seed(random_seed)(machine_for(counted, capabilities_of(factory)))
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        database=None,
        deadline=None,
        derandomize=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        # A real scenario takes longer than what hypothesis thinks healthy, and often
        # a rule's precondition fails.
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except _NotThere as gone:
        raise gone.error from None
    except (Unconforming, FlakyFailure) as error:
        found = cause(error, Unconforming)
        assert isinstance(found, Unconforming)
        failure = shortened(found, on)
        sometimes = isinstance(error, FlakyFailure)
    else:
        return Campaign(judged, undecided=undecided)
    file, unwritten = None, ""
    try:
        file = _write(failure, random_seed, out)
    except OSError as error:  # the finding is worth more than its file
        unwritten = str(error)
    return Campaign(judged, failure, file, undecided, unwritten, sometimes)


def _write(failure: Unconforming, random_seed: int, out: Path | None) -> Path | None:
    if out is None:
        return None
    out.mkdir(parents=True, exist_ok=True)
    name = f"fuzz-{random_seed}"
    # Not the reason: it lists alternatives in no certain order.
    blame = ", ".join(sorted(failure.judgement.blame))
    scenario = msgspec.structs.replace(
        failure.scenario, scenario=name, title=f"Counterexample: {blame or 'undetermined'}"
    )
    path = out / f"{name}.yaml"
    path.write_text(dump(scenario), encoding="utf-8")
    return path


__all__ = ["GOOD", "STEPS", "Campaign", "campaign", "judge_on"]
