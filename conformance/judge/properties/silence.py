"""Where nothing may be heard: after a refusal (S19) and after the end (S22).

A request is an output: it may have been on its way long before it was noted.  So a
request surely came *after* something only if a quiet, in which nothing was under way,
lies between them.
"""

from __future__ import annotations

from conformance.judge.properties.aborting import winning_aborts
from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.exchanges import Exchange
from conformance.judge.properties.identity import Fetched
from conformance.judge.properties.tally import Tally
from conformance.judge.properties.urls import method
from conformance.judge.verdict import PropertyResult
from conformance.protocol import Fetch
from conformance.trace import Quiet

PREFLIGHT = "OPTIONS"


def refusals_leave_no_trace(evidence: Evidence) -> PropertyResult:
    """S19.  Judged by resources that no other fetch() asked for, and none redirects to."""
    tally = Tally("S19")
    for call in evidence.said.calls:
        if not isinstance(call.command, Fetch) or call.outcome is None:
            continue
        if call.outcome.error is None:
            continue
        keys = {evidence.log.key(request.url) for request in call.command.requests}
        stray = [
            exchange
            for exchange in evidence.log.exchanges
            if exchange.request.key in keys
            and exchange.at > call.sent
            and method(exchange.request.method) != PREFLIGHT
            and not evidence.log.owners(exchange.request.key, exchange.at)
        ]
        if stray:
            what = f"{call.command.call} was refused, but {stray[0].request.key} was asked for"
            tally.breach(stray[0].at, what)
        else:
            tally.met()
    return tally.result()


def silent_after_the_end(evidence: Evidence) -> PropertyResult:
    """S22.  The end: the settle event was seen, or an abort() had answered true."""
    tally = Tally("S22")
    for fetch in evidence.who.fetched:
        over = _over(evidence, fetch)
        quiet = None if over is None else _quiet_after(evidence, over)
        if quiet is None:
            continue
        late = [one for one in _own(evidence, fetch) if one.at > quiet]
        if late and not evidence.said.disturbed_before(late[0].at):
            what = f"{late[0].request.key} was asked for after {fetch.asked.id!r} had ended"
            tally.breach(late[0].at, what)
        else:
            tally.met()
    return tally.result()


def _over(evidence: Evidence, fetch: Fetched) -> int | None:
    events = [event.at for event in evidence.settle_events(fetch)]
    wins = [call.settled for call in winning_aborts(evidence, fetch) if call.settled is not None]
    return min((*events, *wins), default=None)


def _quiet_after(evidence: Evidence, position: int) -> int | None:
    """The first quiet from there on that was waited for to the end."""
    trace = evidence.said.trace
    for at in range(position, len(trace.entries)):
        note = trace.entries[at].note
        if isinstance(note, Quiet) and note.discharged and (trace.virtual or note.bounded):
            return at
    return None


def _own(evidence: Evidence, fetch: Fetched) -> list[Exchange]:
    """Requests that can only be for this fetch's records."""
    found = []
    for exchange in evidence.log.exchanges:
        owners = evidence.log.owners(exchange.request.key, exchange.at)
        if owners and {owner.fetch for owner in owners} == {fetch.number}:
            found.append(exchange)
    return found
