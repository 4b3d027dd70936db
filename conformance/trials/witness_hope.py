"""A search for a witness: which of two runs is the nearer to explaining the whole trace.

Nothing here decides anything: a run without much hope is followed later, not never.  A run
has the more hope the more of the trace it explains, and the less of it is sure to go wrong
soon, as far as that can be seen at a glance: more bytes than the next progress event shows,
a request that nobody got, a result that is not the one that is told, an answer that is to be
read and was given to an attempt that is over.
"""

from __future__ import annotations

import attrs

from conformance import protocol as p
from conformance.trace import ServerRequest
from conformance.trials.compiled import Answered, Saw, Silence
from conformance.trials.witness_case import LATE, Case, Node
from spec_model import messages as m
from spec_model.background_fetch import BackgroundFetch
from spec_model.phases import RecordPhase
from spec_model.state import IN_FLIGHT
from spec_model.tasks import Deliver

_BETWEEN = (RecordPhase.WAITING_UNPAUSED, RecordPhase.WAITING_AVAILABLE)


@attrs.define
class Hope:
    """For the runs of one case.  Places in the trace are numbers of events.

    ``weight``: events of the trace that one misfit weighs as much as.
    """

    case: Case
    weight: int = 6
    _progress: list[p.Progress | None] = attrs.field(init=False)
    """By place: the next progress event."""
    _stored: list[int | None] = attrs.field(init=False)
    """By place: the next answer to a question about storage."""
    _rest: list[ServerRequest | None] = attrs.field(init=False)
    """By place: the next request for the rest of a body."""
    _unanswered: frozenset[int] = attrs.field(init=False)
    """Exchanges that the server left at the request."""
    _silence: int = attrs.field(init=False)
    """Where the trace last says that nothing more came."""

    def __attrs_post_init__(self) -> None:
        events = self.case.events
        self._progress, self._stored, self._rest = [None], [None], [None]
        for event in reversed(events):
            quits = isinstance(event, Answered) and isinstance(event.command, p.Quit)
            progress = None if quits else self._progress[-1]
            stored = None if quits else self._stored[-1]
            if isinstance(event, Saw) and isinstance(event.seen, p.Progress):
                progress = event.seen
            elif isinstance(event, Answered) and event.answer.stored is not None:
                stored = event.answer.stored
            rest = self._rest[-1]
            if isinstance(event, Saw) and isinstance(event.seen, ServerRequest):
                rest = event.seen if "range" in event.seen.headers else rest
            self._progress.append(progress)
            self._stored.append(stored)
            self._rest.append(rest)
        for each in (self._progress, self._stored, self._rest):
            each.reverse()
        lines = [entry.server for entry in self.case.trace.entries if entry.server is not None]
        answered = {line.exchange for line in lines if not isinstance(line, ServerRequest)}
        self._unanswered = frozenset(line.exchange for line in lines) - answered
        silent = (at for at, event in enumerate(events) if isinstance(event, Silence))
        self._silence = max(silent, default=-1)

    def of(self, node: Node) -> int:
        """The more the better."""
        misfits = (
            self._too_much(node)
            + self._too_much_stored(node)
            + self._beyond(node)
            + self._unasked(node)
            + self._otherwise_over(node)
            + self._stuck(node)
        )
        return node.at - self.weight * misfits

    def _too_much(self, node: Node) -> int:
        """Whether more bytes are there than the next progress event shows."""
        seen = self._progress[node.at]
        if seen is None:
            return 0
        instance = next((model for model, name in node.names if name == seen.instance), None)
        if instance is None:
            return 0
        fetch, shown = node.state.instance(instance)[1].fetch, seen.snapshot.downloaded
        if node.state.stored(fetch) <= shown:
            return 0
        fired = (
            isinstance(output, m.ProgressFired)
            and output.instance == instance
            and output.snapshot.downloaded == shown
            for _, queue in node.due
            for output in queue
        )
        on_the_way = (
            isinstance(task, Deliver) and task.fetch == fetch and task.snapshot.downloaded == shown
            for realm in node.state.realms
            for task in realm.tasks
        )
        return 0 if any(fired) or any(on_the_way) else 1

    def _too_much_stored(self, node: Node) -> int:
        stored = self._stored[node.at]
        if stored is None or any(observer == "answer" for observer, _ in node.due):
            return 0
        return int(node.state.kept() > stored)

    def _beyond(self, node: Node) -> int:
        """Records that hold more than the next request for the rest of a body leaves out, or
        that wait and hold less.
        """
        seen = self._rest[node.at]
        if seen is None:
            return 0
        first = seen.headers["range"].removeprefix("bytes=").removesuffix("-")
        if not first.isdigit():
            return 0
        return sum(
            record.stored.lo > int(first)
            or (record.stored.lo < int(first) and record.phase in _BETWEEN and record.attempts > 0)
            for fetch, row in zip(node.state.agent.fetches, node.state.records, strict=True)
            for spec, record in zip(fetch.requests, row, strict=True)
            if not spec.own_range and self.case.facts.key(spec.url) == seen.key
        )

    def _unasked(self, node: Node) -> int:
        """Requests that are on their way and that no server got."""
        asked = self.case.places(node, "ServerRequest")
        return sum(
            not any(self.case.fits(node.names, queue[0], seen) for seen in asked)
            for observer, queue in node.due
            if observer != LATE and isinstance(queue[0], m.RequestStarted)
        )

    def _otherwise_over(self, node: Node) -> int:
        """Fetches that have settled as nobody is told."""
        return sum(
            fetch.settled and not self._told(node, fetch) for fetch in node.state.agent.fetches
        )

    def _told(self, node: Node, fetch: BackgroundFetch) -> bool:
        for event in self.case.events[node.at :]:
            if isinstance(event, Answered) and isinstance(event.command, p.Quit):
                return True
            shown = getattr(event.seen, "snapshot", None) if isinstance(event, Saw) else None
            if shown is not None and shown.id == fetch.id and shown.result:
                told: bool = (shown.result, shown.failure_reason) == (
                    fetch.result,
                    fetch.failure_reason,
                )
                return told
        return True

    def _stuck(self, node: Node) -> int:
        """Attempts that wait for an answer that will not come, before a silence."""
        if node.at > self._silence or self.case.quits_after(node.at):
            return 0
        return sum(
            record.phase in IN_FLIGHT and record.exchange in self._unanswered
            for row in node.state.records
            for record in row
        )
