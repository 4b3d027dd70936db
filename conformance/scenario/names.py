"""What the names of a scenario stand for.

A name is bound once in a scenario, by the script or by a handler program, so
that an expectation which speaks of it speaks of one thing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import attrs

from conformance.protocol import WORKER
from conformance.scenario.format import Step, World
from conformance.scenario.yaml_tree import Path, Wrong

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_KEY = re.compile(r"(?:(?P<origin>[a-z][a-z0-9-]*):)?/[^\s#]*")
EVENT = "event"
FIRST_PAGE = "p1"
SCRIPT: Path = ("script",)

_STEPS = tuple(field for field in Step.__struct_fields__)
SPELLED = {"pass_": "pass"}
_FLAGS = ("launch", "throw", "quiet")

_KINDS: dict[str, str] = {
    "fetch": "instance",
    "get": "instance",
    "match": "records",
    "match_all": "records",
    "get_ids": "strings",
    "get_tags": "strings",
    "cache_keys": "strings",
    "look": "snapshot",
    "interface": "display",
    "storage": "stored",
    "synthesize": "event",
}


@attrs.frozen
class Binding:
    """What a name stands for.

    ``kind``: instance, records, ...; ``call``: it names what settles; ``path``: where it is bound;
    ``realm``: the page or worker that holds it; ``handler``: a handler program binds it.
    """

    kind: str
    call: bool
    path: Path
    realm: str
    handler: bool


@attrs.frozen
class Bindings:
    """Every name of a scenario."""

    by_name: dict[str, Binding]

    def calls(self) -> Collection[str]:
        """Names of what settles."""
        return [name for name, binding in self.by_name.items() if binding.call]

    def of_kind(self, kind: str) -> Collection[str]:
        """Names of one kind: instance, records, snapshot, stored, event, strings, value."""
        return [name for name, binding in self.by_name.items() if binding.kind == kind]


def name(value: str, path: Path, what: str) -> None:
    """Raises Wrong unless ``value`` can be a name."""
    if not NAME.fullmatch(value) or value == EVENT:
        raise Wrong(path, f"the {what} name {value!r}", "a letter, then letters, digits, '-', '_'")


def known_key(key: str, world: World, path: Path, is_key: bool = False) -> None:
    """Raises Wrong unless ``key`` is a resource of the world."""
    if key not in world.resources:
        known = ", ".join(world.resources) or "none"
        raise Wrong(path, f"unknown resource '{key}'", f"one of world.resources ({known})", is_key)


def key_form(key: str, world: World, path: Path, is_key: bool = False) -> None:
    """Raises Wrong unless ``key`` can name a resource: ``/path``, or a known origin's."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise Wrong(path, f"the resource key '{key}'", "/path or origin:/path", is_key)
    if match["origin"] is not None and match["origin"] not in world.origins:
        known = ", ".join(world.origins) or "none"
        wrong = f"unknown origin '{match['origin']}'"
        raise Wrong(path, wrong, f"one of world.origins ({known})", is_key)


def the_one(step: Step, path: Path) -> tuple[str, object]:
    """The field of a step that is set.  Raises Wrong unless it is exactly one."""
    given = [field for field in _STEPS if getattr(step, field) is not None]
    if len(given) != 1:
        shown = " and ".join(SPELLED.get(field, field) for field in given) or "nothing"
        raise Wrong(path, f"a step with {shown}", "exactly one kind of step")
    value: object = getattr(step, given[0])
    if given[0] in _FLAGS and value is not True:
        raise Wrong((*path, given[0]), f"{given[0]} is false", "true")
    return given[0], value


def bind(programs: Iterable[tuple[Path, list[Step]]]) -> Bindings:
    """The names that programs bind, the script's (at ``SCRIPT``) among them.  Raises Wrong."""
    found: dict[str, Binding] = {}
    for root, steps in programs:
        for index, step in enumerate(steps):
            path: Path = (*root, index)
            field, value = the_one(step, path)
            bound, at = bound_name(field, value, path)
            if bound is None:
                continue
            name(bound, at, "bound")
            if bound in found:
                first = " ".join(str(part) for part in found[bound].path)
                raise Wrong(
                    at, f"the name '{bound}' is bound twice", f"another name than at {first}"
                )
            handler = root != SCRIPT
            realm = WORKER if handler or field == "synthesize" else _realm(value, found)
            call = field not in ("look", "interface", "storage")
            found[bound] = Binding(_KINDS.get(field, "value"), call, path, realm, handler)
    return Bindings(found)


def bound_name(field: str, value: object, path: Path) -> tuple[str | None, Path]:
    """The name that a step binds, or None, and where it is written."""
    if field in ("storage", "unregister"):
        assert isinstance(value, str)
        return value, (*path, field)
    bound: str | None = getattr(value, "name", None)
    return bound, (*path, field, "as")


def _realm(value: object, found: dict[str, Binding]) -> str:
    on = found.get(getattr(value, "on", ""))
    realm: str | None = on.realm if on is not None else getattr(value, "realm", None)
    return realm or FIRST_PAGE
