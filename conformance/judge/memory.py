"""What the model has been asked before, kept over many traces.

Theory.  The functions of ``spec_model`` are pure, and traces ask them the same again and
again: every trace admits a fetch, most records are answered in one of a few ways.  So an
answer is kept under the whole question: the function, its arguments and the terms.  What
is kept never changes a verdict (a test compares with keeping nothing); a campaign that
judges many traces hands one memory to all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

import attrs

T = TypeVar("T")

MOST_ANSWERS = 300_000
"""More of them are forgotten, all at once."""


@attrs.define
class Shelf:
    """Answers by question.  ``most``: how many are kept; 0 keeps nothing."""

    most: int
    _answers: dict[Hashable, object] = attrs.field(factory=dict, init=False)

    def recall(self, question: Hashable, find: Callable[[], T]) -> T:
        """The answer, found now or before.  One question always has answers of one type."""
        known = self._answers.get(question)
        if known is not None:
            return cast(T, known)
        found = find()
        if self.most:
            if len(self._answers) >= self.most:
                self._answers.clear()
            self._answers[question] = found
        return found


@attrs.define
class Memory:
    """A shelf for each of the terms on which questions were asked; ``most`` as for a shelf."""

    most: int = MOST_ANSWERS
    _shelves: dict[Hashable, Shelf] = attrs.field(factory=dict, init=False)

    def shelf(self, terms: Hashable) -> Shelf:
        """What was answered on these terms."""
        return self._shelves.setdefault(terms, Shelf(self.most))
