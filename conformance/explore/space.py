"""What can be explored: a space of states, and what is promised about it.

A *space* says where it begins, what can come after a state, and which sentences are
claimed.  There are three kinds of sentence:

- *always*: a step that breaks it carries its name as a mark, ``!S01``;
- *sometimes*: a step that reaches the goal carries the goal's name as a mark, so that
  a search also shows that it was not vacuous;
- *eventually*: a state ``owes`` what was promised and has not come yet.

Steps whose label is *fair* happen in the end if they stay possible: the system's own
tasks, and what the surroundings are obliged to do (servers answer, pauses end).  Other
steps may never happen, and happen finitely often.  Under strong fairness a run then
ends in a strongly connected component that fair steps do not leave, and visits all of
it; so a debt is never paid exactly if it is owed in every state of such a component.

History that a sentence needs (how many events came, what was promised true) is part of
the state: two states that differ in it are two states.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Protocol, TypeAlias, TypeVar

import attrs

StateT = TypeVar("StateT", bound=Hashable)
LabelT = TypeVar("LabelT", bound=Hashable)

Marks: TypeAlias = frozenset[str]
"""Names of what a step shows: ``!name`` breaks an *always*, ``name`` reaches a *sometimes*."""

NO_MARKS: Marks = frozenset()

Edge: TypeAlias = tuple[LabelT, StateT, Marks]
"""A step out of a state; plain, since there are millions of them."""


def broken(mark: str) -> str:
    """The property whose breach the mark is, or "" for a goal's mark."""
    return mark[1:] if mark.startswith("!") else ""


@attrs.frozen
class Sentences:
    """What is asked of a space, each by its name.

    ``always``: what must hold at every step; ``sometimes``: goals that must be reached;
    ``eventually``: what must come in the end.
    """

    always: Mapping[str, str] = attrs.field(factory=dict)
    sometimes: Mapping[str, str] = attrs.field(factory=dict)
    eventually: Mapping[str, str] = attrs.field(factory=dict)


class Space(Protocol[StateT, LabelT]):
    """Something to explore.  Equal states must behave alike; equal labels, too."""

    @property
    def sentences(self) -> Sentences:
        """What is asked of it."""

    def initial(self) -> Iterable[StateT]:
        """Where it begins."""

    def successors(self, state: StateT) -> Iterable[Edge[LabelT, StateT]]:
        """Every step out of a state, in a fixed order."""

    def owes(self, state: StateT) -> Marks:
        """The *eventually* sentences that wait for something in this state."""

    def fair(self, label: LabelT) -> bool:
        """Whether a step with this label happens in the end if it stays possible."""
