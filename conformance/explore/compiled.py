"""A system's space, compiled: the model runs once for everything that it looks at.

The model is not copied, it is remembered.  A step is a pure function of a node.  While
it runs on a *watched* node (``watching``) it is seen what it reads, and its result says
what it did to the rest: nothing, or a function of one object by itself.  On every node that
agrees in what was read the same step does the same: that is all that is used here.

So a step becomes a decision tree (``trees``): what to look at first, and for each value of it
what next; at a leaf are the outcomes, each as what becomes of the ground and of the local
objects (``packing``), and the marks.  A node that meets an unknown value runs the model once
more and the tree grows.  A known step is then some look-ups.

What is compiled so is the tasks of the system, every part of the environment, every step with
all that belongs to it: what the surroundings hear, the watch, the canonical form; and which
eager task comes next.  Eager tasks are steps like others: each is compiled by itself, so
that what it reads is not multiplied with what the step before it reads.

Nothing here knows background fetch.  The tests compare the compiled space with the plain one,
edge by edge.

*Symmetry.*  Where local objects may be exchanged with each other, a state is the one of its
permutations whose numbers are sorted.  A permutation of interchangeable records is an
automorphism, so the quotient is a bisimulation; what is owed for ever is ``EF AG owed`` over
fair steps, which bisimulation keeps, too.  For the same reason only what happens to the first
of them is compiled: what happens to another is that with the two exchanged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, cast

import attrs

from conformance.explore.packing import Grounds, Layout, Packed, Step, Symmetry, Turn
from conformance.explore.plain import EnvT, Label, MemoryT, Node, Offer, SystemSpace
from conformance.explore.space import NO_MARKS, Edge, Marks, Sentences
from conformance.explore.tables import Anatomy, Fixed
from conformance.explore.trees import Tree
from conformance.explore.watching import Token, Watched, raw, resolve
from spec_model.decide import Decide
from spec_model.kernel import InputT, OutputT, StateT, TaskT

Outcome = tuple[int, Step, Sequence[tuple[int, int | Turn]], "Anew | None", Marks]
"""One outcome of a step: what it does to a state, and what it shows.

The label; what becomes of the ground; what becomes of the local objects that change, by their
place in the state (a number is what it is from now on); all of them anew, if that is needed; and
the marks.  A plain tuple, as all that the innermost loop takes apart.
"""

Anew = tuple[int | tuple[int, Turn | None], ...]
"""Every local object, where there are others now, or they stand elsewhere; a pair is what
becomes of an old one."""

_Way = tuple[Tree, int]
"""A step that may be taken: its outcomes, in the state in which this place comes first."""


class _Leap(NamedTuple):
    """The eager tasks that ask nothing but the ground, and have one outcome.

    ``after``: the ground to which they lead, if there are any; ``tree`` gives the task that
    comes next, None: there is none.
    """

    after: int | None
    marks: Marks
    tree: Tree | None


_QUIET: list[_Way] = []
"""The leaf that says: there is no eager task."""


@attrs.define(eq=False)
class _Shaped:
    """What is compiled for one shape.

    ``alike``: how many local objects may be exchanged.  ``parts`` give the ways out of a state.
    """

    layout: Layout
    debts: Tree
    eager: Tree
    alike: int
    parts: list[_Way] = attrs.field(factory=list)
    ways: dict[object, Tree] = attrs.field(factory=dict)


@attrs.define(eq=False)
class CompiledSpace(Generic[StateT, EnvT, InputT, TaskT, OutputT, MemoryT]):
    """The compiled form of a space; its states are tuples of numbers, its labels numbers.

    ``parts``: the environment's ``offers`` part by part, ``sources``: the system's ``enabled``, if
    it has parts; each reads little of the state.  ``fixed`` is as ``tables`` says, ``apart`` and
    ``symmetry`` as ``packing`` does.
    """

    space: SystemSpace[StateT, EnvT, InputT, TaskT, OutputT, MemoryT]
    parts: Sequence[Callable[[EnvT, StateT], Any]]
    fixed: Fixed
    apart: type[Any] | None = None
    symmetry: Symmetry | None = None
    sources: Sequence[Callable[[StateT, Decide], Iterable[TaskT]]] = ()
    labels: list[Label[InputT, TaskT]] = attrs.field(factory=list)
    grounds: Grounds = attrs.field(init=False)
    _quiet: set[int] = attrs.field(factory=set)
    _leaps: dict[int, _Leap] = attrs.field(factory=dict)
    _shapes: list[_Shaped] = attrs.field(factory=list)
    _shape_of: dict[int, _Shaped] = attrs.field(factory=dict)
    _label_numbers: dict[Label[InputT, TaskT], int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        start = type(self.space.start)
        anatomy = Anatomy({Node: frozenset(), **self.fixed}, frozenset({Node, start}))
        self.grounds = Grounds(anatomy, self.apart, self.symmetry)

    # --- the space --------------------------------------------------------------------

    @property
    def sentences(self) -> Sentences:
        """As the plain space says."""
        return self.space.sentences

    @property
    def misses(self) -> int:
        """How often the model ran."""
        return sum(tree.misses for shaped in self._shapes for tree in _trees(shaped))

    def initial(self) -> list[Packed]:
        """One state."""
        return [self.form(node) for node in self.space.initial()]

    def form(self, node: Node[StateT, EnvT, MemoryT]) -> Packed:
        """The state that stands for a node of the plain space."""
        shape, sources = self.grounds.anatomy.take_apart(node, None)
        cells = [source for source in sources if isinstance(source, int)]
        assert len(cells) == len(sources)
        ground, *locals_ = self.grounds.pack(self.grounds.anatomy.plan(shape), cells)
        return (ground, *(sorted(locals_) if self._shape(ground).alike else locals_))

    def node(self, state: Packed) -> Node[StateT, EnvT, MemoryT]:
        """The node that a state stands for."""
        layout = self.grounds.all[state[0]][0]
        cells = tuple(self.grounds.cells(state))
        node: Node[StateT, EnvT, MemoryT] = self.grounds.anatomy.value(layout.plan, cells)
        return node

    def orbit(self, state: Packed) -> int:
        """How many states this one stands for: itself and its permutations."""
        if not self._shape(state[0]).alike:
            return 1
        alike = [state[1:].count(each) for each in set(state[1:])]
        return math.factorial(len(state) - 1) // math.prod(map(math.factorial, alike))

    def fair(self, label: int) -> bool:
        """As the label says."""
        return self.labels[label].fair

    def owes(self, state: Packed) -> Marks:
        """As the plain space says."""
        debts: Marks = self._shape(state[0]).debts.look_up(self.grounds, state)
        return debts

    def successors(self, state: Packed) -> Iterator[Edge[int, Packed]]:
        """Every step, each prolonged by the eager tasks."""
        # What is known is looked up here, not in ``Tree.look_up``: this runs a million times.
        ground = state[0]
        shaped = self._shape_of.get(ground) or self._shape(ground)
        grounds, quiet, alike = self.grounds, self._quiet, shaped.alike
        views = _views(state) if alike else (state,)
        for part, turned in shaped.parts:
            view = views[turned]
            node = part.by_ground.get(ground)
            while node.__class__ is tuple:
                at, facets, kids = node
                node = kids.get(facets[view[at]])
            for tree, place in part.learn(grounds, view) if node is None else node:
                view = views[turned or place]
                node = tree.by_ground.get(ground)
                while node.__class__ is tuple:
                    at, facets, kids = node
                    node = kids.get(facets[view[at]])
                for outcome in tree.learn(grounds, view) if node is None else node:
                    label, step, turns, anew, marks = outcome
                    if anew is not None:
                        end = _after(view, outcome, alike)
                    elif turns:
                        new = list(view)
                        new[0] = step[ground]
                        for at, turn in turns:
                            new[at] = turn if turn.__class__ is int else turn[new[at]]
                        if alike == 2:
                            to, one, other = new
                            end = (to, one, other) if one <= other else (to, other, one)
                        elif alike:
                            end = (new.pop(0), *sorted(new))
                        else:
                            end = tuple(new)
                    else:
                        end = (step[ground], *state[1:])
                    if end[0] in quiet:
                        yield label, end, marks
                    else:
                        for later, more in self._settled(end, marks):
                            yield label, later, more

    def _settled(self, state: Packed, marks: Marks) -> list[tuple[Packed, Marks]]:
        """Where the eager tasks lead, and what they show on the way."""
        ends: list[tuple[Packed, Marks]] = []
        todo = [(state, marks)]
        while todo:
            state, marks = todo.pop()
            leap = self._leaps.get(state[0]) or self._leap(state)
            if leap.after is not None:
                state, marks = (leap.after, *state[1:]), marks | leap.marks
            if leap.tree is None:
                ends.append((state, marks))
                continue
            ways = leap.tree.look_up(self.grounds, state)
            if ways is _QUIET:
                ends.append((state, marks))
                continue
            ((tree, _),) = ways
            alike = self._shape(state[0]).alike
            # The first option last, so that it is taken up first.
            for outcome in reversed(tree.look_up(self.grounds, state)):
                todo.append((_after(state, outcome, alike), marks | outcome[4]))
        return ends

    def _leap(self, state: Packed) -> _Leap:
        """How far the ground alone leads."""
        ground, marks = state[0], NO_MARKS
        while True:
            here = (ground, *state[1:])
            eager = self._shape(ground).eager
            ways = eager.look_up(self.grounds, here)
            tree: Tree | None = eager
            if eager.asks_local(ground):
                break
            if ways is _QUIET:
                tree = None
                if ground == state[0]:
                    self._quiet.add(ground)
                break
            ((way, _),) = ways
            outcomes = way.look_up(self.grounds, here)
            if way.asks_local(ground) or len(outcomes) > 1:
                break
            (outcome,) = outcomes
            _, step, turns, anew, more = outcome
            if turns or anew is not None:
                break
            ground, marks = step[ground], marks | more
        after = None if ground == state[0] else ground
        leap = self._leaps[state[0]] = _Leap(after, marks, tree)
        return leap

    # --- compiling --------------------------------------------------------------------

    def _shape(self, ground: int) -> _Shaped:
        number = self.grounds.all[ground][0].plan.number
        while len(self._shapes) <= number:
            self._shapes.append(self._compile(self.grounds.layout(len(self._shapes))))
        shaped = self._shape_of[ground] = self._shapes[number]
        return shaped

    def _compile(self, layout: Layout) -> _Shaped:
        alike = len(layout.local) if self.symmetry is not None else 0
        shaped = _Shaped(
            layout, Tree(self.space.owes), Tree(lambda n: self._eager(shaped, n)), alike
        )

        for sources in self._live():
            shaped.parts.append((Tree(self._tasks_of(shaped, sources)), 0))
        trees: dict[object, Tree] = {}
        for part in self.parts:
            about, place = self._first(part)
            if about not in trees:
                trees[about] = Tree(self._offers_of(shaped, about))
            shaped.parts.append((trees[about], place if alike else 0))
        return shaped

    def _live(self) -> list[list[Callable[[StateT, Decide], Iterable[TaskT]]]]:
        """The sources to ask where a step begins: those of eager tasks have none then.

        What is left of them reads little, and is asked at one look; all of them read much.
        """
        if not self.sources:
            return [[self.space.system.enabled]]
        if not self.space.eager:
            return [[source] for source in self.sources]
        live = [source for source in self.sources if source not in self.space.eager]
        return [live] if live else []

    def _tasks_of(
        self, shaped: _Shaped, sources: Sequence[Callable[[StateT, Decide], Iterable[TaskT]]]
    ) -> Callable[[Node[StateT, EnvT, MemoryT]], object]:
        def ways(node: Node[StateT, EnvT, MemoryT]) -> list[_Way]:
            tasks = (task for source in sources for task in self.space.of_source(source, node))
            return [self._task(shaped, task) for task in tasks]

        return ways

    def _first(self, what: Any) -> tuple[Any, int]:
        return (what, 0) if self.symmetry is None else self.symmetry.first(what)

    def _eager(self, shaped: _Shaped, node: Node[StateT, EnvT, MemoryT]) -> list[_Way]:
        task = self.space.eager_task(node)
        return _QUIET if task is None else [(self._way(shaped, task), 0)]

    def _offers_of(
        self, shaped: _Shaped, part: Callable[[EnvT, StateT], Any]
    ) -> Callable[[Node[StateT, EnvT, MemoryT]], object]:
        def ways(node: Node[StateT, EnvT, MemoryT]) -> list[_Way]:
            return [(self._offer(shaped, offer), 0) for offer in part(node.env, node.state)]

        return ways

    def _task(self, shaped: _Shaped, task: TaskT) -> _Way:
        first, place = self._first(task)
        return self._way(shaped, first), place

    def _way(self, shaped: _Shaped, task: TaskT) -> Tree:
        if task not in shaped.ways:
            shaped.ways[task] = Tree(lambda node: self._outcomes(shaped.layout, node, task, None))
        return shaped.ways[task]

    def _offer(self, shaped: _Shaped, offer: Offer[InputT, EnvT]) -> Tree:
        """The way of an offer; its environment is kept as what changes."""
        given = raw(cast(Watched, offer.env))
        changes = {name: value for name, value in given.items() if not isinstance(value, Token)}
        key = (offer.news, tuple(changes.items()), offer.owed)
        if key not in shaped.ways:

            def run(node: Node[StateT, EnvT, MemoryT]) -> object:
                made = attrs.evolve(offer, env=_evolved(node.env, changes))
                return self._outcomes(shaped.layout, node, None, made)

            shaped.ways[key] = Tree(run)
        return shaped.ways[key]

    def _outcomes(
        self,
        layout: Layout,
        node: Node[StateT, EnvT, MemoryT],
        task: TaskT | None,
        offer: Offer[InputT, EnvT] | None,
    ) -> list[Outcome]:
        return [
            self._outcome(layout, self._label(label), target, marks)
            for label, target, marks in self.space.step(node, task, offer)
        ]

    def _outcome(
        self, old: Layout, label: int, target: Node[StateT, EnvT, MemoryT], marks: Marks
    ) -> Outcome:
        anatomy = self.grounds.anatomy
        shape, sources = anatomy.take_apart(target, old.plan, resolve)
        new = self.grounds.layout(anatomy.plan(shape).number)
        after: list[int | tuple[int, Turn | None]] = []
        for cell, place in new.local.items():
            source = sources[cell]
            if isinstance(source, int):
                after.append(place.first(source))
            else:
                was = old.local[source[0]]
                after.append((was.at, self.grounds.turn(was, source[1], place)))
        turns: list[tuple[int, int | Turn]] = []
        same = len(new.local) == len(old.local)
        for at, each in enumerate(after, start=1):
            if isinstance(each, int):
                turns.append((at, each))
            else:
                same = same and each[0] == at
                if each[1] is not None:
                    turns.append((at, each[1]))
        step = self.grounds.step(new, sources)
        return label, step, turns, None if same else tuple(after), marks

    def _label(self, label: Label[InputT, TaskT]) -> int:
        number = self._label_numbers.get(label)
        if number is None:
            number = self._label_numbers[label] = len(self.labels)
            self.labels.append(label)
        return number


def _after(state: Packed, outcome: Outcome, alike: int) -> Packed:
    """The state after an outcome; where local objects are ``alike``, sorted."""
    _, step, turns, anew, _ = outcome
    if anew is None:
        new = list(state)
        for at, turn in turns:
            new[at] = turn if isinstance(turn, int) else turn[new[at]]
        del new[0]
    else:
        new = [each if isinstance(each, int) else _turned(state, *each) for each in anew]
    return (step[state[0]], *(sorted(new) if alike else new))


def _turned(state: Packed, at: int, turn: Turn | None) -> int:
    return state[at] if turn is None else turn[state[at]]


def _views(state: Packed) -> Sequence[Packed]:
    """The state as it is, and with each other local object in the place of the first."""
    if len(state) == 3:
        return (state, (state[0], state[2], state[1]))
    ground, first, *others = state
    views = [state]
    for at, other in enumerate(others):
        views.append((ground, other, *others[:at], first, *others[at + 1 :]))
    return views


def _trees(shaped: _Shaped) -> Iterator[Tree]:
    yield shaped.debts
    yield shaped.eager
    yield from dict.fromkeys(tree for tree, _ in shaped.parts)
    yield from shaped.ways.values()


def _evolved(env: EnvT, changes: Mapping[str, object]) -> EnvT:
    return attrs.evolve(env, **changes) if changes else env  # type: ignore[misc]  # attrs' plugin wants a class


__all__ = ["CompiledSpace", "Packed", "Symmetry"]
