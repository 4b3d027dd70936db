"""Scenario files: what is read, and the one line that a bad file gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.scenario.load import BadScenario, load, loads
from conformance.scenario.yaml_tree import MAX_BYTES, MAX_NODES

BAD = Path(__file__).parent / "bad"
LINES = (BAD / "expected.txt").read_text(encoding="utf-8").splitlines()

SMALL = """\
scenario: small
title: A file arrives
source: [SC-22]
world:
  resources:
    /film: {size: 4000}
script:
  - fetch: {id: a, requests: [/film], as: a}
  - quiet: true
"""


def complaint(text: str, filename: str = "<text>") -> str:
    with pytest.raises(BadScenario) as caught:
        loads(text, filename)
    return str(caught.value)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.partition(".yaml")[0])
def test_each_bad_file_gets_its_line(line: str) -> None:
    name = line.partition(":")[0]
    text = (BAD / name).read_bytes().decode()
    assert complaint(text, name) == line
    assert complaint(text, name) == line, "the same one each time"


def test_every_file_of_the_corpus_has_its_line() -> None:
    assert sorted(path.name for path in BAD.glob("*.yaml")) == sorted(
        line.partition(":")[0] for line in LINES
    )
    assert len(LINES) >= 15


def test_a_scenario_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    scenario = load(path)
    assert scenario == loads(SMALL)
    assert scenario.world.resources["/film"].size == 4000


def test_the_error_names_the_file_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(SMALL, encoding="utf-8")
    with pytest.raises(BadScenario) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}:1:11: the id is 'small', expected the file's name, 'other'"
    )


def test_bytes_that_are_not_utf_8_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_bytes(b"scenario: small\ntitle: \xff\n")
    with pytest.raises(BadScenario) as caught:
        load(path)
    assert (caught.value.line, caught.value.column, caught.value.expected) == (2, 8, "UTF-8")


def test_a_file_beyond_the_bound_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    # The bound falls inside a character.
    path.write_bytes(b"#" + "é".encode() * MAX_BYTES)
    with pytest.raises(BadScenario) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}:1:1: the file is too large, expected at most 262144 bytes"
    )


def test_values_beyond_the_bound_are_refused() -> None:
    text = "source: [" + "a," * MAX_NODES + "]\n"
    assert complaint(text).endswith("too many values, expected at most 20000")


def test_a_flood_of_brackets_ends_early() -> None:
    assert complaint("[" * 200_000) == (
        "<text>:1:34: too deeply nested, expected at most 32 levels"
    )


@pytest.mark.parametrize("word", ["no", "on", "off", "yes", "2024-01-01", "1_000", "0b1", "1:30"])
def test_plain_words_are_strings_as_in_yaml_1_2(word: str) -> None:
    assert loads(SMALL.replace("A file arrives", word)).title == word


@pytest.mark.parametrize(
    ("spelled", "number"), [("0x10", 16), ("0o17", 15), ("+7", 7), ("0", 0), ("017", 17)]
)
def test_integers_are_those_of_the_core_schema(spelled: str, number: int) -> None:
    text = SMALL.replace("4000", spelled)
    assert loads(text).world.resources["/film"].size == number


def test_the_line_stays_one_line_whatever_the_file_holds() -> None:
    assert "\n" not in complaint(SMALL.replace("scenario: small", 'scenario: "a\\nb\\e[31m"'))
    assert "\x1b" not in complaint(SMALL.replace("scenario: small", 'scenario: "a\\nb\\e[31m"'))


def test_a_name_may_be_used_once_its_promise_is_waited_for() -> None:
    text = SMALL.replace(
        "as: a}", "as: a, wait: false}\n  - until: {settled: a}\n  - look: {on: a}"
    )
    assert len(loads(text).script) == 4


def test_the_script_may_use_what_a_handler_binds() -> None:
    text = SMALL + (
        "worker: {on: {backgroundfetchsuccess: [{match_all: {on: event, as: films}}]}}\n"
        "expect: {amended: {records: {films: [{status: 200, length: 4000}]}}}\n"
    )
    text = text.replace("  - quiet: true", "  - until: {settled: films}\n  - quiet: true")
    assert loads(text).expect["amended"].records["films"][0].length == 4000


def test_other_apis_may_listen_to_their_own_events() -> None:
    text = SMALL + "worker: {listen: [sync], on: {sync: [{throw: true}]}}\n"
    assert loads(text).worker.listen == ["sync"]


def padded(length: int) -> str:
    return SMALL + "#" * (length - len(SMALL))


def test_a_file_of_exactly_the_bound_is_read() -> None:
    assert loads(padded(MAX_BYTES)).scenario == "small"
    assert "the file is too large" in complaint(padded(MAX_BYTES + 1))


def test_half_a_character_is_refused_as_any_other_character_is() -> None:
    assert "a character that YAML does not allow" in complaint("title: \ud800")


def test_a_tag_directive_is_refused_too() -> None:
    assert complaint("%TAG !e! tag:example.com,2000:\n---\n" + SMALL) == (
        "<text>:2:1: a directive, expected none"
    )


def test_a_key_is_as_plain_as_a_value() -> None:
    assert complaint("&a " + SMALL) == "<text>:1:1: the anchor &a, expected no anchors"


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null", "NULL"])
def test_nothing_is_no_text(nothing: str) -> None:
    assert complaint(f"notes: {nothing}\n" + SMALL).endswith("notes is empty, expected a string")


@pytest.mark.parametrize("number", ["-.inf", "+.Inf", ".INF", ".nan", ".NaN"])
def test_a_time_is_a_finite_number(number: str) -> None:
    text = SMALL + f"  - pass: {number}\n"
    assert complaint(text).endswith(f"the number {number}, expected a finite number")


@pytest.mark.parametrize("spelled", ["1E2", "1e+2", "100", "+100.", "100.0"])
def test_a_time_may_be_written_as_any_number(spelled: str) -> None:
    assert loads(SMALL + f"  - pass: {spelled}\n").script[-1].pass_ == 100


def test_a_number_has_at_most_twenty_digits() -> None:
    sized = loads(SMALL.replace("4000", "0" * 16 + "4000"))
    assert sized.world.resources["/film"].size == 4000
    assert complaint(SMALL.replace("4000", "0" * 17 + "4000")).endswith(
        "a number that is too long, expected at most 20 digits"
    )


def test_a_block_of_text_is_text_whatever_it_looks_like() -> None:
    assert loads(SMALL + "notes: |-\n  12\n").notes == "12"
    assert loads(SMALL + "notes: '12'\n").notes == "12"


def test_another_format_is_told_which_one_is_known() -> None:
    assert complaint(SMALL + "format: 2\n").endswith("format is 2, expected 1")
