"""Exploring a changed model: what breaks there, and that a harmless change is the same graph."""

from __future__ import annotations

import functools
from unittest import mock

from conformance.explore.scope import SCOPES
from conformance.mutate import Mutant, exploring, installed, mutants
from conformance.mutate.calls import differing
from conformance.mutate.exploring import Ask, Charted, chart, look
from conformance.mutate.mutants import function_of

SILENT = Ask(SCOPES["silent"])
LITERAL = Ask(SCOPES["silent"], without="E13")


def the(function: str, said: str) -> Mutant:
    (found,) = (m for m in mutants() if m.function == function and said in m.description)
    return found


WITHOUT_EVENT = the("dispatch", "negate: not d.repaired('E08')")
AT_ANY_PHASE = the("exceed_total", "leave out: if fetch.phase is not")


@functools.cache
def charted(ask: Ask) -> Charted:
    files = frozenset({function_of(WITHOUT_EVENT).__code__.co_filename})
    known = chart(ask, files)
    assert known is not None
    return known


def test_the_true_model_shows_nothing() -> None:
    known = [charted(SILENT), charted(LITERAL)]
    assert [each.breaks for each in known] == ["", "S22"]
    assert look(known) == (None, ())


def test_what_is_too_large_is_left_out() -> None:
    with mock.patch.object(exploring, "LARGEST", charted(SILENT).states - 1):
        assert chart(SILENT, frozenset()) is None


def test_a_broken_sentence_notices() -> None:
    with installed(WITHOUT_EVENT):
        noticed, _ = look([charted(SILENT)])
    assert noticed is not None
    assert noticed.how == "explored"
    assert noticed.by == "scope silent"
    assert noticed.why.startswith("L02: ")


def test_a_defect_that_is_no_longer_found_notices() -> None:
    with installed(the("start", "negate: d.repaired('E13')")):
        noticed, _ = look([charted(LITERAL)])
    assert noticed is not None
    assert noticed.by == "scope silent without E13"


def test_a_place_that_a_scope_passes_is_known() -> None:
    lines = charted(SILENT).lines
    assert {number for _, number in lines} >= {WITHOUT_EVENT.lines[0]}
    assert not {number for _, number in lines} & {AT_ANY_PHASE.lines[0]}


def test_an_exploration_is_asked_which_changes_could_matter_to_it() -> None:
    some = [WITHOUT_EVENT, AT_ANY_PHASE]
    assert differing(some, SILENT.search_plainly)[1] == {WITHOUT_EVENT.key}


def test_a_change_that_no_state_tells_is_the_same_graph() -> None:
    with installed(the("dispatch", "leave out: if not d.repaired('E08')")):
        assert look([charted(SILENT)]) == (None, ())
