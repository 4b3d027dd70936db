"""Two readings told apart, and readings that nothing tells apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.cli import exits
from conformance.cli.root import run
from conformance.explore.difference import Difference, Same, difference
from conformance.explore.scenarios import scenario_of
from conformance.explore.scope import SCOPES
from conformance.explore.words import output_in_words
from conformance.scenario.dump import dump
from conformance.scenario.load import loads
from spec_model.editions import AMENDED, Edition


def told(name: str, one: Edition, other: Edition, *, races: bool = False) -> Difference:
    found = difference([SCOPES[name]], one, other, raced=races)
    assert isinstance(found, Difference)
    return found


def test_a_response_without_a_body_tells_e18_apart_in_two_inputs() -> None:
    found = told("null", AMENDED, AMENDED.without("E18"))
    assert (found.first, found.inputs, found.races) == (AMENDED, 2, ())
    assert found.shown is not None
    assert output_in_words(found.shown) == "p1 gets progress: 0 downloaded, result success"


def test_what_only_the_second_reading_can_show_tells_them_apart_too() -> None:
    found = told("get", AMENDED, AMENDED.without("E71"))
    other = told("get", AMENDED.without("E71"), AMENDED)
    assert (found.inputs, other.inputs) == (1, 1)
    assert {found.first.name, other.first.name} <= {"amended", "amended - E71"}


def test_what_a_page_can_only_read_tells_them_apart() -> None:
    # No event says that records are gone.
    found = told("silent", AMENDED.without("E08"), AMENDED)
    assert found.shown is not None
    assert output_in_words(found.shown).startswith("p1 reads its registration: ")


def test_what_differs_only_in_a_race_is_found_with_the_race() -> None:
    found = told("match-race", AMENDED.without("E77"), AMENDED, races=True)
    assert found.first.name == "amended - E77"
    assert "the handler is done before a snapshot is taken for the pages" in found.races


@pytest.mark.parametrize("name", ["null", "ui", "quota-later", "upload-moved"])
def test_an_edition_is_like_itself(name: str) -> None:
    found = difference([SCOPES[name]], AMENDED, AMENDED, raced=False)
    assert isinstance(found, Same)
    assert found.complete
    assert found.pairs > 10


def test_an_edition_is_like_itself_in_every_order() -> None:
    found = difference([SCOPES["quota-later"]], AMENDED, AMENDED)
    assert isinstance(found, Same)
    assert found.complete


def test_what_a_scope_has_no_input_for_is_not_observable_in_it() -> None:
    found = difference([SCOPES["null"]], AMENDED, AMENDED.without("E14"), raced=False)
    assert isinstance(found, Same)


def test_a_bound_is_no_proof() -> None:
    found = difference([SCOPES["get"]], AMENDED, AMENDED, raced=False, most_pairs=5)
    assert isinstance(found, Same)
    assert found.partial == ("get",)


def test_all_walks_together_have_a_bound_too() -> None:
    scopes = [SCOPES["silent"], SCOPES["null"]]
    found = difference(scopes, AMENDED, AMENDED, raced=False, most_together=30)
    assert isinstance(found, Same)
    assert set(found.partial) == {"silent", "null"}
    assert found.pairs < 200


def test_the_first_difference_of_several_scopes_is_the_shortest() -> None:
    names, other = ("interface", "prompt-upload"), AMENDED.without("E80")
    found = difference([SCOPES[name] for name in names], AMENDED, other)
    assert isinstance(found, Difference)
    assert found.inputs == min(told(name, AMENDED, other).inputs for name in names)


def test_the_scenario_of_a_difference_can_be_loaded() -> None:
    found = told("ui", AMENDED, AMENDED.without("E81"))
    scenario = scenario_of(found.scope, found.strides, name="x", title="t", source=())
    assert loads(dump(scenario)) == scenario


def test_one_input_tells_and_two_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--from", "as-written", "--to", "amended", "--out", str(tmp_path / "d.yaml")]
    assert run(["diff", *arguments]) == exits.DIFFERENT
    assert "1 input tells as-written from amended" in capsys.readouterr().out


def test_the_command_says_what_is_seen_and_the_scenario_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "d.yaml"
    arguments = ["--to", "amended - E18", "--scope", "null", "--out", str(out)]
    assert run(["diff", *arguments]) == exits.DIFFERENT
    shown = capsys.readouterr().out
    assert "2 inputs tell amended from amended - E18 (scope null):" in shown
    assert "  1. p1 calls fetch()" in shown
    assert "amended - E18 cannot, in whatever order it does things." in shown
    assert "  amended: page p1" in shown
    arguments = ["--edition", "amended", "--compare", "amended - E18"]
    assert run(["explain", str(out), *arguments]) == exits.OK
    assert "What is seen differently" in capsys.readouterr().out
