"""``bgfetch replay`` and ``bgfetch why``: recorded traces, judged again and explained."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli import adapters, exits, selection
from conformance.cli.run import OUT, Options, carry_out, publish

if TYPE_CHECKING:
    from conformance.judge.telling import Told
    from conformance.judge.verdict import Judgement
    from conformance.scenario.format import Scenario
    from conformance.trace import Trace

SUFFIX = ".jsonl"
CONTEXT = 6
"""Entries shown before and after the one in question."""
LONG = 500
"""Entries that take long enough for a progress bar."""


@click.command("replay")
@click.argument("paths", nargs=-1, required=True, metavar="TRACE_OR_SCENARIO...")
@click.option(
    "--on",
    "on",
    multiple=True,
    metavar="NAME",
    help="For scenario files: the implementations to run them on.",
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
    help="What is printed.",
)
@click.option("--strict", is_flag=True, help="Differences count in untested versions too.")
def replay_command(paths: tuple[str, ...], on: tuple[str, ...], form: str, **rest: object) -> int:
    """Judge recorded traces again, or run scenario files.

    A trace is a .jsonl file as 'run --save-traces' leaves it, or a folder of them;
    nothing is run for it, and no implementation is needed.
    """
    files = _trace_files(paths)
    if files is None:
        asked = adapters.checked(on)
        names = asked or adapters.DEFAULT
        options = Options(names=names, asked=asked, format=form, **rest)  # type: ignore[arg-type]  # converted by click
        return carry_out(selection.select(paths), options)
    if on:
        raise click.UsageError("--on is for scenario files; a trace says what it was recorded on")
    return _rejudge(files, form, rest)


def _trace_files(paths: Sequence[str]) -> list[Path] | None:
    """The trace files at these paths; None when they are scenario files."""
    files: list[Path] = []
    without = []
    for path in map(Path, paths):
        found = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]
        traces = [file for file in found if file.suffix == SUFFIX]
        files += traces
        without += [] if traces else [str(path)]
    if files and without:
        raise click.UsageError(
            f"traces and scenario files cannot be mixed: no trace in {', '.join(without)}"
        )
    return files or None


def _rejudge(files: Sequence[Path], form: str, rest: dict[str, object]) -> int:
    from conformance.judge.judge import judge
    from conformance.judge.session import Outcome, Session

    session = Session(complete=True)
    scenarios: dict[str, Scenario] = {}
    attempts: dict[tuple[str, str], int] = {}
    for file in files:
        trace = read_trace(file)
        scenarios.setdefault(trace.scenario, _scenario(trace))
        cell = (trace.implementation, trace.scenario)
        attempts[cell] = attempts.get(cell, 0) + 1
        session.outcomes.append(Outcome(trace.implementation, attempts[cell], judge(trace), trace))
    names = tuple(dict.fromkeys(one.column for one in session.outcomes))
    options = Options(names=names, asked=names, format=form, **rest)  # type: ignore[arg-type]  # converted by click
    chosen = tuple(scenarios.values())
    known = selection.packaged_ids() | {one.scenario for one in chosen}
    written = selection.expectations(options.expect, names)
    return publish(session, selection.Selection(chosen, known), options, written)


def read_trace(path: Path) -> Trace:
    """Read a recorded trace.  Raises Refusal (66 if it is not there, 78 if it is none)."""
    import msgspec

    from conformance import trace as traces
    from conformance.judge.sense import nonsense

    try:
        trace = traces.load(path.read_bytes())
        wrong = nonsense(trace)
        if wrong is not None:
            raise ValueError(wrong)
        return trace
    except OSError as error:
        raise exits.Refusal(exits.NOTHING_SELECTED, f"{path}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise exits.Refusal(exits.BAD_INPUT, f"{path}: not a recorded trace: {error}") from None


def _scenario(trace: Trace) -> Scenario:
    """The packaged scenario of a trace, or one that has only its name."""
    from conformance.scenario.format import Scenario

    try:
        return selection.select([trace.scenario]).scenarios[0]
    except exits.Refusal:
        return Scenario(trace.scenario, "", [], [])


# --- why ------------------------------------------------------------------------------


@click.command("why")
@click.argument("trace", metavar="TRACE", type=click.Path(path_type=Path))
@click.option(
    "--at",
    "at",
    type=click.IntRange(0),
    metavar="N",
    help="Show the entries around entry N instead of the first unexplained one.",
)
@click.option("--all", "everything", is_flag=True, help="Show every entry.")
@click.option(
    "--cause/--no-cause",
    default=True,
    show_default=True,
    help="Search for the steps whose single change would explain it: a second or two.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What is printed.",
)
def why_command(trace: Path, at: int | None, everything: bool, cause: bool, form: str) -> int:
    """Say why a recorded trace has its verdict: entry by entry, in plain words.

    Then the explanations that were alive before the entry in question and after it:
    where each fetch and record is, which choices it takes, what it allows next.
    """
    from conformance.blame import with_causes
    from conformance.judge.judge import judge

    recorded = read_trace(trace)
    if at is not None and at >= len(recorded.entries):
        raise click.BadParameter(f"the trace has entries 0 to {len(recorded.entries) - 1}")
    judgement = judge(recorded)
    place = judgement.unexplained if at is None else at
    alive = _alive(recorded, place)
    if cause:
        judgement = with_causes(judgement, recorded)
    if form == "json":
        click.echo(_json(judgement, place, alive))
        return exits.OK
    for line in _entries(recorded, judgement, place, everything):
        click.echo(line)
    click.echo()
    for line in _verdict(judgement):
        click.echo(line)
    for when, told, held in alive:
        click.echo(f"\n{when}: {held} explanation{'' if held == 1 else 's'}")
        for number, each in enumerate(told, start=1):
            for line in each.lines():
                click.echo(f"  {number}. {line}")
    return exits.OK


Alive = list[tuple[str, "tuple[Told, ...]", int]]


def _alive(trace: Trace, place: int | None) -> Alive:
    """The explanations before and after an entry, or at the end."""
    from conformance.judge.acceptor import Acceptor
    from conformance.judge.telling import tell

    acceptor = Acceptor()
    last = len(trace.entries) - 1 if place is None else place
    found: Alive = []
    entries = trace.entries[: last + 1]
    with click.progressbar(
        entries, label="explaining", file=sys.stderr, hidden=len(entries) < LONG
    ) as shown:
        for number, entry in enumerate(shown):
            if number == last and place is not None:
                found.append((f"before entry {last}", tell(acceptor), len(acceptor.hypotheses)))
            acceptor.feed(entry)
    when = "at the end" if place is None else f"after entry {last}"
    if acceptor.rejection is not None:
        # It keeps the last ones, for what was allowed instead.
        found.append((when, (), 0))
    else:
        found.append((when, tell(acceptor), len(acceptor.hypotheses)))
    return found


def _json(judgement: Judgement, place: int | None, alive: Alive) -> str:
    import attrs
    import msgspec

    said = {
        "entry": place,
        "judgement": msgspec.to_builtins(judgement),
        "alive": [
            {"when": when, "held": held, "explanations": [attrs.asdict(each) for each in told]}
            for when, told, held in alive
        ],
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=2).decode()


def _entries(trace: Trace, judgement: Judgement, place: int | None, everything: bool) -> list[str]:
    """The entries to show, numbered; the one in question whole."""
    from conformance.report.moves import details, moves, when

    lines = []
    for index, (entry, move) in enumerate(zip(trace.entries, moves(trace), strict=True)):
        near = place is None or abs(index - place) <= CONTEXT
        if not (near or everything) or (move is None and index != place):
            continue
        mark = "!" if index == judgement.unexplained else ">" if index == place else " "
        text = move.sentence if move else "(nothing that is shown)"
        lines.append(f"{mark} {index:>4} {when(entry):>9}  {text}")
        if index == place:
            lines.append(f"       {details(entry)}")
    return lines


def _verdict(judgement: Judgement) -> list[str]:
    from conformance.report.meaning import broken_at, seen_at

    verdict = f"{judgement.scenario} on {judgement.implementation}: {judgement.verdict.value}"
    lines = [verdict + (f" {', '.join(judgement.choices)}" if judgement.choices else "")]
    lines += [f"why: {judgement.why}"] if judgement.why else []
    if judgement.unexplained is not None:
        lines.append(
            f"entries 0 to {judgement.unexplained - 1} can be explained; "
            f"entry {judgement.unexplained} cannot"
        )
        lines += [*broken_at(judgement), *seen_at(judgement)]
    lines += [f"allowed instead: {one}" for one in judgement.allowed]
    for one in judgement.properties:
        if one.holds is False:
            lines.append(f"{one.name} is broken: {one.why}")
    told = [one.name for one in judgement.properties if one.holds and one.instances]
    lines += (
        [f"properties that hold, and not for want of a case: {', '.join(told)}"] if told else []
    )
    return lines
