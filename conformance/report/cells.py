"""One cell of the matrix in a few words: the same in a terminal and on the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from conformance.judge.expectations import UNEXPECTED, Standing
from conformance.judge.verdict import Verdict
from conformance.report.results import ColumnInfo, Report, Result
from conformance.report.words import count

GOOD, CHOICE, KNOWN, BAD, UNSURE, NOTHING = "good", "choice", "known", "bad", "unsure", "nothing"
"""Kinds of cell: conforms, conforms via choices, a known difference, something
unexpected, no verdict, nothing to judge."""


@attrs.frozen
class Cell:
    """``text`` is short; ``kind`` picks the colour, but the words alone say it all."""

    text: str
    kind: str


def cell(results: Sequence[Result], column: ColumnInfo) -> Cell:
    """The cell of one scenario on one implementation; several attempts are counted."""
    if not results:
        return Cell("not here", NOTHING) if column.absent else Cell("not run", NOTHING)
    cells = [_single(one) for one in results]
    if len(set(cells)) == 1:
        return cells[0]
    worst = max(cells, key=lambda one: _RANK[one.kind])
    counted = Counter(one.text for one in cells)
    return Cell(", ".join(f"{text} ×{n}" for text, n in counted.items()), worst.kind)


_RANK = {NOTHING: 0, GOOD: 1, CHOICE: 2, KNOWN: 3, UNSURE: 4, BAD: 5}


def _single(result: Result) -> Cell:
    judgement = result.judgement
    if result.bug:
        return Cell("OUR BUG", BAD)
    known = result.standing is Standing.KNOWN
    match judgement.verdict:
        case Verdict.CONFORMS | Verdict.CONFORMS_VIA:
            via = judgement.choices
            text = "conforms"
            if judgement.verdict is Verdict.CONFORMS_VIA:
                text = f"via {via[0] if via else '?'}" + (f" +{len(via) - 1}" if via[1:] else "")
            if result.standing is Standing.UNEXPECTED_PASS:
                return Cell(f"{text} (UNEXPECTED)", BAD)
            return Cell(text, CHOICE if text.startswith("via") else GOOD)
        case Verdict.VIOLATES:
            if known:
                return Cell("violates (expected)", KNOWN)
            different = result.standing is Standing.DIFFERENT
            return Cell("VIOLATES (otherwise)" if different else "VIOLATES", BAD)
        case Verdict.UNSUPPORTED:
            changed = result.standing is Standing.DIFFERENT
            return Cell("UNSUPPORTED" if changed else "unsupported", BAD if changed else NOTHING)
        case Verdict.INCONCLUSIVE:
            return Cell("inconclusive", KNOWN if known else UNSURE)
        case Verdict.BROKEN_ADAPTER:
            return Cell("broken", KNOWN if known else UNSURE)


def summary(report: Report, column: ColumnInfo) -> str:
    """One line about one implementation, such as ``chromium 150.0: 20 conform, 6 violate``."""
    name = column.name + (f" {column.version}" if column.version else "")
    if column.absent:
        return f"{name}: not here: {column.absent}"
    mine = [one for one in report.results if one.column == column.name]
    verdicts = Counter(one.judgement.verdict for one in mine if not one.bug)
    parts = []
    if conforming := verdicts[Verdict.CONFORMS] + verdicts[Verdict.CONFORMS_VIA]:
        via = verdicts[Verdict.CONFORMS_VIA]
        parts.append(
            count(conforming, "conforms", "conform") + (f" ({via} via choices)" if via else "")
        )
    if violating := verdicts[Verdict.VIOLATES]:
        new = sum(
            one.standing in UNEXPECTED and one.judgement.verdict is Verdict.VIOLATES for one in mine
        )
        how = f"{new} unexpected" if new else "expected" if violating == 1 else "all expected"
        parts.append(count(violating, "violates", "violate") + f" ({how})")
    for verdict in (Verdict.UNSUPPORTED, Verdict.INCONCLUSIVE, Verdict.BROKEN_ADAPTER):
        if verdicts[verdict]:
            parts.append(f"{verdicts[verdict]} {verdict.value}")
    if bugs := sum(bool(one.bug) for one in mine):
        parts.append(count(bugs, "fault of this program", "faults of this program"))
    missing = Counter(
        need
        for one in mine
        if one.judgement.verdict is Verdict.UNSUPPORTED
        for need in one.judgement.missing
    )
    text = f"{name}: {', '.join(parts) or 'nothing was run'}"
    if missing:
        needs = ", ".join(need for need, _ in missing.most_common())
        text += f"; lacks {needs}"
    if not column.tested:
        text += "; nobody has looked at this version before" + (
            "" if report.strict else ", so differences do not count"
        )
    return f"{text}; WARNING: {column.unclean}" if column.unclean else text


def choices_used(report: Report, column: str) -> list[tuple[str, list[str]]]:
    """Each choice that explanations of this implementation needed, with the scenarios."""
    used: dict[str, list[str]] = {}
    for one in report.results:
        if one.column == column:
            for choice in one.judgement.choices:
                scenarios = used.setdefault(choice, [])
                if one.judgement.scenario not in scenarios:
                    scenarios.append(one.judgement.scenario)
    return sorted(used.items())
