"""Blame by counterfactuals: the steps whose single change would explain a trace.

The acceptor's refusals name the step where a difference was *seen*.  That is seldom the
step that was done wrong: a wrong answer to a range shows as a wrong number of bytes.  Here
the model plays the same script with one change of the text at a time.

    logged  the server of a trace, doing again what its log says
    facts   what a trace shows, comparable with another run
    again   the model on the script of a trace
    search  the changes that explain an entry

It takes seconds and not milliseconds, so it is for where it is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

import attrs

from conformance.blame.search import Explains, Search
from conformance.trace import Trace

MOST_PLAYED = 600
"""Changes that are played for one verdict."""

MOST_BLAMED = 6
"""Steps that are named."""

__all__ = ["MOST_BLAMED", "MOST_PLAYED", "Blame", "blame", "ranked"]


@attrs.frozen
class Blame:
    """``steps``: the likeliest first; empty: no single change explains the entry.

    ``explains``: every change that does.  ``more``: steps that are not named.
    """

    steps: tuple[str, ...]
    explains: tuple[Explains, ...] = ()
    more: int = 0


def blame(trace: Trace, at: int, choices: Collection[str] = (), limit: int = MOST_PLAYED) -> Blame:
    """The steps whose single change would explain entry ``at`` of a trace.

    ``choices`` ("key=option"): what the user agent is known to choose.
    """
    profile = dict(choice.split("=", 1) for choice in choices)
    explains: tuple[Explains, ...] = ()
    for loose in (False, True):
        try:
            search = Search.of(trace, at, profile, loose=loose)
        except Exception:  # noqa: BLE001 - of a trace that the model cannot follow nothing is known
            break
        explains = tuple(search.explaining(limit))
        if explains:
            break
    steps = ranked(explains)
    return Blame(steps[:MOST_BLAMED], explains, len(steps[MOST_BLAMED:]))


def ranked(explains: Iterable[Explains]) -> tuple[str, ...]:
    """The steps of the changes that leave the least to explain, those of most changes first.

    A change of a place that does several steps at once says less of each of them.
    """
    explains = tuple(explains)
    least = min((each.left for each in explains), default=0)
    votes: Counter[str] = Counter()
    for each in explains:
        if each.left == least:
            for step in each.mutant.steps:
                votes[step] += 1 / len(each.mutant.steps)  # type: ignore[assignment]  # shares
    return tuple(sorted(votes, key=lambda step: (-round(votes[step], 6), step)))
