"""Registration objects: their slots, and when ``progress`` fires."""

from __future__ import annotations

import attrs
import pytest

from spec_model import messages as m
from spec_model.decide import Explain
from spec_model.instances import Instance, Snapshot, bring_up_to_date, update
from tests.spec_model.playing import Play, get, post

NEW = Snapshot("a", download_total=20)
DONE = attrs.evolve(NEW, downloaded=10, result="success")


def updated(shows: Snapshot, snapshot: Snapshot) -> tuple[Snapshot, bool]:
    instance, progress = update(Instance("i1", 0, shows), snapshot, Explain())
    return instance.shows, progress


@pytest.mark.parametrize(
    "snapshot",
    [
        attrs.evolve(NEW, downloaded=1),
        attrs.evolve(NEW, uploaded=1),
        attrs.evolve(NEW, result="success"),
    ],
)
def test_a_change_is_taken_over_and_fires_progress(snapshot: Snapshot) -> None:
    assert updated(NEW, snapshot) == (snapshot, True)


def test_nothing_new_fires_nothing() -> None:
    assert updated(NEW, NEW) == (NEW, False)


def test_after_the_result_nothing_changes_any_more() -> None:
    assert updated(DONE, attrs.evolve(DONE, downloaded=12)) == (DONE, False)


def test_records_become_unavailable_without_an_event_even_after_the_result() -> None:
    gone = attrs.evolve(DONE, records_available=False)
    assert updated(DONE, gone) == (gone, False)


def test_records_never_become_available_again() -> None:
    gone = attrs.evolve(NEW, records_available=False)
    shows, _ = updated(gone, attrs.evolve(NEW, downloaded=3))
    assert not shows.records_available


def test_an_event_s_registration_shows_what_the_event_is_about() -> None:
    assert bring_up_to_date(Instance("i1", 0, NEW), DONE).shows == DONE


# --- in the model ---------------------------------------------------------------------


def test_one_realm_has_one_object_for_a_fetch() -> None:
    play = Play()
    instance = play.started(get("/x"))
    again = play.get()
    assert isinstance(again, m.InstanceRef)
    assert again.instance == instance


def test_two_realms_have_two() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.tell(m.PageOpened("p2"))
    other = play.get(realm="p2")
    assert isinstance(other, m.InstanceRef)
    assert other.instance != instance


def test_a_reused_id_is_another_object() -> None:
    play = Play()
    first = play.started(get("/x"))
    play.abort(first)
    assert play.started(get("/x")) != first


def test_a_new_object_shows_the_live_state() -> None:
    play = Play()
    play.started(get("/x"), total=20)
    play.head()
    play.bytes(4)
    play.tell(m.PageOpened("p2"))
    value = play.get(realm="p2")
    assert isinstance(value, m.InstanceRef)
    assert value.snapshot == Snapshot("a", download_total=20, downloaded=4)


def test_every_object_gets_progress() -> None:
    play = Play()
    first = play.started(get("/x"))
    play.tell(m.PageOpened("p2"))
    second = play.get(realm="p2")
    assert isinstance(second, m.InstanceRef)
    play.head()
    play.bytes(4)
    assert play.progress(first) == play.progress(second.instance) == [4]


def test_downloaded_falls_when_a_record_starts_anew() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.head()
    play.bytes(4)
    play.user("pause")
    play.user("resume")
    play.whole(2)
    assert play.progress(instance) == [4, 0, 10, 10]


def test_uploads_are_counted_once_though_a_redirect_sends_them_again() -> None:
    play = Play()
    instance = play.started(post("/x", 10))
    play.tell(m.Uploaded(1, 10))
    play.head(1, 307, ("Location", "/y"))
    play.tell(m.Uploaded(2, 10))
    assert (play.looks(instance).uploaded, play.looks(instance).upload_total) == (10, 10)
