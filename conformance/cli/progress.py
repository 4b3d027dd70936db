"""What a run shows while it goes on: a bar on a terminal, a line for each result elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from conformance.judge.session import Absent, Outcome, Silent, Watcher
from conformance.judge.verdict import Verdict

_QUIET = frozenset({Verdict.CONFORMS, Verdict.CONFORMS_VIA, Verdict.UNSUPPORTED})


class Lines(Silent):
    """For a log: one line for each result, on standard error."""

    def finished(self, outcome: Outcome) -> None:
        """Say the verdict."""
        judgement = outcome.judgement
        word = "our bug" if outcome.bug else judgement.verdict.value
        click.echo(f"{outcome.column} {judgement.scenario}: {word}", err=True)

    def absent(self, absent: Absent) -> None:
        """Say why nothing follows."""
        click.echo(f"{absent.column}: not here: {absent.why}", err=True)


class Bar(Silent):
    """For a terminal: a bar for each implementation, and a line for what is not good news."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def column_begins(self, column: str, runs: int) -> None:
        """A bar appears."""
        self._task = self._bars.add_task(column, total=runs, now="")

    def scenario_begins(self, column: str, scenario: str, attempt: int) -> None:
        """The bar says what is running."""
        if self._task is not None:
            self._bars.update(self._task, now=scenario)

    def finished(self, outcome: Outcome) -> None:
        """The bar moves."""
        if self._task is not None:
            self._bars.update(self._task, advance=1, now="")
        judgement = outcome.judgement
        if outcome.bug or judgement.verdict not in _QUIET:
            word = "our bug" if outcome.bug else judgement.verdict.value
            line = f"{outcome.column} {judgement.scenario}: {word}"
            self._bars.console.print(line, style="dim", markup=False, highlight=False)

    def absent(self, absent: Absent) -> None:
        """The bar says so."""
        if self._task is not None:
            self._bars.update(self._task, total=0, now="not here")


@contextmanager
def watching(quiet: bool = False) -> Iterator[Watcher]:
    """The watcher that suits standard error."""
    if quiet:
        yield Silent()
    elif sys.stderr.isatty():
        columns = (
            TextColumn("{task.description:<12}"),
            BarColumn(24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[now]}", markup=False),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            yield Bar(bars)
    else:
        yield Lines()


def console() -> Console:
    """Standard output: colours on a terminal only, wide lines elsewhere."""
    return Console() if sys.stdout.isatty() else Console(width=140, no_color=True)
