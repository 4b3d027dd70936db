"""``bgfetch smoke``: is the adapter sane?  Asked before anybody argues about its verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from conformance.cli import adapters, exits

if TYPE_CHECKING:
    from conformance.judge.session import Outcome
    from conformance.scenario.format import Scenario

_DEADLINE = 60.0  # seconds: browsers start slowly the first time


@click.command("smoke")
@click.option(
    "--on",
    "on",
    multiple=True,
    required=True,
    metavar="NAME",
    help="Implementation (repeatable), as for 'run'.",
)
def smoke_command(on: tuple[str, ...]) -> int:
    """Check that an adapter speaks the protocol before trusting its verdicts.

    Two of the plainest fetches are run: one that succeeds and one that is answered
    with a 404.  Whoever fails here has most likely an adapter to repair.
    """
    return _worst(_smoke(name) for name in adapters.checked(on))


_ORDER = (exits.OUR_BUG, exits.NOT_STARTED, exits.DIFFERENT, exits.INCONCLUSIVE, exits.OK)
"""The first that applies is what the command ends with, as of a run."""


def _worst(codes: Iterable[int]) -> int:
    return min(codes, key=_ORDER.index)


def _smoke(name: str) -> int:
    from conformance.cli import judging
    from conformance.judge.session import Silent

    session = judging.session(
        _plainest(), [adapters.column(name)], _DEADLINE, repeat=1, watcher=Silent()
    )
    for absent in session.absent:
        click.echo(
            f"{name}: would not start: {absent.why}"
            + (f"; {absent.remedy}" if absent.remedy else "")
        )
        return exits.NOT_STARTED
    codes = [_say(outcome) for outcome in session.outcomes]
    traces = [one.trace for one in session.outcomes if one.trace]
    if traces:
        click.echo(
            f"{name}: {traces[0].implementation} {traces[0].version}, can do: "
            + (", ".join(traces[0].capabilities) or "nothing beyond the plainest")
        )
    for unclean in session.unclean:
        click.echo(f"{name}: WARNING: {unclean.why}")
        codes.append(exits.INCONCLUSIVE)
    return _worst(codes)


def _say(outcome: Outcome) -> int:
    """One line for one fetch, and its share of the exit code."""
    from conformance.judge.expectations import CONFORMING
    from conformance.judge.verdict import Verdict
    from conformance.report.results import first_unexplained

    judgement = outcome.judgement
    line = f"{outcome.column} {judgement.scenario}: {judgement.verdict.value}"
    if judgement.verdict in CONFORMING:
        click.echo(line)
        return exits.OK
    move = first_unexplained(judgement, outcome.trace)
    click.echo(line + f": {move.sentence if move else judgement.why}")
    if outcome.bug:
        click.echo(outcome.bug, err=True)
        return exits.OUR_BUG
    return exits.DIFFERENT if judgement.verdict is Verdict.VIOLATES else exits.INCONCLUSIVE


def _plainest() -> list[Scenario]:
    """One record that arrives whole, one that is answered with a 404."""
    from conformance.scenario.format import (
        Attempt,
        FetchStep,
        GetIdsStep,
        Resource,
        Scenario,
        Step,
        Until,
        World,
    )

    def plain(name: str, title: str, resource: Resource, event: str) -> Scenario:
        script = [
            Step(fetch=FetchStep(id="smoke", requests=["/a"], name="f")),
            Step(until=Until(event=event)),
            Step(get_ids=GetIdsStep(name="ids")),
            Step(quiet=True),
        ]
        return Scenario(name, title, [], script, world=World(resources={"/a": resource}))

    # Without a body: whether one of an error counts is a matter for verdicts, not for smoke.
    missing = Resource(attempts=[Attempt(status=404, body=0)])
    return [
        plain("smoke-success", "one record arrives", Resource(), "backgroundfetchsuccess"),
        plain("smoke-404", "one record is not found", missing, "backgroundfetchfail"),
    ]
