"""``bgfetch explain`` on the command line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import jsonschema
import pytest

from conformance.cli.root import run
from conformance.explain import shape
from spec_model.choices import CHOICES
from spec_model.profiles import PROFILES

Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *arguments: str) -> str:
    assert run(["explain", *arguments]) == 0
    return capsys.readouterr().out


def test_the_command_at_the_end_makes_the_same_again(capsys: Capture) -> None:
    text = said(capsys, "E13", "--without", "E01", "--steps", "none", "--compare")
    command = text.splitlines()[-1].removeprefix("again: ")
    assert said(capsys, *shlex.split(command)[2:]) == text


def test_a_scenario_in_a_file_is_named_by_its_file_again(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "scenario: mine\ntitle: Nothing\nsource: [E01]\n"
        "world: {resources: {/film: {size: 10}}}\n"
        "script:\n  - fetch: {id: a, requests: [/film], as: a}\n  - quiet: true\n",
        "utf-8",
    )
    text = said(capsys, str(file))
    assert text.endswith(f"again: bgfetch explain {file}\n")


def test_amended_is_compared_with_the_text_as_written(capsys: Capture) -> None:
    text = said(capsys, "E13", "--compare")
    assert "left     amended\nright    as-written\n" in text


def test_another_reading_is_compared_with_amended_or_what_is_named(capsys: Capture) -> None:
    left = ("E13", "--without", "E13", "--compare")
    assert "right    amended\n" in said(capsys, *left)
    assert "right    as-written\n" in said(capsys, *left, "as-written")


@pytest.mark.parametrize("more", [[], ["--compare"]], ids=["walk", "comparison"])
def test_json_has_its_schema(capsys: Capture, more: list[str]) -> None:
    told = json.loads(said(capsys, "E13", "--format", "json", *more))
    jsonschema.validate(told, json.loads(shape.schema()))
    assert told["version"] == shape.VERSION


def test_the_schema_refuses_what_has_another_shape(capsys: Capture) -> None:
    told = json.loads(said(capsys, "E13", "--format", "json"))
    told["moments"][0]["happens"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(told, json.loads(shape.schema()))


def test_it_is_written_to_a_file_without_colours(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "walk.md"
    assert said(capsys, "E13", "--format", "markdown", "--out", str(file)) == ""
    assert file.read_text("utf-8").startswith("### E13: ")


def test_a_pipe_gets_no_colours(capsys: Capture) -> None:
    assert "\x1b" not in said(capsys, "E13")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--edition", "as-writen"], "no edition 'as-writen'; did you mean as-written?"),
        (["--edition", "amended - E99"], "no cluster 'E99'; "),
        (["--without", "E131"], "no cluster 'E131'; did you mean "),
        (["--compare", "amend"], "no edition 'amend'; did you mean amended?"),
        (["--choose", "id-ordr=by-text"], "no choice 'id-ordr'; did you mean id-order?"),
        (["--choose", "id-order=by-txt"], "did you mean by-text?"),
        (["--choose", "id-order"], "written KEY=OPTION"),
        (["--profile", "spek"], "no profile 'spek'; did you mean spec?"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_is_near(
    capsys: Capture, arguments: list[str], hint: str
) -> None:
    assert run(["explain", "E13", *arguments]) == 64
    assert hint in capsys.readouterr().err


def test_an_unknown_scenario_selects_nothing(capsys: Capture) -> None:
    assert run(["explain", "E133"]) == 66
    assert "no scenario 'E133'; did you mean " in capsys.readouterr().err


def test_json_of_several_scenarios_is_refused(capsys: Capture) -> None:
    assert run(["explain", "SC-34*", "--format", "json"]) == 64
    assert "JSON holds one" in capsys.readouterr().err


def test_all_that_was_asked_for_is_in_the_command_that_makes_it_again(
    capsys: Capture, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(MINE, "utf-8")
    typed = [
        *("mine", "--edition", "amended - E01", "--without", "E13", "--profile", "chromium"),
        *("--choose", "id-order=insertion", "--steps", "none", "--scenarios", str(tmp_path)),
    ]
    text = said(capsys, *typed)
    command = shlex.split(text.splitlines()[-1].removeprefix("again: "))
    assert command == ["bgfetch", "explain", *typed]


MINE = (
    "scenario: mine\ntitle: Nothing\nsource: [E01]\n"
    "world: {resources: {/film: {size: 10}}}\n"
    "script:\n  - fetch: {id: a, requests: [/film], as: a}\n  - quiet: true\n"
)


def test_clusters_are_left_out_of_the_edition_that_was_named(capsys: Capture) -> None:
    arguments = ["E13", "--edition", "amended - E01", "--without", "E13", "--format", "json"]
    left_out = json.loads(said(capsys, *arguments))["edition"]
    assert "E01" in left_out and "E13" in left_out


def test_a_profile_brings_its_choices_and_ones_own_come_first(capsys: Capture) -> None:
    arguments = ["E13", "--profile", "chromium", "--format", "json"]
    told = json.loads(said(capsys, *arguments))
    assert told["profile"] == "chromium"
    assert told["choices"] == dict(PROFILES["chromium"].choices)
    key, option = next(iter(told["choices"].items()))
    other = next(each for each in CHOICES[key].options if each != option)
    again = json.loads(said(capsys, *arguments, "--choose", f"{key}={other}"))
    assert again["choices"][key] == other


def test_what_cannot_be_written_is_one_line_and_no_fault_of_ours(
    capsys: Capture, tmp_path: Path
) -> None:
    out = str(tmp_path / "nowhere" / "walk.txt")
    assert run(["explain", "E13", "--out", out]) == 78
    assert capsys.readouterr().err.startswith(f"bgfetch: cannot write {out}: ")


def test_what_the_model_cannot_play_is_said_so(capsys: Capture, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINE + "needs: [bgcache]\n", "utf-8")
    assert run(["explain", str(file)]) == 66
    assert "bgfetch: mine cannot be explained: " in capsys.readouterr().err


def test_json_of_two_is_refused_with_their_number(capsys: Capture, tmp_path: Path) -> None:
    for name in ("mine-1", "mine-2"):
        (tmp_path / f"{name}.yaml").write_text(MINE.replace("mine", name), "utf-8")
    assert run(["explain", "mine-*", "--scenarios", str(tmp_path), "--format", "json"]) == 64
    assert "means 2 scenarios; JSON holds one" in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--compare"]], ids=["walk", "comparison"])
def test_markdown_leaves_steps_out_where_it_is_told_to(capsys: Capture, more: list[str]) -> None:
    arguments = ["E13", "--format", "markdown", *more]
    few = said(capsys, *arguments, "--steps", "none")
    assert len(few) < len(said(capsys, *arguments))
