"""The model does again what the script of a recorded trace asked for.

Everything that the judge and the server did is in the trace.  Given to the model, that
makes a run of the model on the same script: what the text, as it is or with a change,
would have shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping

import attrs
import msgspec

from conformance import protocol as p
from conformance.adapter import Surroundings
from conformance.adapters.model import Explained, ModelAdapter, ModelFactory
from conformance.blame.facts import Key, Seen, begins
from conformance.blame.logged import LoggedWorld, Plans, plans_of
from conformance.trace import AnyServerEntry, Entry, Released, Trace

_NAMES = ("instance", "record", "event")
"""Fields of commands that hold a name which the implementation gave."""


@attrs.frozen
class Script:
    """The script of a trace: commands and gates, with names replaced by what they stand for."""

    moves: tuple[p.AnyCommand | Released, ...]
    plans: Plans
    origins: dict[str, str]
    profile: Mapping[str, str]
    shown: Seen
    keys: Mapping[int, Key]
    """The fact that an entry added, by the entry's number."""

    @classmethod
    def of(cls, trace: Trace, profile: Mapping[str, str], *, loose: bool = False) -> Script:
        """Read a trace; ``loose`` as for ``Seen``."""
        seen, moves = Seen(loose), list[p.AnyCommand | Released]()
        keys: dict[int, Key] = {}
        for number, entry in enumerate(trace.entries):
            if entry.sent is not None:
                moves.append(renamed(entry.sent, seen.names))
            elif isinstance(entry.note, Released):
                moves.append(entry.note)
            elif key := seen.feed(entry):
                keys[number] = key
        return cls(tuple(moves), plans_of(trace), trace.origins, profile, seen, keys)


def renamed(command: p.AnyCommand, names: Mapping[str, str]) -> p.AnyCommand:
    """The same with other names, where it holds any."""
    for field in _NAMES:
        name = getattr(command, field, None)
        if name is not None and name in names:
            command = msgspec.structs.replace(command, **{field: names[name]})
    return command


class Spoilt(Exception):
    """The run shows something that it ought not to."""


@attrs.define
class _Run:
    """One run: what is shown, and how its names are called in the script.

    ``wanted``: facts that it has to show if it shows anything under their keys.
    """

    wanted: Mapping[Key, Hashable] | None = None
    tolerated: Collection[Key] = ()
    most: int | None = None
    shown: Seen = attrs.field(factory=Seen)
    called: dict[str, str] = attrs.field(factory=dict)

    def feed(self, entry: Entry) -> None:
        """An entry that the run makes.  Raises Spoilt."""
        known = len(self.shown.names)
        key = self.shown.feed(entry)
        for name, stands_for in list(self.shown.names.items())[known:]:
            self.called.setdefault(stands_for, name)
        if self.most is not None and len(self.shown.order) > self.most:
            raise Spoilt(key)
        if key is None or self.wanted is None or key in self.tolerated:
            return
        if not begins(self.shown.facts[key], self.wanted.get(key), key):
            raise Spoilt(key)

    def seen(self, seen: p.AnyObservation) -> None:
        """The model shows something."""
        self.feed(Entry(0, 0, seen=seen))

    def served(self, line: AnyServerEntry) -> None:
        """The server notes something."""
        self.feed(Entry(0, 0, server=line))


def play(
    script: Script,
    *,
    listen: Callable[[Explained], None] | None = None,
    tolerated: Collection[Key] | None = None,
    most: int | None = None,
) -> Seen:
    """What the model, as it is now, shows.

    ``listen`` is told what everything led to.  ``tolerated``: what may differ from the
    trace; where anything else does, the run is broken off with Spoilt.
    """
    wanted = None if tolerated is None else script.shown.facts
    run = _Run(wanted, tolerated or (), most, Seen(script.shown.loose))
    world = LoggedWorld.of(script.plans, script.origins, run.served)
    factory = ModelFactory(profile=script.profile, listen=listen)
    model = ModelAdapter(factory, run.seen, Surroundings(world))
    for move in script.moves:
        if isinstance(move, Released):
            world.release(move.gate)
            continue
        command = renamed(move, run.called)
        if not _strange(command, run):
            run.feed(Entry(0, 0, answered=model.do(command)))
    return run.shown


def _strange(command: p.AnyCommand, run: _Run) -> bool:
    """Whether it names what this run has not made."""
    named = (getattr(command, field, None) for field in _NAMES)
    return any(name is not None and name not in run.shown.names for name in named)
