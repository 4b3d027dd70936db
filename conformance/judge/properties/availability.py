"""Records are available until the settle event's handler is done, and never again (S05).

The judge itself ends every handler (``end_event``), so nothing can have become
unavailable before that command was sent.  Three ways to be left without an end:
the worker did not listen to that event (its absence is then decided by the
implementation, unseen), the user agent was ended, or the worker was unregistered;
then nothing can be said.

What counts for match() and matchAll() is the instance's attribute at the call.  It
lags behind the fetch's own flag, and an implementation may look at either, and once
more before it hands records out.  So a refusal is wrong only if the handler surely
was not done when it settled, and a fulfilment only if the attribute surely was false
at the call.
"""

from __future__ import annotations

from collections import defaultdict

from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.identity import SETTLE_EVENTS, Fetched
from conformance.judge.properties.reading import Call, Sighting
from conformance.judge.properties.settlement import PAIRS, pair_of
from conformance.judge.properties.tally import Tally
from conformance.judge.verdict import PropertyResult
from conformance.protocol import Match, MatchAll

REFUSAL = "InvalidStateError"


def availability_is_one_way(evidence: Evidence) -> PropertyResult:
    """S05."""
    tally = Tally("S05")
    shown: dict[str | None, list[Sighting]] = defaultdict(list)
    for sighting in evidence.said.sightings:
        shown[sighting.instance].append(sighting)
    for instance, sightings in shown.items():
        _never_again(sightings, tally)
        _not_too_early(evidence, instance, sightings, tally)
    for call in evidence.said.calls:
        if isinstance(call.command, Match | MatchAll) and call.outcome is not None:
            _match(evidence, call, shown[call.command.instance], tally)
    return tally.result()


def _never_again(sightings: list[Sighting], tally: Tally) -> None:
    gone = [s for s in sightings if not s.snapshot.records_available]
    if not gone:
        return
    for later in sightings:
        if later.snapshot.records_available and any(one.precedes(later) for one in gone):
            tally.breach(later.at, f"{later.instance}: records are available again")


def _not_too_early(
    evidence: Evidence, instance: str | None, sightings: list[Sighting], tally: Tally
) -> None:
    """The first look that shows unavailable records, against the end of the settle event."""
    gone = [s for s in sightings if not s.snapshot.records_available]
    if not gone:
        return
    first = min(gone, key=lambda sighting: sighting.at)
    fetch = evidence.who.owner(instance)
    if fetch is None:
        tally.unclear(f"{instance}: it cannot be told which fetch's records are unavailable")
        return
    possible = {name for name, pairs in PAIRS.items() if pair_of(first.snapshot) in pairs}
    if _may_be_over(evidence, fetch, possible or SETTLE_EVENTS, first.at):
        tally.met()
    else:
        tally.breach(first.at, f"{instance}: unavailable before the settle event ended")


def _match(evidence: Evidence, call: Call, sightings: list[Sighting], tally: Tally) -> None:
    assert isinstance(call.command, Match | MatchAll), "no other calls come here"
    assert call.outcome is not None and call.settled is not None, "nor unsettled ones"
    gone = any(not s.snapshot.records_available and s.read.precedes(call.made) for s in sightings)
    refused = call.outcome.error == REFUSAL
    if gone and call.outcome.error is None:
        what = f"{call.command.call} fulfilled although the records were unavailable at the call"
        tally.breach(call.settled, what)
    elif gone and refused:
        tally.met()
    elif refused:
        fetch = evidence.who.owner(call.command.instance)
        if fetch is None:
            tally.unclear(f"{call.command.call} was refused, it cannot be told about which fetch")
        elif _may_be_over(evidence, fetch, SETTLE_EVENTS, call.settled):
            tally.met()
        else:
            tally.breach(call.settled, f"{call.command.call} was refused, its records available")


def _may_be_over(
    evidence: Evidence, fetch: Fetched, possible: frozenset[str] | set[str], before: int
) -> bool:
    """Whether the settle event (one of those possible) may have been over by then."""
    said = evidence.said
    if said.disturbed_before(before):
        return True
    for event in said.events:
        ended = event.ended is not None and event.ended < before
        settles = event.seen.name in SETTLE_EVENTS
        if ended and settles and fetch.number in evidence.who.of_event(event):
            return True
    if evidence.settle_events(fetch):
        return False  # it was dispatched to a handler, and that was not ended
    return said.listen is None or not possible <= said.listen
