"""``bgfetch download``: files that survive everything, by the engine of this project.

Every file is a background fetch of its own, so that one that is missing does not
fail the others.  An engine keeps to its application's origin, so there is one
engine for each origin, on a store of its own in ``DIR/.bgfetch``.  Interrupting or
killing the command loses nothing that had arrived: the same command goes on.

A download that had ended when the process died is delivered again by the engine;
then the file is copied again, never fetched again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import attrs
import click

from conformance.cli import exits

if TYPE_CHECKING:
    from transfer_engine import BackgroundFetchEvent, Engine, Registration

STORE = ".bgfetch"

Progress = Callable[["Item"], None]


@attrs.define(eq=False)
class Item:
    """One file.  ``downloaded`` in bytes; ``outcome`` is empty until it is there or has failed."""

    url: str
    path: Path
    downloaded: int = 0
    outcome: str = ""

    @property
    def good(self) -> bool:
        """The file is there."""
        return self.outcome in ("downloaded", "already there")


@click.command("download")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "--dir",
    "folder",
    default=".",
    show_default=True,
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    metavar="N",
    help="Files at the same time.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def download_command(urls: tuple[str, ...], folder: Path, jobs: int, quiet: bool) -> int:
    """Download files; interrupted ones go on where they stopped.

    A file that is there already is left alone.  Ends with 0 if every file is there,
    1 if one could not be had.
    """
    import trio

    from conformance.judge.session import cause
    from transfer_engine import StoreUnusable

    items = plan(urls, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _shown(items, quiet) as progress:
            trio.run(partial(fetch_all, items, folder, jobs=jobs, progress=progress))
    except BaseException as error:
        # trio wraps what is raised inside it in groups.
        if cause(error, KeyboardInterrupt):
            _end(items)
            click.echo("interrupted; the same command goes on from here", err=True)
            raise click.Abort from None
        if known := cause(error, StoreUnusable) or cause(error, OSError):
            raise exits.Refusal(exits.BAD_INPUT, str(known)) from None
        raise
    return _end(items)


def plan(urls: Sequence[str], folder: Path) -> list[Item]:
    """An item for each URL, once, with a name that no other has.  Raises a usage error."""
    items: list[Item] = []
    taken: set[str] = set()
    for url in dict.fromkeys(urls):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise click.BadParameter(f"{url!r} is no http or https URL")
        wanted = _safe(unquote(parts.path.rpartition("/")[2])) or _safe(parts.hostname)
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{wanted}-{number}"
        taken.add(name)
        items.append(Item(url, folder / name))
    return items


def _safe(name: str) -> str:
    """No folders, no hidden files, nothing unprintable."""
    kept = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in name)
    return kept.lstrip(".")[:200]


async def fetch_all(
    items: Sequence[Item],
    folder: Path,
    *,
    jobs: int = 4,
    progress: Progress = lambda item: None,
    config: Mapping[str, object] = {},
) -> None:
    """Fetch what is not there yet.  ``config``: more settings of ``EngineConfig``.

    Raises StoreUnusable, or OSError when a file cannot be written.
    """
    import trio

    origins: dict[str, list[Item]] = {}
    for item in items:
        if item.path.exists():
            item.outcome = "already there"
            progress(item)
        else:
            parts = urlsplit(item.url)
            origins.setdefault(f"{parts.scheme}://{parts.netloc}", []).append(item)
    limit = trio.Semaphore(jobs)
    async with trio.open_nursery() as nursery:
        for origin, some in origins.items():
            nursery.start_soon(partial(_one_origin, origin, some, folder, limit, progress, config))
    if all(item.good for item in items):
        shutil.rmtree(folder / STORE, ignore_errors=True)


async def _one_origin(
    origin: str,
    items: Sequence[Item],
    folder: Path,
    limit: object,
    progress: Progress,
    config: Mapping[str, object],
) -> None:
    import trio

    from transfer_engine import OPEN, EngineConfig, open_engine

    assert isinstance(limit, trio.Semaphore)
    by_url = {item.url: item for item in items}
    ended = {item.url: trio.Event() for item in items}

    async def settled(event: BackgroundFetchEvent) -> None:
        url = event.registration.id
        # What an earlier command with other URLs had begun is as good as what this one began.
        item = by_url.get(url) or plan([url], folder)[0]
        if not item.path.exists():
            await _take(event.registration, item)
        if url in ended:
            progress(item)
            ended[url].set()

    store = folder / STORE / _safe(origin.replace("://", "_").replace(":", "_"))
    store.mkdir(parents=True, exist_ok=True)
    events = ("backgroundfetchsuccess", "backgroundfetchfail", "backgroundfetchabort")
    # The URLs are the user's own, who may go wherever a shell may go.
    settings: dict[str, object] = {"unavailability": "network-loss", "policy": OPEN, **config}
    made = EngineConfig(
        app_origin=origin,
        directory=store,
        handlers=dict.fromkeys(events, settled),
        **settings,  # type: ignore[arg-type]  # EngineConfig's own names
    )

    async def one(engine: Engine, item: Item) -> None:
        async with limit:
            await _start(engine, item, progress)
            if not item.outcome:
                await ended[item.url].wait()

    async with open_engine(made) as engine, trio.open_nursery() as nursery:
        for item in items:
            nursery.start_soon(one, engine, item)


async def _start(engine: Engine, item: Item, progress: Progress) -> None:
    """Begin a download, or find the one that an earlier command began."""
    from transfer_engine import ScriptError

    known = any(one.id == item.url for one in engine.interface.shown())
    try:
        registration = (
            await engine.get(item.url) if known else await engine.fetch(item.url, item.url)
        )
    except ScriptError as error:
        item.outcome = str(error)
        progress(item)
        return
    if registration is not None:

        def grew(shown: Registration) -> None:
            item.downloaded = shown.downloaded
            progress(item)

        registration.on_progress(grew)
        grew(registration)


async def _take(registration: Registration, item: Item) -> None:
    """Move what was fetched to its place, whole, or say why there is nothing."""
    import trio

    if registration.result != "success":
        item.outcome = await _why(registration)
        return
    draft = item.path.with_name(item.path.name + ".part")
    (record,) = await registration.match_all()
    response = await record.response_ready()
    async with await trio.open_file(draft, "wb") as file:
        if response.body is not None:
            async for chunk in response.body:
                await file.write(chunk)
    await trio.Path(draft).replace(item.path)
    item.outcome = "downloaded"


async def _why(registration: Registration) -> str:
    if registration.failure_reason == "bad-status":
        (record,) = await registration.match_all()
        response = await record.response_ready()
        return f"the server answered {response.status} {response.status_text}".rstrip()
    return registration.failure_reason or "failed"


@contextmanager
def _shown(items: Sequence[Item], quiet: bool) -> Iterator[Progress]:
    """A bar for each file on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda item: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:
        tasks = {item.url: bars.add_task(item.path.name, total=None) for item in items}

        def progress(item: Item) -> None:
            total = item.downloaded if item.outcome else None
            bars.update(tasks[item.url], completed=item.downloaded, total=total)

        yield progress


def _end(items: Sequence[Item]) -> int:
    """A line for each file; the exit code."""
    for item in items:
        if item.good:
            click.echo(f"{item.path}: {item.outcome}")
        elif item.outcome:
            click.echo(f"{item.url}: {item.outcome}", err=True)
    return exits.OK if all(item.good for item in items) else exits.DIFFERENT
