"""Breadth-first search over a space: exact, shortest counterexamples first.

Every state gets a number in the order of its discovery and remembers, as two numbers,
the state and the label that first led to it; a path is rebuilt from these.  States are
told apart by themselves, never by a hash alone: nothing is missed.  A space with large
states hands out small ones (``conformance.explore.compiled``).

An example: two workers take turns at one lock, and one of them forgets to let go.

>>> from conformance.explore.search import explore
>>> from conformance.explore.space import Sentences
>>> class Forgetful:
...     sentences = Sentences(
...         always={"one": "at most one worker is inside"},
...         sometimes={"b-in": "B gets inside"},
...         eventually={"turn": "whoever waits gets inside"},
...     )
...     def initial(self):
...         return [("idle", "idle")]
...     def successors(self, state):
...         a, b = state
...         if a == "idle":
...             yield "A enters", ("in", b), frozenset({"!one"} if b == "in" else ())
...         if b == "idle":
...             yield "B waits", (a, "waiting"), frozenset()
...         if b == "waiting" and a == "idle":
...             yield "B enters", (a, "in"), frozenset({"b-in"})
...         if b == "in":
...             yield "B leaves", (a, "idle"), frozenset()
...     def owes(self, state):
...         return frozenset({"turn"} if state[1] == "waiting" else ())
...     def fair(self, label):
...         return True
>>> found = explore(Forgetful())
>>> found.states, found.transitions, found.depth
(6, 8, 3)
>>> [(flaw.name, flaw.labels) for flaw in found.flaws]
[('turn', ('A enters', 'B waits')), ('one', ('B waits', 'B enters', 'A enters'))]
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from array import array
from collections.abc import Callable, Mapping
from typing import Generic

import attrs

from conformance.explore.components import bottom_components, not_reaching
from conformance.explore.space import LabelT, Marks, Space, StateT, broken

REPORT_EVERY = 5_000
"""States between two looks at the clock."""


@attrs.frozen
class Progress:
    """How far a search is; ``seconds`` of one processor, ``memory`` in bytes at its peak."""

    states: int
    transitions: int
    depth: int
    seconds: float
    memory: int

    @property
    def rate(self) -> float:
        """Distinct states per second."""
        return self.states / self.seconds if self.seconds else 0.0


@attrs.frozen
class Flaw(Generic[StateT, LabelT]):
    """A broken property and a shortest path to where it shows.

    ``kind``: always, or eventually, where the path leads into a component in which
    the promise is owed for ever.  ``states``: those before each step of the path, and after an
    *eventually* the last one, too.
    """

    name: str
    kind: str
    labels: tuple[LabelT, ...]
    states: tuple[StateT, ...]

    @property
    def depth(self) -> int:
        """Steps from the beginning."""
        return len(self.labels)


@attrs.frozen
class Found(Generic[StateT, LabelT]):
    """What a search found.

    ``flaws``: for each broken property one, shortest first.  ``reached``: each goal with
    the depth at which it was first reached.  ``complete``: nothing was left unexplored;
    else ``why`` says what stopped it, and *eventually* was not judged.
    """

    states: int
    transitions: int
    depth: int
    flaws: tuple[Flaw[StateT, LabelT], ...]
    reached: Mapping[str, int]
    missed: tuple[str, ...]
    complete: bool
    why: str
    progress: Progress

    @property
    def holds(self) -> bool:
        """Whether everything claimed is true, as far as was seen."""
        return not self.flaws and not (self.complete and self.missed)


def explore(
    space: Space[StateT, LabelT],
    *,
    most_states: int = sys.maxsize,
    deepest: int = sys.maxsize,
    first_flaw: bool = False,
    liveness: bool = True,
    watch: Callable[[Progress], None] | None = None,
) -> Found[StateT, LabelT]:
    """Explore a space to its end or to a bound.

    ``first_flaw``: stop at the first breach of an *always*.  ``watch`` is shown the
    progress now and then; a KeyboardInterrupt ends the search with what there is.
    """
    return _Search(space, most_states, deepest, first_flaw, liveness, watch).run()


def whole(found: Found[StateT, LabelT]) -> Found[StateT, LabelT]:
    """The same, or the KeyboardInterrupt that ended it: for what a part would prove too much."""
    if found.why == "interrupted":
        raise KeyboardInterrupt
    return found


@attrs.define(eq=False)
class _Search(Generic[StateT, LabelT]):
    space: Space[StateT, LabelT]
    most_states: int
    deepest: int
    first_flaw: bool
    liveness: bool
    watch: Callable[[Progress], None] | None
    states: list[StateT] = attrs.field(factory=list)
    numbers: dict[StateT, int] = attrs.field(factory=dict)
    parents: array[int] = attrs.field(factory=lambda: array("q"))
    causes: array[int] = attrs.field(factory=lambda: array("i"))
    rows: array[int] = attrs.field(factory=lambda: array("q", [0]))
    fair_targets: array[int] = attrs.field(factory=lambda: array("i"))
    labels: dict[LabelT, int] = attrs.field(factory=dict)
    first: dict[str, tuple[int, int, int]] = attrs.field(factory=dict)
    transitions: int = 0
    depth: int = 0
    began: float = attrs.field(factory=time.process_time)
    why: str = ""

    def run(self) -> Found[StateT, LabelT]:
        collecting = gc.isenabled()
        gc.freeze()
        gc.disable()
        try:
            self._levels()
        except KeyboardInterrupt:
            self.why = "interrupted"
        finally:
            gc.unfreeze()
            if collecting:
                gc.enable()
        return self._result()

    def _levels(self) -> None:
        for state in self.space.initial():
            if state not in self.numbers:
                self._number(state, -1, -1)
        begin = 0
        while begin < len(self.states):
            if self.depth == self.deepest:
                self.why = f"the bound of {self.deepest} steps"
                return
            end = len(self.states)
            self._level(begin, end)
            if self.why:
                return
            begin = end
            self.depth += len(self.states) > end

    def _number(self, state: StateT, parent: int, cause: int) -> int:
        number = len(self.states)
        self.numbers[state] = number
        self.states.append(state)
        self.parents.append(parent)
        self.causes.append(cause)
        return number

    def _level(self, begin: int, end: int) -> None:
        """Everything that follows from the states with these numbers."""
        numbers, labels, first = self.numbers, self.labels, self.first
        states, parents, causes = self.states, self.parents, self.causes
        fair_targets, rows, liveness = self.fair_targets, self.rows, self.liveness
        successors, fair = self.space.successors, self.space.fair
        seen: set[Marks] = set()
        fairness = {label: fair(label) for label in labels}
        transitions = self.transitions
        for source in range(begin, end):
            for label, target, marks in successors(states[source]):
                transitions += 1
                if label not in labels:
                    labels[label] = len(labels)
                    fairness[label] = fair(label)
                number = numbers.setdefault(target, len(states))
                if number == len(states):
                    states.append(target)
                    parents.append(source)
                    causes.append(labels[label])
                if liveness and fairness[label]:
                    fair_targets.append(number)
                if marks and marks not in seen:
                    seen.add(marks)
                    for mark in marks:
                        first.setdefault(mark, (self.depth + 1, source, labels[label]))
                        if self.first_flaw and broken(mark):
                            self.why = "the first flaw"
            rows.append(len(fair_targets))
            self.transitions = transitions
            if source % REPORT_EVERY == 0:
                self._report()
            if len(states) > self.most_states:
                self.why = f"the bound of {self.most_states} states"
            if self.why:
                return

    def _report(self) -> None:
        if self.watch is not None:
            self.watch(self._progress())

    def _progress(self) -> Progress:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        seconds = time.process_time() - self.began
        return Progress(len(self.states), self.transitions, self.depth, seconds, memory)

    def _result(self) -> Found[StateT, LabelT]:
        names = list(self.labels)
        flaws = [
            self._flaw(broken(mark), "always", source, names[cause])
            for mark, (_, source, cause) in self.first.items()
            if broken(mark)
        ]
        complete = not self.why
        if complete and self.liveness:
            flaws += self._unpaid()
        reached = {mark: at[0] for mark, at in self.first.items() if not broken(mark)}
        missed = tuple(goal for goal in self.space.sentences.sometimes if goal not in reached)
        return Found(
            states=len(self.states),
            transitions=self.transitions,
            depth=self.depth,
            flaws=tuple(sorted(flaws, key=lambda flaw: (flaw.depth, flaw.name))),
            reached=reached,
            missed=missed,
            complete=complete,
            why=self.why,
            progress=self._progress(),
        )

    def _unpaid(self) -> list[Flaw[StateT, LabelT]]:
        """Debts that a fair run can owe for ever: owed all over a component that is not left."""
        nearest: dict[str, int] = {}

        def owes_nothing(number: int) -> bool:
            return not self.space.owes(self.states[number])

        graph = self.rows, self.fair_targets
        for component in bottom_components(*graph, not_reaching(owes_nothing, *graph)):
            owed = self.space.owes(self.states[component[0]])
            for member in component[1:]:
                if not owed:
                    break
                owed &= self.space.owes(self.states[member])
            for name in owed:
                # States are numbered breadth first: the smallest number is nearest.
                nearest[name] = min(nearest.get(name, sys.maxsize), *component, sys.maxsize)
        return [self._flaw(name, "eventually", number) for name, number in nearest.items()]

    def _flaw(self, name: str, kind: str, number: int, *last: LabelT) -> Flaw[StateT, LabelT]:
        names = list(self.labels)
        labels: list[LabelT] = []
        states = [self.states[number]]
        while self.parents[number] >= 0:
            labels.append(names[self.causes[number]])
            number = self.parents[number]
            states.append(self.states[number])
        return Flaw(name, kind, (*labels[::-1], *last), tuple(states[::-1]))
