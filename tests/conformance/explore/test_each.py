"""Every amendment left out in turn shows what it was needed for.

The published table is long to make (``bgfetch explore --each --format json --out
reports/explore-each.json``, minutes); here its small findings are made again.
"""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest

from conformance.explore import report, search
from conformance.explore.background_fetch import Compiled
from conformance.explore.compiled import Packed
from conformance.explore.each import Each, Finding, Missed, bases, each
from conformance.explore.scope import SCOPES
from conformance.explore.search import Found
from conformance.explore.sentences import ALWAYS, EVENTUALLY
from spec_model.editions import CLUSTERS

REPORTS = Path(__file__).parents[3] / "reports"
PUBLISHED = json.loads((REPORTS / "explore-each.json").read_text("utf-8"))
FOUND = [Finding(**one) for one in PUBLISHED["found"]]
QUICK = ("null", "silent", "foreign", "partial-star", "partial-empty", "ui", "start-quota")


def test_a_cluster_is_found_in_the_smallest_scope_that_breaks_without_it() -> None:
    scopes = [SCOPES["silent"], SCOPES["null"]]
    result = each(scopes, clusters=("E18", "E08"))
    assert result.missed == ()
    assert [(one.cluster, one.scope, one.property) for one in result.found] == [
        ("E18", "null", "L02"),
        ("E08", "silent", "L02"),
    ]


def test_a_cluster_that_no_step_asks_about_is_missed_without_a_search() -> None:
    result = each([SCOPES["denied"]], clusters=("E14",))
    assert result == Each((), (Missed("E14", (), ()),))
    assert "no step of these scopes asks about it" in "\n".join(report.each_lines(result))


def test_scopes_are_taken_smallest_first() -> None:
    sizes = [base.states for base in bases([SCOPES["get"], SCOPES["ui"], SCOPES["null"]])]
    assert sizes == sorted(sizes)


def test_a_search_that_grows_beyond_its_bound_says_so() -> None:
    result = each([SCOPES["quota"]], clusters=("E36",), growth=0)
    (missed,) = result.missed
    assert set(missed.partial) <= set(missed.asked_in) == {"quota"}


def test_the_published_table_has_every_cluster_once() -> None:
    missed = [one["cluster"] for one in PUBLISHED["missed"]]
    assert sorted([*missed, *(one.cluster for one in FOUND)]) == sorted(CLUSTERS)
    assert {one.property for one in FOUND} <= {*ALWAYS, *EVENTUALLY}


@pytest.mark.parametrize("cluster", [one.cluster for one in FOUND if one.scope in QUICK])
def test_a_published_finding_is_found_again(cluster: str) -> None:
    (published,) = [one for one in FOUND if one.cluster == cluster]
    result = each([SCOPES[published.scope]], clusters=(cluster,))
    assert result == Each((published,), ())


def test_a_search_that_was_interrupted_makes_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def explore(space: Compiled, **bounds: int) -> Found[Packed, int]:
        return attrs.evolve(search.explore(space, most_states=3), why="interrupted")

    monkeypatch.setattr("conformance.explore.each.explore", explore)
    with pytest.raises(KeyboardInterrupt):
        each([SCOPES["null"]], clusters=("E18",))
