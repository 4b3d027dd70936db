"""The report in a terminal and in a log."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
from rich.console import Console

from conformance.judge import expectations
from conformance.judge.session import Absent, Outcome, Session
from conformance.judge.verdict import Cause, Verdict
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


# --- findings -------------------------------------------------------------------------

ENTRY = '[[expected]]\nscenario = "SC-22"\nblame = ["S06"]\nreason = "known"\n'


def one(verdict: Verdict, entry: str = "", bug: str = "", **more: object) -> list[str]:
    """The lines of one finding, the headline first."""
    judgement = msgspec.structs.replace(judged("SC-22", "m", verdict), **more)
    session = Session([Outcome("m", 1, judgement, bug=bug)], complete=True)
    written = {"m": expectations.parse(entry, "m.toml")} if entry else {}
    report = results.build(session, SCENARIOS, ["m"], expectations=written)
    text = shown(report)
    (found,) = report.unexpected()
    at = text.index(f"{terminal.headline(report, found)}  SC-22 on m: ")
    return [line.strip() for line in text[at:].splitlines()]


def test_each_surprise_has_a_headline_and_says_what_was_written_down() -> None:
    assert one(Verdict.VIOLATES)[0].startswith("VIOLATES  ")
    otherwise = one(Verdict.VIOLATES, ENTRY, blame=("S10",))
    assert otherwise[0].startswith("DIFFERS FROM ITS ENTRY  ")
    assert "its entry says otherwise: known" in otherwise
    passed = one(Verdict.CONFORMS, ENTRY)
    assert passed[0].startswith("UNEXPECTED PASS  ")
    assert "its entry says: known; remove the entry, or narrow its versions" in passed
    unsure = one(Verdict.INCONCLUSIVE, why="nobody said anything", missing=("quota", "abort"))
    assert unsure[0].startswith("INCONCLUSIVE  ")
    assert unsure[1:3] == ["nobody said anything", "lacks quota, abort"]


def test_of_a_fault_of_our_own_the_end_of_its_traceback_is_shown() -> None:
    lines = one(Verdict.INCONCLUSIVE, bug="\n".join(f"line {n}" for n in range(20)))
    assert lines[0].startswith("OUR BUG  ")
    assert [line for line in lines if line.startswith("line ")] == [
        f"line {n}" for n in range(12, 20)
    ]


def test_a_violation_whose_causes_are_known_begins_with_them() -> None:
    causes = (Cause("RECORD-3", "it were not there"),)
    lines = one(Verdict.VIOLATES, causes=causes, why="w" * 400)
    assert lines[1].startswith("broken at: RECORD-3 (")
    assert lines[2] == "w" * 279 + "…"


def test_a_line_is_not_broken_so_that_it_can_be_pasted() -> None:
    session = Session([Outcome("stdio:" + "x" * 200, 1, violation(), sample_trace())])
    text = shown(results.build(session, SCENARIOS, ["stdio:" + "x" * 200]), 80)
    assert f"    bgfetch run --on stdio:{'x' * 200} SC-33\n" in text


def test_titles_need_a_hundred_columns() -> None:
    begins = SCENARIOS[0].title[:12]
    assert begins in shown(sample(), 100) and begins not in shown(sample(), 99)


def test_each_stale_entry_is_told_with_its_place() -> None:
    entry = ENTRY.replace("SC-22", "SC-98") + ENTRY.replace("SC-22", "SC-99")
    written = {"chromium": expectations.parse(entry, "chromium.toml")}
    stale = [line for line in shown(sample(expectations=written)).splitlines() if "STALE" in line]
    assert stale == [
        f"STALE  chromium.toml:{line}: there is no scenario {scenario}; remove the entry"
        for line, scenario in ((1, "SC-98"), (5, "SC-99"))
    ]
