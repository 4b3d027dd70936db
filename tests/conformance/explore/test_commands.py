"""``bgfetch explore`` and ``bgfetch diff`` say what was searched."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import attrs
import click
import pytest
from click.testing import CliRunner, Result

from conformance.cli import exits
from conformance.cli.diff import diff_command
from conformance.cli.explore import explore_command
from conformance.explore import search
from conformance.explore.rounds import Rounds
from conformance.explore.sync import SyncFound, SyncSpace


def in_explore(*arguments: str) -> Result:
    return CliRunner().invoke(explore_command, arguments, standalone_mode=False)


def in_diff(*arguments: str) -> Result:
    return CliRunner().invoke(diff_command, arguments, standalone_mode=False)


def test_background_sync_is_explored_by_its_name() -> None:
    result = in_explore("--api", "sync", "--format", "json")
    assert result.return_value == exits.OK
    shown = json.loads(result.output)
    assert (shown["states"], shown["transitions"], shown["broken"]) == (433, 1201, [])


def test_a_flaw_of_background_sync_comes_with_the_way_to_it() -> None:
    result = in_explore("--api", "sync", "--without", "BS02", "--kills", "1", "--losses", "0")
    assert result.return_value == exits.DIFFERENT
    assert "BROKEN fired after 7 steps" in result.output
    assert "UserAgentQuit(kill=True)" in result.output


def test_what_is_not_told_apart_is_said_with_what_was_searched() -> None:
    arguments = ["--from", "amended", "--to", "amended", "--scope", "null", "--no-races"]
    result = CliRunner().invoke(diff_command, arguments, standalone_mode=False)
    assert result.return_value == exits.OK
    assert "Not observable up to this bound: 1 scope (null), every choice" in result.output
    assert "in the system's own order of tasks" in result.output


def test_a_walk_that_was_left_makes_no_claim() -> None:
    arguments = ["--from", "amended", "--to", "amended", "--scope", "get", "--most-pairs", "5"]
    result = CliRunner().invoke(diff_command, [*arguments, "--no-races"], standalone_mode=False)
    assert result.return_value == exits.INCONCLUSIVE
    assert "Left at 5 pairs of one walk or 20,000 of all: get." in result.output


def test_a_search_of_background_sync_that_was_interrupted_proves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def explore(space: SyncSpace) -> SyncFound:
        return attrs.evolve(whole(space, most_states=20), why="interrupted")

    whole = search.explore
    monkeypatch.setattr(search, "explore", explore)
    result = in_explore("--api", "sync")
    assert result.return_value == exits.INTERRUPTED
    assert ", partial: interrupted (" in result.output
    assert "  not broken so far: " in result.output
    assert "  hold: " not in result.output


@pytest.mark.parametrize(("stopped", "code"), [("", 0), ("in round 1, at null", 130)])
def test_rounds_that_found_nothing_are_good_news_only_if_they_ended(
    stopped: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Rounds("amended", (), (), (), stopped)
    monkeypatch.setattr("conformance.explore.rounds.rounds", lambda *_, **__: found)
    assert in_explore("--rounds", "--edition", "amended", "--scope", "null").return_value == code


WITHOUT = ("--edition", "amended - E18", "--scope", "null")


def test_the_line_that_looks_at_a_flaw_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    folder = tmp_path / "my finds"
    result = in_explore(*WITHOUT, "--counterexamples", str(folder))
    line = next(line for line in result.output.splitlines() if "bgfetch explain" in line)
    words = ["bgfetch", "explain", str(folder / "null-L02.yaml"), "--edition", "amended - E18"]
    assert shlex.split(line) == words


def test_what_was_found_is_told_though_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = str(tmp_path / "file" / "below")
    result = in_explore(*WITHOUT, "--counterexamples", nowhere)
    assert result.return_value == exits.DIFFERENT
    assert "BROKEN L02" in result.output and f"cannot write {nowhere}" in result.output
    result = in_explore(*WITHOUT, "--counterexamples", str(tmp_path), "--out", nowhere)
    assert isinstance(result.exception, exits.Refusal)
    assert "BROKEN L02" in result.output
    result = in_diff("--to", "amended - E18", "--scope", "null", "--out", f"{nowhere}/d.yaml")
    assert result.return_value == exits.DIFFERENT
    assert "inputs tell amended from amended - E18" in result.output
    assert f"cannot write {nowhere}" in result.output.splitlines()[-1]


def test_a_difference_goes_to_a_file_whose_name_can_be_a_scenarios() -> None:
    result = in_diff("--out", "my diff.yaml")
    assert isinstance(result.exception, click.BadParameter)
    assert "its name is the scenario's id" in str(result.exception)


def test_the_lines_of_a_difference_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    out = tmp_path / "my finds" / "d.yaml"
    result = in_diff("--to", "amended - E18", "--scope", "null", "--out", str(out))
    last = shlex.split(result.output.splitlines()[-1])
    assert last[:3] == ["bgfetch", "explain", str(out)]
    assert last[3:] == ["--edition", "amended", "--compare", "amended - E18"]
