"""Whether an implementation can say a thing at all, after what has been said.

A message may be well-formed and still be none that the protocol allows: a promise
of a call that nobody made cannot settle, an object that was never named shows
nothing.  No user agent can do such things; what does them is the adapter, and to
judge them would blame the implementation for a slip in its adapter's bookkeeping.

Everything that an implementation *can* get wrong is judged instead, and passes here: the
wrong value, an object of a realm that has ended, a name for two objects that a script
could hold side by side.
"""

from __future__ import annotations

import attrs

from conformance.protocol import (
    Answer,
    AnyCommand,
    AnyObservation,
    Body,
    Interface,
    Launch,
    Log,
    Look,
    Progress,
    Quit,
    Read,
    Ready,
    Received,
    Settled,
    Snapshot,
    Storage,
    WorkerEvent,
)


@attrs.frozen
class Slip:
    """What the protocol does not allow; ``section``: the heading under which its page says so."""

    why: str
    section: str


@attrs.define
class Conversation:
    """Follows one scenario.  Every method gives the slip in the next message, or None."""

    _commands: dict[int, AnyCommand] = attrs.field(factory=dict)
    _calls: set[str] = attrs.field(factory=set)
    _settled: set[str] = attrs.field(factory=set)
    _instances: set[str] = attrs.field(factory=set)
    _records: set[str] = attrs.field(factory=set)
    _read: set[str] = attrs.field(factory=set)
    _events: set[str] = attrs.field(factory=set)
    _down: bool = False

    def sent(self, command: AnyCommand) -> None:
        """The judge said this."""
        self._commands[command.seq] = command
        call = getattr(command, "call", None)
        if call is not None:
            self._calls.add(call)
        if isinstance(command, Read):
            self._read.add(command.record)
        elif isinstance(command, Launch):
            self._down = False

    def answered(self, answer: Answer) -> Slip | None:
        """The implementation answered."""
        command = self._commands.get(answer.seq)
        if answer.refused is not None or answer.unsupported is not None:
            return None
        if isinstance(command, Quit):
            self._down = True
        match command:
            case Look() if answer.snapshot is None:
                return Slip("the answer to look has no snapshot", "look")
            case Storage() if answer.stored is None:
                return Slip("the answer to storage has no stored", "storage")
            case Interface() if answer.interface is None:
                return Slip("the answer to interface has no interface", "interface")
        return None

    def seen(self, seen: AnyObservation) -> Slip | None:
        """The implementation pushed this."""
        if isinstance(seen, Log):
            return None
        if self._down:
            return Slip("something was observed between the end of quit and launch", "quit, launch")
        match seen:
            case Settled():
                return self._seen_settled(seen)
            case Progress() if seen.instance not in self._instances:
                return Slip(f"no instance has been named {seen.instance!r}", "progress")
            case WorkerEvent():
                return self._seen_event(seen)
            case Ready() | Received() | Body():
                return self._seen_record(seen)
        return None

    def _seen_settled(self, seen: Settled) -> Slip | None:
        if seen.call not in self._calls:
            return Slip(f"no call {seen.call!r} was made", "settled")
        if seen.call in self._settled:
            return Slip(f"call {seen.call!r} has settled before", "settled")
        self._settled.add(seen.call)
        outcomes = _outcomes(seen)
        if len(outcomes) > 1:
            return Slip(
                f"a promise settles with one thing, not {' and '.join(outcomes)}", "settled"
            )
        self._records.update(each.record for each in seen.records or ())
        return self._named(seen.instance, seen.snapshot, "settled") or self._event(seen.event)

    def _seen_event(self, seen: WorkerEvent) -> Slip | None:
        return self._event(seen.event) or self._named(seen.instance, seen.snapshot, "event")

    def _event(self, name: str | None) -> Slip | None:
        if name in self._events:
            return Slip(f"an event has been named {name!r} before", "Names")
        if name is not None:
            self._events.add(name)
        return Slip("a name is empty", "Names") if name == "" else None

    def _named(self, name: str | None, shown: Snapshot | None, section: str) -> Slip | None:
        """An instance comes with what it shows."""
        if name == "":
            return Slip("a name is empty", "Names")
        if (name is None) is not (shown is None):
            lone = (
                "an instance without a snapshot" if shown is None else "a snapshot of no instance"
            )
            return Slip(lone, section)
        if name is not None:
            self._instances.add(name)
        return None

    def _seen_record(self, seen: Ready | Received | Body) -> Slip | None:
        kind = str(type(seen).__struct_config__.tag)
        if seen.record not in self._records:
            return Slip(f"no record has been named {seen.record!r}", kind)
        if seen.record not in self._read:
            return Slip(f"nobody reads the record {seen.record!r}", "read")
        if isinstance(seen, Ready) and (seen.status is None) is (seen.error is None):
            return Slip("responseReady gives either a status or an error", kind)
        return _body(seen) if isinstance(seen, Body) else None


def _outcomes(seen: Settled) -> list[str]:
    """The kinds of outcome that a settled promise has, by the names of their fields."""
    instance = seen.instance if seen.instance is not None else seen.snapshot
    values = {
        "error": seen.error,
        "instance": instance,
        "boolean": seen.boolean,
        "strings": seen.strings,
        "records": seen.records,
        "event": seen.event,
        "null": seen.null or None,
    }
    return [name for name, value in values.items() if value is not None]


def _body(seen: Body) -> Slip | None:
    if seen.text is not None and len(seen.text) != seen.length:
        return Slip(f"the text has {len(seen.text)} characters for {seen.length} bytes", "body")
    if seen.text is not None and not seen.text.isascii() and max(seen.text) > "\xff":
        return Slip("the text has a character that is no byte", "body")
    if seen.text is None and seen.sha256 is None and seen.error is None:
        return Slip("a body that was closed has neither text nor sha256", "body")
    return None
