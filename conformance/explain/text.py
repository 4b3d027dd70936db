"""Walks and comparisons for a terminal.  ``Look`` paints; without colours it does nothing."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from conformance.explain.lines import Line, Steps, Teller, end, whole
from conformance.explain.shape import Comparison, Walk
from conformance.report.words import count

Paint = Callable[[str, str], str]
"""(text, kind of line) to the text as it is shown."""

FEW = 4
"""Amendments that are named one by one."""

WIDE = 150
"""Columns from which two readings stand beside each other."""


def unpainted(text: str, kind: str) -> str:
    """As it is."""
    return text


def walk_text(walk: Walk, steps: Steps = "once", *, paint: Paint = unpainted) -> str:
    """One walk with its header and footer."""
    lines = [*_head(walk), *_reading(walk)]
    lines += [paint(_plain(line), line.kind) for line in whole(walk, steps)]
    return "\n".join([*lines, "", f"again: {walk.command}"]) + "\n"


def comparison_text(
    both: Comparison, width: int, steps: Steps = "once", *, paint: Paint = unpainted
) -> str:
    """Two walks from where they part, side by side where ``width`` allows."""
    left, right = both.left, both.right
    lines = [*_head(left), *_facts(("left", left.edition), ("right", right.edition))]
    lines += _facts(*_choices(left))
    lines += _facts(*(("between", each) for each in between(both)))
    lines.append("")
    parting = both.parting
    if parting is None:
        lines += ["The two readings take the same steps here; no difference can be seen.", ""]
        return "\n".join([*lines, f"again: {both.command}"]) + "\n"
    lines += [
        f"They part in {parting.moment}. {parting.happens}"
        + (f", after {parting.after}." if parting.after else "."),
        f"  {left.edition}: {parting.left}",
        f"  {right.edition}: {parting.right}",
        "",
        *_observed(both),
    ]
    same = min(parting.moment - 1, len(left.moments))
    if same:
        lines += ["", "Alike until then:"]
        lines += [f"{n}. {each.happens}" for n, each in enumerate(left.moments[:same], 1)]
    columns = _columns(both, same, steps)
    if width >= WIDE:
        lines += ["", *_beside(columns, (left.edition, right.edition), width, paint)]
    else:
        for name, column in zip((left.edition, right.edition), columns, strict=True):
            lines += ["", f"--- {name}"]
            lines += [paint(_plain(line), line.kind) for line in column]
    return "\n".join([*lines, "", f"again: {both.command}"]) + "\n"


def _head(walk: Walk) -> list[str]:
    return [
        f"{walk.scenario}: {walk.title}",
        "",
        f"{'text':<9}{walk.document} at {walk.commit}",
    ]


def _reading(walk: Walk) -> list[str]:
    return _facts(("edition", walk.edition), *_choices(walk))


def _choices(walk: Walk) -> list[tuple[str, str]]:
    chosen = ", ".join(f"{key}={option}" for key, option in walk.choices.items())
    facts = [("profile", walk.profile + (f" ({chosen})" if chosen else ""))]
    return [*facts, ("world", "; ".join(walk.world))] if walk.world else facts


def _facts(*facts: tuple[str, str]) -> list[str]:
    return [f"{name:<9}{value}" for name, value in facts]


def _observed(both: Comparison) -> Iterator[str]:
    if not both.observed:
        yield "No page, worker or server sees a difference."
        return
    yield "What is seen differently:"
    for each in both.observed:
        yield f"  {both.left.edition}: {each.left or '(nothing)'}"
        yield f"  {both.right.edition}: {each.right or '(nothing)'}"


def _columns(both: Comparison, same: int, steps: Steps) -> tuple[list[Line], list[Line]]:
    """The lines of both walks from the moment in which they part."""

    def lines(walk: Walk) -> Iterator[Line]:
        teller = Teller(steps)
        for number, moment in enumerate(walk.moments, 1):
            told = list(teller.moment(number, moment))
            if number > same:
                yield from told
        yield from end(walk)

    return list(lines(both.left)), list(lines(both.right))


def _beside(
    columns: tuple[Sequence[Line], Sequence[Line]],
    names: tuple[str, str],
    width: int,
    paint: Paint,
) -> Iterator[str]:
    """Two columns; what both have stands on one row, and ``≠`` between what differs."""
    room = (width - 3) // 2
    yield f"{names[0]:<{room}} | {names[1]}"
    yield f"{'-' * room}-+-{'-' * room}"
    for left, right in _aligned(*columns):
        sign = "|" if left == right else "≠"
        rows = [list(_wrapped(line, room)) for line in (left, right)]
        for one, other in zip_longest(*rows, fillvalue=("", "blank")):
            filled = paint(f"{one[0]:<{room}}", one[1])
            yield f"{filled} {sign} {paint(*other)}".rstrip()


def _aligned(
    left: Sequence[Line], right: Sequence[Line]
) -> Iterator[tuple[Line | None, Line | None]]:
    """Pairs of lines: those that are the same, else what one has in place of the other's."""
    matcher = difflib.SequenceMatcher(a=left, b=right, autojunk=False)
    for how, a, b, c, d in matcher.get_opcodes():
        if how == "equal":
            yield from zip(left[a:b], right[c:d], strict=True)
        else:
            yield from zip_longest(left[a:b], right[c:d])


def _wrapped(line: Line | None, room: int) -> Iterator[tuple[str, str]]:
    if line is None:
        return
    text = _plain(line)
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    for part in textwrap.wrap(text, room, subsequent_indent=indent):
        yield part, line.kind


def _plain(line: Line) -> str:
    match line.kind:
        case "happens":
            return f"{line.label}. {line.text}" if line.label.isdigit() else f"   {line.text}"
        case "runs":
            return f"   {line.text}"
        case "step":
            return f"     {line.label:<16} {line.text}"
        case "again":
            return f"     {line.text}"
        case "decides":
            return f"     ! {line.text}"
        case "change":
            return f"     = {line.text}"
        case "seen":
            return f"   > {line.text}"
        case "blank":
            return ""


def between(both: Comparison) -> list[str]:
    """The amendments that only one reading has; counted where they are many."""
    if len(both.between) <= FEW:
        return both.between
    return [f"{count(len(both.between), 'cluster')} of amendments (bgfetch list clusters)"]
