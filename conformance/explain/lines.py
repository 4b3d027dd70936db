"""A walk as lines, each of a kind; how they look is up to the writer.

A reader has read a step once and need not read it again: steps that were told are named
in one line, and a task in which nothing new is taken and nothing changes is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import attrs

from conformance.explain.shape import Decides, Moment, Step, Task, Walk

Kind = Literal["happens", "runs", "step", "again", "decides", "change", "seen", "blank"]


@attrs.frozen
class Line:
    """``label`` is the id of a step, the number of a moment, or empty."""

    kind: Kind
    text: str = ""
    label: str = ""


Steps = Literal["once", "every", "none"]
"""Which steps are told in full: each the first time, each time, or not at all."""


@attrs.define
class Teller:
    """Tells moments, remembering which steps have been told."""

    steps: Steps = "once"
    told: set[str] = attrs.field(factory=set)

    def moment(self, number: int, moment: Moment) -> Iterator[Line]:
        """What happens, and what follows."""
        yield Line("happens", moment.happens, str(number))
        for task in moment.tasks:
            yield from self._task(task)

    def _task(self, task: Task) -> Iterator[Line]:
        news = any(step.id not in self.told for step in task.steps)
        if not (self._tells(news) or task.decides or task.changes or task.seen):
            return
        if task.runs:
            yield Line("runs", task.runs)
        if self.steps != "none":
            yield from self._steps(task.steps)
        yield from (Line("decides", self._decides(each)) for each in task.decides)
        yield from (Line("change", each.sentence) for each in task.changes)
        yield from (Line("seen", each) for each in task.seen)

    def _decides(self, each: Decides) -> str:
        """In full the first time; later only what is meant."""
        again = each.sentence in self.told and self.steps != "every"
        self.told.add(each.sentence)
        return f"{each.key} again" if again else each.sentence

    def _tells(self, news: bool) -> bool:
        """Whether the steps of a task are worth a line, if nothing else is."""
        return self.steps == "every" or (self.steps == "once" and news)

    def _steps(self, steps: Sequence[Step]) -> Iterator[Line]:
        again: list[Step] = []
        for step in steps:
            if step.id in self.told and self.steps == "once":
                again.append(step)
                continue
            yield from _again(again)
            again = []
            self.told.add(step.id)
            times = f" ({step.times} times)" if step.times > 1 else ""
            yield Line("step", step.says + times, step.id)
        yield from _again(again)


def _again(steps: Sequence[Step]) -> Iterator[Line]:
    """Steps told before, named by the first and last of each algorithm."""
    if not steps:
        return
    groups: list[list[str]] = []
    for step in steps:
        if groups and _algorithm(groups[-1][-1]) == _algorithm(step.id):
            groups[-1].append(step.id)
        else:
            groups.append([step.id])
    named = ", ".join(
        " ".join(group) if len(group) < 3 else f"{group[0]} … {group[-1]}" for group in groups
    )
    yield Line("again", f"{named} (as above)")


def _algorithm(step: str) -> str:
    return step.partition("-")[0]


def whole(walk: Walk, steps: Steps = "once") -> Iterator[Line]:
    """All moments, a blank line between them."""
    teller = Teller(steps)
    for number, moment in enumerate(walk.moments, 1):
        yield Line("blank")
        yield from teller.moment(number, moment)
    yield Line("blank")
    yield from end(walk)


def end(walk: Walk) -> Iterator[Line]:
    """What is left when nothing more happens."""
    yield Line("happens", "nothing more happens", "end")
    yield from (Line("seen", each) for each in walk.end)
