"""Background fetch within a scope, as a space."""

from __future__ import annotations

import functools
from typing import TypeAlias

from conformance.explore.compiled import CompiledSpace, Symmetry
from conformance.explore.desk import Desk, Part, Surroundings, start
from conformance.explore.forget import NUMBERS, Forget, renumbered
from conformance.explore.memory import Memory
from conformance.explore.plain import Label, Node, SystemSpace
from conformance.explore.promises import Promises
from conformance.explore.scope import Order, Scope
from conformance.explore.tables import Fixed
from spec_model.background_fetch import BackgroundFetch, UserAgent
from spec_model.choices import AS_WRITTEN_READING, CHOICES
from spec_model.editions import AMENDED, Edition
from spec_model.messages import Input, Output
from spec_model.record_objects import RecordObject
from spec_model.record_state import RecordState
from spec_model.state import Event, Realm, State
from spec_model.system import BACKGROUND_FETCH, NEWS, SOURCES, Source
from spec_model.tasks import RunRecord, Task

Step: TypeAlias = Label[Input, Task]
Full: TypeAlias = Node[State, Desk, Memory]
Space: TypeAlias = SystemSpace[State, Desk, Input, Task, Output, Memory]
Compiled: TypeAlias = CompiledSpace[State, Desk, Input, Task, Output, Memory]

BARRED = frozenset(
    f"{choice.key}={option}"
    for choice in CHOICES.values()
    for option in choice.options
    if choice.relaxes or option == AS_WRITTEN_READING
) - {f"{choice.key}={choice.options[0]}" for choice in CHOICES.values()}
"""Options that are registered to relax a property, and literal readings: they promise less."""

EAGER: dict[Order, tuple[Source, ...]] = {"settled": SOURCES, "news": NEWS, "all": ()}


def space(scope: Scope, edition: Edition = AMENDED) -> Space:
    """The space of a scope, uncompiled."""
    return SystemSpace(
        BACKGROUND_FETCH,
        start(scope),
        Surroundings(scope),
        Promises(scope),
        edition,
        canonical=Forget(scope),
        eager=EAGER[scope.order],
        barred=BARRED,
        choose_all=scope.choices,
    )


FIXED: Fixed = {
    State: frozenset({"limit", "caches", "outbox"}),
    UserAgent: frozenset({"home", "listening", "quota"}),
    BackgroundFetch: frozenset({"index", "id", "requests", "download_total", "upload_total"}),
    RecordState: frozenset(),
    Realm: frozenset({"name"}),
    Event: frozenset({"name", "type", "fetch", "launch", "trusted", "can_update_ui"}),
    RecordObject: frozenset({"name", "realm", "fetch", "record", "url", "method"}),
    Desk: frozenset(),
    Memory: frozenset(),
}
"""What is taken apart, and what of it hardly changes."""


def compiled(scope: Scope, edition: Edition = AMENDED, *, symmetric: bool = True) -> Compiled:
    """The same space, compiled.  ``symmetric``: up to the exchange of like records."""
    plain = space(scope, edition)
    parts = Surroundings(scope).parts
    symmetry = None
    if symmetric and scope.interchangeable:
        symmetry = Symmetry(_moved, functools.partial(_first, parts[: len(scope.methods)]))
    return CompiledSpace(plain, parts, FIXED, RecordState, symmetry, SOURCES)


def _moved(record: RecordState, place: int) -> RecordState:
    """A record of one fetch at another place: its exchanges have that place's numbers."""
    return renumbered(record, NUMBERS * place)


def _first(parts: tuple[Part, ...], what: object) -> tuple[object, int]:
    """A task or a part of the surroundings that is about a record, as that of the first."""
    if isinstance(what, RunRecord):
        return RunRecord(what.fetch, 0), what.record
    return (parts[0], parts.index(what)) if what in parts else (what, 0)
