"""Blame by counterfactuals: the steps whose single change would explain a trace.

The acceptor's refusals name the step where a difference was *seen*.  That is seldom the
step that was done wrong: a wrong answer to a range shows as a wrong number of bytes.  Here
the model plays the same script with one change of the text at a time.

    logged      the server of a trace, doing again what its log says
    facts       what a trace shows, comparable with another run
    again       the model on the script of a trace
    deviations  the changes that are tried
    search      the changes that explain an entry, or bear on it
    ranking     the steps of those changes, likeliest first

It takes a second and not milliseconds, so it is for violations, and among them for those
that somebody is going to read.  What is blamed, and how often that is right, is written
down in docs/decisions/0006-blame.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import attrs
import msgspec

from conformance.blame.ranking import causes
from conformance.blame.search import Search, Tried
from conformance.judge.judge import accept
from conformance.judge.verdict import Cause, Judgement, Verdict
from conformance.trace import Trace

MOST_PLAYED = 600
"""Changes that are played for one verdict: less than three seconds of processor time."""

__all__ = ["MOST_PLAYED", "Blame", "blame", "with_causes"]


@attrs.frozen
class Blame:
    """``causes``: the likeliest first.  ``tried``: the changes that they come from."""

    causes: tuple[Cause, ...]
    tried: tuple[Tried, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of the causes."""
        return tuple(each.step for each in self.causes)


def with_causes(judgement: Judgement, trace: Trace, limit: int = MOST_PLAYED) -> Judgement:
    """The same verdict with its causes, where it is one of a violation at some entry."""
    at = judgement.unexplained
    if judgement.verdict is not Verdict.VIOLATES or at is None or judgement.causes is not None:
        return judgement
    found = blame(trace, at, judgement.blame, limit)
    return msgspec.structs.replace(judgement, causes=found.causes)


def blame(trace: Trace, at: int, seen: Collection[str] = (), limit: int = MOST_PLAYED) -> Blame:
    """The steps whose single change would explain entry ``at`` of a trace.

    ``seen``: the steps where the difference was seen.
    """
    bearing: tuple[Tried, ...] = ()
    for search in _searches(trace, at):
        tried = tuple(search.tried(limit))
        if any(each.explains for each in tried):
            return Blame(causes(tried, seen), tried)
        bearing = bearing or tried
    return Blame(causes(bearing, seen), bearing)


def _searches(trace: Trace, at: int) -> Iterator[Search]:
    """The same question, read more and more freely.

    First the model makes its default choices, then those that explain the trace so far; and
    first every detail counts, then only the last word on what may come in pieces.
    """
    chosen = _chosen(trace, at)
    profiles: tuple[Mapping[str, str], ...] = ({}, chosen) if chosen else ({},)
    for profile in profiles:
        for loose in (False, True):
            try:
                yield Search.of(trace, at, profile, loose=loose)
            except Exception:  # noqa: BLE001 - of a trace that the model cannot follow nothing is known
                break


def _chosen(trace: Trace, at: int) -> Mapping[str, str]:
    """The fewest choices that explain what came before an entry."""
    before = msgspec.structs.replace(trace, entries=trace.entries[:at])
    sets = [each.choices for each in accept(before).fetch.hypotheses]
    fewest = min(sets, key=lambda choices: (len(choices), sorted(choices)), default=frozenset())
    return dict(choice.split("=", 1) for choice in sorted(fewest))
