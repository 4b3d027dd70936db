"""``python -m conformance.mutate``: run the campaign and write what survives.

An interrupted campaign goes on where it was; after new scenarios only survivors are
tried again.  Exit codes: 0 nearly all mutants are killed and every survivor has its
reason; 1 not so; 64 usage.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from conformance.cli.adapters import checked, column
from conformance.cli.exits import USAGE
from conformance.liars import LIARS
from conformance.mutate.campaign import (
    Ground,
    model_digest,
    run,
    sample,
    scenario_digests,
    source_digests,
    still_known,
)
from conformance.mutate.exploring import asks
from conformance.mutate.mutants import mutants
from conformance.mutate.playing import Play, otherwise, plays, reordered
from conformance.mutate.replaying import Replay, played, replays
from conformance.mutate.report import ENOUGH, Report, read_survivors, summary

SAVE_EVERY = 25
"""Mutants after which the report is written."""


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a report.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(1))
@click.option("--sample", "size", type=click.IntRange(1), help="Only so many, chosen by the seed.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", default="", help="Only mutants whose key contains this.")
@click.option(
    "--survivors",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The list of those that are known to survive, each with its reason.",
)
@click.option(
    "--traces",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of recorded traces with their verdicts; may be given again.",
)
@click.option(
    "--on",
    "on",
    multiple=True,
    help="A simulated implementation, such as engine-sim, whose runs are to be explained.",
)
@click.option(
    "--hints",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An earlier report, of another model: whoever noticed a mutant there is asked first.",
)
@click.option(
    "--explore/--no-explore", default=True, help="Whether survivors are explored as well."
)
@click.option(
    "--contrasts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="What exploring finds without each amendment: a report of bgfetch explore --each.",
)
@click.option("--liars/--no-liars", default=True, help="Whether liars have to be caught.")
@click.argument("scenarios", nargs=-1, type=click.Path(exists=True))
def main(
    out: Path | None,
    processes: int,
    size: int | None,
    seed: int,
    only: str,
    survivors: Path | None,
    traces: tuple[Path, ...],
    on: tuple[str, ...],
    hints: Path | None,
    explore: bool,
    contrasts: Path | None,
    liars: bool,
    scenarios: tuple[str, ...],
) -> None:
    """Change the model in one place at a time; see who notices."""
    chosen = sample((each for each in mutants() if only in each.key), seed, size)
    if not chosen:
        click.echo(f"no mutant has {only!r} in its key", err=True)
        sys.exit(USAGE)
    stated = plays(scenarios or None)
    report = Report.fresh(
        model_digest(), source_digests(), scenario_digests(stated), len(stated), seed, size
    )
    earlier = Report.load(out) if out is not None and out.exists() else None
    if earlier is not None and earlier.model == report.model:
        rows = still_known(earlier.mutants, earlier.scenarios, report.scenarios)
        report.add(rows[each.key] for each in chosen if each.key in rows)
    left = [each for each in chosen if each.key not in report.keys]
    click.echo(f"{len(stated)} plays, {len(chosen)} mutants, {len(left)} to try", err=True)
    if left:
        given = [*stated, *otherwise(stated)]
        told = [Report.load(each) for each in (hints,) if each is not None]
        ground = Ground.prepare(
            [*given, *reordered(given)],
            chosen,
            [*(each for one in traces for each in replays(one)), *_simulated(stated, on, liars)],
            [row for each in (*told, *filter(None, (earlier,))) for row in each.mutants],
            asks(contrasts=contrasts) if explore else (),
        )
        for done, row in enumerate(run(ground, left, processes), 1):
            report.add([row])
            if not row.killed:
                click.echo(f"survives: {row.where}: {row.change}", err=True)
            if done % SAVE_EVERY == 0:
                click.echo(f"{done} of {len(left)}", err=True)
                if out is not None:
                    report.save(out)
    if out is not None:
        report.save(out)
    known = read_survivors(survivors) if survivors else {}
    click.echo(summary(report, known))
    fine = report.killed_share(known) >= ENOUGH and not report.unexplained(known)
    sys.exit(0 if fine else 1)


def _simulated(stated: tuple[Play, ...], on: tuple[str, ...], liars: bool) -> Iterator[Replay]:
    """What simulated implementations do in the scenarios, and liars where they are caught."""
    scenarios = {each.scenario.scenario: each.scenario for each in stated}
    for name in checked(on):
        yield from played(column(name).factory, scenarios.values())
    for liar in LIARS.values() if liars else ():
        caught = [scenarios[name] for name in liar.caught_by if name in scenarios]
        yield from played(liar.factory(), caught, liar.steps)


if __name__ == "__main__":
    main()
