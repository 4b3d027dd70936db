"""``bgfetch list``: the tables behind the judge."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable
from rich.text import Text

from conformance.cli import adapters, exits, selection

if TYPE_CHECKING:
    from spec_model.table import Table

S = TypeVar("S", bound=enum.Enum)
T = TypeVar("T", bound=enum.Enum)

Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Heads and rows."""

MOST_NAMED = 3
"""Scenarios that a row of the table names; the JSON names all."""

WHAT = (
    "states", "steps", "scenarios", "choices", "profiles", "errata", "clusters", "adapters",
    "capabilities", "sources",
)  # fmt: skip


@click.command("list")
@click.argument("what", type=click.Choice(WHAT))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What is printed.",
)
@click.option(
    "--api",
    type=click.Choice(["background-fetch", "sync"]),
    default="background-fetch",
    show_default=True,
    help="Whose states, steps and errata.",
)
@click.option(
    "--scenarios",
    multiple=True,
    metavar="PATH",
    help="Scenario file or folder (repeatable), instead of the ones that come along.",
)
def list_command(
    what: str, form: Literal["text", "json"], api: str, scenarios: tuple[str, ...]
) -> int:
    """List the tables behind the judge: states, steps, scenarios, choices, errata and more."""
    if what == "states" and form == "text":
        from spec_model.diagrams import states_text, sync_states_text

        click.echo(sync_states_text() if api == "sync" else states_text(), nl=False)
        return exits.OK
    makers: dict[str, Callable[[], Rows]] = {
        "states": lambda: _states(api),
        "steps": lambda: _steps(scenarios, api, whole=form == "json"),
        "scenarios": lambda: _scenarios(scenarios),
        "choices": _choices,
        "profiles": _profiles,
        "errata": lambda: _errata(api),
        "clusters": _clusters,
        "adapters": _adapters,
        "capabilities": lambda: _capabilities(scenarios),
        "sources": lambda: _sources(scenarios),
    }
    heads, rows = makers[what]()
    if form == "json":
        click.echo(json.dumps([dict(zip(heads, row, strict=True)) for row in rows], indent=1))
    else:
        _print(heads, rows)
    return exits.OK


def _print(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from conformance.cli.progress import console

    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, head in enumerate(heads):
        # The last column takes what room there is; the others are looked up by eye.
        table.add_column(head, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*(Text(value) for value in row))
    console().print(table)


def _states(api: str) -> Rows:
    from spec_model import lifecycle, phases
    from spec_model.background_sync.lifecycle import SYNC_REGISTRATION

    rows = list(_moves(SYNC_REGISTRATION))
    if api != "sync":
        rows = [*_moves(lifecycle.REGISTRATION), *_moves(lifecycle.RECORD)]
        rows += [*_moves(phases.REGISTRATION), *_moves(phases.RECORD)]
    return ("table", "from", "trigger", "to", "steps", "why"), rows


def _moves(table: Table[S, T]) -> Iterator[tuple[str, ...]]:
    for move in table.rows():
        words = (move.source, move.trigger, move.dest)
        yield table.name, *(str(one.value) for one in words), " ".join(move.cite), move.why


def _steps(paths: Sequence[str], api: str, *, whole: bool) -> Rows:
    """Each step with what takes it; ``whole``: every scenario, not only the first ones."""
    from conformance.judge.walks import steps_taken
    from spec_model.systems import TEXTS

    text = TEXTS[api]
    shown = steps_taken(selection.select(paths=paths).scenarios)
    code = text.places()
    return ("step", "line", "kind", "says", "code", "scenarios", "not modelled"), [
        (
            one.id,
            str(one.line),
            one.kind.name.lower(),
            one.paraphrase,
            ", ".join(code[one.id]),
            _few(shown.get(one.id, ()), whole=whole),
            text.not_modelled.get(one.id, ""),
        )
        for one in text.steps.values()
    ]


def _few(names: Sequence[str], *, whole: bool) -> str:
    if whole or len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"


def _scenarios(paths: Sequence[str]) -> Rows:
    from conformance.judge.run_needs import required_capabilities

    return ("scenario", "title", "shows", "needs"), [
        (
            one.scenario,
            one.title,
            " ".join(one.source),
            " ".join(sorted(required_capabilities(one))),
        )
        for one in selection.select(paths=paths).scenarios
    ]


def _choices() -> Rows:
    from spec_model.choices import CHOICES

    return ("choice", "question", "options", "kind", "steps"), [
        (
            one.key,
            one.question,
            f"{one.options[0]} (default), {', '.join(one.options[1:])}",
            one.kind,
            " ".join(one.steps),
        )
        for one in CHOICES.values()
    ]


def _errata(api: str) -> Rows:
    from spec_model.systems import TEXTS

    return ("erratum", "severity", "status", "reading", "cluster", "title"), [
        (one.id, one.severity, one.status, one.reading, one.cluster, one.title)
        for one in TEXTS[api].errata.values()
    ]


def _clusters() -> Rows:
    from spec_model import errata
    from spec_model.editions import BASELINE, CLUSTERS

    rows = [
        (name, what, errata.reading(name), " ".join(each.id for each in errata.members(name)))
        for name, what in CLUSTERS.items()
    ]
    every = [
        (name, f"{errata.get(name).amendment} (in every edition)", errata.get(name).reading, name)
        for name in sorted(BASELINE)
    ]
    return ("cluster", "the amended text", "reading", "errata"), [*rows, *every]


def _profiles() -> Rows:
    from spec_model.profiles import PROFILES

    return ("profile", "title", "choices", "source"), [
        (
            one.name,
            one.title,
            ", ".join(f"{key}={option}" for key, option in one.choices.items()) or "all defaults",
            one.source,
        )
        for one in PROFILES.values()
    ]


def _adapters() -> Rows:
    return ("name", "what", "run by default"), [
        (one.name, one.what, "yes" if one.name in adapters.DEFAULT else "no")
        for one in adapters.KINDS
    ]


def _capabilities(paths: Sequence[str]) -> Rows:
    from conformance.judge.run_needs import required_capabilities
    from conformance.protocol import Capability

    needed: dict[str, list[str]] = {name: [] for name in get_args(Capability)}
    for one in selection.select(paths=paths).scenarios:
        for need in required_capabilities(one):
            needed[need].append(one.scenario)
    return ("capability", "needed by"), [
        (name, ", ".join(sorted(scenarios))) for name, scenarios in needed.items()
    ]


def _sources(paths: Sequence[str]) -> Rows:
    from conformance.scenario import sources

    shown = sources.shown(selection.select(paths=paths).scenarios)
    rows = sources.rows()
    return ("row", "says", "later", "scenarios"), [
        (
            name,
            rows[name].says if name in rows else "",
            rows[name].verdict if name in rows else "",
            ", ".join(scenarios),
        )
        for name, scenarios in shown.items()
        if scenarios or name in rows
    ]
