"""What one instance shows over time: S04, S13, S14 and S15.

Two looks at one instance are compared only where it is certain which came first
(``order``); what may never change is compared whatever the order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.identity import Fetched
from conformance.judge.properties.reading import Sighting
from conformance.judge.properties.settlement import pair_of
from conformance.judge.properties.tally import Tally
from conformance.judge.verdict import PropertyResult
from conformance.protocol import Progress, Snapshot


def written_once(evidence: Evidence) -> PropertyResult:
    """S04.  A result that was shown is never another one, and never gone again."""
    tally = Tally("S04")
    for instance, looks in _by_instance(evidence).items():
        written = [look for look in looks if look.snapshot.result]
        if not written:
            continue
        first = pair_of(written[0].snapshot)
        for look in written[1:]:
            if pair_of(look.snapshot) == first:
                tally.met()
            else:
                what = f"{instance} shows {pair_of(look.snapshot)}, it was {first}"
                tally.breach(look.at, what)
        for look in looks:
            if not look.snapshot.result and any(one.precedes(look) for one in written):
                tally.breach(look.at, f"{instance} shows no result any more, it was {first}")
    return tally.result()


def uploaded_grows(evidence: Evidence) -> PropertyResult:
    """S13."""
    tally = Tally("S13")
    for instance, looks in _by_instance(evidence).items():
        before = _Most(looks)
        for look in looks:
            shown, most = look.snapshot, before.certainly(look)
            if not 0 <= shown.uploaded <= shown.upload_total:
                what = f"{shown.uploaded} bytes uploaded of {shown.upload_total}"
                tally.breach(look.at, f"{instance} shows {what}")
            elif shown.uploaded < most:
                what = f"{shown.uploaded} bytes uploaded, it was {most}"
                tally.breach(look.at, f"{instance} shows {what}")
            elif shown.upload_total:
                tally.met()
    return tally.result()


class _Most:
    """The most bytes uploaded that an instance had certainly shown before a look."""

    def __init__(self, looks: list[Sighting]) -> None:
        self._positions = [look.at for look in looks]
        self._most = [0]
        self._pushed: dict[int, int] = {}
        pushed = 0
        for look in looks:
            self._most.append(max(self._most[-1], look.snapshot.uploaded))
            if look.pushed:
                self._pushed[look.at] = pushed
                pushed = max(pushed, look.snapshot.uploaded)

    def certainly(self, look: Sighting) -> int:
        """Looks reported before this one was taken; if it was pushed, those pushed before."""
        reported = self._most[bisect_right(self._positions, look.read.earliest)]
        return max(reported, self._pushed.get(look.at, 0))


def constants(evidence: Evidence) -> PropertyResult:
    """S14.  What fetch() was asked for is what every instance of it shows."""
    tally = Tally("S14")
    for sighting in evidence.said.sightings:
        fetch = evidence.who.owner(sighting.instance)
        if fetch is None:
            continue
        shown, asked = _fixed(sighting.snapshot), _asked(fetch)
        if shown == asked:
            tally.met()
        else:
            tally.breach(sighting.at, f"{sighting.instance} shows {shown}, asked for was {asked}")
    return tally.result()


def _fixed(shown: Snapshot) -> tuple[str, int, int]:
    return shown.id, shown.upload_total, shown.download_total


def _asked(fetch: Fetched) -> tuple[str, int, int]:
    """Id, bytes of all request bodies, and downloadTotal."""
    bodies = sum(len((each.body or "").encode()) for each in fetch.asked.requests)
    return fetch.asked.id, bodies, fetch.asked.download_total


def progress_is_real(evidence: Evidence) -> PropertyResult:
    """S15.  An instance's progress events come in the order of the log: all are pushed."""
    tally = Tally("S15")
    last: dict[str, Snapshot] = {}
    for at, entry in enumerate(evidence.said.trace.entries):
        if not isinstance(entry.seen, Progress):
            continue
        instance, shown = entry.seen.instance, entry.seen.snapshot
        before = last.get(instance)
        last[instance] = shown
        if before is None:
            continue
        if before.result:
            tally.breach(at, f"{instance}: progress after it showed {pair_of(before)}")
        elif _moving(before) == _moving(shown):
            tally.breach(at, f"{instance}: progress, but nothing is different")
        else:
            tally.met()
    return tally.result()


def _moving(shown: Snapshot) -> tuple[int, int, str, str]:
    return shown.downloaded, shown.uploaded, shown.result, shown.failure_reason


def _by_instance(evidence: Evidence) -> dict[str, list[Sighting]]:
    found: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in evidence.said.sightings:
        if sighting.instance is not None:
            found[sighting.instance].append(sighting)
    return found
