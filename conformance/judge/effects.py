"""What happens between observations: records move, fetches settle, inputs take effect.

Every move here is one the model makes by a function of ``spec_model``; this
file only says *when* it may be made and for which members of the records' sets.
Nothing here looks at what will be observed next.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import attrs

from conformance import protocol as p
from conformance.judge.hypothesis import Due, Hypothesis, Joins, Locals, minimal
from conformance.judge.inputs import ENQUEUED, READING, Inputs
from conformance.judge.locals import RUNNING, RecordMoves, at_work
from conformance.judge.terms import Terms
from spec_model import background_fetch as bf
from spec_model.background_fetch import BackgroundFetch
from spec_model.decide import Decide
from spec_model.phases import RegistrationPhase
from spec_model.record_state import RecordState, View
from spec_model.state import IN_FLIGHT
from spec_model.values import RECORD_ENDS, RequestSpec


class TooManyExplanations(Exception):
    """The set of explanations outgrew its bound: the trace cannot be judged."""


@attrs.frozen
class _Reach:
    """Where the members of a record's set can get by themselves.

    ``branches``: what is an explanation of its own.
    """

    after: Locals
    branches: tuple[_Branch, ...]


@attrs.frozen
class _Branch:
    """One state of the record, or (None) the set as it was, with those choices made.

    ``alone``: no other record of the fetch was under way when this began.
    """

    record: RecordState | None
    choices: frozenset[str]
    alone: bool = False


@attrs.define
class Effects:
    """The moves that need no observation.

    ``limit``: how many explanations may be held at once.  ``factored`` False keeps
    every combination of records' states apart, which is exact and explodes: it is
    there to check the factored form against.
    """

    terms: Terms
    limit: int = 20_000
    factored: bool = True
    joins: Joins | None = attrs.field(init=False)
    moves: RecordMoves = attrs.field(init=False)
    inputs: Inputs = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.joins = Joins() if self.factored else None
        self.moves = RecordMoves(self.terms)
        self.inputs = Inputs(self.terms)

    # --- closure ----------------------------------------------------------------------

    def close(self, hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
        """All explanations within reach without an observation.  Raises TooManyExplanations."""
        seen: set[Hypothesis] = set()
        todo = list(hypotheses)
        found: list[Hypothesis] = []
        while todo:
            hypothesis = todo.pop()
            if not self.factored:
                hypothesis, *others = _combinations(hypothesis)
                todo.extend(others)
            hypothesis, branches = self._grow(hypothesis)
            if hypothesis in seen:
                continue
            seen.add(hypothesis)
            if len(seen) > self.limit:
                raise TooManyExplanations
            found.append(hypothesis)
            todo.extend(branches)
            todo.extend(self._global_moves(hypothesis))
        return minimal(found, self.joins)

    def written(self, hypotheses: list[Hypothesis], exchange: int) -> list[Hypothesis]:
        """The same after the server wrote: only who reads that answer is moved by it."""
        moved = [h for h in hypotheses if self._concerned(h, exchange)]
        if not moved:
            return hypotheses
        still = [h for h in hypotheses if not self._concerned(h, exchange)]
        return minimal([*still, *self.close(moved)], self.joins)

    def _concerned(self, hypothesis: Hypothesis, exchange: int) -> bool:
        return any(
            record.exchange == exchange
            for row in hypothesis.records
            for locals_ in row
            for record in locals_
        )

    def _grow(self, hypothesis: Hypothesis) -> tuple[Hypothesis, list[Hypothesis]]:
        """Let every record move by itself; what touches more than the record is a branch."""
        branches: list[Hypothesis] = []
        if not hypothesis.agent.running:
            return hypothesis, branches
        grown = hypothesis
        limited = hypothesis.agent.quota is not None or any(
            fetch.download_total for fetch in hypothesis.agent.fetches
        )
        meet = limited or self._told is not None
        for fetch in hypothesis.agent.fetches:
            if not at_work(fetch):
                continue
            # Without limits every record of a fetch sees the same of the rest.
            view = None if limited else self.terms.boxes.view(hypothesis, fetch.index, 0)
            for index, spec in enumerate(fetch.requests):
                grown = self._grow_one(grown, fetch, index, spec, view, branches)
        if meet and grown is not hypothesis:
            # What one record may hold by now changes the room that another one has, and where
            # one may have ended another one may begin.
            grown, more = self._grow(grown)
            branches += more
        return grown, branches

    def _grow_one(
        self,
        hypothesis: Hypothesis,
        fetch: BackgroundFetch,
        index: int,
        spec: RequestSpec,
        view: View | None,
        branches: list[Hypothesis],
    ) -> Hypothesis:
        before = hypothesis.records[fetch.index][index]
        view = view or self.terms.boxes.view(hypothesis, fetch.index, index)
        told = self._told
        full = told is not None and hypothesis.surely_in_flight(fetch.index, but=index) >= told
        if full:
            # Then it is not under way itself.
            before = frozenset(r for r in before if r.phase not in IN_FLIGHT) or before
        alone = told == 1 and hypothesis.perhaps_in_flight(fetch.index, but=index)
        reach = self._reach(before, spec, view, hypothesis.choices, full, alone)
        for each in reach.branches:
            branch = hypothesis.needing(each.choices)
            if each.record is None:
                branches.append(branch)
                continue
            if each.alone:
                branch = branch.with_nothing_in_flight(fetch.index)
            branch = branch.with_locals(fetch.index, index, frozenset({each.record}))
            overflows = _overflows(each.record, view)
            branches += self._overflow(branch, fetch) if overflows else (branch,)
        return hypothesis.with_locals(fetch.index, index, reach.after)

    @property
    def _told(self) -> int | None:
        """How many requests of a fetch may be under way at once, if the judge has said that."""
        begin = self.terms.facts.begin
        return None if begin is None else begin.concurrency

    def _reach(
        self,
        before: Locals,
        spec: RequestSpec,
        view: View,
        made: frozenset[str],
        full: bool,
        alone: bool,
    ) -> _Reach:
        """Most sets are the same as at the last entry, or as in some other trace."""
        exchanges, home = self.terms.facts.exchanges, self.terms.facts.home
        answers = tuple((r.exchange, exchanges[r.exchange].answer) for r in before if r.exchange)
        question = ("reach", before, spec, view, made, full, alone, answers, home, self.factored)
        return self.terms.recall(
            question, lambda: self._reached(before, spec, view, made, full, alone)
        )

    def _reached(
        self,
        before: Locals,
        spec: RequestSpec,
        view: View,
        made: frozenset[str],
        full: bool,
        alone: bool,
    ) -> _Reach:
        known = set(before)
        branches: dict[_Branch, None] = {}
        todo = list(before)
        while todo:
            record = todo.pop()
            for successor, choices in self.moves.moves(record, spec, view):
                begins = (full or alone) and _begins(record, successor)
                if full and begins:
                    continue
                if self.factored and not choices <= made:
                    # With the choice made, every record may go where it leads: one branch
                    # for a choice, not one for each record that could make it.
                    branches[_Branch(None, choices)] = None
                elif self.factored and not begins and not _overflows(successor, view):
                    if successor not in known:
                        known.add(successor)
                        todo.append(successor)
                else:
                    branches[_Branch(successor, choices, begins)] = None
        after = before if len(known) == len(before) else frozenset(known)
        return _Reach(after, tuple(branches))

    def _overflow(self, hypothesis: Hypothesis, fetch: BackgroundFetch) -> Iterator[Hypothesis]:
        for agent, choices in self.terms.ask(bf.exceed_total, hypothesis.agent, fetch.index):
            yield attrs.evolve(hypothesis, agent=agent).needing(choices)

    # --- moves of the globals ---------------------------------------------------------

    def _global_moves(self, hypothesis: Hypothesis) -> Iterator[Hypothesis]:
        fetch_ahead = False
        for ref in hypothesis.pending:
            if ref.startswith(ENQUEUED):
                if hypothesis.agent.running:
                    yield from self.inputs.abort_by_user(hypothesis.without_pending(ref), ref)
                continue
            if ref.startswith(READING):
                if not self.terms.facts.reads(ref[1:]):
                    read = hypothesis.without_pending(ref)
                    yield from self.inputs.bodies_read(read, ref[1:])
                continue
            command = self.terms.facts.command(ref)
            if self.inputs.enqueues(command):
                if fetch_ahead:
                    continue
                # It enters the queue before it returns (FETCH-8), abort() later (ABORT-0).
                fetch_ahead = isinstance(command, p.Fetch)
            for after in self.inputs.effect(hypothesis.without_pending(ref), ref, command):
                yield from self._dispatched(after)
        if not hypothesis.agent.running:
            return
        for fetch in hypothesis.agent.fetches:
            # What the user has asked for stands before it in the edit queue.
            if fetch.phase in RUNNING and f"{ENQUEUED}{fetch.index}" not in hypothesis.pending:
                for settled in self._settle(hypothesis, fetch):
                    yield from self._dispatched(settled)

    def _settle(self, hypothesis: Hypothesis, fetch: BackgroundFetch) -> Iterator[Hypothesis]:
        if fetch.phase is RegistrationPhase.DECIDING:
            # E05: as written nothing waits for the records that an overflow stops.
            yield from self._settle_as(hypothesis, fetch, ("download-total-exceeded",))
            return
        settled = hypothesis.with_all_settled(fetch.index)
        if settled is None:
            return
        if not fetch.in_map:
            yield from self._settle_as(settled, fetch, ("success",))
            return
        ahead: Hypothesis | None = settled
        for index in range(len(fetch.requests)):
            if ahead is None:
                return
            for result in RECORD_ENDS[1:]:
                first = ahead.with_settled(fetch.index, index, result)
                if first is None:
                    continue
                yield from self._settle_as(first, fetch, (result,))
                yield from self._settle_as_another(first, fetch, index, result)
            ahead = ahead.with_settled(fetch.index, index, "success")
        if ahead is not None and self._fits(ahead, fetch):
            yield from self._settle_as(ahead, fetch, ("success",))

    def _settle_as_another(
        self, hypothesis: Hypothesis, fetch: BackgroundFetch, first: int, result: str
    ) -> Iterator[Hypothesis]:
        """A later record's failure may name the reason instead."""
        for index in range(first + 1, len(fetch.requests)):
            for other in RECORD_ENDS[1:]:
                if other == result:
                    continue
                both = hypothesis.with_settled(fetch.index, index, other)
                if both is not None:
                    yield from self._settle_as(both, fetch, (result, other))

    def _fits(self, hypothesis: Hypothesis, fetch: BackgroundFetch) -> bool:
        """Whether all that succeeded is within downloadTotal and the quota."""
        total = sum(
            min(self.terms.boxes.extent(record).lo for record in locals_)
            for locals_ in hypothesis.records[fetch.index]
        )
        if fetch.download_total and total > fetch.download_total:
            return False
        quota = hypothesis.agent.quota
        return quota is None or self.terms.boxes.used(hypothesis).lo <= quota

    def _settle_as(
        self, hypothesis: Hypothesis, fetch: BackgroundFetch, results: tuple[str, ...]
    ) -> Iterator[Hypothesis]:
        if fetch.abort == "total" and "success" not in results:
            # The record that exceeded the total may be any: its result counts before all others.
            results = (*results, "download-total-exceeded")

        for agent, choices in self.terms.ask(_settled, hypothesis.agent, fetch.index, results):
            yield attrs.evolve(hypothesis, agent=agent).needing(choices)

    def _dispatched(self, hypothesis: Hypothesis) -> Iterator[Hypothesis]:
        """Settle events are on their way at once: see the theory in ``hypothesis``."""
        agent = hypothesis.agent
        queued = (f for f in agent.fetches if f.phase is RegistrationPhase.EVENT_QUEUED)
        fetch = next(queued, None) if agent.running else None
        if fetch is None:
            yield hypothesis
            return
        for (after, name), choices in self.terms.ask(bf.dispatch, agent, fetch.index):
            done = attrs.evolve(hypothesis, agent=after).needing(choices)
            if after == agent:  # as written nothing may come of it (E08)
                yield done
                continue
            if name is not None:
                done = done.owe(Due("event", name, fetch=fetch.index, step="PERFORM-8.13"))
            yield from self._dispatched(done)


def _settled(agent: bf.UserAgent, index: int, results: tuple[str, ...], d: Decide) -> bf.UserAgent:
    return bf.settle(agent, index, bf.failure_reason(results, d), d)


def _overflows(record: RecordState, view: View) -> bool:
    """Whether a record is the first to exceed the total, which stops all others."""
    return record.result == "download-total-exceeded" and not view.abort


def _begins(record: RecordState, successor: RecordState) -> bool:
    """Whether this takes one of the requests that may be under way at once."""
    under_way = record.phase not in IN_FLIGHT and successor.phase in IN_FLIGHT
    return under_way or successor.attempts > record.attempts


def _combinations(hypothesis: Hypothesis) -> list[Hypothesis]:
    """The same explanation with every record in exactly one state, for all combinations."""
    rows = [
        list(itertools.product(*([frozenset({r}) for r in locals_] for locals_ in row)))
        for row in hypothesis.records
    ]
    return [attrs.evolve(hypothesis, records=records) for records in itertools.product(*rows)]
