"""A search for a witness: what the model may do next, seen or unseen.

A waiting input takes effect, a task is performed, time passes for what waits in vain.  A run
that shows what the rest of the trace has no place for is given up at once; progress that
need not be seen, and will not be, is forgotten at once.

What makes no difference when it happens happens at once: that an attempt learns the number of
its exchange, that a promise settles with a value that is certain (it may be seen later), that
a snapshot arrives at a registration object where it will not be seen and nobody looks.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import attrs

from conformance.judge.hypothesis import CLICK
from conformance.judge.plain_acceptor import Queues, joined, replaced
from conformance.judge.restarts import subsets
from conformance.trace import ServerRequest
from conformance.trials.compiled import CALL, Ask, Way
from conformance.trials.plain import renamed
from conformance.trials.witness_case import LATE, Case, Looked, Node, Shown, optional
from conformance.trials.witness_trail import waits_in_vain
from spec_model import background_fetch as bg
from spec_model import messages as m
from spec_model.background_fetch import UserAgent
from spec_model.decide import Decide
from spec_model.messages import Input, Output
from spec_model.phases import RegistrationPhase
from spec_model.record_state import RecordState
from spec_model.state import WORKER, State
from spec_model.system import inject
from spec_model.tasks import Deliver, RunRealm, RunUpdate, SettlePromise
from spec_model.values import Part, exactly

_KINDS: dict[type, str] = {
    m.EventDispatched: "WorkerEvent",
    m.ProgressFired: "Progress",
    m.RecordReady: "Ready",
    m.BodyEnded: "Body",
}


@attrs.define
class Moves:
    """The model's moves in one case.

    ``most_lost``: requests that may get lost; ``hasty``: snapshots are taken as soon as
    something has changed.  ``cut_off``: whether there was more that could have been tried.
    """

    case: Case
    most_lost: int = 0
    hasty: bool = False
    cut_off: bool = False

    def onwards(self, node: Node) -> Iterator[Node]:
        """The runs that have gone one move further."""
        certain = self._accepted(node) or self._arrival(node) or self._at_once(node)
        if certain is None:
            yield from self._moves(node)
        else:
            yield certain

    def _accepted(self, node: Node) -> Node | None:
        """An attempt that learns the number of its exchange."""
        for source, queue in sorted(node.waiting, key=lambda pair: str(pair[0])):
            way = queue[0][0]
            if len(queue[0]) > 1 or not isinstance(way, m.Accepted) or way.fetch >= 0:
                continue
            left = attrs.evolve(node, waiting=replaced(node.waiting, source, queue, queue[1:]))
            return next(self._in_effect(left, way), None)
        return None

    def _arrival(self, node: Node) -> Node | None:
        """A value or a snapshot that arrives in a realm."""
        if self.case.merging:
            return None
        for realm in node.state.realms:
            head = realm.tasks[0] if realm.tasks and not realm.busy else None
            if not isinstance(head, SettlePromise) and (
                not isinstance(head, Deliver)
                or head.snapshot.result
                or node.at <= self.case.last_look
            ):
                continue
            for after in self.case.performed(node.state, RunRealm(realm.name)):
                outputs = after.taken()[0]
                if isinstance(head, SettlePromise) or not any(
                    self._will_be_seen(node, output) for output in outputs
                ):
                    return next(self._produced(node, after), None)
        return None

    def _at_once(self, node: Node) -> Node | None:
        """A snapshot that is taken without delay."""
        if not self.hasty:
            return None
        for tasks in self.case.enabled(node.state):
            for task in tasks:
                if isinstance(task, RunUpdate):
                    self.cut_off = True
                    return next(
                        (
                            produced
                            for after in self.case.performed(node.state, task)
                            for produced in self._produced(node, after)
                        ),
                        None,
                    )
        return None

    def _will_be_seen(self, node: Node, output: Output) -> bool:
        if not isinstance(output, m.ProgressFired):
            return True
        return any(
            self.case.fits(node.names, output, seen) for seen in self.case.places(node, "Progress")
        )

    def _moves(self, node: Node) -> Iterator[Node]:
        for source, queue in sorted(node.waiting, key=lambda pair: str(pair[0])):
            left = attrs.evolve(node, waiting=replaced(node.waiting, source, queue, queue[1:]))
            for way in queue[0]:
                yield from self._in_effect(left, way)
        state = node.state
        if waits_in_vain(state):
            yield from self._in_effect(node, m.TimePassed())
        for tasks in self.case.enabled(state):
            for task in tasks:
                for after in self.case.performed(state, task):
                    yield from self._produced(node, after)
        if self.case.merging:
            yield from self._merged(node)

    def _merged(self, node: Node) -> Iterator[Node]:
        """A realm is spared an update for a later one that waits behind it."""
        for realm in node.state.realms:
            updates = [
                (at, task.fetch) for at, task in enumerate(realm.tasks) if isinstance(task, Deliver)
            ]
            for number, (at, fetch) in enumerate(updates):
                if any(later == fetch for _, later in updates[number + 1 :]):
                    left = attrs.evolve(realm, tasks=(*realm.tasks[:at], *realm.tasks[at + 1 :]))
                    yield attrs.evolve(node, state=node.state.put_realm(left))

    def _in_effect(self, left: Node, way: Way) -> Iterator[Node]:
        if way is None:
            yield left
            return
        if isinstance(way, Ask):
            yield from self._looks(left, way.what)
            return
        news = renamed(left.names, way)
        if news is None:
            return
        if isinstance(news, m.UserAgentQuit | m.PageClosed):
            left = self._without_words(left, news)

        for state in self._met(left, news):

            def injected(d: Decide, state: State = state) -> State:
                return inject(state, news, d)

            for after in self.case.asked(("inject", state, news), injected):
                yield from self._produced(left, after)

    def _met(self, node: Node, news: Input) -> Iterator[State]:
        """What the news may meet: before a kill a handler may have been through, unnoticed, and
        bytes that had come may not have been on disk.

        The model has each settle event again whose handler was cut off; once is enough.
        """
        state = node.state
        yield state
        if self.case.ordered or not isinstance(news, m.UserAgentQuit) or not news.kill:
            return
        seen = {name for name, _ in node.names}
        handled = [
            event.fetch
            for event in state.events
            if event.active and event.name in seen and event.type != CLICK
            if event.fetch is not None
            and state.agent.fetches[event.fetch].phase is RegistrationPhase.EVENT_ACTIVE
        ]
        for through in subsets(handled):
            if through:
                yield attrs.evolve(state, agent=self._through(state.agent, through))
        for fetch, row in enumerate(state.records):
            for index, record in enumerate(row):
                for left in self.case.asked_from:
                    if 0 < left < record.stored.lo and not record.settled:
                        yield state.put_record(fetch, index, _cut(record, left))

    def _through(self, agent: UserAgent, fetches: frozenset[int]) -> UserAgent:
        for fetch in sorted(fetches):
            over = functools.partial(bg.event_over, agent, fetch)
            agent = self.case.asked(("event over", agent, fetch), over)[0]
        return agent

    def _without_words(self, left: Node, news: m.UserAgentQuit | m.PageClosed) -> Node:
        """What pages had to say and nobody has heard is gone with them, and so are their calls."""
        closed = news.realm if isinstance(news, m.PageClosed) else ""

        def stays(observer: object) -> bool:
            return bool(closed) and closed not in str(observer).split()

        kept = (
            (observer, queue)
            for observer, queue in left.due
            if str(observer).startswith(("request", "answer", LATE)) or stays(observer)
        )
        waiting = (
            (source, queue)
            for source, queue in left.waiting
            if not str(source).startswith(CALL)
            or (closed and self.case.facts.home_of(str(source).removeprefix(CALL)) != closed)
        )
        return attrs.evolve(left, due=frozenset(kept), waiting=frozenset(waiting))

    def _looks(self, left: Node, what: str) -> Iterator[Node]:
        looked: Looked
        if what:
            known = next((model for model, name in left.names if name == what), None)
            if known is None:
                return
            looked = Looked(left.state.instance(known)[1].shows)
        else:
            looked = Looked(left.state.kept())
        yield attrs.evolve(left, due=joined(left.due, "answer", (looked,)))

    def _produced(self, node: Node, after: State) -> Iterator[Node]:
        outputs, after = after.taken()
        due, early = node.due, node.waiting
        for output in outputs:
            if isinstance(output, m.AttemptTerminated):
                due = _perhaps_lost(due, output)
                if sum(name == LATE for name, _ in due) > self.most_lost:
                    self.cut_off = True
                    return
                continue
            observer = self._observer(after, output)
            if not self._has_place(node, output, observer):
                return
            if optional(output, observer) and not self._will_be_seen(node, output):
                continue
            due = joined(due, observer, (output,))
            if isinstance(output, m.RequestStarted) and output.body:
                early = self._sent_early(node, early, output)
        yield attrs.evolve(node, state=after, due=due)
        if early != node.waiting:
            yield attrs.evolve(node, state=after, due=due, waiting=early)

    def _sent_early(
        self, node: Node, waiting: Queues[tuple[Way, ...]], made: m.RequestStarted
    ) -> Queues[tuple[Way, ...]]:
        """A body may be on its way long before the server says that it has read the request.

        So it may if the server never does, since the request got lost.
        """
        number = -1 - made.attempt - 100 * (made.record + 100 * made.fetch)
        for seen in self.case.places(node, "ServerRequest"):
            if self.case.fits(node.names, made, seen):
                assert isinstance(seen, ServerRequest), "only a request fits a request"
                number = seen.exchange
                break
        accepted = m.Accepted(made.fetch, made.record, made.attempt, number)
        sent = m.Uploaded(number, made.body or 0)
        return joined(waiting, f"early {number}", ((accepted,), (sent,)))

    def _observer(self, state: State, output: Output) -> str:
        match output:
            case m.RequestStarted():
                return f"request {output.fetch} {output.record} {output.attempt}"
            case m.Refused() | m.InterfaceSeen():
                return "answer"
            case m.PromiseSettled():
                realm = self.case.facts.home_of(output.call)
                return f"realm {realm}" if self.case.ordered else f"{realm} call {output.call}"
            case m.ProgressFired():
                realm = state.instance(output.instance)[0].name
                return f"realm {realm}" if self.case.ordered else f"{realm} at {output.instance}"
            case m.EventDispatched():
                return f"realm {WORKER}" if self.case.ordered else f"{WORKER} event {output.event}"
            case m.RecordReady() | m.BytesReceived() | m.BodyEnded():
                realm = state.object(output.object).realm
                return f"realm {realm}" if self.case.ordered else f"{realm} reads {output.object}"
            case _:
                raise AssertionError(f"nobody sees {output}")

    def _has_place(self, node: Node, output: Output, observer: str) -> bool:
        """Whether the rest of the trace has a place for it, or may have lost it."""
        if optional(output, observer) or isinstance(
            output, m.Refused | m.InterfaceSeen | m.RequestStarted
        ):
            return True
        if self.case.quits_after(node.at):
            return True
        places = self.case.places(
            node, _KINDS.get(type(output)) or f"call {getattr(output, 'call', '')}"
        )
        if any(self.case.fits(node.names, output, seen) for seen in places):
            return True
        # A trace that does not end with silence may end before everything was seen.
        return not places and not self.case.ends_in_silence(node)


def _cut(record: RecordState, left: int) -> RecordState:
    """With the first bytes only."""
    parts, rest = list[Part](), left
    for part in record.parts:
        length = min(part.length.lo, rest)
        rest -= length
        if length:
            parts.append(attrs.evolve(part, length=exactly(length)))
    return attrs.evolve(record, stored=exactly(left), parts=tuple(parts))


def _perhaps_lost(due: Queues[Shown], ended: m.AttemptTerminated) -> Queues[Shown]:
    """A request that is on its way need not arrive any more."""
    name = f"request {ended.fetch} {ended.record} {ended.attempt}"
    return frozenset((LATE if pair[0] == name else pair[0], pair[1]) for pair in due)
