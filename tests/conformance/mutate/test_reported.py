"""The committed campaign still says the truth: a sample of its kills, and its list of survivors.

A kill is tried again on the one play that was the first to notice.  If this fails because
the model has moved on, run the campaign again (``reports/README.md`` says how).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from conformance.mutate import Mutant, installed, mutants
from conformance.mutate.campaign import Row, sample, source_digests
from conformance.mutate.playing import Known, Play, know, notice, plays
from conformance.mutate.report import Report, read_survivors

REPORTS = Path(__file__).parents[3] / "reports"
SEED, SIZE = 1, 60
NOTICED_BY_A_RUN = ("outcome", "property", "invariant", "crash")
"""Not ``endless``, which takes long, nor ``verdict``, which needs recorded traces."""


@cache
def report() -> Report:
    return Report.load(REPORTS / "mutation.json")


@cache
def by_key() -> dict[str, Mutant]:
    return {mutant.key: mutant for mutant in mutants()}


@cache
def by_name() -> dict[str, Play]:
    return {str(play): play for play in plays()}


@cache
def known(name: str) -> Known:
    return know(by_name()[name], frozenset())


def repeatable() -> dict[str, Row]:
    return {
        row.key: row
        for row in report().mutants
        if row.how in NOTICED_BY_A_RUN and row.key in by_key() and row.by in by_name()
    }


def test_of_files_that_are_as_they_were_every_mutant_of_the_report_is_there() -> None:
    """A file that moved on is told by its digest: what the report says of it was true before."""
    now = source_digests()
    same = {file for file, digest in report().sources.items() if now.get(file) == digest}
    rows = {row.key for row in report().mutants if row.where.partition(":")[0] in same}
    assert rows <= set(by_key())
    if report().sample is None:
        assert rows == {mutant.key for mutant in mutants() if mutant.file in same}


def test_most_of_the_report_is_about_the_model_as_it_is() -> None:
    there = sum(row.key in by_key() for row in report().mutants)
    assert there > 0.5 * len(report().mutants)


@pytest.mark.slow
def test_what_was_noticed_is_noticed_still() -> None:
    rows = repeatable()
    chosen = sample((by_key()[key] for key in rows), SEED, SIZE)
    assert len(chosen) == SIZE
    missed = []
    for mutant in chosen:
        play = known(rows[mutant.key].by)
        with installed(mutant):
            if notice([play]).noticed is None:
                missed.append(f"{mutant} is not noticed by {play.play} any more")
    assert missed == []


def test_every_listed_survivor_is_one() -> None:
    """A killed one is to be taken off the list; so is one whose place in the text is gone."""
    survivors = {row.key for row in report().survivors}
    listed = read_survivors(REPORTS / "mutation.toml")
    assert set(listed) - survivors == set()
    gone = [key for key in listed if key not in by_key()]
    assert len(gone) < 0.5 * len(listed), gone


def test_every_survivor_is_listed_with_a_reason() -> None:
    assert report().unexplained(read_survivors(REPORTS / "mutation.toml")) == []
