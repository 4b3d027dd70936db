"""A value taken apart into cells of interned parts, and what can be done with a cell.

A state is a tree of attrs objects and tuples.  Its *shape* is the tree without what
varies: which objects there are and where, and the fields that are *fixed*.  What varies
of one object is its *cell*: a tuple of field values, interned to a small number.  So a
state is a shape and one number for each cell.  Objects of a class that is *split* have a
cell for each field.

- A ``Kind`` interns the cells of one class and set of fields.
- A ``Facet`` is one aspect of them (``watching``): cell number to value number.
- ``Facets`` are several aspects together.
- A ``Delta`` is what a chain of changes makes of them: cell number to cell number.

The last three are dictionaries that fill themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from conformance.explore.watching import (
    Aspect,
    Chain,
    Copy,
    Later,
    Put,
    Watched,
    done,
    raw,
    watched_class,
)

Fixed = Mapping[type[Any], frozenset[str]]
"""The classes that are taken apart, with the fields that belong to the shape."""


@attrs.frozen(cache_hash=True)
class Tree:
    """The shape of one object: ``fixed`` fields, fields that hold objects, and the others."""

    cls: type[Any]
    fixed: tuple[tuple[str, object], ...]
    inner: tuple[tuple[str, Shape], ...]
    atoms: tuple[str, ...]


@attrs.frozen(cache_hash=True)
class Row:
    """The shape of a tuple that holds objects."""

    items: tuple[Shape, ...]


@attrs.frozen
class Atom:
    """Within a row: a value that is not taken apart; it belongs to the shape."""

    value: object


Shape = Tree | Row | Atom


class Facet(dict[int, int]):
    """One aspect of the cells of a kind."""

    def __init__(self, kind: Kind, aspect: Aspect) -> None:
        super().__init__()
        self.kind, self.aspect = kind, aspect
        self.values_of: dict[object, int] = {}

    def __missing__(self, cell: int) -> int:
        value = self.kind.value(cell, self.aspect)
        number = self[cell] = self.values_of.setdefault(value, len(self.values_of))
        return number


class Facets(dict[int, int]):
    """Several aspects of the cells of a kind together."""

    def __init__(self, parts: tuple[Facet, ...]) -> None:
        super().__init__()
        self.parts = parts
        self.values_of: dict[tuple[int, ...], int] = {}

    def __missing__(self, cell: int) -> int:
        key = tuple(part[cell] for part in self.parts)
        number = self[cell] = self.values_of.setdefault(key, len(self.values_of))
        return number


class Delta(dict[int, int]):
    """What a chain of changes makes of each cell of a kind."""

    def __init__(self, kind: Kind, chain: Chain) -> None:
        super().__init__()
        self.kind, self.chain = kind, chain

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none; this one is itself only
        return id(self)

    def __missing__(self, cell: int) -> int:
        number = self[cell] = self.kind.changed(cell, self.chain)
        return number


@attrs.define(eq=False)
class Kind:
    """The cells of one class with one set of fields.

    ``whole``: these are all the fields, so that a cell is an object.
    """

    cls: type[Any]
    names: tuple[str, ...]
    whole: bool = attrs.field(init=False)
    cells: list[tuple[object, ...]] = attrs.field(factory=list)
    _numbers: dict[tuple[object, ...], int] = attrs.field(factory=dict)
    _facets: dict[Aspect, Facet] = attrs.field(factory=dict)
    _together: dict[tuple[Aspect, ...], Facets] = attrs.field(factory=dict)
    _deltas: dict[Chain, Delta] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.whole = self.names == _names(self.cls)  # type: ignore[arg-type]  # classes are hashable

    def intern(self, values: tuple[object, ...]) -> int:
        """The number of a cell."""
        number = self._numbers.get(values)
        if number is None:
            number = self._numbers[values] = len(self.cells)
            self.cells.append(values)
        return number

    def item(self, cell: int) -> Any:
        """The object that a cell is; only where it is ``whole``."""
        return self.cls(*self.cells[cell])

    def intern_item(self, item: Any) -> int:
        """The number of an object's cell; only where it is ``whole``."""
        return self.intern(tuple(getattr(item, name) for name in self.names))

    def value(self, cell: int, aspect: Aspect) -> object:
        """What an aspect of a cell is."""
        if isinstance(aspect, str):
            return self.cells[cell][self.names.index(aspect)]
        return aspect(self.item(cell))

    def changed(self, cell: int, chain: Chain) -> int:
        """The number of what a chain makes of a cell."""
        if len(chain) == 1 and isinstance(chain[0], Put):
            changes = dict(chain[0].changes)
            old = zip(self.names, self.cells[cell], strict=True)
            return self.intern(tuple(changes.get(name, value) for name, value in old))
        return self.intern_item(done(chain, self.item(cell)))

    def facet(self, aspect: Aspect) -> Facet | None:
        """One aspect; None where the cell has no other, and its number will do."""
        if len(self.names) == 1:
            return None
        if aspect not in self._facets:
            self._facets[aspect] = Facet(self, aspect)
        return self._facets[aspect]

    def facets(self, aspects: Iterable[Aspect]) -> Facets | None:
        """Several aspects together; None as for ``facet``."""
        if len(self.names) == 1:
            return None
        key = tuple(aspects)
        if key not in self._together:
            parts = (self.facet(aspect) for aspect in key)
            self._together[key] = Facets(tuple(part for part in parts if part is not None))
        return self._together[key]

    def delta(self, chain: Chain) -> Delta:
        """A chain of changes."""
        if chain not in self._deltas:
            self._deltas[chain] = Delta(self, chain)
        return self._deltas[chain]


Source = tuple[int, Delta | None] | int
"""Where a cell comes from: an old cell, perhaps changed, or the number of a new one."""


@attrs.define(eq=False)
class Plan:
    """One shape with its kinds: how a tuple of numbers is read.

    Objects are numbered as places in the order in which the tree is walked.  ``watched``: the
    watched value, of which there is one; ``known``: the identity of everything in it, with its
    shape and cells.
    """

    shape: Shape
    number: int
    kinds: list[Kind] = attrs.field(factory=list)
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
    _known_cells: dict[
        tuple[type[Any], tuple[str, ...]], tuple[tuple[str, ...], list[tuple[str, ...]]]
    ] = attrs.field(factory=dict)

    def kind(self, cls: type[Any], names: tuple[str, ...]) -> Kind:
        """The kind of cells of a class with these fields."""
        if (cls, names) not in self._kinds:
            self._kinds[cls, names] = Kind(cls, names)
        return self._kinds[cls, names]

    def groups(self, cls: type[Any], atoms: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The fields of each cell of an object."""
        if cls in self.split:
            return [(name,) for name in atoms]
        return [atoms] if atoms else []

    def plan(self, shape: Shape) -> Plan:
        """The plan of a shape."""
        known = self._by_shape.get(shape)
        if known is not None:
            return known
        plan = Plan(shape, len(self.plans))
        self._lay_out(plan, shape)
        self.plans.append(plan)
        self._by_shape[shape] = plan
        return plan

    def _lay_out(self, plan: Plan, shape: Shape) -> None:
        if isinstance(shape, Row):
            for item in shape.items:
                self._lay_out(plan, item)
        elif isinstance(shape, Tree):
            plan.kinds += (
                self.kind(shape.cls, names) for names in self.groups(shape.cls, shape.atoms)
            )
            for _, inner in shape.inner:
                self._lay_out(plan, inner)

    # --- taking apart -----------------------------------------------------------------

    def _holds(self, value: object) -> bool:
        if value.__class__ is Copy:
            return False
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
        names = _names(cls)  # type: ignore[arg-type]  # classes are hashable
        if isinstance(value, Watched):
            values = raw(value)
        else:
            values = {name: getattr(value, name) for name in names}
        still = self.fixed[cls]
        holders = tuple(n for n in names if n not in still and self._holds(values[n]))
        atoms, groups = self._cells(cls, holders)
        for group in groups:
            sources.append(self._source(cls, group, values, old, read))
        fixed = tuple((name, values[name]) for name in names if name in still)
        inner = tuple((name, self._take(values[name], old, read, sources)) for name in holders)
        return Tree(cls, fixed, inner, atoms)

    def _cells(
        self, cls: type[Any], holders: tuple[str, ...]
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The fields of an object that are not taken apart, and those of each cell."""
        key = cls, holders
        if key not in self._known_cells:
            apart = {*self.fixed[cls], *holders}
            names = _names(cls)  # type: ignore[arg-type]  # classes are hashable
            atoms = tuple(name for name in names if name not in apart)
            self._known_cells[key] = atoms, self.groups(cls, atoms)
        return self._known_cells[key]

    def _source(
        self,
        cls: type[Any],
        names: tuple[str, ...],
        values: Mapping[str, object],
        old: Plan | None,
        read: Any,
    ) -> Source:
        kind = self.kind(cls, names)
        only = values[names[0]]
        if isinstance(only, Copy) and len(names) == 1 and only.name == names[0]:
            if old is not None and old.kinds[only.cell] is kind:
                return (only.cell, None)
        tokens = {name: t for name in names if isinstance(t := values[name], Copy | Later)}
        homes = {(token.cell, token.chain) for token in tokens.values()}
        if len(homes) == 1 and old is not None:
            ((cell, chain),) = homes
            own = all(token.name == name for name, token in tokens.items())
            if own and old.kinds[cell] is kind:
                others = tuple((name, values[name]) for name in names if name not in tokens)
                chain = (*chain, Put(others)) if others else chain
                return (cell, kind.delta(chain) if chain else None)
        return kind.intern(
            tuple(read(tokens[name]) if name in tokens else values[name] for name in names)
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
        for names in self.groups(shape.cls, shape.atoms):
            kind = self.kind(shape.cls, names)
            if numbers is None:
                values |= {name: Copy(place, name, cells[0], kind.whole) for name in names}
            else:
                values |= dict(zip(names, kind.cells[numbers[cells[0]]], strict=True))
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
