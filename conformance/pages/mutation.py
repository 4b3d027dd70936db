"""The page of spec mutation: how much of the text is held down by scenarios and properties.

It is made of the report of a campaign and the list of its survivors, and runs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from conformance.mutate.campaign import Row
from conformance.mutate.report import EQUAL, Report, Survivor, kind_of, read_survivors
from conformance.mutate.sites import OPERATORS
from conformance.pages.parts import GENERATED, cell

_INTRODUCTION = """\
Would anybody notice if the text said something else? The model's algorithms were changed in one
place at a time, and each changed model was played through the scenarios, judged recorded traces,
and was explored. [How to run it, and what the words mean](../../reports/README.md#spec-mutation).
"""

_SURVIVORS = """\
What nobody noticed. A survivor that is *equal* showed no difference in anything that was played or
explored; it is counted here and has no line below.
"""


def mutation_page(reports: Path) -> str:
    """``docs/reference/mutation.md``, of the reports in a folder."""
    report = Report.load(reports / "mutation.json")
    known = read_survivors(reports / "mutation.toml")
    parts = [
        GENERATED,
        "# Spec mutation\n",
        _INTRODUCTION,
        *_shares(report, known),
        "## By what is changed\n",
        *_operators(report),
        "\n## By file\n",
        *_files(report.mutants),
        "\n## Survivors\n",
        _SURVIVORS,
        *_survivors(report, known),
    ]
    return "\n".join(parts) + "\n"


def _shares(report: Report, known: dict[str, Survivor]) -> Iterator[str]:
    tried = len(report.mutants)
    which = "all that there are" if report.sample is None else "a uniform sample"
    yield f"- Mutants tried: {tried}, {which}."
    yield f"- Noticed: **{report.killed_of_all:.1%}** of them."
    share = report.killed_share(known)
    yield f"- Noticed of those that are not equal or equivalent: **{share:.1%}**."
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(report.kinds(known).items()))
    yield f"- Survivors: {len(report.survivors)} ({kinds}).\n"


def _operators(report: Report) -> Iterator[str]:
    yield "| change | mutants | survive | noticed by |"
    yield "| --- | ---: | ---: | --- |"
    for name, counts in report.counts().items():
        by = ", ".join(f"{n} {how}" for how, n in list(counts.items())[2:])
        told = OPERATORS.get(name, "all")
        yield f"| {told} | {counts['mutants']} | {counts['survive']} | {by} |"


def _files(rows: Iterable[Row]) -> Iterator[str]:
    tried, left = Counter[str](), Counter[str]()
    for row in rows:
        file = row.where.partition(":")[0]
        tried[file] += 1
        left[file] += not row.killed
    yield "| file | mutants | survive |"
    yield "| --- | ---: | ---: |"
    for file in sorted(tried):
        yield f"| `{file}` | {tried[file]} | {left[file]} |"


def _survivors(report: Report, known: dict[str, Survivor]) -> Iterator[str]:
    yield "| place | change | kind | reason |"
    yield "| --- | --- | --- | --- |"
    for row in report.survivors:
        kind = kind_of(row, known)
        if kind == EQUAL:
            continue
        reason = known[row.key].reason if row.key in known else ""
        # Lines move; the file and the function say where it is.
        file, _, rest = row.where.partition(":")
        place = f"{Path(file).stem} `{rest.partition(' ')[2]}`"
        yield f"| {place} | `{cell(row.change)}` | {kind} | {cell(reason)} |"
