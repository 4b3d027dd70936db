"""The model does again what the script of a recorded trace asked for.

Everything that the judge and the server did is in the trace.  Given to the model, that
makes a run of the model on the same script: what the text, as it is or with a change,
would have shown.

A run leaves a *mark* wherever something reaches the model.  A run of a changed model need
not begin before the first mark at which the change matters, and it ends at the first fact
that it spoils: most changes are tried in a few tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Hashable, Mapping

import attrs
import msgspec

from conformance import protocol as p
from conformance.adapter import Surroundings
from conformance.adapters.model import Explained, ModelAdapter, ModelFactory
from conformance.adapters.model_world import ModelWorld
from conformance.blame.facts import Key, Seen, begins
from conformance.blame.logged import LoggedWorld, Plans, plans_of
from conformance.trace import AnyServerEntry, Entry, Released, Trace
from spec_model.background_sync.state import Input as SyncInput
from spec_model.background_sync.state import State as SyncState
from spec_model.editions import AMENDED, Edition
from spec_model.messages import Input
from spec_model.state import State

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

    values: Mapping[int, Hashable]
    """What that fact had become with the entry."""

    @classmethod
    def of(cls, trace: Trace, profile: Mapping[str, str], *, loose: bool = False) -> Script:
        """Read a trace; ``loose`` as for ``Seen``."""
        seen, moves = Seen(loose), list[p.AnyCommand | Released]()
        keys, values = dict[int, Key](), dict[int, Hashable]()
        for number, entry in enumerate(trace.entries):
            if entry.sent is not None:
                moves.append(renamed(entry.sent, seen.names))
            elif isinstance(entry.note, Released):
                moves.append(entry.note)
            elif key := seen.feed(entry):
                keys[number], values[number] = key, seen.facts[key]
        return cls(tuple(moves), plans_of(trace), trace.origins, profile, seen, keys, values)


def renamed(command: p.AnyCommand, names: Mapping[str, str]) -> p.AnyCommand:
    """The same with other names, where it holds any."""
    for field in _NAMES:
        name = getattr(command, field, None)
        if name is not None and name in names:
            command = msgspec.structs.replace(command, **{field: names[name]})
    return command


class Spoilt(Exception):
    """The run shows something that it ought not to, under ``key``, after ``shown``."""

    def __init__(self, key: Key | None, shown: Seen) -> None:
        self.key, self.shown = key, shown
        super().__init__(key)


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
            raise Spoilt(key, self.shown)
        if key is None or self.wanted is None or key in self.tolerated:
            return
        if not begins(self.shown.facts[key], self.wanted.get(key), key):
            raise Spoilt(key, self.shown)

    def seen(self, seen: p.AnyObservation) -> None:
        """The model shows something."""
        self.feed(Entry(0, 0, seen=seen))

    def served(self, line: AnyServerEntry) -> None:
        """The server notes something."""
        self.feed(Entry(0, 0, server=line))


@attrs.frozen(eq=False)
class Mark:
    """A run just before something reached the model, and all that it takes to go on from there.

    ``move``: the script's move that was being done.  ``news``: what reached the model of
    background fetches; None where it is that of background sync which a command reaches next.
    """

    move: int
    command: p.AnyCommand | None
    cause: p.AnyCommand | Input
    news: Input | None
    state: State
    sync: SyncState
    waiting: tuple[Input, ...]
    answer: tuple[str | None, p.Shown | None]
    network: ModelWorld
    world: LoggedWorld
    shown: Seen
    called: Mapping[str, str]


@attrs.define(eq=False)
class _Player(ModelAdapter):
    """The model, playing a script.  ``marks``: where it leaves marks, if it is to."""

    script: Script = attrs.field(kw_only=True)
    run: _Run = attrs.field(kw_only=True)
    marks: list[Mark] | None = attrs.field(default=None, kw_only=True)
    _at: tuple[int, p.AnyCommand | None] = attrs.field(default=(0, None), init=False)

    @classmethod
    def fresh(cls, script: Script, factory: ModelFactory, run: _Run) -> _Player:
        """At the beginning."""
        world = LoggedWorld.of(script.plans, script.origins, run.served)
        return cls(factory, run.seen, Surroundings(world), script=script, run=run)

    def _cause(self, cause: p.AnyCommand | Input, news: Input) -> None:
        if self.marks is not None:
            self.marks.append(self._mark(cause, news))
        super()._cause(cause, news)

    def _sync_cause(self, cause: p.AnyCommand, news: SyncInput) -> None:
        if self.marks is not None:
            self.marks.append(self._mark(cause, None))
        super()._sync_cause(cause, news)

    def _mark(self, cause: p.AnyCommand | Input, news: Input | None) -> Mark:
        world = self.surroundings.world
        assert isinstance(world, LoggedWorld)
        # What nobody goes on with is never told anything.
        world = world.copied(lambda _: None)
        network = self._world.copied(world, lambda _: None)
        answer = (self._refused, self._interface)
        state, waiting = self.state, tuple(self._inbox)
        run = (self.run.shown.copied(), dict(self.run.called))
        return Mark(*self._at, cause, news, state, self.sync, waiting, answer, network, world, *run)

    def resume(self, mark: Mark) -> None:
        """Go on where another run left a mark, to the end of the script."""
        world = mark.world.copied(self.run.served)
        world.watch(self._released)
        self.surroundings = Surroundings(world)
        self.state, self.sync = mark.state, mark.sync
        self._inbox = deque(mark.waiting)
        self._world = mark.network.copied(world, lambda news: self._inbox.append(news))
        self._refused, self._interface = mark.answer
        if mark.news is not None:
            self._cause(mark.cause, mark.news)
            self._settle()
        if mark.command is not None:
            self.run.feed(Entry(0, 0, answered=self.finish(mark.command)))
        self.play(mark.move + 1)

    def play(self, first: int = 0) -> None:
        """The script from one of its moves on."""
        for number in range(first, len(self.script.moves)):
            move = self.script.moves[number]
            if isinstance(move, Released):
                self._at = (number, None)
                self.surroundings.world.release(move.gate)
                continue
            command = renamed(move, self.run.called)
            self._at = (number, command)
            if not _strange(command, self.run):
                self.run.feed(Entry(0, 0, answered=self.do(command)))


def play(
    script: Script,
    *,
    listen: Callable[[Explained], None] | None = None,
    marks: list[Mark] | None = None,
    start: Mark | None = None,
    tolerated: Collection[Key] | None = None,
    most: int | None = None,
    edition: Edition = AMENDED,
) -> Seen:
    """What the model, as it is now, shows.

    ``listen`` is told what everything led to; ``marks`` are left in a list.  ``start``: go on
    from a mark.  ``tolerated``: what may differ from the trace; where anything else does, the
    run is broken off with Spoilt.
    """
    wanted = None if tolerated is None else script.shown.facts
    run = _Run(wanted, tolerated or (), most, Seen(script.shown.loose))
    if start is not None:
        run.shown, run.called = start.shown.copied(), dict(start.called)
    factory = ModelFactory(edition, script.profile, listen=listen)
    player = _Player.fresh(script, factory, run)
    player.marks = marks
    if start is None:
        player.play()
    else:
        player.resume(start)
    return run.shown


def _strange(command: p.AnyCommand, run: _Run) -> bool:
    """Whether it names what this run has not made."""
    named = (getattr(command, field, None) for field in _NAMES)
    return any(name is not None and name not in run.shown.names for name in named)
