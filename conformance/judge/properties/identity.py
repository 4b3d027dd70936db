"""Which background fetch an instance or an event belongs to.

A trace never names a background fetch.  Every fetch() that was not rejected made
one, or may have made one: its promise may be pending, or lost in a kill.  What
ties the rest to them:

* the instance that a fetch() settled with belongs to the fetch of that call, and
  so does every later mention of the same name (one object, one fetch);
* an instance that get(id) settled with for the first time belongs to a fetch with
  that id which had not definitely left the active map when get() was called;
* an event's instance, if its name is new, belongs to a fetch with the id shown.
  A settle event is not taken for that of a fetch whose own was seen before, unless
  the user agent was ended in between: a kill may deliver an event again.

What remains is a set of candidates.  A property concludes something of a fetch
only from what has that one candidate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from conformance.judge.properties.reading import Call, Dispatched, Reading, Sighting
from conformance.protocol import Abort, Fetch, Get

SETTLE_EVENTS = frozenset({"backgroundfetchsuccess", "backgroundfetchfail", "backgroundfetchabort"})

Candidates = frozenset[int]


@attrs.frozen
class Fetched:
    """A background fetch that a call made, or may have made."""

    number: int
    asked: Fetch
    call: Call


@attrs.frozen
class Identity:
    """Answers which fetch is meant; numbers index ``fetched``."""

    fetched: tuple[Fetched, ...]
    _instances: Mapping[str, Candidates]
    _events: Mapping[int, Candidates]

    def of_instance(self, instance: str | None) -> Candidates:
        """The fetches an instance may belong to; empty if the trace contradicts itself."""
        return self._instances.get(instance or "", frozenset())

    def of_event(self, event: Dispatched) -> Candidates:
        """The fetches an event may belong to."""
        return self._events.get(event.at, frozenset())

    def owner(self, instance: str | None) -> Fetched | None:
        """The one fetch an instance belongs to, or None if that cannot be told."""
        return self.sole(self.of_instance(instance))

    def sole(self, candidates: Candidates) -> Fetched | None:
        """The one candidate, or None."""
        return self.fetched[min(candidates)] if len(candidates) == 1 else None

    def events_of(self, fetch: Fetched, events: Iterable[Dispatched]) -> list[Dispatched]:
        """The settle events that surely belong to a fetch."""
        return [
            event
            for event in events
            if event.seen.name in SETTLE_EVENTS and self.of_event(event) == {fetch.number}
        ]

    def sightings_of(self, fetch: Fetched, sightings: Iterable[Sighting]) -> list[Sighting]:
        """The looks at instances that surely belong to a fetch."""
        return [
            sighting
            for sighting in sightings
            if self.of_instance(sighting.instance) == {fetch.number}
        ]


def identify(reading: Reading) -> Identity:
    """Work the candidates out, in the order of the log."""
    finder = _Finder(reading, _fetched(reading))
    finder.name_fetch_results()
    settled = [(call.settled, call) for call in reading.calls if call.settled is not None]
    seen = [(event.at, event) for event in reading.events]
    moments: list[tuple[int, Call | Dispatched]] = [*settled, *seen]
    for _, moment in sorted(moments, key=lambda pair: pair[0]):
        if isinstance(moment, Call):
            finder.settled(moment)
        else:
            finder.event(moment)
    return Identity(finder.fetched, finder.instances, finder.events)


def _fetched(reading: Reading) -> tuple[Fetched, ...]:
    made = [
        (call.command, call)
        for call in reading.calls
        if isinstance(call.command, Fetch) and (call.outcome is None or call.outcome.error is None)
    ]
    return tuple(Fetched(number, asked, call) for number, (asked, call) in enumerate(made))


@attrs.define
class _Finder:
    reading: Reading
    fetched: tuple[Fetched, ...]
    instances: dict[str, Candidates] = attrs.field(factory=dict)
    events: dict[int, Candidates] = attrs.field(factory=dict)
    _removed: dict[int, int] = attrs.field(factory=dict)  # from the active map: seen by then
    _event_seen: dict[int, int] = attrs.field(factory=dict)

    def name_fetch_results(self) -> None:
        """First of all: a worker may see an event before its own fetch() settles."""
        for fetch in self.fetched:
            outcome = fetch.call.outcome
            if outcome is not None and outcome.instance is not None:
                self._narrow(outcome.instance, frozenset({fetch.number}))

    def settled(self, call: Call) -> None:
        """A get() names an instance; an abort() that won removes a fetch from the map."""
        outcome, at = call.outcome, call.settled
        assert outcome is not None and at is not None, "only settled calls come here"
        command = call.command
        if isinstance(command, Get) and outcome.instance is not None:
            if outcome.instance not in self.instances:
                wanted = self._with_id(command.id, at)
                self._narrow(outcome.instance, self._but(wanted, self._removed, call.sent))
        elif isinstance(command, Abort) and outcome.boolean:
            self._note(self._removed, self.instances.get(command.instance), at)

    def event(self, dispatched: Dispatched) -> None:
        """An event: by its instance's name if that is known, by the id it shows otherwise."""
        seen, at = dispatched.seen, dispatched.at
        candidates = self._with_id(seen.snapshot.id if seen.snapshot else None, at)
        known = self.instances.get(seen.instance or "")
        if known is not None:
            candidates = (known & candidates) or known
        elif seen.name in SETTLE_EVENTS:
            candidates = self._but(candidates, self._settled_in_this_run(at), at)
        if seen.instance is not None:
            self._narrow(seen.instance, candidates)
        self.events[at] = candidates
        if seen.name in SETTLE_EVENTS:
            self._note(self._removed, candidates, at)
            self._note(self._event_seen, candidates, at)

    def _with_id(self, wanted: str | None, before: int) -> Candidates:
        return frozenset(
            fetch.number
            for fetch in self.fetched
            if wanted in (None, fetch.asked.id) and fetch.call.sent < before
        )

    def _settled_in_this_run(self, at: int) -> Mapping[int, int]:
        started = max((quit_ for quit_, _ in self.reading.quits if quit_ < at), default=-1)
        return {number: seen for number, seen in self._event_seen.items() if seen > started}

    @staticmethod
    def _but(candidates: Candidates, gone: Mapping[int, int], before: int) -> Candidates:
        """Without those gone by then; if that leaves nobody, the trace is odd and all remain."""
        return frozenset(n for n in candidates if gone.get(n, before) >= before) or candidates

    @staticmethod
    def _note(where: dict[int, int], candidates: Candidates | None, at: int) -> None:
        if candidates is not None and len(candidates) == 1:
            where.setdefault(min(candidates), at)

    def _narrow(self, instance: str, candidates: Candidates) -> None:
        known = self.instances.get(instance)
        self.instances[instance] = candidates if known is None else known & candidates
