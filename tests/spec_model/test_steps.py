"""The registry of steps, and that nobody cites a step that the text does not have."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import conformance
import spec_model
from spec_model import choices, steps, systems
from spec_model.steps import NOT_MODELLED, STEPS, Kind, UnknownStep, cited_in, digest, drifted
from tests.spec_model.citations import misplaced

ROOMS = [Path(room.__path__[0]) for room in (spec_model, conformance)]
MODEL = sorted(ROOMS[0].glob("*.py"))
SOURCES = sorted(path for room in ROOMS for path in room.rglob("*.py"))


def test_there_are_416_steps_and_each_id_is_well_formed() -> None:
    assert len(STEPS) == 416
    for step in STEPS.values():
        assert re.fullmatch(r"[A-Z]+-[A-Za-z0-9.-]+", step.id), step
        assert re.fullmatch(r"[0-9a-f]{12}", step.digest), step
        assert step.line > 0
        assert step.paraphrase


def test_the_table_has_one_row_per_id() -> None:
    table = (Path(spec_model.__path__[0]) / "steps.tsv").read_text("utf-8").splitlines()[1:]
    ids = [row.split("\t")[0] for row in table]
    assert len(ids) == len(set(ids)) == len(STEPS)


def test_a_step_is_found_by_its_id() -> None:
    step = steps.get("RECORD-3")
    assert (step.algorithm, step.kind, step.line) == ("RECORD", Kind.WAIT, 281)


def test_an_unknown_step_is_refused_with_a_hint() -> None:
    with pytest.raises(UnknownStep, match=r"no step 'RECORD-16'.*RECORD-0 … RECORD-15 exist"):
        steps.get("RECORD-16")


def test_a_digest_does_not_see_white_space() -> None:
    assert digest("  1. Let  |x| be 0.\n") == digest("1. Let |x| be 0.")
    assert digest("1. Let |x| be 0.") != digest("1. Let |x| be 1.")


def test_a_source_with_other_lines_has_drifted_everywhere() -> None:
    assert len(drifted("")) == len(STEPS)
    longest = max(step.line for step in STEPS.values())
    assert len(drifted("nothing\n" * longest)) == len(STEPS)


def test_a_citation_is_a_literal_in_a_citing_call() -> None:
    source = 'd.take("RECORD-1", "RECORD-2")\nstep("FETCH-1")\nother("RECORD-3")\nd.take(name)\n'
    assert list(cited_in(source)) == ["RECORD-1", "RECORD-2", "FETCH-1"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_module_cites_an_unknown_step(path: Path) -> None:
    for cited in cited_in(path.read_text("utf-8")):
        systems.step(cited)


def test_every_step_is_cited_or_listed_with_a_reason_and_never_both() -> None:
    cited = {step for step, where in steps.places().items() if where}
    listed = set(NOT_MODELLED)
    assert cited | listed == set(STEPS)
    assert cited & listed == set()


def test_what_is_not_modelled_has_a_sentence_for_a_reason() -> None:
    for step, reason in NOT_MODELLED.items():
        steps.get(step)
        assert reason.endswith(".")
        assert len(reason.split()) >= 5


def test_a_place_is_a_file_a_line_and_a_function() -> None:
    (place,) = steps.places()["CONTAINS-4"]
    assert re.fullmatch(r"background_fetch\.py:\d+ contains", place)


@pytest.mark.parametrize("path", MODEL, ids=lambda path: path.name)
def test_on_every_way_through_a_function_steps_are_cited_in_the_order_of_the_text(
    path: Path,
) -> None:
    assert list(misplaced(path)) == []


def test_an_order_that_is_not_the_text_s_is_noticed(tmp_path: Path) -> None:
    source = tmp_path / "wrong.py"
    source.write_text(
        "def f(d, x):\n"
        "    if x:\n"
        "        d.take('ABORT-3')\n"
        "        return\n"
        "    d.take('ABORT-2', 'GET-4')\n"
        "    for each in x:\n"
        "        d.take('GET-4.1')\n"
        "    d.take('ABORT-1')\n"
    )
    (found,) = misplaced(source)
    assert (found.line, found.earlier, found.later) == (8, "ABORT-2", "ABORT-1")


def upstream() -> Path | None:
    """The specification's source, where somebody has said where it is."""
    named = os.environ.get("BGFETCH_SPECIFICATION")
    return Path(named) if named else None


@pytest.mark.skipif(upstream() is None, reason="BGFETCH_SPECIFICATION names no copy of index.bs")
def test_no_line_of_the_specification_has_changed() -> None:
    source = upstream()
    assert source is not None
    assert [step.id for step in drifted(source.read_text("utf-8"))] == []


def test_every_choice_names_steps_that_exist() -> None:
    for choice in choices.CHOICES.values():
        assert choice.steps
        for step in choice.steps:
            systems.step(step)
