"""What a search for a witness is about: a trace, the terms, and a run as far as it has come.

``Case`` holds what stays the same in one search; it asks the model, and remembers the
answers.  ``Node`` is one run so far: where the trace is, where the model is, and what is on
its way between them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import TypeVar

import attrs

from conformance import beginning
from conformance import protocol as p
from conformance.judge.facts import Facts
from conformance.judge.memory import Memory, Shelf
from conformance.judge.plain_acceptor import Names, Queues
from conformance.trace import ServerRequest, Trace
from conformance.trials.compiled import Answered, Event, Saw, Way, compiled, wants
from conformance.trials.plain import Reader
from spec_model import messages as m
from spec_model.decide import Decide, outcomes
from spec_model.editions import Edition
from spec_model.instances import Snapshot
from spec_model.messages import Output
from spec_model.state import WORKER, State
from spec_model.system import enabled, perform
from spec_model.tasks import Task

T = TypeVar("T")

LATE = "late request"
"""Whose queue holds requests of attempts that are over: they may never arrive."""


@attrs.frozen
class Looked:
    """The answer to a look or to a question about storage."""

    shown: Snapshot | int


Shown = Output | Looked


@attrs.frozen(cache_hash=True)
class Node:
    """A run so far.  ``at``: events of the trace that it has explained.

    ``waiting`` and ``due`` as for the plain acceptor.
    """

    at: int
    state: State
    waiting: Queues[tuple[Way, ...]] = frozenset()
    due: Queues[Shown] = frozenset()
    names: Names = ()


def _ranges(events: tuple[Event, ...]) -> tuple[int, ...]:
    """Where requests begin that ask for the rest of a body."""
    ranges = (
        str(event.seen.headers.get("range", "")).removeprefix("bytes=").removesuffix("-")
        for event in events
        if isinstance(event, Saw) and isinstance(event.seen, ServerRequest)
    )
    return tuple(sorted({int(each) for each in ranges if each.isdigit()}))


@attrs.define
class Case:
    """``trace`` with no other choices than those ``admitted``; ``ordered`` and ``merging`` as in
    ``witness``.

    ``most_cuts``: into how many pieces more one write of a server may have come apart.
    ``quits``: where something is lost with the user agent or a page.
    ``last_look``: after it nobody asks what a registration object shows.
    """

    trace: Trace
    admitted: frozenset[str] | None
    edition: Edition
    memory: Memory = attrs.field(repr=False)
    ordered: bool
    merging: bool
    most_cuts: int
    facts: Facts = attrs.field(init=False)
    events: tuple[Event, ...] = attrs.field(init=False)
    quits: tuple[int, ...] = attrs.field(init=False)
    last_look: int = attrs.field(init=False)
    asked_from: tuple[int, ...] = attrs.field(init=False)
    reader: Reader = attrs.field(init=False)
    whole: bool = attrs.field(init=False)
    """Whether every cut is tried that could explain a number."""
    _wants: dict[str, tuple[int, ...]] = attrs.field(init=False)
    _shelf: Shelf = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        made = compiled(self.trace, ordered=self.ordered, most_cuts=self.most_cuts)
        self.facts, self.events, self.whole = made.facts, made.events, made.whole
        self._wants = wants(self.events)
        self.quits = tuple(self._answered(p.Quit, p.ClosePage))
        self.last_look = max(self._answered(p.Look, p.Get), default=-1)
        self.asked_from = _ranges(self.events)
        self.reader = Reader(self.facts)
        self._shelf = self.memory.shelf((self.edition, self.admitted))

    def _answered(self, *commands: type[p.Command]) -> Iterator[int]:
        for at, event in enumerate(self.events):
            if isinstance(event, Answered) and isinstance(event.command, commands):
                yield at

    def start(self) -> Node:
        """Before anything has happened."""
        begin = self.facts.begin
        assert begin is not None, "a trace begins with begin"
        return Node(0, beginning.state(begin))

    # --- the model --------------------------------------------------------------------

    def enabled(self, state: State) -> list[tuple[Task, ...]]:
        """What may be performed next, for every answer to what is asked about that."""
        return self.asked(("enabled", state), lambda d: enabled(state, d))

    def performed(self, state: State, task: Task) -> list[State]:
        """Every state after a task."""
        return self.asked(("perform", state, task), lambda d: perform(state, task, d))

    def asked(self, question: Hashable, function: Callable[[Decide], T]) -> list[T]:
        """Every outcome, those first that need the admitted choices: they were probably made."""

        def find() -> list[T]:
            found = outcomes(function, self.edition, self.admitted)
            return [each.value for each in sorted(found, key=lambda one: -len(one.choices))]

        return self._shelf.recall(question, find)

    # --- the rest of the trace --------------------------------------------------------

    def quits_after(self, at: int) -> bool:
        """Whether something may still be lost."""
        return any(quit_ >= at for quit_ in self.quits)

    def fits(self, names: Names, output: Shown, seen: p.AnyObservation | ServerRequest) -> bool:
        """Whether an output can have been seen as that."""
        return not isinstance(output, Looked) and (
            self.reader.fits(names, output, seen) is not None
        )

    def places(self, node: Node, kind: str) -> list[p.AnyObservation | ServerRequest]:
        """What is still to be seen of one kind (``compiled.wanted_as``)."""
        found = []
        for at in self._wants.get(kind, ()):
            event = self.events[at]
            if at >= node.at and isinstance(event, Saw):
                found.append(event.seen)
        return found

    def ends_in_silence(self, node: Node) -> bool:
        """Whether the trace says of a later time that nothing more came."""
        return any(at >= node.at for at in self._wants.get("silence", ()))


def optional(output: Shown, observer: Hashable) -> bool:
    """Whether an output need not be seen: progress may be coalesced, but for the last of it.

    A worker that was stopped is not told of the last one either.
    """
    if isinstance(output, m.ProgressFired):
        return not output.snapshot.result or str(observer).startswith(f"{WORKER} at ")
    return isinstance(output, m.BytesReceived)
