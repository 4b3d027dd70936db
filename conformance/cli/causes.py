"""What was done wrong, in the reports of runs: searched for where somebody is going to read it.

That takes about a second each, so what is as expected is left alone, and in a run with very
many surprises only the first ones are looked into: ``bgfetch why`` does it for any trace.
"""

from __future__ import annotations

import msgspec

from conformance.blame import with_causes
from conformance.judge.session import Session
from conformance.judge.verdict import Verdict
from conformance.report.results import Report

MOST_SEARCHED = 20
"""Violations of one run whose causes are searched for."""


def explained(report: Report, session: Session, most: int = MOST_SEARCHED) -> Report:
    """The report with the causes of its first unexpected violations."""
    wanted = [one for one in report.unexpected() if one.judgement.verdict is Verdict.VIOLATES]
    surprising = {(one.column, one.judgement.scenario, one.attempt) for one in wanted[:most]}
    traces = {
        (one.column, one.judgement.scenario, one.attempt): one.trace for one in session.outcomes
    }
    results = []
    for result in report.results:
        where = (result.column, result.judgement.scenario, result.attempt)
        trace = traces.get(where)
        if where in surprising and trace is not None:
            found = with_causes(result.judgement, trace)
            result = msgspec.structs.replace(result, judgement=found)
        results.append(result)
    return msgspec.structs.replace(report, results=results)
