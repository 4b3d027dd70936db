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
@click.option(
    "--verify", is_flag=True, help="Compare what is stored with its checksums; no process may run."
)
@click.option(
    "--refetch", is_flag=True, help="Let what is damaged be fetched again; with --verify."
)
def jobs_command(store: Path, as_json: bool, verify: bool, refetch: bool) -> int:
    """List the downloads of a store, and how far they are.

    With --verify it ends with 1 if something is damaged.
    """
    if refetch and not verify:
        raise click.UsageError("--refetch is for what --verify finds")
    if verify:
        return _verify(store, as_json=as_json, refetch=refetch)
    there = (store / "journal.sqlite").is_file()
    entries = _ask(store, {"do": "jobs"}) if there else []
    if entries or as_json:
        _show(entries, as_json)
    else:
        click.echo(f"nothing is unfinished in {store}")
    return exits.OK


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


_OF_STATE = {
    "whole": "as it came",
    "unfinished": "unfinished",
    "unsealed": "of the right length; there is no checksum yet to compare it with",
    "damaged": "damaged",
}


def _verify(store: Path, *, as_json: bool, refetch: bool) -> int:
    from transfer_engine import NotOffered, StoreBusy, StoreUnusable, open_at_rest

    _check_there(store)
    damaged = False
    try:
        with open_at_rest(store) as rest:
            found = rest.verify()
            words = {one: _OF_STATE[one.state] for one in found}
            for one in found:
                if one.state == "damaged":
                    damaged = True
                    if refetch:
                        try:
                            rest.drop(one)
                            words[one] += ", will be fetched again"
                        except NotOffered as error:
                            words[one] += f"; {error.why}"
    except StoreBusy as error:
        raise exits.Refusal(exits.BAD_INPUT, f"{error}; verify it when that has ended") from None
    except StoreUnusable as error:
        raise exits.Refusal(exits.BAD_INPUT, str(error)) from None
    if as_json:
        shown = [{"id": one.id, "url": one.url, "state": one.state} for one in found]
        click.echo(json.dumps(shown))
    elif not found:
        click.echo(f"nothing is unfinished in {store}")
    else:
        for one in found:
            click.echo(f"{one.id}: {one.url}: {words[one]}")
        if damaged and not refetch:
            click.echo("fetch damaged files again: bgfetch jobs --verify --refetch", err=True)
    return exits.DIFFERENT if damaged else exits.OK


def _check_there(store: Path) -> None:
    if not (store / "journal.sqlite").is_file():
        known = f"there are no downloads in {store}; name their store with --store"
        raise exits.Refusal(exits.NOTHING_SELECTED, known)


def _ask(store: Path, request: Mapping[str, str]) -> list[dict[str, object]]:
    from conformance.cli.downloads.control import Refused, ask
    from transfer_engine import StoreUnusable

    _check_there(store)
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
