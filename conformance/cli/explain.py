"""``bgfetch explain``: what the text lets happen in a scenario."""

from __future__ import annotations

import difflib
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs
import click

from conformance.cli import exits, selection

if TYPE_CHECKING:
    from conformance.explain.lines import Steps
    from conformance.explain.shape import Comparison, Walk
    from conformance.scenario.format import Scenario
    from spec_model.editions import Edition

_COLOURS = {
    "happens": "cyan",
    "runs": "bright_black",
    "change": "yellow",
    "decides": "magenta",
    "seen": "green",
}


@attrs.frozen
class _Reading:
    """What the reader asked for; ``without``, ``choices`` and ``scenarios`` as typed."""

    edition: str
    without: tuple[str, ...]
    compare: str | None
    profile: str
    choices: tuple[str, ...]
    steps: Literal["once", "every", "none"]
    scenarios: tuple[str, ...]

    def editions(self) -> list[Edition]:
        """The edition, and the one it is compared with.  Raises BadParameter."""
        names = [self.edition] if self.compare is None else [self.edition, self.compare]
        chosen = [_edition(name) for name in names]
        for cluster in self.without:
            chosen[0] = _edition(f"{chosen[0].name} - {cluster}")
        if self.compare == "" and chosen[0].name == "amended":
            chosen[1] = _edition("as-written")
        return chosen

    def chosen(self) -> dict[str, str]:
        """The profile's choices, then the reader's own.  Raises BadParameter."""
        from spec_model.choices import CHOICES
        from spec_model.profiles import PROFILES

        if self.profile not in PROFILES:
            raise _unknown("profile", self.profile, PROFILES)
        found = dict(PROFILES[self.profile].choices)
        for each in self.choices:
            key, equals, option = each.partition("=")
            if not equals:
                raise click.BadParameter(f"a choice is written KEY=OPTION, not {each!r}")
            if key not in CHOICES:
                raise _unknown("choice", key, CHOICES)
            if option not in CHOICES[key].options:
                raise _unknown(f"option of {key}", option, CHOICES[key].options)
            found[key] = option
        return found

    def command(self, scenario: str) -> str:
        """What makes the same again."""
        words = ["bgfetch", "explain", scenario]
        options = [("--edition", self.edition)] if self.edition != "amended" else []
        options += [("--without", cluster) for cluster in self.without]
        options += [("--profile", self.profile)] if self.profile != "spec" else []
        options += [("--choose", choice) for choice in self.choices]
        options += [("--steps", self.steps)] if self.steps != "once" else []
        options += [("--scenarios", path) for path in self.scenarios]
        for option, value in options:
            words += [option, value]
        if self.compare is not None:
            words += ["--compare", self.compare] if self.compare else ["--compare"]
        return shlex.join(words)


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
    "--compare",
    is_flag=False,
    flag_value="",
    default=None,
    metavar="[EDITION]",
    help="Put a second reading beside it: by default amended (as-written beside amended).",
)
@click.option(
    "--profile",
    default="spec",
    show_default=True,
    metavar="NAME",
    help="Whose choices, where the text leaves some (bgfetch list profiles).",
)
@click.option(
    "--choose",
    "choices",
    multiple=True,
    metavar="KEY=OPTION",
    help="Set one choice (repeatable; bgfetch list choices).",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="What is printed.",
)
@click.option(
    "--steps",
    type=click.Choice(["once", "every", "none"]),
    default="once",
    show_default=True,
    help="Which steps are told in full: each the first time, each time, or none.",
)
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Write it there.")
@click.option(
    "--scenarios",
    multiple=True,
    metavar="PATH",
    help="Scenario file or folder (repeatable), instead of the ones that come along.",
)
def explain_command(
    scenario: str,
    edition: str,
    without: tuple[str, ...],
    compare: str | None,
    profile: str,
    choices: tuple[str, ...],
    form: Literal["text", "json", "markdown"],
    steps: Literal["once", "every", "none"],
    out: str | None,
    scenarios: tuple[str, ...],
) -> int:
    """Say what the text lets happen in a scenario, step by step.

    SCENARIO is an id or a file.  What is printed can be pasted into an issue of the
    specification as it is.
    """
    reading = _Reading(edition, without, compare, profile, choices, steps, scenarios)
    editions, chosen = reading.editions(), reading.chosen()
    selected = selection.select([scenario], scenarios).scenarios
    if form == "json" and len(selected) > 1:
        raise click.UsageError(f"{scenario!r} means {len(selected)} scenarios; JSON holds one")
    told = [_tell(one, scenario, reading, editions, chosen) for one in selected]
    if out is None:
        paint = form == "text" and sys.stdout.isatty()
        click.echo("\n".join(_write(one, form, steps, paint) for one in told), nl=False)
        return exits.OK
    try:
        Path(out).write_text("\n".join(_write(one, form, steps) for one in told), "utf-8")
    except OSError as error:
        raise exits.Refusal(exits.BAD_INPUT, f"cannot write {out}: {error}") from None
    return exits.OK


def _tell(
    scenario: Scenario,
    typed: str,
    reading: _Reading,
    editions: Sequence[Edition],
    chosen: dict[str, str],
) -> Walk | Comparison:
    from conformance.explain.compare import compare
    from conformance.explain.walk import walk
    from conformance.judge.runner import ScenarioError, Unsupported

    command = reading.command(typed if selection.is_file(typed) else scenario.scenario)
    try:
        walks = [
            walk(scenario, each, chosen, profile=reading.profile, command=command)
            for each in editions
        ]
    except Unsupported as lacking:
        raise exits.Refusal(
            exits.NOTHING_SELECTED, f"{scenario.scenario} cannot be explained: {lacking}"
        ) from None
    except ScenarioError as mistake:
        raise exits.Refusal(exits.BAD_INPUT, f"{scenario.scenario}: {mistake}") from None
    if len(walks) == 1:
        return walks[0]
    return compare(walks[0], walks[1], (editions[0], editions[1]), command)


def _write(told: Walk | Comparison, form: str, steps: Steps, coloured: bool = False) -> str:
    from conformance.explain import markdown, shape, text

    if form == "json":
        return shape.encode(told)
    if isinstance(told, shape.Comparison):
        if form == "markdown":
            return markdown.comparison_markdown(told, steps)
        width = shutil.get_terminal_size((100, 24)).columns
        return text.comparison_text(
            told, width, steps, paint=_paint if coloured else text.unpainted
        )
    if form == "markdown":
        return markdown.walk_markdown(told, steps)
    return text.walk_text(told, steps, paint=_paint if coloured else text.unpainted)


def _paint(text: str, kind: str) -> str:
    return click.style(text, fg=_COLOURS.get(kind), bold=kind == "happens")


def _edition(name: str) -> Edition:
    """An edition by name; "" is ``amended``.  Raises BadParameter with near matches."""
    from spec_model import editions

    try:
        return editions.edition(name or "amended")
    except editions.UnknownCluster as unknown:
        raise _unknown("cluster", unknown.cluster, editions.CLUSTERS) from None
    except KeyError:
        raise _unknown("edition", name, editions.EDITIONS) from None


def _unknown(what: str, name: str, known: Iterable[str]) -> click.BadParameter:
    names = list(known)
    close = difflib.get_close_matches(name, names, 3, 0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(names)}"
    return click.BadParameter(f"no {what} {name!r}; {hint}")
