"""What the state as a whole says about its parts."""

from __future__ import annotations

import pytest

from spec_model import messages as m
from spec_model.state import UnknownName
from spec_model.tasks import SettlePromise
from tests.spec_model.playing import Play, get, post


def test_bodies_both_ways_are_used_and_only_answers_are_kept() -> None:
    play = Play()
    play.started(post("/x", 7))
    play.whole(1, length=10)
    assert (play.state.used(), play.state.kept()) == (17, 10)


def test_what_is_over_uses_and_keeps_nothing() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    play.tell(m.EventEnded(play.event.event))
    assert (play.state.used(), play.state.kept()) == (0, 0)


def test_a_realm_that_is_gone_discards_a_task() -> None:
    state = Play().state
    assert state.enqueue_task("p9", SettlePromise("c", None)) == state


def test_a_record_object_that_was_never_made_is_refused() -> None:
    with pytest.raises(UnknownName, match="r9"):
        Play().state.object("r9")
