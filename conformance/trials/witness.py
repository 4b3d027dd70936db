"""Can the model make this trace?  Depth first: one run of the model that does is enough.

Theory.  The plain acceptor holds everything that can have happened, and soon holds too
much.  A *witness* is one run: which input takes effect when, which task is performed
when, and which output was which observation.  It is found by going on with the trace
whenever that is possible, else with the model; a run that shows what the rest of the
trace has no place for is given up at once.  Where nothing is left to try there is none,
and the trace is impossible; where patience ends first, nobody knows.

``ordered``: one realm's tasks are seen in the order of the model, which queues them at
certain moments, and a call does all that it does before it returns.  The text runs many of
these steps in parallel: without ``ordered`` they may come later and queue their tasks in
any order, and only what is seen of one promise, one object or one reader keeps its order.
An event that was handled when the user agent was killed need not come again.

``merging``: of two updates that wait in one realm the earlier may be left out.  How events
may be merged is open (E49), and the realms need not do it alike.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Hashable, Iterator
from random import Random
from typing import Any, TypeVar

import attrs

from conformance import protocol as p
from conformance.judge.facts import Facts
from conformance.judge.hypothesis import CLICK
from conformance.judge.plain_acceptor import Names, Queues, joined, replaced
from conformance.judge.restarts import subsets
from conformance.trace import ServerRequest, Trace
from conformance.trials.compiled import (
    CALL,
    Answered,
    Ask,
    Event,
    Given,
    Saw,
    Silence,
    Uploads,
    Way,
    compiled,
    wants,
)
from conformance.trials.plain import Reader, renamed, shows
from spec_model import background_fetch as bg
from spec_model import messages as m
from spec_model.background_fetch import UserAgent
from spec_model.decide import Decide, outcomes
from spec_model.editions import AMENDED, Edition
from spec_model.instances import Snapshot
from spec_model.messages import Input, Output
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.record_state import RecordState
from spec_model.state import IN_FLIGHT, WORKER, Realm, State
from spec_model.system import enabled, inject, perform
from spec_model.tasks import Deliver, RunRecord, Task
from spec_model.values import Part, exactly

T = TypeVar("T")

Known = dict[Hashable, list[Any]]
"""Answers of the model, each a list of what the question is about."""

PATIENCE = 1_500
"""Moves of one attempt to find a witness."""

ATTEMPTS = 3
"""Attempts; each later one tries things in another order."""

LOST_MORE = 2
"""Requests that may get lost in each attempt, beyond those of the one before: none in the first."""


LIMITED = "concurrency=limited"

LATE = "late request"
"""Whose queue holds requests of attempts that are over: they may never arrive."""


class Found(enum.Enum):
    """What a search has shown."""

    WITNESS = "equivalent"
    NONE = "impossible"
    TIRED = "undecided"


@attrs.frozen
class Looked:
    """The answer to a look or to a question about storage."""

    shown: Snapshot | int


Shown = Output | Looked


@attrs.frozen(cache_hash=True)
class Node:
    """A run so far.  ``at``: events of the trace that it has explained.

    ``waiting`` and ``due`` as for the plain acceptor.
    """

    at: int
    state: State
    waiting: Queues[tuple[Way, ...]] = frozenset()
    due: Queues[Shown] = frozenset()
    names: Names = ()


@attrs.define
class Search:
    """Looks for a run that makes ``trace``, with no other choices than those ``admitted``.

    ``known``: what the model has answered; searches on the same terms may share it.
    """

    trace: Trace
    admitted: frozenset[str] | None
    ordered: bool = False
    merging: bool = False
    edition: Edition = AMENDED
    known: Known = attrs.field(factory=dict, repr=False)
    facts: Facts = attrs.field(init=False)
    events: tuple[Event, ...] = attrs.field(init=False)
    moves: int = attrs.field(default=0, init=False)
    most_lost: int = attrs.field(default=0, init=False)
    cut_off: bool = attrs.field(default=False, init=False)
    _wants: dict[str, tuple[int, ...]] = attrs.field(init=False)
    _quits: tuple[int, ...] = attrs.field(init=False)
    _asked_from: tuple[int, ...] = attrs.field(init=False)
    _reader: Reader = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.facts, self.events = compiled(self.trace, ordered=self.ordered)
        self._wants = wants(self.events)
        self._quits = tuple(
            at
            for at, event in enumerate(self.events)
            if isinstance(event, Answered) and isinstance(event.command, p.Quit | p.ClosePage)
        )
        self._reader = Reader(self.facts)
        ranges = (
            str(event.seen.headers.get("range", "")).removeprefix("bytes=").removesuffix("-")
            for event in self.events
            if isinstance(event, Saw) and isinstance(event.seen, ServerRequest)
        )
        self._asked_from = tuple(sorted({int(each) for each in ranges if each.isdigit()}))

    def run(self, patience: int = PATIENCE, attempts: int = ATTEMPTS) -> Found:
        """Search until a witness is found, everything has been tried, or patience ends."""
        for attempt in range(attempts):
            self.most_lost, self.cut_off = attempt * LOST_MORE, False
            found = self._attempt(Random(attempt) if attempt else None, patience)
            if found is Found.WITNESS or (found is Found.NONE and not self.cut_off):
                return found
        return Found.TIRED

    def _attempt(self, rng: Random | None, patience: int) -> Found:
        stack = [Node(0, self._start())]
        seen = set(stack)
        while stack:
            node = stack.pop()
            if node.at == len(self.events):
                return Found.WITNESS
            self.moves += 1
            patience -= 1
            if patience < 0:
                return Found.TIRED
            onwards = list(self._onwards(node))
            others = [] if self._must_go_on(node) else list(self._moves(node))
            if rng is not None:
                rng.shuffle(others)
            for after in (*reversed(others), *reversed(onwards)):
                if after not in seen:
                    seen.add(after)
                    stack.append(after)
        return Found.NONE

    def _start(self) -> State:
        begin = self.facts.begin
        assert begin is not None, "a trace begins with begin"
        agent = UserAgent(
            home=begin.origins["app"],
            listening=frozenset(begin.listen),
            online=begin.online,
            permission=begin.permission,
            quota=begin.quota,
        )
        return State(agent, (Realm("p1"), Realm(WORKER)), limit=begin.concurrency)

    # --- the trace goes on ------------------------------------------------------------

    def _must_go_on(self, node: Node) -> bool:
        """An input that is given waits: nothing is lost by taking it in at once."""
        return isinstance(self.events[node.at], Given | Uploads)

    def _onwards(self, node: Node) -> Iterator[Node]:
        event = self.events[node.at]
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
            case Answered():
                yield from self._answered(on, event)
            case Silence():
                if not node.waiting and self._at_rest(node):
                    yield on

    def _seen(self, on: Node, seen: p.AnyObservation | ServerRequest) -> Iterator[Node]:
        for observer, queue in on.due:
            for at, output in enumerate(queue):
                if not isinstance(output, Looked):
                    names = self._reader.fits(on.names, output, seen)
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
        elif len(given) == 1 and _answers(given[0], event.answer):
            yield attrs.evolve(on, due=replaced(on.due, "answer", given, ()))

    def _at_rest(self, node: Node) -> bool:
        for observer, queue in node.due:
            if observer != LATE and not all(optional(output, observer) for output in queue):
                return False
        if _waits_in_vain(node.state):
            return False
        for tasks in self._enabled(node.state):
            if all(self._may_wait(node.state, task) for task in tasks):
                return True
        return False

    def _may_wait(self, state: State, task: Task) -> bool:
        """Whether a record has not begun since the user agent makes few requests at once."""
        if self.admitted is not None and LIMITED not in self.admitted:
            return False
        if not isinstance(task, RunRecord) or state.agent.fetches[task.fetch].abort:
            return False
        waits = state.records[task.fetch][task.record].phase is RecordPhase.WAITING_UNPAUSED
        return waits and any(r.phase in IN_FLIGHT for row in state.records for r in row)

    def _enabled(self, state: State) -> list[tuple[Task, ...]]:
        return self._asked(("enabled", state), lambda d: enabled(state, d))

    def _asked(self, question: Hashable, function: Callable[[Decide], T]) -> list[T]:
        """Every outcome, those first that need the admitted choices: they were probably made."""
        known = self.known.get(question)
        if known is None:
            found = outcomes(function, self.edition, self.admitted)
            known = [each.value for each in sorted(found, key=lambda one: -len(one.choices))]
            self.known[question] = known
        return known

    # --- the model goes on ------------------------------------------------------------

    def _moves(self, node: Node) -> Iterator[Node]:
        for source, queue in sorted(node.waiting, key=lambda pair: str(pair[0])):
            left = attrs.evolve(node, waiting=replaced(node.waiting, source, queue, queue[1:]))
            for way in queue[0]:
                yield from self._in_effect(left, way)
        state = node.state
        if _waits_in_vain(state):
            yield from self._in_effect(node, m.TimePassed())
        for tasks in self._enabled(state):
            for task in tasks:

                def performed(d: Decide, task: Task = task) -> State:
                    return perform(state, task, d)

                for after in self._asked(("perform", state, task), performed):
                    yield from self._produced(node, after)
        if self.merging:
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

            for after in self._asked(("inject", state, news), injected):
                yield from self._produced(left, after)

    def _met(self, node: Node, news: Input) -> Iterator[State]:
        """What the news may meet: before a kill a handler may have been through, unnoticed, and
        bytes that had come may not have been on disk.

        The model has each settle event again whose handler was cut off; once is enough.
        """
        state = node.state
        yield state
        if self.ordered or not isinstance(news, m.UserAgentQuit) or not news.kill:
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
                for left in self._asked_from:
                    if 0 < left < record.stored.lo and not record.settled:
                        yield state.put_record(fetch, index, _cut(record, left))

    def _through(self, agent: UserAgent, fetches: frozenset[int]) -> UserAgent:
        for fetch in sorted(fetches):
            over = functools.partial(bg.event_over, agent, fetch)
            agent = self._asked(("event over", agent, fetch), over)[0]
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
            or (closed and self.facts.home_of(str(source).removeprefix(CALL)) != closed)
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
        for at in self._wants.get("ServerRequest", ()):
            event = self.events[at]
            if at < node.at or not isinstance(event, Saw):
                continue
            if self._reader.fits(node.names, made, event.seen) is None:
                continue
            assert isinstance(event.seen, ServerRequest), "only a request fits a request"
            number = event.seen.exchange
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
                realm = self.facts.home_of(output.call)
                return f"realm {realm}" if self.ordered else f"{realm} call {output.call}"
            case m.ProgressFired():
                realm = state.instance(output.instance)[0].name
                return f"realm {realm}" if self.ordered else f"{realm} at {output.instance}"
            case m.EventDispatched():
                return f"realm {WORKER}" if self.ordered else f"{WORKER} event {output.event}"
            case m.RecordReady() | m.BytesReceived() | m.BodyEnded():
                realm = state.object(output.object).realm
                return f"realm {realm}" if self.ordered else f"{realm} reads {output.object}"
            case _:
                raise AssertionError(f"nobody sees {output}")

    def _has_place(self, node: Node, output: Output, observer: str) -> bool:
        """Whether the rest of the trace has a place for it, or may have lost it."""
        if optional(output, observer) or isinstance(
            output, m.Refused | m.InterfaceSeen | m.RequestStarted
        ):
            return True
        if any(at >= node.at for at in self._quits):
            return True
        kind = _KINDS.get(type(output)) or f"call {getattr(output, 'call', '')}"
        places = [at for at in self._wants.get(kind, ()) if at >= node.at]
        for at in places:
            event = self.events[at]
            assert isinstance(event, Saw), "only what was seen is wanted"
            if self._reader.fits(node.names, output, event.seen) is not None:
                return True
        # A trace that does not end with silence may end before everything was seen.
        return not places and not any(at >= node.at for at in self._wants.get("silence", ()))


_KINDS: dict[type, str] = {
    m.EventDispatched: "WorkerEvent",
    m.ProgressFired: "Progress",
    m.RecordReady: "Ready",
    m.BodyEnded: "Body",
}


def optional(output: Shown, observer: Hashable) -> bool:
    """Whether an output need not be seen: progress may be coalesced, but for the last of it.

    A worker that was stopped is not told of the last one either.
    """
    if isinstance(output, m.ProgressFired):
        return not output.snapshot.result or str(observer).startswith(f"{WORKER} at ")
    return isinstance(output, m.BytesReceived)


def _waits_in_vain(state: State) -> bool:
    """Whether a record waits for what is there: a user agent that thought it away tries again."""
    agent = state.agent
    return (
        agent.online
        and agent.running
        and any(r.phase is RecordPhase.WAITING_AVAILABLE for row in state.records for r in row)
    )


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
