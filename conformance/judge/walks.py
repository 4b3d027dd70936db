"""Which scenarios take which steps, when they are walked on the model.

A scenario is walked under the amended text and under every edition whose outcome it
states, for some steps are only ever taken where an amendment is left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from conformance.adapters.model import CAPABILITIES, Explained
from conformance.judge.explain import run_on_model
from conformance.judge.run_needs import required_capabilities
from conformance.readings import reading
from conformance.scenario.format import Scenario

WALKED = "amended"


def steps_taken(scenarios: Iterable[Scenario]) -> dict[str, tuple[str, ...]]:
    """The scenarios that take a step, by the step's id; the rest is not there.

    A scenario that the model cannot run takes none.  Must be called outside trio.
    """
    found: dict[str, list[str]] = {}
    for scenario in scenarios:
        for step in sorted(_steps_of(scenario)):
            found.setdefault(step, []).append(scenario.scenario)
    return {step: tuple(names) for step, names in found.items()}


def _steps_of(scenario: Scenario) -> set[str]:
    if required_capabilities(scenario) - set(CAPABILITIES):
        return set()
    taken: set[str] = set()

    def listen(_: int, explained: Explained) -> None:
        taken.update(explained.steps)

    for name in {WALKED, *scenario.expect}:
        read = reading(name)
        run_on_model(scenario, read.edition, profile=read.answers, listen=listen)
    return taken
