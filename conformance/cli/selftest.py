"""``bgfetch selftest``: does the judge catch what is broken on purpose?"""

from __future__ import annotations

import click

from conformance.cli import adapters, exits, judging, selection


@click.command("selftest")
def selftest_command() -> int:
    """Check that the judge catches every implementation that is broken on purpose.

    Each is run on the scenarios that must catch it, and so is the unbroken engine, which
    must conform on them.  Takes a few seconds.
    """
    from conformance.liars import LIARS

    sound = True
    for liar in LIARS.values():
        name = adapters.LIAR + liar.name
        caught = _verdicts(name, liar.caught_by)
        honest = _verdicts("engine-sim", liar.caught_by)
        click.echo(f"{name}: {liar.breaks}")
        for scenario in liar.caught_by:
            good, said = _expected(caught.get(scenario, ""), honest.get(scenario, ""))
            sound = sound and good
            click.echo(f"  {scenario}: {said}")
    return exits.OK if sound else exits.DIFFERENT


def _verdicts(on: str, wanted: tuple[str, ...]) -> dict[str, str]:
    from conformance.judge.session import DEADLINE, Silent

    scenarios = selection.select(wanted).scenarios
    session = judging.session(
        list(scenarios), [adapters.column(on)], DEADLINE, repeat=1, watcher=Silent()
    )
    return {one.judgement.scenario: one.judgement.verdict.value for one in session.outcomes}


def _expected(liar: str, engine: str) -> tuple[bool, str]:
    """Whether both verdicts are as they must be, and what to say."""
    if liar != "violates":
        return False, f"NOT CAUGHT ({liar or 'no verdict'})"
    if not engine.startswith("conforms"):
        return False, f"caught, but the unbroken engine {engine or 'has no verdict'}"
    return True, "caught; the unbroken engine " + engine
