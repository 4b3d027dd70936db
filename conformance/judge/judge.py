"""Both oracles over one trace, and the verdict.

A trace may speak of Background Fetch and of Background Sync: each text has an acceptor of
its own (``texts``), and both must explain it.

The acceptor says whether the model can have produced the trace and which
choices that takes; the properties look at the trace alone.  A trace that the
acceptor admits and that breaks a property is a violation all the same, unless a
choice that the explanation needs is registered as relaxing that property.
"""

from __future__ import annotations

import time

import attrs

from conformance.judge.acceptor import Fault, Rejection
from conformance.judge.properties import check_all
from conformance.judge.refusals import Refusal, nearest_of
from conformance.judge.sync_acceptor import SyncRejection
from conformance.judge.texts import Texts
from conformance.judge.verdict import Cause, Judgement, PropertyResult, Verdict
from conformance.judge.words import kind_of
from conformance.trace import Broken, Entry, GaveUp, Quiet, Trace
from spec_model.choices import CHOICES
from spec_model.editions import AMENDED, Edition

MOST_REASONS = 3
"""Reasons that a verdict says in words."""


def accept(
    trace: Trace, edition: Edition = AMENDED, admitted: frozenset[str] | None = None
) -> Texts:
    """Feed a whole trace to new acceptors."""
    texts = Texts(edition, admitted)
    for entry in trace.entries:
        texts.feed(entry)
    return texts


def judge(
    trace: Trace,
    edition: Edition = AMENDED,
    admitted: frozenset[str] | None = None,
    *,
    fed: Texts | None = None,
) -> Judgement:
    """The verdict on one trace.  ``fed``: acceptors that have had the whole trace already."""
    began = time.perf_counter()
    texts = accept(trace, edition, admitted) if fed is None else fed
    properties = check_all(trace)
    seconds = round(time.perf_counter() - began, 4)

    def verdict(kind: Verdict, evidence: Evidence) -> Judgement:
        return Judgement(
            scenario=trace.scenario,
            implementation=trace.implementation,
            version=trace.version,
            verdict=kind,
            why=evidence.why,
            choices=evidence.choices,
            blame=evidence.blame,
            unexplained=evidence.unexplained,
            explained=len(trace.entries) if evidence.unexplained is None else evidence.unexplained,
            allowed=evidence.allowed,
            causes=evidence.causes,
            properties=properties,
            largest=max(texts.fetch.largest, texts.sync.largest),
            seconds=seconds,
        )

    return verdict(*_verdict(trace, texts, properties))


@attrs.frozen
class Evidence:
    """What a verdict rests on; see ``Judgement`` for the fields."""

    why: str = ""
    choices: tuple[str, ...] = ()
    blame: tuple[str, ...] = ()
    unexplained: int | None = None
    allowed: tuple[str, ...] = ()
    causes: tuple[Cause, ...] | None = None


def _verdict(
    trace: Trace, texts: Texts, properties: tuple[PropertyResult, ...]
) -> tuple[Verdict, Evidence]:
    broken = _first_note(trace, Broken)
    if isinstance(broken, Broken):
        return Verdict.BROKEN_ADAPTER, Evidence(broken.why)
    acceptor, sync = texts.fetch, texts.sync
    if sync.rejection is not None and not _before(acceptor.rejection, sync.rejection):
        why, blame = sync.rejection.why, sync.rejection.blame
        at, allowed = sync.rejection.index, sync.rejection.allowed
        return Verdict.VIOLATES, Evidence(why, (), blame, at, allowed)
    if acceptor.rejection is not None:
        return _rejected(acceptor.rejection, acceptor.faults)
    if acceptor.overflowed or sync.overflowed:
        return Verdict.INCONCLUSIVE, Evidence("more explanations than can be held")
    smallest = min((h.choices for h in acceptor.hypotheses), key=len, default=frozenset())
    choices = tuple(sorted(smallest | sync.choices()))
    relaxed = {name for needed in choices for name in CHOICES[needed.split("=", 1)[0]].relaxes}
    failed = [r for r in properties if r.holds is False and r.name not in relaxed]
    if failed:
        names = tuple(r.name for r in failed) + _steps(acceptor.faults)
        return Verdict.VIOLATES, Evidence(failed[0].why, choices, names, failed[0].entry)
    if acceptor.faults:
        first = acceptor.faults[0]
        steps = _steps(acceptor.faults)
        # A fault needs no search: the step that would have kept it from being seen was not taken.
        causes = tuple(Cause(step, "it were left out") for step in steps)
        return Verdict.VIOLATES, Evidence(first.why, choices, steps, first.index, causes=causes)
    gave_up = _first_note(trace, GaveUp)
    if isinstance(gave_up, GaveUp):
        why = f"the script waited in vain for {gave_up.waiting_for}, which nothing promises"
        return Verdict.INCONCLUSIVE, Evidence(why, choices)
    if not any(isinstance(entry.note, Quiet) for entry in trace.entries):
        why = "the trace does not end with a quiet point"
        return Verdict.INCONCLUSIVE, Evidence(why, choices)
    return (Verdict.CONFORMS_VIA if choices else Verdict.CONFORMS), Evidence(choices=choices)


def _before(fetch: Rejection | None, sync: SyncRejection) -> bool:
    return fetch is not None and fetch.index < sync.index


def _steps(faults: list[Fault]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fault.step for fault in faults))


def _rejected(rejection: Rejection, faults: list[Fault]) -> tuple[Verdict, Evidence]:
    # A held answer is no excuse here: the acceptor knows what waits for it and what does not.
    nearest = nearest_of(rejection.refusals)
    steps = tuple(dict.fromkeys(refusal.step for refusal in nearest))
    return Verdict.VIOLATES, Evidence(
        _said(nearest) or f"nothing allows {_plain(rejection.entry)}",
        blame=tuple(dict.fromkeys((*steps, *_steps(faults)))),
        unexplained=rejection.index,
        allowed=rejection.allowed,
    )


def _said(refusals: tuple[Refusal, ...]) -> str:
    """Each reason once, the first few in words and the others counted."""
    reasons = list(dict.fromkeys(refusal.why for refusal in refusals))
    said = "; or ".join(reasons[:MOST_REASONS])
    more = len(reasons) - MOST_REASONS
    return f"{said}; and {more} more" if more > 0 else said


def _first_note(trace: Trace, kind: type) -> object | None:
    return next((e.note for e in trace.entries if isinstance(e.note, kind)), None)


def _plain(entry: Entry) -> str:
    return kind_of(entry.seen or entry.server or entry.answered or entry.note)
