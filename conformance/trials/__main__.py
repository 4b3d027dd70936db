"""``python -m conformance.trials soundness|sample|mutations|agreement|blame``: try the acceptor.

``sample`` is soundness once more, of some runs, by the judge as it has become since.

What was counted is added to reports/acceptor.json.  A campaign goes on at the first
number that has not been tried; Ctrl-C loses nothing that was counted.  Campaigns of
different profiles can run at the same time.  Exit codes: 0
nothing was found; 1 a false rejection, a hole, a disagreement, or blame that is wrong too
often; 64 usage.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from conformance.cli.exits import USAGE
from conformance.report.whole import write_whole
from conformance.trials import blaming, campaigns
from conformance.trials.campaigns import Tally
from spec_model.profiles import PROFILES

OUT = Path("reports/acceptor.json")
BATCH = 500
"""Numbers that are tried before the report is written again."""

TRIALS: dict[str, Callable[[str, range], Tally]] = {
    "soundness": campaigns.soundness,
    "sample": campaigns.soundness,
    "mutations": campaigns.mutations,
    "agreement": campaigns.agreement,
    "blame": blaming.blaming,
}
_FINE = frozenset(
    {
        *("accepted", "rejected", "equivalent", "order only", "undecided", "joined"),
        *("worlds listed whole", "worlds cut short"),
        *("unreadable", "too large to prove", "too large", "both accepted", "both rejected"),
    }
)


class Line(msgspec.Struct, omit_defaults=True):
    """One trial of one profile: numbers 0 to ``tried`` - 1.

    ``asked``, ``shown`` and ``steps``: in how many of its ``runs`` (``Coverage``).
    """

    tried: int = 0
    counts: dict[str, int] = {}
    largest: int = 0
    seconds: float = 0.0
    cases: list[str] = []
    runs: int = 0
    asked: dict[str, int] = {}
    shown: dict[str, int] = {}
    steps: dict[str, int] = {}

    def add(self, numbers: range, tally: Tally) -> None:
        """What came of the next numbers."""
        self.tried = numbers.stop
        covered = tally.covered
        self.runs += covered.runs
        for own, more in (
            (self.counts, tally.counts),
            (self.asked, covered.asked),
            (self.shown, covered.shown),
            (self.steps, covered.steps),
        ):
            for name, count in more.items():
                own[name] = own.get(name, 0) + count
        self.largest = max(self.largest, tally.largest)
        self.seconds = round(self.seconds + tally.seconds, 1)
        self.cases = [*self.cases, *tally.cases][:50]


Report = dict[str, dict[str, Line]]


def _read(path: Path) -> Report:
    return msgspec.json.decode(path.read_bytes(), type=Report) if path.exists() else {}


def _add(path: Path, trial: str, profile: str, line: Line) -> None:
    """Write one line; those of campaigns that run at the same time stay as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        report = _read(path)
        report.setdefault(trial, {})[profile] = line
        encoded = msgspec.json.format(msgspec.json.encode(report, order="sorted"), indent=2)
        write_whole(path, encoded + b"\n")
    finally:
        os.close(folder)


@click.command()
@click.argument("trial", type=click.Choice(sorted(TRIALS)))
@click.option(
    "--profile",
    default=campaigns.ANY,
    show_default=True,
    type=click.Choice([campaigns.ANY, *PROFILES]),
    help="Whose choices the model makes.",
)
@click.option(
    "--half",
    default=blaming.HELD_OUT,
    show_default=True,
    type=click.Choice(blaming.HALVES),
    help="For blame: which mutants.",
)
@click.option("--upto", default=1000, show_default=True, type=click.IntRange(1), help="Numbers.")
@click.option("--seconds", type=float, help="Stop after so many seconds.")
@click.option("--batch", default=BATCH, show_default=True, help="Numbers between two reports.")
@click.option("--out", default=OUT, show_default=True, type=click.Path(path_type=Path))
@click.option("--anew", is_flag=True, help="Forget what was counted before.")
def main(
    trial: str,
    profile: str,
    half: str,
    upto: int,
    seconds: float | None,
    batch: int,
    out: Path,
    anew: bool,
) -> None:
    """Try the acceptor on traces of the model: see the module's text."""
    judges_blame = trial == "blame"
    profile = half if judges_blame else profile
    line = Line() if anew else _read(out).get(trial, {}).get(profile, Line())
    began = time.monotonic()
    while line.tried < upto and (seconds is None or time.monotonic() - began < seconds):
        numbers = range(line.tried, min(upto, line.tried + batch))
        line.add(numbers, TRIALS[trial](profile, numbers))
        _add(out, trial, profile, line)
        click.echo(f"{trial} {profile}: {line.tried} of {upto}", err=True)
    counted = ", ".join(f"{name} {count}" for name, count in sorted(line.counts.items()))
    if judges_blame:
        counted = blaming.summary(line.counts)
    click.echo(f"{trial} {profile}: {line.tried} numbers in {line.seconds} s: {counted}")
    for each in line.cases:
        click.echo(f"  {each}")
    fine = blaming.well_blamed(line.counts) if judges_blame else line.counts.keys() <= _FINE
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    try:
        main.main(standalone_mode=False)
    except click.UsageError as wrong:
        click.echo(f"conformance.trials: {wrong.format_message()}", err=True)
        sys.exit(USAGE)
