"""Any ``System`` with its surroundings as a space, uncompiled: the reference.

An *environment* is a small process beside the system: server, user, scripts.  It offers
inputs and hears outputs, and it is the only place where bounds are kept, as budgets in
its own state.  The system alone decides what follows from an input: every option of every
question it asks (``spec_model.decide.outcomes``) is a step of its own.

A *watch* keeps the history that properties need, as a third part of a node, and says at
each step what it shows.

What makes the space finite is ``canonical(before, node)``: it forgets what nothing can refer to any
more and renames what is only compared for being equal.  It must be a bisimulation: two
nodes with the same canonical form have steps with the same labels to nodes with the same
canonical forms.  Where it stands, the argument is written.  ``before`` is the canonical node
that the step began at: what is the same object there and here needs no second look.

``eager`` lists tasks that are performed at once, in the system's own order, before
anything else may happen.  That is sound where such a task commutes with every other step
and none of the properties can tell the moments apart; the tests compare it with the
search that leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

from conformance.explore.space import NO_MARKS, Edge, Marks, Sentences
from spec_model.decide import Decide, outcomes
from spec_model.editions import AMENDED, Edition
from spec_model.kernel import InputT, OutputT, StateT, System, TaskT

SeenT = TypeVar("SeenT", contravariant=True)
ShownT = TypeVar("ShownT", contravariant=True)
EnvT = TypeVar("EnvT", bound=Hashable)
MemoryT = TypeVar("MemoryT", bound=Hashable)


@attrs.frozen(cache_hash=True)
class Node(Generic[StateT, EnvT, MemoryT]):
    """One state of everything: the system, its surroundings, and what is remembered."""

    state: StateT
    env: EnvT
    memory: MemoryT


@attrs.frozen
class Offer(Generic[InputT, EnvT]):
    """An input that the surroundings may give now, and what they are afterwards.

    ``owed``: they must give it in the end if it stays possible.
    """

    news: InputT
    env: EnvT
    owed: bool = False


@attrs.frozen(cache_hash=True)
class Label(Generic[InputT, TaskT]):
    """A step: a task or an input, and the answers in it that were not the default."""

    did: TaskT | InputT
    choices: tuple[str, ...] = ()
    fair: bool = True

    def __str__(self) -> str:
        chosen = f" [{', '.join(self.choices)}]" if self.choices else ""
        return f"{self.did}{chosen}"


class Environment(Protocol[SeenT, InputT, ShownT, EnvT]):
    """The surroundings of a system."""

    def begin(self) -> EnvT:
        """What they are at first."""

    def offers(self, env: EnvT, state: SeenT) -> Sequence[Offer[InputT, EnvT]]:
        """The inputs that may come now, in a fixed order."""

    def hear(
        self, env: EnvT, state: SeenT, outputs: tuple[ShownT, ...]
    ) -> tuple[EnvT, tuple[InputT, ...]]:
        """What the outputs make of them, and inputs that follow within the same step."""


@attrs.frozen
class Move(Generic[StateT, EnvT, InputT, TaskT, OutputT]):
    """What a watch is shown of one step; nothing has been renamed or forgotten yet."""

    did: TaskT | InputT
    before: StateT
    after: StateT
    env: EnvT
    outputs: tuple[OutputT, ...]


class Watch(Protocol[StateT, EnvT, InputT, TaskT, OutputT, MemoryT]):
    """The properties of a system."""

    @property
    def sentences(self) -> Sentences:
        """As a space says them."""

    def begin(self) -> MemoryT:
        """What is remembered at first."""

    def see(
        self, memory: MemoryT, move: Move[StateT, EnvT, InputT, TaskT, OutputT]
    ) -> tuple[MemoryT, Marks]:
        """What is remembered after a step, and what the step shows."""

    def owes(self, state: StateT, env: EnvT, memory: MemoryT) -> Marks:
        """The *eventually* sentences that wait for something."""


@attrs.define(eq=False)
class SystemSpace(Generic[StateT, EnvT, InputT, TaskT, OutputT, MemoryT]):
    """A system, its environment and its properties as a space of nodes.

    ``barred``: answers, ``key=option``, that no step may need.  ``choose_all``: every option of
    every question is taken; else only the defaults.
    """

    system: System[StateT, InputT, TaskT, OutputT]
    start: StateT
    environment: Environment[StateT, InputT, OutputT, EnvT]
    watch: Watch[StateT, EnvT, InputT, TaskT, OutputT, MemoryT]
    edition: Edition = AMENDED
    canonical: Callable[
        [Node[StateT, EnvT, MemoryT] | None, Node[StateT, EnvT, MemoryT]],
        Node[StateT, EnvT, MemoryT],
    ] = lambda before, node: node
    eager: Sequence[Callable[[StateT, Decide], Iterable[TaskT]]] = ()
    barred: frozenset[str] = frozenset()
    choose_all: bool = True

    @property
    def sentences(self) -> Sentences:
        """As the watch says."""
        return self.watch.sentences

    def initial(self) -> list[Node[StateT, EnvT, MemoryT]]:
        """One node."""
        node = Node(self.start, self.environment.begin(), self.watch.begin())
        return [self.canonical(None, node)]

    def owes(self, node: Node[StateT, EnvT, MemoryT]) -> Marks:
        """As the watch says."""
        return self.watch.owes(node.state, node.env, node.memory)

    def fair(self, label: Label[InputT, TaskT]) -> bool:
        """As the label says: tasks are, inputs where the surroundings owe them."""
        return label.fair

    def successors(
        self, node: Node[StateT, EnvT, MemoryT]
    ) -> Iterator[Edge[Label[InputT, TaskT], Node[StateT, EnvT, MemoryT]]]:
        """Every enabled task and every offered input, with every choice."""
        edges = [edge for task in self.tasks(node) for edge in self.step(node, task, None)]
        for offer in self.environment.offers(node.env, node.state):
            edges += self.step(node, None, offer)
        for label, target, marks in edges:
            for end, more in self.settled(target):
                yield label, end, marks | more

    def tasks(self, node: Node[StateT, EnvT, MemoryT]) -> tuple[TaskT, ...]:
        """What the system could do now; the same under every choice."""
        return self.of_source(self.system.enabled, node)

    def of_source(
        self,
        source: Callable[[StateT, Decide], Iterable[TaskT]],
        node: Node[StateT, EnvT, MemoryT],
    ) -> tuple[TaskT, ...]:
        """The tasks of one source."""
        found = outcomes(lambda d: tuple(source(node.state, d)), self.edition, frozenset())
        return found[0].value

    def step(
        self,
        node: Node[StateT, EnvT, MemoryT],
        task: TaskT | None,
        offer: Offer[InputT, EnvT] | None,
    ) -> list[Edge[Label[InputT, TaskT], Node[StateT, EnvT, MemoryT]]]:
        """One task or one input and what the surroundings do about it, with every choice."""
        edges: list[Edge[Label[InputT, TaskT], Node[StateT, EnvT, MemoryT]]] = []
        admitted = None if self.choose_all else frozenset[str]()
        for outcome in outcomes(lambda d: self._take(node, task, offer, d), self.edition, admitted):
            if self.barred.isdisjoint(outcome.choices):
                did, fair = (task, True) if offer is None else (offer.news, offer.owed)
                assert did is not None
                target, marks = outcome.value
                label: Label[InputT, TaskT] = Label(did, tuple(sorted(outcome.choices)), fair)
                edges.append((label, target, marks))
        return edges

    def _take(
        self,
        node: Node[StateT, EnvT, MemoryT],
        task: TaskT | None,
        offer: Offer[InputT, EnvT] | None,
        d: Decide,
    ) -> tuple[Node[StateT, EnvT, MemoryT], Marks]:
        system, environment = self.system, self.environment
        did: TaskT | InputT
        if offer is not None:
            env, did = offer.env, offer.news
            state = system.inject(node.state, offer.news, d)
        else:
            assert task is not None
            env, did = node.env, task
            state = system.perform(node.state, task, d)
        shown, state = system.taken(state)
        outputs = shown
        while shown:
            env, news = environment.hear(env, state, shown)
            for each in news:
                state = system.inject(state, each, d)
            shown, state = system.taken(state)
            outputs += shown
        memory, marks = self.watch.see(node.memory, Move(did, node.state, state, env, outputs))
        return self.canonical(node, Node(state, env, memory)), marks

    def eager_task(self, node: Node[StateT, EnvT, MemoryT]) -> TaskT | None:
        """The task that comes before anything else, if there is one."""
        for source in self.eager:

            def first(d: Decide, source: Callable[..., Iterable[TaskT]] = source) -> TaskT | None:
                return next(iter(source(node.state, d)), None)

            task = outcomes(first, self.edition, frozenset())[0].value
            if task is not None:
                return task
        return None

    def settled(
        self, node: Node[StateT, EnvT, MemoryT]
    ) -> list[tuple[Node[StateT, EnvT, MemoryT], Marks]]:
        """Where the eager tasks lead, and what they show on the way."""
        ends: list[tuple[Node[StateT, EnvT, MemoryT], Marks]] = []
        todo = [(node, NO_MARKS)]
        while todo:
            node, marks = todo.pop()
            task = self.eager_task(node)
            if task is None:
                ends.append((node, marks))
                continue
            # The first option last, so that it is taken up first.
            for _, after, more in reversed(self.step(node, task, None)):
                todo.append((after, marks | more))
        return ends
