"""What distance does to a log: other logs of the same run.

An input is noted before it takes effect and an output after it was produced.  So from
the log of somebody who sees everything at once, others follow: an input may be noted
earlier, past what did not cause it, and an output later.  What stays is *definite
precedence*: an output comes after every input that was noted before it, one observer
sees things in their order, one connection is one stream, the judge sends a command when
the last one was answered, and an input that names something comes after the output
that gave the name.

A kill loses what was on its way: the tail of what each realm had to say, and requests
that no server had read.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import attrs
import msgspec

from conformance import protocol as p
from conformance.trace import (
    Entry,
    Quiet,
    Released,
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerHeld,
    ServerLost,
    ServerRequest,
    Trace,
)

_WRITTEN = (ServerHead, ServerBytes, ServerEnd, ServerHeld)


@attrs.frozen
class Place:
    """What matters of one entry: whose it is, what it gives, what it needs.

    ``observer``: the realm whose events it is one of.  ``gives`` and ``needs``: names.
    """

    entry: Entry
    is_input: bool
    script: bool = False
    wall: bool = False
    observer: str = ""
    exchange: int = 0
    key: str = ""
    ends: str = ""
    gives: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()


def precedes(first: Place, second: Place) -> bool:
    """Whether two neighbours must stay in this order."""
    if first.wall or second.wall or (first.script and second.script):
        return True
    if first.exchange and first.exchange == second.exchange:
        return True
    if first.is_input:
        caused = not second.is_input or isinstance(first.entry.note, Released)
        return caused
    if second.is_input:
        return bool(first.gives & second.needs)
    same = first.observer and first.observer == second.observer
    last_words = first.observer and second.ends in ("*", first.observer)
    return bool(same or last_words or (first.key and first.key == second.key))


@attrs.define
class _Realms:
    """Where things are seen, as names are given."""

    of: dict[str, str] = attrs.field(factory=dict)

    def sent(self, command: p.AnyCommand) -> None:
        call = getattr(command, "call", None)
        if call is None:
            return
        if isinstance(command, p.UpdateUI | p.Synthesize):
            self.of[call] = p.WORKER
        elif isinstance(command, p.Unregister):
            self.of[call] = "p1"
        else:
            instance = getattr(command, "instance", None)
            self.of[call] = self.of[instance] if instance else getattr(command, "realm", "")

    def seen(self, seen: p.AnyObservation) -> tuple[str, frozenset[str]]:
        """The observer, and the names that it learns."""
        match seen:
            case p.Settled():
                realm = self.of[seen.call]
                names = {seen.instance, seen.event, *(r.record for r in seen.records or ())}
            case p.WorkerEvent():
                realm, names = p.WORKER, {seen.event, seen.instance}
            case p.Progress():
                return self.of[seen.instance], frozenset()
            case p.Ready() | p.Received() | p.Body():
                return self.of[seen.record], frozenset()
            case _:
                return "", frozenset()
        gives = frozenset(name for name in names if name is not None)
        self.of.update(dict.fromkeys(gives, realm))
        return realm, gives


def _needs(command: p.AnyCommand) -> frozenset[str]:
    named = (getattr(command, field, None) for field in ("instance", "record", "event"))
    return frozenset(name for name in named if name)


def places(trace: Trace) -> list[Place]:
    """Every entry with what matters for its place."""
    realms, commands = _Realms(), dict[int, p.AnyCommand]()
    return [_place(entry, realms, commands) for entry in trace.entries]


def _place(entry: Entry, realms: _Realms, commands: dict[int, p.AnyCommand]) -> Place:
    if entry.sent is not None:
        commands[entry.sent.seq] = entry.sent
        realms.sent(entry.sent)
        wall = isinstance(entry.sent, p.Begin)
        return Place(entry, True, script=True, wall=wall, needs=_needs(entry.sent))
    if entry.answered is not None:
        command = commands[entry.answered.seq]
        observer, ends = "", ""
        if isinstance(command, p.Look):
            observer = realms.of.get(command.instance, "")
        elif isinstance(command, p.Quit):
            ends = "*"
        elif isinstance(command, p.ClosePage):
            ends = command.page
        wall = isinstance(command, p.Begin)
        return Place(entry, False, script=True, wall=wall, observer=observer, ends=ends)
    if entry.seen is not None:
        observer, gives = realms.seen(entry.seen)
        return Place(entry, False, observer=observer, gives=gives)
    if entry.server is not None:
        key = entry.server.key if isinstance(entry.server, ServerRequest) else ""
        written = isinstance(entry.server, _WRITTEN)
        return Place(entry, written, exchange=entry.server.exchange, key=key)
    return Place(entry, True, script=True, wall=isinstance(entry.note, Quiet))


def reordered(trace: Trace, rng: Random, swaps: int) -> Trace:
    """Another log of the same run: up to ``swaps`` times two neighbours change places."""
    order = places(trace)
    for _ in range(swaps):
        at = rng.randrange(len(order) - 1)
        # One thing is late, or early, by several places.
        while at + 1 < len(order) and not precedes(order[at], order[at + 1]):
            order[at], order[at + 1] = order[at + 1], order[at]
            at += 1
            if rng.random() < 0.3:
                break
    return renumbered(trace, [place.entry for place in order])


def renumbered(trace: Trace, entries: list[Entry]) -> Trace:
    """The same trace with other entries."""
    timed = [
        msgspec.structs.replace(entry, earliest=float(at), latest=float(at))
        for at, entry in enumerate(entries)
    ]
    return msgspec.structs.replace(trace, entries=timed)


def with_losses(trace: Trace, rng: Random) -> Trace:
    """The same run, as it is seen where a kill takes away what was on its way."""
    order = places(trace)
    lost: set[int] = set()
    for at, place in enumerate(order):
        if isinstance(place.entry.sent, p.Quit) and place.entry.sent.kill:
            for realm in sorted({each.observer for each in order[:at] if each.observer}):
                lost.update(_tail(order, at, realm, rng))
        elif isinstance(place.entry.server, ServerLost) and rng.random() < 0.5:
            lost.update(_unread(order, place.exchange))
    kept = [place.entry for at, place in enumerate(order) if at not in lost]
    return renumbered(trace, kept)


def _tail(order: list[Place], kill: int, realm: str, rng: Random) -> Iterator[int]:
    """The last things that a realm said before it was killed and that nobody acted upon."""
    needed: set[str] = set()
    for place in order[kill:]:
        needed |= place.needs
    for at in range(kill - 1, -1, -1):
        place = order[at]
        needed |= place.needs
        if isinstance(place.entry.sent, p.Launch):
            return
        if place.observer == realm:
            if place.entry.seen is None or place.gives & needed or rng.random() < 0.3:
                return
            yield at
        elif place.wall:
            return


def _unread(order: list[Place], exchange: int) -> list[int]:
    """All of an exchange whose request was lost on its way, if nothing was answered."""
    own = [at for at, place in enumerate(order) if place.exchange == exchange]
    answered = any(
        isinstance(order[at].entry.server, ServerHead | ServerBytes | ServerEnd) for at in own
    )
    # At a quiet point everything has arrived.
    settled = any(place.wall for place in order[own[0] : own[-1]])
    return [] if answered or settled else own
