"""What pages and the worker call, and how their promises settle."""

from __future__ import annotations

import pytest

from spec_model import messages as m
from spec_model.background_fetch import Rejected
from spec_model.calls import FLAG_WHEN_READ, instance_in
from spec_model.state import UnknownName
from spec_model.values import RequestSpec
from tests.spec_model.playing import Play, get, post, url


def test_fetch_settles_with_an_instance_before_anything_has_arrived() -> None:
    play = Play()
    value = play.fetch(get("/x"))
    assert isinstance(value, m.InstanceRef)
    assert (value.snapshot.result, value.snapshot.downloaded) == ("", 0)


@pytest.mark.parametrize(
    "request_", [RequestSpec(url("/x"), "GET", 3), RequestSpec(url("/x"), mode="no-cors")]
)
def test_a_bad_argument_rejects_and_nothing_is_requested(request_: RequestSpec) -> None:
    play = Play()
    value = play.fetch(get("/good"), request_)
    assert isinstance(value, Rejected)
    assert (value.error, play.requests, play.state.agent.fetches) == ("TypeError", [], ())


def test_an_id_in_use_rejects_and_the_first_goes_on() -> None:
    play = Play()
    play.started(get("/x"))
    assert play.fetch(get("/y")) == Rejected("TypeError", "FETCH-8.5")
    play.whole()
    assert play.events == ["backgroundfetchsuccess"]


def test_an_id_is_free_again_in_the_settle_event() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    assert isinstance(play.fetch(get("/x")), m.InstanceRef)


def test_stored_bodies_of_other_fetches_count_against_the_quota() -> None:
    play = Play(quota=25)
    play.started(get("/x"), id="a")
    play.whole(1)
    assert play.fetch(post("/y", 16), id="b") == Rejected("QuotaExceededError", "FETCH-8.9")
    play.tell(m.EventEnded(play.event.event))
    assert isinstance(play.fetch(post("/y", 16), id="b"), m.InstanceRef)


def test_get_finds_what_is_active_only() -> None:
    play = Play()
    assert play.get() is None
    instance = play.started(get("/x"))
    found = play.get()
    assert isinstance(found, m.InstanceRef)
    assert found.instance == instance
    play.whole()
    assert play.get() is None


def test_as_written_nothing_found_is_null() -> None:
    assert Play("as-written").get() == m.Null()


def test_ids_are_those_of_active_fetches() -> None:
    play = Play()
    for name in ("b", "a"):
        play.started(get("/x"), id=name)
    play.tell(m.CallGetIds("ids", "p1"))
    assert play.value("ids") == ("b", "a")


def test_abort_is_true_once_and_false_after_the_end() -> None:
    play = Play()
    instance = play.started(get("/x"))
    assert (play.abort(instance), play.abort(instance)) == (True, False)
    play = Play()
    instance = play.started(get("/x"))
    play.whole()
    assert play.abort(instance) is False


def test_an_abort_finds_its_own_fetch_though_another_has_the_id_by_now() -> None:
    play = Play()
    first = play.started(get("/x"))
    assert play.abort(first) is True
    second = play.started(get("/y"))
    assert play.abort(first) is False
    assert play.abort(second) is True


def test_records_that_are_gone_cannot_be_matched() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.whole()
    play.tell(m.EventEnded(play.event.event))
    assert play.match(instance) == Rejected("InvalidStateError", "MATCHALL-1")


def test_match_gives_the_first_or_undefined() -> None:
    play = Play()
    instance = play.started(get("/x"), get("/x?q"))
    one = play.match(instance, "/x", first=True, ignore_search=True)
    assert isinstance(one, m.RecordRef)
    assert one.url == url("/x")
    assert play.match(instance, "/none", first=True) is None


def test_match_all_gives_new_objects_each_time() -> None:
    play = Play()
    instance = play.started(get("/x"))
    assert play.records(instance) != play.records(instance)


# --- events ---------------------------------------------------------------------------


def updated(play: Play, event: str) -> m.Value:
    call = play.call()
    play.tell(m.CallUpdateUI(call, event, "done"))
    return play.value(call)


def test_the_interface_is_updated_once() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    event = play.event.event
    assert updated(play, event) is None
    assert play.state.agent.fetches[0].title == "done"
    assert updated(play, event) == Rejected("InvalidStateError", "UPDATEUI-1.b")


def test_an_update_without_a_title_leaves_the_title() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    call = play.call()
    play.tell(m.CallUpdateUI(call, play.event.event))
    assert play.value(call) is None
    assert play.state.agent.fetches[0].title == ""
    assert updated(play, play.event.event) == Rejected("InvalidStateError", "UPDATEUI-1.b")


def test_it_cannot_be_updated_after_the_event() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    play.tell(m.EventEnded(play.event.event))
    assert updated(play, play.event.event) == Rejected("InvalidStateError", "UPDATEUI-1.c")


def test_an_abort_event_has_no_such_method() -> None:
    play = Play()
    play.abort(play.started(get("/x")))
    assert updated(play, play.event.event) == Rejected("TypeError", "IDL-UUE-2")


def test_as_written_a_refused_update_settles_nothing() -> None:
    play = Play("as-written")
    play.started(get("/x"))
    play.whole()
    play.tell(m.EventEnded(play.event.event))
    play.tell(m.CallUpdateUI("late", play.event.event))
    assert "late" not in [each.call for each in play.every(m.PromiseSettled)]


def test_as_written_two_updates_may_both_pass() -> None:
    play = Play("amended - E81", profile={FLAG_WHEN_READ: "unset"})
    play.started(get("/x"))
    play.whole()
    event = play.event.event
    assert (updated(play, event), updated(play, event)) == (None, None)


def test_an_event_made_by_script_needs_a_registration_and_is_not_trusted() -> None:
    play = Play()
    play.started(get("/x"))
    value = play.get(realm="worker")
    assert isinstance(value, m.InstanceRef)
    play.tell(m.CallSynthesize("empty", "backgroundfetchsuccess"))
    assert play.value("empty") == Rejected("TypeError", "IDL-BFE-3")
    play.tell(m.CallSynthesize("made", "backgroundfetchsuccess", value.instance))
    made = play.value("made")
    assert isinstance(made, m.EventRef)
    assert updated(play, made.event) == Rejected("InvalidStateError", "UPDATEUI-1.a")


# --- caches ---------------------------------------------------------------------------


def put(play: Play, record: str) -> str:
    call = play.call()
    play.tell(m.CallCachePut(call, "p1", "films", record))
    return call


def keys(play: Play) -> m.Value:
    call = play.call()
    play.tell(m.CallCacheKeys(call, "p1", "films"))
    return play.value(call)


def test_a_put_waits_for_the_whole_body() -> None:
    play = Play()
    (record,) = play.records(play.started(get("/x")))
    call = put(play, record)
    play.head()
    play.bytes(10)
    assert keys(play) == ()
    play.end()
    assert play.value(call) is None
    assert keys(play) == (url("/x"),)


def test_a_put_of_what_fails_rejects() -> None:
    play = Play()
    (record,) = play.records(play.started(get("/x")))
    call = put(play, record)
    play.head()
    play.user("abort")
    value = play.value(call)
    assert isinstance(value, Rejected)
    assert value.error == "AbortError"


def test_a_cache_takes_only_get_and_no_206() -> None:
    play = Play(profile={"assembled-status": "206"})
    film, upload = play.records(play.started(get("/x"), post("/y")))
    calls = [put(play, film), put(play, upload)]
    play.whole(2)
    play.part(1, 0, 9, 10)
    errors = [each.error for each in map(play.value, calls) if isinstance(each, Rejected)]
    assert errors == ["TypeError", "TypeError"]


def test_a_newer_put_of_a_url_replaces_the_older() -> None:
    play = Play()
    one, two = play.records(play.started(get("/x"), get("/y")))
    play.whole(1)
    play.whole(2)
    for record in (one, two, one):
        put(play, record)
    assert keys(play) == (url("/y"), url("/x"))


# --- as written -----------------------------------------------------------------------


def test_as_written_ignoring_the_query_empties_it_for_good_in_what_is_compared() -> None:
    play = Play("amended - E74")
    instance = play.started(get("/x?q=1"), post("/y?q=1"))
    assert isinstance(play.match(instance, "/x?z=2", ignore_search=True), m.Records)
    requests = play.state.agent.fetches[0].requests
    assert [each.url for each in requests] == [url("/x?"), url("/y?q=1")]


def test_an_object_for_a_page_that_is_gone_is_not_made() -> None:
    play = Play()
    play.started(get("/x"))
    with pytest.raises(UnknownName, match="p9"):
        instance_in(play.state, "p9", 0, play.decide)


def test_a_put_of_what_was_never_there_rejects_as_its_response_does() -> None:
    play = Play()
    (record,) = play.records(play.started(get("/x")))
    play.user("abort")
    assert play.value(put(play, record)) == Rejected("AbortError", "CREATE-2.8.4.4")


# --- unregistering, and names ---------------------------------------------------------


def test_unregistering_stops_everything_without_an_event() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.head()
    play.tell(m.CallUnregister("gone", "p1"))
    assert play.value("gone") is True
    assert (play.events, play.outcome) == ([], ("failure", "aborted"))
    assert not play.looks(instance).records_available
    assert play.every(m.AttemptTerminated) == [m.AttemptTerminated(0, 0, 1)]


def test_without_its_repair_unregistering_stops_nothing() -> None:
    play = Play("amended - E86")
    play.started(get("/x"))
    play.tell(m.CallUnregister("gone", "p1"))
    play.whole()
    assert (play.events, play.outcome) == ([], ("success", ""))


def test_unregistering_twice_tells_nobody_twice() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.tell(m.CallUnregister("gone", "p1"))
    told = play.progress(instance)
    play.tell(m.CallUnregister("again", "p1"))
    assert play.progress(instance) == told


def test_a_name_that_was_never_given_is_refused() -> None:
    with pytest.raises(UnknownName, match="i9"):
        Play().tell(m.CallAbort("c", "i9"))
