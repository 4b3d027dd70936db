"""Names that a reader knows, in place of those that an implementation makes up.

An instance that is called ``i3`` in one reading may be ``i2`` in another.  In a walk it
has the name that the scenario's script gave it; the event of a handler and what hangs on
it are called as a handler would: ``event``, ``event.registration``.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from conformance import protocol as p
from conformance import trace as t

_FIELDS = ("instance", "event", "record")
"""The fields of commands and observations that hold such a name."""


def calls(trace: t.Trace) -> dict[str, str]:
    """What was called, by the name of the call: ``fetch("a")``."""
    found: dict[str, str] = {}
    for entry in trace.entries:
        command = entry.sent
        call = getattr(command, "call", None)
        if command is None or not isinstance(call, str):
            continue
        config = command.__struct_config__
        words = str(config.tag).split("_")
        method = words[0] + "".join(word.capitalize() for word in words[1:])
        argument = getattr(command, "id", getattr(command, "tag", ""))
        found[call] = f'{method}("{argument}")' if argument else f"{method}()"
    return {**found, **_other_words(trace)}


def _other_words(trace: t.Trace) -> dict[str, str]:
    """Calls whose command is not called like their method."""
    found: dict[str, str] = {}
    for entry in trace.entries:
        match entry.sent:
            case p.UpdateUI(call=call):
                found[call] = "updateUI()"
            case p.SyncRegister(call=call, tag=tag, unregister=unregister):
                found[call] = f'{"unregister" if unregister else "register"}("{tag}")'
            case p.Synthesize(call=call, name=name):
                found[call] = f'new BackgroundFetchUpdateUIEvent("{name}")'
            case _:
                pass
    return found


def labels(trace: t.Trace) -> dict[str, str]:
    """What a script would call each instance and event; the first name given counts."""
    found: dict[str, str] = {}
    for entry in trace.entries:
        if isinstance(entry.note, t.Bound):
            names = entry.note.values
            for number, value in enumerate(names):
                many = f"[{number}]" if len(names) > 1 else ""
                found.setdefault(value, entry.note.name + many)
        elif isinstance(entry.seen, p.WorkerEvent):
            found.setdefault(entry.seen.event, "event")
            if entry.seen.instance is not None:
                found.setdefault(entry.seen.instance, "event.registration")
    return found


def renamed(trace: t.Trace) -> t.Trace:
    """The same trace with names that a reader knows."""
    names = labels(trace)
    entries = [
        msgspec.convert(_put(msgspec.to_builtins(entry), names), t.Entry) for entry in trace.entries
    ]
    return msgspec.structs.replace(trace, entries=entries)


def _put(value: object, names: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {key: _put_in(key, one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_put(each, names) for each in value]
    return value


def _put_in(field: object, value: object, names: Mapping[str, str]) -> object:
    if field in _FIELDS and isinstance(value, str):
        return names.get(value, value)
    return _put(value, names)
