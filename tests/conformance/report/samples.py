"""A small finished run, made by hand."""

from __future__ import annotations

from conformance import protocol as p
from conformance import trace as t
from conformance.judge.verdict import Judgement, PropertyResult, Verdict
from conformance.scenario.format import Scenario

SCENARIOS = [
    Scenario("SC-22", "a fetch of two records succeeds", ["S1-01", "SC-22"], []),
    Scenario("SC-33", "one record answers 404", ["S1-38", "SC-33", "E01"], []),
    Scenario("SC-61", "the connection breaks & comes back", ["S1-02"], []),
]

ORIGINS = {"app": "http://127.0.0.1:8001"}
LISTEN = ["backgroundfetchsuccess"]


def entry(**field: object) -> t.Entry:
    """An entry at time 0 with one field."""
    return t.Entry(0.0, 0.0, **field)  # type: ignore[arg-type]  # the tests name real fields


def sample_trace(
    scenario: str = "SC-33", implementation: str = "chromium", extra: int = 0
) -> t.Trace:
    """Two records, one a 404; ``extra`` more progress events."""
    before = p.Snapshot("f", 0, 0, 0, 0)
    after = p.Snapshot("f", 0, 0, 0, 16, "success")
    requests = [p.RequestInit("http://127.0.0.1:8001/a"), p.RequestInit("http://127.0.0.1:8001/b")]
    found: list[p.AnyCommand | p.Answer | p.AnyObservation | t.AnyServerEntry | t.AnyNote] = [
        p.Begin(seq=1, scenario=scenario, origins=ORIGINS, listen=LISTEN),
        p.Answer(1),
        p.Fetch(seq=2, call="c1", realm="p1", id="f", requests=requests),
        p.Answer(2),
        t.Bound("f", "c1", ["i1"]),
        p.Settled(call="c1", instance="i1", snapshot=before),
        t.ServerRequest(1, "/a", "GET", 1, {}, 1),
        t.ServerRequest(2, "/b", "GET", 1, {}, 2),
        t.ServerHead(1, 200, [("ETag", '"v1"')], "length", 1, 0, 16),
        t.ServerHead(2, 404, [], "length", 1, 0, 9),
        t.ServerBytes(1, 16),
        *(
            p.Progress(instance="i1", snapshot=p.Snapshot("f", 0, 0, 0, n + 1))
            for n in range(extra)
        ),
        t.ServerEnd(1, "end"),
        t.ServerEnd(2, "end"),
        p.WorkerEvent(
            event="e1",
            name="backgroundfetchsuccess",
            instance="i2",
            snapshot=after,
            can_update_ui=True,
        ),
        p.EndEvent(seq=3, event="e1"),
        p.Answer(3),
        t.Quiet(bounded=False),
        p.End(seq=4),
    ]
    fields: list[tuple[type, str]] = [
        (p.Command, "sent"),
        (p.Answer, "answered"),
        (p.Observation, "seen"),
        (t.ServerEntry, "server"),
        (t.Note, "note"),
    ]
    entries = []
    for index, one in enumerate(found):
        field = next(name for kind, name in fields if isinstance(one, kind))
        at = index / 100
        entries.append(t.Entry(at, at, **{field: one}))  # type: ignore[arg-type]  # by its kind
    return t.Trace(
        scenario, implementation, "150.0.7871.1", [], ORIGINS, virtual=False, entries=entries
    )


def judged(
    scenario: str, implementation: str, verdict: Verdict = Verdict.CONFORMS, version: str = "1.0"
) -> Judgement:
    """A judgement with nothing to say."""
    return Judgement(scenario, implementation, version, verdict)


def violation(scenario: str = "SC-33", implementation: str = "chromium") -> Judgement:
    """The judgement of ``sample_trace``."""
    return Judgement(
        scenario,
        implementation,
        "150.0.7871.1",
        Verdict.VIOLATES,
        why="a fetch with a 404 ended as a success",
        blame=("PERFORM-5.3", "S06"),
        unexplained=13,
        explained=13,
        allowed=("the worker gets backgroundfetchfail with bad-status",),
        properties=(
            PropertyResult("S01", True, 1),
            PropertyResult("S06", False, 1, 13, "success although /b answered 404"),
            PropertyResult("S10", None),
        ),
        largest=12,
    )
