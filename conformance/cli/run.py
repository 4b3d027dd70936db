"""``bgfetch run``: scenarios on implementations, the matrix, the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from conformance.cli import adapters, exits, selection

if TYPE_CHECKING:
    from conformance.judge.expectations import Expectations
    from conformance.judge.session import Session

OUT = "bgfetch-report"


@attrs.frozen(kw_only=True)
class Options:
    """What the user asked for; ``replay_with`` are the options that a replay line needs too."""

    names: tuple[str, ...]
    asked: tuple[str, ...]
    expect: str | None = None
    out: str = OUT
    format: str = "text"
    strict: bool = False
    repeat: int = 1
    timeout: float = 60.0
    save_traces: bool = False
    update_expected: bool = False
    quiet: bool = False
    replay_with: tuple[str, ...] = ()


@click.command("run")
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option(
    "--on",
    "on",
    multiple=True,
    metavar="NAME",
    help="Implementation (repeatable): model, engine-sim, engine, stdio:COMMAND, "
    "chromium.  Default: model, engine and chromium where it is found.",
)
@click.option(
    "--scenarios",
    multiple=True,
    metavar="PATH",
    help="Scenario file or folder (repeatable), instead of the ones that come along.",
)
@click.option(
    "--filter",
    "pattern",
    default="",
    metavar="WORD",
    help="Only scenarios whose id, title or source has this word, or matches this glob.",
)
@click.option(
    "--expect",
    metavar="PATH",
    type=click.Path(exists=True),
    help="Expectation file or folder, instead of the ones that come along.",
)
@click.option("--out", default=OUT, show_default=True, metavar="DIR", help="Where the report goes.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="What is printed; the report folder has every form.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Differences count even in a version that nobody has looked at before.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Run each scenario so often and count the outcomes.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="For one scenario.",
)
@click.option("--save-traces", is_flag=True, help="Keep the traces of conforming runs too.")
@click.option(
    "--update-expected",
    is_flag=True,
    help="Write a proposal beside each expectation file that this run contradicts.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
def run_command(
    ids: tuple[str, ...],
    on: tuple[str, ...],
    scenarios: tuple[str, ...],
    pattern: str,
    form: str,
    **rest: object,
) -> int:
    """Run scenarios on implementations and judge what they do.

    IDs name scenarios (SC-33), globs of them ('SC-6*') or files.  Everything is run
    if none is given.  The last line of each finding repeats it.
    """
    asked = adapters.checked(on)
    options = Options(
        names=asked or adapters.DEFAULT,
        asked=asked,
        format=form,
        replay_with=tuple(word for path in scenarios for word in ("--scenarios", path)),
        **rest,  # type: ignore[arg-type]  # click has converted them by their declarations
    )
    return carry_out(selection.select(ids, scenarios, pattern), options)


def carry_out(selected: selection.Selection, options: Options) -> int:
    """Run and judge, then publish.  The exit code."""
    from conformance.cli import judging, progress

    written = selection.expectations(options.expect, options.names)
    columns = [adapters.column(name) for name in options.names]
    with progress.watching(options.quiet) as watcher:
        session = judging.session(
            selected.scenarios, columns, options.timeout, options.repeat, watcher
        )
    return publish(session, selected, options, written)


def publish(
    session: Session,
    selected: selection.Selection,
    options: Options,
    written: Mapping[str, Expectations],
) -> int:
    """Compare with what is written down, write the report, print it.  The exit code."""
    from conformance.cli.output import Folder, seen_traces, show
    from conformance.cli.proposals import write_proposals
    from conformance.judge.expectations import BadExpectations
    from conformance.judge.verdict import Verdict
    from conformance.report import results

    folder = Folder(Path(options.out))
    try:
        report = results.build(
            session,
            selected.scenarios,
            options.names,
            asked=options.asked,
            expectations=written,
            known=selected.known,
            strict=options.strict,
            options=options.replay_with,
            traces=folder.save_traces(session.outcomes, options.save_traces),
        )
    except BadExpectations as error:
        raise exits.Refusal(exits.BAD_INPUT, str(error)) from None
    if any(one.judgement.verdict is Verdict.VIOLATES for one in report.unexpected()):
        from conformance.cli.causes import explained

        report = explained(report, session)
    page = folder.write_report(report, seen_traces(session.outcomes))
    show(report, options.format, folder.path)
    if options.format == "text":
        for line in _profiles(session, options.names):
            click.echo(line)
    if options.update_expected:
        for path in write_proposals(session, report, written, selected.known, folder):
            click.echo(f"proposal: {path}", err=True)
    click.echo(f"report: {page}", err=options.format != "text")
    return report.exit_code


def _profiles(session: Session, names: tuple[str, ...]) -> Iterator[str]:
    """For each implementation whether one user agent explains all its runs that conform."""
    from conformance.judge import one_profile
    from conformance.judge.verdict import Verdict

    for name in names:
        runs = [(one.judgement, one.trace) for one in session.outcomes if one.column == name]
        if all(judgement.verdict is not Verdict.CONFORMS_VIA for judgement, _ in runs):
            continue  # nothing was chosen: the defaults explain it
        found = one_profile.explaining(runs)
        said = f"one profile explains it: {', '.join(found)}" if found else "no one profile does"
        yield f"{name} conforms by choices; {said}"
