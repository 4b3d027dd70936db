"""The report in a terminal and in a log."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
from rich.console import Console

from conformance.judge import expectations
from conformance.judge.session import Absent, Outcome, Session
from conformance.judge.verdict import Verdict
from conformance.report import results, terminal
from conformance.report.results import Report
from tests.conformance.report.samples import SCENARIOS, judged, sample_trace, violation


def sample(complete: bool = True, **more: object) -> Report:
    via = msgspec.structs.replace(
        judged("SC-33", "model", Verdict.CONFORMS_VIA), choices=("temporary-loss", "id-order")
    )
    lacking = msgspec.structs.replace(
        judged("SC-61", "chromium", Verdict.UNSUPPORTED, "150.0.7871.1"), missing=("offline",)
    )
    session = Session(
        [
            Outcome("model", 1, judged("SC-22", "model")),
            Outcome("model", 1, via),
            Outcome("chromium", 1, violation(), sample_trace()),
            Outcome("chromium", 1, lacking),
        ],
        [Absent("engine", "not installed", "install it")],
        complete,
    )
    names = ["model", "engine", "chromium"]
    return results.build(session, SCENARIOS, names, **more)  # type: ignore[arg-type]  # real names


def shown(report: Report, width: int = 120) -> str:
    out = io.StringIO()
    terminal.show(report, Console(file=out, width=width))
    return out.getvalue()


def row(text: str, scenario: str) -> list[str]:
    """The cells of one row of the matrix: they are two blanks or more apart."""
    line = next(one for one in text.splitlines() if one.startswith(scenario))
    return [part.strip() for part in line.split("  ") if part.strip()]


def test_each_cell_says_its_verdict_in_short_words() -> None:
    text = shown(sample())
    assert row(text, "SC-33")[2:] == ["via temporary-loss +1", "not here", "VIOLATES"]
    assert row(text, "SC-61")[2:] == ["not run", "not here", "unsupported"]


def test_a_narrow_terminal_leaves_the_titles_out() -> None:
    assert row(shown(sample(), 80), "SC-22") == ["SC-22", "conforms", "not here", "not run"]


def test_an_expected_violation_is_quiet() -> None:
    entry = '[[expected]]\nscenario = "SC-33"\nblame = ["S06", "PERFORM-5.3"]\nreason = "known"\n'
    text = shown(sample(expectations={"chromium": expectations.parse(entry, "chromium.toml")}))
    assert row(text, "SC-33")[-1] == "violates (expected)"
    assert "VIOLATES" not in text


def test_each_implementation_has_a_line_that_sums_it_up() -> None:
    text = shown(sample())
    assert "model 1.0: 2 conform (1 via choices)\n" in text
    assert "engine: not here: not installed; install it\n" in text
    line = "chromium 150.0.7871.1: 1 violates (1 unexpected), 1 unsupported; lacks offline\n"
    assert line in text


def test_an_implementation_that_ended_badly_is_warned_of_and_costs_nothing() -> None:
    report = sample()
    bad = msgspec.structs.replace(report.columns[0], unclean="it ended with exit code 3")
    warned = msgspec.structs.replace(report, columns=[bad, *report.columns[1:]])
    assert "conform (1 via choices); WARNING: it ended with exit code 3\n" in shown(warned)
    assert results.exit_code(warned) == results.exit_code(report)


def test_a_violation_says_where_what_blame_and_ends_with_its_replay_line() -> None:
    tail = shown(sample()).split("VIOLATES  SC-33 on chromium: one record answers 404\n")[1]
    lines = [line.strip() for line in tail.splitlines()]
    assert lines[0].startswith("after 13 entries that could be explained, the worker gets backgr")
    blame = next(line for line in lines if line.startswith("seen at: "))
    assert blame.startswith("seen at: PERFORM-5.3 (")
    assert ", S06 (In a success handler every record" in blame
    assert "S06 is broken: success although /b answered 404" in lines
    assert "allowed instead: the worker gets backgroundfetchfail with bad-status" in lines
    assert lines[-1] == "bgfetch run --on chromium SC-33"


def test_a_finding_says_where_its_trace_is() -> None:
    report = sample(traces={("chromium", "SC-33", 1): "traces/chromium/SC-33.jsonl"})
    (found,) = report.unexpected()
    assert terminal.lines_of(report, found, Path("my reports"))[-2:] == [
        "trace: 'my reports/traces/chromium/SC-33.jsonl'",
        "bgfetch run --on chromium SC-33",
    ]


def test_a_partial_run_says_so() -> None:
    assert "PARTIAL: stopped after 2 of 3 scenarios on model" in shown(sample(complete=False))


def test_an_untested_version_says_so() -> None:
    written = {"chromium": expectations.parse('tested = "<150"', "chromium.toml")}
    assert "nobody has looked at this version before" in shown(sample(expectations=written))


def test_no_escape_codes_go_into_a_log() -> None:
    assert "\x1b" not in shown(sample())


def test_brackets_of_a_title_are_not_markup() -> None:
    scenarios = [msgspec.structs.replace(one, title="[red]x[/red]") for one in SCENARIOS]
    session = Session([Outcome("chromium", 1, violation(), sample_trace())])
    assert "[red]x[/red]" in shown(results.build(session, scenarios, ["chromium"]))


def test_several_attempts_are_counted() -> None:
    outcomes = [
        Outcome("m", n, judged("SC-22", "m", verdict))
        for n, verdict in enumerate([Verdict.CONFORMS, Verdict.VIOLATES, Verdict.CONFORMS], 1)
    ]
    built = results.build(Session(outcomes, complete=True), SCENARIOS, ["m"])
    assert row(shown(built), "SC-22")[-1] == "conforms ×2, VIOLATES ×1"
