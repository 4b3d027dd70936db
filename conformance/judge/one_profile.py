"""Whether one user agent explains everything that was seen.

Each scenario may conform by choices of its own; an implementation makes each choice once.
So a run also says which profiles answer all the choices that its verdicts needed.  A
verdict names a smallest set of choices, and there may be another one: a trace whose set a
profile does not answer is judged once more with that profile's answers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from conformance.judge.judge import judge
from conformance.judge.verdict import Judgement, Verdict
from conformance.trace import Trace
from spec_model.choices import CHOICES
from spec_model.profiles import PROFILES, Profile

Judge = Callable[[Trace, frozenset[str]], Judgement]
"""Judges a trace, with the choices that are admitted."""

_CONFORMS = (Verdict.CONFORMS, Verdict.CONFORMS_VIA)


def _judge(trace: Trace, admitted: frozenset[str]) -> Judgement:
    return judge(trace, admitted=admitted)


def admitted_by(profile: Profile) -> frozenset[str]:
    """Every answer other than the default that a profile may give."""
    return frozenset(
        f"{key}={option}"
        for key, choice in CHOICES.items()
        for option in choice.options[1:]
        if profile.answers(f"{key}={option}")
    )


def explaining(
    seen: Iterable[tuple[Judgement, Trace | None]],
    profiles: Iterable[Profile] | None = None,
    again: Judge = _judge,
) -> tuple[str, ...]:
    """The profiles that explain every conforming run, by name; none: no one of them does.

    Only runs that conform count.  A run without its trace counts as its verdict says.
    """
    runs = [(j, t) for j, t in seen if j.verdict in _CONFORMS]
    known = PROFILES.values() if profiles is None else profiles
    return tuple(each.name for each in known if all(_explains(each, run, again) for run in runs))


def _explains(profile: Profile, run: tuple[Judgement, Trace | None], again: Judge) -> bool:
    judgement, trace = run
    if all(profile.answers(each) for each in judgement.choices):
        return True
    return trace is not None and again(trace, admitted_by(profile)).verdict in _CONFORMS
