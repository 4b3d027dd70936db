"""The sets of choices that the acceptor names are the smallest that explain a trace."""

from __future__ import annotations

import itertools

import pytest

from conformance.judge.acceptor import Acceptor
from conformance.judge.memory import Memory
from conformance.trace import Trace
from conformance.trials.campaigns import ANY, run
from spec_model.editions import AMENDED

NUMBERS = tuple(number for number in range(1, 120) if number % 10)


def smallest(sets: set[frozenset[str]]) -> set[frozenset[str]]:
    return {one for one in sets if not any(other < one for other in sets)}


def explaining(trace: Trace, admitted: frozenset[str], memory: Memory) -> set[frozenset[str]]:
    acceptor = Acceptor(AMENDED, admitted, memory=memory)
    for entry in trace.entries:
        acceptor.feed(entry)
    found = set() if acceptor.rejection else {each.choices for each in acceptor.hypotheses}
    return smallest(found)


@pytest.fixture(scope="module")
def named() -> dict[int, set[frozenset[str]]]:
    memory, found = Memory(), {}
    for number in NUMBERS:
        one = run(ANY, number)
        if one is not None:
            found[number] = explaining(one.trace, one.made, memory)
    return found


def test_every_run_is_explained_by_some_set(named: dict[int, set[frozenset[str]]]) -> None:
    assert all(named.values())
    assert sum(frozenset() not in sets for sets in named.values()) > 3


def test_no_other_set_explains_as_well_with_less(named: dict[int, set[frozenset[str]]]) -> None:
    memory = Memory()
    for number, sets in named.items():
        needed = frozenset[str]().union(*sets)
        if not needed:
            continue
        one = run(ANY, number)
        assert one is not None
        # Of the choices made, those that an explanation names and two that none does.
        tried = sorted(needed) + sorted(one.made - needed)[:2]
        subsets = itertools.chain.from_iterable(
            itertools.combinations(tried, size) for size in range(len(tried) + 1)
        )
        enough = {s for s in map(frozenset, subsets) if explaining(one.trace, s, memory)}
        assert smallest(enough) == sets, number
