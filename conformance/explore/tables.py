"""A value taken apart into cells of interned parts, and what can be done with a cell.

A state is a tree of attrs objects and tuples.  Its *shape* is the tree without what
varies: which objects there are and where, and the fields that are *fixed*.  What varies
of one object is its *cell*: a tuple of field values, interned to a small number.  So a
state is one tuple of numbers: the shape's, then one for each cell.  Objects of a class
that is *split* have a cell for each field.

- A ``Kind`` interns the cells of one class and set of fields.
- A ``Facet`` is one field of them: cell number to value number.
- ``Facets`` are several fields together.
- A ``Delta`` changes some fields and keeps the others: cell number to cell number.

The last three are dictionaries that fill themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from conformance.explore.watching import Copy, Watched, raw, watched_class

Fixed = Mapping[type[Any], frozenset[str]]
"""The classes that are taken apart, with the fields that belong to the shape."""


@attrs.frozen
class Tree:
    """The shape of one object: ``fixed`` fields, fields that hold objects, and the others."""

    cls: type[Any]
    fixed: tuple[tuple[str, object], ...]
    inner: tuple[tuple[str, Shape], ...]
    atoms: tuple[str, ...]


@attrs.frozen
class Row:
    """The shape of a tuple that holds objects."""

    items: tuple[Shape, ...]


@attrs.frozen
class Atom:
    """Within a row: a value that is not taken apart; it belongs to the shape."""

    value: object


Shape = Tree | Row | Atom


class Facet(dict[int, int]):
    """One field of the cells of a kind."""

    def __init__(self, kind: Kind, name: str) -> None:
        super().__init__()
        self.kind, self.at = kind, kind.names.index(name)
        self.values_of: dict[object, int] = {}

    def __missing__(self, cell: int) -> int:
        value = self.kind.cells[cell][self.at]
        number = self[cell] = self.values_of.setdefault(value, len(self.values_of))
        return number


class Facets(dict[int, int]):
    """Several fields of the cells of a kind together."""

    def __init__(self, kind: Kind, places: tuple[int, ...]) -> None:
        super().__init__()
        self.kind, self.places = kind, places
        self.values_of: dict[tuple[object, ...], int] = {}

    def __missing__(self, cell: int) -> int:
        values = self.kind.cells[cell]
        key = tuple(values[at] for at in self.places)
        number = self[cell] = self.values_of.setdefault(key, len(self.values_of))
        return number


class Delta(dict[int, int]):
    """What changing some fields makes of each cell of a kind."""

    def __init__(self, kind: Kind, changes: tuple[tuple[str, object], ...]) -> None:
        super().__init__()
        self.kind = kind
        self.changes = tuple((kind.names.index(name), value) for name, value in changes)

    def __missing__(self, cell: int) -> int:
        values = list(self.kind.cells[cell])
        for at, value in self.changes:
            values[at] = value
        number = self[cell] = self.kind.intern(tuple(values))
        return number


@attrs.define(eq=False)
class Kind:
    """The cells of one class with one set of fields."""

    cls: type[Any]
    names: tuple[str, ...]
    cells: list[tuple[object, ...]] = attrs.field(factory=list)
    _numbers: dict[tuple[object, ...], int] = attrs.field(factory=dict)
    _facets: dict[str, Facet] = attrs.field(factory=dict)
    _together: dict[tuple[int, ...], Facets] = attrs.field(factory=dict)
    _deltas: dict[tuple[tuple[str, object], ...], Delta] = attrs.field(factory=dict)

    def intern(self, values: tuple[object, ...]) -> int:
        """The number of a cell."""
        number = self._numbers.get(values)
        if number is None:
            number = self._numbers[values] = len(self.cells)
            self.cells.append(values)
        return number

    def facet(self, name: str) -> Facet | None:
        """One field; None where the cell has no other, and its number will do."""
        if len(self.names) == 1:
            return None
        if name not in self._facets:
            self._facets[name] = Facet(self, name)
        return self._facets[name]

    def facets(self, names: Iterable[str]) -> Facets:
        """Several fields together."""
        places = tuple(sorted(self.names.index(name) for name in names))
        if places not in self._together:
            self._together[places] = Facets(self, places)
        return self._together[places]

    def delta(self, changes: tuple[tuple[str, object], ...]) -> Delta:
        """A change of some fields."""
        if changes not in self._deltas:
            self._deltas[changes] = Delta(self, changes)
        return self._deltas[changes]


Source = tuple[int, Delta | None] | int
"""Where a cell comes from: an old cell, perhaps changed, or the number of a new one."""


@attrs.define(eq=False)
class Plan:
    """One shape with its kinds: how a tuple of numbers is read.

    ``where``: the cell and the kind of each place and field.  Objects are numbered as places
    in the order in which the tree is walked.  ``watched``: the watched value, of which there is
    one; ``known``: the identity of everything in it, with its shape and cells.
    """

    shape: Shape
    number: int
    kinds: list[Kind] = attrs.field(factory=list)
    where: dict[tuple[int, str], int] = attrs.field(factory=dict)
    watched: Any = None
    known: dict[int, tuple[Shape, Sequence[Source]]] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Anatomy:
    """Takes values apart and puts them together."""

    fixed: Fixed
    split: frozenset[type[Any]] = frozenset()
    plans: list[Plan] = attrs.field(factory=list)
    _by_shape: dict[Shape, Plan] = attrs.field(factory=dict)
    _kinds: dict[tuple[type[Any], tuple[str, ...]], Kind] = attrs.field(factory=dict)

    def kind(self, cls: type[Any], names: tuple[str, ...]) -> Kind:
        """The kind of cells of a class with these fields."""
        if (cls, names) not in self._kinds:
            self._kinds[cls, names] = Kind(cls, names)
        return self._kinds[cls, names]

    def groups(self, tree: Tree) -> list[tuple[str, ...]]:
        """The fields of each cell of an object."""
        if tree.cls in self.split:
            return [(name,) for name in tree.atoms]
        return [tree.atoms] if tree.atoms else []

    def plan(self, shape: Shape) -> Plan:
        """The plan of a shape."""
        known = self._by_shape.get(shape)
        if known is not None:
            return known
        plan = Plan(shape, len(self.plans))
        places = [0]
        self._lay_out(plan, shape, places)
        self.plans.append(plan)
        self._by_shape[shape] = plan
        return plan

    def _lay_out(self, plan: Plan, shape: Shape, places: list[int]) -> None:
        if isinstance(shape, Row):
            for item in shape.items:
                self._lay_out(plan, item, places)
        elif isinstance(shape, Tree):
            place = places[0]
            places[0] += 1
            for names in self.groups(shape):
                for name in names:
                    plan.where[place, name] = len(plan.kinds)
                plan.kinds.append(self.kind(shape.cls, names))
            for _, inner in shape.inner:
                self._lay_out(plan, inner, places)

    # --- taking apart -----------------------------------------------------------------

    def _holds(self, value: object) -> bool:
        if isinstance(value, tuple):
            return any(self._holds(item) for item in value)
        return isinstance(value, Watched) or type(value) in self.fixed

    def take_apart(
        self, value: object, old: Plan | None, read: Any = None
    ) -> tuple[Shape, list[Source]]:
        """The shape of a value, which may be watched, and where each of its cells comes from.

        ``read`` resolves a token of another object's field.
        """
        sources: list[Source] = []
        shape = self._take(value, old, read, sources)
        return shape, sources

    def _take(self, value: object, old: Plan | None, read: Any, sources: list[Source]) -> Shape:
        if old is not None and id(value) in old.known:
            shape, cells = old.known[id(value)]
            sources += cells
            return shape
        if isinstance(value, tuple):
            return Row(tuple(self._take(item, old, read, sources) for item in value))
        watched = isinstance(value, Watched)
        if not watched and type(value) not in self.fixed:
            return Atom(value)
        cls: type[Any] = type(value).__mro__[1] if watched else type(value)
        fields = _names(cls)  # type: ignore[arg-type]  # classes are hashable
        if isinstance(value, Watched):
            values = raw(value)
        else:
            values = {name: getattr(value, name) for name in fields}
        fixed, holders, atoms = [], [], []
        for name in fields:
            if name in self.fixed[cls]:
                fixed.append((name, values[name]))
            elif self._holds(values[name]):
                holders.append(name)
            else:
                atoms.append(name)
        tree = Tree(cls, tuple(fixed), (), tuple(atoms))
        for names in self.groups(tree):
            sources.append(self._source(cls, names, values, old, read))
        inner = [(name, self._take(values[name], old, read, sources)) for name in holders]
        return attrs.evolve(tree, inner=tuple(inner))

    def _source(
        self,
        cls: type[Any],
        names: tuple[str, ...],
        values: Mapping[str, object],
        old: Plan | None,
        read: Any,
    ) -> Source:
        kind = self.kind(cls, names)
        cells = {
            old.where[copy.place, copy.name]
            for copy in (values[name] for name in names)
            if isinstance(copy, Copy) and old is not None
        }
        if len(cells) == 1 and old is not None:
            (cell,) = cells
            own = all(
                not isinstance(copy := values[name], Copy) or copy.name == name for name in names
            )
            if old.kinds[cell] is kind and own:
                changes = tuple(
                    (name, values[name]) for name in names if not isinstance(values[name], Copy)
                )
                return (cell, kind.delta(changes) if changes else None)
        return kind.intern(
            tuple(read(v) if isinstance(v := values[name], Copy) else v for name in names)
        )

    # --- putting together -------------------------------------------------------------

    def watched(self, plan: Plan) -> Any:
        """The watched value of a shape: every field that varies is a token."""
        if plan.watched is None:
            plan.watched = self._build(plan.shape, [0], None, [0], plan.known)
        return plan.watched

    def value(self, plan: Plan, numbers: tuple[int, ...]) -> Any:
        """The value that a shape and its cells' numbers stand for."""
        return self._build(plan.shape, [0], numbers, [0], {})

    def _build(
        self,
        shape: Shape,
        places: list[int],
        numbers: tuple[int, ...] | None,
        cells: list[int],
        known: dict[int, tuple[Shape, Sequence[Source]]],
    ) -> Any:
        if isinstance(shape, Atom):
            return shape.value
        first = cells[0]
        if isinstance(shape, Row):
            row = tuple(self._build(s, places, numbers, cells, known) for s in shape.items)
            if row:
                known[id(row)] = shape, [(cell, None) for cell in range(first, cells[0])]
            return row
        place = places[0]
        places[0] += 1
        values: dict[str, object] = dict(shape.fixed)
        for names in self.groups(shape):
            if numbers is None:
                values |= {n: Copy(place, n, cells[0], at) for at, n in enumerate(names)}
            else:
                cell = self.kind(shape.cls, names).cells[numbers[cells[0]]]
                values |= dict(zip(names, cell, strict=True))
            cells[0] += 1
        for name, inner in shape.inner:
            values[name] = self._build(inner, places, numbers, cells, known)
        if numbers is not None:
            return shape.cls(**values)
        item = watched_class(shape.cls)(**values)  # type: ignore[arg-type]  # classes are hashable
        known[id(item)] = shape, [(cell, None) for cell in range(first, cells[0])]
        return item


@functools.cache
def _names(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(cls))
