"""Asking every change of each call while the true model runs."""

from __future__ import annotations

from conformance.mutate import Mutant, mutants
from conformance.mutate.differing import differing
from conformance.mutate.playing import Play, plays
from conformance.scenario.find import packaged
from conformance.trace import dump

ABORT_WHILE_PAUSED = packaged() / "errata" / "E13.yaml"


def the(function: str, said: str) -> Mutant:
    (found,) = (m for m in mutants() if m.function == function and said in m.description)
    return found


DROPPED = the("abort", "leave out: abort=fetch.abort or cause")
NEVER_ASKED = the("get_ids", "negate: fetch.in_map")
OTHER_QUESTION = the("start", "negate: d.repaired('E13')")
GENERATES = the("_records", "leave out: if can_run")
HARMLESS = the("dispatch", "leave out: if not d.repaired('E08')")


def amended() -> Play:
    return plays([ABORT_WHILE_PAUSED])[0]


def test_what_gives_something_else_once_differs_and_the_rest_does_not() -> None:
    _, keys = differing([DROPPED, NEVER_ASKED, OTHER_QUESTION, HARMLESS], amended().run)
    assert keys == {DROPPED.key, OTHER_QUESTION.key}


def test_what_cannot_be_compared_differs_as_soon_as_it_is_called() -> None:
    _, keys = differing([GENERATES], amended().run)
    assert keys == {GENERATES.key}


def test_the_run_is_that_of_the_true_model_and_so_is_the_next() -> None:
    before = dump(amended().run())
    watched, _ = differing(mutants(), amended().run)
    assert dump(watched) == before
    assert dump(amended().run()) == before
