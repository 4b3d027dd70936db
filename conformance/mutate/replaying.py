"""Recorded traces, judged by the changed model: a second opinion that a run cannot give.

A run answers every question with its default, so some of the model is there for a judge
alone: what else a user agent may do, and what can be inferred when not everything was
seen.  That part is met when the model judges what a real implementation did.  The verdict
on each recorded trace is stated beside it (``verdicts.toml``); a changed model that comes to
another verdict has been noticed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

import attrs

from conformance.judge.judge import judge
from conformance.judge.verdict import Verdict
from conformance.mutate.playing import Noticed, raised
from conformance.mutate.tracing import lines_passed
from conformance.trace import Trace, load

TABLE = "verdicts.toml"


@attrs.frozen
class Replay:
    """A recorded trace and what is stated of it: verdict, blame and choices."""

    name: str
    trace: Trace = attrs.field(repr=False)
    stated: str
    lines: frozenset[tuple[str, int]] = frozenset()

    def said(self) -> str:
        """What the model, as it is now, makes of the trace."""
        found = judge(self.trace)
        return _words(found.verdict.value, found.blame, found.choices)


def replays(folder: Path) -> tuple[Replay, ...]:
    """Every trace in a folder that has a stated verdict and is judged so by the true model."""
    table = tomllib.loads((folder / TABLE).read_text("utf-8"))
    found = []
    for name, row in table.items():
        trace = load((folder / f"{name}.jsonl").read_bytes())
        verdict = Verdict(row["verdict"]).value
        stated = _words(verdict, row.get("blame", ()), row.get("choices", ()))
        found.append(Replay(f"{folder.name}/{name}", trace, stated))
    return tuple(found)


def know_replay(replay: Replay, files: frozenset[str]) -> Replay | None:
    """The same with the lines it passes; None if the true model says otherwise than stated."""
    with lines_passed(files) as passed:
        said = replay.said()
    return attrs.evolve(replay, lines=frozenset(passed)) if said == replay.stated else None


def dissent(replays: Iterable[Replay]) -> Noticed | None:
    """The first trace of which the changed model says something else than was stated."""
    for replay in replays:
        try:
            said = replay.said()
        except Exception as error:  # noqa: BLE001 - whatever a changed model does, it was noticed
            return raised(error, replay.name)
        if said != replay.stated:
            return Noticed("verdict", replay.name, f"{said}, not {replay.stated}")
    return None


def _words(verdict: str, blame: tuple[str, ...], choices: tuple[str, ...]) -> str:
    return " ".join([verdict, *sorted(blame), *sorted(choices)])
