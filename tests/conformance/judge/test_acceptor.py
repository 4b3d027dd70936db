"""The acceptor on traces made by hand: what it admits, what it refuses, and whom it blames."""

from __future__ import annotations

import msgspec
import pytest

from conformance import protocol as p
from conformance.judge.acceptor import Acceptor
from conformance.judge.judge import judge
from conformance.judge.verdict import Verdict
from conformance.trace import Entry, Trace
from tests.conformance.judge.traces import HOME, Script

V1 = '"v1"'


def judged(script: Script, *, factored: bool = True) -> Acceptor:
    acceptor = Acceptor(factored=factored)
    for entry in script.entries:
        acceptor.feed(entry)
    return acceptor


def good_failure() -> Script:
    script = Script().begin().fetch("a", "/x", "/y").request("/x").request("/y")
    script.serve("/x").serve("/y", 404, 9).settle("a", "bad-status", 25)
    return script.match("a", ("/x", "GET"), ("/y", "GET"))


def admits(script: Script) -> None:
    for factored in (True, False):
        acceptor = judged(script, factored=factored)
        assert acceptor.rejection is None, acceptor.rejection
        assert acceptor.hypotheses


def refuses(script: Script, *steps: str) -> None:
    for factored in (True, False):
        rejection = judged(script, factored=factored).rejection
        assert rejection is not None
        assert set(steps) <= {refusal.step for refusal in rejection.refusals}


def test_a_failure_with_one_bad_status_is_admitted() -> None:
    script = good_failure().read("r0", "/x", 200, 16).read("r1", "/y", 404, 9).close("a")
    admits(script)
    assert not judged(script).hypotheses[0].choices


def test_success_although_a_record_got_404_is_refused() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").serve("/x", 404, 9)
    refuses(script.settle("a", "", 9), "UPDATE-6.8")


def test_a_success_event_although_a_record_got_404_is_refused() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").serve("/x", 404, 9)
    shown = p.Snapshot("a", downloaded=9, result="success")
    script.seen(p.WorkerEvent("e", "backgroundfetchsuccess", "w", shown, can_update_ui=True))
    refuses(script, "PERFORM-8.10")


def test_silence_after_the_last_byte_is_refused() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").serve("/x").quiet()
    refuses(script, "PERFORM-8")


def test_silence_before_the_request_is_refused() -> None:
    refuses(Script().begin().fetch("a", "/x").quiet(), "RECORD-11")


def test_silence_while_the_server_holds_the_answer_is_admitted() -> None:
    admits(Script().begin().fetch("a", "/x").request("/x").head("/x").bytes("/x", 8).quiet())


def test_a_second_post_is_refused() -> None:
    script = Script().begin().fetch("a", "/x", method="POST").request("/x", method="POST")
    script.end("/x", "drop").request("/x", method="POST")
    refuses(script, "RECORD-15")


def test_a_get_that_was_cut_while_online_may_be_taken_for_temporary() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x", etag=V1).bytes("/x", 8)
    script.end("/x", "reset").request("/x", "bytes=8-")
    admits(script)
    assert {h.choices for h in judged(script).hypotheses} == {
        frozenset({"temporary-loss=temporary"})
    }


def offline_half() -> Script:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x", etag='"v1"').bytes("/x", 8)
    script.send(p.Online, online=False).quiet()
    return script.send(p.Online, online=True)


def test_a_resume_asks_from_the_stored_length_on() -> None:
    script = offline_half().request("/x", "bytes=8-")
    script.serve("/x", 206, 8, first=8, content_range="bytes 8-15/16", etag='"v1"')
    script.settle("a", "", 16).match("a", ("/x", "GET")).read("r0", "/x", 200, 16)
    admits(script.close("a"))


def test_a_resume_from_bytes_that_never_came_is_refused() -> None:
    refuses(offline_half().request("/x", "bytes=12-"), "RECORD-7")


def test_joining_a_part_whose_validator_changed_is_refused() -> None:
    script = offline_half().request("/x", "bytes=8-")
    script.serve("/x", 206, 8, first=8, version=2, content_range="bytes 8-15/16", etag='"v2"')
    refuses(script.settle("a", "", 16), "UPDATE-6.8")


def test_a_part_that_begins_elsewhere_must_fail_the_record() -> None:
    script = offline_half().request("/x", "bytes=8-")
    script.serve("/x", 206, 12, first=4, content_range="bytes 4-15/16", etag='"v1"')
    admits(script.settle("a", "fetch-error", 8).close("a"))


def test_a_mixture_of_versions_is_refused() -> None:
    script = offline_half().request("/x").serve("/x", 200, 16, version=2)
    script.settle("a", "", 16).match("a", ("/x", "GET"))
    refuses(script.read("r0", "/x", 200, 16, version=1), "RECORD-11.R.6.2")


def test_an_abort_while_paused_must_end_in_the_abort_event() -> None:
    script = Script().begin(permission="prompt").fetch("a", "/x").quiet()
    script.send(p.Abort, call="c2", instance="i-a").seen(p.Settled("c2", boolean=True))
    refuses(Script([*script.entries], script.seq).quiet(), "PERFORM-8")
    admits(script.settle("a", "aborted", 0).close("a"))


def test_a_request_while_the_prompt_is_up_needs_a_choice() -> None:
    script = Script().begin(permission="prompt").fetch("a", "/x").request("/x")
    assert {h.choices for h in judged(script).hypotheses} == {
        frozenset({"page-on-prompt=not-paused"})
    }


def test_two_siblings_that_failed_differently_may_name_either_reason() -> None:
    for reason, choices in (
        ("bad-status", set()),
        ("fetch-error", {"which-failure=another"}),
    ):
        script = Script().begin().fetch("a", "/x", "cdn:/y").request("/x").request("cdn:/y")
        script.serve("/x", 404, 9).serve("cdn:/y").settle("a", reason, 9).close("a")
        admits(script)
        assert {h.choices for h in judged(script).hypotheses} == {frozenset(choices)}


def test_bytes_beyond_the_total_can_not_be_a_success() -> None:
    script = Script().begin().fetch("a", "/x", total=15).request("/x").serve("/x")
    refuses(script.settle("a", "", 15))


def test_the_exact_total_is_a_success() -> None:
    script = Script().begin().fetch("a", "/x", total=16).request("/x").serve("/x")
    admits(script.settle("a", "", 16).close("a"))


def test_a_body_over_the_total_fails_and_aborts_its_sibling() -> None:
    script = Script().begin().fetch("a", "/x", "/y", total=8).request("/x").request("/y")
    script.head("/y").bytes("/y", 4).serve("/x", 200, 16)
    script.settle("a", "download-total-exceeded", 4).match("a", ("/x", "GET"), ("/y", "GET"))
    script.send(p.Read, record="r1").seen(p.Ready("r1", error="AbortError"))
    admits(script.close("a"))


def test_a_body_over_the_quota_fails_the_record() -> None:
    script = Script().begin(quota=10).fetch("a", "/x").request("/x").serve("/x")
    admits(script.settle("a", "quota-exceeded", 0).close("a"))


def test_success_over_the_quota_is_refused() -> None:
    script = Script().begin(quota=10).fetch("a", "/x").request("/x").serve("/x")
    refuses(script.settle("a", "", 16))


def test_progress_without_a_change_is_refused() -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    refuses(script.seen(p.Progress("i-a", p.Snapshot("a"))), "UPDATE-6.5")


def test_a_second_object_for_one_fetch_in_one_realm_is_refused() -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    script.send(p.Get, call="c2", realm="p1", id="a")
    refuses(script.seen(p.Settled("c2", instance="i2", snapshot=p.Snapshot("a"))), "INSTANCE-2")


def test_a_late_snapshot_in_a_second_page_is_admitted() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x").bytes("/x", 8)
    script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=8)))
    script.send(p.OpenPage, page="p2").send(p.Get, call="c2", realm="p2", id="a")
    script.bytes("/x", 16).end("/x")
    script.seen(p.Settled("c2", instance="i2", snapshot=p.Snapshot("a", downloaded=8)))
    script.settle("a", "", 16)
    owed = judged(script).pending()
    assert owed == ("UPDATE-6.10 the last progress event at i2",)
    script.seen(p.Progress("i2", p.Snapshot("a", downloaded=16, result="success")))
    admits(script.close("a"))


@pytest.mark.parametrize("killed", [True, False])
def test_a_restart_goes_on_from_stored_bytes(killed: bool) -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x", etag='"v1"').bytes("/x", 8)
    script.send(p.Quit, kill=killed).quiet().send(p.Launch).request("/x", "bytes=8-")
    script.serve("/x", 206, 8, first=8, content_range="bytes 8-15/16", etag='"v1"')
    shown = p.Snapshot("a", downloaded=16, result="success")
    script.seen(p.WorkerEvent("e-a", "backgroundfetchsuccess", "w-a", shown, can_update_ui=True))
    admits(script.close("a"))


def test_a_fetch_that_is_forgotten_by_a_restart_is_refused() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x").bytes("/x", 8)
    refuses(script.send(p.Quit, kill=True).send(p.Launch).quiet(), "RECORD-11")


def test_a_post_in_flight_at_a_kill_is_not_sent_again() -> None:
    script = Script().begin().fetch("a", "/x", method="POST").request("/x", method="POST")
    script.send(p.Quit, kill=True).send(p.Launch).request("/x", method="POST")
    refuses(script, "RECORD-15")


def test_many_records_cost_a_sum() -> None:
    keys = [f"/{i}" for i in range(40)]
    script = Script().begin().fetch("a", *keys)
    for key in keys:
        script.request(key)
    for key in keys:
        script.head(key).bytes(key, 8)
    for key in keys:
        script.bytes(key, 16).end(key)
    script.settle("a", "", 640).close("a")
    acceptor = judged(script)
    assert acceptor.rejection is None
    assert acceptor.largest <= 8


# --- found by wild runs of the model ---------------------------------------------------


def test_a_users_abort_waits_in_the_edit_queue_after_it_was_answered() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").serve("/x")
    script.send(p.User, action="abort", id="a")
    admits(script.settle("a", "", 16).close("a"))


def test_a_users_abort_that_never_has_an_effect_is_refused() -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    refuses(script.send(p.User, action="abort", id="a").quiet(), "PERFORM-8")


def test_no_settlement_overtakes_a_users_abort_that_came_before_its_last_record_ended() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x")
    script.send(p.User, action="abort", id="a").bytes("/x", 16).end("/x")
    refuses(script.settle("a", "", 16), "UPDATE-6.8")


def test_what_is_stored_is_no_more_than_the_last_progress_has_shown() -> None:
    def script(stored: int) -> Script:
        script = Script().begin().fetch("a", "/x", total=15).request("/x").serve("/x", length=16)
        script.settle("a", "download-total-exceeded", 8).send(p.Storage)
        entry = script.entries.pop()
        answer = p.Answer(script.seq, stored=stored)
        script.entries.append(msgspec.structs.replace(entry, answered=answer))
        return script

    admits(script(8))
    refuses(script(9), "STORED-3")


@pytest.mark.parametrize("stored", [0, 1, 7, 8, 9])
def test_a_requests_body_is_kept_whole_or_not_counted(stored: int) -> None:
    script = Script().begin().fetch("a", "/x", method="POST").send(p.Storage)
    entry = script.entries.pop()
    answer = p.Answer(script.seq, stored=stored)
    script.entries.append(msgspec.structs.replace(entry, answered=answer))
    if stored in (0, 8):
        admits(script)
    else:
        refuses(script, "STORED-3")


@pytest.mark.parametrize(
    ("key", "headers", "why"),
    [
        ("cdn:/x", {}, ""),
        ("cdn:/x", {"etag": V1}, f"shows the header etag as {V1!r}, which its origin does not"),
        ("/x", {"etag": V1}, ""),
        ("/x", {}, f"does not show the header etag, which is {V1!r}"),
        ("/x", {"etag": '"v2"'}, f"shows the header etag as '\"v2\"', which is {V1!r}"),
        ("/x", {"etag": V1, "last-modified": "today"}, "which the server did not send"),
    ],
)
def test_a_header_that_is_not_as_it_should_be_is_named(
    key: str, headers: dict[str, str], why: str
) -> None:
    script = Script().begin().fetch("a", key).request(key)
    script.serve(key, etag=V1, access_control_allow_origin="*").settle("a", "", 16)
    script.match("a", (key, "GET")).send(p.Read, record="r0").seen(p.Ready("r0", 200, headers))
    rejection = judged(script).rejection
    said = "" if rejection is None else rejection.refusals[0].why
    assert why in said
    assert bool(why) is bool(said)


def test_records_are_not_gone_without_a_result() -> None:
    script = Script().begin(listen=[]).fetch("a", "/x").request("/x").serve("/x")
    shown = p.Snapshot("a", downloaded=16, records_available=False)
    refuses(script.seen(p.Progress("i-a", shown)), "UPDATE-6.3")


def test_requests_may_come_before_the_promise_of_a_busy_page_or_wait_for_it() -> None:
    def script() -> Script:
        script = Script().begin()
        requests = [p.RequestInit(HOME + "/x")]
        script.send(p.Fetch, call="c", realm="p1", id="a", requests=requests)
        return script.send(p.Busy, realm="p1", busy=True)

    admits(script().quiet())
    admits(script().request("/x").quiet())
    refuses(script().request("/x").serve("/x").quiet(), "PERFORM-8")


def test_nothing_is_sent_where_fetch_refuses_to() -> None:
    other = p.RequestInit("http://cdn.test/x", mode="same-origin")
    script = Script().begin(concurrency=1)
    script.send(p.Fetch, call="c-a", realm="p1", id="a", requests=[other])
    script.seen(p.Settled("c-a", instance="i-a", snapshot=p.Snapshot("a")))
    admits(script)
    script.request("cdn:/x")
    refuses(script, "RECORD-11")


def test_an_event_is_no_longer_active_when_its_end_was_answered() -> None:
    def script(error: str | None) -> Script:
        script = good_failure().send(p.EndEvent, event="e-a")
        return script.send(p.UpdateUI, call="u", event="e-a").seen(p.Settled("u", error=error))

    admits(script("InvalidStateError"))
    refuses(script(None), "UPDATEUI-1.c")


def test_with_one_connection_a_request_waits_for_the_end_of_the_one_before() -> None:
    def script(*, early: bool) -> Script:
        script = Script().begin(concurrency=1)
        requests = [p.RequestInit(HOME + "/x"), p.RequestInit(HOME + "/y")]
        script.send(p.Fetch, call="c", realm="p1", id="a", requests=requests)
        script.send(p.Quit).send(p.Launch).request("/x").head("/x")
        if early:
            script.request("/y").end("/x", "reset")
        else:
            script.end("/x", "reset").request("/y")
        script.serve("/y")
        last = p.Snapshot("a", downloaded=16, result="failure", failure_reason="fetch-error")
        return script.seen(p.WorkerEvent("e", "backgroundfetchfail", "w", last, True)).quiet()

    admits(script(early=False))
    refuses(script(early=True))


@pytest.mark.parametrize("ended", [False, True])
def test_records_that_were_there_when_match_was_called_are_given(ended: bool) -> None:
    script = Script().begin().fetch("a", "/x").request("/x").serve("/x").settle("a", "", 16)
    if ended:
        script.send(p.EndEvent, event="e-a")
    script.send(p.MatchAll, call="m", instance="w-a").send(p.EndEvent, event="e-a")
    script.seen(p.Settled("m", error="InvalidStateError"))
    if ended:
        admits(script)
    else:
        refuses(script, "MATCHALL-3.3")


def test_nothing_was_uploaded_of_what_was_never_asked_for() -> None:
    shown = p.Snapshot("a", upload_total=8, uploaded=8)
    script = Script().begin()
    requests = [p.RequestInit(HOME + "/x"), p.RequestInit(HOME + "/y", "POST", body="x" * 8)]
    script.send(p.Fetch, call="c", realm="p1", id="a", requests=requests)
    first = p.Snapshot("a", upload_total=8)
    script.seen(p.Settled("c", instance="i-a", snapshot=first)).request("/x")
    admits(Script(list(script.entries), script.seq).quiet())
    refuses(script.seen(p.Progress("i-a", shown)).quiet(), "RECORD-11")


def test_no_promise_of_a_cache_settles_in_a_page_that_was_busy_when_it_was_asked() -> None:
    script = Script().begin().send(p.Busy, realm="p1", busy=True)
    script.send(p.CacheKeys, call="k", realm="p1", cache="c")
    refuses(script.seen(p.Settled("k", strings=[])), "INFRA-3")


def test_the_first_request_has_the_range_that_its_page_has_set() -> None:
    def script(range_: str) -> Script:
        own = p.RequestInit(HOME + "/x", headers={"Range": "bytes=8-"})
        script = Script().begin().send(p.Fetch, call="c", realm="p1", id="a", requests=[own])
        return script.request("/x", range_)

    admits(script("bytes=8-"))
    refuses(script(""))
    refuses(script("bytes=3-"))


def test_what_is_shown_at_the_end_is_the_sum_of_what_the_records_may_hold() -> None:
    def script(downloaded: int) -> Script:
        script = Script().begin().fetch("a", "/x").request("/x").serve("/x", 404, 9)
        return script.settle("a", "bad-status", downloaded)

    admits(script(9))
    assert {h.choices for h in judged(script(0)).hypotheses} == {frozenset({"error-answer=unread"})}
    refuses(script(1), "UPDATE-6.6")


def test_what_was_shown_is_shown_at_the_end_too_whoever_says_the_end_first() -> None:
    def script(downloaded: int, *, worker_first: bool) -> Script:
        script = Script().begin().fetch("a", "/x").request("/x").head("/x").bytes("/x", 8)
        script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=8)))
        script.send(p.Abort, call="c", instance="i-a").seen(p.Settled("c", boolean=True))
        script.settle("a", "aborted", downloaded)
        if worker_first:
            script.entries[-2:] = reversed(script.entries[-2:])
        return script

    for worker_first in (False, True):
        admits(script(8, worker_first=worker_first))
        refuses(script(0, worker_first=worker_first), "UPDATE-6.6")


def test_no_more_is_shown_than_the_quota_has() -> None:
    def script(downloaded: int) -> Script:
        script = Script().begin(quota=10).fetch("a", "/x").request("/x").head("/x")
        script.bytes("/x", 16)
        return script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=downloaded)))

    admits(script(10))
    refuses(script(11), "RECORD-11.R.6.3")


def test_nothing_is_shown_after_the_end_that_the_end_did_not_show() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x").bytes("/x", 8)
    script.send(p.Abort, call="c", instance="i-a").seen(p.Settled("c", boolean=True))
    script.settle("a", "aborted", 0)
    del script.entries[-2]  # The page hears of it last.
    refuses(script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=8))), "UPDATE-6.6")


def test_bytes_rise_again_only_with_what_has_come_since_they_fell_last() -> None:
    def shown(script: Script, *downloaded: int) -> Script:
        for each in downloaded:
            script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=each)))
        return script

    def answered(script: Script) -> Script:
        return script.head("/x", framing="chunked").bytes("/x", 16)

    def fallen_twice() -> Script:
        script = answered(Script().begin().fetch("a", "/x").request("/x")).end("/x", "reset")
        script = answered(shown(script, 16).request("/x")).end("/x", "reset")
        return shown(shown(script, 0, 16).request("/x"), 0)

    admits(shown(answered(fallen_twice()), 16))
    refuses(shown(fallen_twice(), 16), "UPDATE-6.6")


def test_what_did_not_begin_anew_never_falls() -> None:
    def script(downloaded: int) -> Script:
        script = Script().begin().fetch("a", "/x", "/y").request("/x").serve("/x", 404, 9)
        script.request("/y").head("/y", framing="chunked").bytes("/y", 8).end("/y", "reset")
        script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=17))).request("/y")
        return script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=downloaded)))

    admits(script(9))
    refuses(script(8), "UPDATE-6.6")


def test_a_record_may_wait_only_while_another_one_is_under_way() -> None:
    script = Script().begin(concurrency=1).fetch("a", "/x", "/y").request("/x")
    admits(script.quiet())
    refuses(script.serve("/x").quiet())


def test_no_more_connections_are_used_than_the_judge_has_told() -> None:
    def script() -> Script:
        return Script().begin(concurrency=1).fetch("a", "/x", "/y").request("/x").head("/x")

    refuses(script().request("/y"), "PERFORM-5")
    admits(script().bytes("/x", 16).end("/x").request("/y"))


def pushed(*, can_update_ui: bool = False) -> Script:
    script = Script().begin(listen=["push"]).send(p.Push, data="d")
    return script.seen(p.WorkerEvent("e1", "push", data="d", can_update_ui=can_update_ui))


def test_a_push_event_has_no_update_ui() -> None:
    script = pushed().send(p.UpdateUI, call="u", event="e1")
    admits(script.seen(p.Settled("u", error="TypeError")).quiet())
    refuses(pushed(can_update_ui=True), "IDL-EVT-4")


def test_unregistering_may_take_a_push_away() -> None:
    script = Script().begin(listen=["push"]).send(p.Push, data="d")
    script.send(p.Unregister, call="c").seen(p.Settled("c", boolean=True))
    admits(script.quiet())


def test_the_records_of_an_unregistered_fetch_end() -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    script.send(p.MatchAll, call="m", instance="i-a")
    info = p.RecordInfo("r0", script.url("/x"))
    script.seen(p.Settled("m", records=[info])).send(p.Read, record="r0")
    script.send(p.Unregister, call="c").seen(p.Settled("c", boolean=True))
    admits(script.seen(p.Ready("r0", error="AbortError")))


def test_stored_bytes_are_those_of_any_moment_between_question_and_answer() -> None:
    for stored, admitted in ((0, True), (16, True), (17, False)):
        script = Script().begin().fetch("a", "/x").request("/x")
        script._add(sent=p.Storage(seq=99)).serve("/x")
        script._add(answered=p.Answer(99, stored=stored))
        assert (judged(script).rejection is None) is admitted


def test_where_few_connections_are_told_a_record_may_wait_while_another_one_rests() -> None:
    script = Script().begin(concurrency=1).fetch("a", "/x", "cdn:/y").request("cdn:/y")
    script.head("cdn:/y").send(p.Online, online=False).send(p.Online, online=True)
    script.request("/x").head("/x").quiet().bytes("/x", 16).end("/x")
    admits(script.request("cdn:/y"))


def late(downloaded: int) -> Script:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x").bytes("/x", 8)
    script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=8)))
    script.send(p.OpenPage, page="p2").send(p.Get, call="c2", realm="p2", id="a")
    script.seen(p.Settled("c2", instance="i2", snapshot=p.Snapshot("a", downloaded=8)))
    return script.seen(p.Progress("i2", p.Snapshot("a", downloaded=downloaded)))


def test_an_older_snapshot_may_follow_live_numbers_by_an_open_reading() -> None:
    assert {h.choices for h in judged(late(4)).hypotheses} == {frozenset({"E48=as-written"})}
    # That was a snapshot: what follows is newer.
    refuses(late(4).seen(p.Progress("i2", p.Snapshot("a", downloaded=3))), "UPDATE-6.6")


def streamed() -> Script:
    """A call whose request body is a stream that has not ended."""
    upload = p.RequestInit(HOME + "/x", method="POST", body="x" * 8, streamed=True)
    return Script().begin().send(p.Fetch, call="up", realm="p1", id="a", requests=[upload])


def begun(script: Script) -> Script:
    shown = p.Snapshot("a", upload_total=8)
    return script.seen(p.Settled("up", instance="i-a", snapshot=shown))


def test_nothing_comes_of_a_call_whose_body_never_ends_and_its_id_is_taken() -> None:
    script = streamed().quiet().fetch("b", "/y").request("/y").quiet()
    script.send(p.Fetch, call="c2", realm="p1", id="a", requests=[p.RequestInit(HOME + "/z")])
    admits(script.seen(p.Settled("c2", error="TypeError")).quiet())


def test_a_promise_before_the_body_has_ended_is_refused() -> None:
    refuses(begun(streamed()))


def test_once_the_body_has_ended_its_request_is_due() -> None:
    ended = streamed().send(p.EndBody, fetch="up", request=0)
    admits(begun(ended).request("/x", method="POST").quiet())
    refuses(begun(streamed().send(p.EndBody, fetch="up", request=0)).quiet(), "RECORD-11")
    refuses(streamed().send(p.EndBody, fetch="up", request=0).quiet(), "FETCH-8.14.1")


def overtaken(late_bytes: int) -> Script:
    """A settle event after an overflow, and then a record that was to be stopped goes on."""
    script = Script().begin().fetch("a", "/x", "/y", total=100).request("/x").request("/y")
    script.head("/y").serve("/x", length=120).settle("a", "download-total-exceeded", 100)
    script.bytes("/y", late_bytes).end("/y")
    return script.match("a", ("/x", "GET"), ("/y", "GET"))


def test_a_record_that_ends_after_the_event_of_an_overflow_is_an_open_reading() -> None:
    script = overtaken(16).read("r1", "/y", 200, 16)
    assert {h.choices for h in judged(script).hypotheses} == {frozenset({"E05=as-written"})}


def test_a_worker_that_is_gone_may_leave_its_fetches_alone_by_an_open_reading() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x")
    script.send(p.Unregister, call="u").seen(p.Settled("u", boolean=True))
    script.bytes("/x", 16).end("/x")
    shown = p.Snapshot("a", downloaded=16, result="success")
    script.seen(p.Progress("i-a", shown)).quiet()
    assert {h.choices for h in judged(script).hypotheses} == {frozenset({"E86=as-written"})}


def test_what_is_no_registered_choice_is_open_whatever_is_admitted() -> None:
    script = Script().begin().fetch("a", "/x", "/y", total=16)
    script.request("/x").request("/y").serve("/x").serve("/y")
    script.settle("a", "download-total-exceeded", 16)
    acceptor = Acceptor(admitted=frozenset())
    for entry in script.entries:
        acceptor.feed(entry)
    assert acceptor.rejection is None


def test_a_late_request_can_not_ask_for_bytes_that_nobody_sent() -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    script.send(p.Online, online=False).send(p.Online, online=True)
    refuses(script.request("/x", "bytes=8-"), "RECORD-7")


def test_two_records_that_begin_anew_lose_their_bytes_one_after_the_other() -> None:
    script = Script().begin().fetch("a", "/x", "/y")
    for key in ("/x", "/y"):
        script.request(key).head(key, etag=V1).bytes(key, 8).end(key, "reset")
    for key in ("/x", "/y"):
        script.request(key, "bytes=8-").head(key, 204, 0, framing="none", etag=V1).end(key)
    last = p.Snapshot("a", downloaded=0, result="success")
    script.seen(p.WorkerEvent("e-a", "backgroundfetchsuccess", "w-a", last, can_update_ui=True))
    for downloaded in (16, 8):
        script.seen(p.Progress("i-a", p.Snapshot("a", downloaded=downloaded)))
    admits(script.seen(p.Progress("i-a", last)).quiet())


@pytest.mark.parametrize("available", [False, True])
def test_what_unregistering_has_ended_has_no_records(available: bool) -> None:
    script = Script().begin().fetch("a", "/x").send(p.Unregister, call="u")
    last = p.Snapshot("a", result="failure", failure_reason="aborted", records_available=available)
    script.seen(p.Settled("u", boolean=True)).seen(p.Progress("i-a", last)).quiet()
    if available:
        refuses(script, "PRIV-1")
    else:
        admits(script)


def test_promises_of_the_edit_queue_settle_in_the_order_of_their_calls() -> None:
    def script(first: str, second: str) -> Script:
        done = {
            "u": p.Settled("u", boolean=True),
            "v": p.Settled("v", boolean=False),
        }
        script = Script().begin().fetch("a", "/x")
        script.send(p.Abort, call="u", instance="i-a").send(p.Abort, call="v", instance="i-a")
        return script.seen(done[first]).seen(done[second])

    admits(script("u", "v"))
    refuses(script("v", "u"), "REALM-1")


def test_a_fetch_may_enter_the_edit_queue_before_an_abort_that_was_called_before_it() -> None:
    def script() -> Script:
        script = Script().begin().fetch("a", "/x").request("/x")
        script.send(p.Abort, call="u", instance="i-a")
        requests = [p.RequestInit(HOME + "/x")]
        return script.send(p.Fetch, call="v", realm="p1", id="a", requests=requests)

    aborted = p.Settled("u", boolean=True)
    exists = p.Settled("v", error="TypeError")
    anew = p.Settled("v", instance="j-a", snapshot=p.Snapshot("a"))
    admits(script().seen(aborted).seen(anew))
    admits(script().seen(exists).seen(aborted))
    refuses(script().seen(anew), "REALM-1")


def test_an_abort_enters_the_edit_queue_behind_a_fetch_that_was_called_before_it() -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    requests = [p.RequestInit(HOME + "/x")]
    script.send(p.Fetch, call="v", realm="p1", id="a", requests=requests)
    script.send(p.Abort, call="u", instance="i-a").seen(p.Settled("u", boolean=True))
    refuses(script)


def test_what_is_refused_at_once_may_overtake_the_edit_queue() -> None:
    script = Script().begin().fetch("a", "/x").send(p.Abort, call="u", instance="i-a")
    script.send(p.Fetch, call="v", realm="p1", id="b", requests=[])
    refused = p.Settled("v", error="TypeError")
    admits(script.seen(refused).seen(p.Settled("u", boolean=True)))


def test_a_call_that_is_refused_at_once_may_be_all_that_happened_before_a_kill() -> None:
    script = Script().begin()
    script.send(p.Fetch, call="u", realm="p1", id="a", requests=[p.RequestInit(HOME + "/x")])
    script.send(p.Fetch, call="v", realm="p1", id="b", requests=[])
    script.seen(p.Settled("v", error="TypeError"))
    admits(script.send(p.Quit, kill=True).send(p.Launch).quiet())


@pytest.mark.parametrize("refused", ["u", "v"])
def test_the_first_of_two_calls_has_the_id_whatever_their_realms(refused: str) -> None:
    script = Script().begin()
    requests = [p.RequestInit(HOME + "/x")]
    for call, realm in (("u", p.WORKER), ("v", "p1")):
        script.send(p.Fetch, call=call, realm=realm, id="a", requests=requests)
    script.seen(p.Settled(refused, error="TypeError"))
    if refused == "u":
        refuses(script, "FETCH-8.14.1")
    else:
        admits(script)


def redirected() -> Script:
    """A GET for /x has been sent on to /y, which has not been asked for yet."""
    script = Script().begin().fetch("a", "/x").request("/x")
    return script.head("/x", 302, 0, Location="http://app.test/y").end("/x")


def test_a_redirect_leads_to_one_request() -> None:
    script = redirected().request("/y")
    admits(script)
    refuses(redirected().request("/y").request("/y"), "RECORD-11")
    # Once the connection was lost it may be asked there again, by an open choice.
    script.send(p.Online, online=False).send(p.Online, online=True).request("/y")
    admits(script)
    strict = Acceptor(admitted=frozenset())
    for entry in script.entries:
        strict.feed(entry)
    assert strict.rejection is not None
    assert {refusal.step for refusal in strict.rejection.refusals} == {"RECORD-11"}


def test_a_late_request_is_for_what_it_was_made_for() -> None:
    script = redirected().send(p.Online, online=False).send(p.Online, online=True)
    admits(script.request("/x").request("/y"))
    script = redirected().send(p.Online, online=False).send(p.Online, online=True)
    refuses(script.request("/x").request("/x"), "RECORD-11")


def test_a_late_request_asks_for_the_bytes_that_its_attempt_asked_for() -> None:
    def resumed() -> Script:
        script = Script().begin().fetch("a", "/x").send(p.Online, online=False)
        script.send(p.Online, online=True).request("/x").head("/x", etag=V1).bytes("/x", 8)
        return script.end("/x", "close").request("/x", "bytes=8-")

    admits(resumed().request("/x"))
    refuses(resumed().request("/x", "bytes=8-"), "RECORD-11")


def test_no_request_is_late_that_could_not_be_made_beside_another() -> None:
    script = Script().begin(concurrency=1).fetch("a", "/x", "/y").request("/x").head("/x")
    script.send(p.Quit, kill=True).send(p.Launch).request("/y")
    admits(script)
    refuses(script.request("/y"), "RECORD-11")


def test_no_record_began_beside_another_that_had_not_ended() -> None:
    script = Script().begin(concurrency=1).fetch("a", "/x", "/y").request("/x").serve("/x")
    script.send(p.Quit, kill=False).send(p.Launch)
    admits(script.request("/x").serve("/x").request("/y"))
    refuses(script.request("/y"), "RECORD-11")


def test_a_redirect_keeps_the_method_of_a_get() -> None:
    admits(redirected().request("/y"))
    refuses(redirected().request("/y", method="POST"), "RECORD-11")


def test_a_busy_realm_is_told_nothing_and_owes_nothing() -> None:
    shown = p.Snapshot("a", downloaded=16, result="success")
    event = p.WorkerEvent("e", "backgroundfetchsuccess", "w", shown, can_update_ui=True)
    progress = p.Progress("i-a", shown)

    def script(realm: str, first: p.AnyObservation) -> Script:
        script = Script().begin().fetch("a", "/x").send(p.Busy, realm=realm, busy=True)
        return script.request("/x").serve("/x").seen(first).quiet()

    admits(script("p1", event).send(p.Busy, realm="p1", busy=False).seen(progress).quiet())
    admits(script("worker", progress).send(p.Busy, realm="worker", busy=False).seen(event).quiet())
    refuses(script("p1", event).seen(progress), "INFRA-3")
    refuses(script("worker", progress).seen(event), "INFRA-3")


def test_a_busy_realm_is_not_told_of_an_end_that_came_after_it_had_begun() -> None:
    def script(*realms: str) -> Script:
        script = Script().begin().fetch("a", "/x").request("/x").head("/x")
        for realm in realms:
            script.send(p.Busy, realm=realm, busy=True)
        return script.bytes("/x", 16).end("/x")

    admits(script("p1").send(p.Busy, realm="p1", busy=False).settle("a", "", 16))
    admits(script("p2").settle("a", "", 16))
    refuses(script("p1").settle("a", "", 16), "INFRA-3")
    refuses(script("worker").settle("a", "", 16), "INFRA-3")
    clicked = Script().begin().fetch("a", "/x").send(p.User, action="click", id="a")
    clicked.send(p.Busy, realm="worker", busy=True)
    shown = p.Snapshot("a")
    admits(clicked.seen(p.WorkerEvent("e", "backgroundfetchclick", "w", shown, False)))


def test_no_promise_settles_of_a_call_that_a_busy_realm_has_made() -> None:
    def script() -> Script:
        script = Script().begin().send(p.Busy, realm="p1", busy=True)
        return script.send(p.Get, call="g", realm="p1", id="a")

    settled = p.Settled("g")
    refuses(script().seen(settled), "INFRA-3")
    admits(script().send(p.Busy, realm="p1", busy=False).seen(settled))
    before = Script().begin().send(p.Get, call="g", realm="p1", id="a")
    admits(before.send(p.Busy, realm="p1", busy=True).seen(settled))


def test_a_page_that_is_busy_has_its_fetch_wait_for_its_promise() -> None:
    script = Script().begin()
    requests = [p.RequestInit(HOME + "/x")]
    script.send(p.Fetch, call="c", realm="p1", id="a", requests=requests)
    script.send(p.Busy, realm="p1", busy=True).quiet()
    admits(script)
    script.send(p.Busy, realm="p1", busy=False)
    script.seen(p.Settled("c", instance="i", snapshot=p.Snapshot("a")))
    admits(script)
    refuses(script.quiet(), "RECORD-11")


def looked_at(**shows: object) -> Script:
    """The interface of a running fetch, which shows the one or the other."""
    usual = {"displayed": True, "origin": HOME, "busy": True, "can_abort": True, "can_pause": True}
    script = Script().begin().fetch("a", "/x").request("/x").send(p.Interface, id="a")
    entry = script.entries.pop()
    answer = p.Answer(script.seq, interface=p.Shown(**usual | shows))  # type: ignore[arg-type]  # its fields
    script.entries.append(msgspec.structs.replace(entry, answered=answer))
    return script


def test_the_interface_shows_what_is_so() -> None:
    admits(looked_at())
    refuses(looked_at(displayed=False), "DISPLAY-0")
    refuses(looked_at(origin="http://cdn.test"), "DISPLAY-1")
    refuses(looked_at(busy=False), "DISPLAY-2")
    refuses(looked_at(dismissible=True), "DISPLAY-3")
    refuses(looked_at(title="never given"), "DISPLAY-4")
    refuses(looked_at(can_abort=False), "DISPLAY-7")
    withheld = judged(looked_at(can_pause=False))
    assert {each.choices for each in withheld.hypotheses} == {frozenset({"pause-toggle=withheld"})}


def test_no_connection_outlives_an_offline_spell() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x", etag=V1).bytes("/x", 8)
    script.send(p.Online, online=False).send(p.Online, online=True)
    admits(script)
    refuses(script.bytes("/x", 16).end("/x").settle("a", "", 16), "UPDATE-6.8")


def test_a_permission_or_a_worker_that_goes_while_bodies_are_read_comes_too_late() -> None:
    asked = streamed().quiet().send(p.SetPermission, state="denied")
    admits(begun(asked.send(p.EndBody, fetch="up", request=0)).request("/x", method="POST"))
    refuses(asked.seen(p.Settled("up", error="NotAllowedError")))


def test_a_body_that_fails_rejects_its_call() -> None:
    failed = streamed().send(p.EndBody, fetch="up", request=0, fails=True)
    admits(failed.seen(p.Settled("up", error="TypeError")).quiet())
    refuses(begun(streamed().send(p.EndBody, fetch="up", request=0, fails=True)))


def test_after_silence_nothing_that_was_to_be_stopped_is_under_way() -> None:
    script = Script().begin().fetch("a", "/x", "/y", total=100).request("/x").request("/y")
    script.head("/y").serve("/x", length=120).settle("a", "download-total-exceeded", 100)
    admits(script.quiet())
    script.bytes("/y", 16).end("/y").match("a", ("/x", "GET"), ("/y", "GET"))
    refuses(script.read("r1", "/y", 200, 16), "CREATE-2.9.2")


@pytest.mark.parametrize("reading", ["E05", "E86"])
def test_the_verdict_names_the_open_reading_that_an_explanation_needs(reading: str) -> None:
    if reading == "E05":
        script = overtaken(16).read("r1", "/y", 200, 16).close("a").quiet()
    else:
        script = Script().begin().fetch("a", "/x").request("/x").head("/x")
        script.send(p.Unregister, call="u").seen(p.Settled("u", boolean=True))
        script.bytes("/x", 16).end("/x")
        shown = p.Snapshot("a", downloaded=16, result="success")
        script.seen(p.Progress("i-a", shown)).quiet()
    origins = {"app": HOME, "cdn": "http://cdn.test"}
    verdict = judge(Trace("hand", "hand", "1", [], origins, True, script.entries))
    assert verdict.verdict is Verdict.CONFORMS_VIA
    assert verdict.choices == (f"{reading}=as-written",)


def test_a_fork_goes_its_own_way() -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    acceptor = judged(script)
    fork = acceptor.fork()
    assert fork.like(acceptor)
    for entry in script.serve("/x").quiet().entries[-4:]:
        fork.feed(entry)
    assert fork.rejection is not None
    assert acceptor.rejection is None
    assert not fork.like(acceptor)
    assert acceptor.facts.exchanges[1].sent == 0


def clicked_by_webdriver(error: str | None, *, worker: bool = True) -> Script:
    script = Script().begin().fetch("a", "/x").request("/x")
    if not worker:
        script.send(p.Unregister, call="gone").seen(p.Settled("gone", boolean=True))
    script.entries.append(Entry(90, 90, sent=p.User("click", "a", window="p1", seq=90)))
    script.entries.append(Entry(91, 91, answered=p.Answer(90, refused=error)))
    return script


def test_webdriver_is_told_why_it_cannot_click() -> None:
    admits(clicked_by_webdriver(None))
    admits(clicked_by_webdriver("invalid service worker state", worker=False))
    refuses(clicked_by_webdriver("no such window"), "WDCLICK-7")
    refuses(clicked_by_webdriver(None, worker=False), "WDCLICK-0")
    refuses(clicked_by_webdriver("no such window", worker=False), "WDCLICK-0")


def puts(*done: str, told: tuple[str, ...] = ()) -> Script:
    """The worker has put r0 (/x) or r1 (/y) into a cache, and was told of some of that."""
    script = good_failure()
    for record in done:
        script.send(p.CachePut, call=f"put {record}", realm="worker", cache="k", record=record)
    for record in told:
        script.seen(p.Settled(f"put {record}"))
    return script.send(p.CacheKeys, call="keys", realm="p1", cache="k")


@pytest.mark.parametrize("shown", [[], ["/x"], ["/y"], ["/x", "/y"], ["/y", "/x"]])
def test_a_page_may_see_what_was_put_before_the_worker_is_told_of_it(shown: list[str]) -> None:
    script = puts("r0", "r1")
    admits(script.seen(p.Settled("keys", strings=[script.url(key) for key in shown])))


def test_keys_that_were_read_before_a_put_may_be_told_after_it() -> None:
    admits(puts("r0").seen(p.Settled("put r0")).seen(p.Settled("keys", strings=[])))


@pytest.mark.parametrize("shown", [[], ["/y"], ["/x", "/y"], ["/x", "/x"]])
def test_keys_are_what_was_put(shown: list[str]) -> None:
    script = puts("r0", told=("r0",))
    refuses(
        script.seen(p.Settled("keys", strings=[script.url(key) for key in shown])), "CREATE-2.9.2"
    )


def test_asking_for_keys_is_never_refused() -> None:
    refuses(puts().seen(p.Settled("keys", error="TypeError")), "CREATE-2.9.2")


def test_keys_come_in_the_order_of_what_was_put() -> None:
    script = puts("r0", "r1", told=("r0", "r1"))
    wrong = [script.url("/y"), script.url("/x")]
    refuses(script.seen(p.Settled("keys", strings=wrong)), "CREATE-2.9.2")


def test_an_interface_may_fetch_the_icon_that_was_given_and_no_other() -> None:
    given = (
        Script()
        .begin()
        .send(
            p.Fetch,
            call="c1",
            realm="p1",
            id="a",
            requests=[p.RequestInit(f"{HOME}/x")],
            icons=[p.Icon(f"{HOME}/i.png")],
        )
    )
    shown = p.Snapshot("a")
    script = given.seen(p.Settled("c1", instance="i-a", snapshot=shown)).request("/i.png")
    script.serve("/i.png", 200, 9).request("/x").serve("/x").settle("a", "", 16).close("a")
    admits(script)
    other = Script().begin().fetch("a", "/x").request("/i.png")
    refuses(other, "RECORD-11")


def refused(script: Script, action: str) -> Script:
    """The user does something to a, which the interface does not offer."""
    script.send(p.User, action=action, id="a")
    answer = p.Answer(script.seq, refused="nothing is displayed")
    script.entries[-1] = msgspec.structs.replace(script.entries[-1], answered=answer)
    return script


def over() -> Script:
    script = Script().begin().fetch("a", "/x").request("/x").serve("/x")
    return script.settle("a", "", 16).close("a")


@pytest.mark.parametrize("action", ["click", "dismiss"])
def test_an_interface_may_go_by_itself_when_its_fetch_is_over(action: str) -> None:
    admits(refused(over(), action).quiet())


def test_an_interface_that_went_by_itself_does_not_come_back() -> None:
    refuses(refused(over(), "click").send(p.User, action="click", id="a"), "DISPLAY-9")


def test_a_click_while_a_fetch_runs_may_not_be_refused() -> None:
    refuses(refused(Script().begin().fetch("a", "/x"), "click"), "DISPLAY-9")


def test_a_record_may_be_read_once_more() -> None:
    admits(good_failure().read("r0", "/x", 200, 16).read("r0", "/x", 200, 16).close("a"))


def test_a_record_is_not_read_more_often_than_the_script_has_asked() -> None:
    script = good_failure().read("r0", "/x", 200, 16)
    again = next(e.seen for e in script.entries if isinstance(e.seen, p.Ready))
    refuses(script.seen(again), "CREATE-2.9")


def test_other_bytes_at_the_second_reading_are_refused() -> None:
    script = good_failure().read("r0", "/x", 200, 16).read("r0", "/x", 200, 16, version=2)
    refuses(script, "RECORD-11.R.6.2")


def test_a_command_that_was_refused_without_need_is_named() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").send(p.OpenPage, page="p2")
    answer = p.Answer(script.seq, refused="no more than one")
    script.entries[-1] = msgspec.structs.replace(script.entries[-1], answered=answer)
    rejection = judged(script).rejection
    assert rejection is not None
    assert [one.why for one in rejection.refusals] == ["open_page was refused (no more than one)"]
