"""``python -m tests.bench``: measure the model's speed and write ``reports/bench-model.json``.

Every ``bench_*.py`` beside this file that has ``FIGURES`` is measured; ``--only NAME``
measures those whose name contains it and keeps the others' figures, ``--out`` writes
elsewhere.  No test runs this: a figure that depends on the machine is for people to read.
Where there is a goal, ``ratio`` is the share of it that is used up: above 1 it is missed, and
the exit code is 1.
"""

from __future__ import annotations

import importlib
import platform
import sys
from pathlib import Path

import click
import msgspec

from tests.bench.measuring import RUNS, Bench, Measured, measure, yardstick

HERE = Path(__file__).parent
REPORT = HERE.parents[1] / "reports" / "bench-model.json"


class Report(msgspec.Struct, frozen=True):
    """All figures of one machine; ``yardstick`` in seconds of processor time."""

    python: str
    runs: int
    yardstick: float
    figures: list[Measured]


def benches() -> list[Bench]:
    """Those of every module, in the order of the modules' names."""
    found: list[Bench] = []
    for path in sorted(HERE.glob("bench_*.py")):
        module = importlib.import_module(f"tests.bench.{path.stem}")
        found += getattr(module, "FIGURES", ())
    return found


@click.command()
@click.option("--only", default="", help="Measure only what has this in its name.")
@click.option("--runs", default=RUNS, show_default=True, type=click.IntRange(1))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=REPORT)
def main(only: str, runs: int, out: Path) -> None:
    """Measure, print, write."""
    unit = yardstick()
    known = {(one.name, one.says): one for one in _published(out)} if only else {}
    figures = []
    for bench in benches():
        if only not in bench.name:
            figures += [known[key] for key in [(bench.name, bench.says)] if key in known]
            continue
        figure = measure(bench, unit, runs)
        figures.append(figure)
        goal = "" if figure.ratio is None else f"  {figure.ratio:.2f} of the goal"
        click.echo(f"{figure.name:<16}{figure.median:>10g} {figure.figure}{goal}  {figure.says}")
    report = Report(platform.python_version(), runs, float(f"{unit:.3g}"), figures)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    sys.exit(1 if any(one.ratio is not None and one.ratio > 1 for one in figures) else 0)


def _published(path: Path) -> list[Measured]:
    return msgspec.json.decode(path.read_bytes(), type=Report).figures if path.exists() else []


if __name__ == "__main__":
    main()
