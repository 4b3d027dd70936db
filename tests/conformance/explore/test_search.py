"""The search itself, on spaces small enough to count by hand."""

from __future__ import annotations

import doctest
from collections.abc import Callable, Iterable

import attrs
import pytest

from conformance.explore import search
from conformance.explore.search import explore
from conformance.explore.space import NO_MARKS, Edge, Marks, Sentences

SMALL_AND_ENDING = Sentences({"small": "it stays small"}, eventually={"end": "it ends"})


@attrs.define
class Counter:
    """Counts to a bound in steps of one or two; marks and debts are set by each test."""

    bound: int
    marks: Callable[[int], Marks] = lambda number: NO_MARKS
    debts: Callable[[int], Marks] = lambda number: NO_MARKS
    unfair: str = ""
    sentences: Sentences = SMALL_AND_ENDING

    def initial(self) -> list[int]:
        return [0]

    def successors(self, state: int) -> Iterable[Edge[str, int]]:
        for name, step in (("one", 1), ("two", 2)):
            if state + step <= self.bound:
                yield name, state + step, self.marks(state + step)

    def owes(self, state: int) -> Marks:
        return self.debts(state)

    def fair(self, label: str) -> bool:
        return label != self.unfair


def test_the_example_in_the_documentation_runs() -> None:
    result = doctest.testmod(search)
    assert result.attempted and not result.failed


def test_states_transitions_and_depth_are_exact() -> None:
    found = explore(Counter(4))
    assert (found.states, found.transitions, found.depth) == (5, 7, 2)
    assert found.complete and found.holds


def test_a_breach_comes_with_a_shortest_path() -> None:
    found = explore(Counter(9, marks=lambda n: frozenset({"!small"} if n >= 5 else ())))
    (flaw,) = found.flaws
    assert (flaw.name, flaw.kind, flaw.depth) == ("small", "always", 3)
    assert sorted(flaw.labels) == ["one", "two", "two"]


def test_goals_are_told_from_breaches_and_those_not_reached_are_missed() -> None:
    goals = Sentences(sometimes={"three": "three is reached", "four": "four is reached"})
    marks = frozenset({"three"})
    found = explore(Counter(3, lambda n: marks if n == 3 else NO_MARKS, sentences=goals))
    assert found.reached == {"three": 2}
    assert found.missed == ("four",)
    assert not found.holds


def test_what_is_owed_at_the_end_is_never_paid() -> None:
    found = explore(Counter(3, debts=lambda n: frozenset({"end"} if n == 3 else ())))
    assert [(flaw.name, flaw.kind, flaw.depth) for flaw in found.flaws] == [
        ("end", "eventually", 2)
    ]


def test_what_is_owed_on_the_way_is_paid() -> None:
    assert explore(Counter(3, debts=lambda n: frozenset({"end"} if n < 3 else ()))).holds


def test_a_step_that_need_not_happen_pays_no_debt() -> None:
    space = Counter(1, debts=lambda n: frozenset({"end"} if n == 0 else ()), unfair="one")
    assert [flaw.labels for flaw in explore(space).flaws] == [()]


@pytest.mark.parametrize("bound", [{"most_states": 10}, {"deepest": 3}])
def test_a_bound_leaves_the_search_incomplete_and_says_so(bound: dict[str, int]) -> None:
    found = explore(Counter(100), **bound)  # type: ignore[arg-type]  # one keyword of several
    assert not found.complete
    assert "bound" in found.why


def test_an_interruption_leaves_a_partial_result() -> None:
    def interrupt(progress: search.Progress) -> None:
        raise KeyboardInterrupt

    found = explore(Counter(100), watch=interrupt)
    assert found.why == "interrupted"
    assert found.states > 0
