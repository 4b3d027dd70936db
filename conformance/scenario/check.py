"""What the types of a scenario cannot say: that its parts fit together.

Everything here is about one scenario alone and raises ``Wrong`` at the first
fault in a fixed order: header, world, worker, script, expectations.  A scenario
that passes can be run: every name that it uses means one thing, every gate that
it opens is somebody's, every resource that it asks for exists.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable

import msgspec

from conformance.protocol import Shown, Snapshot
from conformance.readings import BadReading, reading
from conformance.scenario import check_script, sources
from conformance.scenario.format import Attempt, Expect, Hold, Resource, Scenario, World
from conformance.scenario.names import Bindings, key_form, known_key, name
from conformance.scenario.yaml_tree import Path, Wrong
from spec_model.editions import UnknownCluster

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_ATTRIBUTES = {field.encode_name for field in msgspec.structs.fields(Snapshot)}
_DISPLAYED = {field.encode_name for field in msgspec.structs.fields(Shown)}
_RESULTS = [["", ""], ["success", ""]] + [
    ["failure", reason]
    for reason in (
        "aborted",
        "bad-status",
        "fetch-error",
        "quota-exceeded",
        "download-total-exceeded",
    )
]


def check(scenario: Scenario, stem: str | None = None) -> None:
    """Raises Wrong.  ``stem``: the file's name without its suffix, which must be the id."""
    if not ID.fullmatch(scenario.scenario):
        raise Wrong(
            ("scenario",), f"the id {scenario.scenario!r}", "letters, digits, '.', '_', '-'"
        )
    if stem is not None and scenario.scenario != stem:
        raise Wrong(("scenario",), f"the id is '{scenario.scenario}'", f"the file's name, '{stem}'")
    if not scenario.title or "\n" in scenario.title:
        raise Wrong(("title",), "the title is not one line", "one line of text")
    for index, source in enumerate(scenario.source):
        if not sources.is_known(source):
            raise Wrong(
                ("source", index), f"unknown source '{source}'", _hint(source, sources.ids())
            )
    if not scenario.script:
        raise Wrong(("script",), "the script is empty", "at least one step")
    _world(scenario.world)
    bindings = check_script.check(scenario)
    for edition, expect in scenario.expect.items():
        path: Path = ("expect", edition)
        try:
            reading(edition)
        except UnknownCluster:
            pass  # it may be of another release; whoever plays it will say so
        except BadReading as error:
            hint = "amended, as-written, or amended - E01"
            raise Wrong(path, f"the edition '{edition}'", hint, True) from error
        _expect(scenario, expect, bindings, path)


def _hint(value: str, known: Collection[str]) -> str:
    prefix = value.partition("-")[0]
    near = [one for one in known if one.startswith(prefix)] or known
    close = difflib.get_close_matches(value, near, 1)
    return f"an id such as '{close[0]}'" if close else "an id such as 'S1-22', 'SC-22' or 'E01'"


# --- the world ------------------------------------------------------------------------


def _world(world: World) -> None:
    for index, origin in enumerate(world.origins):
        if not re.fullmatch(r"[a-z][a-z0-9-]*", origin) or origin == "app":
            raise Wrong(
                ("world", "origins", index), f"the origin '{origin}'", "a name other than app"
            )
        if origin in world.origins[:index]:
            raise Wrong(("world", "origins", index), f"the origin '{origin}' again", "each once")
    _at_least(0, world.quota, ("world", "quota"))
    _at_least(1, world.concurrency, ("world", "concurrency"))
    for key, resource in world.resources.items():
        path: Path = ("world", "resources", key)
        key_form(key, world, path, is_key=True)
        _resource(world, resource, path)


def _resource(world: World, resource: Resource, path: Path) -> None:
    _at_least(0, resource.size, (*path, "size"))
    if not 0 <= resource.version <= 255:
        raise Wrong((*path, "version"), f"version is {resource.version}", "0 to 255")
    for index, attempt in enumerate(resource.attempts):
        _attempt(world, attempt, (*path, "attempts", index))


def _attempt(world: World, attempt: Attempt, path: Path) -> None:
    if attempt.status is not None and not 200 <= attempt.status <= 599:
        raise Wrong((*path, "status"), f"status is {attempt.status}", "200 to 599")
    if attempt.version is not None and not 0 <= attempt.version <= 255:
        raise Wrong((*path, "version"), f"version is {attempt.version}", "0 to 255")
    for field in ("first", "count", "body"):
        _at_least(0, getattr(attempt, field), (*path, field))
    if attempt.redirect is not None:
        known_key(attempt.redirect, world, (*path, "redirect"))
    if attempt.drop is not None and (attempt.send or attempt.then != "end"):
        raise Wrong(
            (*path, "drop"), "drop beside an answer", "no send or then, since nothing is sent"
        )
    for index, item in enumerate(attempt.send):
        if isinstance(item, int):
            _at_least(1, item, (*path, "send", index))
        elif isinstance(item, Hold):
            name(item.hold, (*path, "send", index, "hold"), "gate")
    if attempt.wait is not None:
        name(attempt.wait, (*path, "wait"), "gate")


def _at_least(least: int, value: int | None, path: Path) -> None:
    if value is not None and value < least:
        field = next(part for part in reversed(path) if isinstance(part, str))
        raise Wrong(path, f"{field} is {value}", f"at least {least}")


# --- expectations ---------------------------------------------------------------------


def _expect(scenario: Scenario, expect: Expect, bindings: Bindings, path: Path) -> None:
    for index, event in enumerate(expect.events or []):
        if event not in scenario.worker.listen:
            raise Wrong(
                (*path, "events", index),
                f"the event '{event}' is never seen",
                f"one of worker.listen ({', '.join(scenario.worker.listen)})",
            )
    _names(expect.settled, bindings.calls(), "call", (*path, "settled"))
    _names(expect.final, bindings.of_kind("instance"), "instance", (*path, "final"))
    for instance, final in expect.final.items():
        if final not in _RESULTS:
            raise Wrong(
                (*path, "final", instance),
                f"the final state {final}",
                "[result, failureReason] such as [failure, bad-status]",
            )
    _names(expect.records, bindings.of_kind("records"), "match", (*path, "records"))
    for key in expect.requests:
        known_key(key, scenario.world, (*path, "requests", key), is_key=True)
    for key in expect.dropped:
        known_key(key, scenario.world, (*path, "dropped", key), is_key=True)
    _refused(scenario, expect, path)
    _looks(expect, bindings, path)
    _names(expect.progress, bindings.of_kind("instance"), "instance", (*path, "progress"))
    _names(expect.handled, scenario.worker.listen, "event", (*path, "handled"))
    for index, seen in enumerate(expect.order):
        what, _, who = seen.partition(" ")
        known = {"event": scenario.worker.listen, "body": bindings.of_kind("records")}.get(what)
        if known is None or who.partition("[")[0] not in known:
            wrong = f"nothing is seen as '{seen}'"
            raise Wrong((*path, "order", index), wrong, "event NAME, or body NAME[i]")
    _names(expect.stored, bindings.of_kind("stored"), "storage", (*path, "stored"))


def _refused(scenario: Scenario, expect: Expect, path: Path) -> None:
    """Only what the user does in the script can be refused."""
    did = [f"{step.user.action} {step.user.id}" for step in scenario.script if step.user]
    for index, each in enumerate(expect.refused or []):
        if each.partition(":")[0] not in did:
            wrong = f"the user never does '{each}'"
            raise Wrong((*path, "refused", index), wrong, "ACTION ID of a user step", True)


def _looks(expect: Expect, bindings: Bindings, path: Path) -> None:
    displays = bindings.of_kind("display")
    known = [*bindings.of_kind("snapshot"), *displays]
    _names(expect.looks, known, "look", (*path, "looks"))
    for look, attributes in expect.looks.items():
        has = _DISPLAYED if look in displays else _ATTRIBUTES
        for attribute in attributes:
            if attribute not in has:
                place = (*path, "looks", look, attribute)
                raise Wrong(place, f"unknown attribute '{attribute}'", _one_of(has), True)


def _names(used: Iterable[str], known: Collection[str], step: str, path: Path) -> None:
    for one in used:
        if one not in known:
            wrong = f"no {step} is called '{one}'"
            raise Wrong((*path, one), wrong, _one_of(known) if known else "no such name", True)


def _one_of(names: Iterable[str]) -> str:
    return "one of " + ", ".join(sorted(names))
