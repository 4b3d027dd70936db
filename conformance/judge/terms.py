"""On which terms a trace is judged: the edition, the choices that are allowed, the facts.

Every question to the model goes through ``ask``, so that no answer is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar, TypeVarTuple

import attrs

from conformance.judge.boxes import Boxes
from conformance.judge.facts import Facts
from conformance.judge.memory import Memory, Shelf
from spec_model.decide import Decide, outcomes
from spec_model.editions import Edition

T = TypeVar("T")
ArgsT = TypeVarTuple("ArgsT")

Answers = tuple[tuple[T, frozenset[str]], ...]
"""Every outcome of a model function, each with the choices that it needs."""


@attrs.frozen
class Terms:
    """``admitted``: the choices allowed ("key=option"), None: all.  ``facts`` grow with a trace.

    ``memory`` may be that of other terms as well.
    """

    facts: Facts
    edition: Edition
    admitted: frozenset[str] | None
    memory: Memory = attrs.field(factory=Memory)
    boxes: Boxes = attrs.field(init=False)
    _shelf: Shelf = attrs.field(init=False)

    @boxes.default
    def _boxes(self) -> Boxes:
        return Boxes(self.facts)

    @_shelf.default
    def _own_shelf(self) -> Shelf:
        return self.memory.shelf((self.edition, self.admitted))

    def ask(self, function: Callable[[*ArgsT, Decide], T], *args: *ArgsT) -> Answers[T]:
        """All answers of a function of the model, which must be named: it is part of the question.

        Its arguments must be hashable, and all that it reads.
        """
        return self.recall((function, *args), lambda: self.find(lambda d: function(*args, d)))

    def find(self, function: Callable[[Decide], T]) -> Answers[T]:
        """The same, asked anew."""
        found = outcomes(function, self.edition, self.admitted)
        return tuple((outcome.value, outcome.choices) for outcome in found)

    def recall(self, question: Hashable, find: Callable[[], T]) -> T:
        """What has been found on these terms before, or is found now."""
        return self._shelf.recall(question, find)

    def allows(self, choice: str) -> bool:
        """Whether an explanation may need this choice."""
        return self.admitted is None or choice in self.admitted
