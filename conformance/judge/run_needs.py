"""Which capabilities a scenario needs, read off its world and its steps.

A scenario that needs what an implementation lacks is *unsupported*; that is
settled before anything is run.  What no step shows (streaming reads of a head,
totals beyond what is transferred) a scenario says itself in ``needs``.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from conformance.protocol import WORKER, Capability
from conformance.scenario.format import (
    BgCacheStep,
    FetchStep,
    RequestArg,
    Scenario,
    Step,
    SyncStep,
    Until,
    UserStep,
    World,
)

_OF_ACTION: dict[str, Capability] = {
    "pause": "pause",
    "resume": "pause",
    "abort": "user-abort",
    "click": "click",
    "accept": "permission",
    "refuse": "permission",
    "dismiss": "permission",
}

_OF_STEP: dict[str, Capability] = {
    "cache_put": "caches",
    "cache_keys": "caches",
    "synthesize": "synthetic-event",
    "permission": "permission",
    "open_page": "many-pages",
    "storage": "stored-bytes",
    "push": "push",
    "unregister": "unregister",
    "interface": "interface",
    "busy": "busy-realm",
    "idle": "busy-realm",
    "bgcache": "bgcache",
    "get_tags": "sync",
}


def step_kind(step: Step) -> str:
    """The name of the field that is set; empty when it is not exactly one.

    Python's name of the field, so ``pass_`` for ``pass``.
    """
    found = [name for name in step.__struct_fields__ if getattr(step, name) is not None]
    return found[0] if len(found) == 1 else ""


def all_steps(scenario: Scenario) -> Iterator[Step]:
    """The script's steps, then those of every handler program."""
    yield from scenario.script
    for program in scenario.worker.on.values():
        yield from program
    for programs in scenario.worker.each.values():
        for program in programs:
            yield from program


def required_capabilities(scenario: Scenario) -> frozenset[Capability]:
    """All that the scenario needs, declared or derived."""
    needs = {*scenario.needs, *_world_needs(scenario.world)}
    if scenario.api != "background-fetch":
        needs.add(scenario.api)
    for step in all_steps(scenario):
        needs.update(_step_needs(step))
    return frozenset(needs)


def _world_needs(world: World) -> Iterator[Capability]:
    if world.quota is not None:
        yield "quota"
    if world.permission != "granted":
        yield "permission"
    if not world.online:
        yield "offline"
    if world.concurrency is not None:
        yield "serial"


def _step_needs(step: Step) -> Iterator[Capability]:
    if (named := _OF_STEP.get(step_kind(step))) is not None:
        yield named
    match step:
        case Step(user=UserStep(window=str())):
            yield "automation"
        case Step(user=UserStep(action=action)):
            yield _OF_ACTION[action]
        case Step(quit=str(how)):
            yield "kill" if how == "kill" else "restart"
        case Step(online=bool()):
            yield "offline"
        case Step(until=Until(received=str())):
            yield "streaming"
        case Step(sync=SyncStep(api=api)):
            yield api
        case (
            Step(fetch=FetchStep(requests=requests)) | Step(bgcache=BgCacheStep(requests=requests))
        ):
            if any(isinstance(one, RequestArg) and one.body is not None for one in requests):
                yield "uploads"
            if any(isinstance(one, RequestArg) and one.hold is not None for one in requests):
                yield "streamed-uploads"
    if (realm := _realm(step)) is not None and realm not in ("p1", WORKER):
        yield "many-pages"


def _realm(step: Step) -> str | None:
    action: msgspec.Struct | None = getattr(step, step_kind(step) or "fetch")
    realm: str | None = getattr(action, "realm", None)
    return realm
