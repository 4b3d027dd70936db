"""The user agent goes away (E87): what of an explanation survives a quit or a kill.

Pages, promises and events are gone with it; results and decisions stay.  Bytes stay
after a clean end; after a kill any tail of them may be lost.  A settle event that
nobody has seen yet is not delivered; one that was being handled is, after a clean
end; after a kill it may come again, even if its handler was through by then.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TypeVar

import attrs

from conformance import protocol as p
from conformance.judge.hypothesis import Due, Hypothesis, Locals
from conformance.judge.terms import Terms
from spec_model import background_fetch as bf
from spec_model.background_fetch import BackgroundFetch
from spec_model.decide import Decide
from spec_model.interruptions import restarted
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.record_state import RecordState, View
from spec_model.values import Extent, RequestSpec

T = TypeVar("T")


def gone(hypothesis: Hypothesis, ref: str, command: p.Quit, terms: Terms) -> Iterator[Hypothesis]:
    """Every state in which the user agent can be launched again."""
    records = tuple(
        tuple(_kept(hypothesis, fetch, i, command.kill, terms) for i in range(len(row)))
        for fetch, row in zip(hypothesis.agent.fetches, hypothesis.records, strict=True)
    )
    unseen = {due.fetch for due in hypothesis.due if due.kind == "event"}
    handled = [
        fetch.index
        for fetch in hypothesis.agent.fetches
        if fetch.phase is RegistrationPhase.EVENT_ACTIVE and fetch.index not in unseen
    ]
    just_over = [
        event.fetch
        for event in hypothesis.events
        if event.settles and event.ending and not event.over
    ]
    again = [*handled, *just_over] if command.kill else []
    for redelivered in subsets(again):
        agent = _handled_again(hypothesis.agent, redelivered)
        delivered = frozenset(handled) - redelivered
        for after, choices in terms.ask(bf.restart, agent, delivered):
            yield attrs.evolve(
                hypothesis,
                agent=attrs.evolve(after, running=False),
                records=records,
                pending=tuple(r for r in hypothesis.pending if r.startswith("#")),
                due=(Due("ack", ref[1:]),),
                instances=(),
                events=(),
                readers=(),
                unheard=frozenset(),
            ).needing(choices)


def _handled_again(agent: bf.UserAgent, redelivered: frozenset[int]) -> bf.UserAgent:
    """The end of these events was not noted."""
    for index in redelivered:
        fetch = agent.fetches[index]
        if fetch.phase is RegistrationPhase.RECORDS_GONE:
            phase = RegistrationPhase.EVENT_ACTIVE
            agent = agent.put(attrs.evolve(fetch, phase=phase, records_available=True))
    return agent


def _kept(
    hypothesis: Hypothesis, fetch: BackgroundFetch, index: int, killed: bool, terms: Terms
) -> Locals:
    view = terms.boxes.view(hypothesis, fetch.index, index)
    after: set[RecordState] = set()
    for record in hypothesis.records[fetch.index][index]:
        exchange = terms.facts.exchanges.get(record.exchange)
        reading = record.phase is RecordPhase.READING and exchange is not None
        some = Extent(0, exchange.sent) if reading and exchange else Extent()
        spec = fetch.requests[index]
        found = terms.ask(_restarted, record, spec, some, view, killed)
        after.update(result for result, _ in found)
    return frozenset(after)


def _restarted(
    record: RecordState, spec: RequestSpec, some: Extent, view: View, killed: bool, d: Decide
) -> RecordState:
    return restarted(record, spec, some, view, d, killed=killed)


def subsets(items: Sequence[T]) -> Iterator[frozenset[T]]:
    """Every subset, the empty one first."""
    for size in range(len(items) + 1):
        yield from map(frozenset, itertools.combinations(items, size))
