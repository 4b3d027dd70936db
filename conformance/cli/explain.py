"""``bgfetch explain``: what the text lets happen in a scenario."""

from __future__ import annotations

import click

from conformance.cli import exits, selection


@click.command("explain")
@click.argument("scenario", metavar="SCENARIO")
@click.option(
    "--edition",
    default="amended",
    show_default=True,
    metavar="NAME",
    help="amended, as-written, or 'amended - E13'.",
)
@click.option(
    "--without",
    multiple=True,
    metavar="CLUSTER",
    help="Leave one cluster of amendments out (repeatable).",
)
@click.option(
    "--scenarios",
    multiple=True,
    metavar="PATH",
    help="Scenario file or folder (repeatable), instead of the ones that come along.",
)
def explain_command(
    scenario: str, edition: str, without: tuple[str, ...], scenarios: tuple[str, ...]
) -> int:
    """Say what the text lets happen in a scenario, step by step.

    SCENARIO is an id or a file.
    """
    from spec_model import editions

    try:
        chosen = editions.edition(edition)
        for cluster in without:
            chosen = chosen.without(cluster)
    except (editions.UnknownCluster, KeyError) as error:
        known = ", ".join(editions.EDITIONS)
        why = (
            str(error)
            if isinstance(error, editions.UnknownCluster)
            else (f"no edition {edition!r}; there are {known}")
        )
        raise click.BadParameter(why) from None
    from conformance.judge import explain

    selected = selection.select([scenario], scenarios)
    for one in selected.scenarios:
        click.echo(explain.explain(one, edition=edition, without=without))
    return exits.OK
