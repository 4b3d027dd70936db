"""Prints reports, and writes their files whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import click

from conformance import trace as traces
from conformance.cli import exits, progress
from conformance.judge.session import Outcome
from conformance.judge.verdict import Verdict
from conformance.report import junit, page, results, terminal
from conformance.report.results import Report
from conformance.report.whole import write_whole
from conformance.trace import Trace

HTML, JSON, JUNIT = "report.html", "report.json", "junit.xml"
Key = tuple[str, str, int]

_GOOD = frozenset({Verdict.CONFORMS, Verdict.CONFORMS_VIA})


@attrs.frozen
class Folder:
    """Where a report goes.  Every method raises Refusal when it cannot be written."""

    path: Path

    def write(self, name: str, data: bytes) -> Path:
        """Write one file, replacing an older one only when the new one is complete."""
        target = self.path / name
        try:
            write_whole(target, data)
        except OSError as error:
            raise exits.Refusal(exits.BAD_INPUT, f"cannot write {target}: {error}") from None
        return target

    def save_traces(self, outcomes: Sequence[Outcome], everything: bool) -> dict[Key, str]:
        """Save traces, those of conforming runs only if wanted; their relative paths."""
        saved = {}
        for one in outcomes:
            if one.trace is None or (one.judgement.verdict in _GOOD and not everything):
                continue
            name = trace_name(one)
            self.write(name, traces.dump(one.trace))
            saved[(one.column, one.judgement.scenario, one.attempt)] = name
        return saved

    def write_report(self, report: Report, seen: Mapping[Key, Trace]) -> Path:
        """Write every form of a report; the path of the page."""
        self.write(JSON, results.encode(report))
        self.write(JUNIT, junit.render(report).encode())
        return self.write(HTML, page.render(report, seen).encode())


def trace_name(outcome: Outcome) -> str:
    """Relative path of one recorded trace."""
    column = re.sub(r"[^\w.-]+", "_", outcome.column)
    attempt = f".{outcome.attempt}" if outcome.attempt > 1 else ""
    return f"traces/{column}/{outcome.judgement.scenario}{attempt}.jsonl"


def seen_traces(outcomes: Sequence[Outcome]) -> dict[Key, Trace]:
    """The traces of a session by column, scenario and attempt."""
    return {
        (one.column, one.judgement.scenario, one.attempt): one.trace
        for one in outcomes
        if one.trace is not None
    }


def show(report: Report, form: str, folder: Path) -> None:
    """Print one form (text, json, junit) of the report in a folder on standard output."""
    if form == "json":
        click.echo(results.encode(report).decode(), nl=False)
    elif form == "junit":
        click.echo(junit.render(report), nl=False)
    else:
        terminal.show(report, progress.console(), folder)
