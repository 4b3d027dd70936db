"""The whole model: queues, order, and what each party sees of one fetch."""

from __future__ import annotations

import pytest

from spec_model import kernel
from spec_model import messages as m
from spec_model.background_fetch import FetchCall, Rejected, UserAgent
from spec_model.decide import Explain
from spec_model.editions import AMENDED
from spec_model.invariants import check
from spec_model.kernel import NeverSettles
from spec_model.state import WORKER, Realm, State
from spec_model.system import enabled, inject, perform, run
from spec_model.tasks import RunEdit, RunRealm, RunRecord, RunUpdate
from tests.spec_model.playing import EVERY_EVENT, HOME, Play, get, post


def test_a_fetch_that_succeeds_fires_one_success_event_that_shows_it() -> None:
    play = Play()
    play.started(get("/x"))
    play.whole()
    assert play.events == ["backgroundfetchsuccess"]
    assert play.event.snapshot is not None
    assert (play.event.snapshot.result, play.event.snapshot.downloaded) == ("success", 10)


def test_records_are_requested_at_once_and_in_order() -> None:
    play = Play()
    play.started(get("/x"), get("/y"), get("/z"))
    assert [each.record for each in play.requests] == [0, 1, 2]


def test_a_limit_lets_records_wait_for_one_another() -> None:
    play = Play(limit=1)
    play.started(get("/x"), get("/y"))
    assert [each.record for each in play.requests] == [0]
    play.whole(1)
    assert [each.record for each in play.requests] == [0, 1]


def test_what_failed_first_in_request_order_names_the_reason() -> None:
    play = Play()
    play.started(get("/x"), get("/y"))
    play.drop(2)
    play.whole(1, status=404)
    assert play.outcome == ("failure", "bad-status")


def test_a_failed_record_lets_the_others_settle() -> None:
    play = Play()
    play.started(get("/x"), get("/y"))
    play.whole(1, status=404)
    assert play.events == []
    play.whole(2)
    assert play.events == ["backgroundfetchfail"]


def test_as_written_a_404_is_a_success() -> None:
    play = Play("as-written")
    play.started(get("/x"))
    play.whole(status=404)
    assert (play.events, play.outcome) == (["backgroundfetchsuccess"], ("success", ""))


def test_a_passed_download_total_stops_the_others_and_waits_for_them() -> None:
    play = Play()
    play.started(get("/x"), get("/y"), total=8)
    play.head(1)
    play.head(2)
    play.bytes(5, 1)
    play.bytes(4, 2)
    assert play.outcome == ("failure", "download-total-exceeded")
    assert [record.result for record in play.state.records[0]] == [
        "aborted",
        "download-total-exceeded",
    ]
    assert [each.record for each in play.every(m.AttemptTerminated)] == [1, 0]


def test_a_total_that_is_met_exactly_is_not_exceeded() -> None:
    play = Play()
    play.started(get("/x"), total=10)
    play.whole()
    assert play.outcome == ("success", "")


def test_a_full_quota_fails_its_record_and_no_other() -> None:
    play = Play(quota=12)
    play.started(get("/x"), get("/y"))
    play.head(1)
    play.head(2)
    play.bytes(8, 1)
    play.bytes(8, 2)
    assert play.state.records[0][1].result == "quota-exceeded"
    play.bytes(10, 1)
    play.end(1)
    assert play.outcome == ("failure", "quota-exceeded")
    assert play.state.records[0][0].result == "success"


def test_without_its_repair_a_failed_append_leaves_a_hole_and_then_a_success() -> None:
    play = Play("amended - E20", quota=10)
    play.started(get("/x"))
    play.head(length=16)
    play.bytes(8)
    play.bytes(14)
    play.bytes(16)
    play.end()
    record = play.state.records[0][0]
    assert (play.outcome, record.result) == (("failure", "quota-exceeded"), "success")
    assert [(part.first, part.length.lo) for part in record.parts] == [(0, 8), (14, 2)]


def test_a_pause_keeps_the_bytes_and_a_resume_asks_for_the_rest() -> None:
    play = Play()
    play.started(get("/x"))
    play.head()
    play.bytes(4)
    play.user("pause")
    assert play.every(m.AttemptTerminated) == [m.AttemptTerminated(0, 0, 1)]
    play.user("resume")
    assert play.ranges == [None, 4]
    play.part(2, 4, 9, 10)
    assert play.outcome == ("success", "")


def test_without_its_repair_a_second_pause_fails_the_record() -> None:
    play = Play("amended - E03")
    play.started(get("/x"))
    for number in (1, 2):
        play.head(number, 200 if number == 1 else 206, ("Content-Range", "bytes 4-9/10"))
        if number == 1:
            play.bytes(4)
        play.user("pause")
        play.user("resume")
    assert play.outcome == ("failure", "fetch-error")


def test_an_abort_while_paused_settles() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.user("pause")
    assert play.abort(instance) is True
    assert (play.events, play.outcome) == (["backgroundfetchabort"], ("failure", "aborted"))


@pytest.mark.parametrize("reading", ["as-written", "amended - E13"])
def test_as_written_an_abort_while_paused_leads_to_nothing(reading: str) -> None:
    play = Play(reading)
    instance = play.started(get("/x"))
    play.user("pause")
    assert play.abort(instance) is True
    assert (play.events, play.outcome) == ([], ("", ""))


def test_a_users_abort_is_one() -> None:
    play = Play()
    play.started(get("/x"), get("/y"))
    play.whole(1, status=404)
    play.user("abort")
    assert play.outcome == ("failure", "aborted")


def test_without_its_repair_an_earlier_failure_outdoes_a_users_abort() -> None:
    play = Play("amended - E02")
    play.started(get("/x"), get("/y"))
    play.whole(1, status=404)
    play.user("abort")
    assert play.outcome == ("failure", "bad-status")


def test_an_answer_without_a_body_ends() -> None:
    play = Play()
    play.started(post("/x"))
    play.head(status=204, framing="none", length=0)
    assert play.outcome == ("success", "")


def test_as_written_an_answer_without_a_body_never_ends() -> None:
    play = Play("as-written")
    play.started(post("/x"))
    play.head(status=204, framing="none", length=0)
    play.end()
    assert play.outcome == ("", "")


def test_what_comes_after_the_attempt_is_over_is_not_heard() -> None:
    play = Play()
    play.started(get("/x"))
    play.head()
    play.bytes(4)
    play.user("pause")
    before = play.state
    play.bytes(10)
    play.end()
    assert play.state == before


def test_without_a_handler_the_records_go_at_once_and_no_event_comes() -> None:
    play = Play(listening=frozenset())
    instance = play.started(get("/x"))
    play.whole()
    assert (play.events, play.looks(instance).records_available) == ([], False)


def test_without_its_repair_records_stay_for_ever_where_nobody_listens() -> None:
    play = Play("amended - E08", listening=frozenset())
    instance = play.started(get("/x"))
    play.whole()
    assert (play.events, play.looks(instance).records_available) == ([], True)


def test_records_stay_until_the_settle_event_is_over() -> None:
    play = Play()
    instance = play.started(get("/x"))
    play.whole()
    assert play.looks(instance).records_available
    fired = len(play.every(m.ProgressFired))
    play.tell(m.EventEnded(play.event.event))
    assert not play.looks(instance).records_available
    assert len(play.every(m.ProgressFired)) == fired, "availability flips without an event"


def test_a_click_is_an_event_that_cannot_update_the_interface() -> None:
    play = Play()
    play.started(get("/x"))
    play.user("click")
    assert (play.events, play.event.can_update_ui) == (["backgroundfetchclick"], False)


def test_a_prompt_holds_back_every_request_until_the_user_accepts() -> None:
    play = Play(permission="prompt")
    play.started(get("/x"))
    assert play.requests == []
    play.user("accept")
    assert len(play.requests) == 1


def test_without_its_repair_a_request_is_out_before_the_prompt_is_up() -> None:
    play = Play("amended - E68", permission="prompt")
    play.started(post("/x"))
    assert len(play.requests) == 1
    assert play.state.agent.fetches[0].prompting


def test_without_its_repair_a_prompt_sends_an_upload_twice() -> None:
    play = Play(AMENDED.without("E68").without("E14"), permission="prompt")
    play.started(post("/x"))
    play.user("accept")
    assert [each.method for each in play.requests] == ["POST", "POST"]


# --- order ----------------------------------------------------------------------------


def waiting() -> tuple[State, Explain]:
    d = Explain()
    state = State(UserAgent(HOME, EVERY_EVENT), (Realm("p1"), Realm("p2"), Realm(WORKER)))
    call = FetchCall("a", (get("/x"), get("/y")))
    return inject(state, m.CallFetch("c1", "p1", call), d), d


def test_as_written_a_click_overtakes_nothing_of_its_fetch() -> None:
    play = Play("amended - E11")
    play.started(get("/x"))
    play.user("click")
    assert play.events == ["backgroundfetchclick"]


@pytest.mark.parametrize(
    ("reading", "order"),
    [
        ("amended", [m.AttemptTerminated, m.EventDispatched]),
        ("amended - E05", [m.EventDispatched, m.AttemptTerminated]),
    ],
)
def test_as_written_the_event_of_an_overflow_overtakes_the_records_that_are_stopped(
    reading: str, order: list[type]
) -> None:
    play = Play(reading)
    play.started(get("/x"), get("/y"), total=8)
    play.head(2)
    play.head(1)
    play.shown.clear()
    play.bytes(9)
    stopped = m.AttemptTerminated(0, 1, 1)
    seen = [type(e) for e in play.shown if e == stopped or isinstance(e, m.EventDispatched)]
    assert seen == order


def test_as_written_the_end_of_a_fetch_waits_until_its_event_has_reached_the_worker() -> None:
    play = Play("amended - E09")
    play.started(get("/x"))
    play.tell(m.RealmBusy(WORKER, True))
    play.whole()
    call = m.CallFetch("late", "p1", FetchCall("b", (get("/y"),)))
    play.tell(call)
    assert [each.call for each in play.every(m.PromiseSettled)] == ["c1"]
    play.tell(m.RealmBusy(WORKER, False))
    assert isinstance(play.value("late"), m.InstanceRef)


def test_an_id_whose_bodies_are_being_read_is_taken() -> None:
    play = Play()
    play.tell(m.CallFetch("slow", "p1", FetchCall("a", (post("/x"),), unread=(0,))))
    assert play.fetch(get("/y")) == Rejected("TypeError", "FETCH-8.5")


def test_a_call_waits_in_the_edit_queue_and_nothing_else_can_run() -> None:
    state, d = waiting()
    assert enabled(state, d) == (RunEdit(),)


def test_requests_wait_for_the_promise_of_fetch() -> None:
    state, d = waiting()
    state = perform(state, RunEdit(), d)
    assert enabled(state, d) == (RunRealm("p1"),)
    hasty = Explain(AMENDED.without("E67"))
    assert enabled(state, hasty) == (RunRecord(0, 0), RunRecord(0, 1), RunRealm("p1"))


def test_requests_do_not_wait_for_a_page_that_is_gone() -> None:
    state, d = waiting()
    state = inject(perform(state, RunEdit(), d), m.PageClosed("p1"), d)
    assert enabled(state, d) == (RunRecord(0, 0), RunRecord(0, 1))


def test_performing_one_task_leaves_the_others_as_they_were() -> None:
    state, d = waiting()
    state = perform(state, RunEdit(), d)
    after = perform(state, RunRealm("p1"), d)
    assert enabled(after, d) == (RunRecord(0, 0), RunRecord(0, 1))


def test_a_snapshot_taken_early_can_reach_a_page_late() -> None:
    play = Play()
    first = play.started(get("/x"))
    play.tell(m.PageOpened("p2"))
    value = play.get(realm="p2")
    assert isinstance(value, m.InstanceRef)
    play.head()
    d = play.decide
    state = inject(play.state, m.BytesArrived(1, 4), d)
    state = perform(state, RunUpdate(0), d)
    state = perform(state, RunRealm("p1"), d)
    state = run(inject(state, m.BytesArrived(1, 10), d), d)
    shown = [
        (each.instance, each.snapshot.downloaded)
        for each in state.outbox
        if isinstance(each, m.ProgressFired)
    ]
    late = value.instance
    assert shown == [(first, 4), (first, 10), (late, 4), (late, 10)]


def test_get_blocks_the_update_queue_until_its_instance_was_given() -> None:
    play = Play()
    play.started(get("/x"))
    d = play.decide
    state = inject(play.state, m.CallGet("c9", "p1", "a"), d)
    state = perform(state, RunUpdate(0), d)
    assert enabled(state, d) == (RunRealm("p1"),)


def test_a_page_that_closes_unblocks_the_update_queue() -> None:
    play = Play()
    play.started(get("/x"))
    play.tell(m.PageOpened("p2"))
    d = play.decide
    state = inject(play.state, m.CallGet("c9", "p2", "a"), d)
    state = perform(state, RunUpdate(0), d)
    state = inject(state, m.PageClosed("p2"), d)
    assert enabled(state, d) == (RunUpdate(0),)


def test_a_run_without_an_end_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "LIMIT", 3)
    state, d = waiting()
    with pytest.raises(NeverSettles, match="3 tasks"):
        run(state, d)


def test_equal_histories_lead_to_equal_states_that_hash_alike() -> None:
    plays = [Play(), Play()]
    for play in plays:
        play.started(get("/x"), post("/y"))
        play.head()
        play.bytes(3)
        play.user("abort")
    one, other = plays
    assert one.state == other.state
    assert hash(one.state) == hash(other.state)


def test_every_order_of_the_tasks_ends_in_the_same_outcome() -> None:
    start, d = waiting()
    todo, seen, outcomes = [start], {start}, set()
    while todo:
        state = todo.pop()
        tasks = enabled(state, d)
        if not tasks:
            outcomes.add((state.agent, state.records))
        for task in tasks:
            after = perform(state, task, d)
            check(state, after)
            if after not in seen:
                seen.add(after)
                todo.append(after)
    assert len(outcomes) == 1
    assert len(seen) > 5
