"""What matchAll() lists (S26), and that success hands out whole records (S06)."""

from __future__ import annotations

from conformance.judge.properties.aborting import final_quiet
from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.reading import Call, Dispatched
from conformance.judge.properties.tally import Tally
from conformance.judge.properties.urls import method, plain
from conformance.judge.verdict import PropertyResult
from conformance.protocol import Match, MatchAll, RecordInfo, RequestInit


def success_is_complete(evidence: Evidence) -> PropertyResult:
    """S06.  "In the handler": matched on the event's own registration while the event was active.

    What is read later than that is not judged: an implementation may free its storage
    once the event is over.
    """
    tally = Tally("S06")
    for event in evidence.said.events:
        if event.seen.name != "backgroundfetchsuccess" or event.seen.instance is None:
            continue
        for name, handed in evidence.said.records.items():
            if _matched_on(handed.call, event.seen.instance) and event.active_at(handed.call.sent):
                _complete(evidence, event, name, tally)
    return tally.result()


def _matched_on(call: Call, instance: str) -> bool:
    return isinstance(call.command, Match | MatchAll) and call.command.instance == instance


def _complete(evidence: Evidence, event: Dispatched, record: str, tally: Tally) -> None:
    """One record obtained in a success handler: an ok status, then a body that closes."""

    def failed(at: int, what: str) -> None:
        late = event.ended is not None and event.ended < at
        if late or evidence.said.disturbed_before(at):
            tally.unclear(f"{record}: {what}, but perhaps after the handler's end")
        else:
            tally.breach(at, f"{record} of a successful fetch: {what}")

    for at, ready in evidence.said.ready.get(record, ()):
        if ready.status is not None and not 200 <= ready.status <= 299:
            tally.breach(at, f"{record} of a successful fetch has status {ready.status}")
        elif ready.error is not None:
            failed(at, f"responseReady rejected with {ready.error}")
    bodies = [(at, body) for at, body in evidence.said.bodies if body.record == record]
    for at, body in bodies:
        if body.error is not None:
            failed(at, f"its body errored with {body.error}")
    if any(body.error is None for _, body in bodies):
        tally.met()
    elif not bodies:
        _pending(evidence, event, record, tally)


def _pending(evidence: Evidence, event: Dispatched, record: str, tally: Tally) -> None:
    """A record without a body: was it read, and could it still have come?"""
    asked = [at for at, name in evidence.said.reads if name == record]
    if not asked:
        return
    quiet = final_quiet(evidence)
    left = event.ended is not None or evidence.said.disturbed_before(quiet or 0)
    if quiet is None or left:
        tally.unclear(f"{record}: the trace ends before its body does")
    else:
        tally.breach(quiet, f"{record} of a successful fetch never gave its body")


def record_order(evidence: Evidence) -> PropertyResult:
    """S26."""
    tally = Tally("S26")
    for call in evidence.said.calls:
        command, outcome = call.command, call.outcome
        if isinstance(command, MatchAll) and command.url is None:
            if outcome is not None and outcome.error is None:
                _lists_all(evidence, call, command.instance, tally)
        elif isinstance(command, Match) and outcome is not None and outcome.error is None:
            _is_first(evidence, call, command, tally)
    return tally.result()


def _lists_all(evidence: Evidence, call: Call, instance: str, tally: Tally) -> None:
    assert call.settled is not None, "asked only of settled calls"
    fetch = evidence.who.owner(instance)
    if fetch is None:
        tally.unclear(f"{call.command.call}: it cannot be told which fetch was matched")
        return
    asked = [_named(request) for request in fetch.asked.requests]
    given = [_named(info) for info in _given(call)]
    if given == asked:
        tally.met()
    else:
        tally.breach(call.settled, f"{call.command.call} gave {_show(given)}, not {_show(asked)}")


def _is_first(evidence: Evidence, call: Call, command: Match, tally: Tally) -> None:
    """match(q) against every matchAll(q) on the same instance."""
    assert call.settled is not None, "asked only of settled calls"
    given = [_named(info) for info in _given(call)[:1]]
    for other in evidence.said.calls:
        if not isinstance(other.command, MatchAll) or not _same_query(command, other.command):
            continue
        if other.settled is None or other.outcome is None or other.outcome.error is not None:
            continue
        if [_named(info) for info in _given(other)[:1]] == given:
            tally.met()
        elif _varies(evidence) and not command.options.ignore_vary:
            tally.unclear("answers vary, so two matches may differ over time")
        else:
            what = f"{command.call} gave {_show(given)}, not the first of {other.command.call}"
            tally.breach(max(call.settled, other.settled), what)


def _same_query(one: Match, other: MatchAll) -> bool:
    if other.url is None or one.instance != other.instance:
        return False
    same_request = (plain(one.url), method(one.method)) == (plain(other.url), method(other.method))
    return same_request and one.options == other.options


def _varies(evidence: Evidence) -> bool:
    return any(exchange.header("vary") for exchange in evidence.log.exchanges)


def _given(call: Call) -> list[RecordInfo]:
    return (call.outcome.records if call.outcome is not None else None) or []


def _named(one: RecordInfo | RequestInit) -> tuple[str, str]:
    return method(one.method), plain(one.url)


def _show(names: list[tuple[str, str]]) -> str:
    return "[" + ", ".join(" ".join(name) for name in names) + "]"
