"""One explanation of a trace so far, in factored form.

Theory.  A whole state of the model is globals and a local state for each
record.  Keeping sets of whole states multiplies: if each of twelve records may
be in three places, that is half a million states.  Records meet only through
the globals, so an explanation here is *one* state of the globals and, for each
record, the *set* of local states it may be in: a sum instead of a product.
Where the globals need to know something of a record (all settled? with which
result? how many bytes?) the sets are narrowed to the members that agree.  What
is lost is correlation between two records' sets; that can only admit an
explanation too many, never one too few.

``pending`` are inputs that have been given and have not had their effect;
``due`` are outputs that have been produced and not been seen.  Both are queues
without an order of their own: see ``conformance.trace`` for why one log of
inputs given and outputs seen, with these two buffers between, loses nothing.

Explanations with the same globals are held apart as long as they are few: they say
which records' states go together.  Where they become many (several fetches, each
with several ways to have ended) those of the oldest fetches are joined.

Globals would multiply too, if every move had a moment of its own: with six
fetches whose events are over there are 64 ways to say which of them have been
released by now.  So what only loosens is done at once.  A settled fetch's event
is dispatched with the settlement, and a fetch is released with the end of its
event, for nothing can be seen of the moments between: an event may always be
seen later, and a page always learns late that records are gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol, TypeVar

import attrs

from conformance.protocol import Snapshot
from spec_model.background_fetch import BackgroundFetch, UserAgent
from spec_model.interface import Interface
from spec_model.record_state import RecordState
from spec_model.state import IN_FLIGHT

Locals = frozenset[RecordState]

HELD_APART = 16
"""Explanations with the same globals that are held apart; more are joined."""

KEPT_AS_ONE = 100_000

CLICK = "backgroundfetchclick"
ABORT = "backgroundfetchabort"


@lru_cache(maxsize=KEPT_AS_ONE)
def one(locals_: Locals) -> Locals:
    """The same set, as one object for all that are equal: it is found and compared at once."""
    return locals_


@attrs.frozen(cache_hash=True)
class Captured:
    """What a record object may have caught when it was made (CREATE-2.1).

    ``oldest``: the lowest generation of the record's data that it can be.  ``early``:
    the record was not surely over, so that the promise may have settled before it was.
    """

    oldest: int = 0
    early: bool = False


@attrs.frozen(cache_hash=True)
class Due:
    """One output that has been produced.  ``kind``: settled, ack, event, click or push.

    ``ref``: call, sequence number or event name; ``error``: the exception's name;
    ``what`` says what was produced: instance, undefined, boolean, strings, records, event,
    refused, stored, interface.
    ``least``: bytes that a new registration object shows at least; with ``most`` the bounds
    on the bytes that were stored when that was asked.  ``captured``: one for
    each of ``indexes``.  ``shows``: an interface.  ``step``: where the text produces it.
    ``after``: calls of the same realm with which the edit queue was through before.
    """

    kind: str
    ref: str
    what: str = "undefined"
    fetch: int = -1
    error: str | None = None
    flag: bool = False
    strings: tuple[str, ...] = ()
    indexes: tuple[int, ...] = ()
    captured: tuple[Captured, ...] = ()
    least: int = 0
    most: int = 0
    shows: Interface | None = None
    step: str = ""
    after: tuple[str, ...] = ()

    def no_longer_after(self, call: str) -> Due:
        """That call's promise has settled."""
        if call not in self.after:
            return self
        return attrs.evolve(self, after=tuple(other for other in self.after if other != call))


@attrs.frozen(cache_hash=True)
class Instance:
    """A registration object that has been seen, with the snapshot that it last showed.

    ``live``: that was no snapshot but the numbers as they were (an older one may follow: E48).
    ``forgotten``: its last progress event has not come, and will not any more.
    ``fell``: how often a progress event has shown fewer bytes than the one before.
    """

    handle: str
    realm: str
    fetch: int
    downloaded: int
    uploaded: int
    result: str
    reason: str
    available: bool
    live: bool = False
    forgotten: bool = False
    fell: int = 0

    @staticmethod
    def of(
        handle: str,
        realm: str,
        fetch: int,
        shown: Snapshot,
        *,
        live: bool = False,
        before: Instance | None = None,
    ) -> Instance:
        """Remember what a snapshot showed, and what the object had shown ``before``."""
        fell = 0 if before is None else before.fell
        if before is not None and not (live or before.live):
            fell += shown.downloaded < before.downloaded
        return Instance(
            handle,
            realm,
            fetch,
            shown.downloaded,
            shown.uploaded,
            shown.result,
            shown.failure_reason,
            shown.records_available,
            live,
            fell=fell,
        )


@attrs.frozen(cache_hash=True)
class Event:
    """A worker event that has been seen.

    ``ending``: its handler's promise is being settled.  ``inactive``: it has been, said the
    answer.  ``over``: that is a while ago, there was silence since.  ``used``: updateUI() was
    called.
    """

    handle: str
    name: str
    fetch: int
    trusted: bool = True
    used: bool = False
    ending: bool = False
    inactive: bool = False
    over: bool = False

    @property
    def settles(self) -> bool:
        """Whether it is a fetch's settle event."""
        return self.fetch >= 0 and self.name != CLICK


@attrs.frozen(cache_hash=True)
class Reader:
    """A record object that has been seen.

    Its data is of a generation from ``captured.oldest`` to ``newest``.  ``asked``: a
    Read was sent, and ``again`` more of them.  ``ready``: "", "ok" or "error"; ``received``
    bytes; ``done``: the body has ended.
    """

    handle: str
    realm: str
    fetch: int
    index: int
    captured: Captured
    newest: int = 0
    asked: bool = False
    ready: str = ""
    received: int = 0
    done: bool = False
    again: int = 0

    def asked_for(self) -> Reader:
        """One more Read was sent."""
        return attrs.evolve(self, asked=True, again=self.again + self.asked)

    def anew(self) -> Reader:
        """The next reading, if this one is over and another Read was sent."""
        if not self.done or not self.again:
            return self
        return attrs.evolve(self, ready="", received=0, done=False, again=self.again - 1)

    def may_hold(self, record: RecordState) -> bool:
        """Whether its data can be what the record has now."""
        late = not self.captured.early
        return late or self.captured.oldest <= record.generation <= self.newest

    def may_be_redundant(self, record: RecordState) -> bool:
        """Whether its data can have been replaced."""
        return self.captured.early and record.generation > self.captured.oldest


@attrs.frozen(cache_hash=True)
class Final:
    """What the registration objects of a settled fetch show: in every realm the same."""

    fetch: int
    downloaded: int
    uploaded: int


@attrs.frozen(cache_hash=True)
class Hypothesis:
    """One explanation.  ``choices``: the answers other than the default that it needs.

    ``unheard``: realms whose script does not return, each with a fetch that was not over
    when that began: nothing of its end can be seen there.
    """

    agent: UserAgent
    records: tuple[tuple[Locals, ...], ...] = ()
    pending: tuple[str, ...] = ()
    due: tuple[Due, ...] = ()
    instances: tuple[Instance, ...] = ()
    events: tuple[Event, ...] = ()
    readers: tuple[Reader, ...] = ()
    finals: tuple[Final, ...] = ()
    unheard: frozenset[tuple[str, int]] = frozenset()
    choices: frozenset[str] = frozenset()

    def without_pending(self, ref: str) -> Hypothesis:
        """The input has had its effect."""
        return attrs.evolve(self, pending=tuple(p for p in self.pending if p != ref))

    def owe(self, *due: Due) -> Hypothesis:
        """Outputs were produced."""
        # In one order, so that explanations that owe the same are equal.
        return attrs.evolve(self, due=tuple(sorted((*self.due, *due), key=_order)))

    def paid(self, due: Due) -> Hypothesis:
        """An output was seen."""
        left = list(self.due)
        left.remove(due)
        return attrs.evolve(self, due=tuple(other.no_longer_after(due.ref) for other in left))

    def needing(self, choices: Iterable[str]) -> Hypothesis:
        """The explanation needs these answers as well."""
        more = frozenset(choices)
        return self if more <= self.choices else attrs.evolve(self, choices=self.choices | more)

    def with_locals(self, fetch: int, index: int, locals_: Locals) -> Hypothesis:
        """One record's set replaced."""
        row = self.records[fetch]
        locals_ = one(locals_)
        if row[index] == locals_:
            return self
        row = (*row[:index], locals_, *row[index + 1 :])
        return attrs.evolve(self, records=(*self.records[:fetch], row, *self.records[fetch + 1 :]))

    def with_all_settled(self, fetch: int) -> Hypothesis | None:
        """Narrowed to what has settled of each record; None if one cannot have."""
        narrowed: Hypothesis | None = self
        for index in range(len(self.records[fetch])):
            narrowed = narrowed and narrowed.with_settled(fetch, index, None)
        return narrowed

    def with_settled(self, fetch: int, index: int, result: str | None) -> Hypothesis | None:
        """Only settled members of one record's set (with one result), or None if there is none."""
        kept = frozenset(
            record
            for record in self.records[fetch][index]
            if record.settled and result in (None, record.result)
        )
        return self.with_locals(fetch, index, kept) if kept else None

    def surely_in_flight(self, fetch: int, *, but: int) -> int:
        """How many other records of a fetch are under way, wherever each of them may be."""
        others = (row for at, row in enumerate(self.records[fetch]) if at != but)
        return sum(all(record.phase in IN_FLIGHT for record in locals_) for locals_ in others)

    def perhaps_in_flight(self, fetch: int, *, but: int) -> bool:
        """Whether another record of a fetch may be under way."""
        others = (row for at, row in enumerate(self.records[fetch]) if at != but)
        return any(record.phase in IN_FLIGHT for locals_ in others for record in locals_)

    def with_nothing_in_flight(self, fetch: int) -> Hypothesis:
        """Narrowed to what a record may be when it is not under way."""
        narrowed = self
        for index, locals_ in enumerate(self.records[fetch]):
            at_rest = frozenset(r for r in locals_ if r.phase not in IN_FLIGHT)
            narrowed = narrowed.with_locals(fetch, index, at_rest)
        return narrowed

    def instance(self, handle: str) -> Instance | None:
        """A registration object by name."""
        return next((i for i in self.instances if i.handle == handle), None)

    def with_instance(self, instance: Instance) -> Hypothesis:
        """A registration object remembered or changed."""
        return attrs.evolve(self, instances=_put(self.instances, instance))

    def event(self, handle: str) -> Event | None:
        """A worker event by name."""
        return next((e for e in self.events if e.handle == handle), None)

    def with_event(self, event: Event) -> Hypothesis:
        """A worker event remembered or changed."""
        return attrs.evolve(self, events=_put(self.events, event))

    def reader(self, handle: str) -> Reader | None:
        """A record object by name."""
        return next((r for r in self.readers if r.handle == handle), None)

    def with_reader(self, reader: Reader) -> Hypothesis:
        """A record object remembered or changed."""
        return attrs.evolve(self, readers=_put(self.readers, reader))

    def final(self, fetch: int) -> Final | None:
        """What a settled fetch was seen to have, if it was."""
        return next((f for f in self.finals if f.fetch == fetch), None)

    def busy(self, realm: str) -> Hypothesis:
        """The realm's script has begun something that does not return."""
        running = {(realm, fetch.index) for fetch in self.agent.fetches if not fetch.settled}
        return attrs.evolve(self, unheard=self.unheard | running)

    def idle(self, realm: str) -> Hypothesis:
        """The realm is told of everything again, or is gone."""
        left = frozenset(pair for pair in self.unheard if pair[0] != realm)
        return self if left == self.unheard else attrs.evolve(self, unheard=left)

    def fetch(self, index: int) -> BackgroundFetch:
        """A background fetch by number."""
        return self.agent.fetches[index]

    def shown(self, fetch: int) -> int:
        """The most bytes that a living registration object of the fetch has shown."""
        return max((i.downloaded for i in self.instances if i.fetch == fetch), default=0)

    def restarted(self, fetch: int) -> bool:
        """Whether a record of the fetch may have thrown bytes away."""
        return self.restarts(fetch) > 0

    def restarts(self, fetch: int) -> int:
        """How often at most records of the fetch have thrown bytes away."""
        return sum(max(r.generation for r in locals_) for locals_ in self.records[fetch])

    def globals_key(self) -> tuple[object, ...]:
        """Everything but the records' sets and the choices."""
        return (
            self.agent,
            self.pending,
            self.due,
            self.instances,
            self.events,
            self.readers,
            self.finals,
            self.unheard,
        )

    def within(self, other: Hypothesis) -> bool:
        """Whether, with the same globals, the other one admits all that this one does."""
        return other.choices <= self.choices and all(
            mine <= theirs
            for row, other_row in zip(self.records, other.records, strict=True)
            for mine, theirs in zip(row, other_row, strict=True)
        )


def _order(due: Due) -> tuple[str, str, int]:
    return due.kind, due.ref, due.fetch


class _Named(Protocol):
    @property
    def handle(self) -> str: ...


N = TypeVar("N", bound=_Named)


def _put(things: tuple[N, ...], thing: N) -> tuple[N, ...]:
    """Replace by name, in place: in which order things changed is no difference."""
    for at, other in enumerate(things):
        if other.handle == thing.handle:
            return (*things[:at], thing, *things[at + 1 :])
    return (*things, thing)


@attrs.define
class Joins:
    """How often explanations were too many to be held apart."""

    count: int = 0


def minimal(hypotheses: Iterable[Hypothesis], joins: Joins | None) -> list[Hypothesis]:
    """Without those that another one makes superfluous; too many of one kind are joined.

    ``joins`` counts that; None: nothing is joined.
    """
    every = list(hypotheses)
    if len(every) < 2:
        return every
    groups: dict[tuple[object, ...], list[Hypothesis]] = {}
    for hypothesis in every:
        others = groups.setdefault(hypothesis.globals_key(), [])
        if any(hypothesis.within(other) for other in others):
            continue
        others[:] = [other for other in others if not other.within(hypothesis)]
        others.append(hypothesis)
    if joins is not None:
        joins.count += sum(len(group) > HELD_APART for group in groups.values())
        return [hypothesis for group in groups.values() for hypothesis in _joined(group)]
    return [hypothesis for group in groups.values() for hypothesis in group]


def _joined(group: list[Hypothesis]) -> list[Hypothesis]:
    """Explanations with the same globals, not too many: the oldest fetches are joined first.

    What is lost is which of their records' states go together.
    """
    for fetch in range(len(group[0].records)):
        if len(group) <= HELD_APART:
            break
        together: dict[object, Hypothesis] = {}
        for hypothesis in group:
            rows = hypothesis.records
            key = (rows[:fetch], rows[fetch + 1 :], hypothesis.choices)
            known = together.get(key)
            if known is not None:
                pairs = zip(known.records[fetch], rows[fetch], strict=True)
                row = tuple(mine | theirs for mine, theirs in pairs)
                records = (*rows[:fetch], row, *rows[fetch + 1 :])
                hypothesis = attrs.evolve(known, records=records)
            together[key] = hypothesis
        group = list(together.values())
    return group if len(group) <= HELD_APART else _joined_whole(group)


def _joined_whole(group: list[Hypothesis]) -> list[Hypothesis]:
    """One explanation for each set of choices: every record may be where any of them has it."""
    together: dict[frozenset[str], Hypothesis] = {}
    for hypothesis in group:
        known = together.get(hypothesis.choices)
        if known is not None:
            records = tuple(
                tuple(mine | theirs for mine, theirs in zip(*rows, strict=True))
                for rows in zip(known.records, hypothesis.records, strict=True)
            )
            hypothesis = attrs.evolve(known, records=records)
        together[hypothesis.choices] = hypothesis
    return list(together.values())
