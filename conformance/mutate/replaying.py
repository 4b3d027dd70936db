"""Recorded traces, judged by the changed model: a second opinion that a run cannot give.

A run answers every question with its default, so some of the model is there for a judge
alone: what else a user agent may do, and what can be inferred when not everything was
seen.  That part is met when the model judges what an implementation did that shares no code
with it.  There are three kinds:

- *recordings* of a browser, each with its verdict stated beside it (``verdicts.toml``);
- the *engine*, which keeps the text's promises on its own account: what it does in a
  scenario has to be explained, with no more choices than it takes;
- *liars*, engines with one fault: each states the steps that it breaks, and a judge who lets
  it pass or blames something else is wrong.

A changed model that comes to another verdict has been noticed.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from pathlib import Path

import attrs

from conformance.adapter import AdapterFactory
from conformance.judge.judge import judge
from conformance.judge.run_session import Unsupported
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.simulation import run_simulated
from conformance.judge.texts import Texts
from conformance.judge.verdict import Verdict
from conformance.mutate.playing import PATIENCE, Noticed, at_most, raised
from conformance.mutate.tracing import lines_passed
from conformance.scenario.format import Scenario
from conformance.trace import Trace, load

TABLE = "verdicts.toml"


@attrs.frozen
class Replay:
    """A trace and what is stated of it: verdict, blame and choices.

    ``breaks``: of a liar, the steps of which at least one has to be blamed; others may be too.
    """

    name: str
    trace: Trace = attrs.field(repr=False)
    stated: str
    breaks: frozenset[str] = frozenset()
    lines: frozenset[tuple[str, int]] = frozenset()

    def said(self) -> str:
        """What the model, as it is now, makes of the trace."""
        found = judge(self.trace)
        if found.verdict is Verdict.VIOLATES and self.breaks & {*found.blame}:
            return Verdict.VIOLATES.value
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


def played(
    factory: AdapterFactory, scenarios: Iterable[Scenario], breaks: frozenset[str] = frozenset()
) -> list[Replay]:
    """What a simulated implementation does in scenarios, now.  Must be called outside trio.

    It has to conform, by the default choices or others; or, if it ``breaks`` steps, to violate.
    """
    found = []
    for scenario in scenarios:
        main = functools.partial(
            run_scenario, scenario, factory, lambda *_: Texts(), bounds=Bounds.simulated()
        )
        try:
            trace = run_simulated(main)
        except Unsupported:
            continue
        replay = Replay(f"{factory.name} {scenario.scenario}", trace, "violates", breaks)
        if not breaks:
            said = replay.said()
            if not said.startswith("conforms"):
                continue
            replay = attrs.evolve(replay, stated=said)
        found.append(replay)
    return found


def know_replay(replay: Replay, files: frozenset[str]) -> Replay | None:
    """The same with the lines it passes; None if the true model says otherwise than stated."""
    with lines_passed(files) as passed:
        said = replay.said()
    return attrs.evolve(replay, lines=frozenset(passed)) if said == replay.stated else None


def dissent(replays: Iterable[Replay]) -> Noticed | None:
    """The first trace of which the changed model says something else than was stated."""
    for replay in replays:
        try:
            with at_most(PATIENCE):
                said = replay.said()
        except Exception as error:  # noqa: BLE001 - whatever a changed model does, it was noticed
            return raised(error, replay.name)
        if said != replay.stated:
            return Noticed("verdict", replay.name, f"{said}, not {replay.stated}")
    return None


def _words(verdict: str, blame: tuple[str, ...], choices: tuple[str, ...]) -> str:
    return " ".join([verdict, *sorted(blame), *sorted(choices)])
