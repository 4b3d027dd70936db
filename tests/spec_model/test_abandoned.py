"""As written an attempt that was told to stop goes on for a while (E03, E15, E16)."""

from __future__ import annotations

import pytest

from spec_model import messages as m
from tests.spec_model.playing import Play, get


def abandoned(reading: str = "amended - E03") -> Play:
    """Four of ten bytes have come; then the fetch was paused and resumed."""
    play = Play(reading)
    play.started(get("/x"))
    play.head()
    play.bytes(4)
    play.user("pause")
    play.user("resume")
    return play


def result(play: Play) -> str:
    return play.state.records[0][0].result


def test_amended_nothing_of_an_abandoned_attempt_is_heard() -> None:
    play = abandoned("amended")
    before = play.state
    play.bytes(10)
    assert play.state == before


def test_late_bytes_are_stored_though_the_next_attempt_asks_for_them() -> None:
    play = abandoned()
    play.bytes(10)
    play.part(2, 4, 9, 10)
    assert play.state.stored(0) == 16


def test_late_bytes_may_exceed_the_quota_and_end_the_record() -> None:
    play = Play("amended - E03", quota=6)
    play.started(get("/x"))
    play.head()
    play.bytes(4)
    play.user("pause")
    play.user("resume")
    play.bytes(10)
    assert play.outcome == ("failure", "quota-exceeded")


def test_its_connection_is_dropped_when_the_next_answer_comes() -> None:
    play = abandoned()
    assert play.every(m.AttemptTerminated) == []
    play.head(2, 206, ("Content-Range", "bytes 4-9/10"), first=4, length=6)
    assert play.every(m.AttemptTerminated) == [m.AttemptTerminated(0, 0, 1)]
    assert result(play) == "fetch-error"


@pytest.mark.parametrize(("how", "left"), [("end", "success"), ("close", "fetch-error")])
def test_its_end_leaves_a_result_behind(how: str, left: str) -> None:
    play = abandoned()
    play.end(how=how)
    assert result(play) == left


@pytest.mark.parametrize(("upto", "left"), [(10, "success"), (9, "")])
def test_the_end_of_a_part_leaves_one_if_all_is_there(upto: int, left: str) -> None:
    play = Play("amended - E03")
    play.started(get("/x"))
    play.head(1, 206, ("Content-Range", "bytes 0-9/10"))
    play.bytes(4)
    play.user("pause")
    play.user("resume")
    play.bytes(upto)
    play.end()
    assert result(play) == left


def test_an_error_page_leaves_bad_status_behind() -> None:
    play = Play("amended - E03")
    play.started(get("/x"))
    play.head(status=404)
    play.bytes(4)
    play.user("pause")
    play.end()
    assert result(play) == "bad-status"


def test_an_abort_ends_it_with_the_record() -> None:
    play = abandoned()
    play.user("abort")
    assert [each.attempt for each in play.every(m.AttemptTerminated)] == [1, 2]
    assert play.events == ["backgroundfetchabort"]
