"""The state of one-shot Background Sync in words: sync registrations, waits and events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from conformance.explain.delta import ABSENT, Changed, Grammar
from conformance.explain.shape import Change
from conformance.explain.slots import change, plain
from conformance.report.words import quoted
from spec_model.background_sync.state import Call, GoOn, RunCall, State, Sweep
from spec_model.background_sync.state import Event as SyncEvent
from spec_model.background_sync.state import Registration as SyncRegistration
from spec_model.background_sync.state import Wait as RetryWait

GRAMMAR = Grammar(frozenset({"todo"}))

_SLOTS = {
    "active": "active worker",
    "listening": "the worker listens",
    "online": "online",
    "permission": "permission",
    "running": "user agent runs",
}


@attrs.frozen
class BackgroundSyncWords:
    """Words for ``spec_model.background_sync.state.State``."""

    def changes(self, before: object, after: object, calls: Mapping[str, str]) -> Iterator[Change]:
        """What a reader of the text wants to know."""
        assert isinstance(before, State) and isinstance(after, State)
        for each in GRAMMAR.changes(before, after):
            yield from _tell(each, calls)

    def runs(self, changes: list[Change]) -> int | None:
        """What was waiting to be done in parallel."""
        return next(
            (n for n, each in enumerate(changes) if each.slot == _PARALLEL and each.removed), None
        )

    def end(self, state: object) -> list[str]:
        """The registrations that are still there."""
        assert isinstance(state, State)
        return [
            f"sync registration {quoted(each.tag)} is {plain(each.state)}"
            for each in state.registrations
        ]


_PARALLEL = "in parallel"


def _tell(each: Changed, calls: Mapping[str, str]) -> Iterator[Change]:
    item = each.old if each.new is ABSENT else each.new
    match each.path:
        case ("registrations", _) if isinstance(item, SyncRegistration):
            yield change("sync registrations", each, lambda _: quoted(item.tag))
        case ("registrations", tag, "state"):
            yield change(f"sync registration {quoted(str(tag))}.state", each, plain)
        case ("registrations", tag, "attempts"):
            yield change(f"sync registration {quoted(str(tag))}: failed events", each, plain)
        case ("waits", _) if isinstance(item, RetryWait):
            yield change("waits before a retry", each, lambda _: quoted(item.tag))
        case ("waits", _, "left"):
            yield change("the wait before a retry, seconds left", each, plain)
        case ("events", _) if isinstance(item, SyncEvent):
            last = ", the last chance" if item.last_chance else ""
            yield change("active sync events", each, lambda _: f"{quoted(item.tag)}{last}")
        case ("todo",):
            yield change(_PARALLEL, each, lambda task: _task(task, calls))
        case ("pages", _):
            yield change("pages", each, plain)
        case (str(slot),) if slot in _SLOTS:
            yield change(_SLOTS[slot], each, plain)


def _task(task: object, calls: Mapping[str, str]) -> str:
    match task:
        case RunCall(call=call):
            return _call(call, calls)
        case GoOn(tag=tag):
            return f"the rest of register({quoted(tag)})"
        case Sweep(tag=tag):
            return f"fire {quoted(tag)}, which was pending when the user agent came online"
        case _:
            return plain(task)


def _call(call: Call, calls: Mapping[str, str]) -> str:
    return calls.get(call.call, call.call)
