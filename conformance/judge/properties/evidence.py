"""All that the checks look at, worked out once for a trace."""

from __future__ import annotations

import attrs

from conformance.judge.properties.exchanges import ServerLog, read_log
from conformance.judge.properties.identity import Fetched, Identity, identify
from conformance.judge.properties.reading import Dispatched, Reading, Sighting, read
from conformance.trace import Trace


@attrs.frozen
class Evidence:
    """``said``: what was called and seen; ``who``: whose it is; ``log``: the server's side."""

    said: Reading
    who: Identity
    log: ServerLog

    @classmethod
    def of(cls, trace: Trace) -> Evidence:
        """Read a trace."""
        said = read(trace)
        who = identify(said)
        return cls(said, who, read_log(said, who))

    def settle_events(self, fetch: Fetched) -> list[Dispatched]:
        """The settle events that surely belong to a fetch."""
        return self.who.events_of(fetch, self.said.events)

    def sightings(self, fetch: Fetched) -> list[Sighting]:
        """The looks at instances that surely belong to a fetch."""
        return self.who.sightings_of(fetch, self.said.sightings)
