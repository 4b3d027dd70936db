"""Expectation files: read, compared, proposed."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.judge import expectations
from conformance.judge.expectations import BadExpectations, Comparison, Standing, compare
from conformance.judge.proposal import propose
from conformance.judge.verdict import Judgement, Verdict

FILE = """\
implementation = "chromium"
tested = ">=150,<151"

[[expected]]
scenario = "SC-33"
blame = ["PERFORM-5.3", "S06"]
reason = "keeps the last failure"

[[expected]]
scenario = "SC-61"
blame = ["S10"]
flaky = true
reason = "races with the disk"
"""
KNOWN = frozenset({"SC-22", "SC-33", "SC-61"})


def judged(scenario: str, verdict: Verdict, *blame: str) -> Judgement:
    return Judgement(scenario, "chromium", "150.0.1", verdict, blame=blame)


def compared(*judgements: Judgement, version: str = "150.0.1", text: str = FILE) -> Comparison:
    return compare(judgements, expectations.parse(text, "chromium.toml"), version, KNOWN)


def standing(judgement: Judgement, version: str = "150.0.1", text: str = FILE) -> Standing:
    return compared(judgement, version=version, text=text).compared[0].standing


def complaint(text: str) -> str:
    with pytest.raises(BadExpectations) as caught:
        expectations.parse(text, "x.toml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("judgement", "expected"),
    [
        (judged("SC-22", Verdict.CONFORMS), Standing.AS_EXPECTED),
        (judged("SC-22", Verdict.CONFORMS_VIA), Standing.AS_EXPECTED),
        (judged("SC-22", Verdict.UNSUPPORTED), Standing.AS_EXPECTED),
        (judged("SC-22", Verdict.VIOLATES, "S01"), Standing.NEW_VIOLATION),
        (judged("SC-22", Verdict.INCONCLUSIVE), Standing.NO_VERDICT),
        (judged("SC-22", Verdict.BROKEN_ADAPTER), Standing.NO_VERDICT),
        (judged("SC-33", Verdict.VIOLATES, "S06", "PERFORM-5.3"), Standing.KNOWN),
        (judged("SC-33", Verdict.VIOLATES, "S06"), Standing.DIFFERENT),
        (judged("SC-33", Verdict.VIOLATES), Standing.DIFFERENT),
        (judged("SC-33", Verdict.UNSUPPORTED), Standing.DIFFERENT),
        (judged("SC-33", Verdict.CONFORMS), Standing.UNEXPECTED_PASS),
        (judged("SC-33", Verdict.CONFORMS_VIA), Standing.UNEXPECTED_PASS),
        (judged("SC-33", Verdict.INCONCLUSIVE), Standing.NO_VERDICT),
        (judged("SC-61", Verdict.VIOLATES, "S10"), Standing.KNOWN),
        (judged("SC-61", Verdict.VIOLATES, "S11"), Standing.DIFFERENT),
        (judged("SC-61", Verdict.CONFORMS), Standing.AS_EXPECTED),
    ],
)
def test_every_judgement_has_a_standing(judgement: Judgement, expected: Standing) -> None:
    assert standing(judgement) is expected


def test_an_entry_holds_only_in_its_version_range() -> None:
    text = FILE.replace('blame = ["S10"]', 'blame = ["S10"]\nversions = "<150"')
    violated = judged("SC-61", Verdict.VIOLATES, "S10")
    assert standing(violated, text=text) is Standing.NEW_VIOLATION
    assert standing(violated, version="149.9", text=text) is Standing.KNOWN


def test_a_pre_release_is_a_version_like_others() -> None:
    assert expectations.parse(FILE, "x.toml").knows("150.1b2")


def test_a_difference_in_an_untested_version_counts_only_when_strict() -> None:
    comparison = compared(judged("SC-22", Verdict.VIOLATES), version="151.0")
    assert not comparison.tested
    assert not comparison.fails(strict=False)
    assert comparison.fails(strict=True)


def test_a_difference_in_a_tested_version_always_counts() -> None:
    assert compared(judged("SC-22", Verdict.VIOLATES)).fails(strict=False)
    assert compared(judged("SC-33", Verdict.CONFORMS)).fails(strict=False)


def test_a_version_that_nobody_can_read_is_an_untested_one() -> None:
    assert not compared(judged("SC-22", Verdict.VIOLATES), version="m150-abc").tested


def test_an_entry_for_a_scenario_that_does_not_exist_is_stale() -> None:
    comparison = compared(text=FILE.replace("SC-61", "SC-999"))
    assert [entry.scenario for entry in comparison.stale] == ["SC-999"]
    assert comparison.fails(strict=False)


def test_an_entry_for_a_scenario_that_was_not_run_is_not_stale() -> None:
    assert not compared().fails(strict=True)


def test_two_entries_that_apply_to_one_scenario_are_refused() -> None:
    text = FILE.replace("SC-61", "SC-33")
    with pytest.raises(BadExpectations, match=r"chromium.toml:9: two entries for SC-33 apply"):
        compared(judged("SC-33", Verdict.VIOLATES), text=text)


def test_nothing_written_down_means_that_it_should_conform() -> None:
    nothing = expectations.none_for("mine")
    one = compare([judged("SC-22", Verdict.VIOLATES)], nothing, "whatever", KNOWN)
    assert one.tested
    assert one.compared[0].standing is Standing.NEW_VIOLATION


def test_a_broken_file_is_named_with_its_line() -> None:
    assert complaint('tested = ">=150"\n[[expected]\n').startswith("x.toml:2: not TOML")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('blame = ["S10"]', 'blam = ["S10"]', "x.toml:9: entry 2 (SC-61): Object contains unknown"),
        ('blame = ["S10"]\n', "", "x.toml:9: entry 2 (SC-61): blame is missing"),
        ('"races with the disk"', '" "', "x.toml:9: entry 2 (SC-61): the reason is empty"),
        ("flaky = true", 'verdict = "conforms"', "a scenario that conforms needs no entry"),
        ("flaky = true", 'outcomes = ["violates"]', "outcomes are for flaky entries"),
        ("flaky = true", 'verdict = "fails"', "Invalid enum value 'fails'"),
        ("flaky = true", 'versions = "150-200"', "versions is '150-200', expected a range like"),
        ('tested = ">=150,<151"', 'tested = "new"', "x.toml:1: tested is 'new', expected"),
        ('tested = ">=150,<151"', "product = 1", "x.toml:1: Object contains unknown field"),
    ],
)
def test_a_bad_entry_is_named_with_its_line_and_number(old: str, new: str, says: str) -> None:
    assert says in complaint(FILE.replace(old, new))


def test_entries_in_one_line_are_refused_for_no_message_could_say_where_they_are() -> None:
    row = '{scenario = "SC-33", blame = [], reason = "seen"}'
    assert complaint(f"expected = [{row}]").endswith("each entry begins with a line [[expected]]")


def test_a_file_without_a_name_of_its_own_is_named_by_its_file_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('tested = ">=1"\n')
    assert expectations.read(path).implementation == "mine"


def test_a_proposal_drops_what_passes_and_adds_what_is_new_without_a_reason() -> None:
    text = propose(
        compared(
            judged("SC-22", Verdict.VIOLATES, "S01"),
            judged("SC-33", Verdict.CONFORMS),
            judged("SC-61", Verdict.INCONCLUSIVE),
        ),
        expectations.parse(FILE, "chromium.toml"),
        "150.0.1",
    )
    assert "SC-33" not in text
    assert 'reason = "races with the disk"' in text
    assert complaint(text).endswith("say why this difference is accepted for now")


def test_a_proposal_with_its_reasons_filled_in_makes_the_same_run_one_as_expected() -> None:
    run = (
        judged("SC-22", Verdict.VIOLATES, "S01"),
        judged("SC-22", Verdict.CONFORMS),
        judged("SC-33", Verdict.VIOLATES, "PERFORM-5.3"),
        judged("SC-61", Verdict.CONFORMS),
    )
    text = propose(
        compared(*run, version="152.0"), expectations.parse(FILE, "chromium.toml"), "152.0"
    ).replace('reason = ""', 'reason = "seen"')
    again = compared(*run, version="152.0", text=text)
    assert again.tested
    assert not again.fails(strict=True)


def proposed(text: str, *judgements: Judgement, version: str = "150.0.1") -> str:
    known = expectations.parse(text, "chromium.toml")
    return propose(compare(judgements, known, version, KNOWN), known, version)


COMMENTED = FILE.replace("implementation", "# Chromium, as it is\nimplementation").replace(
    '[[expected]]\nscenario = "SC-61"',
    '# Since the new disk.\n[[expected]]\nscenario = "SC-61"\nversions = ">=150,<160"',
)


def test_a_proposal_differs_from_the_file_only_where_it_proposes_something() -> None:
    assert proposed(COMMENTED) == COMMENTED
    known = judged("SC-33", Verdict.VIOLATES, "PERFORM-5.3", "S06")
    text = proposed(COMMENTED, known, judged("SC-22", Verdict.VIOLATES, "S01"))
    new = '[[expected]]\nscenario = "SC-22"\nblame = ["S01"]\nreason = ""\n\n'
    assert text.replace(new, "") == COMMENTED
    assert text.index(new) < text.index("SC-33")


def test_an_entry_that_goes_takes_the_comment_above_it_along() -> None:
    gone = COMMENTED[COMMENTED.index("\n# Since") :]
    stale = COMMENTED.replace("SC-61", "SC-999")
    assert proposed(stale) == COMMENTED.replace(gone, "")


def test_an_entry_that_is_changed_keeps_its_reason_and_its_comment() -> None:
    text = proposed(COMMENTED, judged("SC-61", Verdict.VIOLATES, "S11"))
    assert text.splitlines()[-7:] == [
        "[[expected]]",
        'scenario = "SC-61"',
        'blame = ["S10", "S11"]',
        "flaky = true",
        'outcomes = ["conforms", "conforms via", "violates"]',
        'reason = "races with the disk"',
        'versions = ">=150,<160"',
    ]
    assert "# Since the new disk.\n[[expected]]\nscenario" in text


def test_a_flaky_violation_that_nobody_could_blame_is_not_the_one_that_is_written_down() -> None:
    assert standing(judged("SC-61", Verdict.VIOLATES, "S10")) is Standing.KNOWN
    assert standing(judged("SC-61", Verdict.VIOLATES)) is Standing.DIFFERENT


def test_a_beta_of_a_version_is_of_its_range() -> None:
    assert compared(judged("SC-22", Verdict.CONFORMS), version="150.0.1b2").tested
    assert not compared(judged("SC-22", Verdict.CONFORMS), version="151.0b2").tested


def test_a_scenario_that_was_blamed_on_different_steps_is_proposed_as_flaky() -> None:
    twice = [judged("SC-22", Verdict.VIOLATES, step) for step in ("S01", "S02")]
    text = proposed(FILE, *twice).replace('reason = ""', 'reason = "seen"')
    assert not compared(*twice, text=text).fails(strict=True)


def test_a_version_that_nobody_has_looked_at_is_the_only_other_thing_that_changes() -> None:
    text = proposed(COMMENTED, version="152.0")
    assert text == COMMENTED.replace(">=150,<151", "==152.0")


def test_a_proposal_for_an_implementation_without_a_file_is_a_whole_file() -> None:
    nothing = expectations.none_for("mine")
    run = [judged("SC-22", Verdict.VIOLATES, "S01")]
    text = propose(compare(run, nothing, "1.0", KNOWN), nothing, "1.0")
    head = 'implementation = "mine"\ntested = "==1.0"\n\n[[expected]]\nscenario = "SC-22"\n'
    assert text.startswith(head)


def test_a_proposal_keeps_what_was_not_run() -> None:
    text = propose(compared(), expectations.parse(FILE, "chromium.toml"), "150.0.1")
    again = expectations.parse(text, "chromium.toml")
    assert [entry.scenario for entry in again.entries] == ["SC-33", "SC-61"]
    assert again.entries[0].blame == {"PERFORM-5.3", "S06"}
