"""Record objects: when they are ready, what readers get, and how bodies end."""

from __future__ import annotations

import pytest

from spec_model import messages as m
from spec_model.decide import Explain
from spec_model.record_objects import Ready, RecordObject, can_be_ready, make_ready
from spec_model.record_state import RecordState
from tests.spec_model.playing import Play, get, post


def early(play: Play) -> str:
    """A record object from before the answer, with a reader."""
    (record,) = play.records(play.started(get("/x")))
    play.read(record)
    return record


def test_responseready_waits_for_the_head() -> None:
    play = Play()
    record = early(play)
    assert play.every(m.RecordReady) == []
    play.head()
    assert play.ready(record) == 200


def test_a_body_is_read_while_it_arrives_and_closes_with_the_record() -> None:
    play = Play()
    record = early(play)
    play.head()
    play.bytes(4)
    play.bytes(10)
    assert [each.length for each in play.every(m.BytesReceived)] == [4, 10]
    assert play.body(record) is None
    play.end()
    assert play.body(record) == (10, "")


def test_without_a_reader_nothing_is_handed_out() -> None:
    play = Play()
    play.records(play.started(get("/x")))
    play.whole()
    assert play.every(m.BytesReceived) == []
    assert play.every(m.RecordReady) == []


def test_a_late_reader_gets_everything() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole(status=404)
    assert play.event.instance is not None
    (record,) = play.records(play.event.instance)
    play.read(record)
    assert (play.ready(record), play.body(record)) == (404, (10, ""))


def test_reading_twice_is_reading_once() -> None:
    play = Play()
    record = early(play)
    play.read(record)
    play.whole()
    assert play.body(record) == (10, "")


@pytest.mark.parametrize(("action", "error"), [("abort", "AbortError"), ("drop", "TypeError")])
def test_a_record_that_fails_without_an_answer_rejects(action: str, error: str) -> None:
    play = Play()
    record = early(play)
    if action == "drop":
        play.drop()
    else:
        play.user("abort")
    assert (play.ready(record), play.body(record)) == (error, None)


@pytest.mark.parametrize(("action", "error"), [("abort", "AbortError"), ("cut", "TypeError")])
def test_a_body_that_is_cut_off_fails_where_it_stands(action: str, error: str) -> None:
    play = Play()
    record = early(play)
    play.head()
    play.bytes(4)
    if action == "cut":
        play.end(how="close")
    else:
        play.user("abort")
    assert (play.ready(record), play.body(record)) == (200, (4, error))


def test_a_pause_is_invisible_to_a_reader() -> None:
    play = Play()
    record = early(play)
    play.head()
    play.bytes(4)
    play.user("pause")
    assert play.body(record) is None
    play.user("resume")
    play.part(2, 4, 9, 10)
    assert play.body(record) == (10, "")


def test_without_its_repair_a_pause_fails_a_reader() -> None:
    play = Play("amended - E03", {"the abandoned attempt stops": "at once"})
    record = early(play)
    play.head()
    play.bytes(4)
    play.user("pause")
    assert play.body(record) == (4, "TypeError")


def restarted(play: Play, *, handed: int) -> str:
    """A reader that has been handed so much when the record starts anew."""
    play.started(get("/x"))
    play.head()
    if handed:
        play.bytes(handed)
    instance = play.get()
    assert isinstance(instance, m.InstanceRef)
    (record,) = play.records(instance.instance)
    play.read(record)
    play.user("pause")
    play.user("resume")
    play.whole(2)
    return record


def test_a_reader_of_replaced_data_fails() -> None:
    play = Play()
    assert play.body(restarted(play, handed=4)) == (4, "TypeError")


def test_a_reader_that_was_handed_nothing_may_go_on_with_the_new_data() -> None:
    play = Play(profile={"replaced-reader": "retarget"})
    assert play.body(restarted(play, handed=0)) == (10, "")
    play = Play(profile={"replaced-reader": "retarget"})
    assert play.body(restarted(play, handed=4)) == (4, "TypeError")


def test_a_reader_that_goes_on_waits_for_the_answer_to_the_new_attempt() -> None:
    replaced = RecordState(generation=1)
    item = RecordObject("r1", "p1", 0, 0, generation=0, url="/x", method="GET", reading=True)
    moves, fails = Explain(profile={"replaced-reader": "retarget"}), Explain()
    assert can_be_ready(item, replaced, moves)
    assert make_ready(item, replaced, fails).ready == Ready(error="TypeError")
    moved = make_ready(item, replaced, moves)
    assert moved.ready is None
    assert not can_be_ready(moved, replaced, moves)


def test_without_its_repair_the_first_answer_fails_an_early_reader() -> None:
    play = Play("amended - E17")
    record = early(play)
    play.whole()
    assert play.ready(record) == "TypeError"


def test_as_written_nothing_is_ever_ready() -> None:
    play = Play("as-written")
    early(play)
    play.whole()
    assert play.every(m.RecordReady) == []


def test_length_and_range_of_single_answers_are_not_exposed() -> None:
    play = Play()
    record = early(play)
    play.head(1, 200, ("Content-Length", "10"), ("Content-Range", "x"), ("ETag", '"1"'))
    assert [each.ready for each in play.every(m.RecordReady) if each.object == record] == [
        Ready(200, (("etag", '"1"'),))
    ]


@pytest.mark.parametrize(
    ("reading", "profile", "status"),
    [
        ("amended", {}, 200),
        ("amended", {"assembled-status": "206"}, 206),
        ("amended - E41", {}, 206),
    ],
)
def test_what_was_assembled_from_parts_has_one_status(
    reading: str, profile: dict[str, str], status: int
) -> None:
    play = Play(reading, profile)
    record = early(play)
    play.part(1, 0, 3, 10)
    play.part(2, 4, 9, 10)
    assert (play.ready(record), play.body(record)) == (status, (10, ""))


def test_an_answer_without_a_body_is_an_empty_one() -> None:
    play = Play()
    play.started(post("/x"))
    play.head(1, 204, framing="none", length=0)
    assert play.event.instance is not None
    (record,) = play.records(play.event.instance)
    play.read(record)
    assert (play.ready(record), play.body(record)) == (204, (0, ""))


def test_a_body_says_which_bytes_of_which_answers_it_is_made_of() -> None:
    play = Play()
    record = early(play)
    play.head()
    play.bytes(4)
    play.user("pause")
    play.user("resume")
    play.part(2, 4, 9, 10)
    (ended,) = [each for each in play.every(m.BodyEnded) if each.object == record]
    assert [(part.exchange, part.first, part.length.lo) for part in ended.parts] == [
        (1, 0, 4),
        (2, 4, 6),
    ]
