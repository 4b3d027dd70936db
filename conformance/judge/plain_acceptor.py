"""The plainest acceptor: whole states, every order of tasks, for any specification.

Theory.  It holds the set of all *explanations*: a state of the system, inputs that
were given and have not reached it, and outputs that it has produced and that nobody
has seen.  An input joins a queue of its *source*, an output a queue of its *observer*;
queues keep their order and nothing orders one queue against another.  After every
entry the set is closed under all that may happen unseen: a waiting input is injected,
an enabled task is performed, each with every outcome of its choices.  An observation
must fit what heads some observer's queue.  At a quiet point nothing may wait, be
enabled or be due.

Nothing is factored, bounded or merged, so it is exact and explodes: right for small
specifications, and for checking ``Acceptor`` against on small worlds.  All that it
knows about a specification comes in through two doors, its ``System`` and a
``Reading``, which says whose inputs and outputs are whose.

>>> from spec_model.background_fetch import FetchCall, UserAgent
>>> from spec_model.messages import CallFetch, PromiseSettled
>>> from spec_model.state import Realm, State
>>> from spec_model.system import BACKGROUND_FETCH
>>> start = State(UserAgent("https://app.example"), (Realm("page"), Realm("worker")))
>>> acceptor = PlainAcceptor(BACKGROUND_FETCH, Reading(), start)
>>> acceptor.given(CallFetch("c1", "page", FetchCall("a", ())))  # without any requests
>>> seen = [output for each in acceptor.explanations for output in each.owed()]
>>> [(output.call, output.value.error) for output in seen]
[('c1', 'TypeError')]
>>> acceptor.saw(seen[0])
True
>>> acceptor.quiet()
True
>>> acceptor.saw(PromiseSettled("c1", None))  # a promise settles once
False
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, TypeVar

import attrs

from spec_model.decide import Decide, outcomes
from spec_model.editions import AMENDED, Edition
from spec_model.kernel import System

StateT = TypeVar("StateT", bound=Hashable)
InputT = TypeVar("InputT", bound=Hashable)
TaskT = TypeVar("TaskT")
OutputT = TypeVar("OutputT", bound=Hashable)
SeenT = TypeVar("SeenT")
ItemT = TypeVar("ItemT", bound=Hashable)

Names = tuple[tuple[str, str], ...]
"""Names that the system gave, each with the name that the implementation gave to the same."""

Queues = frozenset[tuple[Hashable, tuple[ItemT, ...]]]
"""A queue for each source or observer that has something waiting."""


class TooManyStates(Exception):
    """The set of explanations outgrew its bound: this trace is too large for a plain acceptor."""


def _one(_: object) -> Hashable:
    return ""


def _no(*_: object) -> bool:
    return False


def _same(names: Names, output: object, seen: object) -> Names | None:
    return names if output == seen else None


def _as_it_is(_: Names, news: InputT) -> InputT:
    return news


@attrs.frozen
class Reading(Generic[InputT, OutputT, SeenT]):
    """How one specification's inputs and outputs are read.

    ``source``: inputs of one source take effect in the order in which they were given.
    ``observer``: outputs for one observer are seen in the order in which they were
    produced; None: nobody can see it.  ``optional``: whether an output may never be seen.
    ``loses``: whether an input, when it takes effect, takes an unseen output away.
    ``fits``: the names once an output was seen as that, None if it is something else.
    ``renamed``: an input in the system's names, None if it names what it does not know.
    """

    source: Callable[[InputT], Hashable] = _one
    observer: Callable[[OutputT], Hashable | None] = _one
    optional: Callable[[OutputT], bool] = _no
    loses: Callable[[InputT, OutputT], bool] = _no
    fits: Callable[[Names, OutputT, SeenT], Names | None] = _same
    renamed: Callable[[Names, InputT], InputT | None] = _as_it_is


@attrs.frozen(cache_hash=True)
class Explanation(Generic[StateT, InputT, OutputT]):
    """One way in which the trace so far can have come about, and the choices that it takes."""

    state: StateT
    waiting: Queues[InputT] = frozenset()
    due: Queues[OutputT] = frozenset()
    names: Names = ()
    choices: frozenset[str] = frozenset()

    def owed(self) -> tuple[OutputT, ...]:
        """Everything that has been produced and not been seen."""
        return tuple(output for _, queue in self.due for output in queue)


@attrs.define
class PlainAcceptor(Generic[StateT, InputT, TaskT, OutputT, SeenT]):
    """Feed it inputs, observations and quiet points in the order of one log.

    ``admitted``: the choices allowed ("key=option"; None: all).  ``limit``: explanations
    held at once.  No ``explanations``: what was fed last cannot be explained.
    """

    system: System[StateT, InputT, TaskT, OutputT]
    reading: Reading[InputT, OutputT, SeenT]
    start: StateT
    edition: Edition = AMENDED
    admitted: frozenset[str] | None = None
    limit: int = 50_000
    explanations: list[Explanation[StateT, InputT, OutputT]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.explanations = self._closed([Explanation(self.start)])

    def given(self, news: InputT) -> None:
        """An input was given: it takes effect now or later.  Raises TooManyStates."""
        source = self.reading.source(news)
        self.explanations = self._closed(
            attrs.evolve(each, waiting=joined(each.waiting, source, (news,)))
            for each in self.explanations
        )

    def saw(self, seen: SeenT) -> bool:
        """Something was observed; False if no explanation is left.  Raises TooManyStates."""
        found = (after for each in self.explanations for after in self._seen(each, seen))
        self.explanations = self._closed(found)
        return bool(self.explanations)

    def quiet(self) -> bool:
        """Nothing more came; False if no explanation is left."""
        self.explanations = _fewest(
            rested for each in self.explanations for rested in self._rested(each)
        )
        return bool(self.explanations)

    def choices(self) -> frozenset[str]:
        """The fewest choices that explain the trace."""
        sets = (each.choices for each in self.explanations)
        return min(sets, key=lambda c: (len(c), sorted(c)), default=frozenset())

    # --- one explanation --------------------------------------------------------------

    def _seen(
        self, each: Explanation[StateT, InputT, OutputT], seen: SeenT
    ) -> Iterator[Explanation[StateT, InputT, OutputT]]:
        for observer, queue in each.due:
            for at, output in enumerate(queue):
                names = self.reading.fits(each.names, output, seen)
                if names is not None:
                    due = replaced(each.due, observer, queue, queue[at + 1 :])
                    yield attrs.evolve(each, due=due, names=names)
                if not self.reading.optional(output):
                    break

    def _rested(
        self, each: Explanation[StateT, InputT, OutputT]
    ) -> Iterator[Explanation[StateT, InputT, OutputT]]:
        """The same at rest, with the choices that it takes to have nothing to do."""
        if each.waiting or not all(map(self.reading.optional, each.owed())):
            return
        state = each.state
        for tasks, choices in self._ask(lambda d: self.system.enabled(state, d)):
            if not tasks:
                yield attrs.evolve(each, choices=each.choices | choices)

    def _moves(
        self, each: Explanation[StateT, InputT, OutputT]
    ) -> Iterator[Explanation[StateT, InputT, OutputT]]:
        """Everything that may happen next without being seen."""
        for source, queue in each.waiting:
            left = attrs.evolve(each, waiting=replaced(each.waiting, source, queue, queue[1:]))
            news = self.reading.renamed(each.names, queue[0])
            if news is not None:
                yield from self._injected(left, news)
        state = each.state
        for tasks, choices in self._ask(lambda d: self.system.enabled(state, d)):
            for task in tasks:
                perform = functools.partial(self.system.perform, state, task)
                for after, more in self._ask(perform):
                    yield self._produced(each, after, choices | more)

    def _injected(
        self, each: Explanation[StateT, InputT, OutputT], news: InputT
    ) -> Iterator[Explanation[StateT, InputT, OutputT]]:
        kept = [
            (observer, tuple(o for o in queue if not self.reading.loses(news, o)))
            for observer, queue in each.due
        ]
        each = attrs.evolve(each, due=frozenset(pair for pair in kept if pair[1]))
        state = each.state
        for after, choices in self._ask(lambda d: self.system.inject(state, news, d)):
            yield self._produced(each, after, choices)

    def _produced(
        self, each: Explanation[StateT, InputT, OutputT], after: StateT, choices: frozenset[str]
    ) -> Explanation[StateT, InputT, OutputT]:
        outputs, after = self.system.taken(after)
        due = each.due
        for output in outputs:
            observer = self.reading.observer(output)
            if observer is not None:
                due = joined(due, observer, (output,))
        return attrs.evolve(each, state=after, due=due, choices=each.choices | choices)

    # --- all of them ------------------------------------------------------------------

    def _ask(self, function: Callable[[Decide], ItemT]) -> Iterator[tuple[ItemT, frozenset[str]]]:
        for outcome in outcomes(function, self.edition, self.admitted):
            yield outcome.value, outcome.choices

    def _closed(
        self, todo: Iterable[Explanation[StateT, InputT, OutputT]]
    ) -> list[Explanation[StateT, InputT, OutputT]]:
        stack = list(todo)
        seen = set(stack)
        while stack:
            for after in self._moves(stack.pop()):
                if after not in seen:
                    seen.add(after)
                    stack.append(after)
            if len(seen) > self.limit:
                raise TooManyStates(f"more than {self.limit} explanations")
        return _fewest(seen)


def joined(queues: Queues[ItemT], name: Hashable, items: tuple[ItemT, ...]) -> Queues[ItemT]:
    """One queue grown at its end by some items."""
    before = next((queue for other, queue in queues if other == name), ())
    return replaced(queues, name, before, (*before, *items))


def replaced(
    queues: Queues[ItemT], name: Hashable, before: tuple[ItemT, ...], after: tuple[ItemT, ...]
) -> Queues[ItemT]:
    """One queue that is now another; an empty one is none."""
    left = queues - {(name, before)}
    return left | {(name, after)} if after else left


def _fewest(
    explanations: Iterable[Explanation[StateT, InputT, OutputT]],
) -> list[Explanation[StateT, InputT, OutputT]]:
    """Without those that another explains just as well with fewer choices."""
    kept: dict[
        Explanation[StateT, InputT, OutputT], list[Explanation[StateT, InputT, OutputT]]
    ] = {}
    for each in sorted(explanations, key=lambda e: len(e.choices)):
        others = kept.setdefault(attrs.evolve(each, choices=frozenset()), [])
        if not any(other.choices <= each.choices for other in others):
            others.append(each)
    return [each for others in kept.values() for each in others]
