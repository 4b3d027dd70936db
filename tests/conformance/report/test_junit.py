"""JUnit XML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import msgspec

from conformance.judge import expectations
from conformance.judge.session import Absent, Outcome, Session
from conformance.judge.verdict import Verdict
from conformance.report import junit, results
from conformance.report.results import Report
from tests.conformance.report.samples import SCENARIOS, judged, sample_trace, violation


def case(verdict: Verdict = Verdict.CONFORMS, bug: str = "", entry: str = "") -> ET.Element:
    judgement = judged("SC-22", "m", verdict)
    written = {"m": expectations.parse(entry, "m.toml")} if entry else {}
    session = Session([Outcome("m", 1, judgement, bug=bug)], complete=True)
    return suite(results.build(session, SCENARIOS, ["m"], expectations=written)).findall(
        "testcase"
    )[0]


def suite(report: Report) -> ET.Element:
    (only,) = ET.fromstring(junit.render(report))
    return only


def kind(element: ET.Element) -> str:
    return ",".join(child.tag for child in element if child.tag != "system-out")


ENTRY = '[[expected]]\nscenario = "SC-22"\nblame = []\nreason = "known"\n'


def test_each_standing_has_its_kind() -> None:
    assert kind(case()) == ""
    assert kind(case(Verdict.CONFORMS_VIA)) == ""
    assert kind(case(Verdict.UNSUPPORTED)) == "skipped"
    assert kind(case(Verdict.VIOLATES)) == "failure"
    assert kind(case(Verdict.VIOLATES, entry=ENTRY)) == "skipped"
    assert kind(case(Verdict.CONFORMS, entry=ENTRY)) == "failure"
    assert kind(case(Verdict.INCONCLUSIVE)) == "error"
    assert kind(case(Verdict.BROKEN_ADAPTER)) == "error"
    assert kind(case(Verdict.INCONCLUSIVE, bug="Traceback")) == "error"
    silent = ENTRY.replace("blame = []", 'verdict = "inconclusive"')
    assert kind(case(Verdict.INCONCLUSIVE, entry=silent)) == "skipped"
    assert kind(case(Verdict.INCONCLUSIVE, bug="Traceback", entry=silent)) == "error"


def test_a_case_has_a_class_a_name_and_its_replay_line() -> None:
    found = case(Verdict.VIOLATES)
    assert (found.get("classname"), found.get("name")) == ("bgfetch.m", "SC-22")
    assert found.findtext("system-out") == "bgfetch run --on m SC-22"


def test_runs_of_one_scenario_have_names_of_their_own_and_the_suite_says_whether_it_is_all() -> (
    None
):
    for complete in (True, False):
        outcomes = [Outcome("m", attempt, judged("SC-22", "m")) for attempt in (1, 2, 3)]
        found = suite(results.build(Session(outcomes, complete=complete), SCENARIOS, ["m"]))
        names = [one.get("name") for one in found.findall("testcase")]
        assert names == ["SC-22", "SC-22 run 2", "SC-22 run 3"]
        said = {one.get("name"): one.get("value") for one in found.findall("properties/property")}
        assert said["complete"] == str(complete).lower()


def test_the_counts_of_a_suite_are_those_of_its_cases() -> None:
    session = Session(
        [
            Outcome("m", 1, judged("SC-22", "m", Verdict.UNSUPPORTED)),
            Outcome("m", 1, violation(), sample_trace()),
            Outcome("m", 1, judged("SC-61", "m", Verdict.INCONCLUSIVE)),
        ]
    )
    found = suite(results.build(session, SCENARIOS, ["m"]))
    counts = {name: found.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1", "skipped": "1"}


def test_an_implementation_that_was_asked_for_and_is_not_there_is_an_error() -> None:
    session = Session([], [Absent("m", "no such program")], complete=True)
    assert suite(results.build(session, SCENARIOS, ["m"], asked=["m"])).get("errors") == "1"
    assert suite(results.build(session, SCENARIOS, ["m"])).get("errors") == "0"


def test_characters_that_xml_cannot_hold_are_escaped() -> None:
    judgement = msgspec.structs.replace(violation(), why="\x00 \x1b[31m ￾ <&>")
    session = Session([Outcome("m", 1, judgement, sample_trace())])
    found = suite(results.build(session, SCENARIOS, ["m"]))
    assert "\\x00 \\x1b[31m" in str(found.findall("testcase/failure")[0].text)


def test_a_suite_names_its_implementation_and_version_and_holds_its_own_cases() -> None:
    session = Session([Outcome("mine", 1, violation(), sample_trace())], complete=True)
    session.outcomes.append(Outcome("m", 1, judged("SC-22", "m", version="7")))
    first, second = ET.fromstring(junit.render(results.build(session, SCENARIOS, ["mine", "m"])))
    assert (first.get("name"), first.get("package")) == ("mine", "chromium")
    for one, version, ran in ((first, "150.0.7871.1", "SC-33"), (second, "7", "SC-22")):
        (found,) = one.findall("properties/property[@name='version']")
        assert found.get("value") == version
        assert [case.get("name") for case in one.findall("testcase")] == [ran]


def test_a_case_says_how_long_it_took() -> None:
    judgement = msgspec.structs.replace(judged("SC-22", "m"), seconds=1.5)
    session = Session([Outcome("m", 1, judgement)], complete=True)
    (found,) = suite(results.build(session, SCENARIOS, ["m"])).findall("testcase")
    assert found.get("time") == "1.500"


def test_an_error_is_told_in_full_and_what_is_skipped_by_its_reason_alone() -> None:
    judgement = msgspec.structs.replace(judged("SC-22", "m", Verdict.INCONCLUSIVE), why="too slow")
    for entry in ("", ENTRY.replace("blame = []", 'verdict = "inconclusive"')):
        written = {"m": expectations.parse(entry, "m.toml")} if entry else {}
        session = Session([Outcome("m", 1, judgement)], complete=True)
        built = results.build(session, SCENARIOS, ["m"], expectations=written)
        told = suite(built).findall("testcase/*")[0]
        if entry:
            assert (told.get("message"), told.text) == ("inconclusive: known", None)
        else:
            assert told.get("message") == "inconclusive: too slow"
            assert str(told.text).splitlines() == ["too slow", "bgfetch run --on m SC-22"]


def test_one_that_is_not_there_is_a_case_that_says_why() -> None:
    session = Session([], [Absent("m", "no such program", "install it")], complete=True)
    found = suite(results.build(session, SCENARIOS, ["m"], asked=["m"]))
    assert found.get("tests") == "1"
    (error,) = found.findall("testcase/error")
    assert error.get("message") == "no such program; install it"


def test_half_a_character_is_escaped_too() -> None:
    judgement = msgspec.structs.replace(violation(), why="\ud800")
    session = Session([Outcome("m", 1, judgement, sample_trace())])
    assert "\\xd800" in junit.render(results.build(session, SCENARIOS, ["m"]))
