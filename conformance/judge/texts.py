"""Both acceptors over one trace: what is said of sync goes to one, of fetches to the other.

The surroundings (pages, connectivity, permission, restarts, silence) are those of both.
A trace can be explained if each text explains its own entries of it.
"""

from __future__ import annotations

import attrs

from conformance import protocol as p
from conformance.judge.acceptor import Acceptor
from conformance.judge.sync_acceptor import SyncAcceptor
from conformance.trace import Entry
from spec_model.editions import AMENDED, Edition


@attrs.define
class Split:
    """Remembers which calls, commands and events are of sync alone."""

    calls: set[str] = attrs.field(factory=set)
    commands: set[int] = attrs.field(factory=set)
    events: set[str] = attrs.field(factory=set)

    def is_sync(self, entry: Entry) -> bool:
        """Whether an entry is no business of Background Fetch."""
        sent, seen = entry.sent, entry.seen
        match sent:
            case p.SyncRegister() | p.SyncGetTags():
                self.calls.add(sent.call)
                self.commands.add(sent.seq)
                return True
            case p.EndEvent() if sent.event in self.events:
                self.commands.add(sent.seq)
                return True
        match seen:
            case p.Settled():
                return seen.call in self.calls
            case p.WorkerEvent(name="sync"):
                self.events.add(seen.event)
                return True
        return entry.answered is not None and entry.answered.seq in self.commands


@attrs.define
class Texts:
    """Feed it every entry in order.  The sync acceptor works once there is anything for it."""

    edition: Edition = AMENDED
    admitted: frozenset[str] | None = None
    fetch: Acceptor = attrs.field(init=False)
    sync: SyncAcceptor = attrs.field(init=False)
    _split: Split = attrs.field(factory=Split, init=False)
    _earlier: list[Entry] | None = attrs.field(factory=list, init=False)
    """Entries that the sync acceptor has still to see; None once it sees them at once."""
    _fed: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.fetch = Acceptor(self.edition, self.admitted)
        self.sync = SyncAcceptor(self.edition, self.admitted)

    def feed(self, entry: Entry) -> None:
        """The next entry."""
        own = self._split.is_sync(entry)
        # An empty entry keeps the place, so that both acceptors count alike.
        self.fetch.feed(Entry(entry.earliest, entry.latest) if own else entry)
        other = entry.seen is not None and not own
        mine = Entry(entry.earliest, entry.latest) if other else entry
        if self._earlier is not None:
            self._earlier.append(mine)
            if not own:
                return
            todo, self._earlier = self._earlier, None
        else:
            todo = [mine]
        for each in todo:
            self.sync.feed(self._fed, each)
            self._fed += 1

    def pending(self) -> tuple[str, ...]:
        """What is due, of either text."""
        return (*self.fetch.pending(), *self.sync.pending())
