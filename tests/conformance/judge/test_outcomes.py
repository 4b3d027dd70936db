"""Outcomes read off a trace, compared with what a scenario expects."""

from __future__ import annotations

import msgspec
import pytest

import conformance.protocol as p
from conformance import trace as t
from conformance.judge.outcomes import PENDING, disagreements, observed
from conformance.scenario.format import Expect, RecordExpect, Scenario, Step
from conformance.world.content import content

ORIGINS = {"app": "http://app.test", "cdn": "http://cdn.test"}
SHOWN = p.Snapshot("a", downloaded=4)
DONE = p.Snapshot("a", downloaded=8, result="failure", failure_reason="bad-status")


def trace(
    *entries: p.AnyCommand | p.Answer | p.AnyObservation | t.AnyServerEntry | t.AnyNote,
) -> t.Trace:
    return t.Trace("s", "toy", "1", [], ORIGINS, True, [_entry(each) for each in entries])


def _entry(each: object) -> t.Entry:
    if isinstance(each, p.Command):
        return t.Entry(0, 0, sent=each)  # type: ignore[arg-type]  # every command is in the union
    if isinstance(each, p.Answer):
        return t.Entry(0, 0, answered=each)
    if isinstance(each, p.Observation):
        return t.Entry(0, 0, seen=each)  # type: ignore[arg-type]  # as above
    if isinstance(each, t.ServerEntry):
        return t.Entry(0, 0, server=each)  # type: ignore[arg-type]  # as above
    return t.Entry(0, 0, note=each)  # type: ignore[arg-type]  # as above


def differences(what: t.Trace, expect: Expect) -> list[str]:
    scenario = Scenario("s", "t", [], [Step(quiet=True)], expect={"amended": expect})
    return disagreements(what, scenario, "amended")


def test_events_are_compared_in_order() -> None:
    seen = trace(p.WorkerEvent("e1", "one"), p.WorkerEvent("e2", "two"))
    assert observed(seen).events == ["one", "two"]
    assert differences(seen, Expect(events=["one", "two"])) == []
    assert differences(seen, Expect(events=["two", "one"])) != []
    assert differences(seen, Expect(events=[])) != []
    assert differences(seen, Expect()) == []


@pytest.mark.parametrize(
    ("settled", "value"),
    [
        (p.Settled("c1"), "undefined"),
        (p.Settled("c1", error="TypeError"), "TypeError"),
        (p.Settled("c1", boolean=False), False),
        (p.Settled("c1", strings=["a", "b"]), ["a", "b"]),
        (p.Settled("c1", instance="i1", snapshot=SHOWN), "instance"),
        (p.Settled("c1", event="e1"), "event"),
        (p.Settled("c1", records=[]), "records"),
        (None, PENDING),
    ],
)
def test_a_promise_has_a_word(settled: p.Settled | None, value: bool | str | list[str]) -> None:
    seen = trace(t.Bound("x", "c1"), *([settled] if settled else []))
    assert observed(seen).settled == {"x": value}
    assert differences(seen, Expect(settled={"x": value})) == []
    assert differences(seen, Expect(settled={"x": "another"})) != []


def test_keys_of_a_cache_are_resource_keys() -> None:
    urls = ["http://app.test/x", "http://cdn.test/y", "http://else.test/z"]
    seen = trace(
        t.Bound("kept", "c1"),
        p.CacheKeys(call="c1", realm="p1", cache="c"),
        p.Settled("c1", strings=urls),
    )
    assert observed(seen).settled == {"kept": ["/x", "cdn:/y", "http://else.test/z"]}


@pytest.mark.parametrize(
    "last",
    [
        p.Progress("i1", DONE),
        p.WorkerEvent("e1", "x", instance="i1", snapshot=DONE),
        p.Settled("c2", instance="i1", snapshot=DONE),
    ],
)
def test_the_final_state_is_the_last_that_was_seen(last: p.AnyObservation) -> None:
    seen = trace(t.Bound("a", "c1"), p.Settled("c1", instance="i1", snapshot=SHOWN), last)
    assert observed(seen).final == {"a": ["failure", "bad-status"]}
    assert differences(seen, Expect(final={"a": ["", ""]})) != []


def test_a_look_is_seen_too_and_has_its_own_name() -> None:
    seen = trace(
        t.Bound("a", "c1"),
        p.Settled("c1", instance="i1", snapshot=SHOWN),
        t.Bound("end", "#3"),
        p.Look(seq=3, instance="i1"),
        p.Answer(3, snapshot=DONE),
    )
    assert observed(seen).final == {"a": ["failure", "bad-status"]}
    right = Expect(looks={"end": {"downloaded": 8, "recordsAvailable": True}})
    assert differences(seen, right) == []
    assert differences(seen, Expect(looks={"end": {"downloaded": 9}})) == [
        "looks end.downloaded: expected 9, seen 8"
    ]


def test_what_the_interface_refuses_is_told_in_the_order_of_the_script() -> None:
    seen = trace(
        p.User("pause", "a", seq=3),
        p.Answer(3, refused="an upload"),
        p.User("resume", "a", seq=4),
        p.Answer(4),
        p.User("dismiss", "a", seq=5),
        p.Answer(5, refused="it is running"),
    )
    assert differences(seen, Expect(refused=["pause a", "dismiss a"])) == []
    assert differences(seen, Expect(refused=["dismiss a", "pause a"])) != []
    assert differences(seen, Expect(refused=[])) != []


def test_an_error_of_webdriver_is_told_with_the_click() -> None:
    seen = trace(
        p.User("click", "a", window="p1", seq=3),
        p.Answer(3, refused="no such window"),
    )
    assert differences(seen, Expect(refused=["click a: no such window"])) == []
    assert differences(seen, Expect(refused=["click a"])) != []


def test_connections_that_were_given_up_have_the_numbers_of_their_requests() -> None:
    seen = trace(
        t.ServerRequest(1, "/x", "GET", 1, {}, 1),
        t.ServerRequest(2, "/y", "GET", 1, {}, 2),
        t.ServerEnd(2, "end"),
        t.ServerLost(1),
        t.ServerRequest(3, "/x", "GET", 2, {}, 3),
        t.ServerLost(3),
    )
    assert differences(seen, Expect(dropped={"/x": [1, 2], "/y": []})) == []
    assert differences(seen, Expect(dropped={"/x": [1]})) != []


def test_a_record_that_is_told_of_twice_is_a_disagreement_whatever_was_expected() -> None:
    ready, body = p.Ready("r1", status=200), p.Body("r1", 0, text="")
    assert differences(trace(ready, body), Expect()) == []
    assert differences(trace(ready, body, ready), Expect()) != []
    assert differences(trace(ready, body, body), Expect()) != []


def test_a_body_that_goes_on_after_its_end_is_a_disagreement_whatever_was_expected() -> None:
    more, body = p.Received("r1", 4), p.Body("r1", 4)
    assert differences(trace(more, body), Expect()) == []
    assert differences(trace(body, p.Received("r2", 4)), Expect()) == []
    assert differences(trace(body, more), Expect()) != []


def test_a_progress_event_that_shows_nothing_new_is_one_too() -> None:
    released = msgspec.structs.replace(SHOWN, records_available=False)
    first = p.Progress("i1", SHOWN)
    assert differences(trace(first, p.Progress("i1", DONE)), Expect()) == []
    assert differences(trace(first, p.Progress("i2", SHOWN)), Expect()) == []
    for again in (SHOWN, released):
        assert differences(trace(first, p.Progress("i1", again)), Expect()) != []


def test_a_body_says_what_it_is_made_of() -> None:
    answers = [
        entry
        for number, key in enumerate(("/x", "/y"), 1)
        for entry in (
            t.ServerRequest(number, key, "GET", 1, {}, number),
            t.ServerHead(number, 200, [], "length", version=1, first=0, length=32),
        )
    ]
    spliced = content("/x", 1, 0, 16) + content("/y", 1, 16, 16)
    seen = trace(
        *answers,
        t.Bound("films", "c1"),
        p.Settled("c1", records=[p.RecordInfo("r1", "u")]),
        p.Ready("r1", status=200),
        p.Body("r1", 32, text=spliced.decode("latin-1")),
    )
    # The first byte of every word is the same.
    right = "bytes 0-16 of version 1 of /x, bytes 17-31 of version 1 of /y"
    assert differences(seen, Expect(records={"films": [RecordExpect(made_of=right)]})) == []
    wrong = RecordExpect(made_of="bytes 0-31 of version 1 of /x")
    assert differences(seen, Expect(records={"films": [wrong]})) == [
        f"records films[0].made_of: expected {wrong.made_of}, seen {right}"
    ]


def test_sync_events_have_their_tags() -> None:
    seen = trace(
        p.WorkerEvent("s1", "sync", tag="a", last_chance=False),
        p.WorkerEvent("s2", "sync", tag="b", last_chance=True),
    )
    assert differences(seen, Expect(tags=["a", "b"], last_chance=[False, True])) == []
    assert differences(seen, Expect(tags=["b", "a"])) != []


def test_storage_has_a_name() -> None:
    seen = trace(t.Bound("kept", "#3"), p.Storage(seq=3), p.Answer(3, stored=12))
    assert differences(seen, Expect(stored={"kept": 12})) == []
    assert differences(seen, Expect(stored={"kept": 0})) != []


def test_ranges_are_listed_in_order_of_the_requests() -> None:
    seen = trace(
        t.ServerRequest(1, "/x", "GET", 1, {}, 1),
        t.ServerRequest(2, "/x", "GET", 2, {"range": "bytes=4-"}, 2),
    )
    assert observed(seen).requests == {"/x": ["", "bytes=4-"]}
    assert differences(seen, Expect(requests={"/y": []})) == []
    assert differences(seen, Expect(requests={"/y": [""]})) != []


def test_records_are_what_reading_them_gave() -> None:
    seen = trace(
        t.Bound("films", "c1"),
        p.Settled("c1", records=[p.RecordInfo(f"r{n}", "u") for n in range(4)]),
        p.Ready("r0", status=200),
        p.Body("r0", 8),
        p.Ready("r1", error="AbortError"),
        p.Ready("r2", status=200),
        p.Body("r2", 4, error="TypeError"),
    )
    found = [
        RecordExpect(status=200, length=8),
        RecordExpect(error="AbortError"),
        RecordExpect(status=200, body_error="TypeError"),
        RecordExpect(),
    ]
    assert observed(seen).records == {"films": found}
    assert differences(seen, Expect(records={"films": found})) == []
    assert differences(seen, Expect(records={"films": found[:2]})) == [
        "records films: expected 2, seen 4"
    ]
    wrong = [RecordExpect(status=200), *found[:3]]
    assert differences(seen, Expect(records={"films": wrong})) == [
        "records films[1].status: expected 200, seen None",
        "records films[1].length: expected 8, seen None",
        "records films[2].error: expected AbortError, seen None",
        "records films[3].status: expected 200, seen None",
        "records films[3].body_error: expected TypeError, seen None",
    ]


def test_a_name_that_was_bound_again_stands_for_the_last() -> None:
    seen = trace(
        t.Bound("x", "c1"), p.Settled("c1"), t.Bound("x", "c2"), p.Settled("c2", boolean=True)
    )
    assert observed(seen).settled == {"x": True}


def test_a_run_that_gave_up_or_broke_agrees_with_nothing() -> None:
    seen = trace(t.GaveUp("godot"), t.Broken("it died"))
    assert differences(seen, Expect()) == [
        "gave up waiting for godot",
        "the adapter broke: it died",
    ]
