"""``bgfetch list``, ``explain``, ``smoke``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.cli import judging, listing
from conformance.cli.listing import WHAT
from conformance.cli.root import COMMANDS, run
from conformance.judge.session import Outcome, Session, Unclean
from conformance.judge.verdict import Verdict
from spec_model.editions import BASELINE
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
    taken = rows["RECORD-3"]["scenarios"].split(", ")
    assert "E13" in taken and len(taken) > listing.MOST_NAMED
    assert rows["GET-3"]["line"].isdigit()
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


# --- what the tables say --------------------------------------------------------------

Said = dict[str, dict[str, str]]


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Said]:
    """The rows of a table of two scenarios, by their first column."""
    for name, needs in (("X-1", "online: false"), ("X-2", "push: x")):
        (tmp_path / f"{name}.yaml").write_text(
            f"scenario: {name}\ntitle: A file\nsource: [S1-01]\nscript: [{{{needs}}}]\n"
        )

    def read(what: str, *arguments: str) -> Said:
        places = ["--scenarios", str(tmp_path)]
        assert run(["list", what, "--format", "json", *places, *arguments]) == 0
        rows = json.loads(capsys.readouterr().out)
        return {next(iter(row.values())): row for row in rows}

    return read


def test_a_scenario_is_listed_with_what_it_shows_and_needs(listed: Callable[..., Said]) -> None:
    assert listed("scenarios") == {
        "X-1": {"scenario": "X-1", "title": "A file", "shows": "S1-01", "needs": "offline"},
        "X-2": {"scenario": "X-2", "title": "A file", "shows": "S1-01", "needs": "push"},
    }


def test_a_capability_is_listed_with_every_scenario_that_needs_it(
    listed: Callable[..., Said], tmp_path: Path
) -> None:
    first = (tmp_path / "X-1.yaml").read_text()
    (tmp_path / "X-3.yaml").write_text(first.replace("X-1", "X-3"))
    rows = listed("capabilities")
    assert rows["offline"]["needed by"] == "X-1, X-3"
    assert rows["quota"]["needed by"] == ""


def test_a_row_that_nothing_shows_is_listed_but_no_such_situation(
    listed: Callable[..., Said],
) -> None:
    rows = listed("sources")
    assert rows["S1-01"]["scenarios"] == "X-1, X-2"
    assert rows["S1-02"]["scenarios"] == "" and rows["S1-02"]["says"]
    assert "SC-22" not in rows


def test_only_what_is_run_without_a_name_is_a_default(listed: Callable[..., Said]) -> None:
    default = {name for name, row in listed("adapters").items() if row["run by default"] == "yes"}
    assert default == {"model", "engine", "chromium"}


def test_a_choice_is_listed_with_its_default_first(listed: Callable[..., Said]) -> None:
    rows = listed("choices")
    assert rows["id-order"]["options"] == "insertion (default), by-text"
    assert listed("profiles")["spec"]["choices"] == "all defaults"


def test_clusters_name_their_errata_and_what_every_edition_has(
    listed: Callable[..., Said],
) -> None:
    rows = listed("clusters")
    assert "E13" in rows["E13"]["errata"].split()
    every = [row for row in rows.values() if row["the amended text"].endswith("edition)")]
    assert sorted(row["cluster"] for row in every) == sorted(BASELINE)


def test_each_specification_has_states_and_errata_of_its_own(listed: Callable[..., Said]) -> None:
    assert set(listed("states")) > {"registration", "record"}
    assert len(listed("states", "--api", "sync")) == 1
    assert "E01" in listed("errata") and "E01" not in listed("errata", "--api", "sync")
    assert "BS02" in listed("errata", "--api", "sync")


def test_as_text_the_states_are_those_of_the_specification_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(["list", "states", "--api", "sync"])
    sync = capsys.readouterr().out
    run(["list", "states"])
    assert "firing" in sync and "firing" not in capsys.readouterr().out


def test_a_long_row_names_a_few_scenarios_and_counts_the_others() -> None:
    assert listing._few("abc", whole=False) == "a, b, c"
    assert listing._few("abcde", whole=False) == "a, b, c and 2 more"
    assert listing._few("abcde", whole=True) == "a, b, c, d, e"


def test_a_narrow_table_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    listing._print(("name", "what"), [("x", "w" * 300)])
    assert capsys.readouterr().out.count("w") >= 300
