"""On which terms a trace is judged: the edition, the choices that are allowed, the facts.

Every question to the model goes through ``ask``, so that no answer is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs

from conformance.judge.boxes import Boxes
from conformance.judge.facts import Facts
from spec_model.decide import Decide, outcomes
from spec_model.editions import Edition

T = TypeVar("T")


@attrs.frozen
class Terms:
    """``admitted``: the choices allowed ("key=option"), None: all.  ``facts`` grow with a trace."""

    facts: Facts
    edition: Edition
    admitted: frozenset[str] | None
    boxes: Boxes = attrs.field(init=False)

    @boxes.default
    def _boxes(self) -> Boxes:
        return Boxes(self.facts)

    def ask(self, function: Callable[[Decide], T]) -> Iterator[tuple[T, frozenset[str]]]:
        """Every outcome of a model function, each with the choices that it needs."""
        for outcome in outcomes(function, self.edition, self.admitted):
            yield outcome.value, outcome.choices

    def allows(self, choice: str) -> bool:
        """Whether an explanation may need this choice."""
        return self.admitted is None or choice in self.admitted
