"""The trials in their short forms; ``python -m conformance.trials`` is the long one."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from conformance import protocol
from conformance.judge.acceptor import Acceptor
from conformance.judge.judge import accept
from conformance.protocol import Command
from conformance.trace import Trace, dump
from conformance.trials.campaigns import (
    ANY,
    agreement,
    logs,
    mutations,
    proved,
    run,
    some_spoilt,
    soundness,
)
from conformance.trials.coverage import Coverage
from conformance.trials.mutate import spoilt
from conformance.trials.reorder import places, precedes, reordered
from conformance.trials.walked import Walked, fed
from conformance.trials.wild_run import wild_trace
from conformance.trials.witness import Found, Search
from spec_model.editions import AMENDED
from tests.conformance.judge.traces import HOME, Script


@pytest.mark.parametrize("profile", ["spec", ANY])
def test_what_the_model_does_is_accepted_however_it_is_noted(profile: str) -> None:
    tally = soundness(profile, range(20))
    assert tally.cases == []
    assert tally.counts["accepted"] > 60


def test_what_is_spoilt_is_rejected_or_possible_all_the_same() -> None:
    tally = mutations("spec", range(6))
    assert tally.cases == []
    assert tally.counts["rejected"] > 40


def test_the_factored_acceptor_says_what_the_unfactored_one_says() -> None:
    tally = agreement("spec", range(1))
    assert tally.cases == []
    assert min(tally.counts["both accepted"], tally.counts["both rejected"]) > 5


@pytest.mark.parametrize("profile", ["spec", "chromium"])
def test_what_the_model_made_has_a_witness(profile: str) -> None:
    for number in range(6):
        one = run(profile, number)
        assert Search(one.trace, one.made, ordered=True).run() is not Found.NONE, number


def test_a_log_judged_from_where_it_differs_is_judged_as_from_the_beginning() -> None:
    for number in range(3):
        one = run(ANY, number)
        whole = Walked(one.trace, one.made)
        others = [*logs(one), *(each.trace for each in some_spoilt(one))]
        for other in others:
            at_once = fed(other, Acceptor(AMENDED, one.made))
            later = whole.judged(other)
            assert (later.rejection is None) is (at_once.rejection is None)
            assert later.faults == at_once.faults


def test_the_scripts_ask_everything_that_the_model_can_be_told() -> None:
    covered = Coverage()
    for number in range(300):
        covered.add(run(ANY, number).trace, frozenset())
    told = {name for name, each in vars(protocol).items() if _is_command(each)}
    silent = {"Start", "Begin", "Fetch", "End", "Stop", "SyncRegister", "SyncGetTags"}
    named = {"User", "Quit", "Online", "Busy", "EndBody", "BgCacheRegister"}
    assert told - covered.asked.keys() == silent | named
    actions = ("pause", "resume", "abort", "click", "accept", "refuse", "dismiss")
    others = ("kill", "quit", "offline", "busy p1", "end of a body", "streamed upload", "quota")
    assert {*(f"user {each}" for each in actions), *others} <= covered.asked.keys()


def _is_command(each: object) -> bool:
    return isinstance(each, type) and issubclass(each, Command) and each is not Command


def test_the_same_number_is_the_same_trace() -> None:
    first, second = run("spec", 7), run("spec", 7)
    assert [dump(log) for log in logs(first)] == [dump(log) for log in logs(second)]


def test_another_log_of_a_run_has_the_same_entries_and_keeps_what_precedes() -> None:
    trace = wild_trace("reorder/1", {}, 4)
    other = reordered(trace, Random(1), 200)
    assert [e.seen for e in trace.entries] != [e.seen for e in other.entries]
    before = [place.entry.sent for place in places(trace) if place.script]
    assert [place.entry.sent for place in places(other) if place.script] == before
    neighbours = zip(places(trace), places(trace)[1:], strict=False)
    assert any(precedes(*pair) for pair in neighbours)


def test_a_possible_trace_is_proved_and_an_impossible_one_is_a_hole() -> None:
    trace = wild_trace("proof/1", {}, 1)
    assert proved(trace, frozenset()) == "equivalent"
    wrong = next(each for each in spoilt(trace) if each.what == "id")
    assert proved(wrong.trace, frozenset()) == "hole"
    assert accept(wrong.trace).fetch.rejection is not None


def _noted(script: Script) -> Trace:
    return Trace("hand", "hand", "1", [], {"app": HOME}, True, script.entries)


def test_a_body_of_no_bytes_has_ended_with_its_head() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x", 404, 0)
    script.settle("a", "bad-status", 0).end("/x")
    assert proved(_noted(script), frozenset()) == "equivalent"


def test_the_length_of_a_coded_body_may_be_known_by_its_last_byte() -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    script.head("/x", 200, 16, encoding="gzip").bytes("/x", 16)
    script.settle("a", "", 16).end("/x")
    assert proved(_noted(script), frozenset()) == "equivalent"


def test_a_call_is_gone_with_its_page() -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    script.send(protocol.Abort, call="c", instance="i-a").send(protocol.Quit, kill=True)
    script.send(protocol.Launch).request("/x").serve("/x")
    impossible = protocol.Snapshot("a", downloaded=17, result="success")
    event = protocol.WorkerEvent("e", "backgroundfetchsuccess", "w", impossible, can_update_ui=True)
    assert proved(_noted(script.seen(event)), frozenset()) == "hole"


def test_a_body_may_be_sent_although_its_request_is_never_read() -> None:
    script = Script().begin().fetch("a", "/x", method="POST")
    script.seen(protocol.Progress("i-a", protocol.Snapshot("a", upload_total=8, uploaded=8)))
    script.send(protocol.User, action="abort", id="a").settle("a", "aborted", 0, uploaded=8)
    assert proved(_noted(script.quiet()), frozenset()) == "order only"


def test_a_connection_that_breaks_may_take_with_it_what_nobody_has_read() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x", etag='"v1"')
    script.bytes("/x", 8).end("/x", "reset")
    assert proved(_noted(script.settle("a", "fetch-error", 0)), frozenset()) == "order only"


def test_one_realm_may_be_spared_an_update_that_another_one_is_shown() -> None:
    script = Script().begin(listen=[]).fetch("a", "/x")
    script.send(protocol.Get, call="g", realm=protocol.WORKER, id="a")
    script.seen(protocol.Settled("g", instance="w-a", snapshot=protocol.Snapshot("a")))
    script.request("/x").head("/x", 404, 0).end("/x")
    last = protocol.Snapshot("a", result="failure", failure_reason="bad-status")
    gone = msgspec.structs.replace(last, records_available=False)
    script.seen(protocol.Progress("i-a", last)).seen(protocol.Progress("w-a", gone))
    assert proved(_noted(script.quiet()), frozenset()) == "order only"


@pytest.mark.parametrize("handled", [False, True])
def test_an_event_that_was_being_handled_at_a_kill_need_not_come_again(handled: bool) -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x", 404, 0).end("/x")
    if handled:
        script.settle("a", "bad-status", 0)
    script.send(protocol.Quit, kill=True).send(protocol.Launch).quiet()
    assert proved(_noted(script), frozenset()) == ("order only" if handled else "hole")


def _answered(script: Script, **shown: object) -> Script:
    """The last command answered with this."""
    entry = script.entries.pop()
    answer = protocol.Answer(script.seq, **shown)  # type: ignore[arg-type]  # typed fields
    script.entries.append(msgspec.structs.replace(entry, answered=answer))
    return script


def _in_worker(script: Script, **fields: object) -> Script:
    """A fetch that the worker made, with its promise."""
    requests = [protocol.RequestInit(f"{HOME}/x", "POST")]
    script.send(protocol.Fetch, call="c", realm=protocol.WORKER, id="a", requests=requests)
    return script.seen(
        protocol.Settled("c", instance="w-a", snapshot=protocol.Snapshot("a", **fields))  # type: ignore[arg-type]  # typed fields
    )


def test_a_worker_may_be_stopped_before_it_is_told_the_result() -> None:
    script = _in_worker(Script().begin(listen=[])).request("/x", method="POST")
    script.send(protocol.User, action="abort", id="a")
    assert proved(_noted(script.quiet()), frozenset()) == "order only"


def test_a_kill_may_leave_a_part_of_the_bytes() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x", etag='"v1"')
    script.bytes("/x", 8).quiet().send(protocol.Quit, kill=True).send(protocol.Launch)
    assert proved(_noted(script.request("/x", "bytes=3-")), frozenset()) == "order only"


def test_the_interface_need_not_stay_when_all_is_over() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").serve("/x").settle("a", "", 16)
    script = _answered(script.send(protocol.Interface, id="a"), interface=protocol.Shown())
    assert proved(_noted(script), frozenset()) == "equivalent"


@pytest.mark.parametrize("over", [False, True])
def test_a_click_may_be_refused_when_all_is_over(over: bool) -> None:
    script = Script().begin().fetch("a", "/x").request("/x")
    if over:
        script.serve("/x").settle("a", "", 16)
    script = _answered(script.send(protocol.User, action="click", id="a"), refused="gone")
    assert (proved(_noted(script), frozenset()) == "order only") is over


@pytest.mark.parametrize("reads", [1, 2])
def test_a_record_says_to_every_reader_what_it_says(reads: int) -> None:
    script = Script().begin().fetch("a", "/x").request("/x").head("/x", 404, 0).end("/x")
    script.settle("a", "bad-status", 0).match("a", ("/x", "GET"))
    for _ in range(reads):
        script.send(protocol.Read, record="r0")
    said = protocol.Ready("r0", 404), protocol.Ready("r0", 404), protocol.Body("r0", 0, text="")
    for each in said:
        script.seen(each)
    assert (proved(_noted(script.quiet()), frozenset()) == "order only") is (reads == 2)


def test_the_promise_of_a_fetch_may_show_its_result() -> None:
    script = Script().begin(online=False)
    ended = {"result": "failure", "failure_reason": "fetch-error"}
    assert proved(_noted(_in_worker(script, **ended)), frozenset()) == "order only"


def test_records_may_be_matched_for_a_while_after_the_end_of_an_event() -> None:
    script = Script().begin().fetch("a", "/x").request("/x").serve("/x").settle("a", "", 16)
    script.send(protocol.EndEvent, event="e-a")
    script.send(protocol.Match, call="m", instance="w-a", url=f"{HOME}/y")
    script.seen(protocol.Settled("m"))
    assert proved(_noted(script), frozenset()) == "order only"


def test_what_happens_later_may_be_dispatched_earlier() -> None:
    script = Script().begin(listen=["push", "backgroundfetchfail"]).fetch("a", "/x")
    script.request("/x").head("/x", 404, 0).end("/x")
    shown = protocol.Snapshot("a", result="failure", failure_reason="bad-status")
    script.seen(protocol.Progress("i-a", shown)).send(protocol.Push, data="d")
    script.seen(protocol.WorkerEvent("e-p", "push", None, None, can_update_ui=False, data="d"))
    script.seen(protocol.WorkerEvent("e-a", "backgroundfetchfail", "w-a", shown, True))
    assert proved(_noted(script.quiet()), frozenset()) == "order only"
