"""A system's space, compiled: the model runs once for everything that it looks at.

The model is not copied, it is remembered.  A step is a pure function of a node.  While
it runs on a *watched* node (``watching``) it is seen which fields it reads, and its result
says which fields it changed; the rest it passed on.  On every node that agrees in what was
read the same step does the same to the rest: that is all that is used here.

So a step becomes a decision tree: which field to look at first, and for each value of it
which field next; at a leaf are the outcomes, each as changes of a few cells and the marks.
A node that meets an unknown value runs the model once more and the tree grows.  A global
step is then some look-ups and a splice of a tuple of numbers (``tables``).

What is compiled so is the tasks of the system, every part of the environment, and every step
with all that belongs to it: what the surroundings hear, the watch, the canonical form, and the
eager tasks that follow.  Nothing here knows background fetch.  The tests compare the compiled space
with the plain one, edge by edge.

*Symmetry.*  Where some objects may be exchanged with each other, a state is the one of its
permutations whose numbers are sorted.  A permutation of
interchangeable records is an automorphism, so the quotient is a bisimulation; what is owed
for ever is ``EF AG owed`` over fair steps, which bisimulation keeps, too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, cast

import attrs

from conformance.explore.plain import EnvT, Label, MemoryT, Node, Offer, SystemSpace
from conformance.explore.space import Edge, Marks
from conformance.explore.tables import Anatomy, Delta, Facet, Facets, Fixed, Kind, Plan, Source
from conformance.explore.watching import Copy, Recorder, Watched, raw, recording, resolve
from spec_model.kernel import InputT, OutputT, StateT, TaskT

Packed = tuple[int, ...]
"""The shape's number, then each cell's."""


class _Change:
    """One outcome of a step: what it does to the cells, and what it shows."""

    __slots__ = ("marks", "moves", "patch", "rebuilt", "shape")

    def __init__(self, shape: int, sources: Sequence[Source], marks: Marks, same: bool) -> None:
        self.marks, self.shape = marks, shape
        self.patch = [
            (at + 1, source if isinstance(source, int) else source[1])
            for at, source in enumerate(sources)
            if source != (at, None)
        ]
        # A cell that comes from elsewhere, or another shape: everything is put anew.
        moved = any(isinstance(s, tuple) and s[0] != at for at, s in enumerate(sources))
        self.rebuilt = None if same and not moved else list(sources)
        self.moves = True

    def after(self, state: Packed) -> Packed:
        """The state after the step."""
        if self.rebuilt is None:
            new = list(state)
            for at, change in self.patch:
                if change.__class__ is int:
                    new[at] = change
                else:
                    new[at] = change[new[at]]  # type: ignore[index]  # the other case
            return tuple(new)
        built = [self.shape]
        for source in self.rebuilt:
            if isinstance(source, int):
                built.append(source)
            else:
                at, delta = source
                built.append(state[at + 1] if delta is None else delta[state[at + 1]])
        return tuple(built)


_Inner = tuple[int, Facet | None, dict[int, Any]]


@attrs.frozen
class Symmetry:
    """Objects of a class that may be exchanged with each other, ``row`` by ``row``.

    ``move``: what such an object is when it stands at another place of its row.
    """

    cls: type[Any]
    row: int
    move: Callable[[Any, int], Any]


class _Moved(dict[int, int]):
    """A cell's number to that of the same object at another place."""

    def __init__(self, kind: Kind, move: Callable[[Any, int], Any], number: int) -> None:
        super().__init__()
        self.kind, self.move, self.number = kind, move, number

    def __missing__(self, cell: int) -> int:
        kind = self.kind
        item = kind.cls(**dict(zip(kind.names, kind.cells[cell], strict=True)))
        moved = self.move(item, self.number)
        new = self[cell] = kind.intern(tuple(getattr(moved, name) for name in kind.names))
        return new


def _planted(root: Any, levels: Sequence[tuple[int, Facets]], state: Packed, leaf: object) -> Any:
    """A tree of cells that knows one more leaf.

    Which cell is asked next is a function of those before it, so paths never disagree.
    """
    if not levels:
        return leaf
    root = root or (*levels[0], {})
    kids = root[2]
    for (at, facet), below in itertools.pairwise(levels):
        node = kids.setdefault(facet[state[at]], (*below, {}))
        kids = node[2]
    at, facet = levels[-1]
    kids[facet[state[at]]] = leaf
    return root


def _in_rows(cells: list[int], length: int) -> list[list[int]]:
    return [cells[at : at + length] for at in range(0, len(cells), length)]


@attrs.define(eq=False)
class _Tree:
    """A decision tree: what a function of a watched node gives.

    It is known field by field, ``root``, as the function reads; and again cell by cell, ``cells``,
    where a cell is asked once for all the fields of it that the tree ever asks for.  The second
    is shallow and is made of the first.
    """

    function: Callable[[Any], object]
    """Runs on a watched node and gives the leaf."""
    root: Any = None
    cells: Any = None
    fields: dict[int, set[str]] = attrs.field(factory=dict)
    misses: int = 0


@attrs.define(eq=False)
class _Shaped:
    """What is compiled for one shape.

    ``trees`` give the ways out of a state, each a tree of its outcomes.
    """

    plan: Plan
    debts: _Tree
    alike: list[list[tuple[int, _Moved, _Moved]]]
    trees: list[_Tree] = attrs.field(factory=list)
    ways: dict[object, _Tree] = attrs.field(factory=dict)


@attrs.define(eq=False)
class CompiledSpace(Generic[StateT, EnvT, InputT, TaskT, OutputT, MemoryT]):
    """The compiled form of a space; its states are tuples of numbers, its labels numbers.

    ``parts``: the environment's ``offers`` part by part, each of which reads little of the state.
    ``fixed`` is as ``tables`` says.
    """

    space: SystemSpace[StateT, EnvT, InputT, TaskT, OutputT, MemoryT]
    parts: Sequence[Callable[[EnvT, StateT], Any]]
    fixed: Fixed
    symmetry: Symmetry | None = None
    labels: list[Label[InputT, TaskT]] = attrs.field(factory=list)
    anatomy: Anatomy = attrs.field(init=False)
    misses: int = 0
    _shaped: list[_Shaped] = attrs.field(factory=list)
    _moves: dict[tuple[Kind, int], _Moved] = attrs.field(factory=dict)
    _label_numbers: dict[Label[InputT, TaskT], int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        start = type(self.space.start)
        self.anatomy = Anatomy({Node: frozenset(), **self.fixed}, frozenset({Node, start}))

    # --- the space --------------------------------------------------------------------

    @property
    def always(self) -> Mapping[str, str]:
        """As the plain space says."""
        return self.space.always

    @property
    def sometimes(self) -> Mapping[str, str]:
        """As the plain space says."""
        return self.space.sometimes

    @property
    def eventually(self) -> Mapping[str, str]:
        """As the plain space says."""
        return self.space.eventually

    def initial(self) -> list[Packed]:
        """One state."""
        return [self._sorted(self.packed(node)) for node in self.space.initial()]

    def form(self, node: Node[StateT, EnvT, MemoryT]) -> Packed:
        """The state that stands for a node of the plain space."""
        return self._sorted(self.packed(node))

    def fair(self, label: int) -> bool:
        """As the label says."""
        return self.labels[label].fair

    def owes(self, state: Packed) -> Marks:
        """As the plain space says."""
        shaped = self._at(state[0])
        debts: Marks = self._look_up(shaped.debts, state)
        return debts

    def packed(self, node: Node[StateT, EnvT, MemoryT]) -> Packed:
        """A node as numbers."""
        shape, sources = self.anatomy.take_apart(node, None)
        numbers = [source for source in sources if isinstance(source, int)]
        assert len(numbers) == len(sources)
        return (self.anatomy.plan(shape).number, *numbers)

    def node(self, state: Packed) -> Node[StateT, EnvT, MemoryT]:
        """The node that numbers stand for."""
        plan = self.anatomy.plans[state[0]]
        node: Node[StateT, EnvT, MemoryT] = self.anatomy.value(plan, state[1:])
        return node

    def successors(self, state: Packed) -> Iterator[Edge[int, Packed]]:
        """Every step, each prolonged by the eager tasks."""
        shaped = self._at(state[0])
        look_up, alike = self._look_up, shaped.alike
        for tree in shaped.trees:
            for way in look_up(tree, state):
                for label, step in look_up(way, state):
                    end = step.after(state)
                    if alike and step.moves:
                        end = self._sorted(end)
                    yield label, end, step.marks

    def _sorted(self, state: Packed) -> Packed:
        """The permutation of a state that stands for all of them."""
        for row in self._at(state[0]).alike:
            keys = [to_first[state[at]] for at, to_first, _ in row]
            in_order = sorted(keys)
            if keys != in_order:
                new = list(state)
                for (at, _, from_first), key in zip(row, in_order, strict=True):
                    new[at] = from_first[key]
                state = tuple(new)
        return state

    def _alike(self, plan: Plan) -> list[list[tuple[int, _Moved, _Moved]]]:
        """Rows of cells that may be exchanged, each with the way to the first place and back."""
        if self.symmetry is None:
            return []
        cells: dict[type[Any], list[int]] = {}
        for cell, kind in enumerate(plan.kinds):
            if kind.cls is self.symmetry.cls:
                cells.setdefault(kind.cls, []).append(cell)
        return [
            [
                (cell + 1, self._moved(plan.kinds[cell], 0), self._moved(plan.kinds[cell], number))
                for number, cell in enumerate(row)
            ]
            for whole in cells.values()
            for row in _in_rows(whole, self.symmetry.row)
        ]

    def _moved(self, kind: Kind, number: int) -> _Moved:
        assert self.symmetry is not None
        if (kind, number) not in self._moves:
            self._moves[kind, number] = _Moved(kind, self.symmetry.move, number)
        return self._moves[kind, number]

    # --- trees ------------------------------------------------------------------------

    def _look_up(self, tree: _Tree, state: Packed) -> Any:
        node = tree.cells
        while node.__class__ is tuple:
            at, facet, kids = node
            node = kids.get(facet[state[at]])
        return self._by_fields(tree, state) if node is None else node

    def _by_fields(self, tree: _Tree, state: Packed) -> Any:
        """The same field by field, which is how it is known; then it is known by cells, too."""
        node = tree.root
        asked: dict[int, None] = {}
        while node.__class__ is tuple:
            at, facet, kids = node
            asked[at] = None
            value = state[at]
            node = kids.get(value if facet is None else facet[value])
        if node is None:
            reads, node = self._grow(tree, state)
            for copy in reads:
                asked[copy.cell + 1] = None
                names = tree.fields.setdefault(copy.cell + 1, set())
                if copy.name not in names:
                    names.add(copy.name)
                    tree.cells = None
        kinds = self.anatomy.plans[state[0]].kinds
        levels = [(at, kinds[at - 1].facets(tree.fields[at])) for at in asked]
        tree.cells = _planted(tree.cells, levels, state, node)
        return node

    def _grow(self, tree: _Tree, state: Packed) -> tuple[Iterable[Copy], Any]:
        """Run the function on what the tree does not know yet; what it read, and the leaf."""
        self.misses += 1
        tree.misses += 1
        plan = self.anatomy.plans[state[0]]
        kinds = plan.kinds

        def value(copy: Copy) -> object:
            return kinds[copy.cell].cells[state[copy.cell + 1]][copy.index]

        recorder = Recorder(value)
        with recording(recorder):
            leaf = tree.function(self.anatomy.watched(plan))
        path = [(copy.cell + 1, kinds[copy.cell].facet(copy.name)) for copy in recorder.reads]
        self._graft(tree, path, leaf, state)
        return recorder.reads, leaf

    def _graft(
        self, tree: _Tree, path: list[tuple[int, Facet | None]], leaf: object, state: Packed
    ) -> None:
        kids: dict[int, Any] | None = None
        key = 0
        node = tree.root
        for at, facet in path:
            if node is None:
                node = (at, facet, {})
                if kids is None:
                    tree.root = node
                else:
                    kids[key] = node
            assert node[0] == at and node[1] is facet, "a function reads in a fixed order"
            kids = node[2]
            key = state[at] if facet is None else facet[state[at]]
            node = kids.get(key)
        if kids is None:
            tree.root = leaf
        else:
            kids[key] = leaf

    # --- compiling --------------------------------------------------------------------

    def _at(self, number: int) -> _Shaped:
        while len(self._shaped) <= number:
            self._shaped.append(self._compile(self.anatomy.plans[len(self._shaped)]))
        return self._shaped[number]

    def _compile(self, plan: Plan) -> _Shaped:
        shaped = _Shaped(plan, _Tree(self.space.owes), self._alike(plan))

        def tasks(node: Node[StateT, EnvT, MemoryT]) -> list[_Tree]:
            return [self._task(shaped, task) for task in self.space.tasks(node)]

        shaped.trees.append(_Tree(tasks))
        shaped.trees += [_Tree(self._offers_of(shaped, part)) for part in self.parts]
        return shaped

    def _offers_of(
        self, shaped: _Shaped, part: Callable[[EnvT, StateT], Any]
    ) -> Callable[[Node[StateT, EnvT, MemoryT]], object]:
        def ways(node: Node[StateT, EnvT, MemoryT]) -> list[_Tree]:
            return [self._offer(shaped, offer) for offer in part(node.env, node.state)]

        return ways

    def _task(self, shaped: _Shaped, task: TaskT) -> _Tree:
        if task not in shaped.ways:
            shaped.ways[task] = _Tree(lambda node: self._steps(shaped.plan, node, task, None))
        return shaped.ways[task]

    def _offer(self, shaped: _Shaped, offer: Offer[InputT, EnvT]) -> _Tree:
        """The way of an offer; its environment is kept as what changes."""
        given = raw(cast(Watched, offer.env))
        changes = {name: value for name, value in given.items() if not isinstance(value, Copy)}
        key = (offer.news, tuple(changes.items()), offer.owed)
        if key not in shaped.ways:

            def run(node: Node[StateT, EnvT, MemoryT]) -> object:
                made = attrs.evolve(offer, env=_evolved(node.env, changes))
                return self._steps(shaped.plan, node, None, made)

            shaped.ways[key] = _Tree(run)
        return shaped.ways[key]

    def _steps(
        self,
        plan: Plan,
        node: Node[StateT, EnvT, MemoryT],
        task: TaskT | None,
        offer: Offer[InputT, EnvT] | None,
    ) -> list[tuple[int, _Change]]:
        return [
            (self._label(label), self._change(plan, end, marks | more))
            for label, target, marks in self.space.step(node, task, offer)
            for end, more in self.space.settled(target)
        ]

    def _change(self, plan: Plan, target: Node[StateT, EnvT, MemoryT], marks: Marks) -> _Change:
        shape, sources = self.anatomy.take_apart(target, plan, resolve)
        new = self.anatomy.plan(shape)
        change = _Change(new.number, sources, marks, new is plan)
        if self.symmetry is not None and change.rebuilt is None:
            cls = self.symmetry.cls
            change.moves = any(plan.kinds[at - 1].cls is cls for at, _ in change.patch)
        return change

    def _label(self, label: Label[InputT, TaskT]) -> int:
        number = self._label_numbers.get(label)
        if number is None:
            number = self._label_numbers[label] = len(self.labels)
            self.labels.append(label)
        return number


def _evolved(env: EnvT, changes: Mapping[str, object]) -> EnvT:
    return attrs.evolve(env, **changes) if changes else env  # type: ignore[misc]  # attrs' plugin wants a class


__all__ = ["CompiledSpace", "Delta", "Packed", "Symmetry"]
