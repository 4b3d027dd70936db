"""``bgfetch diff``: the shortest scenario that tells two readings apart."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli import exits
from conformance.cli.explore import edition_of

if TYPE_CHECKING:
    from conformance.explore.difference import Difference
    from conformance.explore.scope import Scope
    from spec_model.messages import Output


@click.command("diff")
@click.option("--from", "first", default="amended", show_default=True, metavar="EDITION")
@click.option("--to", "second", default="as-written", show_default=True, metavar="EDITION")
@click.option("--scope", "names", multiple=True, metavar="NAME", help="Scope (repeatable).")
@click.option(
    "--most-pairs",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Pairs of states to look at in each scope.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    default="bgfetch-diff.yaml",
    show_default=True,
    help="Where the scenario goes.",
)
def diff_command(first: str, second: str, names: tuple[str, ...], most_pairs: int, out: str) -> int:
    """Find the shortest scenario by which a page or a server could tell two readings apart.

    An edition is written amended, as-written, or 'amended - E13'.  Exit code 1: they differ.
    """
    from conformance.explore.difference import Same, difference
    from conformance.explore.scope import SCOPES, SMALL

    for name in names:
        if name not in SCOPES:
            raise click.BadParameter(f"no scope {name!r}; there are {', '.join(SCOPES)}")
    one, other = edition_of(first), edition_of(second)
    best: tuple[Scope, Difference] | None = None
    pairs, complete = 0, True
    for name in names or SMALL:
        if sys.stderr.isatty():
            click.echo(f"\r\033[K{name}", err=True, nl=False)
        found = difference(SCOPES[name], one, other, most_pairs=most_pairs)
        if isinstance(found, Same):
            pairs += found.pairs
            complete = complete and found.complete
        elif best is None or found.depth < best[1].depth:
            best = SCOPES[name], found
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
    if best is None:
        whole = "every input" if complete else f"inputs up to {most_pairs:,} pairs of a scope"
        click.echo(
            f"not told apart by {whole} in these scopes: {', '.join(names or SMALL)} "
            f"({pairs:,} pairs of states).\n"
            "Searched with tasks in the system's own order and choices at their defaults: "
            "a race or another choice may still tell."
        )
        return exits.OK if complete else exits.INCONCLUSIVE
    _show(*best, first, second, Path(out))
    return exits.DIFFERENT


def _show(scope: Scope, found: Difference, first: str, second: str, out: Path) -> None:
    from conformance.explore.scenarios import scenario_of
    from conformance.scenario.dump import dump

    strides = max(found.first, found.second, key=len)
    title = f"Tells {first} from {second} apart"
    scenario = scenario_of(scope, strides, name=out.stem, title=title, source=())
    out.write_text(dump(scenario), "utf-8")
    click.echo(f"{found.depth} inputs tell them apart (scope {scope.name}):")
    for number, stride in enumerate(strides, 1):
        click.echo(f"  {number}. {type(stride.label.did).__name__}")
    for name, shown in zip((first, second), found.shown, strict=True):
        click.echo(f"{name} then shows:")
        for line in [_line(output) for output in shown] or ["nothing"]:
            click.echo(f"  {line}")
    for name in (first, second):
        click.echo(f"bgfetch explain {out} --edition '{name}'")


def _line(output: Output) -> str:
    return str(output)
