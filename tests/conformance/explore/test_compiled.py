"""The compiled space is the plain one, and what it leaves out changes no verdict."""

from __future__ import annotations

import attrs
import pytest

from conformance.explore.background_fetch import Compiled, Full, compiled, space
from conformance.explore.compiled import Packed
from conformance.explore.scope import SCOPES, Scope
from conformance.explore.search import Found, explore
from spec_model.editions import AMENDED, AS_WRITTEN, Edition

SMALL = ("null", "silent", "start-quota", "ui", "partial-star", "foreign", "offline", "get")
EDITIONS = pytest.mark.parametrize("edition", [AMENDED, AS_WRITTEN], ids=lambda e: str(e.name))


def verdicts(found: Found[Packed, int]) -> tuple[set[str], set[str]]:
    return {flaw.name for flaw in found.flaws}, set(found.reached)


def same_edges(scope: Scope, edition: Edition) -> int:
    """Walks both spaces side by side; how many nodes were met."""
    plain, tables = space(scope, edition), compiled(scope, edition, symmetric=False)
    todo: list[Full] = plain.initial()
    met = set(todo)
    while todo:
        node = todo.pop()
        expected = list(plain.successors(node))
        state = tables.form(node)
        assert tables.node(state) == node
        given = [
            (tables.labels[label], tables.node(target), marks)
            for label, target, marks in tables.successors(state)
        ]
        assert given == expected
        assert tables.owes(state) == plain.owes(node)
        for _, target, _ in expected:
            if target not in met:
                met.add(target)
                todo.append(target)
    return len(met)


@EDITIONS
@pytest.mark.parametrize("name", SMALL)
def test_every_node_has_the_same_edges_compiled_as_plain(name: str, edition: Edition) -> None:
    assert same_edges(SCOPES[name], edition) > 10


def pair(**changes: object) -> Scope:
    scope = Scope("pair", "", ("GET", "GET"), size=1, faults=("status",), user_aborts=1)
    return attrs.evolve(scope, **changes)  # type: ignore[arg-type]  # fields of a scope


@EDITIONS
def test_exchanging_records_changes_no_verdict(edition: Edition) -> None:
    whole = explore(compiled(pair(), edition, symmetric=False))
    folded = explore(compiled(pair(), edition))
    assert verdicts(folded) == verdicts(whole)
    assert whole.states / 2 < folded.states < whole.states


def test_the_folded_states_are_the_orbits_of_the_whole() -> None:
    tables: Compiled = compiled(pair())
    plain = space(pair())
    todo = plain.initial()
    met = set(todo)
    while todo:
        for _, target, _ in plain.successors(todo.pop()):
            if target not in met:
                met.add(target)
                todo.append(target)
    assert len({tables.form(node) for node in met}) == explore(compiled(pair())).states
