"""YAML 1.2, narrowed to what a scenario needs, with the place of every node.

A scenario may come from anyone, so reading it costs no more than it is worth:
no anchors, aliases, tags or directives (nothing can refer, expand or construct),
one document, string keys, no key twice, and bounds on size, depth and number of
nodes that are checked while the events arrive, not afterwards.  Plain scalars
follow the core schema of YAML 1.2: ``no``, ``on`` and dates are strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

MAX_BYTES = 256 * 1024
"""Bytes of one file."""
MAX_DEPTH = 32
"""Collections within collections."""
MAX_NODES = 20_000
"""Scalars and collections together."""

Path = tuple[str | int, ...]
"""Where in a document: field names and list indexes from the root."""

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]


@attrs.frozen
class Mark:
    """A place in the text; line and column count from 1."""

    line: int = 1
    column: int = 1


@attrs.frozen
class Unreadable(Exception):
    """The text is not the YAML that scenarios are written in."""

    mark: Mark
    wrong: str
    expected: str

    def __str__(self) -> str:
        return f"{self.mark.line}:{self.mark.column}: {self.wrong}, expected {self.expected}"


@attrs.frozen
class Tree:
    """A document's value, and where each value and each key of a mapping begins."""

    value: Value
    values: dict[Path, Mark]
    keys: dict[Path, Mark]

    def mark(self, path: Path, key: bool = False) -> Mark:
        """Where ``path`` is; what is absent is at the nearest thing that holds it."""
        if key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values[path]


@attrs.frozen
class Wrong(Exception):
    """Something in a document is not what it should be.

    ``path`` may name what is absent.  ``key``: the name itself is wrong, not its value.
    """

    path: Path
    wrong: str
    expected: str
    key: bool = False

    def __str__(self) -> str:
        at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)
        return f"${at}: {self.wrong}, expected {self.expected}"


def read(text: str) -> Tree:
    """Parse one document.  Raises Unreadable at the first thing that is not allowed."""
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise Unreadable(Mark(), "the file is too large", f"at most {MAX_BYTES} bytes")
    return _Builder(_events(text)).document()


def _events(text: str) -> Iterator[Event]:
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "a syntax error"
        raise Unreadable(_place(mark), " ".join(problem.split()), "YAML 1.2") from error
    except YAMLError as error:
        # The reader refuses characters before there is any mark.
        place = _offset_to_mark(text, getattr(error, "position", 0))
        raise Unreadable(place, "a character that YAML does not allow", "YAML 1.2") from error


def _place(mark: object) -> Mark:
    return Mark(getattr(mark, "line", 0) + 1, getattr(mark, "column", 0) + 1)


def _offset_to_mark(text: str, offset: int) -> Mark:
    before = text[:offset]
    return Mark(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


@attrs.define
class _Builder:
    """Builds the tree from events; recursion is bounded by MAX_DEPTH."""

    _events: Iterator[Event]
    _values: dict[Path, Mark] = attrs.field(factory=dict)
    _keys: dict[Path, Mark] = attrs.field(factory=dict)
    _nodes: int = 0

    def document(self) -> Tree:
        self._next(StreamStartEvent)
        start = next(self._events)
        if isinstance(start, StreamEndEvent):
            raise Unreadable(Mark(), "the file is empty", "a scenario")
        if isinstance(start, DocumentStartEvent) and (start.version or start.tags):
            raise Unreadable(_place(start.start_mark), "a directive", "none")
        value = self._value(next(self._events), (), 0)
        next(self._events)
        end = next(self._events)
        if not isinstance(end, StreamEndEvent):
            raise Unreadable(_place(end.start_mark), "a second document", "only one")
        return Tree(value, self._values, self._keys)

    def _next(self, kind: type[Event]) -> Event:
        event = next(self._events)
        assert isinstance(event, kind)
        return event

    def _value(self, event: Event, path: Path, depth: int) -> Value:
        mark = _place(event.start_mark)
        self._admit(event, mark, depth)
        self._values[path] = mark
        if isinstance(event, MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path, depth)
        assert isinstance(event, ScalarEvent)
        return _scalar(event, mark)

    def _admit(self, event: Event, mark: Mark, depth: int) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise Unreadable(mark, "too many values", f"at most {MAX_NODES}")
        if depth > MAX_DEPTH:
            raise Unreadable(mark, "too deeply nested", f"at most {MAX_DEPTH} levels")
        if isinstance(event, AliasEvent):
            raise Unreadable(mark, f"the alias *{event.anchor}", "the value itself")
        assert isinstance(event, NodeEvent)
        if event.anchor is not None:
            raise Unreadable(mark, f"the anchor &{event.anchor}", "no anchors")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise Unreadable(mark, f"the tag {tag}", "no tags")

    def _mapping(self, path: Path, depth: int) -> Value:
        result: dict[str, Value] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            mark = _place(event.start_mark)
            self._admit(event, mark, depth + 1)
            key = _scalar(event, mark) if isinstance(event, ScalarEvent) else None
            if not isinstance(key, str):
                shown = event.value if isinstance(event, ScalarEvent) else "a collection"
                raise Unreadable(mark, f"the key {shown} is not a string", "a name (or quotes)")
            if key in result:
                raise Unreadable(mark, f"the key {key!r} comes twice", "each key once")
            self._keys[(*path, key)] = mark
            result[key] = self._value(next(self._events), (*path, key), depth + 1)
        return result

    def _sequence(self, path: Path, depth: int) -> Value:
        result: list[Value] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            result.append(self._value(event, (*path, len(result)), depth + 1))
        return result


# The core schema, YAML 1.2.2 section 10.3.2.
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MAX_DIGITS = 20


def resolve(text: str) -> bool | int | float | str | None:
    """What a plain scalar stands for.  The number must be one that ``_scalar`` admits."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _scalar(event: ScalarEvent, mark: Mark) -> Value:
    text: str = event.value
    if not event.implicit[0]:  # quoted or a block scalar
        return text
    if len(text) > _MAX_DIGITS and (_INT.fullmatch(text) or _FLOAT.fullmatch(text)):
        raise Unreadable(mark, "a number that is too long", f"at most {_MAX_DIGITS} digits")
    if _NOT_FINITE.fullmatch(text):
        raise Unreadable(mark, f"the number {text}", "a finite number")
    return resolve(text)
