"""``bgfetch fuzz``: the second door of the hypothesis machine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli import adapters, exits

if TYPE_CHECKING:
    from conformance.fuzz.campaign import Campaign

EVERY = 1000
"""Scenarios between two lines of progress in a log."""


@click.command("fuzz")
@click.option(
    "--on",
    "on",
    default="engine-sim",
    show_default=True,
    metavar="NAME",
    help="Implementation, as for 'run'; engine-sim is simulated and by far the fastest.",
)
@click.option(
    "--examples",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    metavar="N",
    help="How many histories to try.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="K",
    help="The same seed tries the same histories.",
)
@click.option(
    "--out",
    default="bgfetch-fuzz",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where a counterexample goes.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def fuzz_command(on: str, examples: int, seed: int, out: Path, quiet: bool) -> int:
    """Let hypothesis look for a scenario that an implementation gets wrong.

    Network faults, restarts, kills and quota limits are drawn at random; a failure
    shrinks to a scenario file that 'bgfetch replay' runs.  What an implementation says it
    cannot do is left out.
    """
    from conformance.adapter import AdapterError, CannotStart
    from conformance.fuzz.campaign import campaign
    from conformance.judge.session import cause

    (name,) = adapters.checked((on,))
    factory = adapters.column(name).factory
    try:
        with _counting(quiet) as progress:
            found = campaign(
                factory, examples=examples, random_seed=seed, out=out, progress=progress
            )
    except Exception as error:
        missing = cause(error, CannotStart)
        if missing or (gone := cause(error, AdapterError)):
            raise exits.Refusal(exits.NOT_STARTED, str(missing or gone)) from None
        raise
    return _say(found, name, examples, seed)


def _say(found: Campaign, name: str, examples: int, seed: int) -> int:
    """What came of it, the line that repeats it last.  The exit code."""
    from conformance.judge.verdict import Verdict

    if found.failure is None:
        undecided = f" ({found.undecided} undecided)" if found.undecided else ""
        said = f"{found.examples} scenarios, none that the model cannot explain{undecided}"
        click.echo(f"{name}: {said}")
        return exits.OK if found.undecided < found.examples else exits.INCONCLUSIVE
    click.echo(f"{name}: after {found.examples} scenarios: {found.failure}")
    if found.sometimes:
        click.echo("it goes wrong only sometimes: bgfetch run --repeat N counts how often")
    if found.file is not None:
        click.echo(f"counterexample: {found.file}")
        click.echo(shlex.join(["bgfetch", "replay", "--on", name, str(found.file)]))
    else:
        if found.unwritten:
            click.echo(f"bgfetch: cannot write it: {found.unwritten}", err=True)
        numbers = ["--examples", str(examples), "--seed", str(seed)]
        click.echo(shlex.join(["bgfetch", "fuzz", "--on", name, *numbers]))
    violates = found.failure.judgement.verdict is Verdict.VIOLATES
    return exits.DIFFERENT if violates else exits.INCONCLUSIVE


@contextmanager
def _counting(quiet: bool) -> Iterator[Callable[[int], None]]:
    """A counter on a terminal, a line now and then elsewhere."""
    terminal = sys.stderr.isatty()

    def progress(judged: int) -> None:
        if quiet:
            return
        if terminal:
            click.echo(f"\r{judged} scenarios", nl=False, err=True)
        elif judged % EVERY == 0:
            click.echo(f"{judged} scenarios", err=True)

    yield progress
    if terminal and not quiet:
        click.echo("\r\x1b[K", nl=False, err=True)
