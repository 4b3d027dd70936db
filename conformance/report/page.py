"""The report as one HTML page that needs nothing but itself.

No scripts, no fonts, no pictures from elsewhere: the page can be attached to a
bug, opened from a disk in ten years, printed.  What stands first is what a
browser engineer asks first: what is unexpected, then the matrix, then which
steps of the text are at stake, then each trace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import jinja2

from conformance.judge.verdict import Judgement, Verdict
from conformance.report import cells, terminal
from conformance.report.cells import Cell
from conformance.report.diagram import Diagram, Fold, diagram
from conformance.report.meaning import broken_at, meaning
from conformance.report.results import (
    ColumnInfo,
    Report,
    Result,
    ScenarioInfo,
    broken_properties,
)
from conformance.report.words import alternatives
from conformance.scenario import sources
from conformance.trace import Trace

Traces = Mapping[tuple[str, str, int], Trace]
"""Traces by column, scenario and attempt."""


@attrs.frozen
class Shown:
    """One result with all that its block on the page needs."""

    result: Result
    anchor: str
    cell: Cell
    diagram: Diagram | None
    open: bool


@attrs.frozen
class MatrixCell:
    """One cell of the matrix; ``anchor`` is empty where there is nothing to go to."""

    cell: Cell
    anchor: str


@attrs.frozen
class SourceRow:
    """A row of a source document, a situation or an erratum, and who shows it."""

    id: str
    says: str
    later: str
    scenarios: list[str]


def render(report: Report, traces: Traces | None = None) -> str:
    """The whole page.  A result without a trace has no diagram."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("conformance.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.tests["fold"] = lambda value: isinstance(value, Fold)
    style, _, _ = environment.loader.get_source(environment, "style.css")  # type: ignore[union-attr]  # set two lines above
    return environment.get_template("report.html.j2").render(
        report=report,
        style=style,
        progress=terminal.progress(report),
        summaries=[(one, cells.summary(report, one)) for one in report.columns],
        matrix=[(one, _row(report, one)) for one in report.scenarios],
        unexpected=[(one, terminal.headline(report, one)) for one in report.unexpected()],
        anchor=anchor,
        meaning=meaning,
        alternatives=alternatives,
        blame=_blame(report),
        choices=[
            (column, used)
            for column in report.columns
            if (used := cells.choices_used(report, column.name))
        ],
        shown={one.id: _shown(report, one, traces or {}) for one in report.scenarios},
        sources=_sources(report),
        broken_at=broken_at,
        broken_properties=broken_properties,
        violates=Verdict.VIOLATES,
    )


def anchor(result: Result) -> str:
    """The fragment of one result's block: the column and attempt come after the scenario."""
    column = "".join(c if c.isalnum() or c in "-_." else "_" for c in result.column)
    attempt = f"-{result.attempt}" if result.attempt > 1 else ""
    return f"{result.judgement.scenario}--{column}{attempt}"


def _row(report: Report, scenario: ScenarioInfo) -> list[MatrixCell]:
    row = []
    for column in report.columns:
        results = report.of(column.name, scenario.id)
        target = anchor(results[0]) if results else ""
        row.append(MatrixCell(cells.cell(results, column), target))
    return row


def _shown(report: Report, scenario: ScenarioInfo, traces: Traces) -> list[Shown]:
    unexpected = {anchor(one) for one in report.unexpected()}
    blocks = []
    for column in report.columns:
        for result in report.of(column.name, scenario.id):
            trace = traces.get((column.name, scenario.id, result.attempt))
            blocks.append(
                Shown(
                    result,
                    anchor(result),
                    cells.cell([result], column),
                    diagram(trace, result.judgement) if trace else None,
                    anchor(result) in unexpected,
                )
            )
    return blocks


def _broken(judgement: Judgement) -> tuple[str, ...]:
    """What explains a violation, if that is known, else where it was seen."""
    explain = tuple(cause.step for cause in judgement.causes or () if cause.explains)
    return explain or judgement.blame or ("undetermined",)


def _blame(report: Report) -> list[tuple[str, list[tuple[ColumnInfo, list[Result]]]]]:
    """Each blamed step or property, with the violations it is blamed for, most first."""
    blamed: dict[str, list[Result]] = {}
    for result in report.results:
        if result.judgement.verdict is Verdict.VIOLATES:
            for name in _broken(result.judgement):
                blamed.setdefault(name, []).append(result)
    ordered = sorted(blamed.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        (
            name,
            [
                (column, mine)
                for column in report.columns
                if (mine := _first_attempts(results, column.name))
            ],
        )
        for name, results in ordered
    ]


def _first_attempts(results: Sequence[Result], column: str) -> list[Result]:
    """One result for each scenario."""
    first: dict[str, Result] = {}
    for result in results:
        if result.column == column:
            first.setdefault(result.judgement.scenario, result)
    return list(first.values())


def _sources(report: Report) -> list[SourceRow]:
    shown: dict[str, list[str]] = {}
    for scenario in report.scenarios:
        for row in dict.fromkeys(scenario.source):
            shown.setdefault(row, []).append(scenario.id)
    known = sources.rows()
    table = [
        SourceRow(row.id, row.says, row.verdict, sorted(shown.pop(row.id, [])))
        for row in known.values()
    ]
    return table + [SourceRow(row, "", "", sorted(names)) for row, names in sorted(shown.items())]
