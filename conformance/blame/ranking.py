"""From changes that explain an entry to the steps that are blamed, likeliest first.

Each change votes for its steps; one that is of several steps at once says less of each of
them.  Only those vote that leave the fewest facts of the whole trace unexplained.

Where few steps explain an entry, what was done wrong may be something else than any change
that is known.  Then steps follow that *bear on* the entry: with a change there something
else is shown in its place.  That is a slice through what led to it, made by trying.  Such a
change counts for less, the more else it makes different.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from conformance.blame.deviations import WHOLE, AsWritten, Deviation
from conformance.blame.search import Tried
from conformance.judge.verdict import Cause

MOST_CAUSES = 6
"""Steps that are named."""

FEW = 4
"""With fewer steps that explain an entry, others that bear on it are named up to this number."""

FADES = 0.3
"""What is left of a vote with each fact more that is different."""

WORDS: Mapping[str, str] = {
    "drop": "it were left out, or a part of it",
    "negate": "a condition were the other way round",
    "swap": "two things were done in the other order",
    "resolve": "a promise were fulfilled that is to be rejected",
    "reject": "a promise were rejected that is to be fulfilled",
    "error": "the error were another one",
    "constant": "the value were another one",
    "limit": "a limit were one more or one less",
}
"""What each operator of ``conformance.mutate`` comes to."""


def causes(tried: Iterable[Tried], seen: Collection[str] = ()) -> tuple[Cause, ...]:
    """The steps to blame.  ``seen``: where the difference was seen; of equals these come first."""
    tried = tuple(tried)
    explaining = [each for each in tried if each.explains]
    least = min((each.left for each in explaining), default=0)
    found = _ranked({each: 1.0 for each in explaining if each.left == least}, seen)
    named = [Cause(step, as_if) for step, as_if in found][:MOST_CAUSES]
    room = (FEW if named else MOST_CAUSES) - len(named)
    if room <= 0:
        return tuple(named)
    bearing = [each for each in tried if not each.explains]
    nearest = min((each.left for each in bearing), default=0)
    others = _ranked({each: FADES ** (each.left - nearest) for each in bearing}, seen)
    known = {cause.step for cause in named}
    more = [Cause(step, as_if, explains=False) for step, as_if in others if step not in known]
    return (*named, *more[:room])


def _ranked(weights: Mapping[Tried, float], seen: Collection[str]) -> list[tuple[str, str]]:
    """The steps of some changes with the words of the best of them, those of most votes first."""
    votes: Counter[str] = Counter()
    best: dict[str, tuple[float, Deviation]] = {}
    for tried, weight in weights.items():
        share = weight / max(1, len(tried.change.steps))
        for step in tried.change.steps:
            votes[step] += share  # type: ignore[assignment]  # shares
            if step not in best or best[step][0] < share:
                best[step] = share, tried.change
    order = sorted(votes, key=lambda step: (-round(votes[step], 6), step not in seen, step))
    return [(step, said(best[step][1])) for step in order]


def said(change: Deviation) -> str:
    """How a changed step was done, in words that follow "as if"."""
    if isinstance(change, AsWritten):
        return f"the text were taken as written (without {change.cluster})"
    if change.operator == WHOLE:
        return f"of the whole algorithm {change.description}"
    return WORDS[change.operator]
