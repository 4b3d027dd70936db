"""The acceptor of Background Sync: the plain one, told which entries of a trace are its own.

Sync is small enough for whole states.  What is particular: an event that is killed with
its user agent may be lost unseen; a page that closes takes its promises along; and the
answer to a command says that it has taken effect.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.adapters import model_sync
from conformance.judge.plain_acceptor import (
    Explanation,
    Names,
    PlainAcceptor,
    Reading,
    TooManyStates,
)
from conformance.trace import Entry, Quiet
from spec_model import messages as m
from spec_model.background_fetch import Rejected
from spec_model.background_sync import state as sync
from spec_model.background_sync.lifecycle import SyncState
from spec_model.background_sync.system import BACKGROUND_SYNC
from spec_model.editions import AMENDED, Edition

Seen = p.Settled | p.WorkerEvent
_Explained = Explanation[sync.State, sync.Input, sync.Output]


@attrs.frozen
class SyncRejection:
    """Entry ``index`` fits no explanation: why, the steps to blame, and what could have come."""

    index: int
    why: str
    blame: tuple[str, ...]
    allowed: tuple[str, ...]


@attrs.define
class SyncAcceptor:
    """Feed it every entry of a trace with its index; it passes over what is not its business.

    ``largest``: the most explanations held at once.  ``overflowed``: it had to give up.
    """

    edition: Edition = AMENDED
    admitted: frozenset[str] | None = None
    rejection: SyncRejection | None = None
    overflowed: bool = False
    largest: int = 0
    _plain: PlainAcceptor[sync.State, sync.Input, sync.Task, sync.Output, Seen] | None = None
    _realms: dict[str, str] = attrs.field(factory=dict)
    """Call to realm."""
    _events: set[str] = attrs.field(factory=set)
    """Sync events that were seen; the ends of others are somebody else's business."""
    _given: dict[int, int] = attrs.field(factory=dict)
    """Command to the number of inputs given until then."""

    def feed(self, index: int, entry: Entry) -> None:
        """Take in the next entry; after a rejection nothing more is looked at."""
        if self.rejection is not None or self.overflowed:
            return
        try:
            self._feed(index, entry)
        except TooManyStates:
            self.overflowed = True
        if self._plain is not None:
            self.largest = max(self.largest, len(self._plain.explanations))

    def choices(self) -> frozenset[str]:
        """The fewest choices that explain the trace so far."""
        return frozenset() if self._plain is None else self._plain.choices()

    def pending(self) -> tuple[str, ...]:
        """What is due in the explanation nearest to rest; empty if one may rest."""
        if self._plain is None or self.rejection is not None or self.overflowed:
            return ()
        return _due(min(self._plain.explanations, key=_unrest))

    def _feed(self, index: int, entry: Entry) -> None:
        if isinstance(entry.sent, p.Begin):
            self._begin(entry.sent)
        elif self._plain is None:
            return
        elif entry.sent is not None:
            self._input(self._plain, entry.sent)
        elif entry.answered is not None:
            self._answered(self._plain, entry.answered.seq)
        elif isinstance(entry.seen, p.Settled | p.WorkerEvent):
            before = self._plain.explanations
            if isinstance(entry.seen, p.WorkerEvent):
                self._events.add(entry.seen.event)
            if not self._plain.saw(entry.seen):
                self.rejection = _unexplained(index, entry.seen, before)
        elif isinstance(entry.note, Quiet):
            before = self._plain.explanations
            if not self._plain.quiet():
                self.rejection = _silent(index, before)

    def _begin(self, command: p.Begin) -> None:
        reading = Reading[sync.Input, sync.Output, Seen](
            observer=_observer, loses=self._loses, fits=_fits, renamed=_renamed
        )
        start = model_sync.start(command)
        self._plain = PlainAcceptor(BACKGROUND_SYNC, reading, start, self.edition, self.admitted)

    def _input(
        self,
        plain: PlainAcceptor[sync.State, sync.Input, sync.Task, sync.Output, Seen],
        command: p.AnyCommand,
    ) -> None:
        news = model_sync.input_of(command)
        if news is None:
            return
        if isinstance(news, sync.SyncEnded) and news.event not in self._events:
            return
        if isinstance(news, sync.CallRegister | sync.CallGetTags):
            self._realms[news.call] = news.realm
        self._given[command.seq] = len(self._given) + 1
        plain.given(news)

    def _answered(
        self, plain: PlainAcceptor[sync.State, sync.Input, sync.Task, sync.Output, Seen], seq: int
    ) -> None:
        """What was answered has been done; inputs take effect in the order of their giving."""
        if seq in self._given:
            most = len(self._given) - self._given[seq]
            plain.explanations = [
                each
                for each in plain.explanations
                if sum(len(queue) for _, queue in each.waiting) <= most
            ]

    def _loses(self, news: sync.Input, output: sync.Output) -> bool:
        match news:
            case m.UserAgentQuit():
                return True
            case m.PageClosed():
                return isinstance(output, sync.Settled) and (
                    self._realms.get(output.call) == news.realm
                )
        return False


# --- reading --------------------------------------------------------------------------


def _observer(output: sync.Output) -> str:
    """Promises settle each for itself; the worker gets its events one after the other."""
    return output.call if isinstance(output, sync.Settled) else p.WORKER


def _fits(names: Names, output: sync.Output, seen: Seen) -> Names | None:
    if isinstance(output, sync.SyncFired) and isinstance(seen, p.WorkerEvent):
        if (seen.tag, seen.last_chance) == (output.tag, output.last_chance):
            return (*names, (output.event, seen.event))
        return None
    shown = model_sync.observation_of(output)
    return names if shown == seen else None


def _renamed(names: Names, news: sync.Input) -> sync.Input | None:
    if not isinstance(news, sync.SyncEnded):
        return news
    mine = next((own for own, theirs in names if theirs == news.event), None)
    return None if mine is None else sync.SyncEnded(mine, news.fulfilled)


# --- why not --------------------------------------------------------------------------


def _due(each: _Explained) -> tuple[str, ...]:
    """What an explanation owes: outputs, and work that has not been done."""
    owed = [f"{output.step} {_words(output)}" for output in each.owed()]
    owed += ["BS-REGISTER-0 an input to take effect" for _ in each.waiting]
    owed += ["BS-REGISTER-0 a call to go on" for _ in each.state.todo]
    return tuple(owed)


def _unrest(each: _Explained) -> tuple[int, int, int, list[str]]:
    """How far an explanation is from having done all it can; ties by its choices."""
    left = len(each.waiting) + len(each.state.todo)
    return left, len(each.choices), len(each.owed()), sorted(each.choices)


def _words(output: sync.Output) -> str:
    if isinstance(output, sync.SyncFired):
        last = " with lastChance" if output.last_chance else ""
        return f"a sync event for {output.tag!r}{last}"
    match output.value:
        case Rejected():
            return f"{output.call} to reject with {output.value.error}"
        case tuple():
            return f"{output.call} to give {list(output.value)}"
    return f"{output.call} to be resolved"


def _allowed(before: list[_Explained]) -> tuple[str, ...]:
    least = sorted(before, key=_unrest)
    return tuple(dict.fromkeys(text for each in least for text in _due(each)))


def _silent(index: int, before: list[_Explained]) -> SyncRejection:
    nearest = _due(min(before, key=_unrest))
    steps = tuple(dict.fromkeys(text.partition(" ")[0] for text in nearest))
    words = ", ".join(text.partition(" ")[2] for text in nearest)
    return SyncRejection(index, f"nothing more came, but {words} was due", steps, _allowed(before))


def _unexplained(index: int, seen: Seen, before: list[_Explained]) -> SyncRejection:
    if isinstance(seen, p.WorkerEvent):
        why, steps = _wrong_event(seen, before)
    else:
        why, steps = _wrong_settling(seen, before)
    return SyncRejection(index, why, steps, _allowed(before))


def _wrong_event(seen: p.WorkerEvent, before: list[_Explained]) -> tuple[str, tuple[str, ...]]:
    tag = seen.tag or ""
    if any(isinstance(o, sync.SyncFired) and o.tag == tag for e in before for o in e.owed()):
        said = "true" if seen.last_chance else "false"
        return f"lastChance of {tag!r} is {said}", ("BS-FIRE-5.L",)
    states = dict.fromkeys(_standing(tag, each.state) for each in before)
    why = " or ".join(said for said, _ in states)
    return f"a sync event for {tag!r}, which {why}", tuple(dict.fromkeys(s for _, s in states))


def _standing(tag: str, state: sync.State) -> tuple[str, str]:
    """How a tag stands, and the step that keeps it from being fired."""
    known = state.registration(tag)
    if known is None:
        return "is not registered", "BS-FIRE-3"
    if known.state is SyncState.WAITING:
        return "waits for its retry", "BS-FIRE-5.3.2.1"
    if known.state is SyncState.PENDING:
        return "waits for the network", "BS-ONLINE-1"
    return "has an event under way", "BS-FIRE-1"


def _wrong_settling(seen: p.Settled, before: list[_Explained]) -> tuple[str, tuple[str, ...]]:
    owed = [o for e in before for o in e.owed() if isinstance(o, sync.Settled)]
    mine = list(dict.fromkeys(o for o in owed if o.call == seen.call))
    if not mine:
        return f"{seen.call} settles, which is not due", ("BS-REGISTER-0",)
    shown = seen.error or ("undefined" if seen.strings is None else seen.strings)
    why = f"{seen.call} gives {shown}, but {' or '.join(_words(o) for o in mine)} was due"
    return why, tuple(dict.fromkeys((*(o.step for o in mine), *_tag_steps(seen, mine))))


def _tag_steps(seen: p.Settled, due: list[sync.Settled]) -> Iterator[str]:
    """Where a tag is listed that should be gone, or is gone that should be listed."""
    for each in due:
        if seen.strings is not None and isinstance(each.value, tuple):
            if set(seen.strings) - set(each.value):
                yield from ("BS-FIRE-5.2.3", "BS-FIRE-5.3.3")
            if set(each.value) - set(seen.strings):
                yield from ("BS-FIRE-5.3.2", "BS-FIRE-5.2.1.1", "BS-FIRE-5.3.1.1")
