"""One cell, one line: what is said of each way to stand."""

from __future__ import annotations

import msgspec
import pytest

from conformance.judge import expectations
from conformance.judge.session import Absent, Outcome, Session
from conformance.judge.verdict import Verdict
from conformance.report import cells, results
from conformance.report.results import Report
from tests.conformance.report.samples import SCENARIOS, judged

ENTRY = '[[expected]]\nscenario = "{}"\nverdict = "{}"\nreason = "known"\n'


def build(*outcomes: Outcome, entry: str = "", **more: object) -> Report:
    written = {"m": expectations.parse(entry, "m.toml")} if entry else {}
    session = Session(list(outcomes), complete=True)
    return results.build(session, SCENARIOS, ["m"], expectations=written, **more)  # type: ignore[arg-type]  # real names


def outcome(
    verdict: Verdict, scenario: str = "SC-22", attempt: int = 1, bug: str = "", **more: object
) -> Outcome:
    judgement = msgspec.structs.replace(judged(scenario, "m", verdict), **more)
    return Outcome("m", attempt, judgement, bug=bug)


def said(report: Report, scenario: str = "SC-22") -> tuple[str, str]:
    (column,) = report.columns
    cell = cells.cell(report.of("m", scenario), column)
    return cell.text, cell.kind


def summary(report: Report) -> str:
    return cells.summary(report, report.columns[0])


ENTRY_OF = {
    "violates": ENTRY.format("SC-22", "violates") + "blame = []\n",
    "inconclusive": ENTRY.format("SC-22", "inconclusive"),
    "broken adapter": ENTRY.format("SC-22", "broken adapter"),
}


@pytest.mark.parametrize(
    ("verdict", "entry", "text", "kind"),
    [
        (Verdict.CONFORMS, "", "conforms", cells.GOOD),
        (Verdict.CONFORMS, "violates", "conforms (UNEXPECTED)", cells.BAD),
        (Verdict.CONFORMS_VIA, "", "via one +1", cells.CHOICE),
        (Verdict.VIOLATES, "", "VIOLATES", cells.BAD),
        (Verdict.VIOLATES, "violates", "violates (expected)", cells.KNOWN),
        (Verdict.VIOLATES, "inconclusive", "VIOLATES (otherwise)", cells.BAD),
        (Verdict.UNSUPPORTED, "", "unsupported", cells.NOTHING),
        (Verdict.UNSUPPORTED, "violates", "UNSUPPORTED", cells.BAD),
        (Verdict.INCONCLUSIVE, "", "inconclusive", cells.UNSURE),
        (Verdict.INCONCLUSIVE, "inconclusive", "inconclusive", cells.KNOWN),
        (Verdict.BROKEN_ADAPTER, "", "broken", cells.UNSURE),
        (Verdict.BROKEN_ADAPTER, "broken adapter", "broken", cells.KNOWN),
    ],
)
def test_each_way_to_stand_has_its_words_and_its_colour(
    verdict: Verdict, entry: str, text: str, kind: str
) -> None:
    choices = ("one", "two") if verdict is Verdict.CONFORMS_VIA else ()
    report = build(outcome(verdict, choices=choices), entry=ENTRY_OF.get(entry, ""))
    assert said(report) == (text, kind)


def test_a_fault_of_our_own_is_no_verdict() -> None:
    report = build(outcome(Verdict.INCONCLUSIVE, bug="Traceback"), entry=ENTRY_OF["inconclusive"])
    assert said(report) == ("OUR BUG", cells.BAD)
    assert summary(report) == "m 1.0: 1 fault of this program"


def test_a_cell_of_several_attempts_has_the_worst_colour_and_the_same_ones_one_word() -> None:
    same = [outcome(Verdict.CONFORMS, attempt=n) for n in (1, 2)]
    assert said(build(*same)) == ("conforms", cells.GOOD)
    worse = outcome(Verdict.VIOLATES, attempt=3)
    assert said(build(*same, worse)) == ("conforms ×2, VIOLATES ×1", cells.BAD)


def test_what_is_not_here_and_what_was_not_run_are_told_apart() -> None:
    assert said(build()) == ("not run", cells.NOTHING)
    session = Session([], [Absent("m", "no such program")], complete=True)
    assert said(results.build(session, SCENARIOS, ["m"])) == ("not here", cells.NOTHING)


def of(scenario: str, verdict: Verdict, *missing: str) -> Outcome:
    return outcome(verdict, scenario, missing=missing)


@pytest.mark.parametrize(
    ("found", "entry", "line"),
    [
        ((), "", "m: nothing was run"),
        (
            (of("SC-22", Verdict.VIOLATES),),
            "violates",
            "m 1.0: 1 violates (expected)",
        ),
        (
            (of("SC-22", Verdict.VIOLATES), of("SC-33", Verdict.VIOLATES)),
            "violates",
            "m 1.0: 2 violate (1 unexpected)",
        ),
        (
            (of("SC-22", Verdict.CONFORMS), of("SC-33", Verdict.VIOLATES)),
            "violates",
            "m 1.0: 1 conforms, 1 violates (1 unexpected)",
        ),
        (
            (of("SC-22", Verdict.INCONCLUSIVE), of("SC-33", Verdict.BROKEN_ADAPTER)),
            "",
            "m 1.0: 1 inconclusive, 1 broken adapter",
        ),
        (
            (
                of("SC-22", Verdict.UNSUPPORTED, "abort", "quota"),
                of("SC-33", Verdict.UNSUPPORTED, "quota"),
            ),
            "",
            "m 1.0: 2 unsupported; lacks quota, abort",
        ),
    ],
)
def test_a_line_sums_an_implementation_up(
    found: tuple[Outcome, ...], entry: str, line: str
) -> None:
    assert summary(build(*found, entry=ENTRY_OF.get(entry, ""))) == line


def test_several_known_violations_are_all_expected() -> None:
    entry = ENTRY_OF["violates"] + ENTRY_OF["violates"].replace("SC-22", "SC-33")
    found = build(of("SC-22", Verdict.VIOLATES), of("SC-33", Verdict.VIOLATES), entry=entry)
    assert summary(found) == "m 1.0: 2 violate (all expected)"


def test_in_a_strict_run_differences_of_a_new_version_count() -> None:
    words = "m 1.0: 1 conforms; nobody has looked at this version before"
    for strict, more in ((True, ""), (False, ", so differences do not count")):
        report = build(outcome(Verdict.CONFORMS), entry='tested = "<1"', strict=strict)
        assert summary(report) == words + more


def test_choices_are_listed_in_order_each_with_its_scenarios_once() -> None:
    def via(scenario: str, attempt: int, *choices: str) -> Outcome:
        return outcome(Verdict.CONFORMS_VIA, scenario, attempt, choices=choices)

    report = build(via("SC-33", 1, "b", "a"), via("SC-33", 2, "a"), via("SC-22", 1, "a"))
    used = [("a", ["SC-33", "SC-22"]), ("b", ["SC-33"])]
    assert cells.choices_used(report, "m") == used
    assert cells.choices_used(report, "other") == []
