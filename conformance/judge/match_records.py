"""Record objects and their readers (CREATE): status and headers, bytes, and how a body ends.

An object holds the data that its record had when it was made.  If the record has
replaced its data since, or may have failed after the object was given its response,
what was caught then can not be known any more, and is not compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import attrs

from conformance import protocol as p
from conformance.judge.hypothesis import Hypothesis, Reader
from conformance.judge.refusals import Depth, Refusals
from conformance.judge.terms import Terms
from conformance.judge.words import call_name, places, value
from conformance.world.content import content
from spec_model import record_objects
from spec_model.decide import Decide
from spec_model.record_objects import Ready, RecordObject
from spec_model.record_state import RecordState

_COMPARED = ("content-type", "etag", "last-modified")

Fits = Callable[[RecordState], Iterator[tuple[RecordState, frozenset[str]]]]
"""A record's state to what it is after an observation, if it fits, with the choices needed."""


@attrs.define
class Records:
    """Matchers of what readers see."""

    terms: Terms
    refusals: Refusals

    def _filtered(
        self, hypothesis: Hypothesis, reader: Reader, fits: Fits, after: Reader
    ) -> Iterator[Hypothesis]:
        """The members of the record's set that fit, one explanation for each set of choices."""
        kept: dict[frozenset[str], set[RecordState]] = {}
        for record in hypothesis.records[reader.fetch][reader.index]:
            for state, choices in fits(record):
                kept.setdefault(choices, set()).add(state)
        for choices, states in kept.items():
            narrowed = hypothesis.with_locals(reader.fetch, reader.index, frozenset(states))
            yield narrowed.with_reader(after).needing(choices)

    def _place(self, hypothesis: Hypothesis, reader: Reader) -> str:
        spec = hypothesis.fetch(reader.fetch).requests[reader.index]
        at = places(hypothesis.records[reader.fetch][reader.index])
        return f"the record of {spec.url} is {at}"

    # --- responseReady ----------------------------------------------------------------

    def ready(self, hypothesis: Hypothesis, seen: p.Ready) -> Iterator[Hypothesis]:
        """A record's responseReady settled; what was read to its end may be read once more."""
        reader = hypothesis.reader(seen.record)
        reader = reader and reader.anew()
        if reader is None or not reader.asked or reader.ready:
            why = f"the responseReady of {seen.record} settled, which nobody waited for"
            self.refusals.refuse("CREATE-2.9", why, Depth.NOT_DUE)
            return
        state = "error" if seen.error else "ok"
        after = attrs.evolve(reader, ready=state, done=bool(seen.error))
        found = list(
            self._filtered(hypothesis, reader, lambda r: self._ready_as(r, reader, seen), after)
        )
        yield from found
        if not found:
            step = {None: "CREATE-2.9.2", "AbortError": "CREATE-2.9.3"}.get(
                seen.error, "CREATE-2.9.4"
            )
            shown = seen.error or f"status {seen.status} and headers {sorted(seen.headers)}"
            why = f"responseReady gave {shown}, but {self._place(hypothesis, reader)}"
            self.refusals.refuse(step, why)

    def _ready_as(
        self, record: RecordState, reader: Reader, seen: p.Ready
    ) -> Iterator[tuple[RecordState, frozenset[str]]]:
        if seen.error is not None:
            yield from self._broken_as(record, reader, seen.error)
            return
        if reader.may_be_redundant(record) and reader.captured.early:
            yield record, frozenset()
            return
        if not reader.may_hold(record):
            return
        # An early one may have settled before the record failed.
        early = reader.captured.early
        for ready, choices in self._responses(
            attrs.evolve(record, result="") if early else record, reader
        ):
            if ready.status != seen.status:
                continue
            differs = _differing_header(seen.headers, dict(ready.headers))
            if differs is None:
                yield record, choices
            else:
                why = f"the response of {seen.record} {self._told(record, differs, seen)}"
                self.refusals.refuse("CREATE-2.9.2", why, Depth.IN_DETAIL)

    def _told(self, record: RecordState, name: str, seen: p.Ready) -> str:
        """How a header that is shown differs from what it should be, and why."""
        wire = None
        if record.response is not None:
            wire = self.terms.facts.exchanges[record.response.exchange].wire
        sent = {key.lower(): value for key, value in wire.headers} if wire is not None else {}
        exposed = dict(record.response.headers) if record.response is not None else {}
        if name not in seen.headers:
            return f"does not show the header {name}, which is {exposed[name]!r}"
        shown = f"shows the header {name} as {seen.headers[name]!r}"
        if name in exposed:
            return f"{shown}, which is {exposed[name]!r}"
        if name in sent:
            return f"{shown}, which its origin does not expose to the page's (CORS)"
        return f"{shown}, which the server did not send"

    def _responses(
        self, record: RecordState, reader: Reader
    ) -> Iterator[tuple[Ready, frozenset[str]]]:
        """The response that a reader of the record's present data is given, if there is one."""
        item = _object(reader, record)
        for ready, choices in self.terms.ask(_made_ready, item, record):
            if ready is not None and not ready.error:
                yield ready, choices

    def _broken_as(
        self, record: RecordState, reader: Reader, error: str
    ) -> Iterator[tuple[RecordState, frozenset[str]]]:
        """CREATE-2.8.4.3 and .4, CREATE-2.9.3 and .4."""
        redundant = reader.may_be_redundant(record) and error == "TypeError"
        failed = reader.may_hold(record) and not record.exposable
        if redundant or (failed and record_objects.error_of(record.result) == error):
            yield record, frozenset()

    # --- bodies -----------------------------------------------------------------------

    def received(self, hypothesis: Hypothesis, seen: p.Received) -> Iterator[Hypothesis]:
        """A reader got bytes that must have been stored."""
        reader = self._reading(hypothesis, seen.record)
        if reader is None:
            return
        if seen.length <= reader.received:
            why = f"the reader of {seen.record} had {reader.received} bytes, then {seen.length}"
            self.refusals.refuse("CREATE-2.8.3.2", why, Depth.IN_DETAIL)
            return
        after = attrs.evolve(reader, received=seen.length)
        found = list(
            self._filtered(hypothesis, reader, lambda r: self._holds(r, reader, seen.length), after)
        )
        yield from found
        if not found:
            at = self._place(hypothesis, reader)
            why = f"{seen.length} bytes were read, but {at} and has fewer"
            self.refusals.refuse("CREATE-2.8.3.1", why)

    def _reading(self, hypothesis: Hypothesis, handle: str) -> Reader | None:
        reader = hypothesis.reader(handle)
        if reader is not None and reader.ready == "ok" and not reader.done:
            return reader
        why = f"bytes or an end came from {handle}, whose body is not being read"
        self.refusals.refuse("CREATE-2.8", why, Depth.NOT_DUE)
        return None

    def _holds(
        self, record: RecordState, reader: Reader, length: int
    ) -> Iterator[tuple[RecordState, frozenset[str]]]:
        if reader.may_be_redundant(record):
            yield record, frozenset()
        elif self.terms.boxes.extent(record).hi >= length:
            if not record.settled and length > record.floor:
                record = attrs.evolve(record, floor=length)
            yield record, frozenset()

    def body(self, hypothesis: Hypothesis, seen: p.Body) -> Iterator[Hypothesis]:
        """A body closed or broke."""
        reader = self._reading(hypothesis, seen.record)
        if reader is None:
            return
        if seen.length < reader.received:
            why = f"{reader.received} bytes of {seen.record} were read, its body has {seen.length}"
            self.refusals.refuse("CREATE-2.8.3.2", why, Depth.IN_DETAIL)
            return

        def fits(record: RecordState) -> Iterator[tuple[RecordState, frozenset[str]]]:
            if seen.error is None:
                yield from self._closed_as(record, reader, seen)
                return
            for state, choices in self._broken_as(record, reader, seen.error):
                redundant = reader.may_be_redundant(record)
                if redundant or (
                    self.terms.boxes.extent(record).hi >= seen.length
                    and self._same_start(record, seen)
                ):
                    yield state, choices

        found = list(self._filtered(hypothesis, reader, fits, attrs.evolve(reader, done=True)))
        yield from found
        if not found:
            step = "CREATE-2.8.4.2"
            if seen.error is not None:
                step = "CREATE-2.8.4.3" if seen.error == "AbortError" else "CREATE-2.8.4.4"
            shown = f"broke with {seen.error}" if seen.error else "closed"
            at = self._place(hypothesis, reader)
            why = f"the body {shown} after {seen.length} bytes, but {at}"
            self.refusals.refuse(step, why)

    def _closed_as(
        self, record: RecordState, reader: Reader, seen: p.Body
    ) -> Iterator[tuple[RecordState, frozenset[str]]]:
        if record.result not in ("success", "bad-status") or not self._same_bytes(record, seen):
            return
        if reader.may_hold(record):
            yield record, frozenset()
            return
        # What it was handed may be of the new data from its first byte on.
        item = attrs.evolve(_object(reader, record), handed=0)
        for aimed, choices in self.terms.ask(record_objects.retarget, item, record):
            if aimed.generation == record.generation:
                yield record, choices

    def _same_bytes(self, record: RecordState, seen: p.Body) -> bool:
        wanted = self.body_of(record)
        if len(wanted) != seen.length:
            why = f"the body closed after {seen.length} bytes, the answers carried {len(wanted)}"
            self.refusals.refuse("CREATE-2.8.4.2", why, Depth.IN_DETAIL)
            return False
        if seen.text is not None:
            same = seen.text.encode("latin-1", "replace") == wanted
        else:
            same = seen.sha256 == hashlib.sha256(wanted).hexdigest()
        if not same:
            why = "the body's bytes are not those that the record's answers carried"
            self.refusals.refuse("RECORD-11.R.6.2", why, Depth.IN_DETAIL)
        return same

    def _same_start(self, record: RecordState, seen: p.Body) -> bool:
        """Whether what was read before a body broke is what the answers carried (S28)."""
        if seen.text is None:
            return True
        got, wanted = seen.text.encode("latin-1", "replace"), self.body_of(record)
        least = min(len(got), len(wanted))
        if len(got) == seen.length and got[:least] == wanted[:least]:
            return True
        why = "the bytes that were read are not those that the record's answers carried"
        self.refusals.refuse("RECORD-11.R.6.2", why, Depth.IN_DETAIL)
        return False

    def body_of(self, record: RecordState) -> bytes:
        """The bytes of a settled record, from the answers that they came in."""
        return b"".join(
            content(self.terms.facts.key(part.key), part.version, part.first, part.length.hi)
            for part in record.parts
        )

    # --- caches -----------------------------------------------------------------------

    def cached(
        self, hypothesis: Hypothesis, command: p.CachePut | p.CacheKeys, seen: p.Settled
    ) -> Iterator[Hypothesis]:
        """Caches are the page's own; what a put reads is the record's response."""
        if command.call not in hypothesis.pending:
            why = f"{call_name(command)} settled although nothing was due from it"
            self.refusals.refuse("REALM-1", why, Depth.NOT_DUE)
            return
        hypothesis = hypothesis.without_pending(command.call)
        if isinstance(command, p.CacheKeys):
            sure, maybe = self._keys(hypothesis, command)
            if seen.strings is not None and _can_be_keys(seen.strings, sure, maybe):
                yield hypothesis
            else:
                late = f" and perhaps {maybe}" if maybe else ""
                why = f"the cache has {seen.strings}, but {sure}{late} was put into it"
                self.refusals.refuse("CREATE-2.9.2", why)
            return
        reader = hypothesis.reader(command.record)
        if reader is None:
            why = f"{command.record} is no record that a page has got"
            self.refusals.refuse("CREATE-2", why, Depth.NOT_DUE)
            return
        found = list(
            self._filtered(
                hypothesis, reader, lambda r: self._put_as(hypothesis, r, reader, seen), reader
            )
        )
        yield from found
        if not found:
            why = f"cache.put() gave {value(seen)}, but {self._place(hypothesis, reader)}"
            self.refusals.refuse("CREATE-2.9", why)

    def _keys(self, hypothesis: Hypothesis, keys: p.CacheKeys) -> tuple[list[str], list[str]]:
        """URLs that were in a cache when it was asked for its keys, and that may have been.

        Realms hear of what was done at their own time: a put may be done and not told yet,
        and one that is told now may have been done after the keys were read.
        """
        facts = self.terms.facts
        puts = facts.caches.get(keys.cache, [])
        known = facts.asked_at[keys.call]
        sure: dict[str, None] = {}
        for url in puts[:known]:
            sure.pop(url, None)
            sure[url] = None
        maybe = puts[known:]
        for call, made in facts.calls.items():
            if isinstance(made, p.CachePut) and made.cache == keys.cache and call not in facts.told:
                reader = hypothesis.reader(made.record)
                if reader is not None:
                    maybe.append(hypothesis.fetch(reader.fetch).requests[reader.index].url)
        return list(sure), maybe

    def _put_as(
        self, hypothesis: Hypothesis, record: RecordState, reader: Reader, seen: p.Settled
    ) -> Iterator[tuple[RecordState, frozenset[str]]]:
        method = hypothesis.fetch(reader.fetch).requests[reader.index].method
        if seen.error is not None and seen.error != "TypeError":
            yield from self._broken_as(record, reader, seen.error)
            return
        for ready, choices in self._responses(record, reader):
            storable = method == "GET" and ready.status != 206
            whole = reader.may_hold(record) and record.result in ("success", "bad-status")
            if (storable and whole) if seen.error is None else not storable:
                yield record, choices
        if seen.error is not None:
            yield from self._broken_as(record, reader, seen.error)


def _object(reader: Reader, record: RecordState) -> RecordObject:
    """The record object as the model has it, holding the present data if it may."""
    held = record.generation if reader.may_hold(record) else reader.newest
    of = (reader.handle, reader.realm, reader.fetch, reader.index)
    return RecordObject(*of, held, url="", method="", handed=reader.received)


def _made_ready(item: RecordObject, record: RecordState, d: Decide) -> Ready | None:
    if not record_objects.can_be_ready(item, record, d):
        return None
    return record_objects.make_ready(item, record, d).ready


def _can_be_keys(shown: list[str], sure: list[str], maybe: list[str]) -> bool:
    """Whether a cache can have shown these keys; what is put again goes to the end."""
    if len({*shown}) < len(shown) or not {*sure} <= {*shown} <= {*sure, *maybe}:
        return False
    kept = [url for url in sure if url not in maybe]
    return [url for url in shown if url in kept] == kept


def _differing_header(shown: dict[str, str], wanted: dict[str, str]) -> str | None:
    """The first header that is shown and not exposed, or is not shown as it was sent."""
    return next((name for name in _COMPARED if shown.get(name) != wanted.get(name)), None)
