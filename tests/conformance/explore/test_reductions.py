"""What makes the search small or fast changes nothing that it says.

These are the smallest scopes; all of them, also in every order of tasks, take some minutes:
``python -m conformance.explore.reductions``, whose findings are in
``reports/explore-reductions.json``.
"""

from __future__ import annotations

import json

import attrs
import pytest

from conformance.explore import reductions
from conformance.explore.reductions import COUNTS, REPORT, Agreement, Count, compare, count
from conformance.explore.scope import SCOPES, SMALL, Scope
from conformance.explore.watching import Later
from spec_model.editions import AMENDED, AS_WRITTEN, Edition

QUICK = ("null", "silent", "start-quota", "ui", "partial-star", "foreign", "offline", "get")
EDITIONS = pytest.mark.parametrize("edition", [AMENDED, AS_WRITTEN], ids=lambda e: str(e.name))


def pair(**changes: object) -> Scope:
    scope = Scope("pair", "", ("GET", "GET"), size=1, faults=("status",), attempts=1, restarts=1)
    return attrs.evolve(scope, **changes)  # type: ignore[arg-type]  # fields of a scope


@EDITIONS
@pytest.mark.parametrize("name", QUICK)
def test_the_compiled_space_has_the_edges_of_the_plain_one(name: str, edition: Edition) -> None:
    agreed = compare(SCOPES[name], edition, orders=False)
    assert agreed.wrong == ()
    assert agreed.states > 10


@EDITIONS
def test_exchanging_records_changes_nothing_but_the_number_of_states(edition: Edition) -> None:
    agreed = compare(pair(), edition, orders=False)
    assert agreed.wrong == ()
    assert agreed.states / 2 < agreed.folded < agreed.states


def test_three_records_fold_to_their_orbits() -> None:
    scope = pair(methods=("GET",) * 3, faults=(), size=0, restarts=0)
    agreed = compare(scope, AMENDED, orders=False)
    assert agreed.wrong == ()
    assert agreed.states / 6 < agreed.folded < agreed.states / 2


def test_taking_news_at_once_breaks_what_any_order_breaks() -> None:
    agreed = compare(SCOPES["start-quota"], AMENDED)
    assert (agreed.wrong, agreed.hidden) == ((), ())
    assert agreed.all > agreed.states


def test_as_written_the_order_of_news_is_itself_at_fault() -> None:
    agreed = compare(attrs.evolve(SCOPES["silent"], faults=(), aborts=0), AS_WRITTEN)
    assert agreed.wrong == ()
    assert set(agreed.hidden) == {"S11", "S36"}


def test_records_that_are_taken_up_in_order_are_not_alike() -> None:
    assert pair().interchangeable
    assert not pair(order="settled").interchangeable


def test_a_lifted_function_that_is_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Later, "chain", ())
    agreed = compare(pair(), AMENDED, orders=False)
    assert any("other edges" in line for line in agreed.wrong)


def test_the_number_of_plain_states_follows_from_the_folded_ones() -> None:
    agreed = compare(pair(), AMENDED, orders=False)
    counted = count(pair(), AMENDED)
    assert (counted.folded, counted.states) == (agreed.folded, agreed.states)
    assert counted.transitions == agreed.transitions


def test_the_published_comparison_agrees_everywhere() -> None:
    published = [Agreement(**one) for one in json.loads(REPORT.read_text("utf-8"))]
    assert [each.scope for each in published if each.edition == "amended"] == [*SMALL]
    assert [each for each in published if each.wrong] == []
    too_large = [each for each in published if not each.compared]
    assert {(each.edition, each.order) for each in too_large} <= {("as-written", "all")}
    assert {each.order for each in published if each.hidden} <= {"settled"}


def test_what_is_too_large_for_the_plain_search_is_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reductions, "MOST_PLAIN", 5)
    agreed = compare(SCOPES["start-quota"], AMENDED)
    assert (agreed.compared, agreed.states, agreed.hidden) == (False, 0, ())


def test_the_published_counts_are_those_of_the_default_scope() -> None:
    counts = [Count(**one) for one in json.loads(COUNTS.read_text("utf-8"))]
    default = json.loads((COUNTS.parent / "explore-default.json").read_text("utf-8"))["scopes"][0]
    news, every = counts
    assert [(one.scope, one.order) for one in counts] == [("default", "news"), ("default", "all")]
    assert (news.folded, news.folded_transitions) == (default["states"], default["transitions"])
    assert news.folded < news.states < every.folded < every.states
