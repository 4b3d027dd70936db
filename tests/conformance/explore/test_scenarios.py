"""A counterexample becomes a scenario that can be loaded and that the model repeats."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.cli import exits
from conformance.cli.root import run
from conformance.explore.background_fetch import compiled
from conformance.explore.scenarios import scenario_of
from conformance.explore.scope import SCOPES
from conformance.explore.search import explore
from conformance.explore.trail import follow
from conformance.scenario.dump import dump
from conformance.scenario.load import loads
from spec_model.editions import AS_WRITTEN


@pytest.mark.parametrize(
    "name", ["silent", "null", "ui", "get", "offline", "interface", "busy", "streams", "own-range"]
)
def test_every_flaw_of_a_small_scope_becomes_a_scenario(name: str) -> None:
    scope = SCOPES[name]
    tables = compiled(scope, AS_WRITTEN)
    found = explore(tables)
    assert found.flaws
    for flaw in found.flaws:
        strides = follow(scope, AS_WRITTEN, tables, flaw)
        assert len(strides) == flaw.depth
        scenario = scenario_of(scope, strides, name="x", title="t", source=())
        assert loads(dump(scenario)) == scenario


def test_the_command_writes_the_scenario_and_says_how_to_look_at_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "found"
    arguments = ["--edition", "as-written", "--scope", "null", "--counterexamples", str(folder)]
    assert run(["explore", *arguments]) == exits.DIFFERENT
    shown = capsys.readouterr().out
    assert "BROKEN L02" in shown
    assert f"bgfetch explain {folder / 'null-L02.yaml'} --edition as-written" in shown
    assert run(["explain", str(folder / "null-L02.yaml"), "--edition", "as-written"]) == exits.OK


def test_the_command_holds_for_the_amended_text() -> None:
    assert run(["explore", "--scope", "null"]) == exits.OK


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--edition", "no-such"], "no edition 'no-such'; there are amended, as-written"),
        (["--without", "E99"], "no cluster 'E99'"),
        (["--scope", "nowhere"], "no scope 'nowhere'"),
        (["--records", "9"], "records must be 1 to 4, not 9"),
        (["--attempts", "0"], "attempts must be 1 to 9, not 0"),
        (["--faults", "gremlins"], "no fault 'gremlins'; there are drop"),
    ],
)
def test_a_wrong_bound_is_one_clear_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explore", *arguments]) == exits.USAGE
    assert message in capsys.readouterr().err


def test_a_bound_on_states_leaves_it_open() -> None:
    assert run(["explore", "--scope", "get", "--most-states", "20"]) == exits.INCONCLUSIVE


def test_two_readings_are_told_apart_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "d.yaml"
    arguments = ["--to", "amended - E18", "--scope", "null", "--out", str(out)]
    assert run(["diff", *arguments]) == exits.DIFFERENT
    assert "2 inputs tell amended from amended - E18" in capsys.readouterr().out
    assert loads(out.read_text("utf-8")).script


def test_a_flaw_that_takes_a_race_comes_with_the_race(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--without", "E05", "--scope", "total-bursts", "--counterexamples", str(tmp_path)]
    assert run(["explore", *arguments]) == exits.DIFFERENT
    assert "    a race: " in capsys.readouterr().out
    notes = loads((tmp_path / "total-bursts-S34.yaml").read_text("utf-8")).notes
    assert notes.startswith("It takes a race that a scenario cannot ask for: ")
