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
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

import attrs

from conformance.protocol import Snapshot
from spec_model.background_fetch import UserAgent
from spec_model.complete_record import RecordState

Locals = frozenset[RecordState]


@attrs.frozen(cache_hash=True)
class Due:
    """One output that has been produced.  ``kind``: settled, ack, event or click.

    ``ref``: call, sequence number or event name; ``error``: the exception's name;
    ``what`` says what was produced: instance, undefined, boolean, strings, records, event, refused.
    """

    kind: str
    ref: str
    what: str = "undefined"
    fetch: int = -1
    error: str | None = None
    flag: bool = False
    strings: tuple[str, ...] = ()
    indexes: tuple[int, ...] = ()
    step: str = ""


@attrs.frozen(cache_hash=True)
class Instance:
    """A registration object that has been seen, with the snapshot that it last showed."""

    handle: str
    realm: str
    fetch: int
    downloaded: int
    uploaded: int
    result: str
    available: bool

    @staticmethod
    def of(handle: str, realm: str, fetch: int, shown: Snapshot) -> Instance:
        """Remember what a snapshot showed."""
        return Instance(
            handle,
            realm,
            fetch,
            shown.downloaded,
            shown.uploaded,
            shown.result,
            shown.records_available,
        )


@attrs.frozen(cache_hash=True)
class Event:
    """A worker event that has been seen.  ``ending``: its handler's promise is being settled."""

    handle: str
    name: str
    fetch: int
    trusted: bool = True
    used: bool = False
    active: bool = True
    ending: bool = False


@attrs.frozen(cache_hash=True)
class Reader:
    """A record object that has been seen.

    ``early``: it was made before its fetch settled, so it may have caught data
    that was replaced or became unexposable later.  ``asked``: a Read was sent.
    ``ready``: "", "ok" or "error"; ``received`` bytes; ``done``: the body has ended.
    """

    handle: str
    fetch: int
    index: int
    early: bool
    asked: bool = False
    ready: str = ""
    received: int = 0
    done: bool = False


@attrs.frozen(cache_hash=True)
class Hypothesis:
    """One explanation.  ``choices``: the answers other than the default that it needs.

    ``noticed``: fetches whose settle event has been seen.  ``limited``: some record
    waited for another one.
    """

    agent: UserAgent
    records: tuple[tuple[Locals, ...], ...] = ()
    pending: tuple[str, ...] = ()
    due: tuple[Due, ...] = ()
    instances: tuple[Instance, ...] = ()
    events: tuple[Event, ...] = ()
    readers: tuple[Reader, ...] = ()
    noticed: frozenset[int] = frozenset()
    choices: frozenset[str] = frozenset()

    def without_pending(self, ref: str) -> Hypothesis:
        """The input has had its effect."""
        return attrs.evolve(self, pending=tuple(p for p in self.pending if p != ref))

    def owe(self, *due: Due) -> Hypothesis:
        """Outputs were produced."""
        return attrs.evolve(self, due=(*self.due, *due))

    def paid(self, due: Due) -> Hypothesis:
        """An output was seen."""
        left = list(self.due)
        left.remove(due)
        return attrs.evolve(self, due=tuple(left))

    def needing(self, choices: Iterable[str]) -> Hypothesis:
        """The explanation needs these answers as well."""
        more = frozenset(choices)
        return self if more <= self.choices else attrs.evolve(self, choices=self.choices | more)

    def with_locals(self, fetch: int, index: int, locals_: Locals) -> Hypothesis:
        """One record's set replaced."""
        row = self.records[fetch]
        row = (*row[:index], locals_, *row[index + 1 :])
        return attrs.evolve(
            self, records=(*self.records[:fetch], row, *self.records[fetch + 1 :])
        )

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

    def state_key(self) -> tuple[object, ...]:
        """Everything but the choices: what agrees on it differs only in what it needs."""
        return (
            self.agent,
            self.records,
            self.pending,
            frozenset(self.due),
            self.instances,
            self.events,
            self.readers,
            self.noticed,
        )


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


def minimal(hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
    """One explanation for each state and each smallest set of choices."""
    kept: dict[tuple[object, ...], list[Hypothesis]] = {}
    for hypothesis in hypotheses:
        others = kept.setdefault(hypothesis.state_key(), [])
        if any(other.choices <= hypothesis.choices for other in others):
            continue
        others[:] = [other for other in others if not hypothesis.choices <= other.choices]
        others.append(hypothesis)
    return [hypothesis for group in kept.values() for hypothesis in group]
