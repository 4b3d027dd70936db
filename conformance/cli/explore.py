"""``bgfetch explore``: every state within bounds."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli import exits

if TYPE_CHECKING:
    from conformance.explore.compiled import Packed
    from conformance.explore.rounds import Rounds
    from conformance.explore.scope import Scope
    from conformance.explore.search import Flaw, Found, Progress
    from spec_model.editions import Edition

_NUMBERS = (
    *("attempts", "size", "pages", "closes", "fetches", "pauses", "aborts", "user-aborts"),
    *("restarts", "offline", "gets", "matches", "updates", "unregisters", "total", "quota"),
    *("clicks", "busy"),
)
"""Bounds that are plain numbers, in the words of the command line."""


def _bounds(command: click.decorators.FC) -> click.decorators.FC:
    for name in reversed(_NUMBERS):
        command = click.option(f"--{name}", type=int, help="Bound of a scope.", hidden=True)(
            command
        )
    return command


@click.command("explore")
@click.option("--edition", default="amended", show_default=True, metavar="NAME")
@click.option("--without", multiple=True, metavar="CLUSTER", help="Leave a cluster out.")
@click.option("--scope", "names", multiple=True, metavar="NAME", help="Scope (repeatable), or all.")
@click.option("--records", type=int, metavar="N", help="Records of the fetch, all GET.")
@click.option("--faults", metavar="A,B", help="What the server may do wrong.")
@click.option(
    "--order",
    type=click.Choice(["settled", "news", "all"]),
    help="What may come between two tasks: nothing, all but news for pages, anything.",
)
@click.option("--most-states", type=click.IntRange(min=1), metavar="N", help="Stop beyond.")
@click.option("--rounds", is_flag=True, help="Find the errata again, round by round.")
@click.option("--each", is_flag=True, help="Leave out every amendment in turn: what breaks?")
@click.option(
    "--api",
    type=click.Choice(["background-fetch", "sync"]),
    default="background-fetch",
    help="Which specification; sync has one scope, changed by --calls, --losses and --kills.",
)
@click.option("--calls", type=click.IntRange(0, 5), default=2, hidden=True)
@click.option("--losses", type=click.IntRange(0, 5), default=1, hidden=True)
@click.option("--kills", type=click.IntRange(0, 5), default=0, hidden=True)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--out", type=click.Path(dir_okay=False), help="Write there instead of printing.")
@click.option(
    "--counterexamples",
    type=click.Path(file_okay=False),
    default="bgfetch-explore",
    show_default=True,
    help="Folder for the scenario of each broken property.",
)
@_bounds
def explore_command(
    edition: str,
    without: tuple[str, ...],
    names: tuple[str, ...],
    records: int | None,
    faults: str | None,
    order: str | None,
    most_states: int | None,
    rounds: bool,
    each: bool,
    api: str,
    calls: int,
    losses: int,
    kills: int,
    form: str,
    out: str | None,
    counterexamples: str,
    **numbers: int | None,
) -> int:
    """Visit every state that the specification can reach within bounds, and judge each.

    A scope names the bounds; --attempts, --size, --pages, --closes, --fetches, --pauses,
    --aborts, --user-aborts, --restarts, --offline, --gets, --matches, --updates,
    --unregisters, --clicks, --busy, --total and --quota change single ones.  Without any
    scope: default.
    """
    chosen = edition_of(edition, without)
    if api == "sync":
        return _sync(chosen, calls, losses, kills, form, out)
    scopes = _scopes(names, rounds or each)
    changes: dict[str, object] = {key: n for key, n in numbers.items() if n is not None}
    if records is not None:
        changes["methods"] = ("GET",) * records
    if faults is not None:
        changes["faults"] = tuple(word.strip() for word in faults.split(",") if word.strip())
    if order is not None:
        changes["order"] = order
    scopes = [changed(scope, changes) for scope in scopes]
    if each:
        return _each(scopes, form, out)
    if rounds:
        return _rounds(scopes, chosen, form, out)
    return _explore(scopes, chosen, most_states, form, out, Path(counterexamples))


def edition_of(name: str, without: tuple[str, ...] = ()) -> Edition:
    """An edition by name; a wrong one is the caller's mistake."""
    from spec_model import editions

    try:
        chosen = editions.edition(name)
        for cluster in without:
            chosen = chosen.without(cluster)
    except editions.UnknownCluster as error:
        raise click.BadParameter(str(error)) from None
    except KeyError:
        known = ", ".join(editions.EDITIONS)
        raise click.BadParameter(f"no edition {name!r}; there are {known}") from None
    return chosen


def changed(scope: Scope, changes: dict[str, object]) -> Scope:
    """A scope with other bounds; an impossible one is the caller's mistake."""
    import attrs

    from conformance.explore.scope import ImpossibleScope

    try:
        # Keys are the scope's own fields: they come from the options above.
        return attrs.evolve(scope, **changes)  # type: ignore[arg-type]
    except ImpossibleScope as error:
        raise click.BadParameter(str(error)) from None


def _scopes(names: tuple[str, ...], rounds: bool) -> list[Scope]:
    from conformance.explore.scope import SCOPES, SMALL

    if "all" in names or (rounds and not names):
        return [SCOPES[name] for name in SMALL]
    for name in names:
        if name not in SCOPES:
            raise click.BadParameter(f"no scope {name!r}; there are {', '.join(SCOPES)} and all")
    return [SCOPES[name] for name in names or ("default",)]


def _explore(
    scopes: list[Scope],
    edition: Edition,
    most_states: int | None,
    form: str,
    out: str | None,
    folder: Path,
) -> int:
    from conformance.explore import report
    from conformance.explore.background_fetch import compiled
    from conformance.explore.search import explore

    results: list[Found[Packed, int]] = []
    text: list[str] = []
    missing: tuple[str, ...] = ()
    for scope in scopes:
        tables = compiled(scope, edition)
        found = explore(tables, most_states=most_states or sys.maxsize, watch=show_progress)
        results.append(found)
        text += report.lines(scope, found)
        for flaw in found.flaws:
            text += _written(scope, edition, tables, flaw, folder)
        if found.why == "interrupted":
            break
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
    if len(scopes) > 1:
        missing = report.unreached(results)
    if form == "json":
        everything = [report.data(s, r) for s, r in zip(scopes, results, strict=False)]
        document = {"edition": edition.name, "scopes": everything, "unreached": list(missing)}
        _print(json.dumps(document, indent=1), out)
    else:
        text += ["said here in part only:", *report.partly()]
        if missing:
            text.append(f"goals not reached in these scopes: {' '.join(missing)}")
        _print("\n".join(text), out)
    if any(found.flaws for found in results):
        return exits.DIFFERENT
    if any(found.why == "interrupted" for found in results):
        return exits.INTERRUPTED
    return exits.OK if all(found.complete for found in results) else exits.INCONCLUSIVE


def _written(
    scope: Scope, edition: Edition, tables: object, flaw: Flaw[Packed, int], folder: Path
) -> Iterator[str]:
    """Write the scenario of a flaw; the races that it takes and the line that runs it."""
    from typing import cast

    from conformance.cli.output import Folder
    from conformance.explore.background_fetch import Compiled
    from conformance.explore.scenarios import scenario_of
    from conformance.explore.sentences import ALWAYS, EVENTUALLY
    from conformance.explore.trail import follow, races
    from conformance.scenario.dump import dump

    strides = follow(scope, edition, cast(Compiled, tables), flaw)
    name = f"{scope.name}-{flaw.name}"
    title = f"Broken in {edition.name}: {({**ALWAYS, **EVENTUALLY})[flaw.name]}"
    raced = races(strides, edition)
    scenario = scenario_of(scope, strides, name=name, title=title, source=(), races=raced)
    yield from (f"    a race: {each}" for each in raced)
    try:
        path = Folder(folder).write(f"{name}.yaml", dump(scenario).encode())
    except exits.Refusal as refusal:
        yield f"    {refusal.message}"  # what was found is worth more
    else:
        words = ["bgfetch", "explain", str(path), "--edition", edition.name]
        yield f"    {shlex.join(words)}"


def _rounds(scopes: list[Scope], edition: Edition, form: str, out: str | None) -> int:
    from conformance.explore import report
    from conformance.explore.rounds import rounds

    def say(line: str) -> None:
        click.echo(line, err=True)

    found: Rounds = rounds(scopes, edition, say=say if sys.stderr.isatty() else lambda line: None)
    if form == "json":
        _print(json.dumps(report.rounds_data(found), indent=1), out)
    else:
        _print("\n".join(report.rounds_lines(found)), out)
    if found.hits or found.unexplained:
        return exits.DIFFERENT
    return exits.INTERRUPTED if found.stopped else exits.OK


def _each(scopes: list[Scope], form: str, out: str | None) -> int:
    from conformance.explore import report
    from conformance.explore.each import each

    def say(line: str) -> None:
        if sys.stderr.isatty():
            click.echo(line, err=True)

    found = each(scopes, say=say)
    if form == "json":
        _print(json.dumps(report.each_data(found), indent=1), out)
    else:
        _print("\n".join(report.each_lines(found)), out)
    return exits.OK


def _sync(edition: Edition, calls: int, losses: int, kills: int, form: str, out: str | None) -> int:
    from conformance.explore import report
    from conformance.explore.search import explore
    from conformance.explore.sync import Budget, sync_space

    found = explore(sync_space(Budget(calls=calls, losses=losses, kills=kills), edition))
    if form == "json":
        _print(json.dumps(report.sync_data(found), indent=1), out)
    else:
        _print("\n".join(report.sync_lines(found)), out)
    if found.flaws:
        return exits.DIFFERENT
    return exits.OK if found.complete else exits.INTERRUPTED


def show_progress(progress: Progress) -> None:
    """One line on a terminal, written over the last; nothing elsewhere."""
    if sys.stderr.isatty():
        click.echo(
            f"\r\033[K{progress.states:,} states, {progress.rate:,.0f}/s, "
            f"{progress.depth} deep, {progress.memory >> 20} MB",
            err=True,
            nl=False,
        )


def _print(text: str, out: str | None) -> None:
    if out is None:
        click.echo(text)
        return
    from conformance.cli.output import Folder

    try:
        Folder(Path(out).parent).write(Path(out).name, f"{text}\n".encode())
    except exits.Refusal:
        click.echo(text)  # it may have taken an hour
        raise
