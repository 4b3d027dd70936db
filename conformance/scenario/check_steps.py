"""One step at a time: what script and handler programs have in common, and handlers whole.

A handler may use its own names, the script's, and ``event``: the event's registration.
"""

from __future__ import annotations

import re

import attrs

from conformance.protocol import WORKER
from conformance.scenario.format import (
    AbortStep,
    BgCacheStep,
    CacheKeysStep,
    CachePutStep,
    FetchStep,
    GetIdsStep,
    GetStep,
    GetTagsStep,
    LookStep,
    MatchStep,
    ReadStep,
    RequestArg,
    Scenario,
    Step,
    SyncStep,
    SynthesizeStep,
    UpdateUIStep,
)
from conformance.scenario.names import (
    EVENT,
    SPELLED,
    Binding,
    Bindings,
    bound_name,
    key_form,
    known_key,
    the_one,
)
from conformance.scenario.yaml_tree import Path, Wrong

_SCRIPT_ONLY = (
    *("user", "open_page", "close_page", "online", "permission", "quit", "launch", "pass_"),
    *("interface", "busy", "idle"),
    *("storage", "push", "unregister", "release", "until", "quiet"),
)


@attrs.define
class Program:
    """What script and handlers share: the checks of one step, by its kind."""

    scenario: Scenario
    bindings: Bindings
    held: frozenset[str]

    def use(self, used: str, kind: str, path: Path) -> None:
        """Raises Wrong unless ``used`` is a name of this kind that is known here."""
        raise NotImplementedError

    def realm(self, realm: str | None, path: Path) -> None:
        """Raises Wrong unless calls can be made in this realm here."""
        raise NotImplementedError

    def step(self, field: str, value: object, path: Path) -> None:
        """Check what a step names.  Raises Wrong."""
        match value:
            case FetchStep() | BgCacheStep():
                self._requests(value, path)
            case AbortStep() | LookStep() | MatchStep():
                self.use(value.on, "instance", (*path, "on"))
                if isinstance(value, MatchStep):
                    self._match(field, value, path)
            case ReadStep() | CachePutStep():
                self.use(value.records, "records", (*path, "records"))
            case UpdateUIStep() if value.event is not None:
                if value.event not in self.scenario.worker.listen:
                    self.use(value.event, "event", (*path, "event"))
            case SynthesizeStep() if value.on is not None:
                self.use(value.on, "instance", (*path, "on"))
            case SyncStep() if value.min_interval is not None and value.min_interval < 0:
                raise Wrong((*path, "min_interval"), "a negative interval", "seconds, at least 0")
        if isinstance(
            value,
            FetchStep
            | GetStep
            | GetIdsStep
            | GetTagsStep
            | CachePutStep
            | CacheKeysStep
            | SyncStep
            | BgCacheStep,
        ):
            self.realm(value.realm, (*path, "in"))

    def _match(self, field: str, value: MatchStep, path: Path) -> None:
        # What is looked for need not exist.
        if value.url is not None:
            key_form(value.url, self.scenario.world, (*path, "url"))
        elif field == "match":
            raise Wrong(path, "match has no url", "a url (match_all may leave it out)")

    def _requests(self, value: FetchStep | BgCacheStep, path: Path) -> None:
        for index, request in enumerate(value.requests):
            place: Path = (*path, "requests", index)
            if isinstance(request, RequestArg):
                known_key(request.url, self.scenario.world, (*place, "url"))
                if isinstance(request.body, int) and request.body < 0:
                    raise Wrong((*place, "body"), "a negative length", "a length or a text")
            else:
                known_key(request, self.scenario.world, place)
        if isinstance(value, FetchStep) and not 0 <= value.download_total < 2**64:
            wrong = f"download_total is {value.download_total}"
            raise Wrong((*path, "download_total"), wrong, "0 to 2^64-1")

    def kind(self, binding: Binding, used: str, kind: str, path: Path) -> None:
        """Raises Wrong unless the binding is of this kind."""
        if binding.kind != kind:
            raise Wrong(path, f"'{used}' is {_a(binding.kind)}", _a(kind))

    def unknown(self, used: str, kind: str, path: Path) -> Wrong:
        """That a name stands for nothing here."""
        known = ", ".join(sorted(self.bindings.of_kind(kind))) or "none is bound"
        return Wrong(path, f"unknown name '{used}'", f"{_a(kind)} ({known})")


def _a(kind: str) -> str:
    return {
        "instance": "an instance",
        "event": "an event",
        "snapshot": "a look",
        "display": "a look at the interface",
        "stored": "a storage reading",
        "call": "a call",
    }.get(kind, kind)


def without_index(used: str, kind: str) -> str:
    """The name in ``films[1]``, which is one record of several."""
    return re.sub(r"\[\d+\]$", "", used) if kind == "records" else used


@attrs.define
class Handler(Program):
    """One handler program; ``event`` is an instance in it."""

    own: set[str] = attrs.field(factory=set)

    def run(self, root: Path, steps: list[Step]) -> None:
        for index, step in enumerate(steps):
            path: Path = (*root, index)
            field, value = the_one(step, path)
            spelled = SPELLED.get(field, field)
            if field in _SCRIPT_ONLY:
                raise Wrong((*path, spelled), f"{spelled} in a handler", "it in the script", True)
            self.step(field, value, (*path, spelled))
            bound, _ = bound_name(field, value, path)
            if bound is not None:
                self.own.add(bound)

    def use(self, used: str, kind: str, path: Path) -> None:
        used = without_index(used, kind)
        if used == EVENT and kind in ("instance", "event"):
            return
        binding = self.bindings.by_name.get(used)
        if binding is None:
            raise self.unknown(used, kind, path)
        if binding.handler and used not in self.own:
            wrong = f"'{used}' is bound later, or by another handler"
            raise Wrong(path, wrong, "a name of this program or of the script")
        self.kind(binding, used, kind, path)

    def realm(self, realm: str | None, path: Path) -> None:
        if realm not in (None, WORKER):
            raise Wrong(path, f"the realm '{realm}' in a handler", "worker, or nothing")
