"""Whoever is broken on purpose is caught: by named scenarios and by the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.adapters.engine_sim import EngineSimFactory
from conformance.cli.root import run
from conformance.fuzz.campaign import judge_on
from conformance.judge.verdict import Verdict
from conformance.liars import LIARS, Liar
from conformance.scenario.find import find
from conformance.scenario.load import load

FILES = {path.stem: path for path in find()}
EXAMPLES = 300
MOST_STEPS = 8

EACH = pytest.mark.parametrize("liar", LIARS.values(), ids=lambda one: one.name)
CATCHES = [(liar, scenario) for liar in LIARS.values() for scenario in liar.caught_by]


def test_there_are_six_broken_engines_and_a_silent_one() -> None:
    assert len(LIARS) == 7
    assert all(liar.caught_by for liar in LIARS.values())


@pytest.mark.parametrize(("liar", "name"), CATCHES, ids=lambda one: getattr(one, "name", one))
def test_a_scenario_catches_it_and_blames_a_step_that_it_breaks(liar: Liar, name: str) -> None:
    judgement = judge_on(liar.factory())(load(FILES[name]))
    assert judgement.verdict is Verdict.VIOLATES
    assert liar.steps & set(judgement.blame), judgement.blame


@pytest.mark.parametrize("name", sorted({name for _, name in CATCHES}))
def test_the_unbroken_engine_conforms_where_liars_are_caught(name: str) -> None:
    judgement = judge_on(EngineSimFactory())(load(FILES[name]))
    assert judgement.verdict is Verdict.CONFORMS, judgement.why


# Hypothesis also draws constants that it finds in whatever modules are loaded: what a seed
# makes is certain only in a process that has loaded nothing else.
CAMPAIGN = """
import sys
from pathlib import Path
from conformance.fuzz.campaign import campaign
from conformance.liars import LIARS
out = Path(sys.argv[2])
found = campaign(LIARS[sys.argv[1]].factory(), examples=int(sys.argv[3]), random_seed=0, out=out)
if found.failure is not None:
    print(found.failure.judgement.verdict.value, found.failure.steps, found.file)
"""


@EACH
def test_the_machine_finds_a_short_counterexample(liar: Liar, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CAMPAIGN, liar.name, str(tmp_path), str(EXAMPLES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    verdict, steps, file = done.stdout.split()
    assert verdict == Verdict.VIOLATES.value
    assert 1 <= int(steps) <= MOST_STEPS
    honest = judge_on(EngineSimFactory())(load(Path(file)))
    assert honest.verdict in (Verdict.CONFORMS, Verdict.CONFORMS_VIA), honest.why


def test_selftest_lists_them_all_as_caught(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["selftest"]) == 0
    said = capsys.readouterr().out
    assert all(f"liar:{name}:" in said for name in LIARS)
    assert said.count("caught; the unbroken engine conforms") == len(CATCHES)


def test_a_liar_is_run_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path)]
    assert run(["fuzz", "--on", "liar:silent", "--examples", "5", "-q", *out]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("bgfetch replay --on liar:silent ")


def test_a_liar_that_nobody_knows_is_a_usage_error() -> None:
    assert run(["fuzz", "--on", "liar:nobody"]) == 64
