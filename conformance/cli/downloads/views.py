"""What is shown while files arrive: bars on a terminal, lines in a log, JSON for a program.

A view is given the newest state at its own pace, and each file's end once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, Protocol

import attrs
import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from conformance.cli.downloads.control import entry, state
from conformance.cli.downloads.planning import Plan
from conformance.cli.downloads.taking import Taken
from transfer_engine import Shown, ShownRecord

Form = Literal["auto", "quiet", "json"]
MOST_BARS = 8


class View(Protocol):
    """``pace``: seconds between two states that it wants to see."""

    pace: float

    def begins(self, plan: Plan, note: str) -> None:
        """A download begins or goes on; ``note`` says which."""
        ...

    def moves(self, plan: Plan, shown: Shown, records: Sequence[ShownRecord]) -> None:
        """The newest state of one."""
        ...

    def ends(self, plan: Plan, taken: Sequence[Taken]) -> None:
        """It has ended, so."""
        ...


def _tell(taken: Sequence[Taken]) -> None:
    for one in taken:
        if one.good:
            click.echo(f"{one.place}: {one.outcome}")
        else:
            click.echo(f"{one.url}: {one.outcome}", err=True)


class Quiet:
    """Only the ends."""

    pace = 3600.0

    def begins(self, plan: Plan, note: str) -> None:
        """Nothing."""

    def moves(self, plan: Plan, shown: Shown, records: Sequence[ShownRecord]) -> None:
        """Nothing."""

    def ends(self, plan: Plan, taken: Sequence[Taken]) -> None:
        """A line for each file."""
        _tell(taken)


class Lines(Quiet):
    """For a log: a line at the beginning, one for each change of state, one for each file."""

    pace = 0.1

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._troubles: dict[str, str] = {}

    def begins(self, plan: Plan, note: str) -> None:
        """Say what, how much, and since when."""
        count = len(plan.files)
        click.echo(f"{plan.id}: {note}, {count} file{'s' if count > 1 else ''}", err=True)

    def moves(self, plan: Plan, shown: Shown, records: Sequence[ShownRecord]) -> None:
        """Say the state if it is another one, and what it is that is tried again."""
        if shown.trouble not in ("", self._troubles.get(shown.id)):
            click.echo(f"{shown.id}: {shown.trouble}; trying again", err=True)
            self._troubles[shown.id] = shown.trouble
        now = state(shown)
        if now != self._states.get(shown.id, "downloading") and not shown.dismissible:
            click.echo(f"{shown.id}: {now} at {shown.downloaded} bytes", err=True)
        self._states[shown.id] = now


class Json:
    """One JSON object a line, on standard output."""

    pace = 0.5

    def begins(self, plan: Plan, note: str) -> None:
        """``begin``."""
        files = [{"url": one.url, "name": one.name} for one in plan.files]
        self._put(event="begin", id=plan.id, note=note, files=files)

    def moves(self, plan: Plan, shown: Shown, records: Sequence[ShownRecord]) -> None:
        """``progress``."""
        self._put(event="progress", **entry(shown, list(records)))

    def ends(self, plan: Plan, taken: Sequence[Taken]) -> None:
        """``file`` for each, then ``end``."""
        for one in taken:
            fields = attrs.asdict(one) | {"path": one.place, "good": one.good}
            self._put(event="file", id=plan.id, **fields)
        self._put(event="end", id=plan.id, good=all(one.good for one in taken))

    def _put(self, **fields: object) -> None:
        click.echo(json.dumps(fields))


@attrs.define(eq=False)
class Bars:
    """For a terminal: a bar for each file that moves, and one for all of a download."""

    bars: Progress
    keys: bool
    pace: float = 0.1
    _totals: dict[str, TaskID] = attrs.field(factory=dict)
    _files: dict[tuple[str, int], TaskID] = attrs.field(factory=dict)
    _troubles: dict[str, str] = attrs.field(factory=dict)

    def begins(self, plan: Plan, note: str) -> None:
        """The bar of the whole."""
        if plan.id not in self._totals:
            self._totals[plan.id] = self.bars.add_task(plan.title or plan.id, total=None, now="")
        if self.keys:
            keys = "p pause, r resume, a abort, q leave and go on later"
            self.bars.console.print(Text(f"{note}; keys: {keys}", style="dim"))

    def moves(self, plan: Plan, shown: Shown, records: Sequence[ShownRecord]) -> None:
        """Move bars; those of files that have ended go."""
        lengths = [record.length for record in records]
        known = None if None in lengths else sum(length or 0 for length in lengths)
        total = known or shown.download_total or None
        now = "" if state(shown) == "downloading" else state(shown)
        if shown.trouble not in ("", self._troubles.get(shown.id)):
            self.bars.console.print(Text(f"{shown.trouble}; trying again", style="yellow"))
            self._troubles[shown.id] = shown.trouble
        self.bars.update(self._totals[plan.id], completed=shown.downloaded, total=total, now=now)
        if len(records) > 1:
            for at, record in enumerate(records):
                self._file(plan, at, record)

    def _file(self, plan: Plan, at: int, record: ShownRecord) -> None:
        key = (plan.id, at)
        if record.result:
            if key in self._files:
                self.bars.remove_task(self._files.pop(key))
        elif record.downloaded and (key in self._files or len(self._files) < MOST_BARS):
            if key not in self._files:
                name = f"  {plan.files[at].name}"
                self._files[key] = self.bars.add_task(name, total=None, now="")
            self.bars.update(self._files[key], completed=record.downloaded, total=record.length)

    def ends(self, plan: Plan, taken: Sequence[Taken]) -> None:
        """Its bars go; a line for each file stays."""
        for key in [key for key in self._files if key[0] == plan.id]:
            self.bars.remove_task(self._files.pop(key))
        if plan.id in self._totals:
            self.bars.remove_task(self._totals.pop(plan.id))
        for one in taken:
            place = one.place if one.good else one.url
            style = "" if one.good else "red"
            self.bars.console.print(Text(f"{place}: {one.outcome}", style=style))


@contextmanager
def view(form: Form, *, keys: bool) -> Iterator[View]:
    """The view that suits the form and standard error."""
    if form == "json":
        yield Json()
    elif form == "quiet":
        yield Quiet()
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(20),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[now]}", markup=False),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            yield Bars(bars, keys)
