"""A run as data: standings, exit codes, JSON."""

from __future__ import annotations

import json

import jsonschema
import msgspec

from conformance.judge import expectations
from conformance.judge.session import Absent, Outcome, Session, Unclean
from conformance.judge.verdict import PropertyResult, Verdict
from conformance.report import results
from conformance.report.results import Report
from tests.conformance.report.samples import SCENARIOS, judged, sample_trace, violation

NAMES = ["model", "chromium"]


def report(*outcomes: Outcome, **more: object) -> Report:
    session = Session(list(outcomes), complete=bool(more.pop("complete", True)))
    session.absent += [Absent("chromium", "no browser", "install one")] * bool(more.pop("gone", 0))
    return results.build(session, SCENARIOS, NAMES, **more)  # type: ignore[arg-type]  # named below


def on_model(verdict: Verdict, bug: str = "") -> Outcome:
    return Outcome("model", 1, judged("SC-22", "model", verdict), bug=bug)


def on_chromium() -> Outcome:
    return Outcome("chromium", 1, violation(), sample_trace())


def expected(text: str) -> dict[str, expectations.Expectations]:
    return {"chromium": expectations.parse(text, "chromium.toml")}


ENTRY = '[[expected]]\nscenario = "SC-33"\nblame = ["S06", "PERFORM-5.3"]\nreason = "known"\n'


def test_a_conforming_run_ends_with_0() -> None:
    assert report(on_model(Verdict.CONFORMS)).exit_code == 0


def test_a_new_violation_ends_with_1() -> None:
    assert report(on_model(Verdict.CONFORMS), on_chromium()).exit_code == 1


def test_a_known_violation_ends_with_0() -> None:
    assert report(on_chromium(), expectations=expected(ENTRY)).exit_code == 0


def test_a_stale_entry_ends_with_1() -> None:
    stale = report(on_chromium(), expectations=expected(ENTRY + ENTRY.replace("SC-33", "SC-0")))
    assert stale.exit_code == 1
    assert [one.place for one in stale.stale] == ["chromium.toml:5"]


def test_a_difference_in_an_untested_version_ends_with_0_unless_strict() -> None:
    written = expected('tested = "<150"')
    assert report(on_chromium(), expectations=written).exit_code == 0
    assert report(on_chromium(), expectations=written, strict=True).exit_code == 1


def test_no_verdict_alone_ends_with_2_and_a_violation_beside_it_with_1() -> None:
    assert report(on_model(Verdict.INCONCLUSIVE)).exit_code == 2
    assert report(on_model(Verdict.BROKEN_ADAPTER)).exit_code == 2
    assert report(on_model(Verdict.INCONCLUSIVE), on_chromium()).exit_code == 1


def test_an_absent_implementation_matters_only_if_it_was_asked_for() -> None:
    assert report(on_model(Verdict.CONFORMS), gone=True).exit_code == 0
    assert report(on_model(Verdict.CONFORMS), gone=True, asked=["chromium"]).exit_code == 69


def test_a_fault_of_our_own_ends_with_70_whatever_else_there_is() -> None:
    assert report(on_model(Verdict.INCONCLUSIVE, bug="Traceback"), on_chromium()).exit_code == 70


MISTAKE = Outcome("model", 1, judged("SC-22", "model", Verdict.INCONCLUSIVE), mistake="step 3")


def test_of_several_codes_the_first_of_their_order_is_the_runs() -> None:
    bug = on_model(Verdict.INCONCLUSIVE, bug="Traceback")
    worse: dict[str, object] = {"gone": True, "asked": ["chromium"]}
    codes = [
        report(bug, MISTAKE, on_chromium(), complete=False, **worse).exit_code,
        report(MISTAKE, on_chromium(), complete=False, **worse).exit_code,
        report(MISTAKE, on_chromium(), **worse).exit_code,
        report(on_model(Verdict.INCONCLUSIVE), on_chromium(), **worse).exit_code,
        report(on_model(Verdict.INCONCLUSIVE), on_chromium()).exit_code,
        report(on_model(Verdict.INCONCLUSIVE)).exit_code,
    ]
    assert codes == [70, 130, 78, 69, 1, 2]


def test_an_implementation_that_did_not_end_well_is_told_with_its_column_and_changes_no_code() -> (
    None
):
    session = Session([on_model(Verdict.CONFORMS)], complete=True)
    session.unclean.append(Unclean("model", "it was killed"))
    built = results.build(session, SCENARIOS, NAMES)
    assert [one.unclean for one in built.columns] == ["it was killed", ""]
    assert built.exit_code == 0


def test_where_nothing_was_run_no_version_is_untested() -> None:
    built = report(on_model(Verdict.CONFORMS), expectations=expected('tested = "<150"'))
    assert built.here("chromium").tested


def test_a_scenario_that_makes_no_sense_ends_with_78() -> None:
    assert report(MISTAKE, on_chromium()).exit_code == 78


def test_violations_come_before_missing_verdicts() -> None:
    built = report(on_model(Verdict.INCONCLUSIVE), on_chromium())
    assert [one.column for one in built.unexpected()] == ["chromium", "model"]


def test_a_run_that_was_interrupted_ends_with_130() -> None:
    assert report(on_model(Verdict.CONFORMS), complete=False).exit_code == 130


def test_a_violation_says_its_first_unexplained_observation_in_a_sentence() -> None:
    (result,) = report(on_chromium()).results
    assert result.sentence.startswith('the worker gets backgroundfetchsuccess for "f", success')


def test_the_implementation_and_version_are_those_of_the_trace() -> None:
    column = report(on_chromium()).here("chromium")
    assert (column.implementation, column.version) == ("chromium", "150.0.7871.1")


def test_a_program_that_was_called_by_its_command_finds_its_expectations_by_its_own_name() -> None:
    outcome = Outcome("stdio:./mine", 1, violation(), sample_trace())
    session = Session([outcome], complete=True)
    built = results.build(session, SCENARIOS, ["stdio:./mine"], expectations=expected(ENTRY))
    assert built.exit_code == 0


def test_the_replay_line_can_be_pasted_into_a_shell() -> None:
    line = results.replay_line("stdio:./my prog", "SC-33", ["--scenarios", "own"])
    assert line == "bgfetch run --on 'stdio:./my prog' --scenarios own SC-33"


def test_json_comes_back_as_it_was_and_fits_its_schema() -> None:
    built = report(on_model(Verdict.CONFORMS), on_chromium(), gone=True)
    data = results.encode(built)
    assert results.decode(data) == built
    jsonschema.validate(json.loads(data), results.schema())


def test_the_same_findings_are_the_same_bytes() -> None:
    one, other = (report(on_model(Verdict.CONFORMS), on_chromium()) for _ in range(2))
    assert results.encode(one) == results.encode(other)


def test_repeated_runs_of_one_scenario_stay_apart() -> None:
    again = msgspec.structs.replace(violation(), verdict=Verdict.CONFORMS)
    built = report(on_chromium(), Outcome("chromium", 2, again))
    assert [one.attempt for one in built.of("chromium", "SC-33")] == [1, 2]


def test_faults_of_our_own_come_last_and_are_told_even_where_silence_is_expected() -> None:
    bug = on_model(Verdict.INCONCLUSIVE, bug="Traceback")
    silent = Outcome("chromium", 1, judged("SC-61", "chromium", Verdict.INCONCLUSIVE))
    built = report(bug, silent, on_chromium())
    assert [bool(one.bug) for one in built.unexpected()] == [False, False, True]
    entry = '[[expected]]\nscenario = "SC-22"\nverdict = "inconclusive"\nreason = "known"\n'
    quiet = {"model": expectations.parse(entry, "model.toml")}
    assert report(on_model(Verdict.INCONCLUSIVE), expectations=quiet).unexpected() == []
    for fault in (bug, MISTAKE):
        (told,) = report(fault, expectations=quiet).unexpected()
        assert (told.bug, told.mistake) == (fault.bug, fault.mistake)


def test_a_file_for_the_column_comes_before_one_for_the_implementation() -> None:
    outcome = Outcome("mine", 1, violation(), sample_trace())
    written = {"mine": expectations.parse(ENTRY, "mine.toml"), **expected("")}
    built = results.build(Session([outcome], complete=True), SCENARIOS, ["mine"],
                          expectations=written)  # fmt: skip
    assert built.here("mine").expectations == "mine.toml"
    assert [one.reason for one in built.results] == ["known"]
    assert built.exit_code == 0


def test_an_entry_for_a_scenario_that_was_not_run_is_not_stale() -> None:
    written = expected(ENTRY.replace("SC-33", "SC-99"))
    assert [one.scenario for one in report(expectations=written).stale] == ["SC-99"]
    assert report(expectations=written, known=["SC-99"]).stale == []


def test_only_what_was_asked_for_is_marked_so() -> None:
    built = report(on_model(Verdict.CONFORMS), asked=["chromium"])
    assert [one.asked for one in built.columns] == [False, True]


def test_a_scenario_is_listed_with_its_title_and_its_sources() -> None:
    (first, *_) = report().scenarios
    assert (first.title, first.source) == (SCENARIOS[0].title, ["S1-01", "SC-22"])


def test_without_an_unexplained_entry_it_is_the_broken_propertys_that_is_told() -> None:
    trace = sample_trace()
    broken = msgspec.structs.replace(violation(), unexplained=None)
    move = results.first_unexplained(broken, trace)
    assert move is not None and move.entry == 13
    holding = msgspec.structs.replace(
        broken, properties=(PropertyResult("S01", True, 1, 2), PropertyResult("S10", None, 0, 2))
    )
    assert results.first_unexplained(holding, trace) is None
    beyond = msgspec.structs.replace(violation(), unexplained=999)
    again = results.first_unexplained(beyond, trace)
    assert again is not None and again.entry == 13
    assert [one.name for one in results.broken_properties(violation())] == ["S06"]


def test_only_a_violation_has_a_sentence_of_its_own() -> None:
    unsure = msgspec.structs.replace(violation(), verdict=Verdict.INCONCLUSIVE)
    (result,) = report(Outcome("chromium", 1, unsure, sample_trace())).results
    assert result.sentence == ""


def test_the_file_ends_with_a_line_feed() -> None:
    assert results.encode(report()).endswith(b"}\n")
