"""Seeing what a function reads of a value, attribute by attribute.

A *watched* object stands for an attrs object.  It is an instance of a subclass, so that
the code it is handed to need not know; each field is a property that notes the read and
gives the value.  Three things are not reads:

- ``attrs.evolve`` copies the fields that do not change.  To it a watched object has one
  hidden field, the table of all: so it copies *tokens*, which say where a value would be
  found, and the new object is made of tokens and values.
- ``untouched`` asks whether a field was passed on as it is.
- ``lifted(function, item)`` is what a function of that item alone makes of it.  It is not
  computed: the new object's tokens say that the function is to be applied.

And one thing is a single read, however much it looks at: ``seen(function, item)``, the value
of a function of that item alone.  Properties of a class are seen so.

So after a pure function has run it is known of what its result depends, and what it does to
the rest: nothing, or something to each object by itself.  ``conformance.explore.compiled``
makes tables of that.  A function that is lifted or seen must be pure, and its further
arguments hashable and not watched.

Objects are found by *place*: a number that ``tables`` gives to each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import attrs

ItemT = TypeVar("ItemT", bound=attrs.AttrsInstance)
SeenT = TypeVar("SeenT")


@attrs.frozen(cache_hash=True)
class Put:
    """Some fields of an object get values."""

    changes: tuple[tuple[str, object], ...]

    def __call__(self, item: Any) -> Any:
        """The changed object."""
        return attrs.evolve(item, **dict(self.changes))


@attrs.frozen(cache_hash=True)
class Call:
    """A function is applied to an object."""

    function: Callable[..., object]
    arguments: tuple[object, ...]

    def __call__(self, item: Any) -> Any:
        """What it gives."""
        return self.function(item, *self.arguments)


Chain = tuple[Put | Call, ...]
"""What is done to one object, one thing after the other."""


def done(chain: Chain, item: Any) -> Any:
    """What a chain makes of an object."""
    for each in chain:
        item = each(item)
    return item


@attrs.frozen(cache_hash=True)
class Through:
    """Aspect of an object: one field of what a chain makes of it."""

    chain: Chain
    name: str

    def __call__(self, item: Any) -> object:
        """Its value."""
        return getattr(done(self.chain, item), self.name)


@attrs.frozen(cache_hash=True)
class Seen:
    """Aspect of an object: a function of what chains make of it."""

    function: Callable[..., object]
    chains: tuple[Chain, ...]
    arguments: tuple[object, ...]

    def __call__(self, item: Any) -> object:
        """Its value."""
        return self.function(*(done(chain, item) for chain in self.chains), *self.arguments)


Aspect = str | Through | Seen
"""What can be read of an object in one go: a field, or something that follows from all of them."""


@attrs.frozen(eq=False)
class Copy:
    """A field that was passed on unread; of each field of each place there is one token.

    ``cell`` says where the value is found (``tables``); ``whole``: that cell is the whole object.
    """

    place: int
    name: str
    cell: int = 0
    whole: bool = False

    @property
    def aspect(self) -> str:
        """The field."""
        return self.name

    @property
    def chain(self) -> Chain:
        """Nothing was done."""
        return ()


@attrs.frozen(cache_hash=True)
class Later:
    """An aspect of the object of a cell that nobody has asked for yet."""

    cell: int
    aspect: Through | Seen

    @property
    def whole(self) -> bool:
        """As ``Copy`` says it."""
        return True

    @property
    def name(self) -> str:
        """The field, if it is one."""
        return self.aspect.name if isinstance(self.aspect, Through) else ""

    @property
    def chain(self) -> Chain:
        """What was done before."""
        return self.aspect.chain if isinstance(self.aspect, Through) else ()


Token = Copy | Later
_TOKENS = (Copy, Later)


@attrs.define(eq=False)
class Recorder:
    """Notes reads, with what they gave, in the order in which they first happened.

    ``value`` gives a token's value: it is asked once, and only for what is read.
    """

    value: Callable[[Token], object]
    reads: dict[Token, object] = attrs.field(factory=dict)

    def read(self, token: Token) -> object:
        """The value that a token stands for."""
        try:
            return self.reads[token]
        except KeyError:
            value = self.reads[token] = self.value(token)
            return value


class Watched:
    """What all watched objects are.

    ``_values``: field to value or token.  ``_home``: the one cell that it is made of, and how; None
    if there is no such cell, or it is not known yet.
    """

    __slots__ = ()
    _values: dict[str, object]
    _home: tuple[int, Chain] | None


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


@attrs.frozen
class _Whole:
    """To ``attrs.evolve`` every watched class has this one field."""

    _values: dict[str, object] = attrs.field(alias="_values")


@functools.cache
def watched_class(cls: type[Any]) -> type[Any]:
    """The subclass whose instances are watched.  ``cls`` is an attrs class."""
    names = tuple(field.name for field in attrs.fields(cls))

    def init(self: Any, _values: dict[str, object] | None = None, **values: object) -> None:
        object.__setattr__(self, "_values", {**_values, **values} if _values else values)
        object.__setattr__(self, "_home", None)

    def equal(self: Any, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, cls):
            return False
        return all(getattr(self, name) == getattr(other, name) for name in names)

    def digest(self: Any) -> int:
        return hash(tuple(getattr(self, name) for name in names))

    body: dict[str, object] = {name: property(_reader(name)) for name in names}
    for name, member in vars(cls).items():
        if isinstance(member, property) and member.fget is not None:
            body[name] = property(_whole_reader(member.fget))
    body |= {
        "__slots__": ("_values", "_home"),
        "__init__": init,
        "__eq__": equal,
        "__hash__": digest,
        "__doc__": f"A watched {cls.__name__}.",
        "__attrs_attrs__": attrs.fields(_Whole),
    }
    return type(f"Watched{cls.__name__}", (cls, Watched), body)


def _reader(name: str) -> Callable[[Any], object]:
    def read(self: Any) -> object:
        value = self._values[name]
        return _RECORDING[-1].read(value) if value.__class__ in _TOKENS else value

    return read


def _whole_reader(function: Callable[[Any], object]) -> Callable[[Any], object]:
    def read(self: Any) -> object:
        home = _home(self)
        # Where some fields have values by now, the function may need no others.
        pure = home is not None and not (home[1] and isinstance(home[1][-1], Put))
        return seen(function, self) if pure else function(self)

    return read


def _home(item: object) -> tuple[int, Chain] | None:
    """The one cell that an object is made of, and how; None if there is no such cell."""
    if not isinstance(item, Watched):
        return None
    if item._home is None:
        object.__setattr__(item, "_home", _found_home(item))
    return item._home


def _found_home(item: Watched) -> tuple[int, Chain] | None:
    source: tuple[int, Chain] | None = None
    changes = []
    for name, value in item._values.items():
        if isinstance(value, _TOKENS):
            own = value.cell, value.chain
            if not value.whole or value.name != name or (source or own) != own:
                return None
            source = own
        elif isinstance(value, Watched | tuple) and _holds(value):
            return None
        else:
            changes.append((name, value))
    if source is None:
        return None
    cell, chain = source
    return cell, (*chain, Put(tuple(changes))) if changes else chain


def _holds(value: object) -> bool:
    if isinstance(value, tuple):
        return any(_holds(item) for item in value)
    return isinstance(value, Watched)


def lifted(function: Callable[..., ItemT], item: ItemT, *arguments: object) -> ItemT:
    """``function(item, *arguments)``, which is not read but done to whatever is found there."""
    home = _home(item)
    if home is None:
        return function(item, *arguments)
    cell, chain = home
    chain = (*chain, Call(function, arguments))
    names = cast(Watched, item)._values
    # The class is that of the item, whose fields these are.
    return type(item)(**{name: Later(cell, Through(chain, name)) for name in names})


def seen(function: Callable[..., SeenT], *items: object, given: tuple[object, ...] = ()) -> SeenT:
    """``function(*items, *given)`` as one read, if all the items were made of one object."""
    homes = [_home(item) for item in items]
    first = homes[0]
    if first is None or any(home is None or home[0] != first[0] for home in homes):
        return function(*items, *given)
    chains = tuple(home[1] for home in homes if home is not None)
    later = Later(first[0], Seen(function, chains, given))
    return cast(SeenT, _RECORDING[-1].read(later))


def raw(item: Watched) -> dict[str, object]:
    """Field to value or token; not a read."""
    return item._values


def untouched(new: object, old: object, *names: str) -> bool:
    """Whether ``new`` has these fields from ``old``, passed on as they are; not a read."""
    if isinstance(new, Watched) and isinstance(old, Watched):
        return all(new._values[name] is old._values[name] for name in names)
    return all(getattr(new, name) is getattr(old, name) for name in names)


def resolve(token: Token) -> object:
    """The value that a token stands for; this is a read."""
    return _RECORDING[-1].read(token)
