"""The shortest scenario by which two readings of the text can be told apart.

A reading can be told from another one if it shows something, after some inputs, that the
other cannot show after the same, whatever it does first and whichever freedom it takes.  So
one reading is walked, and beside each of its nodes there is a *belief*: every node that the
other can be in after what was seen so far, over all orders of its tasks and all choices that
conform.  (This is the subset construction: the other reading as an automaton over what is
seen, made deterministic on the way.)  An output that no node of the belief can show next
tells them apart.  So does what a page reads of its object when nothing moves; and so does
silence, where nothing more is owed to the first and every node of the belief still has
something to show.

What is seen is what pages, the worker and servers see, and the interface where somebody
looks, in one order: that of a harness with one clock.  Inputs are the surroundings', which
give the other reading the same, also where it would not have asked for it.  A belief may be
too large, never too small: a difference is one, and "no difference" holds up to the bounds.

A walk takes the system's own order and its defaults, and waits until nothing moves before it
goes on: then its scenario runs as it stands.  Where nothing is found so, it takes every
choice, then every order, and at last both.  What a walk then needs is named: its choices and
its races.  Walks of all scopes grow together, one step at a time, so that the first
difference met is a shortest one of its kind.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import attrs

from conformance.explore.background_fetch import EAGER
from conformance.explore.desk import Desk, Surroundings, start
from conformance.explore.forget import Forget
from conformance.explore.memory import Step as Move
from conformance.explore.observing import Looked, looks, meant, public
from conformance.explore.plain import Node, Offer, SystemSpace
from conformance.explore.scope import Order, Scope
from conformance.explore.space import NO_MARKS, Marks, Sentences
from conformance.explore.trail import Stride, races
from spec_model.choices import AS_WRITTEN_READING, CHOICES
from spec_model.editions import Edition
from spec_model.messages import Input, Output
from spec_model.state import State, UnknownName
from spec_model.system import BACKGROUND_FETCH
from spec_model.tasks import Task

LITERAL = frozenset(
    f"{choice.key}={AS_WRITTEN_READING}"
    for choice in CHOICES.values()
    if AS_WRITTEN_READING in choice.options
)
"""Literal readings that an edition would admit beside its own: here editions are the readings."""


@attrs.frozen(cache_hash=True)
class Told:
    """What a step showed: to observers, and as the model says it."""

    seen: tuple[Output, ...] = ()
    outputs: tuple[Output, ...] = ()


NOTHING_TOLD = Told()

_Node: TypeAlias = Node[State, Desk, Told]
_Space: TypeAlias = SystemSpace[State, Desk, Input, Task, Output, Told]
_Belief: TypeAlias = frozenset[tuple[_Node, tuple[Output, ...]]]
"""Nodes, each with what it has shown already and was not seen yet."""


@attrs.frozen
class Telling:
    """A watch that keeps what was shown and judges nothing."""

    sentences = Sentences()

    def begin(self) -> Told:
        """Nothing yet."""
        return NOTHING_TOLD

    def see(self, memory: Told, move: Move) -> tuple[Told, Marks]:
        """What was shown until now, and what this step shows."""
        if not move.outputs:
            return memory, NO_MARKS
        seen = tuple(public(output, move.after) for output in move.outputs)
        return Told(memory.seen + seen, memory.outputs + move.outputs), NO_MARKS

    def owes(self, state: State, env: Desk, memory: Told) -> Marks:
        """Nothing."""
        return NO_MARKS


def _space(scope: Scope, edition: Edition, order: Order, choices: bool) -> _Space:
    return SystemSpace(
        BACKGROUND_FETCH,
        start(scope),
        Surroundings(scope),
        Telling(),
        edition,
        # The canonical form hands the memory on, whatever it is.
        canonical=Forget(scope),  # type: ignore[arg-type]
        eager=EAGER[order],
        barred=LITERAL,
        choose_all=choices,
    )


@attrs.frozen
class Difference:
    """How ``first`` is told from ``second``: what it does, step by step, and shows last.

    ``shown`` is what the other cannot show there, or what a page cannot read in it when nothing
    moves; None: it cannot be silent there.
    ``races``: what went before what, where the system's own order does not do.  ``choices``:
    the user agent's, where not their defaults.
    """

    scope: Scope
    first: Edition
    second: Edition
    strides: tuple[Stride, ...]
    shown: Output | Looked | None
    races: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def inputs(self) -> int:
        """Inputs until they differ."""
        return sum(isinstance(stride.label.did, Input) for stride in self.strides)


@attrs.frozen
class Same:
    """Nothing tells them apart within the bounds; ``pairs`` of node and belief were looked at.

    ``partial``: the scopes that became larger than the bound.
    """

    pairs: int
    partial: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every scope was searched to its end."""
        return not self.partial


_OWN: tuple[tuple[Order, bool], ...] = (("settled", False), ("settled", True))
_EVERY: tuple[tuple[Order, bool], ...] = (*_OWN, ("all", False), ("all", True))
"""How readings are walked: order, and whether with every choice."""


def difference(
    scopes: Iterable[Scope],
    first: Edition,
    second: Edition,
    *,
    raced: bool = True,
    most_pairs: int = 20_000,
    most_together: int = sys.maxsize,
    watch: Callable[[int, int], None] = lambda pairs, depth: None,
) -> Difference | Same:
    """Search for it, both ways.  ``raced``: where nothing else tells them apart, in every order.

    ``most_pairs``: of one walk; ``most_together``: of all walks of one kind.  ``watch`` is shown
    pairs and depth now and then.
    """
    scopes = list(scopes)
    found: Difference | Same = Same(0, ())
    for order, choices in _EVERY if raced else _OWN:
        walks = [
            _Walk(scope, one, other, order, choices, most_pairs)
            for scope in scopes
            for one, other in ((first, second), (second, first))
        ]
        result = _together(walks, most_together, watch)
        if isinstance(result, Difference):
            return result
        assert isinstance(found, Same)
        found = Same(found.pairs + result.pairs, result.partial)
    return found


def _together(
    walks: Sequence[_Walk], most: int, watch: Callable[[int, int], None]
) -> Difference | Same:
    growing, depth = list(walks), 0
    while growing:
        for walk in growing:
            found = walk.grow()
            if found is not None:
                return found
            pairs = sum(len(each.met) for each in walks)
            watch(pairs, depth)
            if pairs > most:
                for each in walks:
                    each.leave()
                break
        growing = [walk for walk in growing if walk.level]
        depth += 1
    partial = dict.fromkeys(walk.scope.name for walk in walks if walk.partial)
    return Same(sum(len(walk.met) for walk in walks), tuple(partial))


@attrs.frozen(eq=False)
class _Pair:
    node: _Node
    belief: _Belief
    parent: _Pair | None = None
    stride: Stride | None = None


@attrs.define(eq=False)
class _Walk:
    """One reading walked in one scope, breadth first, beside what the other one can be in."""

    scope: Scope
    first: Edition
    second: Edition
    order: Order
    choices: bool
    most_pairs: int
    partial: bool = False
    met: set[tuple[_Node, _Belief]] = attrs.field(factory=set)
    level: list[_Pair] = attrs.field(init=False)
    space: _Space = attrs.field(init=False)
    other: _Other = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.space = _space(self.scope, self.first, self.order, self.choices)
        self.other = _Other(_space(self.scope, self.second, "all", choices=True))
        (node,) = self.space.initial()
        (there,) = self.other.space.initial()
        belief = self.other.closed({(there, ())})
        self.met.add((node, belief))
        self.level = [_Pair(node, belief)]

    def grow(self) -> Difference | None:
        """One step more, from every node of the last level."""
        following: list[_Pair] = []
        for pair in self.level:
            for label, target, _ in self.space.successors(pair.node):
                told, node = target.memory, attrs.evolve(target, memory=NOTHING_TOLD)
                stride = Stride(
                    label, pair.node.state, node.state, told.outputs, NO_MARKS, told.seen
                )
                belief = pair.belief
                if isinstance(label.did, Input):
                    belief = self.other.given(belief, label.did, pair.node.state, node.env)
                    if not belief:
                        continue
                for output in told.seen:
                    belief = self.other.shows(belief, output)
                    if not belief:
                        return self._found(pair, stride, output)
                if not self.space.tasks(node):
                    # Nothing moves: a page can wait for that, and look.
                    quiet = self.other.quiet(belief)
                    if not quiet and not self._owed(node):
                        return self._found(pair, stride, None)
                    alike = self.other.alike(quiet, looks(node.state))
                    if quiet and not alike:
                        return self._found(pair, stride, self._looked(node, quiet))
                    if self.order == "settled":
                        belief = alike or belief
                if (node, belief) not in self.met:
                    self.met.add((node, belief))
                    following.append(_Pair(node, belief, pair, stride))
            if len(self.met) > self.most_pairs:
                self.partial, following = True, []
                break
        self.level = following
        return None

    def leave(self) -> None:
        """Go no further; where there was more to see, the walk is partial."""
        self.partial = self.partial or bool(self.level)
        self.level = []

    def _looked(self, node: _Node, quiet: _Belief) -> Looked:
        """Something that a page reads here; if there is such a thing, what is never read there."""
        there = {look for other, _ in quiet for look in looks(other.state)}
        here = looks(node.state)
        return next((look for look in here if look not in there), here[0])

    def _owed(self, node: _Node) -> bool:
        """Whether the surroundings have still to do something: till then silence says little."""
        return any(offer.owed for offer in self.space.environment.offers(node.env, node.state))

    def _found(self, pair: _Pair, last: Stride, shown: Output | Looked | None) -> Difference:
        strides = [last]
        at: _Pair | None = pair
        while at is not None and at.stride is not None:
            strides.append(at.stride)
            at = at.parent
        strides.reverse()
        chosen = dict.fromkeys(each for stride in strides for each in stride.label.choices)
        raced = races(strides, self.first) if self.order == "all" else ()
        return Difference(
            self.scope, self.first, self.second, tuple(strides), shown, raced, tuple(chosen)
        )


@attrs.define(eq=False)
class _Other:
    """The reading that is asked what it can show: beliefs, and how they go on."""

    space: _Space
    known: dict[_Node, tuple[_Node, ...]] = attrs.field(factory=dict)

    def steps(self, node: _Node) -> tuple[_Node, ...]:
        """Where single tasks lead; the memory says what they showed."""
        found = self.known.get(node)
        if found is None:
            edges = (
                e for task in self.space.tasks(node) for e in self.space.step(node, task, None)
            )
            found = self.known[node] = tuple(dict.fromkeys(target for _, target, _ in edges))
        return found

    def closed(self, belief: set[tuple[_Node, tuple[Output, ...]]]) -> _Belief:
        """With everything that can be reached unseen."""
        todo = list(belief)
        while todo:
            node, late = todo.pop()
            for target in self.steps(node) if not late else ():
                if not target.memory.seen and (target, ()) not in belief:
                    belief.add((target, ()))
                    todo.append((target, ()))
        return frozenset(belief)

    def given(self, belief: _Belief, did: Input, here: State, env: Desk) -> _Belief:
        """After an input, which is in this reading what it was in the state ``here``."""
        after: set[tuple[_Node, tuple[Output, ...]]] = set()
        for node, late in belief:
            same = meant(did, here, node.state)
            if same is None:
                after.add((attrs.evolve(node, env=env), late))
                continue
            try:
                edges = self.space.step(node, None, Offer(same, env))
            except UnknownName:
                continue  # a script cannot use what it has not got
            for _, target, _ in edges:
                after.add(_quiet(target, late))
        return self.closed(after)

    def shows(self, belief: _Belief, output: Output) -> _Belief:
        """After this output was seen; empty if it cannot be."""
        after: set[tuple[_Node, tuple[Output, ...]]] = set()
        for node, late in belief:
            if late:
                if late[0] == output:
                    after.add((node, late[1:]))
                continue
            for target in self.steps(node):
                if target.memory.seen and target.memory.seen[0] == output:
                    after.add(_quiet(target, (), shown=1))
        return self.closed(after)

    def alike(self, belief: _Belief, seen: tuple[Looked, ...]) -> _Belief:
        """Those of its nodes in which pages read this."""
        return frozenset(each for each in belief if looks(each[0].state) == seen)

    def quiet(self, belief: _Belief) -> _Belief:
        """Those of its nodes that have nothing left to do."""
        return frozenset(each for each in belief if not each[1] and not self.steps(each[0]))


def _quiet(
    target: _Node, late: tuple[Output, ...], shown: int = 0
) -> tuple[_Node, tuple[Output, ...]]:
    """A node, and what it showed that was not seen yet."""
    return attrs.evolve(target, memory=NOTHING_TOLD), late + target.memory.seen[shown:]
