"""Which errata and which choices matter in one task: those without which it ends otherwise.

A task is a pure function that asks a ``Decide``.  It is done again from the same state with
one answer turned round at a time; where another state comes out, that answer mattered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from conformance.explain.shape import Decides
from spec_model.choices import CHOICES
from spec_model.decide import Decide, Explain
from spec_model.editions import CLUSTERS, Edition


@attrs.define
class _Asked:
    """Answers as ``Explain``, but for one; remembers what it was asked."""

    answers: Explain
    turned: str = ""
    option: str = ""
    clusters: dict[str, bool] = attrs.field(factory=dict)
    choices: dict[str, str] = attrs.field(factory=dict)

    def take(self, *steps: str) -> None:
        """Nothing: this is done a second time."""

    def repaired(self, cluster: str) -> bool:
        """As the edition says, unless this is the one that is turned round."""
        answer = self.answers.repaired(cluster)
        self.clusters[cluster] = answer
        return not answer if cluster == self.turned else answer

    def choose(self, key: str, options: Sequence[str] = ()) -> str:
        """As the profile says, unless this is the one that is turned round."""
        answer = self.answers.choose(key, options)
        if key in CHOICES:
            self.choices[key] = answer
        return self.option if key == self.turned else answer


def decisive(
    again: Callable[[Decide], object],
    after: object,
    edition: Edition,
    profile: Mapping[str, str],
) -> Iterator[Decides]:
    """What mattered in a task that led to the state ``after``."""
    answers = Explain(edition, profile)
    asked = _Asked(answers)
    again(asked)
    for cluster, repaired in asked.clusters.items():
        if _differs(again, after, _Asked(answers, cluster)):
            yield Decides("repair" if repaired else "defect", cluster, CLUSTERS[cluster])
    for key, answer in asked.choices.items():
        others = [option for option in CHOICES[key].options if option != answer]
        matter = [one for one in others if _differs(again, after, _Asked(answers, key, one))]
        if matter:
            yield Decides("choice", key, f"{answer} (or {', '.join(matter)})")


def _differs(again: Callable[[Decide], object], after: object, answers: _Asked) -> bool:
    try:
        return again(answers) != after
    except (AssertionError, ValueError):
        # Another reading cannot be in this state at all.
        return True
