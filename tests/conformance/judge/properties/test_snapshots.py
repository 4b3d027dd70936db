"""S04, S13, S14, S15: what one instance shows over time."""

from __future__ import annotations

from conformance.protocol import Look, RequestInit
from tests.conformance.judge.properties.traces import (
    ABORTED,
    DONE,
    Log,
    breaks,
    holds,
    judge,
    shows,
    url,
)


def test_a_result_is_written_once() -> None:
    log = Log().begin()
    log.fetch()
    log.progress(DONE)
    log.look("i1", DONE)
    holds(judge("S04", log), 1)


def test_a_result_that_becomes_another_one_breaks_s04() -> None:
    log = Log().begin()
    log.fetch()
    log.progress(DONE)
    at = log.look("i1", ABORTED)
    breaks(judge("S04", log), at + 1, "it was ('success', '')")


def test_a_result_that_is_gone_breaks_s04_if_the_look_came_later() -> None:
    log = Log().begin()
    log.fetch()
    log.send(Look("i1"))
    log.progress(DONE)
    log.answer(shows())
    holds(judge("S04", log), 0)
    at = log.look("i1", shows())
    breaks(judge("S04", log), at + 1, "no result any more")


UPLOAD = RequestInit(url("/u"), "POST", body="hello")


def uploading() -> Log:
    log = Log().begin()
    log.fetch(requests=[UPLOAD])
    return log


def test_uploaded_bytes_grow_up_to_the_total() -> None:
    log = uploading()
    log.progress(shows(uploaded=2, uploads=5))
    log.look("i1", shows(uploaded=5, uploads=5))
    holds(judge("S13", log), 3)


def test_fewer_uploaded_bytes_break_s13_if_they_came_later() -> None:
    log = uploading()
    log.progress(shows(uploaded=3, uploads=5))
    at = log.progress(shows(uploaded=2, uploads=5))
    breaks(judge("S13", log), at, "it was 3")


def test_a_look_under_way_may_show_fewer() -> None:
    log = uploading()
    log.send(Look("i1"))
    log.progress(shows(uploaded=3, uploads=5))
    log.answer(shows(uploaded=2, uploads=5))
    holds(judge("S13", log), 3)


def test_more_uploaded_bytes_than_there_are_break_s13() -> None:
    log = uploading()
    at = log.progress(shows(uploaded=6, uploads=5))
    breaks(judge("S13", log), at, "6 bytes uploaded of 5")


def test_every_instance_shows_what_was_asked_for() -> None:
    log = uploading()
    log.get("c2", "a", "i2", shows(uploads=5))
    holds(judge("S14", log), 2)


def test_an_upload_total_that_is_not_that_of_the_bodies_breaks_s14() -> None:
    log = uploading()
    at = log.get("c2", "a", "i2", shows(uploads=10))
    breaks(judge("S14", log), at + 2, "10", "5")


def test_progress_shows_something_new_each_time() -> None:
    log = Log().begin()
    log.fetch()
    log.progress(shows(downloaded=3))
    log.progress(shows(downloaded=4))
    log.progress(shows(downloaded=4, result="success"))
    holds(judge("S15", log), 2)


def test_the_same_progress_twice_breaks_s15() -> None:
    log = Log().begin()
    log.fetch()
    log.progress(shows(downloaded=3))
    at = log.progress(shows(downloaded=3, available=False))
    breaks(judge("S15", log), at, "nothing is different")


def test_progress_after_the_end_breaks_s15() -> None:
    log = Log().begin()
    log.fetch()
    log.progress(DONE)
    at = log.progress(shows(result="success", downloaded=9))
    breaks(judge("S15", log), at, "after it showed")


def test_instances_of_whom_nothing_is_known_are_not_judged() -> None:
    log = Log().begin()
    log.fetch("c1", instance=None)
    log.fetch("c2", instance=None)
    log.event(snapshot=shows(total=7), instance="w9")
    holds(judge("S14", log), 0)
