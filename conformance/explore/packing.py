"""How a state is written: the number of what is common, then a number for each local object.

Most of what a state is made of is shared: pages, queues, budgets, what is remembered.  The
objects of one class, the *local* ones, differ in many ways each and hardly know of each
other, so that states are nearly the product of the two.  All that is common is one *ground*,
a tuple of cell numbers that has a number itself; a state is a short tuple, and what a step
does to the ground is looked up once for all states that have it.

Where local objects are alike a state is the one of its permutations whose numbers are
sorted.  For that an object has the same number wherever it stands: the number of what it is
in the first place of its row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from conformance.explore.tables import Anatomy, Delta, Kind, Plan, Source

Packed = tuple[int, ...]
"""The ground's number, then each local cell's."""


@attrs.frozen
class Symmetry:
    """Local objects that may be exchanged with each other.

    ``move``: what such an object is when it stands at another place of its row.  ``first``: a
    task or a part of the surroundings that is about one of them, as that of the first, and its
    place; what is about none is as it is, at place 0.
    """

    move: Callable[[Any, int], Any]
    first: Callable[[object], tuple[object, int]]


class Moved(dict[int, int]):
    """A cell's number to that of the same object at another place."""

    def __init__(self, kind: Kind, move: Callable[[Any, int], Any], place: int) -> None:
        super().__init__()
        self.kind, self.move, self.place = kind, move, place

    def __missing__(self, cell: int) -> int:
        kind = self.kind
        new = self[cell] = kind.intern_item(self.move(kind.item(cell), self.place))
        return new


@attrs.frozen(eq=False)
class Place:
    """Where a local cell stands in a state, ``at``, and the way there from the first and back."""

    at: int
    there: Moved | None = None
    back: Moved | None = None

    def real(self, number: int) -> int:
        """The number of the cell that really stands here."""
        return number if self.there is None else self.there[number]

    def first(self, number: int) -> int:
        """The number that a cell here has in a state."""
        return number if self.back is None else self.back[number]


@attrs.define(eq=False)
class Layout:
    """How states of one shape are written: the cells of the ground, and the local ones."""

    plan: Plan
    ground: dict[int, int] = attrs.field(factory=dict)
    """Cell to place in the ground."""
    local: dict[int, Place] = attrs.field(factory=dict)

    def cells(self, ground: Sequence[int], state: Packed) -> list[int]:
        """The number of each cell."""
        numbers = [0] * len(self.plan.kinds)
        for cell, at in self.ground.items():
            numbers[cell] = ground[at]
        for cell, place in self.local.items():
            numbers[cell] = place.real(state[place.at])
        return numbers


class Step(dict[int, int]):
    """What a step makes of each ground: its number to the new one's."""

    def __init__(self, grounds: Grounds, layout: Layout, sources: tuple[Source, ...]) -> None:
        super().__init__()
        self.grounds, self.layout, self.sources = grounds, layout, sources

    def __missing__(self, ground: int) -> int:
        before, old = self.grounds.all[ground]
        cells = []
        for source in self.sources:
            if isinstance(source, int):
                cells.append(source)
            else:
                cell, delta = source
                number = old[before.ground[cell]]
                cells.append(number if delta is None else delta[number])
        new = self[ground] = self.grounds.number(self.layout, tuple(cells))
        return new


class Turn(dict[int, int]):
    """What a step makes of a local object, by the numbers that states have."""

    def __init__(self, old: Place, delta: Delta | None, new: Place) -> None:
        super().__init__()
        self.old, self.delta, self.new = old, delta, new

    def __missing__(self, number: int) -> int:
        cell = self.old.real(number)
        new = self[number] = self.new.first(cell if self.delta is None else self.delta[cell])
        return new


@attrs.define(eq=False)
class Grounds:
    """All grounds that were met, with their layouts; and all steps between them.

    ``apart``: the class of the local objects.
    """

    anatomy: Anatomy
    apart: type[Any] | None
    symmetry: Symmetry | None
    all: list[tuple[Layout, tuple[int, ...]]] = attrs.field(factory=list)
    layouts: list[Layout] = attrs.field(factory=list)
    _numbers: dict[tuple[int, tuple[int, ...]], int] = attrs.field(factory=dict)
    _steps: dict[tuple[int, tuple[Source, ...]], Step] = attrs.field(factory=dict)
    _turns: dict[tuple[int, Delta | None, int], Turn] = attrs.field(factory=dict)
    _moved: dict[tuple[int, int], Moved] = attrs.field(factory=dict)

    def number(self, layout: Layout, ground: tuple[int, ...]) -> int:
        """The number of a ground."""
        key = layout.plan.number, ground
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.all)
            self.all.append((layout, ground))
        return number

    def layout(self, number: int) -> Layout:
        """The layout of the shape with this number."""
        while len(self.layouts) <= number:
            self.layouts.append(self._lay_out(self.anatomy.plans[len(self.layouts)]))
        return self.layouts[number]

    def _lay_out(self, plan: Plan) -> Layout:
        layout = Layout(plan)
        for cell, kind in enumerate(plan.kinds):
            if kind.cls is self.apart:
                place = len(layout.local)
                ways = self._to(kind, place), self._to(kind, 0)
                alike = self.symmetry is not None and place > 0
                layout.local[cell] = Place(place + 1, *(ways if alike else ()))
            else:
                layout.ground[cell] = len(layout.ground)
        return layout

    def _to(self, kind: Kind, place: int) -> Moved | None:
        if self.symmetry is None:
            return None
        key = id(kind), place
        if key not in self._moved:
            self._moved[key] = Moved(kind, self.symmetry.move, place)
        return self._moved[key]

    def pack(self, plan: Plan, cells: Sequence[int]) -> Packed:
        """The state with these cells."""
        layout = self.layout(plan.number)
        ground = self.number(layout, tuple(cells[cell] for cell in layout.ground))
        return (ground, *(place.first(cells[cell]) for cell, place in layout.local.items()))

    def cells(self, state: Packed) -> list[int]:
        """The cells of a state."""
        layout, ground = self.all[state[0]]
        return layout.cells(ground, state)

    def step(self, new: Layout, sources: Sequence[Source]) -> Step:
        """What sources of every cell say about the ground."""
        own = tuple(sources[cell] for cell in new.ground)
        key = new.plan.number, own
        if key not in self._steps:
            self._steps[key] = Step(self, new, own)
        return self._steps[key]

    def turn(self, old: Place, delta: Delta | None, new: Place) -> Turn | None:
        """What becomes of a local object; None: it stays as it is, where it is."""
        if delta is None and old.at == new.at:
            return None
        key = old.at, delta, new.at
        if key not in self._turns:
            self._turns[key] = Turn(old, delta, new)
        return self._turns[key]
