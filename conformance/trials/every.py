"""Every trace of a small world: all orders of tasks, messages and commands, one after the other.

Where a wild run draws, ``Branch`` takes the options in turn: a run is played again with
the first answers fixed until there is no other left (as ``spec_model.decide.outcomes``
does for a single function).  Runs that differ in nothing that can be seen are one trace.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import TypeVar

import attrs
import msgspec

from conformance import protocol as p
from conformance.adapter import Surroundings
from conformance.adapters.model import ModelFactory
from conformance.scenario.format import Attempt, Resource, World
from conformance.trace import Entry, Quiet, Trace, dump
from conformance.trials.wild import EVENTS, ORIGINS, Circling, WildModel
from conformance.world.scripted import ScriptedWorld, absolute

T = TypeVar("T")

COMMANDS: dict[str, tuple[p.AnyCommand, ...]] = {
    "nothing": (),
    "abort": (p.User("abort", "x", seq=3),),
    "pause": (p.User("pause", "x", seq=3), p.User("resume", "x", seq=4)),
    "offline": (p.Online(False, seq=3), p.Online(True, seq=4)),
    "kill": (p.Quit(True, seq=3), p.Launch(seq=4)),
    "look-up": (p.Get("c3", "p1", "x", seq=3), p.GetIds("c4", "p1", seq=4)),
    "clear": (p.Unregister("c3", seq=3),),
}
"""What the script does beside the fetch, at any moments."""

ANSWERS: dict[str, tuple[Attempt, ...]] = {
    "good": (Attempt(),),
    "bad": (Attempt(status=404, body=1),),
    "broken": (Attempt(send=[1], then="reset"), Attempt()),
    "away": (Attempt(redirect="/b"), Attempt()),
}


@attrs.frozen
class Small:
    """A world of one resource or two, and what the script does."""

    answers: tuple[str, ...]
    commands: str

    @property
    def name(self) -> str:
        """For reports."""
        return f"{'+'.join(self.answers)}/{self.commands}"


SMALL: tuple[Small, ...] = (
    *(Small((answer,), commands) for answer in ANSWERS for commands in COMMANDS),
    *(Small(answers, "nothing") for answers in (("good", "good"), ("good", "bad"))),
)


class Branch(Random):
    """Answers with what was fixed, then with the first option; knows how many there were."""

    def __init__(self, fixed: tuple[int, ...]) -> None:
        super().__init__(0)
        self.fixed = fixed
        self.widths: list[int] = []

    def pick(self, width: int) -> int:
        """One of so many options."""
        at = len(self.widths)
        self.widths.append(width)
        return self.fixed[at] if at < len(self.fixed) else 0

    def choice(self, seq: Sequence[T]) -> T:  # type: ignore[override]  # named as in Random
        """One of these, in turn."""
        return seq[self.pick(len(seq))]

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        """A number below ``start``, in turn."""
        assert stop is None and step == 1, "only the form that a wild run uses"
        return self.pick(start)

    @property
    def fresh(self) -> bool:
        """Whether all that was fixed has been answered."""
        return len(self.widths) >= len(self.fixed)


class _Still(WildModel):
    """Nothing happens by itself: when, is a question of its own."""

    def _settle(self) -> None:
        return

    def configuration(self) -> Hashable:
        """All that what comes next can depend on."""
        open_ = tuple((each.number, each.headed, each.at) for each in self._world._open)
        return self.state, tuple(self._inbox), open_, self.retried


class _Known(Exception):
    """Another run has been here, with the same log."""


@attrs.define
class _Play:
    """One run.  ``known``: where runs have been, and with which log."""

    small: Small
    branch: Branch
    known: set[Hashable]
    profile: Mapping[str, str] = attrs.field(factory=dict)
    entries: list[Entry] = attrs.field(factory=list)

    def _move(self, model: _Still, at: int) -> bool:
        if self.branch.fresh:
            here = (at, model.configuration(), msgspec.json.encode(self.entries))
            if here in self.known:
                raise _Known
            self.known.add(here)
        return model.move()

    def _add(self, **part: object) -> None:
        now = float(len(self.entries))
        self.entries.append(Entry(now, now, **part))  # type: ignore[arg-type]  # one typed field

    def play(self) -> Trace:
        keys = ("/a", "/b")
        answers = dict(zip(keys, self.small.answers, strict=False))
        resources = {
            key: Resource(1, attempts=list(ANSWERS[answers.get(key, "good")])) for key in keys
        }
        scripted = ScriptedWorld(World(resources=resources), ORIGINS, lambda e: self._add(server=e))
        model = _Still(
            ModelFactory(profile=self.profile),
            lambda seen: self._add(seen=seen),
            Surroundings(scripted),
            rng=self.branch,
        )
        requests = [p.RequestInit(absolute(key, ORIGINS)) for key in answers]
        begin = p.Begin(scenario="every", origins=ORIGINS, listen=list(EVENTS), seq=1)
        todo: list[p.AnyCommand] = [begin, p.Fetch("c2", "p1", "x", requests, seq=2)]
        todo += COMMANDS[self.small.commands]
        for at, command in enumerate(todo):
            # How much happens before the script goes on is a question for each move.
            while at > 1 and self.branch.pick(2) and self._move(model, at):
                pass
            self._add(sent=command)
            self._add(answered=model.do(command))
        while self._move(model, len(todo)):
            pass
        self._add(note=Quiet())
        return Trace("every", "model", "1", [], ORIGINS, True, self.entries)


@attrs.define
class EveryTrace:
    """All traces of a small world; at most so many runs are made.

    ``whole``: there was no other run to be made, when all have been listed.
    """

    small: Small
    most: int
    profile: Mapping[str, str] = attrs.field(factory=dict)
    whole: bool = attrs.field(default=False, init=False)

    def __iter__(self) -> Iterator[Trace]:
        todo: list[tuple[int, ...]] = [()]
        known: set[Hashable] = set()
        shown: set[bytes] = set()
        for _ in range(self.most):
            if not todo:
                break
            fixed = todo.pop()
            branch, trace = Branch(fixed), None
            with suppress(Circling, _Known):
                trace = _Play(self.small, branch, known, self.profile).play()
            prefix = list(fixed)
            for width in branch.widths[len(fixed) :]:
                todo.extend((*prefix, other) for other in range(1, width))
                prefix.append(0)
            if trace is not None and dump(trace) not in shown:
                shown.add(dump(trace))
                yield trace
        self.whole = not todo
