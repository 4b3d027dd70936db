"""Whether a file that reads as a trace can be one: what a judge never writes down.

A trace that was cut, edited or made by another program may lack its beginning, or hold
answers to requests that never came.  No verdict about it would mean anything.  What an
implementation says is not looked at here: nonsense of its own is judged.
"""

from __future__ import annotations

import attrs

from conformance import protocol as p
from conformance.trace import Entry, ServerRequest, Trace


@attrs.define
class _Seen:
    """What has been named so far."""

    begun: bool = False
    origins: dict[str, str] = attrs.field(factory=dict)
    exchanges: set[int] = attrs.field(factory=set)

    def wrong(self, entry: Entry) -> str | None:
        """What is wrong with the next entry."""
        parts = (entry.sent, entry.answered, entry.seen, entry.server, entry.note)
        if sum(part is not None for part in parts) != 1:
            return "it says not exactly one thing"
        if entry.sent is not None:
            return self._sent(entry.sent)
        if entry.note is not None:
            return None
        if not self.begun:
            return "it comes before the scenario has begun"
        server = entry.server
        if isinstance(server, ServerRequest):
            if server.exchange in self.exchanges:
                return f"exchange {server.exchange} has begun before"
            origin = "app" if server.key.startswith("/") else server.key.partition(":")[0]
            if origin not in self.origins:
                return f"there is no origin for {server.key!r}"
            self.exchanges.add(server.exchange)
        elif server is not None and server.exchange not in self.exchanges:
            return f"exchange {server.exchange} has no request"
        return None

    def _sent(self, command: p.AnyCommand) -> str | None:
        if isinstance(command, p.Begin):
            if "app" not in command.origins:
                return "the scenario begins without the origin app"
            self.begun, self.origins = True, command.origins
        elif not self.begun and not isinstance(command, p.Start):
            return "it comes before the scenario has begun"
        return None


def nonsense(trace: Trace) -> str | None:
    """The first thing that cannot be so, with the number of its entry; None: it makes sense."""
    seen = _Seen()
    for number, entry in enumerate(trace.entries):
        why = seen.wrong(entry)
        if why is not None:
            return f"entry {number}: {why}"
    return None
