"""Why explanations ended, best reason first.

When an observation fits no explanation, every one of them has refused it, and most
refusals are beside the point: an explanation in which nothing has happened yet has
no opinion on how it should have ended.  So a refusal is ranked: first by how far the
observation got (it was not due; it was due, but different; it fitted but for one
attribute), then by how far the explanation itself had got.
"""

from __future__ import annotations

import enum

import attrs

from conformance.judge.hypothesis import Hypothesis


class Depth(enum.IntEnum):
    """How far an observation got in an explanation."""

    NOT_DUE = 0
    DIFFERENT = 1
    IN_DETAIL = 2


@attrs.frozen
class Refusal:
    """Why one explanation does not admit an observation; a larger ``rank`` is nearer."""

    step: str
    why: str
    rank: tuple[int, ...] = attrs.field(default=(), eq=False)


def progress_of(hypothesis: Hypothesis) -> int:
    """How far an explanation has got: settlements count, then records that are surely over."""
    agent = hypothesis.agent
    settled = sum(fetch.settled for fetch in agent.fetches)
    over = sum(
        all(record.settled for record in locals_) for row in hypothesis.records for locals_ in row
    )
    return 1000 * settled + over - len(hypothesis.pending)


@attrs.define
class Refusals:
    """Collects refusals; ``about`` says whose they are."""

    _kept: dict[Refusal, Refusal] = attrs.field(factory=dict)
    _about: Hypothesis | None = None

    def clear(self) -> None:
        """A new observation."""
        self._kept.clear()

    def about(self, hypothesis: Hypothesis) -> None:
        """The explanation that is being asked now."""
        self._about = hypothesis

    def refuse(self, step: str, why: str, depth: Depth = Depth.DIFFERENT) -> None:
        """Note why an explanation ends here."""
        assert self._about is not None, "nobody was asked"
        refusal = Refusal(step, why, (depth, progress_of(self._about)))
        known = self._kept.get(refusal)
        if known is None or known.rank < refusal.rank:
            self._kept[refusal] = refusal

    def best_first(self) -> tuple[Refusal, ...]:
        """All refusals, the nearest first; of equally near ones by step and reason."""
        # Explanations come in the order of a set: theirs must not show.
        named = sorted(self._kept.values(), key=lambda r: (r.step, r.why))
        return tuple(sorted(named, key=lambda r: r.rank, reverse=True))


def nearest_of(refusals: tuple[Refusal, ...]) -> tuple[Refusal, ...]:
    """Those of the explanations that the observation came nearest to."""
    return tuple(each for each in refusals if each.rank == refusals[0].rank)
