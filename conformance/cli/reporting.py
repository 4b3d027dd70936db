"""``bgfetch report``: the report of a finished run, made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli import exits
from conformance.cli.run import OUT

if TYPE_CHECKING:
    from conformance.report.results import Report
    from conformance.trace import Trace


@click.command("report")
@click.argument("folder", metavar="[DIR]", default=OUT, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit", "html"]),
    default="text",
    show_default=True,
    help="What is printed; html is written.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the JSON report.")
def report_command(folder: Path, form: str, schema: bool) -> int:
    """Make a finished run's report again, in another form.

    DIR is the folder that 'run' wrote.  Nothing is run; the exit code is that of the run.
    """
    from conformance.report import results

    if schema:
        click.echo(json.dumps(results.schema(), indent=1))
        return exits.OK
    from conformance.cli.output import Folder, show

    report = read(folder)
    if form == "html":
        page = Folder(folder).write_report(report, _traces(folder, report))
        click.echo(f"report: {page}")
    else:
        show(report, form, folder)
    return report.exit_code


def read(folder: Path) -> Report:
    """The report in a folder.  Raises Refusal: 66 if there is none, 78 if it is broken."""
    import msgspec

    from conformance.cli.output import JSON
    from conformance.report import results

    path = folder / JSON
    try:
        return results.decode(path.read_bytes())
    except OSError:
        raise exits.Refusal(exits.NOTHING_SELECTED, f"there is no report in {folder}") from None
    except msgspec.MsgspecError as error:
        raise exits.Refusal(exits.BAD_INPUT, f"{path}: {error}") from None


def _traces(folder: Path, report: Report) -> dict[tuple[str, str, int], Trace]:
    from conformance.cli.replay import read_trace

    return {
        (one.column, one.judgement.scenario, one.attempt): read_trace(folder / one.trace)
        for one in report.results
        if one.trace
    }
