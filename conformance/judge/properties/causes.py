"""No failure without its cause: a reason that shows (S08), an abort that somebody made (S09).

The server's log bounds what can have failed: a status that nobody sent is no bad status,
and bytes that nobody sent exceed no total.  Errors of the network and of the disk leave no
line there, so ``fetch-error`` and ``quota-exceeded`` are not judged.
"""

from __future__ import annotations

from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.exchanges import REDIRECTS, Exchange
from conformance.judge.properties.identity import Fetched
from conformance.judge.properties.settlement import pair_of
from conformance.judge.properties.tally import Tally
from conformance.judge.verdict import PropertyResult
from conformance.protocol import Abort, User


def failure_is_caused(evidence: Evidence) -> PropertyResult:
    """S08."""
    tally = Tally("S08")
    for fetch in evidence.who.fetched:
        for sighting in evidence.sightings(fetch):
            answers = _answers(evidence, fetch, sighting.at)
            reason = sighting.snapshot.failure_reason
            if reason == "bad-status":
                fault = None if any(map(_bad, answers)) else "no answer had a bad status"
            elif reason == "download-total-exceeded":
                fault = _within_total(fetch, answers, sighting.at)
            else:
                continue
            if fault is None:
                tally.met()
            else:
                tally.breach(sighting.at, f"{sighting.instance} shows {reason}, but {fault}")
    return tally.result()


def _answers(evidence: Evidence, fetch: Fetched, before: int) -> list[Exchange]:
    """The answers that may have been for a fetch's records by then, each once."""
    keys = {evidence.log.key(request.url) for request in fetch.asked.requests}
    found = (one for key in keys if key is not None for one in evidence.log.of_family(key))
    begun = {one.at: one for one in found if one.head_at is not None and one.head_at < before}
    return list(begun.values())


def _bad(answer: Exchange) -> bool:
    assert answer.head is not None, "only answers come here"
    leads_on = answer.head.status in REDIRECTS and answer.header("location")
    return not leads_on and not 200 <= answer.head.status <= 299


def _within_total(fetch: Fetched, answers: list[Exchange], before: int) -> str | None:
    total = fetch.asked.download_total
    if not total:
        return "no total was given"
    sent = sum(answer.written(before) for answer in answers)
    # Records that share a resource may each have had every answer.
    sent *= len(fetch.asked.requests)
    return f"no more than {sent} bytes had been sent" if sent <= total else None


def abort_is_caused(evidence: Evidence) -> PropertyResult:
    """S09.  A cause is an abort() that answered true or is pending, or the user."""
    tally = Tally("S09")
    for fetch in evidence.who.fetched:
        for sighting in evidence.sightings(fetch):
            if pair_of(sighting.snapshot) != ("failure", "aborted"):
                continue
            if _aborted(evidence, fetch, sighting.at):
                tally.met()
            elif evidence.said.disturbed_before(sighting.at):
                tally.unclear("the user agent or the worker had ended in between")
            else:
                tally.breach(sighting.at, f"{sighting.instance} is aborted, and nobody did that")
    return tally.result()


def _aborted(evidence: Evidence, fetch: Fetched, before: int) -> bool:
    for call in evidence.said.calls:
        if isinstance(call.command, Abort) and call.sent < before:
            won = call.outcome is None or call.outcome.boolean
            if won and fetch.number in evidence.who.of_instance(call.command.instance):
                return True
    for entry in evidence.said.trace.entries[:before]:
        if isinstance(entry.sent, User) and entry.sent.action in ("abort", "refuse"):
            if entry.sent.id == fetch.asked.id:
                return True
    return False
