"""``bgfetch list``, ``explain``, ``smoke``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.cli import judging
from conformance.cli.listing import WHAT
from conformance.cli.root import COMMANDS, run
from conformance.judge.session import Outcome, Session, Unclean
from conformance.judge.verdict import Verdict
from tests.conformance.report.samples import judged


@pytest.mark.parametrize("what", WHAT)
def test_every_table_is_printed_and_is_json_too(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["list", what]) == 0
    assert capsys.readouterr().out.strip()
    assert run(["list", what, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows
    assert all(isinstance(value, str) for row in rows for value in row.values())


def test_the_states_are_those_of_the_lifecycle(capsys: pytest.CaptureFixture[str]) -> None:
    run(["list", "states"])
    out = capsys.readouterr().out
    assert "download-total-exceeded" in out
    assert "overflowing" in out


def test_a_step_is_listed_with_the_code_and_the_scenarios_that_take_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["list", "steps", "--format", "json"])
    rows = {row["step"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["GET-3"]["code"].startswith("background_fetch.py:")
    assert rows["GET-3"]["code"].endswith(" get")
    assert "E13" in rows["RECORD-3"]["scenarios"].split(", ")
    assert rows["DISPLAY-5.1"]["not modelled"].startswith("Icons")
    assert rows["DISPLAY-5.1"]["code"] == ""


def test_an_unknown_table_is_a_usage_error() -> None:
    assert run(["list", "colours"]) == 64


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: bgfetch {command}")


def test_the_model_passes_its_smoke_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["smoke", "--on", "model"]) == 0
    assert "model smoke-404: conforms\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("verdicts", "unclean", "code"),
    [
        ((Verdict.CONFORMS, Verdict.CONFORMS_VIA), False, 0),
        ((Verdict.CONFORMS, Verdict.CONFORMS), True, 2),
        ((Verdict.CONFORMS, Verdict.INCONCLUSIVE), False, 2),
        ((Verdict.VIOLATES, Verdict.INCONCLUSIVE), True, 1),
    ],
)
def test_a_smoke_test_ends_with_the_worst_that_it_saw(
    verdicts: tuple[Verdict, ...],
    unclean: bool,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ("smoke-success", "smoke-404")
    outcomes = [
        Outcome("model", 1, judged(name, "model", verdict))
        for name, verdict in zip(names, verdicts, strict=True)
    ]
    session = Session(outcomes, complete=True)
    session.unclean += [Unclean("model", "it was killed")] * unclean
    monkeypatch.setattr(judging, "session", lambda *_, **__: session)
    assert run(["smoke", "--on", "model"]) == code
    assert ("model: WARNING: it was killed\n" in capsys.readouterr().out) == unclean


def test_an_unknown_edition_or_cluster_is_a_usage_error() -> None:
    assert run(["explain", "SC-56", "--edition", "future"]) == 64
    assert run(["explain", "SC-56", "--without", "E999"]) == 64


def test_a_scenario_file_elsewhere_is_found(tmp_path: Path) -> None:
    assert run(["list", "scenarios", "--scenarios", str(tmp_path)]) == 66
