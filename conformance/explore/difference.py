"""The shortest scenario by which two readings of the text can be told apart.

Two editions are given the same inputs.  A pair of sets of nodes is kept: every node that the
first edition can be in after what was seen so far, and every one that the second can.  What is
seen of a step is what a page, a worker or a server sees: settled promises, events with their
snapshots, bodies, requests, and connections that are dropped.  If one edition can show
something after an input that the other cannot, they can be told apart: that is the end of a
shortest path, since pairs are met breadth first.

Both systems run until they wait after every input, in their own order: so what is found
depends on no race, and is a scenario that runs as it stands.  Freedoms are left at their
defaults.  An input that only one of them is offered is part of what can be seen, since it is
offered for what was shown: an event that can be ended, a request that can be answered.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from conformance.explore.background_fetch import Step
from conformance.explore.plain import Node
from conformance.explore.scope import Scope
from conformance.explore.trail import Full, Kept, Replay, Stride, keeping
from spec_model.background_fetch import Rejected
from spec_model.editions import Edition
from spec_model.messages import (
    AttemptTerminated,
    BodyEnded,
    Input,
    Output,
    PromiseSettled,
    RequestStarted,
)


@attrs.frozen
class Difference:
    """What told two editions apart: the inputs, what each showed last, and each one's strides.

    ``strides`` is empty for an edition that is never offered the last input.
    """

    first: tuple[Stride, ...]
    second: tuple[Stride, ...]
    shown: tuple[tuple[Output, ...], tuple[Output, ...]]

    @property
    def depth(self) -> int:
        """Inputs until they differ."""
        return max(len(self.first), len(self.second))


@attrs.frozen
class Same:
    """Nothing tells them apart within the bounds; ``pairs`` of nodes were looked at."""

    pairs: int
    complete: bool


@attrs.frozen
class _Pair:
    nodes: tuple[Full, Full]
    parent: _Pair | None
    strides: tuple[Stride, Stride] | None


def difference(
    scope: Scope,
    first: Edition,
    second: Edition,
    *,
    most_pairs: int = 20_000,
    watch: Callable[[int, int], None] = lambda pairs, depth: None,
) -> Difference | Same:
    """Search for it; ``watch`` is shown pairs and depth now and then."""
    scope = attrs.evolve(scope, order="settled", choices=False)
    spaces = keeping(scope, first), keeping(scope, second)
    start = _Pair((spaces[0].initial()[0], spaces[1].initial()[0]), None, None)
    met = {start.nodes}
    level, depth = [start], 0
    while level:
        following: list[_Pair] = []
        for pair in level:
            steps = [_strides(space, node) for space, node in zip(spaces, pair.nodes, strict=True)]
            for did in dict.fromkeys((*steps[0], *steps[1])):
                one, other = steps[0].get(did), steps[1].get(did)
                if one is None or other is None or _seen(one[0]) != _seen(other[0]):
                    return _found(pair, one, other)
                nodes = one[1], other[1]
                if nodes not in met:
                    met.add(nodes)
                    following.append(_Pair(nodes, pair, (one[0], other[0])))
            if len(met) % 50 == 0:
                watch(len(met), depth)
            if len(met) > most_pairs:
                return Same(len(met), complete=False)
        level, depth = following, depth + 1
    return Same(len(met), complete=True)


_Walk = tuple[Stride, Full]


def _strides(space: Replay, node: Full) -> dict[Input, _Walk]:
    """What each input leads to; with defaults and one order there is one outcome."""
    bare = Node(node.state, node.env, Kept(node.memory.memory))
    found: dict[Input, _Walk] = {}
    for label, target, marks in space.successors(bare):
        stride = Stride(label, node.state, target.state, target.memory.outputs, marks)
        found[_input(label)] = stride, target
    return found


def _input(label: Step) -> Input:
    # In the settled order every step begins with an input.
    return label.did  # type: ignore[return-value]


def _seen(stride: Stride) -> tuple[Output, ...]:
    """What an observer sees: no step of the text, and no number that is ours."""
    return tuple(_public(output) for output in stride.outputs)


def _public(output: Output) -> Output:
    if isinstance(output, RequestStarted | AttemptTerminated):
        return attrs.evolve(output, attempt=0)
    if isinstance(output, PromiseSettled) and isinstance(output.value, Rejected):
        return attrs.evolve(output, value=attrs.evolve(output.value, step=""))
    if isinstance(output, BodyEnded):
        return attrs.evolve(output, parts=tuple(attrs.evolve(p, exchange=0) for p in output.parts))
    return output


def _found(pair: _Pair, one: _Walk | None, other: _Walk | None) -> Difference:
    before: list[tuple[Stride, Stride]] = []
    at: _Pair | None = pair
    while at is not None and at.strides is not None:
        before.append(at.strides)
        at = at.parent
    before.reverse()
    first = tuple(each[0] for each in before) + ((one[0],) if one else ())
    second = tuple(each[1] for each in before) + ((other[0],) if other else ())
    shown = (one[0].outputs if one else (), other[0].outputs if other else ())
    return Difference(first, second, shown)
