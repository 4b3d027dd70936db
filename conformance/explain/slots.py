"""A model's state in the words of its text: what a path is called, how a value reads.

``WORDS`` has an entry for each kind of state.  A kind without one is told with the names
of its fields, which are the text's in snake case: complete, if plainer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import attrs

from conformance.explain.delta import ABSENT, Changed, Grammar
from conformance.explain.shape import Change


class Words(Protocol):
    """How to tell what changed between two states of one kind.

    ``calls`` maps the names of calls to what was called.
    """

    def changes(self, before: object, after: object, calls: Mapping[str, str]) -> Iterator[Change]:
        """What a reader wants to know, in the order of the state's fields."""
        ...

    def runs(self, changes: list[Change]) -> int | None:
        """Which of a task's changes says what was taken from which queue."""
        ...

    def end(self, state: object) -> list[str]:
        """What still waits in a state where nothing more happens."""
        ...


@attrs.frozen
class Plain:
    """The names of the fields; nothing is left out but what has been shown."""

    queues: frozenset[str] = frozenset()

    def changes(self, before: object, after: object, calls: Mapping[str, str]) -> Iterator[Change]:
        """Each change as it is."""
        for each in Grammar(self.queues).changes(before, after):
            if each.path[0] != "outbox":
                yield change(".".join(map(str, each.path)).replace("_", " "), each, plain)

    def runs(self, changes: list[Change]) -> int | None:
        """The first thing that left a queue."""
        return next((n for n, each in enumerate(changes) if each.removed is not None), None)

    def end(self, state: object) -> list[str]:
        """Nothing is known."""
        return []


def change(slot: str, changed: Changed, say: Callable[[object], str]) -> Change:
    """A change of a slot, with its values in words."""
    if changed.old is ABSENT:
        return Change(slot, added=say(changed.new))
    if changed.new is ABSENT:
        return Change(slot, removed=say(changed.old))
    old, new = say(changed.old), say(changed.new)
    return Change(slot, old, f"another {new.removeprefix('a ')}" if new == old else new)


def plain(value: object) -> str:
    """A value as a reader of scripts writes it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case "":
            return '""'
        case str() | int() | float():
            return str(value)
        case tuple():
            return "[" + ", ".join(plain(each) for each in value) + "]"
        case _:
            return getattr(value, "value", None) or str(value)


def words_for(state: object) -> Words:
    """The words for this kind of state."""
    from conformance.explain.background_fetch import BackgroundFetchWords
    from conformance.explain.background_sync import BackgroundSyncWords
    from spec_model.background_sync.state import State as SyncState
    from spec_model.state import State

    if isinstance(state, State):
        return BackgroundFetchWords()
    return BackgroundSyncWords() if isinstance(state, SyncState) else Plain()
