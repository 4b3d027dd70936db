"""Asking a changed function again what it was asked in the true run."""

from __future__ import annotations

from conformance.mutate import Mutant, installed, mutants
from conformance.mutate.calls import Asked, calls_made, comparable, matters, named
from conformance.mutate.mutants import function_of
from conformance.mutate.playing import plays
from conformance.scenario.find import packaged

WITHOUT_PAUSES = packaged() / "errata" / "E19.yaml"


def the(function: str, said: str) -> Mutant:
    (found,) = (m for m in mutants() if m.function == function and said in m.description)
    return found


NEVER_OVERSHOOTS = the("_overshoots", "negate: head.status != 206  ->")
EVERYTHING_FITS = the("_exceeds", "negate: total.lo > room.hi")


def asked(mutant: Mutant) -> list[Asked]:
    (play, *_) = plays([WITHOUT_PAUSES])
    code = function_of(mutant).__code__
    with calls_made(frozenset({code})) as calls:
        play.run()
    return calls[named(code)]


def test_a_change_that_gives_the_same_for_all_that_was_asked_does_not_matter() -> None:
    mutant = the("_may_exceed", "limit: total.hi > room.lo")
    made = asked(mutant)
    assert made
    with installed(mutant):
        assert not matters(function_of(mutant), made)


def test_a_change_that_gives_something_else_once_matters() -> None:
    made = asked(EVERYTHING_FITS)
    assert not matters(function_of(EVERYTHING_FITS), made)
    with installed(EVERYTHING_FITS):
        assert matters(function_of(EVERYTHING_FITS), made)


def test_a_change_that_raises_matters() -> None:
    made = asked(NEVER_OVERSHOOTS)
    broken = [Asked({**each.arguments, "head": None}, each.gave) for each in made]
    assert matters(function_of(NEVER_OVERSHOOTS), broken)


def test_a_generator_gives_nothing_to_compare() -> None:
    assert not comparable(function_of(the("_records", "leave out: if can_run")).__code__)
