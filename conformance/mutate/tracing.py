"""Which lines of some files are passed while something runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeAlias

TraceFunction: TypeAlias = "Callable[[FrameType, str, Any], TraceFunction | None]"  # sys's own


@contextmanager
def lines_passed(files: frozenset[str]) -> Iterator[set[tuple[str, int]]]:
    """The (file, line) pairs that are passed."""
    passed: set[tuple[str, int]] = set()

    def local(frame: FrameType, event: str, _: object) -> TraceFunction:
        passed.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def entered(frame: FrameType, event: str, _: object) -> TraceFunction | None:
        return local(frame, event, None) if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        yield passed
    finally:
        sys.settrace(before)
