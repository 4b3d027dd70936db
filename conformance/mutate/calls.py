"""Whether a change can matter to a run at all: asked of each call, without running anything.

The model's functions are pure.  So a run of the changed model is the same as long as the
changed function gives, for everything that it was asked in the true run, what it gave there:
by induction nothing else can differ.  To call one function again is a thousand times cheaper
than to play a scenario, and most plays that pass a changed place do not care.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import TypeAlias

import attrs

from spec_model.decide import Explain


@attrs.frozen
class Asked:
    """One call: what a function was given and what it gave."""

    arguments: dict[str, object]
    gave: object


Named: TypeAlias = tuple[str, str]
"""A function by its file and qualified name, which a change leaves as they are."""

Calls: TypeAlias = dict[Named, list[Asked]]
"""The calls of each function in one run, each of them once."""


@contextmanager
def calls_made(codes: frozenset[CodeType]) -> Iterator[Calls]:
    """The calls of functions with these codes, which must be ``comparable``."""
    made: Calls = {}
    seen: set[tuple[object, ...]] = set()
    kept: list[object] = []  # an id means something only while its object lives
    open_calls: dict[FrameType, dict[str, object]] = {}

    def profile(frame: FrameType, event: str, value: object) -> None:
        code = frame.f_code
        if code not in codes:
            return
        if event == "call":
            arguments = dict(frame.f_locals)
            key = (code, *map(id, arguments.values()))
            if key not in seen:
                seen.add(key)
                kept.append(arguments)
                open_calls[frame] = arguments
        elif event == "return" and frame in open_calls:
            made.setdefault(named(code), []).append(Asked(open_calls.pop(frame), value))

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield made
    finally:
        sys.setprofile(before)


def named(code: CodeType) -> Named:
    """The function of a code, changed or not."""
    return code.co_filename, code.co_qualname


def comparable(code: CodeType) -> bool:
    """Whether calling it again with the same arguments, by name, gives something to compare."""
    return not code.co_flags & (inspect.CO_GENERATOR | inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)


def matters(function: Callable[..., object], asked: Sequence[Asked]) -> bool:
    """Whether a changed function gives anything else than it gave."""
    for each in asked:
        arguments = {name: _again(value) for name, value in each.arguments.items()}
        try:
            if function(**arguments) != each.gave:
                return True
        except Exception:  # noqa: BLE001 - it did not raise before
            return True
    return False


def _again(value: object) -> object:
    """A driver that answers the same."""
    return Explain(value.edition, value.profile) if isinstance(value, Explain) else value
