"""What happens, in a walk: the surroundings do it, nobody asks who made them."""

from __future__ import annotations

import pytest

from conformance import protocol as p
from conformance import trace as t
from conformance.explain import naming
from conformance.explain.delta import Changed
from conformance.explain.sentences import sentences, world
from conformance.explain.slots import change, plain
from tests.conformance.report.samples import entry

HOME = "http://app.test"


def trace(*entries: t.Entry) -> t.Trace:
    return t.Trace("S", "i", "1", [], {}, virtual=True, entries=list(entries))


def told(*entries: t.Entry) -> list[str]:
    return [each.text if each else "" for each in sentences(trace(*entries))]


def request(
    path: str, method: str = "GET", body: str | None = None, mode: str = "cors"
) -> p.RequestInit:
    return p.RequestInit(HOME + path, method, body=body, mode=mode)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            p.Fetch("c1", "p1", "f", [request("/a")], download_total=2000),
            'page p1 calls fetch("f", [/a], {downloadTotal: 2,000})',
        ),
        (
            p.Fetch("c1", "p1", "f", [request("/a", mode="no-cors"), request("/b", "PUT", "xy")]),
            'page p1 calls fetch("f", [GET /a (no-cors), PUT /b (2 bytes)])',
        ),
        (p.Busy("p1", busy=True), "p1 is kept busy"),
        (p.Busy("p1", busy=False), "p1 goes on"),
        (p.EndBody("c1", 0), "the body of request 1 ends"),
        (p.EndBody("c1", 1, fails=True), "the body of request 2 fails"),
        (p.Online(online=True), "the user agent is online again"),
        (p.Online(online=False), "the user agent goes offline"),
        (p.Quit(kill=True), "the user agent is killed"),
        (p.Quit(kill=False), "the user agent quits"),
        (p.Advance(60.0), "60 s pass"),
        (p.Push("x"), 'a push message arrives: "x"'),
        (p.OpenPage("p2"), "page p2 opens"),
        (p.ClosePage("p2"), "page p2 closes"),
        (p.SetPermission("denied"), "the permission becomes denied"),
    ],
)
def test_a_command_is_something_that_happens(command: p.AnyCommand, said: str) -> None:
    (only,) = sentences(trace(entry(sent=command)))
    assert only is not None and (only.text, only.input) == (said, True)


def test_what_is_asked_of_the_user_agent_is_told_by_its_answer_alone() -> None:
    asked = entry(sent=p.Storage(seq=1))
    assert told(asked, entry(answered=p.Answer(1, stored=2000))) == ["", "2,000 bytes are stored"]
    shown = entry(answered=p.Answer(1, interface=p.Shown()))
    assert told(entry(sent=p.Interface("f", seq=1)), shown) == ["", "nothing is displayed"]


def test_a_wait_in_vain_says_for_what_and_a_pause_at_which_gate() -> None:
    assert told(entry(note=t.GaveUp("event sync"))) == ["the script waits in vain for event sync"]
    asked = entry(server=t.ServerRequest(1, "/a", "GET", 1, {}, 1))
    held = entry(server=t.ServerHeld(1, "half"))
    assert told(asked, held)[1] == 'the server pauses its answer to /a ("half")'


@pytest.mark.parametrize(
    ("more", "facts"),
    [
        ({}, []),
        ({"quota": 2000}, ["quota of 2,000 bytes"]),
        ({"permission": "prompt"}, ["permission: prompt"]),
        ({"online": False}, ["offline"]),
        ({"concurrency": 1}, ["1 record transferred at a time"]),
        ({"concurrency": 2}, ["2 records transferred at a time"]),
    ],
)
def test_of_the_world_is_told_what_is_not_as_usual(
    more: dict[str, object], facts: list[str]
) -> None:
    begin = p.Begin("S", {}, [], **more)  # type: ignore[arg-type]  # its own fields
    assert world(trace(entry(sent=begin))) == facts


# --- names ----------------------------------------------------------------------------


def test_a_call_is_named_as_a_script_would_write_it() -> None:
    calls = naming.calls(
        trace(
            entry(sent=p.UpdateUI("c1", "e1", title="x")),
            entry(sent=p.SyncRegister("c2", "p1", "t", "sync")),
            entry(sent=p.SyncRegister("c3", "p1", "t", "sync", unregister=True)),
            entry(sent=p.GetIds("c4", "p1")),
            entry(sent=p.Get("c5", "p1", "f")),
            entry(sent=p.Synthesize("c6", "x")),
        )
    )
    assert calls == {
        "c1": "updateUI()",
        "c2": 'register("t")',
        "c3": 'unregister("t")',
        "c4": "getIds()",
        "c5": 'get("f")',
        "c6": 'new BackgroundFetchUpdateUIEvent("x")',
    }


def test_an_object_has_its_first_name_and_one_of_several_its_place() -> None:
    event = p.WorkerEvent(event="w1.e1", name="sync", instance="w1.i1")
    names = naming.labels(
        trace(
            entry(note=t.Bound("a", "c1", ["p1.i1"])),
            entry(note=t.Bound("again", "c2", ["p1.i1"])),
            entry(note=t.Bound("films", "c3", ["p1.r1", "p1.r2"])),
            entry(seen=event),
        )
    )
    assert names == {
        "p1.i1": "a",
        "p1.r1": "films[0]",
        "p1.r2": "films[1]",
        "w1.e1": "event",
        "w1.i1": "event.registration",
    }


# --- values ---------------------------------------------------------------------------


def test_a_value_reads_as_in_a_script_and_another_one_alike_is_said_to_be_another() -> None:
    assert [plain(each) for each in (None, True, "", 3, ("a", None))] == [
        *("null", "true", '""', "3"),
        "[a, null]",
    ]
    assert change("slot", Changed((), 1, 2), lambda _: "a response").sentence == (
        "slot: a response → another response"
    )
