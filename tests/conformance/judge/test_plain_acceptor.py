"""The plain acceptor on a specification of three lines, and on its own example."""

from __future__ import annotations

import doctest

import attrs
import pytest

from conformance.judge import plain_acceptor
from conformance.judge.plain_acceptor import Names, PlainAcceptor, Reading, TooManyStates
from spec_model.decide import Decide
from spec_model.kernel import System


@attrs.frozen
class Bell:
    """Every press queues a ring; each ring is a task and shows how loud it was."""

    queued: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()


def _enabled(state: Bell, d: Decide) -> tuple[int, ...]:
    return tuple(range(len(state.queued)))


def _inject(state: Bell, press: str, d: Decide) -> Bell:
    if press == "cut the wire":
        return attrs.evolve(state, queued=())
    return attrs.evolve(state, queued=(*state.queued, press))


def _perform(state: Bell, task: int, d: Decide) -> Bell:
    loud = d.choose("how loud", ("loud", "soft"))
    left = (*state.queued[:task], *state.queued[task + 1 :])
    return Bell(left, (*state.shown, f"{state.queued[task]} {loud}"))


BELL = System[Bell, str, int, str](
    "bell",
    {},
    _enabled,
    _inject,
    _perform,
    lambda state: (state.shown, attrs.evolve(state, shown=())),
    lambda before, after, edition: None,
)


def bell(reading: Reading[str, str, str] | None = None) -> PlainAcceptor[Bell, str, int, str, str]:
    return PlainAcceptor(BELL, reading or Reading(), Bell())


def test_every_outcome_of_a_choice_is_an_explanation() -> None:
    for seen in ("a loud", "a soft"):
        acceptor = bell()
        acceptor.given("a")
        assert acceptor.saw(seen)
        assert acceptor.quiet()


def test_what_no_task_produced_is_refused() -> None:
    acceptor = bell()
    acceptor.given("a")
    assert not acceptor.saw("b loud")
    assert acceptor.explanations == []


def test_tasks_may_run_in_any_order() -> None:
    acceptor = bell()
    acceptor.given("a")
    acceptor.given("b")
    assert acceptor.saw("b loud")
    assert acceptor.saw("a soft")


def test_one_observer_sees_outputs_in_their_order_and_two_need_not() -> None:
    pressed = Reading[str, str, str](observer=lambda output: output[0])
    for reading, admits in ((None, False), (pressed, True)):
        acceptor = bell(reading)
        acceptor.given("a")
        rung = [each for each in acceptor.explanations if each.owed() == ("a loud",)]
        acceptor.explanations = [each for each in rung if not each.waiting]
        acceptor.given("b")
        assert acceptor.saw("b loud") is admits


def test_silence_is_refused_while_something_is_due() -> None:
    acceptor = bell()
    acceptor.given("a")
    assert not acceptor.quiet()


def test_an_optional_output_need_not_be_seen() -> None:
    acceptor = bell(Reading(optional=lambda output: output.startswith("a")))
    acceptor.given("a")
    assert acceptor.quiet()


def test_an_input_may_take_effect_after_what_was_seen_later() -> None:
    acceptor = bell()
    acceptor.given("a")
    acceptor.given("cut the wire")
    assert acceptor.saw("a loud")
    assert acceptor.quiet()


def test_what_an_input_loses_can_not_be_seen_after_it() -> None:
    acceptor = bell(Reading(loses=lambda news, output: news == "cut the wire"))
    acceptor.given("a")
    acceptor.given("cut the wire")
    acceptor.explanations = [each for each in acceptor.explanations if not each.waiting]
    assert not acceptor.saw("a loud")


def test_names_of_the_implementation_stand_for_those_of_the_system() -> None:
    def fits(names: Names, output: str, seen: str) -> Names | None:
        name = output[0]
        known = dict(names).get(name, seen)
        return (*names, (name, seen)) if known == seen else None

    acceptor = bell(Reading(fits=fits))
    acceptor.given("a")
    assert acceptor.saw("x")
    acceptor.given("a")
    assert not acceptor.saw("y")


def test_a_set_that_grows_too_large_says_so() -> None:
    acceptor = bell()
    acceptor.limit = 10
    with pytest.raises(TooManyStates):
        for press in "abcdef":
            acceptor.given(press)


def test_its_example_is_true() -> None:
    assert doctest.testmod(plain_acceptor).failed == 0
