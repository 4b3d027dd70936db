"""Where the text leaves freedom: one question, several drivers.

An algorithm between two waits is one pure function.  It is handed a ``Decide``
and asks it three things: it *takes* a step (for explanations and blame), asks
whether a cluster of amendments is *repaired* in the edition that runs, and
*chooses* among options where the user agent is free or our knowledge partial.

``Explain`` answers with an edition, a profile and defaults, and keeps the steps.
``outcomes`` runs a function once for every combination of answers that it can
meet; a judge and an explorer are made of it.  It works by replay: a function
that asks is run again with one more answer fixed, so that functions stay plain
and nothing has to be copied in mid-step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

from spec_model.choices import AS_WRITTEN_READING, CHOICES
from spec_model.editions import AMENDED, Edition

T = TypeVar("T")


class Decide(Protocol):
    """What an algorithm may ask."""

    def take(self, *steps: str) -> None:
        """The steps with these ids are being taken."""

    def repaired(self, cluster: str) -> bool:
        """Whether the amendments of a cluster, named after its first erratum, apply."""

    def choose(self, key: str, options: Sequence[str] = ()) -> str:
        """One of the options; by default those of the choice registered under ``key``."""


@attrs.define
class Explain:
    """Answers with one edition and one profile; remembers the steps taken."""

    edition: Edition = AMENDED
    profile: Mapping[str, str] = attrs.field(factory=dict)
    steps: list[str] = attrs.field(factory=list)

    def take(self, *steps: str) -> None:
        """Remember the steps."""
        self.steps.extend(steps)

    def repaired(self, cluster: str) -> bool:
        """As the edition says, and the profile where the cluster is an open reading."""
        applies = self.edition.repairs(cluster)
        return applies and self.profile.get(cluster) != AS_WRITTEN_READING

    def choose(self, key: str, options: Sequence[str] = ()) -> str:
        """As the profile says, else the first option."""
        known = options or CHOICES[key].options
        answer = self.profile.get(key, known[0])
        return answer if answer in known else known[0]


@attrs.frozen
class Outcome(Generic[T]):
    """One result of a function: the answers that are not the default, and the steps taken."""

    value: T
    choices: frozenset[str]
    steps: tuple[str, ...]


@attrs.define
class _Replay:
    edition: Edition
    fixed: tuple[str, ...]
    admitted: frozenset[str] | None
    at: int = 0
    widths: list[Sequence[str]] = attrs.field(factory=list)
    choices: set[str] = attrs.field(factory=set)
    steps: list[str] = attrs.field(factory=list)

    def take(self, *steps: str) -> None:
        self.steps.extend(steps)

    def repaired(self, cluster: str) -> bool:
        if not self.edition.repairs(cluster):
            return False
        # Where either reading conforms, the literal one is a choice under the cluster's name.
        return cluster not in CHOICES or self.choose(cluster) != AS_WRITTEN_READING

    def choose(self, key: str, options: Sequence[str] = ()) -> str:
        known = options or CHOICES[key].options
        # What is no registered choice is nobody's to forbid: which limit was met first, say.
        if self.admitted is not None and key in CHOICES:
            known = [known[0], *(o for o in known[1:] if f"{key}={o}" in self.admitted)]
        if self.at < len(self.fixed):
            answer = self.fixed[self.at]
        else:
            answer = known[0]
            self.widths.append(known)
        self.at += 1
        if answer != known[0] and key in CHOICES:
            self.choices.add(f"{key}={answer}")
        return answer


def outcomes(
    function: Callable[[Decide], T],
    edition: Edition = AMENDED,
    admitted: frozenset[str] | None = None,
) -> list[Outcome[T]]:
    """Every outcome of a function, defaults first; ``admitted``: choices allowed (None: all)."""
    found: list[Outcome[T]] = []
    todo: list[tuple[str, ...]] = [()]
    while todo:
        fixed = todo.pop()
        replay = _Replay(edition, fixed, admitted)
        value = function(replay)
        found.append(Outcome(value, frozenset(replay.choices), tuple(replay.steps)))
        # Every question beyond the fixed ones was answered with its first option:
        # the others are still to be tried, each with the first answers before it.
        prefix = list(fixed)
        for known in replay.widths:
            for other in known[1:]:
                todo.append((*prefix, other))
            prefix.append(known[0])
    return found
