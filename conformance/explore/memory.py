"""What the properties need of the past.  Two states that differ in it are two states."""

from __future__ import annotations

from typing import TypeAlias

import attrs

from conformance.explore.desk import Desk
from conformance.explore.plain import Move
from spec_model import messages as m
from spec_model.state import State
from spec_model.tasks import Task

Step: TypeAlias = Move[State, Desk, m.Input, Task, m.Output]


@attrs.frozen(cache_hash=True)
class Memory:
    """Sets of indexes of fetches, where nothing else is said.

    ``event`` had a settle event in this life, ``asked`` were asked to stop, ``won`` had an abort()
    that resolved true, ``stopped`` were unsettled when the user aborted, ``cleared`` when the
    worker was unregistered.  ``anew`` lost or replaced bytes that an instance may have shown,
    ``titled`` have an event whose updateUI() worked.  ``sent``: (fetch, record) of requests with
    side effects.  ``pending``: calls whose promise a living realm waits for.
    """

    event: frozenset[int] = frozenset()
    asked: frozenset[int] = frozenset()
    won: frozenset[int] = frozenset()
    stopped: frozenset[int] = frozenset()
    cleared: frozenset[int] = frozenset()
    anew: frozenset[int] = frozenset()
    titled: frozenset[int] = frozenset()
    sent: frozenset[tuple[int, int]] = frozenset()
    pending: frozenset[str] = frozenset()
    restarted: bool = False


def more(memory: Memory, name: str, *items: object) -> Memory:
    """More to remember in one of the sets; made to be lifted (``watching``)."""
    # The name is one of the sets', whose items these are.
    return attrs.evolve(memory, **{name: getattr(memory, name) | set(items)})


def less(memory: Memory, name: str, *items: object) -> Memory:
    """Less to remember in one of the sets; made to be lifted."""
    return attrs.evolve(memory, **{name: getattr(memory, name) - set(items)})


def fetch_of(call: str) -> int:
    """The index of the fetch that a call of the environment is about."""
    return int(call.split("@")[1])


def kind_of(call: str) -> str:
    """The first word of a call's name."""
    return call[: next(at for at, letter in enumerate(call) if not letter.isalpha())]
