"""The rules of the machine, one after the other: the scenario that they leave."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Literal, cast, get_args

import pytest
from hypothesis.strategies import DataObject

from conformance import protocol as p
from conformance.fuzz.machine import (
    HANDLERS,
    MOST_FETCHES,
    MOST_REQUESTS,
    MOST_RESTARTS,
    BackgroundFetchMachine,
    Unconforming,
    machine_for,
)
from conformance.fuzz.worlds import KEYS, SIZE
from conformance.judge.run_needs import required_capabilities
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.format import (
    Attempt,
    FetchStep,
    GetStep,
    Hold,
    RequestArg,
    Resource,
    Scenario,
    Step,
    UserStep,
    World,
)
from conformance.scenario.load import loads

HELD = Resource(size=SIZE, attempts=[Attempt(send=[24, Hold("gate-a")])])
OTHERS = {key: Resource(size=SIZE, cors=True) for key in KEYS[1:]}
WORLD = World(origins=["cdn"], resources={KEYS[0]: HELD, **OTHERS})


ALL = frozenset(get_args(p.Capability))


def machine(
    world: World = WORLD,
    verdict: Verdict = Verdict.CONFORMS,
    capabilities: frozenset[str] = ALL,
) -> BackgroundFetchMachine:
    def judge(scenario: Scenario) -> Judgement:
        return Judgement(scenario.scenario, "fake", "1", verdict)

    made = machine_for(judge, capabilities)()
    made.begin(world=world)
    return made


def fetch(made: BackgroundFetchMachine, *keys: str, id: str = "x", **more: object) -> None:
    arguments: dict[str, object] = {"post": False, "total": 0, **more}
    made.fetch(id=id, keys=list(keys or KEYS[:1]), **arguments)


def closing(made: BackgroundFetchMachine) -> list[Step]:
    """The steps that end every script."""
    return made.scenario().script[len(made.script) :]


def test_a_fetch_is_a_step_with_a_name_and_its_options() -> None:
    made = machine()
    fetch(made, "/a", "/b", post=True, total=SIZE)
    requests: list[str | RequestArg] = [RequestArg("/a", "POST", 8), "/b"]
    assert made.script == [Step(fetch=FetchStep("x", requests, "n1", download_total=SIZE))]


def test_a_fetch_that_is_refused_has_no_name() -> None:
    made = machine()
    fetch(made)
    fetch(made)
    assert made.script[1] == Step(fetch=FetchStep("x", ["/a"]))


def test_what_is_held_can_be_released_and_is_in_the_end() -> None:
    made = machine()
    assert made.held == set()
    fetch(made)
    assert made.held == {"gate-a"}
    assert closing(made) == [Step(release="gate-a"), Step(quiet=True)]
    made.script.append(Step(release="gate-a"))
    assert closing(made) == [Step(quiet=True)]


def test_in_the_end_the_network_is_back() -> None:
    made = machine()
    fetch(made, "/b")
    made.toggle_network()
    assert made.script[-1] == Step(online=False)
    assert closing(made)[0] == Step(online=True)


def test_in_the_end_a_prompt_is_accepted_and_a_paused_fetch_goes_on() -> None:
    made = machine(World(origins=["cdn"], resources=WORLD.resources, permission="prompt"))
    fetch(made)
    assert closing(made)[0] == Step(user=UserStep("accept", "x"))
    made = machine()
    fetch(made)
    made._do(p.User(action="pause", id="x"))
    assert closing(made)[0] == Step(user=UserStep("resume", "x"))


@pytest.mark.parametrize(("kill", "quit"), [(True, "kill"), (False, "clean")])
def test_a_restart_loses_what_pages_held(kill: bool, quit: Literal["kill", "clean"]) -> None:
    made = machine()
    fetch(made)
    assert made.instances
    made.restart(kill=kill)
    assert made.script[-2:] == [Step(quit=quit), Step(launch=True)]
    assert not made.instances and made._running()


def test_an_outage_comes_when_all_is_quiet_and_goes_again() -> None:
    made = machine()
    fetch(made)
    made.lose_the_network()
    assert made.script[1:] == [Step(quiet=True), Step(online=False), Step(online=True)]


def test_there_is_no_quiet_after_quiet() -> None:
    made = machine()
    fetch(made)
    made.settle_down()
    made.settle_down()
    assert made.script[1:] == [Step(quiet=True)]


class Drawn:
    """Draws the first of those that a rule samples from."""

    def draw(self, sampled: list[str]) -> str:
        return sampled[0]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> DataObject:
    """For rules that draw while they run."""
    monkeypatch.setattr("conformance.fuzz.machine.st", SimpleNamespace(sampled_from=list))
    return cast(DataObject, Drawn())


def test_what_get_gives_has_a_name_and_what_is_aborted_is_called_by_it(drawn: DataObject) -> None:
    made = machine()
    fetch(made)
    made.get(data=drawn)
    assert made.script[-1] == Step(get=GetStep("x", "n2"))
    made.abort(data=drawn)
    assert made.script[-1].abort is not None and made.script[-1].abort.on == "n1"


def test_one_example_is_small_enough_to_be_explained() -> None:
    made = machine()
    fetch(made, *KEYS)
    fetch(made, *KEYS, id="y")
    assert sum(len(step.fetch.requests) for step in made.script if step.fetch) == MOST_REQUESTS
    assert made.fetches == MOST_FETCHES and not made._may_fetch()
    for _ in range(MOST_RESTARTS):
        assert made._restartable()
        made.restart(kill=False)
    assert not made._restartable()


def test_every_handler_reads_what_there_is() -> None:
    made = machine()
    fetch(made)
    worker = made.scenario().worker
    assert worker.on == HANDLERS
    for program in worker.on.values():
        assert [bool(step.match_all) or bool(step.read) for step in program] == [True, True]


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What hypothesis would print of the last example."""
    found: list[str] = []
    monkeypatch.setattr("conformance.fuzz.machine.note", found.append)
    return found


@pytest.mark.parametrize(
    ("verdict", "fails"),
    [
        (Verdict.VIOLATES, True),
        (Verdict.BROKEN_ADAPTER, True),
        (Verdict.CONFORMS_VIA, False),
        (Verdict.INCONCLUSIVE, False),
        (Verdict.UNSUPPORTED, False),
    ],
)
def test_an_example_fails_where_the_implementation_is_wrong(
    verdict: Verdict, fails: bool, notes: list[str]
) -> None:
    made = machine(verdict=verdict)
    fetch(made)
    made.toggle_network()
    if not fails:
        made.teardown()
        return
    with pytest.raises(Unconforming) as caught:
        made.teardown()
    assert caught.value.steps == 2
    assert caught.value.scenario == made.scenario()
    assert [loads(each) for each in notes] == [made.scenario()]


def test_an_example_without_a_step_is_not_judged() -> None:
    machine(verdict=Verdict.VIOLATES).teardown()


@pytest.mark.parametrize(
    "lacking",
    ["quota", "permission", "uploads", "offline", "restart", "kill", "pause", "user-abort"],
)
def test_what_an_implementation_cannot_do_is_not_tried(lacking: str, drawn: DataObject) -> None:
    world = World(WORLD.origins, WORLD.resources, quota=10 * SIZE, permission="prompt")
    made = machine(world, capabilities=ALL - {lacking})
    fetch(made, "/a", "/b", post=True)
    for action in ("pause", "resume", "accept", "abort"):
        made.user(data=drawn, action=action)
    if made._interruptible():
        made.lose_the_network()
    made.restart(kill=True)
    made.restart(kill=False)
    needed = required_capabilities(made.scenario())
    every = {"quota", "permission", "uploads", "offline", "restart", "kill", "pause", "user-abort"}
    assert needed == every - {lacking}


def test_who_cannot_be_restarted_at_all_is_not() -> None:
    made = machine(capabilities=ALL - {"restart", "kill"})
    fetch(made)
    assert not made._restartable()
