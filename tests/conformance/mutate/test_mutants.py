"""Mutants of the model: named by what they change, installed and removed without a trace."""

from __future__ import annotations

import pytest

from conformance.mutate import Mutant, installed, mutants
from conformance.mutate.citations import STEPS
from conformance.mutate.mutants import function_of
from conformance.mutate.sites import OPERATORS
from spec_model import background_fetch
from spec_model.background_fetch import FetchCall, Rejected
from spec_model.decide import Explain
from spec_model.values import RequestSpec


def the(function: str, said: str) -> Mutant:
    (found,) = (m for m in mutants() if m.function == function and said in m.description)
    return found


def test_every_key_is_of_one_mutant() -> None:
    keys = [mutant.key for mutant in mutants()]
    assert len(keys) == len(set(keys))


def test_every_operator_finds_something_to_change() -> None:
    assert {mutant.operator for mutant in mutants()} == set(OPERATORS)


def test_every_module_that_takes_steps_is_changed() -> None:
    changed = {mutant.module.partition(".")[2] for mutant in mutants()}
    assert {"background_fetch", "complete_record", "content_range", "record_objects"} <= changed
    assert {"background_sync.algorithms", "background_sync.system"} <= changed
    assert "decide" not in changed


def test_a_helper_of_one_system_does_not_work_for_the_other() -> None:
    other = [m for m in mutants() if m.module.startswith("spec_model.background_sync.")]
    assert {step[:3] for mutant in other for step in mutant.steps} == {"BS-"}


def test_steps_are_those_of_the_text_and_nearest_to_the_change() -> None:
    assert {step for mutant in mutants() for step in mutant.steps} <= STEPS
    assert the("check_arguments", "leave out: if not call.requests").steps[-1] == "FETCH-5"
    denied = [m for m in mutants() if "agent.permission == 'denied'" in m.description]
    assert denied
    assert all("FETCH-8.2" in mutant.steps for mutant in denied)


def test_a_helper_that_cites_nothing_has_the_steps_of_those_who_call_it() -> None:
    (helper, *_) = (m for m in mutants() if m.function == "_comparable")
    assert helper.steps == ("MATCHALL-3.2.1",)


NOTHING_TO_FETCH = FetchCall("a", ())


def test_an_installed_mutant_is_seen_by_everybody_until_it_is_removed() -> None:
    mutant = the("check_arguments", "leave out: if not call.requests")
    known_before = background_fetch.check_arguments
    refused = Rejected("TypeError", "FETCH-5")
    assert known_before(NOTHING_TO_FETCH, Explain()) == refused
    with installed(mutant):
        assert known_before(NOTHING_TO_FETCH, Explain()) is None
        assert background_fetch.check_arguments(NOTHING_TO_FETCH, Explain()) is None
    assert known_before(NOTHING_TO_FETCH, Explain()) == refused


def test_a_mutant_is_removed_also_where_it_crashes() -> None:
    mutant = the("check_arguments", "leave out: if not call.requests")
    with pytest.raises(ZeroDivisionError), installed(mutant):
        raise ZeroDivisionError
    assert background_fetch.check_arguments(NOTHING_TO_FETCH, Explain()) is not None


def is_settled(result: str) -> bool:
    requests = (RequestSpec("https://a.test/"),)
    return background_fetch.BackgroundFetch(0, "a", requests, result=result).settled


def test_a_property_of_a_class_is_changed_too() -> None:
    with installed(the("BackgroundFetch.settled", "negate")):
        assert is_settled("")
    assert not is_settled("")


def test_every_mutant_can_be_installed() -> None:
    for mutant in mutants():
        function = function_of(mutant)
        before = function.__code__
        with installed(mutant):
            assert function.__code__ is mutant.code
            assert function.__code__.co_freevars == before.co_freevars
            assert (
                function.__code__.co_varnames[: before.co_argcount]
                == (before.co_varnames[: before.co_argcount])
            )
        assert function.__code__ is before


def test_a_traceback_of_a_mutant_shows_the_line_of_the_source() -> None:
    for mutant in mutants():
        first, last = mutant.lines
        assert 0 < first <= last
        assert mutant.code.co_filename.endswith(mutant.file)
