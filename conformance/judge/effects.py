"""What happens between observations: inputs take effect, fetches settle, events are dispatched.

Every move here is one the model makes by a function of ``spec_model``; this
file only says *when* it may be made and for which members of the records' sets.
Nothing here looks at what will be observed next.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import attrs

from conformance import protocol as p
from conformance.judge.facts import Facts
from conformance.judge.hypothesis import Due, Hypothesis, Locals, minimal
from conformance.judge.locals import RecordMoves, extent, used, view_of
from spec_model import background_fetch as bf
from spec_model import complete_record as record_steps
from spec_model.background_fetch import BackgroundFetch, FetchCall, Rejected
from spec_model.decide import Decide, outcomes
from spec_model.editions import Edition
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.values import RECORD_ENDS, Extent, RequestSpec

T = TypeVar("T")
_RUNNING = (RegistrationPhase.RUNNING, RegistrationPhase.DRAINING, RegistrationPhase.DECIDING)
_EDIT_QUEUE = (p.Fetch, p.Abort)


class TooManyExplanations(Exception):
    """The set of explanations outgrew its bound: the trace cannot be judged."""


def spec_of(request: p.RequestInit) -> RequestSpec:
    """A request argument as the model has it."""
    return RequestSpec(
        url=request.url,
        method=request.method,
        body=None if request.body is None else len(request.body),
        mode=request.mode,
        own_range=request.headers.get("Range", request.headers.get("range", "")),
    )


@attrs.define
class Effects:
    """The moves that need no observation.

    ``limit``: how many explanations may be held at once.  ``factored`` False keeps
    every combination of records' states apart, which is exact and explodes: it is
    there to check the factored form against.
    """

    facts: Facts
    edition: Edition
    admitted: frozenset[str] | None
    limit: int = 20_000
    factored: bool = True
    moves: RecordMoves = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.moves = RecordMoves(self.facts, self.edition, self.admitted)

    def ask(self, function: Callable[[Decide], T]) -> Iterator[tuple[T, frozenset[str]]]:
        """Every outcome of a model function, with the choices it needs."""
        for outcome in outcomes(function, self.edition, self.admitted):
            yield outcome.value, outcome.choices

    # --- closure ----------------------------------------------------------------------

    def close(self, hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
        """All explanations within reach without an observation.  Raises TooManyExplanations."""
        seen: set[tuple[object, frozenset[str]]] = set()
        todo = list(hypotheses)
        found: list[Hypothesis] = []
        while todo:
            hypothesis = todo.pop()
            if not self.factored:
                hypothesis, *others = _combinations(hypothesis)
                todo.extend(others)
            hypothesis, branches = self._grow(hypothesis)
            key = (hypothesis.state_key(), hypothesis.choices)
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > self.limit:
                raise TooManyExplanations
            found.append(hypothesis)
            todo.extend(branches)
            todo.extend(self._global_moves(hypothesis))
        return minimal(found)

    def _grow(self, hypothesis: Hypothesis) -> tuple[Hypothesis, list[Hypothesis]]:
        """Let every record move by itself; what touches more than the record is a branch."""
        branches: list[Hypothesis] = []
        if not hypothesis.agent.running:
            return hypothesis, branches
        for fetch in hypothesis.agent.fetches:
            if fetch.phase not in _RUNNING:
                continue
            for index, spec in enumerate(fetch.requests):
                hypothesis = self._grow_one(hypothesis, fetch, index, spec, branches)
        return hypothesis, branches

    def _grow_one(
        self,
        hypothesis: Hypothesis,
        fetch: BackgroundFetch,
        index: int,
        spec: RequestSpec,
        branches: list[Hypothesis],
    ) -> Hypothesis:
        before = hypothesis.records[fetch.index][index]
        view = view_of(hypothesis, fetch.index, index, self.facts)
        known = set(before)
        todo = list(before)
        while todo:
            record = todo.pop()
            for successor, choices in self.moves.moves(record, spec, view):
                overflow = successor.result == "download-total-exceeded" and not fetch.abort
                alone = hypothesis.with_locals(fetch.index, index, frozenset({successor}))
                if choices - hypothesis.choices or overflow:
                    alone = self._overflow(alone, fetch) if overflow else alone
                    branches.append(alone.needing(choices))
                elif not self.factored:
                    branches.append(alone)
                elif successor not in known:
                    known.add(successor)
                    todo.append(successor)
        if len(known) == len(before):
            return hypothesis
        return hypothesis.with_locals(fetch.index, index, frozenset(known))

    def _overflow(self, hypothesis: Hypothesis, fetch: BackgroundFetch) -> Hypothesis:
        for agent, _ in self.ask(lambda d: bf.exceed_total(hypothesis.agent, fetch.index, d)):
            return attrs.evolve(hypothesis, agent=agent)
        raise AssertionError("unreachable: outcomes are never empty")

    # --- moves of the globals ---------------------------------------------------------

    def _global_moves(self, hypothesis: Hypothesis) -> Iterator[Hypothesis]:
        blocked: set[str] = set()
        for ref in hypothesis.pending:
            command = self._command(ref)
            realm = self._realm(command)
            if isinstance(command, _EDIT_QUEUE):
                # One realm's calls enter the edit queue in the order in which they were made.
                if realm in blocked:
                    continue
                blocked.add(realm)
            yield from self.effect(hypothesis.without_pending(ref), ref, command)
        if not hypothesis.agent.running:
            return
        for fetch in hypothesis.agent.fetches:
            if fetch.phase in _RUNNING:
                yield from self._settle(hypothesis, fetch)
            elif fetch.phase is RegistrationPhase.EVENT_QUEUED:
                yield from self._dispatch(hypothesis, fetch)
            elif fetch.phase is RegistrationPhase.EVENT_ACTIVE:
                yield from self._end_event(hypothesis, fetch)

    def _command(self, ref: str) -> p.AnyCommand:
        if ref.startswith("#"):
            return self.facts.commands[int(ref[1:])]
        return self.facts.calls[ref]

    def _realm(self, command: p.AnyCommand) -> str:
        if isinstance(command, p.Abort):
            return self.facts.realm_of.get(command.instance, "")
        return str(getattr(command, "realm", ""))

    def narrowed(
        self, hypothesis: Hypothesis, fetch: int, index: int, result: str | None
    ) -> Hypothesis | None:
        """Only settled members of one record's set (with one result), or None if there is none."""
        kept = frozenset(
            record
            for record in hypothesis.records[fetch][index]
            if record.settled and result in (None, record.result)
        )
        return hypothesis.with_locals(fetch, index, kept) if kept else None

    def _all_settled(self, hypothesis: Hypothesis, fetch: int) -> Hypothesis | None:
        narrowed: Hypothesis | None = hypothesis
        for index in range(len(hypothesis.records[fetch])):
            narrowed = narrowed and self.narrowed(narrowed, fetch, index, None)
        return narrowed

    def _settle(self, hypothesis: Hypothesis, fetch: BackgroundFetch) -> Iterator[Hypothesis]:
        settled = self._all_settled(hypothesis, fetch.index)
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
                first = self.narrowed(ahead, fetch.index, index, result)
                if first is None:
                    continue
                yield from self._settle_as(first, fetch, (result,))
                yield from self._settle_as_another(first, fetch, index, result)
            ahead = self.narrowed(ahead, fetch.index, index, "success")
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
                both = self.narrowed(hypothesis, fetch.index, index, other)
                if both is not None:
                    yield from self._settle_as(both, fetch, (result, other))

    def _fits(self, hypothesis: Hypothesis, fetch: BackgroundFetch) -> bool:
        """Whether all that succeeded is within downloadTotal and the quota."""
        total = sum(
            min(extent(record, self.facts).lo for record in locals_)
            for locals_ in hypothesis.records[fetch.index]
        )
        if fetch.download_total and total > fetch.download_total:
            return False
        quota = hypothesis.agent.quota
        return quota is None or used(hypothesis, self.facts).lo <= quota

    def _settle_as(
        self, hypothesis: Hypothesis, fetch: BackgroundFetch, results: tuple[str, ...]
    ) -> Iterator[Hypothesis]:
        def steps(d: Decide) -> bf.UserAgent:
            reason = bf.failure_reason(results, d)
            return bf.settle(hypothesis.agent, fetch.index, reason, d)

        for agent, choices in self.ask(steps):
            yield attrs.evolve(hypothesis, agent=agent).needing(choices)

    def _dispatch(self, hypothesis: Hypothesis, fetch: BackgroundFetch) -> Iterator[Hypothesis]:
        for (agent, name), choices in self.ask(
            lambda d: bf.dispatch(hypothesis.agent, fetch.index, d)
        ):
            after = attrs.evolve(hypothesis, agent=agent).needing(choices)
            if name is not None:
                after = after.owe(Due("event", name, fetch=fetch.index, step="PERFORM-8.13"))
            if after != hypothesis:
                yield after

    def _end_event(self, hypothesis: Hypothesis, fetch: BackgroundFetch) -> Iterator[Hypothesis]:
        for event in hypothesis.events:
            if event.fetch == fetch.index and event.ending and event.name != CLICK:
                for agent, choices in self.ask(
                    lambda d: bf.event_over(hypothesis.agent, fetch.index, d)
                ):
                    done = attrs.evolve(event, active=False)
                    yield attrs.evolve(hypothesis, agent=agent).needing(choices).with_event(done)

    # --- inputs that take effect ------------------------------------------------------

    def effect(
        self, hypothesis: Hypothesis, ref: str, command: p.AnyCommand
    ) -> Iterator[Hypothesis]:
        """The input is carried out; what it produces becomes due."""
        if isinstance(command, p.Quit):
            yield from self._quit(hypothesis, ref, command)
        elif not hypothesis.agent.running and not isinstance(command, p.Launch):
            return
        elif isinstance(command, p.Fetch):
            yield from self._fetch(hypothesis, ref, command)
        elif isinstance(command, p.Get | p.GetIds | p.Abort):
            yield from self._registry(hypothesis, ref, command)
        elif isinstance(command, p.Match | p.MatchAll):
            yield from self._match(hypothesis, ref, command)
        elif isinstance(command, p.UpdateUI | p.Synthesize):
            yield from self._worker_call(hypothesis, ref, command)
        elif isinstance(command, p.User):
            yield from self._user(hypothesis, ref, command)
        else:
            yield self._plain(hypothesis, command).owe(Due("ack", ref[1:]))

    def _plain(self, hypothesis: Hypothesis, command: p.AnyCommand) -> Hypothesis:
        agent = hypothesis.agent
        if isinstance(command, p.Online):
            agent = attrs.evolve(agent, online=command.online)
        elif isinstance(command, p.SetPermission):
            agent = attrs.evolve(agent, permission=command.state)
        elif isinstance(command, p.Launch):
            agent = attrs.evolve(agent, running=True)
        return attrs.evolve(hypothesis, agent=agent)

    def _fetch(self, hypothesis: Hypothesis, ref: str, command: p.Fetch) -> Iterator[Hypothesis]:
        call = FetchCall(
            command.id,
            tuple(spec_of(request) for request in command.requests),
            command.title or "",
            command.download_total,
        )
        charged = used(hypothesis, self.facts)

        def steps(amount: int, d: Decide) -> Rejected | tuple[bf.UserAgent, BackgroundFetch]:
            refused = bf.check_arguments(call, d)
            return refused or bf.admit(hypothesis.agent, call, amount, d)

        for amount in sorted({charged.lo, charged.hi}):
            for result, choices in self.ask(functools.partial(steps, amount)):
                if isinstance(result, Rejected):
                    due = Due("settled", ref, error=result.error, step=result.step)
                    yield hypothesis.owe(due).needing(choices)
                    continue
                agent, fetch = result
                fresh: tuple[Locals, ...] = tuple(
                    frozenset({record_steps.RecordState()}) for _ in fetch.requests
                )
                due = Due("settled", ref, "instance", fetch.index, step="FETCH-8.14.1")
                yield (
                    attrs.evolve(
                        hypothesis, agent=agent, records=(*hypothesis.records, fresh)
                    )
                    .owe(due)
                    .needing(choices)
                )

    def _registry(
        self, hypothesis: Hypothesis, ref: str, command: p.Get | p.GetIds | p.Abort
    ) -> Iterator[Hypothesis]:
        if isinstance(command, p.Get):
            for fetch, choices in self.ask(lambda d: bf.get(hypothesis.agent, command.id, d)):
                due = (
                    Due("settled", ref, step="GET-3")
                    if fetch is None
                    else Due("settled", ref, "instance", fetch.index, step="GET-4.1.2")
                )
                yield hypothesis.owe(due).needing(choices)
        elif isinstance(command, p.GetIds):
            for ids, choices in self.ask(lambda d: bf.get_ids(hypothesis.agent, d)):
                due = Due("settled", ref, "strings", strings=ids, step="GETIDS-2")
                yield hypothesis.owe(due).needing(choices)
        else:
            instance = hypothesis.instance(command.instance)
            if instance is None:
                return
            index = instance.fetch
            for (agent, done), choices in self.ask(
                lambda d: bf.abort(hypothesis.agent, index, "script", d)
            ):
                step = "ABORT-3.5" if done else "ABORT-3.3"
                due = Due("settled", ref, "boolean", index, flag=done, step=step)
                yield attrs.evolve(hypothesis, agent=agent).owe(due).needing(choices)

    def _match(
        self, hypothesis: Hypothesis, ref: str, command: p.Match | p.MatchAll
    ) -> Iterator[Hypothesis]:
        instance = hypothesis.instance(command.instance)
        if instance is None:
            return
        fetch = hypothesis.agent.fetches[instance.fetch]
        if not fetch.records_available:
            yield hypothesis.owe(
                Due("settled", ref, error="InvalidStateError", step="MATCHALL-1")
            )
        if not instance.available:
            return
        for indexes, choices in self.ask(
            lambda d: bf.matching(
                fetch,
                command.url,
                command.method,
                command.options.ignore_search,
                command.options.ignore_method,
                d,
            )
        ):
            single = isinstance(command, p.Match)
            due = Due(
                "settled",
                ref,
                "undefined" if single and not indexes else "records",
                fetch.index,
                flag=single,
                indexes=indexes[:1] if single else indexes,
                step="MATCHALL-3.3",
            )
            yield hypothesis.owe(due).needing(choices)

    def _worker_call(
        self, hypothesis: Hypothesis, ref: str, command: p.UpdateUI | p.Synthesize
    ) -> Iterator[Hypothesis]:
        if isinstance(command, p.Synthesize):
            if command.instance is None:
                yield hypothesis.owe(Due("settled", ref, error="TypeError", step="IDL-BFE-3"))
            else:
                yield hypothesis.owe(Due("settled", ref, "event", step="IDL-UUE-1"))
            return
        event = hypothesis.event(command.event)
        if event is None:
            return
        if event.name in (CLICK, ABORT):
            # Their interface has no updateUI: calling it is a TypeError of the language.
            yield hypothesis.owe(Due("settled", ref, error="TypeError", step="IDL-EVT-3"))
            return
        for active in {event.active, event.active and not event.ending}:
            for refused, choices in self.ask(
                lambda d: bf.update_ui(event.trusted, event.used, active, d)  # noqa: B023 (used at once)
            ):
                if refused is not None:
                    due = Due("settled", ref, error=refused.error, step=refused.step)
                    yield hypothesis.owe(due).needing(choices)
                else:
                    used_ = hypothesis.with_event(attrs.evolve(event, used=True))
                    yield used_.owe(Due("settled", ref, step="UPDATEUI-7")).needing(choices)

    def _user(self, hypothesis: Hypothesis, ref: str, command: p.User) -> Iterator[Hypothesis]:
        named = [f for f in hypothesis.agent.fetches if f.id == command.id]
        if not named:
            yield hypothesis.owe(Due("ack", ref[1:], "refused", step="DISPLAY-0"))
            return
        newest = named[-1]
        for (agent, refused), choices in self.ask(
            lambda d: bf.user_action(hypothesis.agent, newest.index, command.action, d)
        ):
            after = attrs.evolve(hypothesis, agent=agent).needing(choices)
            if refused is not None:
                yield after.owe(Due("ack", ref[1:], "refused", step="DISPLAY-8"))
                continue
            after = after.owe(Due("ack", ref[1:]))
            if command.action == "click" and CLICK in agent.listening:
                after = after.owe(Due("click", CLICK, fetch=newest.index, step="CLICK-1"))
            yield after

    def _quit(self, hypothesis: Hypothesis, ref: str, command: p.Quit) -> Iterator[Hypothesis]:
        """The user agent goes, and with it pages and what they waited for (E87)."""
        unseen = {due.fetch for due in hypothesis.due if due.kind == "event"}
        records = tuple(
            tuple(self._restarted(hypothesis, fetch, i, command.kill) for i in range(len(row)))
            for fetch, row in zip(hypothesis.agent.fetches, hypothesis.records, strict=True)
        )
        # A settle event that nobody has seen yet is not delivered.  One that was being
        # handled is, after a clean end; after a kill it may be delivered again.
        active = [
            fetch.index
            for fetch in hypothesis.agent.fetches
            if fetch.phase is RegistrationPhase.EVENT_ACTIVE and fetch.index not in unseen
        ]
        fewest = 0 if command.kill else len(active)
        for delivered in _subsets(active, fewest):
            for agent, choices in self.ask(
                functools.partial(bf.restart, hypothesis.agent, delivered)
            ):
                yield self._gone(hypothesis.needing(choices), agent, records, ref)

    def _gone(
        self,
        hypothesis: Hypothesis,
        agent: bf.UserAgent,
        records: tuple[tuple[Locals, ...], ...],
        ref: str,
    ) -> Hypothesis:
        return attrs.evolve(
            hypothesis,
            agent=attrs.evolve(agent, running=False),
            records=records,
            pending=tuple(r for r in hypothesis.pending if r.startswith("#")),
            due=(Due("ack", ref[1:]),),
            instances=(),
            events=(),
            readers=(),
        )

    def _restarted(
        self, hypothesis: Hypothesis, fetch: BackgroundFetch, index: int, killed: bool
    ) -> Locals:
        view = view_of(hypothesis, fetch.index, index, self.facts)
        spec = fetch.requests[index]
        after: set[record_steps.RecordState] = set()
        for record in hypothesis.records[fetch.index][index]:
            exchange = self.facts.exchanges.get(record.exchange)
            reading = record.phase is RecordPhase.READING and exchange is not None
            some = Extent(0, exchange.sent) if reading and exchange else Extent()
            for result, _ in self.ask(
                lambda d: record_steps.restarted(
                    record, spec, some, view, d, killed=killed  # noqa: B023
                )
            ):
                after.add(result)
        return frozenset(after)


def _subsets(indexes: list[int], fewest: int) -> Iterator[frozenset[int]]:
    for size in range(fewest, len(indexes) + 1):
        yield from map(frozenset, itertools.combinations(indexes, size))


def _combinations(hypothesis: Hypothesis) -> list[Hypothesis]:
    """The same explanation with every record in exactly one state, for all combinations."""
    rows = [
        list(itertools.product(*([frozenset({r}) for r in locals_] for locals_ in row)))
        for row in hypothesis.records
    ]
    return [attrs.evolve(hypothesis, records=records) for records in itertools.product(*rows)]


CLICK = "backgroundfetchclick"
ABORT = "backgroundfetchabort"
