"""``bgfetch jobs``, ``pause``, ``resume``, ``abort``: downloads of a store, running or not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from conformance.cli import exits
from conformance.cli.download import STORE

_STORE = click.option(
    "--store",
    default=STORE,
    show_default=True,
    metavar="DIR",
    envvar="BGFETCH_STORE",
    type=click.Path(file_okay=False, path_type=Path),
    help="The store of the downloads.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.command("jobs")
@_STORE
@_JSON
def jobs_command(store: Path, as_json: bool) -> None:
    """List the downloads of a store, and how far they are."""
    there = (store / "journal.sqlite").is_file()
    entries = _ask(store, {"do": "jobs"}) if there else []
    if entries or as_json:
        _show(entries, as_json)
    else:
        click.echo(f"nothing is unfinished in {store}")


@click.command("pause")
@click.argument("id")
@_STORE
@_JSON
def pause_command(id: str, store: Path, as_json: bool) -> None:
    """Pause a download, running or not; what it has stays."""
    _show(_ask(store, {"do": "pause", "id": id}), as_json, id)


@click.command("resume")
@click.argument("id")
@_STORE
@_JSON
def resume_command(id: str, store: Path, as_json: bool) -> None:
    """Let a paused download go on: at once if a process has it, else with the next one."""
    _show(_ask(store, {"do": "resume", "id": id}), as_json, id)


@click.command("abort")
@click.argument("id")
@_STORE
@_JSON
def abort_command(id: str, store: Path, as_json: bool) -> None:
    """End a download, running or not; what it has is deleted."""
    _show(_ask(store, {"do": "abort", "id": id}), as_json, id)


def _ask(store: Path, request: Mapping[str, str]) -> list[dict[str, object]]:
    from conformance.cli.downloads.control import Refused, ask
    from transfer_engine import StoreUnusable

    if not (store / "journal.sqlite").is_file():
        known = f"there are no downloads in {store}; name their store with --store"
        raise exits.Refusal(exits.NOTHING_SELECTED, known)
    try:
        return ask(store, request)
    except Refused as error:
        known = f"{error}; see bgfetch jobs --store {store}"
        raise exits.Refusal(exits.NOTHING_SELECTED, known) from None
    except StoreUnusable as error:
        raise exits.Refusal(exits.BAD_INPUT, str(error)) from None


def _show(entries: Sequence[Mapping[str, object]], as_json: bool, id: str | None = None) -> None:
    if as_json:
        click.echo(json.dumps([one for one in entries if id in (None, one["id"])]))
        return
    for one in entries:
        if id is None or one["id"] == id:
            total = one["length"] or one["downloadTotal"]
            of = f" of {total}" if total else ""
            click.echo(f"{one['id']}: {one['state']}, {one['downloaded']}{of} bytes")
