"""``bgfetch explore`` and ``bgfetch diff`` say what was searched."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from conformance.cli import exits
from conformance.cli.diff import diff_command
from conformance.cli.explore import explore_command


def explore(*arguments: str) -> Result:
    return CliRunner().invoke(explore_command, arguments, standalone_mode=False)


def test_background_sync_is_explored_by_its_name() -> None:
    result = explore("--api", "sync", "--format", "json")
    assert result.return_value == exits.OK
    shown = json.loads(result.output)
    assert (shown["states"], shown["transitions"], shown["broken"]) == (433, 1201, [])


def test_a_flaw_of_background_sync_comes_with_the_way_to_it() -> None:
    result = explore("--api", "sync", "--without", "BS02", "--kills", "1", "--losses", "0")
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
