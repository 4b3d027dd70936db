"""How a background fetch ends: once (S01), as its event says (S02), in a legal pair (S03)."""

from __future__ import annotations

from collections import Counter

from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.identity import SETTLE_EVENTS, Fetched
from conformance.judge.properties.reading import Dispatched
from conformance.judge.properties.tally import Tally
from conformance.judge.verdict import PropertyResult
from conformance.protocol import Snapshot

FAILURES = frozenset({"bad-status", "fetch-error", "quota-exceeded", "download-total-exceeded"})
"""Failure reasons that end in backgroundfetchfail."""

PAIRS = {
    "backgroundfetchsuccess": frozenset({("success", "")}),
    "backgroundfetchabort": frozenset({("failure", "aborted")}),
    "backgroundfetchfail": frozenset(("failure", reason) for reason in FAILURES),
}
"""The (result, failureReason) that a settle event's registration shows."""

LEGAL = frozenset({("", "")}).union(*PAIRS.values())


def pair_of(snapshot: Snapshot) -> tuple[str, str]:
    """(result, failureReason)."""
    return snapshot.result, snapshot.failure_reason


def one_settlement(evidence: Evidence) -> PropertyResult:
    """S01.  A kill may have lost the first delivery, so each life may have one."""
    tally = Tally("S01")
    for fetch in evidence.who.fetched:
        events = evidence.settle_events(fetch)
        again = _second_in_a_life(evidence, events)
        if again is not None:
            what = f"{again.seen.name} is one more settle event of {fetch.asked.id!r}"
            tally.breach(again.at, what)
        elif events:
            tally.met()
    _more_events_than_fetches(evidence, tally)
    return tally.result()


def _second_in_a_life(evidence: Evidence, events: list[Dispatched]) -> Dispatched | None:
    lives: set[int] = set()
    for event in events:
        life = evidence.said.life_at(event.at)
        if life in lives:
            return event
        lives.add(life)
    return None


def _more_events_than_fetches(evidence: Evidence, tally: Tally) -> None:
    """Events that may belong to several fetches of one id: their number still counts."""
    seen: Counter[tuple[frozenset[int], int]] = Counter()
    for event in evidence.said.events:
        candidates = evidence.who.of_event(event)
        if event.seen.name not in SETTLE_EVENTS or len(candidates) == 1:
            continue
        life = evidence.said.life_at(event.at)
        among = candidates | _same_ids(evidence.who.fetched, candidates)
        seen[among, life] += 1
        certain = sum(
            1
            for number in among
            for other in evidence.settle_events(evidence.who.fetched[number])
            if other.at < event.at and evidence.said.life_at(other.at) == life
        )
        if seen[among, life] + certain > len(among):
            tally.breach(event.at, f"more settle events than the {len(among)} fetches of that id")
        else:
            tally.unclear(f"{event.seen.name}: it cannot be told whose it is")


def _same_ids(fetched: tuple[Fetched, ...], candidates: frozenset[int]) -> frozenset[int]:
    ids = {fetched[number].asked.id for number in candidates}
    return frozenset(fetch.number for fetch in fetched if fetch.asked.id in ids)


def event_matches_state(evidence: Evidence) -> PropertyResult:
    """S02.  The handler's own registration is the one that the event carries."""
    tally = Tally("S02")
    for event in evidence.said.events:
        expected = PAIRS.get(event.seen.name)
        if expected is None:
            continue
        if event.seen.snapshot is None:
            tally.unclear(f"{event.seen.name} was seen without its registration's attributes")
        elif pair_of(event.seen.snapshot) in expected:
            tally.met()
        else:
            shown = pair_of(event.seen.snapshot)
            tally.breach(event.at, f"{event.seen.name} with a registration that shows {shown}")
    return tally.result()


def legal_pairs(evidence: Evidence) -> PropertyResult:
    """S03."""
    tally = Tally("S03")
    for sighting in evidence.said.sightings:
        if pair_of(sighting.snapshot) in LEGAL:
            tally.met()
        else:
            tally.breach(sighting.at, f"{sighting.instance} shows {pair_of(sighting.snapshot)}")
    return tally.result()
