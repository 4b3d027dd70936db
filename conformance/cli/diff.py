"""``bgfetch diff``: the shortest scenario that tells two readings apart."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli import exits
from conformance.cli.explore import edition_of

if TYPE_CHECKING:
    from conformance.explain.shape import Comparison
    from conformance.explore.difference import Difference, Same
    from conformance.scenario.format import Scenario


@click.command("diff")
@click.option("--from", "first", default="amended", show_default=True, metavar="EDITION")
@click.option("--to", "second", default="as-written", show_default=True, metavar="EDITION")
@click.option("--scope", "names", multiple=True, metavar="NAME", help="Scope (repeatable).")
@click.option(
    "--races/--no-races",
    default=True,
    show_default=True,
    help="Where nothing else tells them apart, walk in every order of tasks.",
)
@click.option(
    "--most-pairs",
    type=click.IntRange(min=1),
    default=2_000,
    show_default=True,
    help="Where to leave one walk of one scope.",
)
@click.option(
    "--most-together",
    type=click.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="Where to leave all walks of one kind (own order or every order, choices or none).",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    default="bgfetch-diff.yaml",
    show_default=True,
    help="Where the scenario goes.",
)
def diff_command(
    first: str,
    second: str,
    names: tuple[str, ...],
    races: bool,
    most_pairs: int,
    most_together: int,
    out: str,
) -> int:
    """Find the shortest scenario by which one could tell two readings apart.

    One reading then shows what the other cannot show, in whatever order it does things and
    whatever it chooses.  An edition is written amended, as-written, or 'amended - E13'.  Exit
    code 1: they differ.
    """
    from conformance.explore.difference import Same, difference
    from conformance.explore.scope import SCOPES, SMALL
    from conformance.scenario.check import ID

    for name in names:
        if name not in SCOPES:
            raise click.BadParameter(f"no scope {name!r}; there are {', '.join(SCOPES)}")
    if not ID.fullmatch(Path(out).stem):
        raise click.BadParameter(f"{out!r}: its name is the scenario's id: letters, digits, '-'")
    one, other = edition_of(first), edition_of(second)
    scopes = [SCOPES[name] for name in names or SMALL]
    found = difference(
        scopes,
        one,
        other,
        raced=races,
        most_pairs=most_pairs,
        most_together=most_together,
        watch=_watch,
    )
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
    if isinstance(found, Same):
        click.echo("\n".join(_same(found, names or SMALL, races, (most_pairs, most_together))))
        return exits.OK if found.complete else exits.INCONCLUSIVE
    click.echo("\n".join(_told_apart(found, Path(out))))
    return exits.DIFFERENT


def _watch(pairs: int, depth: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{pairs:,} pairs, {depth} steps", err=True, nl=False)


def _same(
    found: Same, names: tuple[str, ...], races: bool, bounds: tuple[int, int]
) -> Iterator[str]:
    from conformance.report.words import count

    orders = "in every order of tasks" if races else "in the system's own order of tasks"
    yield (
        f"Not observable up to this bound: {count(len(names), 'scope')} ({', '.join(names)}), "
        f"every choice, {orders}, {found.pairs:,} pairs of a state and what the other reading "
        "can be in."
    )
    if found.partial:
        each, together = bounds
        left = ", ".join(found.partial)
        yield f"Left at {each:,} pairs of one walk or {together:,} of all: {left}."


def _told_apart(found: Difference, out: Path) -> Iterator[str]:
    """The finding in words, and the scenario written."""
    from conformance.cli.output import Folder
    from conformance.explore.observing import Looked
    from conformance.explore.scenarios import scenario_of
    from conformance.explore.words import output_in_words, step_in_words
    from conformance.scenario.dump import dump

    first, second = found.first.name, found.second.name
    title = f"Shows what tells {first} from {second}"
    look = (found.shown.page, found.shown.fetch) if isinstance(found.shown, Looked) else None
    scenario = scenario_of(
        found.scope,
        found.strides,
        name=out.stem,
        title=title,
        source=(),
        look=look,
        races=found.races,
    )
    tell = "1 input tells" if found.inputs == 1 else f"{found.inputs} inputs tell"
    yield f"{tell} {first} from {second} (scope {found.scope.name}):"
    for number, stride in enumerate(found.strides, 1):
        yield f"{number:>3}. {step_in_words(stride.label.did)}"
        yield from (f"     > {output_in_words(each)}" for each in stride.seen)
    if found.shown is None:
        yield f"Here {first} shows nothing more; {second} must show something."
    else:
        yield f"Here {first} can show this: {output_in_words(found.shown)};"
        yield f"{second} cannot, in whatever order it does things."
    yield from (f"It takes a choice: {each}." for each in found.choices)
    if found.races:
        yield "It takes a race:"
        yield from (f"  {each}" for each in found.races)
    chosen = dict(each.split("=", 1) for each in found.choices)
    both = _compared(scenario, found, chosen)
    if both is None or not both.observed:
        yield "The scenario has the inputs; in its own order the model does not show it."
    else:
        yield "Where they are run in the system's own order, this is seen differently:"
        for each in both.observed:
            yield f"  {first}: {each.left or '(nothing)'}"
            yield f"  {second}: {each.right or '(nothing)'}"
    try:
        Folder(out.parent).write(out.name, dump(scenario).encode())
    except exits.Refusal as refusal:
        yield refusal.message  # what was found is worth more
    else:
        choose = [word for each in found.choices for word in ("--choose", each)]
        words = ["bgfetch", "explain", str(out), "--edition", first, "--compare", second]
        yield shlex.join([*words, *choose])


def _compared(
    scenario: Scenario, found: Difference, chosen: Mapping[str, str]
) -> Comparison | None:
    from conformance.explain.compare import compare
    from conformance.explain.walk import walk
    from conformance.judge.runner import ScenarioError, Unsupported

    editions = found.first, found.second
    try:
        left, right = (walk(scenario, each, chosen) for each in editions)
    except (ScenarioError, Unsupported):
        return None
    return compare(left, right, editions, "")
