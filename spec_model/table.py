"""One small door to ``transitions``: tables of legal moves over plain values.

Theory.  A table is data: rows of (trigger, source, destination), each with the
steps of the text that make the move, or ``NON-SPEC`` and a reason.  Nothing
happens *in* a table: no callbacks, no guards, no automatic transitions, no
queue.  Where an algorithm would guard a move it picks another trigger instead.
So ``fire`` is a pure function from a state and a trigger to a state, and what is
not in the table raises ``IllegalMove``: an illegal move is a bug of the caller,
never something that a page could see.

Editions.  A defect of the text can open a door that its repair closes
(``unless``: the row exists only while that erratum is *not* repaired), or keep a
door shut that its repair opens (``only_with``).  A table holds both kinds, since
both texts run here; ``rows(amended=True)`` is what remains when all is repaired.

``transitions`` does the moving behind this door and never sees our state: it
moves a token that lives for one call.  (Adding models to a machine keeps them
alive, injects methods, and skips models that compare equal.)
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import attrs
from transitions import Machine, MachineError, Transition

NON_SPEC = "NON-SPEC"
"""Stands in ``Row.cite`` for a move that no step makes; ``Row.why`` then says why it is here."""

S = TypeVar("S", bound=enum.Enum)
T = TypeVar("T", bound=enum.Enum)


@attrs.frozen
class IllegalMove(Exception):
    """This trigger has no row for this state: the caller's bug, and nothing has moved."""

    state: enum.Enum
    trigger: enum.Enum
    allowed: tuple[enum.Enum, ...]

    def __str__(self) -> str:
        legal = ", ".join(str(each.value) for each in self.allowed) or "nothing: it is an end"
        return (
            f"{type(self.state).__name__} {self.state.value!r} has no move "
            f"{self.trigger.value!r}; what it allows: {legal}"
        )


@attrs.frozen
class UncitedMove(Exception):
    """A row has neither a step nor NON-SPEC: the table is unfinished, and is not built."""

    source: object

    def __str__(self) -> str:
        return f"a move from {self.source} cites no step; a move of our own cites {NON_SPEC}"


@attrs.frozen
class Row(Generic[S, T]):
    """One legal move.

    ``cite``: the step ids that make it, or ``("NON-SPEC",)``.  ``why``: one line in
    our words.  ``unless`` / ``only_with``: the erratum whose repair removes / adds it.
    """

    trigger: T
    source: S
    dest: S
    cite: tuple[str, ...]
    why: str
    unless: str | None = None
    only_with: str | None = None


def rows(
    trigger: T,
    sources: Iterable[S],
    dest: S | None,
    cite: str,
    why: str,
    *,
    unless: str | None = None,
    only_with: str | None = None,
) -> tuple[Row[S, T], ...]:
    """The rows of one trigger from several states; with ``dest`` None each stays where it is."""
    return tuple(
        Row(
            trigger,
            source,
            source if dest is None else dest,
            tuple(cite.split()),
            why,
            unless,
            only_with,
        )
        for source in sources
    )


# transitions leaves its own callback arguments untyped; nothing of this class leaves the module.
class _CitedTransition(Transition):
    """A transition that cannot be built without saying where the text has it."""

    def __init__(self, *args: Any, cite: tuple[str, ...], **kwargs: Any) -> None:
        if not cite:
            raise UncitedMove(kwargs.get("source", args[0] if args else None))
        super().__init__(*args, **kwargs)
        self.cite = cite


class _CitedMachine(Machine):
    transition_cls = _CitedTransition


@attrs.define(eq=False)
class _Token:
    """What ``transitions`` moves: it lives for one call of ``fire``."""

    state: enum.Enum


class Table(Generic[S, T]):
    """Legal moves between the members of one enum.  Build one per lifecycle, at import."""

    def __init__(
        self, name: str, states: type[S], triggers: type[T], initial: S, moves: Iterable[Row[S, T]]
    ) -> None:
        self.name = name
        self.states: tuple[S, ...] = tuple(states)
        self.triggers: tuple[T, ...] = tuple(triggers)
        self._enum = states
        self.initial = initial
        self._rows = tuple(moves)
        self._machine = _CitedMachine(
            model=None,
            states=states,
            initial=initial,
            transitions=[
                {
                    "trigger": str(row.trigger.value),
                    "source": row.source,
                    "dest": row.dest,
                    "cite": row.cite,
                }
                for row in self._rows
            ],
            auto_transitions=False,
            model_attribute="state",
        )
        # Pure, so remembering its answers is invisible; firing costs microseconds otherwise.
        self._moved = functools.cache(self._move)

    def fire(self, state: S, trigger: T) -> S:
        """The state that ``trigger`` leads to.  Raises IllegalMove if there is no such row."""
        return self._moved(state, trigger)

    def allowed(self, state: S) -> tuple[T, ...]:
        """The triggers that have a row for ``state``, in table order."""
        return tuple(row.trigger for row in self._rows if row.source is state)

    def rows(self, *, amended: bool = False) -> tuple[Row[S, T], ...]:
        """All rows, or those that remain once every erratum is repaired."""
        return tuple(row for row in self._rows if not (amended and row.unless))

    def ends(self) -> tuple[S, ...]:
        """The states that nothing leaves once every erratum is repaired, in enum order."""
        left = {row.source for row in self.rows(amended=True) if row.dest is not row.source}
        return tuple(state for state in self.states if state not in left)

    def _move(self, state: S, trigger: T) -> S:
        token = _Token(state)
        try:
            moved = self._machine.events[str(trigger.value)].trigger(token)
        except (MachineError, KeyError):  # KeyError: no row at all has this trigger
            raise IllegalMove(state, trigger, self.allowed(state)) from None
        assert moved, "a table has no guards"
        return self._enum(token.state)
