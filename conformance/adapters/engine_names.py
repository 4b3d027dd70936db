"""Names for the engine's objects: the same object always has the same name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import attrs

T = TypeVar("T")


@attrs.define(eq=False)
class Names(Generic[T]):
    """Objects by identity; they are held, so that no identity is used twice.

    ``stem`` begins every name; numbers are never used again, also after ``forget``.
    """

    stem: str
    _count: int = 0
    _names: dict[int, str] = attrs.field(factory=dict)
    _things: dict[str, T] = attrs.field(factory=dict)

    def known(self, thing: T) -> str | None:
        """The name that an object has got, or None."""
        return self._names.get(id(thing))

    def give(self, thing: T) -> str:
        """A name for a new object."""
        self._count += 1
        name = f"{self.stem}{self._count}"
        self._names[id(thing)] = name
        self._things[name] = thing
        return name

    def find(self, name: str) -> T | None:
        """The object of that name, or None."""
        return self._things.get(name)

    def __getitem__(self, name: str) -> T:
        """The object of that name.  Raises KeyError."""
        return self._things[name]

    def __iter__(self) -> Iterator[T]:
        """All objects, in the order in which they were named."""
        return iter(tuple(self._things.values()))

    def forget(self) -> None:
        """The objects are gone."""
        self._names.clear()
        self._things.clear()
