"""Rows of the source documents, and the scenarios that show them.

Five documents came before this project: an early proposal for background
caching (S0), a vendor's page on Background Fetch (S1), an article with
experiments (S2), an early explainer of background sync (S3) and a note on both
(S4).  Each promise in them is a row, ``S1-22``; ``source_rows.tsv`` says in a few
words what it is and what became of it.  A scenario names the rows it shows, and
``SC-22`` (an executable situation made from rows) or ``E01`` (an erratum).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import attrs

from conformance.scenario.format import Scenario

FILE = Path(__file__).parent / "source_rows.tsv"
SITUATIONS = tuple(f"SC-{number:02}" for number in range(1, 136))
ERRATA = tuple(f"E{number:02}" for number in range(1, 91))


@attrs.frozen
class Row:
    """One row of a source document.

    ``verdict``: what later became of it: KEPT, RENAMED, CHANGED, DROPPED, CONTRA
    (contradicted), UA (left to the user agent), QUIRK (an implementation's fault),
    ERR (the document's own fault), IDEA, DOC (nothing to run).
    """

    id: str
    verdict: str
    says: str


@cache
def rows() -> dict[str, Row]:
    """Every row by id, in the order of the documents."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    split = [line.split("\t") for line in lines[1:]]
    return {name: Row(name, verdict, says) for name, says, verdict in split}


@cache
def ids() -> tuple[str, ...]:
    """Every id that a scenario's ``source`` may name: rows, situations, errata."""
    return (*rows(), *SITUATIONS, *ERRATA)


@cache
def _known() -> frozenset[str]:
    return frozenset(ids())


def is_known(id: str) -> bool:
    """Whether a scenario may name this source."""
    return id in _known()


def shown(scenarios: Iterable[Scenario]) -> dict[str, list[str]]:
    """Each source id to the ids of the scenarios that name it, sorted; none: an empty list."""
    table: dict[str, list[str]] = {source: [] for source in ids()}
    for scenario in scenarios:
        for source in dict.fromkeys(scenario.source):
            table[source].append(scenario.scenario)
    return {source: sorted(names) for source, names in table.items()}


def markdown(table: dict[str, list[str]]) -> str:
    """The rows as a table, then the situations and errata that have a scenario, and the counts."""
    lines = ["| row | says | later | scenarios |", "| --- | --- | --- | --- |"]
    for row in rows().values():
        says = row.says.replace("|", "\\|")
        lines.append(f"| {row.id} | {says} | {row.verdict} | {', '.join(table[row.id])} |")
    lines += ["", "| situation or erratum | scenarios |", "| --- | --- |"]
    others = [source for source in (*SITUATIONS, *ERRATA) if table[source]]
    lines += [f"| {source} | {', '.join(table[source])} |" for source in others]
    return "\n".join([*lines, "", _counts(table), ""])


def plain(table: dict[str, list[str]]) -> str:
    """The same for a terminal: one line for each id that has a scenario, and the counts."""
    lines = []
    for source, names in table.items():
        if names:
            says = rows()[source].says if source in rows() else ""
            lines.append(f"{source:<7} {says:<52} {', '.join(names)}")
    return "\n".join([*lines, _counts(table), ""])


def _counts(table: dict[str, list[str]]) -> str:
    parts = [
        f"{sum(bool(table[source]) for source in group)} of {len(group)} {name}"
        for name, group in (("rows", rows()), ("situations", SITUATIONS), ("errata", ERRATA))
    ]
    return "Shown: " + ", ".join(parts) + "."
