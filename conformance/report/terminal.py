"""The report in a terminal or a log: matrix, a line per implementation, what to look at."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.judge.expectations import Standing
from conformance.judge.verdict import Verdict
from conformance.report import cells
from conformance.report.meaning import broken_at, seen_at
from conformance.report.results import Report, Result, broken_properties
from conformance.report.words import alternatives, clipped, count

STYLES = {
    cells.GOOD: "green",
    cells.CHOICE: "cyan",
    cells.KNOWN: "yellow",
    cells.BAD: "bold red",
    cells.UNSURE: "magenta",
    cells.NOTHING: "dim",
}
_TITLES_FROM = 100
"""Columns of a terminal from which the matrix has room for titles."""

LONG = 280
"""Characters of one explanation; the page and the JSON have the rest."""


def show(report: Report, console: Console, folder: Path | None = None) -> None:
    """Print the whole report.  ``folder``: where it is kept, with its traces."""
    console.print(matrix(report, console.width))
    if not report.complete:
        console.print(f"PARTIAL: stopped after {progress(report)}.", style="bold yellow")
    for column in report.columns:
        style = "bold yellow" if column.unclean else ""
        console.print(Text(cells.summary(report, column), style), soft_wrap=True)
    unexpected = report.unexpected()
    if unexpected or report.stale:
        console.print()
    for result in unexpected:
        _show_one(report, result, console, folder)
    for stale in report.stale:
        text = f"STALE  {stale.place}: there is no scenario {stale.scenario}; remove the entry"
        console.print(Text(text, "bold red"), soft_wrap=True)


def progress(report: Report) -> str:
    """How much of a run was done: ``12 of 40 scenarios on engine``, for each column that began."""
    parts = []
    for column in report.columns:
        done = {one.judgement.scenario for one in report.results if one.column == column.name}
        parts.append(f"{len(done)} of {count(len(report.scenarios), 'scenario')} on {column.name}")
    return ", ".join(parts)


def matrix(report: Report, width: int) -> Table:
    """Rows are scenarios, columns implementations."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("scenario", no_wrap=True)
    titles = width >= _TITLES_FROM
    if titles:
        room = width - 28 - 22 * len(report.columns)
        table.add_column("", overflow="ellipsis", no_wrap=True, max_width=max(24, room))
    for column in report.columns:
        table.add_column(column.name, overflow="fold")
    for scenario in report.scenarios:
        row = [Text(scenario.id)] + ([Text(scenario.title, "dim")] if titles else [])
        for column in report.columns:
            cell = cells.cell(report.of(column.name, scenario.id), column)
            row.append(Text(cell.text, STYLES[cell.kind]))
        table.add_row(*row)
    return table


def headline(report: Report, result: Result) -> str:
    """What is unexpected about one result, in a few words."""
    if result.bug:
        return "OUR BUG"
    words = {
        Standing.NEW_VIOLATION: "VIOLATES",
        Standing.DIFFERENT: "DIFFERS FROM ITS ENTRY",
        Standing.UNEXPECTED_PASS: "UNEXPECTED PASS",
    }
    return words.get(result.standing, result.judgement.verdict.value.upper())


def lines_of(report: Report, result: Result, folder: Path | None = None) -> list[str]:
    """What a reader needs of one unexpected result, a line each, the replay line last.

    ``folder``: where the report is kept; without it the trace's place is not told.
    """
    judgement = result.judgement
    lines = broken_at(judgement)
    if result.sentence:
        explained = count(judgement.explained, "entry", "entries")
        lines.append(f"after {explained} that could be explained, {result.sentence}")
    if judgement.why:
        lines.append(clipped(judgement.why, LONG))
    if judgement.verdict is Verdict.VIOLATES:
        lines += seen_at(judgement)
        lines += [
            f"{one.name} is broken: {clipped(one.why, LONG)}"
            for one in broken_properties(judgement)
        ]
        if judgement.allowed:
            lines.append(f"allowed instead: {alternatives(judgement.allowed)}")
    if result.standing is Standing.UNEXPECTED_PASS:
        lines.append(f"its entry says: {result.reason}; remove the entry, or narrow its versions")
    elif result.standing is Standing.DIFFERENT:
        lines.append(f"its entry says otherwise: {result.reason}")
    if judgement.missing:
        lines.append(f"lacks {', '.join(judgement.missing)}")
    if result.bug:
        lines += result.bug.rstrip().splitlines()[-8:]
    if result.trace and folder is not None:
        lines.append(f"trace: {shlex.quote(str(folder / result.trace))}")
    lines.append(result.replay)
    return lines


def _show_one(report: Report, result: Result, console: Console, folder: Path | None) -> None:
    title = next((s.title for s in report.scenarios if s.id == result.judgement.scenario), "")
    head = Text(f"{headline(report, result)}  ", "bold red")
    head.append(f"{result.judgement.scenario} on {result.column}", "bold")
    head.append(f": {title}" if title else "", "")
    console.print(head, soft_wrap=True)
    for line in lines_of(report, result, folder):
        console.print(Text(f"    {line}", "bold" if line == result.replay else ""), soft_wrap=True)
