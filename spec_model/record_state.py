"""What is kept of one record: its response data (DM-DATA), and where in RECORD it is.

What a function of RECORD reads of the rest of the fetch is a ``View``; it changes its own
record only.

``unseen`` are requests given to the network that the server has not shown yet, the newest
last: a request in flight may still arrive after its attempt is over.

As written an attempt that is over is not sealed (E03): terminating it breaks its
stream, and the callbacks of that stream write into data that is kept.  Where an
edition leaves that unrepaired, ``result`` may be set before the record is settled
(E15), a settled record may go on reading (E20), and an attempt that was abandoned may
go on beside the next one (``spec_model.abandoned``).  What only such an edition has to
keep is in ``Loose``; as amended that is always ``TIGHT``.
"""

from __future__ import annotations

import attrs

from spec_model.phases import RecordPhase
from spec_model.values import NOTHING, Extent, Head, Part


@attrs.frozen(cache_hash=True)
class View:
    """What a record sees of its fetch and of the user agent.

    ``abort``: the abort-all flag, by its cause, "" while unset.  ``room``: how many
    bytes this record may hold under downloadTotal, ``quota``: under the quota; None: no limit.
    """

    paused: bool = False
    abort: str = ""
    online: bool = True
    room: Extent | None = None
    quota: Extent | None = None


@attrs.frozen(cache_hash=True)
class Abandoned:
    """An attempt that was told to stop and has not stopped yet (E16)."""

    head: Head
    attempt: int


@attrs.frozen(cache_hash=True)
class Loose:
    """What a record keeps only where an amendment does not apply.

    ``skipped``: bytes of the current answer that were not stored, ``reported``: the result
    that PERFORM-5.2 has read before it was written over (E20); ``transmitted``: how much
    of the request's body this transmission has sent (E34).
    """

    skipped: int = 0
    reported: str = ""
    transmitted: int = 0
    abandoned: Abandoned | None = None


TIGHT = Loose()


@attrs.frozen(cache_hash=True)
class Sent:
    """A request that was given to the network; ``start``: rangeStart of its attempt."""

    url: str
    method: str
    start: Extent = NOTHING


@attrs.frozen(cache_hash=True)
class RecordState:
    """A record's response data (DM-DATA) and where in RECORD it is.

    ``stored``: bytes held; ``response`` and ``result`` as in the text; ``current``: the head
    of the answer being read; ``start``: rangeStart of the current attempt; ``url``,
    ``method``, ``hops`` and ``taint``: where redirects have led (``fetch_boundary``);
    ``generation``: how often the data was replaced.
    """

    phase: RecordPhase = RecordPhase.WAITING_UNPAUSED
    stored: Extent = NOTHING
    parts: tuple[Part, ...] = ()
    response: Head | None = None
    result: str = ""
    current: Head | None = None
    exchange: int = 0
    start: Extent = NOTHING
    url: str = ""
    method: str = ""
    hops: int = 0
    taint: str = ""
    attempts: int = 0
    generation: int = 0
    unseen: tuple[Sent, ...] = ()
    floor: int = 0
    loose: Loose = TIGHT

    @property
    def settled(self) -> bool:
        """Whether RECORD has ended for this record."""
        return self.phase is RecordPhase.SETTLED

    @property
    def exposable(self) -> bool:
        """DM-DATA-4."""
        return self.result in ("", "success", "bad-status")
