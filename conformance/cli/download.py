"""``bgfetch download``: files that survive everything, by the engine of this project.

Interrupting or killing the command loses nothing that had arrived: the same command goes
on, and so does ``bgfetch download --resume``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli import exits

if TYPE_CHECKING:  # so that help is quick
    from conformance.cli.downloads.planning import Plan
    from conformance.cli.downloads.running import Settings
    from conformance.cli.downloads.taking import Taken
    from conformance.cli.downloads.views import Form

STORE = ".bgfetch"


@click.command("download")
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option(
    "--manifest", type=click.Path(path_type=Path), metavar="FILE", help="What to download, as JSON."
)
@click.option(
    "--resume", is_flag=True, help="Go on with what the store holds; arguments are ids then."
)
@click.option(
    "-o",
    "--output",
    default=".",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The folder where the files go.",
)
@click.option(
    "--store",
    metavar="DIR",
    envvar="BGFETCH_STORE",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where unfinished downloads are kept.  [default: .bgfetch in the output folder]",
)
@click.option(
    "--id", "id", default="", metavar="ID", help="A name for it.  [default: the first file's]"
)
@click.option("--title", default="", metavar="TEXT", help="What the progress is called.")
@click.option(
    "--download-total",
    type=click.IntRange(0),
    default=0,
    metavar="BYTES",
    help="The most that may come; 0 for no limit.",
)
@click.option(
    "--checksum",
    "checksums",
    multiple=True,
    metavar="sha256:HEX",
    help="Of the file; once for each URL, in their order.  Also sha384, sha512.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="To be sent along (repeatable).",
)
@click.option(
    "--cookies",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A cookies.txt, as a browser exports it; each goes where it belongs.",
)
@click.option(
    "--files",
    "at_once",
    type=click.IntRange(1),
    default=4,
    show_default=True,
    metavar="N",
    help="Files at the same time.",
)
@click.option("--allow-http", is_flag=True, help="Plain http to other machines.")
@click.option(
    "--allow-private", is_flag=True, help="This machine, and addresses of private networks."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def download_command(
    urls: tuple[str, ...],
    manifest: Path | None,
    resume: bool,
    output: Path,
    store: Path | None,
    id: str,
    title: str,
    download_total: int,
    checksums: tuple[str, ...],
    headers: tuple[str, ...],
    cookies: Path | None,
    at_once: int,
    allow_http: bool,
    allow_private: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Download files; interrupted ones go on where they stopped.

    On a terminal: p pauses, r resumes, a aborts, q leaves.  A file that is there already is
    left alone.  Ends with 0 if every file is there, 1 if one could not be had.
    """
    from conformance.cli.downloads.manifests import read_manifest
    from conformance.cli.downloads.planning import BadPlan, plan_urls
    from conformance.cli.downloads.running import Settings
    from transfer_engine import Policy

    if [bool(urls) and not resume, manifest is not None, resume].count(True) != 1:
        raise click.UsageError("give URLs, or --manifest FILE, or --resume")
    if output.is_file():
        raise click.UsageError(
            f"{str(output)!r} is a file; --output names the folder for the files"
        )
    policy = Policy(allow_http=allow_http, allow_private=allow_private)
    plan: Plan | None = None
    try:
        if manifest is not None:
            plan = read_manifest(manifest, output, policy)
        elif not resume:
            plan = plan_urls(
                urls,
                output,
                policy=policy,
                id=id,
                title=title,
                total=download_total,
                checksums=checksums,
            )
    except BadPlan as error:
        code = exits.USAGE if manifest is None else exits.BAD_INPUT
        raise exits.Refusal(code, str(error)) from None
    settings = Settings(
        store=store or output / STORE,
        policy=policy,
        headers=_headers(headers),
        cookies=cookies,
        at_once=at_once,
        output=output,
    )
    form: Form = "json" if as_json else "quiet" if quiet else "auto"
    return _download(plan, list(urls) if resume else None, settings, form)


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    from transfer_engine import Request, ScriptError
    from transfer_engine.matching import request_of

    headers: dict[str, str] = {}
    for one in given:
        name, colon, value = one.partition(":")
        if not colon:
            raise exits.Refusal(exits.USAGE, f"{one!r} is no header; write Name: value")
        try:
            made = request_of(Request("http://h/", headers={name: value}), "", page=False)
        except ScriptError as error:
            raise exits.Refusal(exits.USAGE, error.message) from None
        if not made.headers:
            raise exits.Refusal(exits.USAGE, f"the header {name!r} is set by bgfetch itself")
        headers[name] = value.strip()
    return headers


def _download(plan: Plan | None, resume: list[str] | None, settings: Settings, form: Form) -> int:
    import logging

    import trio

    from conformance.cli.downloads import keys
    from conformance.cli.downloads.planning import BadPlan
    from conformance.cli.downloads.running import BadCookies, Downloads, Left
    from conformance.cli.downloads.taking import already
    from conformance.cli.downloads.views import view
    from conformance.judge.session import cause
    from transfer_engine import ScriptError, StoreBusy, StoreUnusable

    # What the engine meets is shown as the outcome of its file.
    logging.getLogger("transfer_engine").addHandler(logging.NullHandler())
    use_keys = form == "auto" and keys.available()
    store = settings.store
    try:
        with view(form, keys=use_keys) as shown:
            there: list[Taken] = []
            if plan is not None:
                plan, there = already(plan)
                if there:
                    shown.ends(plan, there)
            elif not store.is_dir():
                raise BadPlan(f"nothing to go on with in {store}")
            downloads = Downloads(settings, shown)
            if plan is None or plan.files:
                if plan is not None:
                    plan.output.mkdir(parents=True, exist_ok=True)
                    _writable(plan.output)
                store.mkdir(mode=0o700, parents=True, exist_ok=True)
                with keys.single_keys(use_keys):
                    trio.run(partial(downloads.run, plan, resume, use_keys))
    except BaseException as error:
        # trio wraps what is raised inside it in groups.
        if cause(error, KeyboardInterrupt) or cause(error, Left):
            raise exits.Refusal(
                exits.INTERRUPTED,
                f"interrupted; go on with: {_go_on(settings)}",
            ) from None
        if busy := cause(error, StoreBusy):
            raise exits.Refusal(
                exits.BAD_INPUT,
                f"{busy}; see bgfetch jobs --store {store}, or choose another --store",
            ) from None
        for kind in (BadPlan, BadCookies, StoreUnusable, ScriptError):
            if known := cause(error, kind):
                raise exits.Refusal(exits.BAD_INPUT, str(known)) from None
        if isinstance(broken := cause(error, OSError), OSError):
            where = broken.filename or settings.output
            said = f"{where}: {broken.strerror or broken}"
            raise exits.Refusal(exits.BAD_INPUT, said) from None
        raise
    all_taken = [*there, *(one for some in downloads.taken.values() for one in some)]
    if store == settings.output / STORE:
        _tidy(store)
    return exits.OK if all(one.good for one in all_taken) else exits.DIFFERENT


def _go_on(settings: Settings) -> str:
    """The command that goes on with what was interrupted."""
    import shlex

    policy = settings.policy
    options = ["--resume", "--store", str(settings.store)]
    options += ["--allow-http"] * policy.allow_http + ["--allow-private"] * policy.allow_private
    return shlex.join(["bgfetch", "download", *options])


def _tidy(store: Path) -> None:
    """Leave no folder behind where nothing is unfinished."""
    import shutil

    from transfer_engine import StoreUnusable, open_at_rest

    try:
        with open_at_rest(store) as rest:
            if not rest.shown():
                shutil.rmtree(store, ignore_errors=True)
    except StoreUnusable:
        pass  # it was never made, or another process has it


def _writable(folder: Path) -> None:
    """Before anything is fetched, not after.  Raises OSError."""
    import tempfile

    with tempfile.TemporaryFile(dir=folder):
        pass
