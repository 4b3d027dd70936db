"""Plays a scenario on the model and tells what happens, moment by moment.

Theory.  The run leaves two things: a trace, whose entries say what everybody did and saw,
and for each cause what the model did, task by task, with the states in between.  A *moment*
begins with an entry that is an input.  The tasks of a cause belong to the entry that is that
cause: the command with its number, the server's line of its exchange.  An observation belongs
to the task that showed it.  What changed in a task is read off its two states.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from conformance import protocol as p
from conformance import trace as t
from conformance.adapters.model import Explained, Moved
from conformance.explain import naming, sentences
from conformance.explain.decisive import decisive
from conformance.explain.shape import VERSION, Moment, Step, Task, Walk
from conformance.explain.slots import words_for
from conformance.judge.explain import run_on_model
from conformance.report.meaning import meaning
from conformance.scenario.format import Scenario
from spec_model.editions import Edition
from spec_model.messages import Accepted, BytesArrived, Ended, Responded, Uploaded
from spec_model.systems import BACKGROUND_FETCH_TEXT, TEXTS

_LINES: dict[type, type] = {
    Accepted: t.ServerRequest,
    Uploaded: t.ServerRequestBody,
    Responded: t.ServerHead,
    BytesArrived: t.ServerBytes,
    Ended: t.ServerEnd,
}
"""News of the network, and the line of the server's log that is the same."""


@attrs.define
class _Heard:
    """A cause: how long the trace was, what followed, and for each output its first entry."""

    entries: int
    explained: Explained
    shown: dict[int, int] = attrs.field(factory=dict)


def walk(
    scenario: Scenario,
    edition: Edition,
    choices: Mapping[str, str] | None = None,
    *,
    profile: str = "spec",
    command: str = "",
) -> Walk:
    """The scenario on the model.  Must be called outside trio.

    ``choices`` are what the ``profile`` and the reader chose; ``command`` is only told.
    Raises Unsupported, ScenarioError.
    """
    heard: list[_Heard] = []
    trace = run_on_model(
        scenario,
        edition,
        profile=choices,
        listen=lambda entries, explained: heard.append(_Heard(entries, explained)),
        showing=lambda entries, number: heard[-1].shown.update({number: entries}),
    )
    calls = naming.calls(trace)
    text = TEXTS.get(scenario.api, BACKGROUND_FETCH_TEXT)
    told = sentences.sentences(naming.renamed(trace))
    return Walk(
        version=VERSION,
        scenario=scenario.scenario,
        title=scenario.title,
        document=text.document,
        commit=text.commit,
        edition=edition.name,
        profile=profile,
        choices=dict(choices or {}),
        world=sentences.world(trace),
        moments=_Moments(trace, heard, calls, told, edition, choices or {}).all(),
        end=[*_pending(trace, calls), *_waiting(heard)],
        command=command,
    )


@attrs.define
class _Moments:
    trace: t.Trace
    heard: list[_Heard]
    calls: Mapping[str, str]
    told: list[sentences.Sentence | None]
    edition: Edition
    choices: Mapping[str, str]

    def all(self) -> list[Moment]:
        """The moments in order."""
        causes: dict[int, list[_Heard]] = {}
        owner: dict[int, tuple[int, int]] = {}
        for number, each in enumerate(self.heard):
            causes.setdefault(self._anchor(each), []).append(each)
            for output, entry in each.shown.items():
                owner[entry] = (number, output)
        seen = self._observations(owner)
        moments: list[tuple[str, list[Task]]] = []
        for index, sentence in enumerate(self.told):
            if sentence is not None and sentence.input:
                moments.append((sentence.text, []))
            elif sentence is not None and index not in seen.owned:
                if not moments:
                    moments.append(("the scenario begins", []))
                moments[-1][1].append(Task(seen=[sentence.text]))
            for each in causes.get(index, []):
                moments[-1][1].extend(self._tasks(each, seen))
        return [Moment(happens, tasks) for happens, tasks in moments]

    def _observations(self, owner: Mapping[int, tuple[int, int]]) -> _Seen:
        """Which sentences belong to which output."""
        seen = _Seen()
        for index, (cause, output) in owner.items():
            sentence = self.told[index] if index < len(self.told) else None
            if sentence is not None and not sentence.input:
                seen.owned.add(index)
                seen.by_output[id(self.heard[cause]), output] = sentence.text
        return seen

    def _anchor(self, heard: _Heard) -> int:
        """The entry that is this cause; else the last one before it."""
        cause = heard.explained.cause
        for index in range(heard.entries - 1, -1, -1):
            entry = self.trace.entries[index]
            if isinstance(cause, p.Command):
                if entry.sent is not None and entry.sent.seq == cause.seq:
                    return index
            line = entry.server
            if type(cause) in _LINES and isinstance(line, t.ServerEntry):
                same = line.exchange == getattr(cause, "exchange", None)
                if same and isinstance(line, _LINES[type(cause)]):
                    return index
        return heard.entries - 1

    def _tasks(self, heard: _Heard, seen: _Seen) -> Iterator[Task]:
        """The tasks of a cause; those in which nothing is to be told are left out."""
        shown = 0
        for moved in heard.explained.moved:
            outputs = len(getattr(moved.after, "outbox", ()))
            texts = [seen.by_output.get((id(heard), n), "") for n in range(shown, outputs)]
            shown = outputs
            task = self._task(moved, [text for text in texts if text])
            if task.steps or task.changes or task.seen:
                yield task

    def _task(self, moved: Moved, seen: list[str]) -> Task:
        words = words_for(moved.after)
        changes = list(words.changes(moved.before, moved.after, self.calls))
        at = words.runs(changes)
        runs = ""
        if at is not None:
            taken = changes.pop(at)
            runs = f"{taken.slot} runs: {taken.removed}"
        matter = list(decisive(moved.again, moved.after, self.edition, self.choices))
        return Task(runs, _steps(moved.steps), matter, changes, seen)


@attrs.define
class _Seen:
    owned: set[int] = attrs.field(factory=set)
    by_output: dict[tuple[int, int], str] = attrs.field(factory=dict)


def _steps(taken: tuple[str, ...]) -> list[Step]:
    """Each step once, where it was first taken."""
    times: dict[str, int] = {}
    for step in taken:
        times[step] = times.get(step, 0) + 1
    return [Step(step, meaning(step), n) for step, n in times.items()]


def _pending(trace: t.Trace, calls: Mapping[str, str]) -> list[str]:
    """The promises that nothing settled."""
    settled = {entry.seen.call for entry in trace.entries if isinstance(entry.seen, p.Settled)}
    return [
        f"the promise of {what} is still pending"
        for call, what in calls.items()
        if call not in settled
    ]


def _waiting(heard: list[_Heard]) -> list[str]:
    for each in reversed(heard):
        if each.explained.moved:
            last = each.explained.moved[-1].after
            return words_for(last).end(last)
    return []
