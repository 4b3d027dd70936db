"""Causes in the report of a run: of what is unexpected, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.cli.root import run

LIAR, SCENARIO = "liar:forgets-at-quit", "SC-49"
KNOWN = """
[[expected]]
scenario = "SC-49"
blame = ["GET-4.1.2"]
reason = "known"
"""


def judgement(out: Path) -> dict[str, object]:
    report = json.loads((out / "report.json").read_text("utf-8"))
    (result,) = report["results"]
    found: dict[str, object] = result["judgement"]
    return found


def test_a_surprise_is_told_with_what_is_broken_before_where_it_was_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", "--on", LIAR, SCENARIO, "--out", str(tmp_path), "-q"]) == 1
    said = capsys.readouterr().out
    assert 0 < said.index("broken at: PERFORM-0 (") < said.index("seen at: GET-4.1.2 (")
    assert "as if the text were taken as written (without E87)" in said
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<strong>Broken at: PERFORM-0 (" in page
    causes = judgement(tmp_path)["causes"]
    assert isinstance(causes, list) and causes[0]["step"] == "PERFORM-0"


def test_what_is_expected_is_not_searched(tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text(KNOWN, "utf-8")
    out = ["--out", str(tmp_path / "out"), "--expect", str(known), "-q"]
    assert run(["run", "--on", LIAR, SCENARIO, *out]) == 0
    assert judgement(tmp_path / "out")["causes"] is None
