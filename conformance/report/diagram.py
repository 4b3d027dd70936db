"""A trace as the rows of a sequence diagram, the long parts folded.

A reader wants the place where the explanation broke and what led to it.  So
rows far before that place, rows after it, and long runs of the same dull
thing (bytes sent, progress made) are folded; nothing is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import attrs

from conformance.judge.verdict import Judgement
from conformance.report.moves import Move, details, lanes, moves, when
from conformance.report.words import alternatives, count
from conformance.trace import Trace

BEFORE, AFTER = 14, 6
"""Rows shown before and after the unexplained one."""
WHOLE = 70
"""Rows up to which a trace that has no such place is shown whole."""
DULL = 4
"""From so many alike dull rows in a run on they are folded, the last one stays."""


@attrs.frozen
class Row:
    """One entry.  ``start`` and ``end`` are grid lines; equal lanes make a dot, not an arrow.

    ``broken`` says what is wrong here, ``raw`` is the entry itself, both only where the
    explanation or a property broke.
    """

    move: Move
    at: str
    start: int
    end: int
    direction: str
    broken: str = ""
    raw: str = ""


@attrs.frozen
class Fold:
    """Rows that are hidden behind one line."""

    label: str
    rows: tuple[Row | Fold, ...]


@attrs.frozen
class Diagram:
    """Lanes from left to right, rows from top to bottom."""

    lanes: tuple[str, ...]
    rows: tuple[Row | Fold, ...]


def diagram(trace: Trace, judgement: Judgement) -> Diagram:
    """Lay a trace out.  ``judgement`` says where its explanation broke, if anywhere."""
    all_moves = moves(trace)
    used = lanes(all_moves)
    broken = _broken(judgement)
    rows = [
        _row(move, trace, used, broken.get(move.entry, ""))
        for move in all_moves
        if move is not None
    ]
    return Diagram(tuple(used), tuple(_fold(rows)))


def _broken(judgement: Judgement) -> dict[int, str]:
    """What is wrong, by entry."""
    notes: dict[int, list[str]] = {}
    if judgement.unexplained is not None:
        instead = alternatives(judgement.allowed)
        note = f"allowed instead: {instead}" if instead else "nothing explains this"
        notes[judgement.unexplained] = [note]
    for one in judgement.properties:
        if one.holds is False and one.entry is not None:
            notes.setdefault(one.entry, []).append(f"{one.name} is broken: {one.why}")
    return {entry: "; ".join(texts) for entry, texts in notes.items()}


def _row(move: Move, trace: Trace, used: Sequence[str], broken: str) -> Row:
    # Each lane is two grid columns wide; its line runs between them.
    source, target = (2 * used.index(lane) + 2 for lane in (move.source, move.target))
    direction = "right" if source < target else "left" if target < source else "dot"
    start, end = sorted((source, target))
    if direction == "dot":
        start, end = start - 1, end + 1
    entry = trace.entries[move.entry]
    raw = details(entry) if broken else ""
    return Row(move, when(entry), start, end, direction, broken, raw)


def _fold(rows: Sequence[Row]) -> list[Row | Fold]:
    places = [index for index, row in enumerate(rows) if row.broken]
    if not places:
        if len(rows) <= WHOLE:
            return _fold_dull(rows)
        head, rest = rows[: WHOLE // 2], rows[WHOLE // 2 :]
        more = Fold(count(len(rest), "more entry", "more entries"), tuple(_fold_dull(rest)))
        return [*_fold_dull(head), more]
    first, last = max(0, places[0] - BEFORE), places[-1] + AFTER + 1
    folded: list[Row | Fold] = []
    if first:
        label = count(first, "earlier entry, explained", "earlier entries, all explained")
        folded.append(Fold(label, tuple(_fold_dull(rows[:first]))))
    folded += _fold_dull(rows[first:last])
    if rows[last:]:
        label = count(len(rows[last:]), "later entry", "later entries")
        folded.append(Fold(label, tuple(_fold_dull(rows[last:]))))
    return folded


def _fold_dull(rows: Sequence[Row]) -> list[Row | Fold]:
    folded: list[Row | Fold] = []
    for dull, group in groupby(rows, key=_alike):
        run = list(group)
        if dull and len(run) >= DULL:
            hidden = tuple(run[:-1])
            folded.append(Fold(f"{len(hidden)} entries before the next, alike", hidden))
            run = run[-1:]
        folded += run
    return folded


def _alike(row: Row) -> tuple[str, str] | None:
    """What makes two neighbours alike: the same thing in the same realm."""
    if row.broken or not row.move.dull:
        return None
    return row.move.dull, row.move.who
