"""Traces in plain words."""

from __future__ import annotations

import typing

import msgspec
import pytest

from conformance import protocol as p
from conformance import trace as t
from conformance.report.moves import lanes, moves, when
from tests.conformance.report.samples import entry, sample_trace


def sentences(*entries: t.Entry) -> list[str]:
    trace = t.Trace("S", "i", "1", [], {}, virtual=True, entries=list(entries))
    return [move.sentence if move else "" for move in moves(trace)]


def test_a_call_and_its_settling_name_the_page_and_the_method() -> None:
    request = p.RequestInit("http://app/a")
    assert sentences(
        entry(sent=p.Fetch(call="c1", realm="p1", id="f", requests=[request])),
        entry(seen=p.Settled(call="c1", instance="i1", snapshot=p.Snapshot("f"))),
        entry(sent=p.Abort(call="c2", instance="i1")),
        entry(seen=p.Settled(call="c2", boolean=True)),
    ) == [
        'page p1 calls fetch("f", 1 request)',
        'page p1 sees fetch() fulfil with i1: "f", 0 bytes down',
        "page p1 calls i1.abort()",
        "page p1 sees i1.abort() fulfil with true",
    ]


def test_records_are_called_by_their_paths_in_the_realm_that_matched_them() -> None:
    info = p.RecordInfo("r1", "http://127.0.0.1:1/a/b")
    assert sentences(
        entry(seen=p.WorkerEvent(event="e1", name="backgroundfetchsuccess", instance="i2")),
        entry(sent=p.MatchAll(call="c1", instance="i2")),
        entry(seen=p.Settled(call="c1", records=[info])),
        entry(seen=p.Ready(record="r1", status=200)),
        entry(seen=p.Body(record="r1", length=1, error="AbortError")),
    )[1:] == [
        "the worker calls i2.matchAll()",
        "the worker sees i2.matchAll() fulfil with 1 record",
        "the worker sees that responseReady of /a/b fulfils with status 200",
        "the worker sees that the body of /a/b errors with AbortError after 1 byte",
    ]


def test_the_result_and_its_reason_are_said() -> None:
    snapshot = p.Snapshot("f", 0, 0, 10, 8, "failure", "bad-status", records_available=False)
    (said,) = sentences(entry(seen=p.Progress(instance="i1", snapshot=snapshot)))
    assert said.endswith('"f", failure (bad-status), 8 of 10 bytes down, records gone')


def test_an_exchange_names_its_resource_throughout() -> None:
    request = t.ServerRequest(1, "/a", "GET", 2, {"range": "bytes=5-"}, 1)
    assert sentences(
        entry(server=request),
        entry(server=t.ServerHead(1, 206, [("Content-Range", "bytes 5-9/10")], "length", 1, 5, 5)),
        entry(server=t.ServerEnd(1, "reset")),
    ) == [
        "the server gets GET /a (request 2, range bytes=5-)",
        "the server answers /a with 206, bytes 5-9/10",
        "the server resets the connection of /a",
    ]


def test_an_empty_answer_is_not_shown_and_a_refusal_is() -> None:
    user = p.User(seq=1, action="pause", id="f")
    assert sentences(
        entry(sent=user),
        entry(answered=p.Answer(1)),
        entry(answered=p.Answer(1, refused="no such button")),
    ) == [
        'the user pauses "f"',
        "",
        "the user is told that this is not offered: no such button",
    ]


def test_lanes_are_pages_worker_user_agent_server_judge() -> None:
    assert lanes(moves(sample_trace())) == ["p1", "worker", "user agent", "server", "judge"]


@pytest.mark.parametrize(
    ("field", "union"),
    [
        ("sent", p.AnyCommand),
        ("seen", p.AnyObservation),
        ("server", t.AnyServerEntry),
        ("note", t.AnyNote),
    ],
)
def test_every_kind_of_entry_has_words_of_its_own(field: str, union: object) -> None:
    for kind in typing.get_args(union):
        shown = sentences(entry(**{field: _make(kind)}))[0]
        assert shown or kind is t.Bound
        assert f"sends {kind.__name__}" not in shown, f"{kind.__name__} has no words"


def _make(kind: type[msgspec.Struct]) -> object:
    """A value of this struct with its required fields filled in."""
    filled: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        if field.required:
            filled[field.encode_name] = _value(field.type)
    config = kind.__struct_config__
    tag = {config.tag_field: config.tag} if config.tag_field else {}
    return msgspec.convert({**tag, **filled}, kind)


def _value(kind: object) -> object:
    if typing.get_origin(kind) is typing.Literal:
        return typing.get_args(kind)[0]
    if typing.get_origin(kind) in (list, tuple):
        return []
    if typing.get_origin(kind) is dict:
        return {}
    if kind is p.Snapshot:
        return {"id": "f"}
    known: dict[object, object] = {str: "x", int: 1, float: 1.0, bool: True}
    return known[kind]


def sent(command: p.AnyCommand) -> str:
    return sentences(entry(sent=command))[0]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (p.User("click", "f", window="p1"), 'WebDriver clicks the interface of "f"'),
        (p.User("accept", "f"), 'the user accepts "f"'),
        (p.User("refuse", "f"), 'the user refuses "f"'),
        (p.MatchAll("c1", "i1", url="http://app/a/b"), 'the worker calls i1.matchAll("/a/b")'),
        (p.Match("c1", "i1", url="http://app/a/b"), 'the worker calls i1.match("/a/b")'),
        (
            p.UpdateUI("c1", "e1", title="Films"),
            'the worker calls e1.updateUI(title "Films")',
        ),
        (
            p.SyncRegister("c1", "p1", "t", "sync", unregister=True),
            'page p1 calls unregister("t") of sync',
        ),
        (p.SyncRegister("c1", "p1", "t", "sync"), 'page p1 calls register("t") of sync'),
        (
            p.Begin("S", {}, [], quota=1000, permission="prompt", online=False),
            "the judge begins a scenario: quota 1,000 bytes, permission prompt, offline",
        ),
        (p.Begin("S", {}, []), "the judge begins a scenario"),
        (p.Busy("p1", busy=True), "the judge keeps p1 busy"),
        (p.Busy("p1", busy=False), "the judge lets p1 go on"),
        (p.EndBody("c1", 0), "the judge lets request body 1 end"),
        (p.EndBody("c1", 1, fails=True), "the judge lets request body 2 fail"),
        (p.Online(online=True), "the judge brings the user agent online"),
        (p.Online(online=False), "the judge takes the user agent offline"),
        (p.Quit(kill=True), "the judge kills the user agent"),
        (p.Quit(kill=False), "the judge quits the user agent"),
    ],
)
def test_a_command_says_who_does_what(command: p.AnyCommand, said: str) -> None:
    assert sent(command) == said


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        (
            p.Storage(seq=1),
            p.Answer(1, stored=1000),
            "the judge is told that 1,000 bytes are stored",
        ),
        (
            p.Storage(seq=1),
            p.Answer(1, unsupported="no such number"),
            "the judge is told that this cannot be done: no such number",
        ),
        (
            p.Interface(seq=1, id="f"),
            p.Answer(1, interface=p.Shown()),
            "the judge sees that nothing is displayed",
        ),
        (
            p.Look(seq=1, instance="i1"),
            p.Answer(1, snapshot=p.Snapshot("f")),
            'the worker sees "f", 0 bytes down',
        ),
    ],
)
def test_an_answer_says_what_was_learnt(command: p.AnyCommand, answer: p.Answer, said: str) -> None:
    assert sentences(entry(sent=command), entry(answered=answer))[1] == said


def test_a_response_that_is_never_ready_says_why() -> None:
    ready = p.Ready(record="r1", error="AbortError")
    assert sentences(entry(seen=ready)) == [
        "the worker sees that responseReady of r1 rejects with AbortError"
    ]


def test_an_event_says_its_tag() -> None:
    event = p.WorkerEvent(event="e1", name="sync", tag="t")
    assert sentences(entry(seen=event)) == ['the worker gets sync with tag "t"']


def test_an_upload_that_breaks_off_is_told_as_one() -> None:
    request = t.ServerRequest(1, "/a", "POST", 1, {}, 1)
    for complete, end in ((True, ""), (False, ", then it breaks off")):
        body = t.ServerRequestBody(1, 8, complete)
        assert sentences(entry(server=request), entry(server=body))[1] == (
            f"the server gets 8 bytes of request body for /a{end}"
        )


def test_the_user_agent_has_a_lane_even_where_it_does_nothing() -> None:
    assert lanes([]) == ["user agent"]


def test_an_entry_is_placed_at_its_latest_time() -> None:
    assert when(t.Entry(1.0, 2.0, note=t.Quiet(bounded=False))) == "2.000"


def test_looks_are_dull_and_so_are_what_they_show() -> None:
    looked = [entry(sent=p.Look(seq=1, instance="i1")),
              entry(answered=p.Answer(1, snapshot=p.Snapshot("f")))]  # fmt: skip
    trace = t.Trace("S", "i", "1", [], {}, virtual=True, entries=looked)
    assert [move.dull for move in moves(trace) if move] == ["look", "look"]
