"""Asking a changed function again what it was asked in the true run."""

from __future__ import annotations

import attrs
import pytest

from conformance.mutate import Mutant, installed, mutants
from conformance.mutate.calls import Call, calls_made, differing, matters, repeats
from conformance.mutate.mutants import function_of
from conformance.mutate.playing import Play, plays
from conformance.scenario.find import packaged
from conformance.trace import dump
from spec_model.complete_record import arrived
from spec_model.record_state import RecordState, Sent

WITHOUT_PAUSES = packaged() / "errata" / "E19.yaml"
ABORT_WHILE_PAUSED = packaged() / "errata" / "E13.yaml"


def the(function: str, said: str) -> Mutant:
    (found,) = (m for m in mutants() if m.function == function and said in m.description)
    return found


# --- the calls of a play --------------------------------------------------------------

NEVER_OVERSHOOTS = the("_overshoots", "negate: head.status != 206  ->")
EVERYTHING_FITS = the("_exceeds", "negate: total.lo > room.hi")


def calls(mutant: Mutant) -> list[Call]:
    (play, *_) = plays([WITHOUT_PAUSES])
    function = function_of(mutant)
    with calls_made([function]) as made:
        play.run()
    return made[function]


def test_a_change_that_gives_the_same_for_all_that_was_asked_does_not_matter() -> None:
    mutant = the("_may_exceed", "limit: total.hi > room.lo")
    made = calls(mutant)
    assert made
    with installed(mutant):
        assert not matters(function_of(mutant), made)


def test_a_change_that_gives_something_else_once_matters() -> None:
    made = calls(EVERYTHING_FITS)
    assert not matters(function_of(EVERYTHING_FITS), made)
    with installed(EVERYTHING_FITS):
        assert matters(function_of(EVERYTHING_FITS), made)


def test_a_change_that_raises_matters() -> None:
    made = calls(NEVER_OVERSHOOTS)
    record, _, *others = made[0].given
    broken = attrs.evolve(made[0], given=(record, None, *others))
    assert matters(function_of(NEVER_OVERSHOOTS), [broken])


def refuse(word: str) -> None:
    raise ValueError(word)


def test_an_error_is_compared_like_anything_that_is_given() -> None:
    with calls_made([refuse]) as made:  # type: ignore[list-item]  # a plain function is one
        with pytest.raises(ValueError, match="no"):
            refuse("no")
    (call,) = made[refuse]  # type: ignore[index]  # as above
    assert repeats(refuse, call)
    assert not repeats(lambda word: refuse(word + "!"), call)
    assert not repeats(lambda _: None, call)


def test_a_generator_gives_nothing_to_compare() -> None:
    mutant = the("_records", "leave out: if can_run")
    assert matters(function_of(mutant), calls(mutant))


# --- many changes at once -------------------------------------------------------------

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


def first_left(record: RecordState, at: int) -> RecordState:
    return attrs.evolve(record, unseen=record.unseen[:1]) if at == -1 else record


def test_calls_are_told_apart_also_where_their_hashes_are_equal() -> None:
    assert hash(-1) == hash(-2)
    sent = Sent("https://app.example/x", "GET")
    record = RecordState(unseen=(sent, sent))
    mutant = attrs.evolve(the("arrived", "leave out: del left"), code=first_left.__code__)
    _, keys = differing([mutant], lambda: arrived(record, -1))
    assert not keys
    _, keys = differing([mutant], lambda: [arrived(record, at) for at in (-1, -2)])
    assert keys == {mutant.key}


def test_the_run_is_that_of_the_true_model_and_so_is_the_next() -> None:
    before = dump(amended().run())
    watched, _ = differing(mutants(), amended().run)
    assert dump(watched) == before
    assert dump(amended().run()) == before
