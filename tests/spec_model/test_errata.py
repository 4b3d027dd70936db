"""The errata register."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import pytest

import spec_model
from spec_model import errata, steps
from spec_model.choices import CHOICES
from spec_model.editions import BASELINE, CLUSTERS, EDITIONS, SYNC_CLUSTERS
from spec_model.errata import ERRATA, Class, Erratum, Reading, Severity, Status, UnknownErratum

EVERY = pytest.mark.parametrize("erratum", ERRATA.values(), ids=lambda each: each.id)


def test_they_are_numbered_from_e01_to_e90() -> None:
    assert list(ERRATA) == [f"E{number:02}" for number in range(1, 91)]


@EVERY
def test_each_is_filled_in_with_the_words_of_the_register(erratum: Erratum) -> None:
    assert erratum.severity in get_args(Severity)
    assert erratum.kind in get_args(Class)
    assert erratum.status in get_args(Status)
    assert erratum.reading in get_args(Reading)
    assert erratum.title
    assert erratum.amendment.endswith(".")
    assert erratum.why.endswith(".")


@EVERY
def test_each_names_steps_that_exist(erratum: Erratum) -> None:
    assert erratum.steps
    for step in erratum.steps:
        steps.get(step)


@EVERY
def test_each_depends_on_others_of_the_register_and_not_on_itself(erratum: Erratum) -> None:
    for other in (*erratum.masked_by, *erratum.implies):
        assert other in ERRATA
        assert other != erratum.id


@EVERY
def test_each_that_runs_says_by_which_switch(erratum: Erratum) -> None:
    runs = bool(erratum.cluster or erratum.choice)
    assert (erratum.status == "executable") is runs
    if erratum.cluster:
        assert erratum.cluster in CLUSTERS.keys() | BASELINE
    if erratum.choice:
        assert erratum.choice in CHOICES


@EVERY
def test_each_that_is_for_readers_only_says_why_at_some_length(erratum: Erratum) -> None:
    if erratum.status == "textual":
        assert len(erratum.why.split()) >= 20


def test_what_hangs_never_stays_on_paper() -> None:
    on_paper = {e.id: e.kind for e in ERRATA.values() if e.status == "textual"}
    assert "dead" not in on_paper.values()
    assert {name for name, kind in on_paper.items() if kind in ("wrong", "race")} == {
        *("E06", "E55", "E56", "E72"),  # their reasons say what it would take
    }


def test_a_cluster_is_named_after_its_first_erratum_and_none_is_empty() -> None:
    for cluster in CLUSTERS.keys() | BASELINE:
        assert errata.members(cluster)[0].id == cluster


def test_a_cluster_is_a_repair_as_soon_as_one_of_its_errata_is() -> None:
    assert errata.reading("E13") == "repair"
    assert errata.reading("E23") == "open"
    assert errata.get("E28").reading == "open"
    assert errata.reading("E27") == "repair"


def test_what_nothing_can_run_without_is_a_repair() -> None:
    assert {errata.get(each).reading for each in BASELINE} == {"repair"}


def test_an_erratum_whose_choice_is_free_is_open() -> None:
    for erratum in ERRATA.values():
        assert not (erratum.choice and erratum.reading == "repair"), erratum.id


def test_an_unknown_erratum_is_refused() -> None:
    with pytest.raises(UnknownErratum, match="E91"):
        errata.get("E91")


def clusters_asked_about() -> set[str]:
    """The literals in calls of ``repaired`` and in the tables' conditions."""
    found = set()
    for path in Path(spec_model.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in ("repaired", "repairs"):
                    found |= {a.value for a in node.args if isinstance(a, ast.Constant)}
    return {each for each in found if isinstance(each, str)}


def test_every_cluster_of_the_editions_makes_a_difference_somewhere_in_the_model() -> None:
    assert set(CLUSTERS) - clusters_asked_about() == set()


def test_the_model_asks_about_no_cluster_that_the_editions_do_not_have() -> None:
    assert clusters_asked_about() <= CLUSTERS.keys()


def test_there_is_a_literal_and_an_amended_edition() -> None:
    assert EDITIONS["as-written"].clusters == frozenset()
    assert EDITIONS["amended"].clusters == CLUSTERS.keys() | SYNC_CLUSTERS.keys()
