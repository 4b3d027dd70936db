"""What a trace shows, in a form in which two runs of the same script can be compared.

A *fact* has a key (this call's settlement, the second request for that resource) and a
value.  Names that an implementation gives are replaced by where they came from, so that
two implementations that did the same have the same facts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

import attrs

from conformance import protocol as p
from conformance.trace import AnyServerEntry, Entry, ServerLost, ServerRequest, ServerRequestBody

Key = tuple[str, ...]

_SHOWN = ("content-type", "etag", "last-modified")
"""Headers of a response that are compared: they tell where it came from.

What must be hidden of it is a fault of its own, which needs no search.
"""


@attrs.define
class Seen:
    """The facts of a trace in their order, and what each name stands for.

    ``loose``: of what may come in more or fewer pieces (progress, connections that end)
    only the last word counts.
    """

    loose: bool = False
    facts: dict[Key, Hashable] = attrs.field(factory=dict)
    names: dict[str, str] = attrs.field(factory=dict)
    order: list[Key] = attrs.field(factory=list)
    _events: Counter[str] = attrs.field(factory=Counter)
    _requests: dict[int, tuple[str, str]] = attrs.field(factory=dict)

    def copied(self) -> Seen:
        """Another one that knows the same."""
        names, order = dict(self.names), list(self.order)
        events, requests = Counter(self._events), dict(self._requests)
        return Seen(self.loose, dict(self.facts), names, order, events, requests)

    def feed(self, entry: Entry) -> Key | None:
        """The next entry; the key of its fact, if it has one."""
        if entry.answered is not None:
            return self._answered(entry.answered)
        if entry.seen is not None:
            return self._seen(entry.seen)
        if entry.server is not None:
            return self._server(entry.server)
        return None

    def _put(self, key: Key, value: Hashable) -> Key:
        self.facts[key] = value
        self.order.append(key)
        return key

    def _grow(self, key: Key, value: Hashable) -> Key:
        if self.loose:
            return self._put(key, value)
        before = self.facts.get(key, ())
        assert isinstance(before, tuple)
        return self._put(key, (*before, value))

    def _answered(self, answer: p.Answer) -> Key:
        shown = (answer.snapshot, answer.stored, answer.interface)
        return self._put(("answer", str(answer.seq)), (answer.refused is not None, *shown))

    def _named(self, name: str | None, stands_for: str) -> str:
        return "" if name is None else self.names.setdefault(name, stands_for)

    def _seen(self, seen: p.AnyObservation) -> Key | None:
        match seen:
            case p.Settled():
                return self._settled(seen)
            case p.Progress():
                instance = self.names.get(seen.instance, "?")
                return self._grow(("progress", instance), seen.snapshot)
            case p.WorkerEvent():
                self._events[seen.name] += 1
                event = f"{seen.name} {self._events[seen.name]}"
                self._named(seen.event, event)
                instance = self._named(seen.instance, f"registration of {event}")
                carries = (instance, seen.snapshot, seen.can_update_ui, seen.data)
                return self._put(("event", event), carries)
            case p.Ready():
                headers = tuple((n, seen.headers[n]) for n in _SHOWN if n in seen.headers)
                answer = (seen.error, seen.status if seen.error is None else None, headers)
                return self._put(("ready", self.names.get(seen.record, "?")), answer)
            case p.Received():
                return self._put(("received", self.names.get(seen.record, "?")), seen.length)
            case p.Body():
                value = (seen.length, seen.error, seen.text, seen.sha256)
                return self._put(("body", self.names.get(seen.record, "?")), value)
        return None

    def _settled(self, seen: p.Settled) -> Key:
        for number, record in enumerate(seen.records or ()):
            self._named(record.record, f"{seen.call}.{number}")
        records = tuple((r.url, r.method, self.names[r.record]) for r in seen.records or ())
        return self._put(
            ("settled", seen.call),
            (
                seen.error,
                seen.boolean,
                tuple(seen.strings or ()),
                seen.null,
                self._named(seen.instance, seen.call),
                seen.snapshot,
                None if seen.records is None else records,
                self._named(seen.event, f"event of {seen.call}"),
            ),
        )

    def _server(self, line: AnyServerEntry) -> Key | None:
        match line:
            case ServerRequest():
                of = (line.key, str(line.attempt))
                self._requests[line.exchange] = of
                return self._put(("request", *of), (line.method, line.headers.get("range")))
            case ServerRequestBody() if line.exchange in self._requests:
                of = self._requests[line.exchange]
                return self._put(("upload", *of), (line.length, line.complete))
            case ServerLost() if line.exchange in self._requests and not self.loose:
                return self._put(("lost", *self._requests[line.exchange]), True)
        return None


def begins(now: Hashable, then: Hashable, key: Key) -> bool:
    """Whether what a run has shown so far under a key can become what another has shown."""
    match key[0]:
        case "progress":
            if not isinstance(now, tuple):
                return then is not None
            return isinstance(then, tuple) and then[: len(now)] == now
        case "received":
            return isinstance(then, int)
    return now == then


def differences(one: Seen, other: Seen) -> frozenset[Key]:
    """The keys of facts in which two runs differ."""
    both = one.facts.keys() | other.facts.keys()
    nothing = object()
    return frozenset(k for k in both if one.facts.get(k, nothing) != other.facts.get(k, nothing))
