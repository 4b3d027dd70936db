"""Seeing what a function reads of a value, attribute by attribute.

A *watched* object stands for an attrs object.  It is an instance of a subclass, so that
the code it is handed to need not know; each field is a property that notes the read and
gives the value.  Two things are not reads:

- ``attrs.evolve`` copies the fields that do not change.  It gets a *copy*, a token that
  says where the value would be found, and the new object is made of tokens and values.
- ``untouched`` asks whether a field was passed on as it is.

So after a pure function has run it is known of which fields its result depends, and what
it does to the others: nothing.  ``conformance.explore.compiled`` makes tables of that.

Objects are found by *place*: a number that ``tables`` gives to each.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs

_EVOLVE = attrs.evolve.__code__
"""A read from this code is a copy.  A test holds it to that."""


@attrs.frozen(eq=False)
class Copy:
    """A field that was passed on unread; of each field of each place there is one token.

    ``cell`` and ``index`` say where the value is found (``tables``).
    """

    place: int
    name: str
    cell: int = 0
    index: int = 0


@attrs.define(eq=False)
class Recorder:
    """Notes reads, with what they gave, in the order in which they first happened.

    ``value`` gives a field's value: it is asked once, and only for what is read.
    """

    value: Callable[[Copy], object]
    reads: dict[Copy, object] = attrs.field(factory=dict)

    def read(self, copy: Copy) -> object:
        """The value that a token stands for."""
        try:
            return self.reads[copy]
        except KeyError:
            value = self.reads[copy] = self.value(copy)
            return value


class Watched:
    """What all watched objects are.  ``_values``: field to value or token."""

    __slots__ = ()
    _values: dict[str, object]


_RECORDING: list[Recorder] = []
"""The recorders whose functions run, the innermost last."""


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Within it reads go to this recorder."""
    _RECORDING.append(recorder)
    try:
        yield
    finally:
        _RECORDING.pop()


@functools.cache
def watched_class(cls: type[Any]) -> type[Any]:
    """The subclass whose instances are watched.  ``cls`` is an attrs class."""
    names = tuple(field.name for field in attrs.fields(cls))

    def init(self: Any, **values: object) -> None:
        object.__setattr__(self, "_values", values)

    def equal(self: Any, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, cls):
            return False
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def digest(self: Any) -> int:
        return hash(tuple(getattr(self, name) for name in names))

    body: dict[str, object] = {name: property(_reader(name)) for name in names}
    body |= {
        "__slots__": ("_values",),
        "__init__": init,
        "__eq__": equal,
        "__hash__": digest,
        "__doc__": f"A watched {cls.__name__}.",
    }
    return type(f"Watched{cls.__name__}", (cls, Watched), body)


def _reader(name: str) -> Callable[[Any], object]:
    def read(self: Any) -> object:
        value = self._values[name]
        if type(value) is not Copy or sys._getframe(1).f_code is _EVOLVE:
            return value
        return _RECORDING[-1].read(value)

    return read


def raw(item: Watched) -> dict[str, object]:
    """Field to value or token; not a read."""
    return item._values


def untouched(new: object, old: object, *names: str) -> bool:
    """Whether ``new`` has these fields from ``old``, passed on as they are; not a read."""
    if isinstance(new, Watched) and isinstance(old, Watched):
        return all(new._values[name] is old._values[name] for name in names)
    return all(getattr(new, name) is getattr(old, name) for name in names)


def resolve(copy: Copy) -> object:
    """The value that a token stands for; this is a read."""
    return _RECORDING[-1].read(copy)
