"""Writes what the expectation files would have to say for a run to be one as expected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from conformance.cli.output import Folder
from conformance.judge.expectations import Expectations, Standing, compare, none_for
from conformance.judge.proposal import propose
from conformance.judge.session import Session
from conformance.report.results import ColumnInfo, Report

_FINE = frozenset({Standing.AS_EXPECTED, Standing.KNOWN, Standing.NO_VERDICT})


def write_proposals(
    session: Session,
    report: Report,
    written: Mapping[str, Expectations],
    known: Collection[str],
    folder: Folder,
) -> list[Path]:
    """Write a proposal for each implementation that differs; their paths.

    A proposal stands beside the file it would replace, or in the report's folder
    where there is none; no file that exists is ever overwritten.
    """
    paths = []
    for column in report.columns:
        used = written.get(column.name) or written.get(column.implementation)
        text = _proposal(session, column, used or none_for(column.implementation), known)
        if text:
            place = Folder(Path(used.path).parent) if used else folder
            name = _free(place.path, used.implementation if used else column.implementation)
            paths.append(place.write(name, text.encode()))
    return paths


def _proposal(
    session: Session, column: ColumnInfo, used: Expectations, known: Collection[str]
) -> str:
    judgements = [one.judgement for one in session.outcomes if one.column == column.name]
    if not judgements:
        return ""
    comparison = compare(judgements, used, column.version, known)
    differs = any(one.standing not in _FINE for one in comparison.compared)
    if not differs and not comparison.stale and comparison.tested:
        return ""
    return propose(comparison, used, column.version)


def _free(place: Path, implementation: str) -> str:
    """A file name that is not taken."""
    stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in implementation)
    name, number = f"{stem}.proposed.toml", 1
    while (place / name).exists():
        number += 1
        name = f"{stem}.proposed-{number}.toml"
    return name
