"""The model as an implementation: one explanation, whole runs, properties over their traces."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from click.testing import CliRunner

from conformance.adapters.model import CAPABILITIES
from conformance.cli.root import cli
from conformance.judge.acceptor import Acceptor
from conformance.judge.explain import run_on_model
from conformance.judge.properties import check_all
from conformance.judge.run_needs import required_capabilities
from conformance.mutate import mutants
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import load
from conformance.trace import Trace
from spec_model.editions import AMENDED
from tests.bench import bench_acceptor as acceptor
from tests.bench.measuring import Bench

EXPLAINED = "SC-135"
"""A scenario of ordinary length: a download that is cut and resumed."""


@cache
def scenarios() -> tuple[Scenario, ...]:
    every = map(load, find())
    return tuple(one for one in every if not required_capabilities(one) - {*CAPABILITIES})


@cache
def traces() -> tuple[Trace, ...]:
    return tuple(run_on_model(one, AMENDED) for one in scenarios())


def one_explanation() -> int:
    told = CliRunner().invoke(cli, ["explain", EXPLAINED])
    assert told.exit_code == 0, told.output
    return 1


def every_scenario() -> int:
    for scenario in scenarios():
        run_on_model(scenario, AMENDED)
    return len(scenarios())


def every_property() -> int:
    return sum(len(check_all(trace)) for trace in traces())


def every_mutant() -> int:
    mutants.cache_clear()
    return len(mutants())


def accepting(trace: acceptor.Bench) -> Callable[[], int]:
    """Feed one of the acceptor's traces; the trace is made once, outside the measuring."""
    entries = trace.make().entries

    def work() -> int:
        judge = Acceptor()
        for entry in entries:
            judge.feed(entry)
        return len(entries)

    return work


FIGURES = (
    Bench("explain", f"bgfetch explain {EXPLAINED}, once loaded", one_explanation, goal=1.0),
    Bench("model", "scenarios run on the model", every_scenario, "per second", goal=20.0),
    Bench("properties", "properties checked over a trace", every_property, "per second"),
    Bench("mutants", "mutants made of the model", every_mutant, "per second"),
    *(
        Bench("acceptor", each.name, accepting(each), goal=each.below / 1000)
        for each in acceptor.BENCHES
    ),
)
