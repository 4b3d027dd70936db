"""One ``until``: exactly one observer, and only what that observer can tell."""

from __future__ import annotations

from conformance.scenario.format import Until
from conformance.scenario.yaml_tree import Path, Wrong

_OBSERVERS = ("request", "sent", "held", "event", "settled", "progress", "received", "shows")
_MODIFIERS: dict[str, tuple[str, ...]] = {
    "attempt": ("request", "sent"),
    "count": ("event",),
    "downloaded": ("progress", "shows"),
    "finished": ("progress", "shows"),
    "length": ("received",),
    "closed": ("shows",),
}


def observer_of(until: Until, path: Path) -> str:
    """The observer that is named.  Raises Wrong."""
    named = [field for field in _OBSERVERS if getattr(until, field) is not None]
    if len(named) != 1:
        shown = " and ".join(named) or "nothing"
        raise Wrong(path, f"until names {shown}", f"exactly one of {', '.join(_OBSERVERS)}")
    _modifiers(until, named[0], path)
    return named[0]


def _modifiers(until: Until, observer: str, path: Path) -> None:
    defaults = Until()
    for field, observers in _MODIFIERS.items():
        value = getattr(until, field)
        if value == getattr(defaults, field):
            continue
        if observer not in observers:
            wrong = f"'{field}' beside '{observer}'"
            raise Wrong((*path, field), wrong, f"it with {' or '.join(observers)}", True)
        if value < 0 or (value == 0 and field in ("attempt", "count")):
            raise Wrong((*path, field), f"{field} is {value}", "a positive number")
