"""The sync acceptor: it accepts what the model does under any profile, and blames broken ones."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from conformance.adapters.model import ModelFactory
from conformance.adapters.model_sync import SyncSystem
from conformance.judge.judge import judge
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.simulation import run_simulated
from conformance.judge.sync_acceptor import SyncAcceptor
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.find import find
from conformance.scenario.format import Scenario
from conformance.scenario.load import load
from conformance.trace import Entry, Trace
from spec_model.background_fetch import Rejected
from spec_model.background_sync import state as sync
from spec_model.background_sync.lifecycle import SyncState
from spec_model.background_sync.system import BACKGROUND_SYNC
from spec_model.choices import CHOICES
from spec_model.decide import Decide
from spec_model.editions import AMENDED, Edition

SCENARIOS = {one.scenario: one for one in map(load, find()) if one.api == "sync"}
EACH = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda one: one.scenario)
OPTIONS = [
    pytest.param({key: option}, id=f"{key}={option}")
    for key, choice in CHOICES.items()
    if key.startswith("sync-")
    for option in choice.options[1:]
]


def played(
    scenario: Scenario,
    system: SyncSystem = BACKGROUND_SYNC,
    profile: dict[str, str] | None = None,
    edition: Edition = AMENDED,
) -> Trace:
    factory = ModelFactory(edition, profile or {}, sync=system)
    bounds = Bounds.simulated()
    return run_simulated(lambda: run_scenario(scenario, factory, lambda *_: Blind(), bounds=bounds))


class Blind:
    """An oracle that judges nothing: the model is quiet when it waits."""

    def feed(self, entry: Entry) -> None:
        """Nothing."""

    def pending(self) -> tuple[str, ...]:
        """Nothing."""
        return ()


def judged(
    scenario: Scenario,
    system: SyncSystem = BACKGROUND_SYNC,
    profile: dict[str, str] | None = None,
    edition: Edition = AMENDED,
) -> Judgement:
    return judge(played(scenario, system, profile, edition))


@EACH
def test_what_the_model_does_conforms(scenario: Scenario) -> None:
    judgement = judged(scenario)
    assert (judgement.verdict, judgement.why) == (Verdict.CONFORMS, "")


@pytest.mark.parametrize("profile", OPTIONS)
def test_another_freedom_explains_what_is_done_with_it_and_shows_somewhere(
    profile: dict[str, str],
) -> None:
    named = frozenset(f"{key}={option}" for key, option in profile.items())
    shows = False
    for scenario in SCENARIOS.values():
        judgement = judge(played(scenario, profile=profile), admitted=named)
        # A script that waits for what this user agent never does is not decided.
        assert judgement.verdict is not Verdict.VIOLATES, (scenario.scenario, judgement.why)
        shows = shows or bool(judgement.choices)
    assert shows


# --- broken implementations -----------------------------------------------------------

Change = Callable[[sync.State, sync.State], sync.State]


def broken(change: Change) -> SyncSystem:
    """The model, but every step's result is changed: given the state before and after."""

    def perform(state: sync.State, task: sync.Task, d: Decide) -> sync.State:
        return change(state, BACKGROUND_SYNC.perform(state, task, d))

    def inject(state: sync.State, news: sync.Input, d: Decide) -> sync.State:
        return change(state, BACKGROUND_SYNC.inject(state, news, d))

    return attrs.evolve(BACKGROUND_SYNC, perform=perform, inject=inject)


def fires_twice(before: sync.State, after: sync.State) -> sync.State:
    fired = [each for each in after.outbox if isinstance(each, sync.SyncFired)]
    if not fired or before.outbox == after.outbox:
        return after
    again = attrs.evolve(fired[-1], event=fired[-1].event + "b")
    return attrs.evolve(after, outbox=(*after.outbox, again))


def never_tells_the_last_chance(before: sync.State, after: sync.State) -> sync.State:
    shown = tuple(
        attrs.evolve(each, last_chance=False) if isinstance(each, sync.SyncFired) else each
        for each in after.outbox
    )
    return attrs.evolve(after, outbox=shown)


def drops_a_second_registration(before: sync.State, after: sync.State) -> sync.State:
    kept = tuple(
        attrs.evolve(each, state=SyncState.FIRING) if each.state is SyncState.REREGISTERED else each
        for each in after.registrations
    )
    return attrs.evolve(after, registrations=kept)


def forgets_to_look_when_online(before: sync.State, after: sync.State) -> sync.State:
    return attrs.evolve(after, todo=tuple(t for t in after.todo if not isinstance(t, sync.Sweep)))


def retries_without_a_wait(before: sync.State, after: sync.State) -> sync.State:
    return attrs.evolve(after, waits=tuple(attrs.evolve(each, left=0.0) for each in after.waits))


def lists_no_tags(before: sync.State, after: sync.State) -> sync.State:
    shown = tuple(
        attrs.evolve(each, value=())
        if isinstance(each, sync.Settled) and isinstance(each.value, tuple)
        else each
        for each in after.outbox
    )
    return attrs.evolve(after, outbox=shown)


def keeps_what_is_done(before: sync.State, after: sync.State) -> sync.State:
    gone = [each for each in before.registrations if after.registration(each.tag) is None]
    kept = tuple(attrs.evolve(each, state=SyncState.FIRING) for each in gone)
    return attrs.evolve(after, registrations=(*after.registrations, *kept))


def refuses_with_another_error(before: sync.State, after: sync.State) -> sync.State:
    shown = tuple(
        attrs.evolve(each, value=Rejected("AbortError", ""))
        if isinstance(each, sync.Settled) and isinstance(each.value, Rejected)
        else each
        for each in after.outbox
    )
    return attrs.evolve(after, outbox=shown)


def settles_nothing(before: sync.State, after: sync.State) -> sync.State:
    shown = tuple(each for each in after.outbox if not isinstance(each, sync.Settled))
    return attrs.evolve(after, outbox=shown)


@pytest.mark.parametrize(
    ("change", "scenario", "step"),
    [
        (fires_twice, "SC-82", "BS-FIRE-1"),
        (never_tells_the_last_chance, "SC-85", "BS-FIRE-5.3.2"),
        (drops_a_second_registration, "SC-86", "BS-FIRE-5.2.1.2"),
        (drops_a_second_registration, "SC-87", "BS-FIRE-5.3.1.2"),
        (forgets_to_look_when_online, "SC-82", "BS-SWEEP-1"),
        (lists_no_tags, "SC-82", "BS-GETTAGS-3"),
        (keeps_what_is_done, "SC-86", "BS-FIRE-5.2.3"),
        (refuses_with_another_error, "SC-81", "BS-REGISTER-6"),
        (settles_nothing, "SC-82", "BS-REGISTER-9.5"),
    ],
)
def test_a_broken_implementation_violates_a_step(change: Change, scenario: str, step: str) -> None:
    judgement = judged(SCENARIOS[scenario], broken(change))
    assert judgement.verdict is Verdict.VIOLATES
    assert step in judgement.blame, (judgement.why, judgement.blame)
    assert judgement.why
    assert judgement.unexplained is not None


def test_a_retry_without_a_wait_is_a_choice_and_said_to_be_one() -> None:
    judgement = judged(SCENARIOS["SC-84"], broken(retries_without_a_wait))
    assert (judgement.verdict, judgement.choices) == (
        Verdict.CONFORMS_VIA,
        ("sync-retry-delay=sooner",),
    )


def test_a_choice_that_is_not_admitted_explains_nothing() -> None:
    judgement = judge(
        played(SCENARIOS["SC-84"], profile={"sync-attempts": "2"}), admitted=frozenset()
    )
    assert judgement.verdict is Verdict.VIOLATES
    assert judgement.blame == ("BS-FIRE-5.L",)


def test_what_is_broken_as_written_violates_the_amended_text() -> None:
    judgement = judged(SCENARIOS["SC-92-registered-again"], edition=AMENDED.without("BS02"))
    assert judgement.verdict is Verdict.VIOLATES


def test_without_a_beginning_nothing_is_judged() -> None:
    acceptor = SyncAcceptor()
    assert acceptor.pending() == ()
    assert acceptor.choices() == frozenset()
