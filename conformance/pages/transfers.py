"""The page of how fast the engine moves bytes: what ``tests.bench.transfer`` has measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from conformance.pages.parts import GENERATED

Report: TypeAlias = Mapping[str, Any]
"""A JSON document that ``python -m tests.bench.transfer`` wrote."""

_INTRODUCTION = """\
The engine beside curl, aria2 and httpx, from nginx on loopback. Bytes go to the page cache:
programs are compared, not disks and not networks. How it is done, what the numbers mean and
where the time goes: [Measure the engine's transfers](../how-to/measure-transfers.md).
"""


def transfers_page(reports: Path) -> str:
    """``docs/reference/transfers.md``, of the report in a folder."""
    report: Report = json.loads((reports / "bench.json").read_text("utf-8"))
    parts = [
        GENERATED,
        "# Transfers, measured\n",
        _INTRODUCTION,
        *_machine(report),
        *_goals(report["goals"]),
        *_rows(report["rows"]),
    ]
    return "\n".join(parts) + "\n"


def _machine(report: Report) -> Iterator[str]:
    named = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    yield f"Measured with {named}; {report['cpus']} processors.\n"
    yield (
        f"Load before {report['load']}, after {report['load_after']}: where it is above the number"
        " of processors somebody else was at work, and the ratios say little.\n"
    )
    if "note" in report:  # written by people, who have put a report together
        yield f"{report['note']}\n"


def _goals(goals: list[Report]) -> Iterator[str]:
    yield "| goal | wanted | measured | |"
    yield "|---|---|---|---|"
    for goal in goals:
        verdict = "met" if goal["met"] else "**missed**"
        yield f"| {goal['what']} | {goal['wanted']} | {goal['measured']} | {verdict} |"


def _rows(rows: list[Report]) -> Iterator[str]:
    yield "\n| work | client | runs | median s | least to most | CPU s | memory MiB |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for row in rows:
        for name, one in row["clients"].items():
            spread = f"{one['least']:.2f} to {one['most']:.2f}"
            yield (
                f"| {row['title']} | {name} | {len(one['seconds'])} | {one['median']:.3f} "
                f"| {spread} | {one['cpu']:.2f} | {one['rss']:.0f} |"
            )
    yield (
        "\nCPU and memory are of the whole process, the interpreter's start included. A command's"
        " memory cannot be seen below that of the program that started it, about 30 MiB."
    )
