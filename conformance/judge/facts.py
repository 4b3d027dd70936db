"""What is certain in a trace, whatever the explanation: calls made, bytes written, names given.

Explanations (``hypothesis.py``) differ in what an implementation did with these.
"""

from __future__ import annotations

import copy
from collections import Counter
from urllib.parse import urljoin

import attrs

from conformance.protocol import (
    WORKER,
    AnyCommand,
    Begin,
    Busy,
    CacheKeys,
    ClosePage,
    EndBody,
    Fetch,
    OpenPage,
    Quit,
    Synthesize,
    Unregister,
    UpdateUI,
)
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
    ``writes``: how often the server has written to it.
    """

    url: str
    method: str
    wire: Wire | None = None
    sent: int = 0
    how: str = ""
    writes: int = 0

    @property
    def answer(self) -> tuple[Wire | None, int, str]:
        """All of it that can matter to a record."""
        return self.wire, self.sent, self.how

    @property
    def perhaps_complete(self) -> bool:
        """Whether a client may know by now that it has the whole body (RFC 9112, 6.3)."""
        wire = self.wire
        return wire is not None and wire.framing == "length" and self.sent >= wire.length

    @property
    def complete(self) -> bool:
        """Whether a client knows that: of a coded body ``sent`` is only an upper bound."""
        return self.perhaps_complete and self.wire is not None and self.wire.encoding == "identity"

    @property
    def reach(self) -> int:
        """The content offset that the answer has got to."""
        return 0 if self.wire is None else max(0, self.wire.first) + self.sent


@attrs.define
class Facts:
    """Grows with the trace; shared by all explanations.

    ``dead``: calls whose page is gone.  ``killed``: the user agent has been killed once.
    ``targets``: where redirects have led, and how many have led there.
    ``closed``: pages that have been closed.  ``writes`` counts the server's writes.
    """

    origins: dict[str, str] = attrs.field(factory=dict)
    begin: Begin | None = None
    calls: dict[str, AnyCommand] = attrs.field(factory=dict)
    commands: dict[int, AnyCommand] = attrs.field(factory=dict)
    realm_of: dict[str, str] = attrs.field(factory=dict)
    exchanges: dict[int, Exchange] = attrs.field(factory=dict)
    caches: dict[str, list[str]] = attrs.field(factory=dict)
    """URLs of the puts into each cache that are known to be done, in the order that was told."""
    asked_at: dict[str, int] = attrs.field(factory=dict)
    """By call of ``keys()``: how many of those puts were known to be done when it was made."""
    told: set[str] = attrs.field(factory=set)
    """Puts that have settled."""
    dead: set[str] = attrs.field(factory=set)
    targets: Counter[str] = attrs.field(factory=Counter)
    closed: set[str] = attrs.field(factory=set)
    unreadable: set[str] = attrs.field(factory=set)
    """Calls of which a streamed body failed."""
    ended: set[tuple[str, int]] = attrs.field(factory=set)
    """Streamed bodies that are over, by call and request."""
    busy: set[str] = attrs.field(factory=set)
    """Realms whose script has not returned."""
    stuck: set[str] = attrs.field(factory=set)
    """Those of them that were so in a silence since: nothing of theirs is on its way."""
    unheard: set[str] = attrs.field(factory=set)
    """Calls that were made in a realm that is busy since before: their promises wait for it."""
    titles: set[str] = attrs.field(factory=set)
    """Every title that a script has given to a fetch."""
    icons: set[str] = attrs.field(factory=set)
    """The URL of every icon that a script has given to a fetch."""
    killed: bool = False
    writes: int = 0

    def copy(self) -> Facts:
        """The same facts, which then grow apart from these."""
        made = copy.copy(self)
        for field in attrs.fields(Facts):
            value = getattr(self, field.name)
            if isinstance(value, dict | set):
                setattr(made, field.name, value.copy())
        made.exchanges = {n: attrs.evolve(each) for n, each in self.exchanges.items()}
        return made

    @property
    def home(self) -> str:
        """The origin of the pages, "" before a trace has begun."""
        return self.begin.origins["app"] if self.begin else ""

    def realm(self, command: AnyCommand) -> str:
        """The realm in which a call is made, "" if it is not known."""
        instance = getattr(command, "instance", None)
        if instance is not None:
            return self.realm_of.get(instance, "")
        if isinstance(command, UpdateUI | Synthesize):
            return WORKER
        if isinstance(command, Unregister):
            return "p1"
        return str(getattr(command, "realm", ""))

    def home_of(self, ref: str) -> str:
        """The realm that a call's promise settles in, "" if it is not known."""
        made = self.calls.get(ref)
        return "" if made is None else self.realm(made)

    def command(self, ref: str) -> AnyCommand:
        """A call by its name, another command by "#" and its number."""
        return self.commands[int(ref[1:])] if ref.startswith("#") else self.calls[ref]

    def reads(self, ref: str) -> bool:
        """Whether this call still waits for a streamed body to end (FETCH-8.10)."""
        made = self.calls.get(ref)
        return (
            isinstance(made, Fetch)
            and ref not in self.unreadable
            and any(
                request.streamed and (ref, index) not in self.ended
                for index, request in enumerate(made.requests)
            )
        )

    def command_given(self, command: AnyCommand) -> None:
        """Take in one command."""
        self.commands[command.seq] = command
        call = getattr(command, "call", None)
        if call is not None:
            self.calls[call] = command
            if self.home_of(call) in self.busy:
                self.unheard.add(call)
        if isinstance(command, CacheKeys):
            self.asked_at[command.call] = len(self.caches.get(command.cache, ()))
        if isinstance(command, Fetch | UpdateUI):
            self.titles.update([command.title] if command.title else [])
            self.icons.update(icon.src for icon in command.icons or ())
        if isinstance(command, Begin):
            self.begin = command
            self.origins = dict(command.origins)
        elif isinstance(command, Busy):
            (self.busy.add if command.busy else self.busy.discard)(command.realm)
            self.stuck &= self.busy
            self.unheard = {each for each in self.unheard if self.home_of(each) in self.busy}
        elif isinstance(command, ClosePage):
            self.closed.add(command.page)
            self.busy.discard(command.page)
            self.stuck.discard(command.page)
            # What the page has asked for may still be done, but nobody is told.
            self.dead.update(
                ref for ref, made in self.calls.items() if self.realm(made) == command.page
            )
        elif isinstance(command, OpenPage):
            self.closed.discard(command.page)
        elif isinstance(command, EndBody):
            self.ended.add((command.fetch, command.request))
            if command.fails:
                self.unreadable.add(command.fetch)
        elif isinstance(command, Quit):
            self.killed = self.killed or command.kill
            self.busy.clear()
            self.stuck.clear()
            self.unheard.clear()

    def quiet(self) -> None:
        """There was silence: a realm that is busy has been so for a while."""
        self.stuck |= self.busy

    def cached(self, cache: str, url: str) -> None:
        """A response was put into a cache."""
        self.caches[cache] = [*self.caches.get(cache, ()), url]

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
        exchange.writes += 1
        if isinstance(entry, ServerHead):
            self.targets.update(
                urljoin(exchange.url, value)
                for name, value in entry.headers
                if name.lower() == "location"
            )
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
            self.writes += 1
        elif isinstance(entry, ServerEnd):
            exchange.how = entry.how
