"""A search for a witness: the next event of the trace, explained by a run as it is.

An input that was given waits for its moment; an observation must be what heads the queue of
some observer; an answer ends the script's last command; silence needs a run at rest.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.judge.plain_acceptor import joined, replaced
from conformance.trace import ServerRequest
from conformance.trials.compiled import OF_ITSELF, Answered, Given, Saw, Silence, Uploads
from conformance.trials.plain import shows
from conformance.trials.witness_case import LATE, Case, Looked, Node, Shown, optional
from spec_model import messages as m
from spec_model.instances import Snapshot
from spec_model.interface import newest
from spec_model.phases import RecordPhase
from spec_model.state import IN_FLIGHT, State
from spec_model.tasks import RunRecord, Task

LIMITED = "concurrency=limited"


@attrs.frozen
class Trail:
    """The events of one case."""

    case: Case

    def must_go_on(self, node: Node) -> bool:
        """An input that is given waits: nothing is lost by taking it in at once."""
        return isinstance(self.case.events[node.at], Given | Uploads)

    def onwards(self, node: Node) -> Iterator[Node]:
        """The runs that have explained one event more."""
        event = self.case.events[node.at]
        on = attrs.evolve(node, at=node.at + 1)
        match event:
            case Given():
                yield attrs.evolve(on, waiting=joined(node.waiting, event.source, event.inputs))
            case Uploads():
                sizes = {
                    spec.body or 0 for fetch in node.state.agent.fetches for spec in fetch.requests
                }
                if event.length in sizes:
                    yield on
            case Saw():
                yield from self._seen(on, event.seen)
                if event.again:
                    yield on
            case Answered():
                yield from self._answered(on, event)
            case Silence():
                if not node.waiting and self._at_rest(node):
                    yield on

    def _seen(self, on: Node, seen: p.AnyObservation | ServerRequest) -> Iterator[Node]:
        # In one order, which no hash decides: what a search finds must be found again.
        for observer, queue in sorted(on.due, key=lambda pair: str(pair[0])):
            for at, output in enumerate(queue):
                if not isinstance(output, Looked):
                    names = self.case.reader.fits(on.names, output, seen)
                    if names is not None:
                        due = replaced(on.due, observer, queue, queue[at + 1 :])
                        yield attrs.evolve(on, due=due, names=names)
                if not optional(output, observer):
                    break

    def _answered(self, on: Node, event: Answered) -> Iterator[Node]:
        if any(source == "script" for source, _ in on.waiting):
            return
        given = next((queue for observer, queue in on.due if observer == "answer"), ())
        if not given:
            if _says_nothing(event.answer):
                yield on
            elif event.answer.refused is not None and not self.case.ordered:
                yield from _without_interface(on, event.command)
        elif len(given) == 1 and _answers(given[0], event.answer):
            yield attrs.evolve(on, due=replaced(on.due, "answer", given, ()))

    def _at_rest(self, node: Node) -> bool:
        for observer, queue in node.due:
            if observer != LATE and not all(optional(output, observer) for output in queue):
                return False
        if waits_in_vain(node.state):
            return False
        for tasks in self.case.enabled(node.state):
            if all(self._may_wait(node.state, task) for task in tasks):
                return True
        return False

    def _may_wait(self, state: State, task: Task) -> bool:
        """Whether a record has not begun since the user agent makes few requests at once."""
        if self.case.admitted is not None and LIMITED not in self.case.admitted:
            return False
        if not isinstance(task, RunRecord) or state.agent.fetches[task.fetch].abort:
            return False
        waits = state.records[task.fetch][task.record].phase is RecordPhase.WAITING_UNPAUSED
        return waits and any(r.phase in IN_FLIGHT for row in state.records for r in row)


def waits_in_vain(state: State) -> bool:
    """Whether a record waits for what is there: a user agent that thought it away tries again."""
    agent = state.agent
    return (
        agent.online
        and agent.running
        and any(r.phase is RecordPhase.WAITING_AVAILABLE for row in state.records for r in row)
    )


def _without_interface(node: Node, command: p.AnyCommand) -> Iterator[Node]:
    """The run in which the interface went by itself when all was over (DISPLAY-10)."""
    agent = node.state.agent
    if not isinstance(command, p.User) or command.action not in OF_ITSELF:
        return
    index = newest(agent, command.id)
    if index is not None and agent.fetches[index].settled:
        gone = agent.put(attrs.evolve(agent.fetches[index], displayed=False))
        yield attrs.evolve(node, state=attrs.evolve(node.state, agent=gone))


def _says_nothing(answer: p.Answer) -> bool:
    said = (answer.refused, answer.snapshot, answer.stored, answer.interface)
    return all(each is None for each in said)


def _answers(given: Shown, answer: p.Answer) -> bool:
    match given:
        case Looked(Snapshot() as shown):
            return shows(shown, answer.snapshot)
        case Looked(int() as stored):
            return stored == answer.stored
        case m.Refused():
            return answer.refused is not None
        case m.InterfaceSeen():
            shown_ = given.shows
            if answer.interface is not None and not answer.interface.displayed:
                return shown_ is None or shown_.dismissible  # it need not stay after the end
            if shown_ is None:
                return False
            return answer.interface == p.Shown(
                True,
                shown_.origin,
                shown_.title,
                shown_.busy,
                shown_.dismissible,
                shown_.can_abort,
                shown_.can_pause,
            )
    return False
