"""A search for a witness: what it proves, what it does not, and which run it follows first."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.judge.memory import Memory
from conformance.trace import Trace
from conformance.trials.witness import Attempt, Found, Search
from conformance.trials.witness_case import Case, Node
from conformance.trials.witness_hope import Hope
from conformance.trials.witness_moves import Moves
from conformance.trials.witness_trail import Trail
from spec_model.editions import AMENDED
from spec_model.values import exactly
from tests.conformance.judge.traces import HOME, Script


def noted(script: Script) -> Trace:
    return Trace("hand", "hand", "1", [], {"app": HOME}, True, script.entries)


def shown(script: Script, *downloaded: int) -> Script:
    for each in downloaded:
        script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=each)))
    return script


def half_way() -> Script:
    return Script().begin().fetch("a", "/x").request("/x").head("/x").bytes("/x", 8)


def search(script: Script, *attempts: Attempt, patience: int = 800) -> Found:
    return Search(noted(script), frozenset()).run(patience, attempts)


def test_what_the_model_can_show_has_a_witness() -> None:
    assert search(shown(half_way(), 8), Attempt(0, 3)) is Found.WITNESS


def test_what_it_cannot_show_has_none() -> None:
    assert search(shown(half_way(), 9), Attempt(0, 3)) is Found.NONE


def test_where_patience_ends_nobody_knows() -> None:
    assert search(shown(half_way(), 9), Attempt(0, 3), patience=5) is Found.TIRED


def test_haste_proves_nothing() -> None:
    assert search(shown(half_way(), 9), Attempt(0, 3, hasty=True)) is Found.TIRED


def test_a_search_that_has_not_tried_every_cut_proves_nothing() -> None:
    script = shown(half_way(), 2, 5)
    assert search(script, Attempt(0, 1)) is Found.TIRED
    assert search(script, Attempt(0, 8)) is Found.WITNESS


def test_the_next_attempt_is_made_where_one_has_proved_nothing() -> None:
    assert search(shown(half_way(), 2, 5), Attempt(0, 1), Attempt(0, 8)) is Found.WITNESS


def walked(case: Case) -> Iterator[Node]:
    """Runs in the order in which they are found."""
    trail, moves, todo = Trail(case), Moves(case), [case.start()]
    while todo:
        node = todo.pop()
        yield node
        onwards = trail.onwards(node)
        todo += [*(() if trail.must_go_on(node) else moves.onwards(node)), *onwards]


def after_the_promise(script: Script, stored: int) -> tuple[Case, Node]:
    """A run in which the promise of the fetch was seen and so many bytes are stored."""
    case = Case(noted(script), frozenset(), AMENDED, Memory(), False, False, most_cuts=3)
    found = next(node for node in walked(case) if node.names and node.state.records)
    record = attrs.evolve(found.state.records[0][0], stored=exactly(stored))
    return case, attrs.evolve(found, state=found.state.put_record(0, 0, record))


def test_a_run_has_less_hope_when_it_holds_more_bytes_than_will_be_shown_next() -> None:
    script = shown(half_way(), 7)
    case, fits = after_the_promise(script, 7)
    _, too_much = after_the_promise(script, 8)
    assert Hope(case).of(too_much) < Hope(case).of(fits)
