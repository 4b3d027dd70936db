"""``bgfetch manifest``: a list of a folder's files, for ``bgfetch download --manifest``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from conformance.cli import exits


@click.command("manifest")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--base-url", required=True, metavar="URL", help="Where the folder is served.")
@click.option("--id", "id", default="", metavar="ID", help="[default: the folder's name]")
@click.option("--title", default="", metavar="TEXT", help="What the progress is called.")
@click.option(
    "-o", "--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Instead of standard output.",
)  # fmt: skip
def manifest_command(folder: Path, base_url: str, id: str, title: str, out: Path | None) -> None:
    """List a folder's files with URLs, sizes and checksums, as JSON."""
    from conformance.cli.downloads.manifests import make_manifest
    from conformance.cli.downloads.planning import BadPlan, checked
    from transfer_engine import OPEN

    try:
        checked(base_url, OPEN)
        made = make_manifest(folder, base_url, id=id, title=title)
        text = json.dumps(made, indent=2) + "\n"
        if out is not None:
            out.write_text(text, "utf-8")
            click.echo(f"{out}: {made['downloadTotal']} bytes of {made['id']}")
        else:
            click.echo(text, nl=False)
    except (BadPlan, OSError) as error:
        raise exits.Refusal(exits.BAD_INPUT, str(error)) from None
