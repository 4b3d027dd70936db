"""A finished run as plain data: what the JSON report holds and every other form is made of.

The order is fixed: columns as they were asked for, scenarios as they were
given, results by column, scenario and attempt.  So two reports of the same
findings are the same bytes, and a difference between two files is a finding.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import msgspec

from conformance.judge.expectations import (
    UNEXPECTED,
    Compared,
    Comparison,
    Expectations,
    Expected,
    Standing,
    compare,
    none_for,
)
from conformance.judge.session import Absent, Outcome, Session
from conformance.judge.verdict import Judgement, PropertyResult, Verdict
from conformance.report.moves import Move, moves
from conformance.scenario.format import Scenario
from conformance.trace import Trace

REPORT_FORMAT = 1


class ColumnInfo(msgspec.Struct, frozen=True):
    """One implementation.  ``absent``: why it is not here, with the next move; else empty.

    ``tested``: its version is inside the range on which its expectations were observed
    (always, where nothing is written down).  ``expectations``: path of the file used.
    ``unclean``: what was wrong with how it ended, after everything was run; else empty.
    """

    name: str
    implementation: str
    version: str
    absent: str
    asked: bool
    tested: bool
    expectations: str
    unclean: str = ""


class ScenarioInfo(msgspec.Struct, frozen=True):
    """One scenario."""

    id: str
    title: str
    source: list[str]


class Result(msgspec.Struct, frozen=True):
    """One judgement, how it stands to what was expected, and how to see it again.

    ``sentence`` says the first unexplained observation; ``reason`` is that of the
    expectation entry it was compared with; ``bug`` a fault of this program.
    ``trace`` is the path of the recorded trace relative to the report, or empty.
    ``mistake`` is what is wrong with the scenario itself.
    """

    column: str
    attempt: int
    judgement: Judgement
    standing: Standing
    reason: str
    sentence: str
    replay: str
    trace: str
    bug: str = ""
    mistake: str = ""


class Stale(msgspec.Struct, frozen=True):
    """An expectation entry for a scenario that does not exist."""

    column: str
    scenario: str
    place: str


class Report(msgspec.Struct, frozen=True):
    """A run.  ``complete`` is False when it was stopped early; ``exit_code`` what it ended with."""

    format: Literal[1]
    complete: bool
    strict: bool
    exit_code: int
    columns: list[ColumnInfo]
    scenarios: list[ScenarioInfo]
    results: list[Result]
    stale: list[Stale]

    def of(self, column: str, scenario: str) -> list[Result]:
        """The results of one cell of the matrix, by attempt."""
        return [
            one
            for one in self.results
            if one.column == column and one.judgement.scenario == scenario
        ]

    def here(self, column: str) -> ColumnInfo:
        """One column by name."""
        return next(one for one in self.columns if one.name == column)

    def unexpected(self) -> list[Result]:
        """Everything that is not as expected, missing verdicts and faults of our own last.

        Nobody expects our faults and a scenario's mistakes, whatever an entry says of silence.
        """
        wanted = UNEXPECTED | {Standing.NO_VERDICT}
        found = [one for one in self.results if one.standing in wanted or one.bug or one.mistake]
        return sorted(found, key=lambda one: (one.standing not in UNEXPECTED, bool(one.bug)))


def build(
    session: Session,
    scenarios: Sequence[Scenario],
    names: Sequence[str],
    *,
    asked: Collection[str] = (),
    expectations: Mapping[str, Expectations] | None = None,
    known: Collection[str] = (),
    strict: bool = False,
    options: Sequence[str] = (),
    traces: Mapping[tuple[str, str, int], str] | None = None,
) -> Report:
    """Make a report.

    ``names`` are the columns, ``asked`` those that the user named.  ``expectations``
    are by column or implementation name; ``known`` the ids of all scenarios that
    exist.  ``options`` go into each replay line; ``traces`` are paths of recorded
    traces by (column, scenario, attempt).  Raises BadExpectations.
    """
    columns, results, stale = [], [], []
    for name in names:
        outcomes = [one for one in session.outcomes if one.column == name]
        implementation, version = _identity(name, outcomes)
        written = (expectations or {}).get(name) or (expectations or {}).get(implementation)
        used = written or none_for(implementation)
        judgements = [one.judgement for one in outcomes]
        comparison = compare(
            judgements, used, version, known or [one.scenario for one in scenarios]
        )
        absent = next((one for one in session.absent if one.column == name), None)
        unclean = next((one.why for one in session.unclean if one.column == name), "")
        columns.append(
            ColumnInfo(
                name,
                implementation,
                version,
                _absence(absent),
                name in asked,
                comparison.tested or not outcomes,
                used.path,
                unclean,
            )
        )
        for outcome, compared in zip(outcomes, comparison.compared, strict=True):
            results.append(_result(outcome, compared, options, traces or {}))
        stale += [_stale(name, used, entry) for entry in comparison.stale]
    infos = [ScenarioInfo(one.scenario, one.title, list(one.source)) for one in scenarios]
    report = Report(1, session.complete, strict, 0, columns, infos, results, stale)
    return msgspec.structs.replace(report, exit_code=exit_code(report))


def exit_code(report: Report) -> int:
    """What the run ends with: 70, 130, 78, 69, 1, 2 or 0, the first that applies.

    An untested version's differences count only in a strict run.
    """
    if any(one.bug for one in report.results):
        return 70
    if not report.complete:
        return 130
    if any(one.mistake for one in report.results):
        return 78
    if any(one.absent and one.asked for one in report.columns):
        return 69
    counting = {one.name for one in report.columns if one.tested or report.strict}
    if report.stale or any(
        one.standing in UNEXPECTED and one.column in counting for one in report.results
    ):
        return 1
    if any(one.standing is Standing.NO_VERDICT for one in report.results):
        return 2
    return 0


def replay_line(column: str, scenario: str, options: Sequence[str] = ()) -> str:
    """The one line that does this again."""
    return shlex.join(["bgfetch", "run", "--on", column, *options, scenario])


def first_unexplained(judgement: Judgement, trace: Trace | None) -> Move | None:
    """The move that broke the explanation: the unexplained one, else a broken property's."""
    if trace is None:
        return None
    candidates = [judgement.unexplained] + [
        one.entry for one in judgement.properties if one.holds is False
    ]
    all_moves = moves(trace)
    for index in candidates:
        if index is not None and index < len(all_moves) and (move := all_moves[index]):
            return move
    return None


def broken_properties(judgement: Judgement) -> list[PropertyResult]:
    """The properties that do not hold."""
    return [one for one in judgement.properties if one.holds is False]


def encode(report: Report) -> bytes:
    """The report as JSON, indented, the same bytes for the same findings."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def decode(data: bytes) -> Report:
    """Read what ``encode`` wrote.  Raises ``msgspec.DecodeError`` or ``ValidationError``."""
    return msgspec.json.decode(data, type=Report)


def schema() -> dict[str, object]:
    """The JSON Schema of the JSON report."""
    return msgspec.json.schema(Report)


def _identity(name: str, outcomes: Sequence[Outcome]) -> tuple[str, str]:
    """What the implementation calls itself; outcomes without a trace only repeat the column."""
    for outcome in outcomes:
        if outcome.trace is not None:
            return outcome.trace.implementation, outcome.trace.version
    for outcome in outcomes:
        if outcome.judgement.version:
            return outcome.judgement.implementation, outcome.judgement.version
    return name, ""


def _absence(absent: Absent | None) -> str:
    if absent is None:
        return ""
    return f"{absent.why}; {absent.remedy}" if absent.remedy else absent.why


def _result(
    outcome: Outcome,
    compared: Compared,
    options: Sequence[str],
    traces: Mapping[tuple[str, str, int], str],
) -> Result:
    judgement = outcome.judgement
    move = first_unexplained(judgement, outcome.trace)
    violates = judgement.verdict is Verdict.VIOLATES
    return Result(
        outcome.column,
        outcome.attempt,
        judgement,
        compared.standing,
        compared.entry.reason if compared.entry else "",
        move.sentence if move and violates else "",
        replay_line(outcome.column, judgement.scenario, options),
        traces.get((outcome.column, judgement.scenario, outcome.attempt), ""),
        outcome.bug,
        outcome.mistake,
    )


def _stale(column: str, used: Expectations, entry: Expected) -> Stale:
    return Stale(column, entry.scenario, f"{used.path}:{entry.line}")


__all__ = [
    "ColumnInfo",
    "Comparison",
    "Report",
    "Result",
    "ScenarioInfo",
    "Stale",
    "broken_properties",
    "build",
    "decode",
    "encode",
    "exit_code",
    "first_unexplained",
    "replay_line",
    "schema",
]
