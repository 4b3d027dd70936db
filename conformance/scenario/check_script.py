"""The names, gates and realms of a script, and of the handler programs beside it.

The script may use what it has bound before, as long as the page or worker that
holds it lives and its promise has been waited for; it may also use what handlers
bind, since only the run decides when.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from conformance.protocol import WORKER
from conformance.scenario.check_steps import Handler, Program, without_index
from conformance.scenario.check_until import observer_of
from conformance.scenario.format import Hold, RequestArg, Scenario, Step, Until, UpdateUIStep
from conformance.scenario.names import (
    FIRST_PAGE,
    SCRIPT,
    SPELLED,
    Bindings,
    bind,
    bound_name,
    known_key,
    name,
    the_one,
)
from conformance.scenario.yaml_tree import Path, Wrong

_HANDLER_ONLY = ("hold", "throw")
_WHILE_DOWN = ("launch", "online", "pass_", "release", "until", "quiet")


def check(scenario: Scenario) -> Bindings:
    """Check worker and script; Raises Wrong.  Returns what the names of the scenario are."""
    programs = list(_programs(scenario))
    bindings = bind([*programs, (SCRIPT, scenario.script)])
    held = _gates(scenario, programs)
    for path, program in programs:
        Handler(scenario, bindings, held).run(path, program)
    _Script(scenario, bindings, held).run(SCRIPT, scenario.script)
    return bindings


def _programs(scenario: Scenario) -> Iterator[tuple[Path, list[Step]]]:
    worker = scenario.worker
    for index, event in enumerate(worker.listen):
        if event in worker.listen[:index]:
            raise Wrong(("worker", "listen", index), f"the event '{event}' again", "each once")
    for where in ("on", "each"):
        for event in getattr(worker, where):
            path: Path = ("worker", where, event)
            if event not in worker.listen:
                listened = ", ".join(worker.listen)
                wrong = f"the worker does not listen to '{event}'"
                raise Wrong(path, wrong, f"one of worker.listen ({listened})", True)
            if where == "each" and event in worker.on:
                raise Wrong(path, f"'{event}' has programs under on and each", "one of them", True)
    for event, program in worker.on.items():
        yield ("worker", "on", event), program
    for event, each in worker.each.items():
        for index, program in enumerate(each):
            yield ("worker", "each", event, index), program


def _gates(scenario: Scenario, programs: list[tuple[Path, list[Step]]]) -> frozenset[str]:
    gates: set[str] = set()
    for resource in scenario.world.resources.values():
        for attempt in resource.attempts:
            gates.update(item.hold for item in attempt.send if isinstance(item, Hold))
            if attempt.wait is not None:
                gates.add(attempt.wait)
    for step in scenario.script:
        for request in step.fetch.requests if step.fetch is not None else ():
            if isinstance(request, RequestArg) and request.hold is not None:
                gates.add(request.hold)
    for path, program in programs:
        for index, step in enumerate(program):
            if step.hold is not None:
                name(step.hold, (*path, index, "hold"), "gate")
                gates.add(step.hold)
    return frozenset(gates)


@attrs.define
class _Script(Program):
    """The script: which pages are open, which names still live, which have settled."""

    pages: set[str] = attrs.field(factory=lambda: {FIRST_PAGE})
    running: bool = True
    live: set[str] = attrs.field(factory=set)
    gone: dict[str, str] = attrs.field(factory=dict)
    pending: set[str] = attrs.field(factory=set)

    def run(self, root: Path, steps: list[Step]) -> None:
        for index, step in enumerate(steps):
            path: Path = (*root, index)
            field, value = the_one(step, path)
            spelled = SPELLED.get(field, field)
            if field in _HANDLER_ONLY:
                raise Wrong((*path, spelled), f"{spelled} in the script", "it in a handler", True)
            if not self.running and field not in _WHILE_DOWN:
                wrong = f"{spelled} while the user agent is not running"
                raise Wrong((*path, spelled), wrong, "launch before it", True)
            self.step(field, value, (*path, spelled))
            if isinstance(value, UpdateUIStep) and value.event is None:
                raise Wrong((*path, field), "no event to update the UI of", "event: its name")
            effect = _EFFECTS.get(field)
            if effect is not None:
                effect(self, value, (*path, spelled))
            bound, _ = bound_name(field, value, path)
            if bound is not None:
                self.live.add(bound)
                if getattr(value, "wait", True) is False:
                    self.pending.add(bound)

    def use(self, used: str, kind: str, path: Path) -> None:
        used = without_index(used, kind)
        binding = self.bindings.by_name.get(used)
        if binding is None:
            raise self.unknown(used, kind, path)
        if kind != "call" or not binding.call:
            self.kind(binding, used, kind, path)
        if used in self.gone:
            raise Wrong(path, f"'{used}' is gone", f"a name that outlives {self.gone[used]}")
        if not binding.handler and used not in self.live:
            raise Wrong(path, f"'{used}' is bound later", "a name bound before this step")
        if kind != "call" and used in self.pending:
            wrong = f"'{used}' may not have settled yet"
            raise Wrong(path, wrong, f"until: {{settled: {used}}} before")

    def realm(self, realm: str | None, path: Path) -> None:
        wanted = realm or FIRST_PAGE
        if wanted != WORKER and wanted not in self.pages:
            pages = ", ".join([*sorted(self.pages), WORKER])
            raise Wrong(path, f"the page '{wanted}' is not open", f"one of {pages}")

    def _open_page(self, value: object, path: Path) -> None:
        assert isinstance(value, str)
        name(value, path, "page")
        if value in self.pages or value == WORKER:
            raise Wrong(path, f"the page '{value}' is open already", "another name")
        self.pages.add(value)

    def _close_page(self, value: object, path: Path) -> None:
        assert isinstance(value, str)
        self.realm(value, path)
        self.pages.discard(value)
        self._lose(lambda realm: realm == value, f"page '{value}'")

    def _busy(self, value: object, path: Path) -> None:
        assert isinstance(value, str)
        self.realm(value, path)

    def _quit(self, value: object, path: Path) -> None:
        self.running = False
        self.pages.clear()
        self._lose(lambda realm: True, "the user agent")

    def _launch(self, value: object, path: Path) -> None:
        if self.running:
            raise Wrong(path, "launch while the user agent is running", "quit before it")
        self.running = True
        self.pages.add(FIRST_PAGE)

    def _lose(self, lost: Callable[[str], bool], holder: str) -> None:
        for used in sorted(self.live):
            if lost(self.bindings.by_name[used].realm):
                self.live.discard(used)
                self.gone[used] = holder

    def _release(self, value: object, path: Path) -> None:
        assert isinstance(value, str)
        self._gate(value, path)

    def _gate(self, gate: str, path: Path) -> None:
        if gate not in self.held:
            known = ", ".join(sorted(self.held)) or "none"
            raise Wrong(
                path, f"nothing is held at the gate '{gate}'", f"one of the gates ({known})"
            )

    def _pass(self, value: object, path: Path) -> None:
        assert isinstance(value, float | int)
        if value <= 0:
            raise Wrong(path, f"pass is {value}", "seconds, more than 0")

    def _quiet(self, value: object, path: Path) -> None:
        self.pending.clear()

    def _until(self, value: object, path: Path) -> None:
        assert isinstance(value, Until)
        observer = observer_of(value, path)
        at: Path = (*path, observer)
        match observer:
            case "request" | "sent":
                known_key(str(getattr(value, observer)), self.scenario.world, at)
            case "held":
                self._gate(str(value.held), at)
            case "event":
                if value.event not in self.scenario.worker.listen:
                    listened = ", ".join(self.scenario.worker.listen)
                    wrong = f"the worker does not listen to '{value.event}'"
                    raise Wrong(at, wrong, f"one of worker.listen ({listened})")
            case "settled":
                self.use(str(value.settled), "call", at)
                self.pending.discard(str(value.settled))
            case "progress" | "shows":
                self._alive(at)
                self.use(str(getattr(value, observer)), "instance", at)
            case "received":
                self._alive(at)
                self.use(str(value.received), "records", at)

    def _alive(self, path: Path) -> None:
        if not self.running:
            raise Wrong(path, "nobody can see this while the user agent is down", "launch before")


_EFFECTS: dict[str, Callable[[_Script, object, Path], None]] = {
    "open_page": _Script._open_page,
    "busy": _Script._busy,
    "idle": _Script._busy,
    "close_page": _Script._close_page,
    "quit": _Script._quit,
    "launch": _Script._launch,
    "release": _Script._release,
    "pass_": _Script._pass,
    "quiet": _Script._quiet,
    "until": _Script._until,
}
