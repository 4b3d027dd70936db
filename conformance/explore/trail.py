"""A path of the compiled space walked again in the plain one, with everything it shows.

The compiled space folds records that are alike and keeps no outputs.  A path through it is
a sequence of states; here the plain space follows it, taking at each step an edge whose end
has the next state's form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias, cast

import attrs

from conformance.explore.background_fetch import Compiled, space
from conformance.explore.compiled import Packed
from conformance.explore.desk import Desk
from conformance.explore.memory import Memory, Step
from conformance.explore.plain import Label, Node, SystemSpace, Watch
from conformance.explore.scope import Scope
from conformance.explore.search import Flaw
from conformance.explore.space import Marks, Sentences
from conformance.explore.words import step_in_words
from spec_model.decide import Explain
from spec_model.editions import Edition
from spec_model.messages import Input, Output
from spec_model.state import State
from spec_model.system import BACKGROUND_FETCH
from spec_model.tasks import Task


@attrs.frozen(cache_hash=True)
class Kept:
    """What a watch remembers, and the outputs of the last step."""

    memory: Memory
    outputs: tuple[Output, ...] = ()


@attrs.define(eq=False)
class Keeping:
    """A watch that keeps outputs."""

    watch: Watch[State, Desk, Input, Task, Output, Memory]

    @property
    def sentences(self) -> Sentences:
        """As the watch says."""
        return self.watch.sentences

    def begin(self) -> Kept:
        """Nothing yet."""
        return Kept(self.watch.begin())

    def see(self, memory: Kept, move: Step) -> tuple[Kept, Marks]:
        """As the watch does, with the outputs."""
        seen, marks = self.watch.see(memory.memory, move)
        return Kept(seen, memory.outputs + move.outputs), marks

    def owes(self, state: State, env: Desk, memory: Kept) -> Marks:
        """As the watch says."""
        return self.watch.owes(state, env, memory.memory)


Full: TypeAlias = Node[State, Desk, Kept]
Replay: TypeAlias = SystemSpace[State, Desk, Input, Task, Output, Kept]


@attrs.frozen
class Stride:
    """One step of a trail: what happened, the state before it, and what was shown.

    ``seen``: the same as observers see it, where somebody asked.
    """

    label: Label[Input, Task]
    before: State
    after: State
    outputs: tuple[Output, ...]
    marks: Marks
    seen: tuple[Output, ...] = ()


def follow(
    scope: Scope, edition: Edition, tables: Compiled, flaw: Flaw[Packed, int]
) -> tuple[Stride, ...]:
    """The steps of a flaw's path."""
    plain = keeping(scope, edition)
    (node,) = plain.initial()
    strides = []
    for number, _ in enumerate(flaw.labels):
        last = number + 1 == len(flaw.states)
        chosen = None
        for edge in plain.successors(_quiet(node)):
            target = edge[1]
            bare = Node(target.state, target.env, target.memory.memory)
            if last:
                found = f"!{flaw.name}" in edge[2]
            else:
                found = tables.form(bare) == flaw.states[number + 1]
            if found:
                chosen = edge
                break
        assert chosen is not None, f"no edge leads on at step {number} of {flaw}"
        label, target, marks = chosen
        strides.append(Stride(label, node.state, target.state, target.memory.outputs, marks))
        node = target
    return tuple(strides)


def races(strides: Iterable[Stride], edition: Edition) -> tuple[str, ...]:
    """Where the system's own order would have done something else first, in words.

    A scenario cannot ask for another order: one that needs a race only has its inputs.
    """
    found = []
    for stride in strides:
        due = BACKGROUND_FETCH.enabled(stride.before, Explain(edition))
        if due and stride.label.did != due[0]:
            found.append(f"{step_in_words(stride.label.did)} before {step_in_words(due[0])}")
    return tuple(dict.fromkeys(found))


def keeping(scope: Scope, edition: Edition) -> Replay:
    """The plain space of a scope whose nodes keep what was shown."""
    plain = space(scope, edition)
    # The canonical form hands the memory on, whatever it is.
    canonical = cast(Callable[[Full | None, Full], Full], plain.canonical)
    return SystemSpace(
        plain.system,
        plain.start,
        plain.environment,
        Keeping(plain.watch),
        edition,
        canonical,
        plain.eager,
        plain.barred,
        plain.choose_all,
    )


def _quiet(node: Full) -> Full:
    return attrs.evolve(node, memory=Kept(node.memory.memory))
