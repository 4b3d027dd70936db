"""Background Sync, searched whole within small bounds: exact figures, and what they show."""

from __future__ import annotations

import pytest

from conformance.explore.search import explore
from conformance.explore.sync import Budget, sync_space
from spec_model.editions import AMENDED


@pytest.mark.parametrize(
    ("budget", "states", "transitions"),
    [
        (Budget(), 433, 1201),
        (Budget(calls=1, losses=0, kills=1), 38, 52),
        (Budget(tags=("a", "b"), losses=1, failures=1), 1515, 4364),
    ],
)
def test_the_amended_text_keeps_its_promises(budget: Budget, states: int, transitions: int) -> None:
    found = explore(sync_space(budget))
    assert found.complete
    assert found.flaws == ()
    assert (found.states, found.transitions) == (states, transitions)


def test_it_is_not_for_want_of_a_case() -> None:
    space = sync_space()
    assert explore(space).reached.keys() == space.sentences.sometimes.keys()


def test_as_written_a_kill_takes_a_tag_away_for_ever() -> None:
    space = sync_space(Budget(losses=0, kills=1), AMENDED.without("BS02"))
    (flaw,) = explore(space).flaws
    assert flaw.name == "fired"


def test_as_written_two_calls_side_by_side_have_two_events_at_a_time() -> None:
    space = sync_space(Budget(losses=0), AMENDED.without("BS03"))
    (flaw,) = explore(space).flaws
    assert flaw.name == "one-event"
    assert str(flaw.labels[-1]) == "GoOn(tag='a', new=True)"


def test_an_early_end_of_a_wait_breaks_no_promise() -> None:
    """BS01 is about how soon a retry comes, which is for the user agent to say."""
    assert explore(sync_space(Budget(losses=0), AMENDED.without("BS01"))).flaws == ()
