"""What is certain in a trace, whatever the explanation: calls made, bytes written, names given.

Explanations (``hypothesis.py``) differ in what an implementation did with these.
"""

from __future__ import annotations

import attrs

from conformance.protocol import AnyCommand, Begin
from conformance.trace import (
    AnyServerEntry,
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerRequest,
)
from spec_model.fetch_boundary import Wire


@attrs.define
class Exchange:
    """One request that the server read and the answer as far as it has been written.

    ``sent``: decoded body bytes that may be known; ``how``: how the answer ended, "" if it has not.
    """

    url: str
    method: str
    wire: Wire | None = None
    sent: int = 0
    how: str = ""


@attrs.define
class Facts:
    """Grows with the trace; shared by all explanations.  ``dead``: calls whose page is gone."""

    origins: dict[str, str] = attrs.field(factory=dict)
    begin: Begin | None = None
    calls: dict[str, AnyCommand] = attrs.field(factory=dict)
    commands: dict[int, AnyCommand] = attrs.field(factory=dict)
    realm_of: dict[str, str] = attrs.field(factory=dict)
    exchanges: dict[int, Exchange] = attrs.field(factory=dict)
    caches: dict[str, list[str]] = attrs.field(factory=dict)
    dead: set[str] = attrs.field(factory=set)

    def url(self, key: str) -> str:
        """The URL of a resource key."""
        if key.startswith("/"):
            return self.origins["app"] + key
        origin, path = key.split(":", 1)
        return self.origins[origin] + path

    def key(self, url: str) -> str:
        """The resource key of a URL (the URL itself where no origin of the world has it)."""
        for name, base in self.origins.items():
            if url.startswith(base + "/"):
                path = url[len(base) :]
                return path if name == "app" else f"{name}:{path}"
        return url

    def server(self, entry: AnyServerEntry) -> None:
        """Take in one line of the server's log."""
        if isinstance(entry, ServerRequest):
            self.exchanges[entry.exchange] = Exchange(self.url(entry.key), entry.method)
            return
        exchange = self.exchanges.get(entry.exchange)
        if exchange is None:
            return
        if isinstance(entry, ServerHead):
            exchange.wire = Wire(
                entry.exchange,
                entry.status,
                tuple(entry.headers),
                entry.framing,
                entry.version,
                entry.first,
                entry.length,
                entry.encoding,
            )
        elif isinstance(entry, ServerBytes):
            exchange.sent = entry.decoded
        elif isinstance(entry, ServerEnd):
            exchange.how = entry.how
