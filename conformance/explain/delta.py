"""What changed between two immutable states, found by their structure alone.

Theory.  A state is a tree of attrs classes and tuples.  Two equal branches need no look;
what is left is walked field by field.  A tuple is one of three things:

- a *table* whose rows say who they are (``name``, ``index``, …): rows are matched by that;
- a *queue*, by the name of its field: a head left, a tail came;
- a *row* of things that never leave: matched by their place, new ones are at the end.

Classes that are values rather than places (an extent, a response) are *leaves*.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import attrs

Path = tuple[str | int, ...]


class _Absent:
    """Says that something was not there, where None may be a value."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@attrs.frozen
class Changed:
    """The value at a path; ``ABSENT`` on one side where something came or went."""

    path: Path
    old: object
    new: object


@attrs.frozen
class Grammar:
    """How to read a kind of state: fields that are queues, classes that are values."""

    queues: Collection[str] = ()
    leaves: tuple[type, ...] = ()

    def changes(self, old: object, new: object, path: Path = ()) -> Iterator[Changed]:
        """Every change, in the order of the fields."""
        if old is new or old == new:
            return
        if isinstance(old, tuple) and isinstance(new, tuple):
            yield from self._tuples(old, new, path)
        elif isinstance(old, frozenset) and isinstance(new, frozenset):
            yield from (Changed(path, each, ABSENT) for each in sorted(old - new, key=repr))
            yield from (Changed(path, ABSENT, each) for each in sorted(new - old, key=repr))
        elif (kind := type(old)) is type(new) and attrs.has(kind) and kind not in self.leaves:
            for name in attrs.fields_dict(kind):
                yield from self.changes(getattr(old, name), getattr(new, name), (*path, name))
        else:
            yield Changed(path, old, new)

    def _tuples(
        self, old: tuple[object, ...], new: tuple[object, ...], path: Path
    ) -> Iterator[Changed]:
        nested = any(isinstance(each, tuple) for each in (*old, *new))
        field = next((part for part in reversed(path) if isinstance(part, str)), "")
        if field in self.queues and not nested:
            yield from _queue(old, new, path)
            return
        before, after = _rows(old), _rows(new)
        for key in dict.fromkeys((*before, *after)):
            was, now = before.get(key, ABSENT), after.get(key, ABSENT)
            if was is ABSENT or now is ABSENT:
                yield Changed((*path, key), was, now)
            else:
                yield from self.changes(was, now, (*path, key))


def _rows(items: tuple[object, ...]) -> dict[str | int, object]:
    """Rows by who they are, or by their place."""
    for key in ("name", "index", "number", "tag"):
        keys = [getattr(each, key, None) for each in items]
        if len(set(keys)) == len(keys) and all(isinstance(each, str | int) for each in keys):
            return {each: item for each, item in zip(keys, items, strict=True) if each is not None}
    return dict(enumerate(items))


def _queue(old: tuple[object, ...], new: tuple[object, ...], path: Path) -> Iterator[Changed]:
    """The head that left and the tail that came; from some queues others leave too."""
    gone = next(n for n in range(len(old) + 1) if old[n:] == new[: len(old) - n])
    left, came = old[:gone], new[len(old) - gone :]
    # Nothing but the head can have left, unless another did and the head is still there.
    stayed = [each for each in left if each in came] if gone == len(old) > 1 else []
    yield from (Changed(path, each, ABSENT) for each in left if each not in stayed)
    yield from (Changed(path, ABSENT, each) for each in came if each not in stayed)
