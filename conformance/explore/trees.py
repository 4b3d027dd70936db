"""A pure function of a node, remembered as a decision tree that grows as it is asked.

What a function looks at first is fixed; what it looks at next depends on what it has
seen.  So its runs on *watched* nodes (``watching``) make a tree: which aspect of which
cell, and for each value of it a subtree; the leaf is what the function gave.  That is
``root``: it has one path for each run of the function, and is all that is known.

It is deep.  For speed the same is kept a second time, by ground: for each one a tree that
asks only local cells, each once, for all aspects of it that the tree ever asks for (``packing``).
Grounds that agree in what is ever asked share such a tree.  Which local cell is asked next
is a function of the ground and the cells before it, so paths never disagree.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from conformance.explore.packing import Grounds, Packed, Place
from conformance.explore.tables import Facet, Facets, Plan
from conformance.explore.watching import Aspect, Recorder, Token, recording


class _Here(dict[int, int]):
    """Aspects of a local cell, by the numbers that states have."""

    def __init__(self, place: Place, facets: Facets) -> None:
        super().__init__()
        self.place, self.facets = place, facets

    def __missing__(self, number: int) -> int:
        value = self[number] = self.facets[self.place.real(number)]
        return value


@attrs.define(eq=False)
class Tree:
    """What ``function`` gives for a watched node; never None, nor a tuple."""

    function: Callable[[Any], object]
    root: Any = None
    by_ground: dict[int, Any] = attrs.field(factory=dict)
    misses: int = 0
    _asked: dict[int, dict[Aspect, None]] = attrs.field(factory=dict)
    _ground: list[tuple[int, Facets | None]] = attrs.field(factory=list)
    _local: dict[int, tuple[int, _Here]] = attrs.field(factory=dict)
    _alike: dict[tuple[int, ...], Any] = attrs.field(factory=dict)

    def look_up(self, grounds: Grounds, state: Packed) -> Any:
        """The leaf of a state."""
        node = self.by_ground.get(state[0])
        while node.__class__ is tuple:
            at, facets, kids = node
            node = kids.get(facets[state[at]])
        return self.learn(grounds, state) if node is None else node

    def asks_local(self, ground: int) -> bool:
        """Whether its leaves depend on local objects, too; only for a ground that is known."""
        return self.by_ground[ground].__class__ is tuple

    def learn(self, grounds: Grounds, state: Packed) -> Any:
        """The leaf, found by ``root`` or by running the function; then it is known by ground."""
        layout, ground = grounds.all[state[0]]
        plan = layout.plan
        cells = layout.cells(ground, state)
        node = self.root
        asked: dict[int, None] = {}
        while node.__class__ is tuple:
            cell, facet, kids = node
            asked[cell] = None
            node = kids.get(cells[cell] if facet is None else facet[cells[cell]])
        if node is None:
            reads, node = self._run(grounds, plan, cells)
            asked = dict.fromkeys(token.cell for token in reads)
            self._note(grounds, plan, reads)
        levels = [self._local[cell] for cell in asked if cell in self._local]
        known = self.by_ground.get(state[0])
        if known is not None:
            _planted(known, levels, state, node)
            return node
        key = tuple(
            cells[cell] if facets is None else facets[cells[cell]] for cell, facets in self._ground
        )
        self._alike[key] = _planted(self._alike.get(key), levels, state, node)
        self.by_ground[state[0]] = self._alike[key]
        return node

    def _note(self, grounds: Grounds, plan: Plan, reads: Iterable[Token]) -> None:
        """Where something new is asked, what is known by ground is forgotten."""
        fresh = False
        for token in reads:
            aspects = self._asked.setdefault(token.cell, {})
            if token.aspect not in aspects:
                aspects[token.aspect] = None
                fresh = True
        if not fresh:
            return
        layout = grounds.layout(plan.number)
        self.by_ground.clear()
        self._alike.clear()
        self._ground, self._local = [], {}
        for cell, aspects in self._asked.items():
            facets = plan.kinds[cell].facets(aspects)
            place = layout.local.get(cell)
            if place is None:
                self._ground.append((cell, facets))
            else:
                assert facets is not None, "a local object has many fields"
                self._local[cell] = place.at, _Here(place, facets)

    def _run(self, grounds: Grounds, plan: Plan, cells: list[int]) -> tuple[Iterable[Token], Any]:
        """Run the function on what is not known yet: what it read, and the leaf."""
        self.misses += 1
        kinds = plan.kinds

        def value(token: Token) -> object:
            return kinds[token.cell].value(cells[token.cell], token.aspect)

        recorder = Recorder(value)
        with recording(recorder):
            leaf = self.function(grounds.anatomy.watched(plan))
        path = [(token.cell, kinds[token.cell].facet(token.aspect)) for token in recorder.reads]
        self._graft(path, leaf, cells)
        return recorder.reads, leaf

    def _graft(self, path: list[tuple[int, Facet | None]], leaf: object, cells: list[int]) -> None:
        kids: dict[int, Any] | None = None
        key = 0
        node = self.root
        for cell, facet in path:
            if node is None:
                node = (cell, facet, {})
                if kids is None:
                    self.root = node
                else:
                    kids[key] = node
            assert node[0] == cell and node[1] is facet, "a function reads in a fixed order"
            kids = node[2]
            key = cells[cell] if facet is None else facet[cells[cell]]
            node = kids.get(key)
        if kids is None:
            self.root = leaf
        else:
            kids[key] = leaf


def _planted(root: Any, levels: list[tuple[int, _Here]], state: Packed, leaf: object) -> Any:
    """A tree of local cells that knows one more leaf."""
    if not levels:
        return leaf
    root = root or (*levels[0], {})
    kids = root[2]
    for (at, facets), below in itertools.pairwise(levels):
        node = kids.setdefault(facets[state[at]], (*below, {}))
        kids = node[2]
    at, facets = levels[-1]
    kids[facets[state[at]]] = leaf
    return root
