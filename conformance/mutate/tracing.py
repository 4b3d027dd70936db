"""Which lines of some files are passed while something runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, TypeAlias

TraceFunction: TypeAlias = "Callable[[FrameType, str, Any], TraceFunction | None]"  # sys's own


@contextmanager
def lines_passed(files: frozenset[str]) -> Iterator[set[tuple[str, int]]]:
    """The (file, line) pairs that are passed.

    Code all of whose lines have been passed is not watched any more: that is most of what runs.
    """
    passed: set[tuple[str, int]] = set()
    left: dict[CodeType, set[int]] = {}

    def entered(frame: FrameType, event: str, _: object) -> TraceFunction | None:
        code = frame.f_code
        if code.co_filename not in files:
            return None
        if code not in left:
            left[code] = {line for *_, line in code.co_lines() if line is not None}
        waiting = left[code]

        def local(frame: FrameType, event: str, _: object) -> TraceFunction:
            waiting.discard(frame.f_lineno)
            passed.add((code.co_filename, frame.f_lineno))
            return local

        return local(frame, event, None) if waiting else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        yield passed
    finally:
        sys.settrace(before)
