"""updateUI() (S30): at most one call for an event fulfils, every other is refused.

A call is refused with InvalidStateError.  Other errors are judged only on events that
have the method: success and fail events that the user agent dispatched.
"""

from __future__ import annotations

from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.tally import Tally
from conformance.judge.verdict import PropertyResult
from conformance.protocol import Settled, UpdateUI

REFUSAL = "InvalidStateError"
HAVE_IT = ("backgroundfetchsuccess", "backgroundfetchfail")


def one_update_an_event(evidence: Evidence) -> PropertyResult:
    """S30."""
    tally = Tally("S30")
    dispatched = {event.seen.event: event.seen.name for event in evidence.said.events}
    calls: dict[str, str] = {}
    updated: set[str] = set()
    for at, entry in enumerate(evidence.said.trace.entries):
        if isinstance(entry.sent, UpdateUI):
            calls[entry.sent.call] = entry.sent.event
        if not isinstance(entry.seen, Settled) or entry.seen.call not in calls:
            continue
        event, error = calls.pop(entry.seen.call), entry.seen.error
        if dispatched.get(event) not in HAVE_IT:
            continue
        if error is None and event in updated:
            tally.breach(at, f"{entry.seen.call} is the second to update the interface of {event}")
        elif error not in (None, REFUSAL):
            tally.breach(at, f"{entry.seen.call} was refused with {error}")
        else:
            tally.met()
        if error is None:
            updated.add(event)
    return tally.result()
