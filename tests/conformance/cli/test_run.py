"""``bgfetch run``, ``replay``, ``why``, ``report``: exit codes, files, what is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from conformance import trace as traces
from conformance.adapter import AdapterFactory
from conformance.cli import judging
from conformance.cli.exits import Refusal
from conformance.cli.output import Folder
from conformance.cli.root import run
from conformance.judge.judge import judge
from conformance.judge.session import Absent, Column, Outcome, Session, Watcher
from conformance.judge.verdict import Cause, Judgement, PropertyResult, Verdict
from conformance.scenario.format import Scenario
from tests.conformance.report.samples import judged, sample_trace

SCENARIO = """\
format: 1
scenario: {id}
title: a fetch of one record
source: [S1-01]
world: {{resources: {{/a: {{}}}}}}
script:
  - fetch: {{id: a, requests: [/a], as: f}}
"""

Judged = dict[tuple[str, str], Verdict]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two scenarios."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    for name in ("X-1", "X-2"):
        (tmp_path / "own" / f"{name}.yaml").write_text(SCENARIO.format(id=name))
    return tmp_path


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> Judged:
    """What the faked engines find; everything else conforms."""
    found: Judged = {}

    def session(
        scenarios: Sequence[Scenario],
        columns: Sequence[Column],
        deadline: float,
        repeat: int,
        watcher: Watcher,
    ) -> Session:
        outcomes = [
            Outcome(
                column.name,
                attempt,
                judged(
                    one.scenario,
                    column.name,
                    found.get((column.name, one.scenario), Verdict.CONFORMS),
                ),
                sample_trace(one.scenario, column.name),
            )
            for column in columns
            for one in scenarios
            for attempt in range(1, repeat + 1)
        ]
        for outcome in outcomes:
            watcher.finished(outcome)
        return Session(outcomes, complete=True)

    monkeypatch.setattr(judging, "session", session)
    return found


OWN = ("run", "--scenarios", "own")


@pytest.mark.usefixtures("folder", "verdicts")
def test_a_run_as_expected_ends_with_0_and_leaves_every_form_of_the_report(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([*OWN, "--on", "model"]) == 0
    out = capsys.readouterr().out
    assert "model 150.0.7871.1: 2 conform\n" in out
    assert out.endswith("report: bgfetch-report/report.html\n")
    left = sorted(path.name for path in Path("bgfetch-report").iterdir())
    assert left == ["junit.xml", "report.html", "report.json"]


@pytest.mark.usefixtures("folder")
def test_a_violation_ends_with_1_keeps_its_trace_and_says_how_to_see_it_again(
    verdicts: Judged, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts["model", "X-2"] = Verdict.VIOLATES
    assert run([*OWN, "--on", "model"]) == 1
    assert "    bgfetch run --on model --scenarios own X-2\n" in capsys.readouterr().out
    (saved,) = Path("bgfetch-report/traces").rglob("*.jsonl")
    assert str(saved) == "bgfetch-report/traces/model/X-2.jsonl"
    assert traces.load(saved.read_bytes()) == sample_trace("X-2", "model")


@pytest.mark.usefixtures("folder", "verdicts")
def test_traces_of_conforming_runs_are_kept_when_asked_for() -> None:
    run([*OWN, "--on", "model", "--save-traces", "--repeat", "2"])
    names = sorted(path.name for path in Path("bgfetch-report/traces/model").iterdir())
    assert names == ["X-1.2.jsonl", "X-1.jsonl", "X-2.2.jsonl", "X-2.jsonl"]


@pytest.mark.usefixtures("folder", "verdicts")
def test_without_on_the_default_implementations_are_run() -> None:
    run([*OWN, "--format", "json"])
    report = json.loads(Path("bgfetch-report/report.json").read_bytes())
    assert [one["name"] for one in report["columns"]] == ["model", "engine", "chromium"]
    assert not any(one["asked"] for one in report["columns"])


@pytest.mark.usefixtures("folder", "verdicts")
@pytest.mark.parametrize(
    ("arguments", "ran"),
    [
        (["X-2"], ["X-2"]),
        (["x-*"], ["X-1", "X-2"]),
        (["own/X-1.yaml"], ["X-1"]),
        (["--filter", "x-1"], ["X-1"]),
        (["--filter", "s1-01"], ["X-1", "X-2"]),
        (["--filter", "OF ONE record"], ["X-1", "X-2"]),
        (["--filter", "S1-?1"], ["X-1", "X-2"]),
    ],
)
def test_scenarios_are_selected_by_id_glob_file_or_word(
    arguments: list[str], ran: list[str]
) -> None:
    assert run([*OWN, "--on", "model", *arguments]) == 0
    report = json.loads(Path("bgfetch-report/report.json").read_bytes())
    assert [one["id"] for one in report["scenarios"]] == ran


@pytest.mark.usefixtures("folder", "verdicts")
@pytest.mark.parametrize("arguments", [["X-9"], ["--filter", "zebra"], ["--scenarios", "nowhere"]])
def test_nothing_selected_ends_with_66(arguments: list[str]) -> None:
    assert run([*OWN, "--on", "model", *arguments]) == 66


@pytest.mark.usefixtures("folder")
def test_a_misspelt_id_is_told_its_neighbours(capsys: pytest.CaptureFixture[str]) -> None:
    run([*OWN, "X-11"])
    assert (
        capsys.readouterr().err == "bgfetch: there is no scenario 'X-11'; did you mean X-1, X-2?\n"
    )


def test_bad_scenarios_end_with_78_and_a_line_each(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own" / "X-1.yaml").write_text("format: 2\n")
    (folder / "own" / "X-2.yaml").write_text("- 1\n")
    assert run([*OWN]) == 78
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["own/X-1.yaml", "own/X-2.yaml"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "arguments",
    [
        ["--on", "netscape"],
        ["--on", "stdio:"],
        ["--on", "stdio:COMMAND'"],
        ["--repeat", "0"],
        ["--no-such-option"],
        ["--timeout", "0"],
    ],
)
def test_usage_errors_end_with_64(arguments: list[str]) -> None:
    assert run([*OWN, *arguments]) == 64


def test_an_unknown_command_is_a_usage_error() -> None:
    assert run(["walk"]) == 64


@pytest.mark.usefixtures("folder", "verdicts")
def test_json_and_junit_are_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    run([*OWN, "--on", "model", "--format", "json"])
    assert json.loads(capsys.readouterr().out)["complete"] is True
    run([*OWN, "--on", "model", "--format", "junit"])
    assert capsys.readouterr().out.startswith("<?xml")


# --- expectations ---------------------------------------------------------------------

ENTRY = '[[expected]]\nscenario = "X-2"\nblame = []\nreason = "known"\n'


def test_a_file_of_ones_own_is_that_of_a_lone_implementation(
    folder: Path, verdicts: Judged
) -> None:
    verdicts["model", "X-2"] = Verdict.VIOLATES
    (folder / "mine.toml").write_text(ENTRY)
    assert run([*OWN, "--on", "model", "--expect", "mine.toml"]) == 0


def test_a_folder_has_a_file_for_each_implementation(folder: Path, verdicts: Judged) -> None:
    verdicts["engine", "X-2"] = Verdict.VIOLATES
    (folder / "expected").mkdir()
    (folder / "expected" / "engine.toml").write_text(ENTRY)
    assert run([*OWN, "--on", "model", "--on", "engine", "--expect", "expected"]) == 0


@pytest.mark.usefixtures("verdicts")
@pytest.mark.parametrize(("listed", "code"), [("X-2", 0), ("SC-33", 0), ("Z-9", 1)])
def test_an_entry_is_stale_only_if_its_scenario_exists_nowhere(
    folder: Path, listed: str, code: int
) -> None:
    (folder / "mine.toml").write_text(ENTRY.replace("X-2", listed))
    assert run([*OWN, "--on", "model", "--expect", "mine.toml", "X-1"]) == code


@pytest.mark.usefixtures("verdicts")
def test_a_bad_expectation_file_ends_with_78(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine.toml").write_text(ENTRY.replace("reason", "season"))
    assert run([*OWN, "--on", "model", "--expect", "mine.toml"]) == 78
    assert capsys.readouterr().err.startswith("bgfetch: mine.toml:1: entry 1 (X-2)")


def test_a_proposal_stands_beside_the_file_and_overwrites_nothing(
    folder: Path, verdicts: Judged
) -> None:
    verdicts["model", "X-1"] = Verdict.VIOLATES
    (folder / "model.toml").write_text(ENTRY)
    for _ in range(2):
        run([*OWN, "--on", "model", "--expect", "model.toml", "--update-expected"])
    assert (folder / "model.toml").read_text() == ENTRY
    first = (folder / "model.proposed.toml").read_text()
    assert 'scenario = "X-1"' in first
    assert "X-2" not in first
    assert (folder / "model.proposed-2.toml").read_text() == first


@pytest.mark.usefixtures("verdicts")
def test_a_run_as_expected_proposes_nothing(folder: Path) -> None:
    run([*OWN, "--on", "model", "--update-expected"])
    assert list(folder.rglob("*.proposed*")) == []


# --- implementations that are not there -----------------------------------------------


@pytest.mark.usefixtures("folder")
def test_a_program_that_does_not_exist_ends_with_69_and_the_rest_is_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def session(scenarios: Sequence[Scenario], columns: Sequence[Column], *_: object) -> Session:
        outcomes = [Outcome("model", 1, judged(one.scenario, "model")) for one in scenarios]
        return Session(outcomes, [Absent(columns[1].name, "no such program")], complete=True)

    monkeypatch.setattr(judging, "session", session)
    assert run([*OWN, "--on", "model", "--on", "stdio:./nothing"]) == 69
    report = json.loads(Path("bgfetch-report/report.json").read_bytes())
    assert report["columns"][1]["absent"] == "no such program"
    assert len(report["results"]) == 2


# --- replay, why, report --------------------------------------------------------------


@pytest.fixture
def recorded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Judgement], Path]:
    """Writes a trace, which the judge will be made to judge so."""

    def write(judgement: Judgement) -> Path:
        monkeypatch.setattr("conformance.judge.judge.judge", lambda _: judgement)
        path = folder / f"{judgement.scenario}.jsonl"
        path.write_bytes(traces.dump(sample_trace(judgement.scenario, judgement.implementation)))
        return path

    return write


def test_a_recorded_trace_is_judged_again_without_an_implementation(
    recorded: Callable[[Judgement], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = recorded(judged("X-1", "someone", Verdict.VIOLATES))
    assert run(["replay", str(path)]) == 1
    assert "VIOLATES  X-1 on someone" in capsys.readouterr().out


@pytest.mark.usefixtures("folder", "verdicts")
def test_a_scenario_file_is_run() -> None:
    assert run(["replay", "--on", "model", "own/X-1.yaml"]) == 0


@pytest.mark.usefixtures("folder", "verdicts")
def test_traces_and_scenarios_are_not_mixed_however_many_traces_a_folder_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run([*OWN, "--on", "model", "--save-traces"])
    for other in ("own/X-1.yaml", "own"):
        assert run(["replay", "bgfetch-report/traces", other]) == 64
        assert f"no trace in {other}" in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_what_is_no_trace_ends_with_78_and_what_is_not_there_with_66(
    folder: Path,
) -> None:
    (folder / "bad.jsonl").write_text("{}\n")
    (folder / "empty.jsonl").write_text("")
    assert run(["replay", "bad.jsonl"]) == 78
    assert run(["replay", "empty.jsonl"]) == 78
    assert run(["why", "empty.jsonl"]) == 78
    assert run(["replay", "none.jsonl"]) == 66


def test_why_shows_the_entries_around_the_first_unexplained_one(
    recorded: Callable[[Judgement], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    judgement = msgspec.structs.replace(
        judged("X-1", "someone", Verdict.VIOLATES), unexplained=13, blame=("S06",)
    )
    assert run(["why", str(recorded(judgement)), "--no-cause"]) == 0
    out = capsys.readouterr().out
    assert "!   13     0.130  the worker gets backgroundfetchsuccess" in out
    assert "entries 0 to 12 can be explained; entry 13 cannot" in out
    assert "page p1 calls fetch" not in out


def test_why_shows_the_entry_that_was_asked_for(
    recorded: Callable[[Judgement], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(recorded(judged("X-1", "someone")))
    assert run(["why", path, "--at", "2"]) == 0
    assert ">    2     0.020  page p1 calls fetch" in capsys.readouterr().out
    assert run(["why", path, "--at", "99"]) == 64


def test_why_tells_the_explanations_before_and_after_an_entry(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.conformance.judge.traces import HOME, Script

    script = Script().begin().fetch("a", "/x").request("/x").serve("/x", 404, 9).quiet()
    whole = traces.Trace("X-1", "someone", "1", [], {"app": HOME}, True, script.entries)
    path = folder / "X-1.jsonl"
    path.write_bytes(traces.dump(whole))
    assert run(["why", str(path), "--at", "5"]) == 0
    out = capsys.readouterr().out
    assert "before entry 5: 1 explanation\n" in out
    assert "'a': running; GET http://app.test/x is" in out
    assert "allowed next: " in out
    assert run(["why", str(path), "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["entry"] == said["judgement"]["unexplained"] == len(script.entries) - 1
    before, after = said["alive"]
    assert before["held"] == len(before["explanations"]) > 0
    assert after["held"] == 0


def test_a_trace_that_no_judge_can_have_written_ends_with_78(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.conformance.judge.traces import HOME, Script

    script = Script().begin().fetch("a", "/x").request("/x").serve("/x")
    for left_out, said in (
        (0, "before the scenario has begun"),
        (5, "has no request"),
    ):
        entries = [entry for at, entry in enumerate(script.entries) if at != left_out]
        whole = traces.Trace("X-1", "someone", "1", [], {"app": HOME}, True, entries)
        (folder / "X-1.jsonl").write_bytes(traces.dump(whole))
        for command in ("why", "replay"):
            assert run([command, str(folder / "X-1.jsonl")]) == 78
            assert said in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_a_report_is_made_again_from_its_folder(
    verdicts: Judged, capsys: pytest.CaptureFixture[str]
) -> None:
    verdicts["model", "X-2"] = Verdict.VIOLATES
    run([*OWN, "--on", "model", "--save-traces"])
    first = capsys.readouterr().out.rpartition("report: ")[0]
    page = Path("bgfetch-report/report.html").read_bytes()
    assert run(["report"]) == 1
    assert capsys.readouterr().out == first
    Path("bgfetch-report/report.html").unlink()
    assert run(["report", "--format", "html"]) == 1
    assert Path("bgfetch-report/report.html").read_bytes() == page


def test_a_report_that_cannot_be_completed_leaves_the_old_one_and_ends_with_78(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Folder(tmp_path)
    folder.write("report.json", b"old")

    def full(self: Path, target: Path) -> None:
        raise OSError("no room")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(Refusal, match="cannot write") as caught:
        folder.write("report.json", b"new")
    assert caught.value.code == 78
    assert (tmp_path / "report.json").read_bytes() == b"old"


@pytest.mark.usefixtures("folder")
def test_a_folder_without_a_report_ends_with_66() -> None:
    assert run(["report", "own"]) == 66


# --- the real engines -----------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_the_model_conforms_to_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*OWN, "--on", "model"]) == 0
    assert "2 conform" in capsys.readouterr().out


@pytest.mark.usefixtures("folder")
def test_a_run_can_be_replayed_from_its_traces() -> None:
    run([*OWN, "--on", "model", "--save-traces"])
    assert run(["replay", "bgfetch-report/traces", "--out", "again"]) == 0
    first, again = (
        json.loads(Path(folder, "report.json").read_bytes())
        for folder in ("bgfetch-report", "again")
    )
    verdicts = [
        [one["judgement"]["verdict"] for one in report["results"]] for report in (first, again)
    ]
    assert verdicts[0] == verdicts[1]


@pytest.mark.usefixtures("folder")
def test_a_fault_of_our_own_ends_with_70_and_the_rest_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Faulty(judging.Judging):
        async def play(self, scenario: Scenario, factory: AdapterFactory) -> traces.Trace:
            if scenario.scenario == "X-1":
                raise KeyError("x")
            return sample_trace(scenario.scenario, factory.name)

        def judged(self, trace: traces.Trace, _: Scenario) -> Judgement:
            return judged(trace.scenario, "model")

    monkeypatch.setattr(judging, "Judging", Faulty)
    assert run([*OWN, "--on", "model"]) == 70
    said = capsys.readouterr()
    out = said.out
    assert said.err.startswith("model X-1: our bug\n")
    assert "OUR BUG  X-1 on model" in out
    assert "KeyError: 'x'" in out


def test_help_needs_none_of_the_engines() -> None:
    code = (
        "import sys\n"
        "from conformance.cli.root import run\n"
        "run(['--help'])\n"
        "print(sorted({'trio', 'msgspec', 'rich', 'jinja2', 'ruamel.yaml', 'hypothesis', 'attrs',\n"
        "    'transitions', 'playwright'} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_the_judge_that_is_wired_is_the_judge() -> None:
    trace = sample_trace()
    again = judge(trace)
    assert msgspec.structs.replace(
        judging.Judging().judged(trace, Scenario("SC-33", "", [], [])), seconds=0.0
    ) == msgspec.structs.replace(again, seconds=0.0)


# --- what is said of a trace ----------------------------------------------------------


@pytest.fixture
def why(
    recorded: Callable[[Judgement], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., str]:
    """``bgfetch why`` of a trace that is judged so."""

    def say(judgement: Judgement, *arguments: str) -> str:
        path = str(recorded(judgement))
        assert run(["why", path, *arguments]) == 0
        return capsys.readouterr().out

    monkeypatch.setattr("conformance.blame.with_causes", lambda judgement, _: judgement)
    return say


def wrong(**more: object) -> Judgement:
    fields = {"unexplained": 13, "explained": 13, **more}
    return msgspec.structs.replace(judged("X-1", "someone", Verdict.VIOLATES), **fields)


def test_why_shows_six_entries_on_each_side_and_the_one_in_question_whole(
    why: Callable[..., str],
) -> None:
    numbers = [int(line[2:6]) for line in why(wrong()).splitlines() if line[2:6].strip().isdigit()]
    assert numbers[0] >= 7 and 13 in numbers
    whole = why(wrong(), "--all")
    assert "page p1 calls fetch" in whole and "       {" in whole
    asked = why(wrong(), "--at", "2", "--all")
    marks = {line[:6].strip("0123456789 ") for line in asked.splitlines() if line[2:6].strip()}
    assert {"!", ">"} <= marks


def test_why_ends_with_the_verdict_and_what_supports_it(why: Callable[..., str]) -> None:
    properties = (
        PropertyResult("S01", True, 2),
        PropertyResult("S02", True, 0),
        PropertyResult("S06", False, 1, 13, "success although /b answered 404"),
        PropertyResult("S10", None),
    )
    said = why(wrong(why="so it is", allowed=("this", "that"), properties=properties))
    lines = said.partition("\n\n")[2].partition("\n\n")[0].splitlines()
    assert lines == [
        "X-1 on someone: violates",
        "why: so it is",
        "entries 0 to 12 can be explained; entry 13 cannot",
        "seen at: undetermined",
        "allowed instead: this",
        "allowed instead: that",
        "S06 is broken: success although /b answered 404",
        "properties that hold, and not for want of a case: S01",
    ]
    via = msgspec.structs.replace(
        judged("X-1", "someone", Verdict.CONFORMS_VIA), choices=("one", "two")
    )
    assert "X-1 on someone: conforms via one, two\n" in why(via)


def test_why_searches_for_causes_unless_it_is_told_not_to(
    why: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = (Cause("RECORD-3", "it were not there"),)
    monkeypatch.setattr(
        "conformance.blame.with_causes",
        lambda judgement, _: msgspec.structs.replace(judgement, causes=found),
    )
    assert "broken at: RECORD-3 (" in why(wrong())
    assert "RECORD-3" not in why(wrong(), "--no-cause")
    assert json.loads(why(wrong(), "--at", "2", "--format", "json"))["entry"] == 2
    told = json.loads(why(wrong(), "--format", "json"))
    assert told["judgement"]["causes"][0]["step"] == "RECORD-3"
    assert (told["entry"], [each["when"] for each in told["alive"]]) == (
        13,
        ["before entry 13", "after entry 13"],
    )


def test_traces_of_one_scenario_are_attempts(
    recorded: Callable[[Judgement], Path], folder: Path
) -> None:
    path = recorded(judged("X-1", "someone"))
    (folder / "all").mkdir()
    for name in ("one", "two"):
        (folder / "all" / f"{name}.jsonl").write_bytes(path.read_bytes())
    assert run(["replay", "all"]) == 0
    report = json.loads(Path("bgfetch-report/report.json").read_bytes())
    assert [one["attempt"] for one in report["results"]] == [1, 2]
    assert [one["name"] for one in report["columns"]] == ["someone"]
    assert report["columns"][0]["asked"]


@pytest.mark.usefixtures("folder")
def test_a_trace_says_itself_what_it_was_recorded_on(
    recorded: Callable[[Judgement], Path],
) -> None:
    assert run(["replay", str(recorded(judged("X-1", "someone"))), "--on", "model"]) == 64


# --- which scenarios ------------------------------------------------------------------


@pytest.mark.usefixtures("verdicts")
def test_scenarios_are_run_in_the_order_of_their_numbers(folder: Path) -> None:
    (folder / "own" / "X-10.yaml").write_text(SCENARIO.format(id="X-10"))
    run([*OWN, "--on", "model"])
    report = json.loads(Path("bgfetch-report/report.json").read_bytes())
    assert [one["id"] for one in report["scenarios"]] == ["X-1", "X-2", "X-10"]


def test_two_files_of_one_id_are_both_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own" / "more").mkdir()
    (folder / "own" / "more" / "X-1.yaml").write_text(SCENARIO.format(id="X-1"))
    assert run([*OWN]) == 78
    assert capsys.readouterr().err == ("bgfetch: own/more/X-1.yaml: X-1 is also in own/X-1.yaml\n")


def test_a_proposal_in_a_folder_is_not_an_expectation(folder: Path, verdicts: Judged) -> None:
    verdicts["model", "X-2"] = Verdict.VIOLATES
    (folder / "expected").mkdir()
    proposed = f'implementation = "model"\n{ENTRY}'
    (folder / "expected" / "model.proposed.toml").write_text(proposed)
    assert run([*OWN, "--on", "model", "--expect", "expected"]) == 1


# --- progress and forms ---------------------------------------------------------------


@pytest.mark.usefixtures("folder", "verdicts")
def test_a_log_has_a_line_for_each_result_unless_it_is_to_be_quiet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run([*OWN, "--on", "model"])
    assert capsys.readouterr().err == "model X-1: conforms\nmodel X-2: conforms\n"
    run([*OWN, "--on", "model", "-q"])
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("folder", "verdicts")
@pytest.mark.parametrize("form", ["json", "junit"])
def test_where_a_program_reads_the_output_the_place_of_the_report_is_told_aside(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run([*OWN, "--on", "model", "-q", "--format", form])
    assert capsys.readouterr().err == "report: bgfetch-report/report.html\n"


def test_a_broken_report_ends_with_78_and_the_schema_needs_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own" / "report.json").write_text("{}")
    assert run(["report", "own"]) == 78
    assert capsys.readouterr().err.startswith("bgfetch: own/report.json: ")
    assert run(["report", "nowhere", "--schema"]) == 0
    assert "exit_code" in capsys.readouterr().out
