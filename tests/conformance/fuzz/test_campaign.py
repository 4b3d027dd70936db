"""A campaign with a judge that is made up: what it counts, keeps and writes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from conformance.adapter import AdapterFactory, AdapterGone
from conformance.adapters.model import CAPABILITIES, ModelFactory
from conformance.fuzz import campaign as module
from conformance.fuzz.campaign import STEPS, Campaign, campaign, judge_on
from conformance.fuzz.machine import BackgroundFetchMachine, Judge, Unconforming
from conformance.judge.run_needs import required_capabilities
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.format import Scenario, Step
from conformance.scenario.load import load

Ask = Callable[[Scenario], Verdict]


@pytest.fixture
def judging(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ask], list[Scenario]]:
    """Makes the judge of every campaign answer so; what it was asked, in order."""

    def install(ask: Ask, blame: tuple[str, ...] = ("S06", "PERFORM-5.3")) -> list[Scenario]:
        asked: list[Scenario] = []

        def judge(scenario: Scenario) -> Judgement:
            asked.append(scenario)
            return Judgement(scenario.scenario, "fake", "1", ask(scenario), blame=blame)

        def judge_on(_: AdapterFactory) -> Judge:
            return judge

        monkeypatch.setattr(module, "judge_on", judge_on)
        return asked

    return install


def go(examples: int = 12, random_seed: int = 0, out: Path | None = None) -> Campaign:
    return campaign(ModelFactory(), examples=examples, random_seed=random_seed, out=out)


def fine(_: Scenario) -> Verdict:
    return Verdict.CONFORMS


FOUND = Scenario("fuzz", "x", [], [Step(pass_=1.0), Step(quiet=True)])


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[settings]:
    """Hypothesis finds at once, with whatever settings, that time may not pass."""
    given: list[settings] = []

    def run(machine: type[BackgroundFetchMachine], settings: settings) -> None:
        given.append(settings)
        raise Unconforming(FOUND, machine.judge(FOUND), 1)

    monkeypatch.setattr(module, "run_state_machine_as_test", run)
    return given


def test_the_seed_and_the_number_decide_what_is_tried(
    judging: Callable[[Ask], list[Scenario]],
) -> None:
    tried = []
    for examples, random_seed in ((6, 0), (6, 0), (6, 1), (18, 0)):
        asked = judging(fine)
        assert go(examples, random_seed) == Campaign(len(asked))
        tried.append(asked)
    first, again, other, more = tried
    assert first == again
    assert first != other
    assert 0 < len(first) < len(more)


def test_progress_is_the_number_judged(judging: Callable[[Ask], list[Scenario]]) -> None:
    judging(fine)
    told: list[int] = []
    ended = campaign(ModelFactory(), examples=6, random_seed=0, progress=told.append)
    assert told == list(range(1, ended.examples + 1))


def test_what_is_undecided_is_counted_and_ends_nothing(
    judging: Callable[[Ask], list[Scenario]],
) -> None:
    verdicts = itertools.cycle([Verdict.INCONCLUSIVE, Verdict.UNSUPPORTED])
    asked = judging(lambda _: next(verdicts))
    assert go(6) == Campaign(len(asked), undecided=len(asked))


@pytest.mark.usefixtures("found")
def test_what_was_undecided_before_a_failure_is_counted_too(
    judging: Callable[[Ask], list[Scenario]],
) -> None:
    verdicts = iter([Verdict.INCONCLUSIVE, Verdict.VIOLATES])
    judging(lambda _: next(verdicts, Verdict.VIOLATES))
    assert go().undecided == 1


def test_hypothesis_is_told_what_the_command_was_and_shrinks(
    found: list[settings], judging: Callable[[Ask], list[Scenario]]
) -> None:
    judging(lambda _: Verdict.VIOLATES)
    go(34)
    (given,) = found
    assert (given.max_examples, given.stateful_step_count) == (34, STEPS)
    assert set(given.phases) == {Phase.generate, Phase.shrink}
    assert given.database is None  # the seed alone decides


@pytest.mark.usefixtures("found")
def test_needless_steps_are_left_out_after_hypothesis(
    judging: Callable[[Ask], list[Scenario]], monkeypatch: pytest.MonkeyPatch
) -> None:
    judging(lambda _: Verdict.VIOLATES)

    def shortened(found: Unconforming, judge: Judge) -> Unconforming:
        return Unconforming(found.scenario, judge(found.scenario), 99)

    monkeypatch.setattr(module, "shortened", shortened)
    failure = go().failure
    assert failure is not None and failure.steps == 99


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize(
    ("blame", "title"),
    [
        (("S06", "PERFORM-5.3"), "Counterexample: PERFORM-5.3, S06"),
        ((), "Counterexample: undetermined"),
    ],
)
def test_a_failure_is_written_under_its_seed_and_says_what_is_blamed(
    blame: tuple[str, ...],
    title: str,
    tmp_path: Path,
    judging: Callable[..., list[Scenario]],
) -> None:
    judging(lambda _: Verdict.VIOLATES, blame)
    ended = go(40, 7, tmp_path / "new")
    assert ended.file == tmp_path / "new" / "fuzz-7.yaml"
    assert ended.failure is not None and not ended.sometimes
    written = load(ended.file)
    assert written.title == title
    assert written.script == ended.failure.scenario.script


@pytest.mark.usefixtures("found")
def test_a_failure_that_cannot_be_written_is_one_all_the_same(
    tmp_path: Path, judging: Callable[[Ask], list[Scenario]]
) -> None:
    judging(lambda _: Verdict.VIOLATES)
    (tmp_path / "file").touch()
    ended = go(out=tmp_path / "file" / "below")
    assert ended.failure is not None and ended.file is None
    assert "below" in ended.unwritten


def test_a_failure_is_told_with_the_number_of_its_own_steps() -> None:
    scenario = Scenario("x", "x", [], [])
    wrong = Judgement("x", "fake", "1", Verdict.VIOLATES, why="so", blame=("S06",))
    assert str(Unconforming(scenario, wrong, 3)) == ("fake violates after 3 steps: so (blame: S06)")
    unknown = Judgement("x", "fake", "1", Verdict.BROKEN_ADAPTER, why="so")
    assert str(Unconforming(scenario, unknown, 1)) == (
        "fake broken adapter after 1 steps: so (blame: undetermined)"
    )


# --- who is judged --------------------------------------------------------------------


def test_nothing_is_tried_that_an_implementation_cannot_do(
    judging: Callable[[Ask], list[Scenario]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "capabilities_of", lambda _: frozenset())
    asked = judging(fine)
    go(20)
    assert len(asked) > 3
    assert {need for one in asked for need in required_capabilities(one)} == set()


def test_its_capabilities_are_what_it_says() -> None:
    assert module.capabilities_of(ModelFactory()) >= {*CAPABILITIES}


def test_what_it_cannot_do_after_all_is_unsupported_and_no_fault_of_ours() -> None:
    scenario = Scenario("x", "x", [], [Step(quiet=True)], needs=["bgcache"])
    judgement = judge_on(ModelFactory())(scenario)
    assert (judgement.verdict, judgement.missing) == (Verdict.UNSUPPORTED, ("bgcache",))


def test_when_it_is_gone_nobody_looks_for_a_smaller_example(
    judging: Callable[[Ask], list[Scenario]],
) -> None:
    def ask(_: Scenario) -> Verdict:
        if len(asked) == 3:
            raise AdapterGone("mine", "it fell over")
        return Verdict.CONFORMS

    asked = judging(ask)
    with pytest.raises(AdapterGone):
        go(20)
    assert len(asked) == 3


@pytest.mark.usefixtures("found")
def test_what_was_found_is_kept_though_it_is_gone_when_steps_are_left_out(
    judging: Callable[[Ask], list[Scenario]],
) -> None:
    def ask(_: Scenario) -> Verdict:
        if len(asked) > 1:
            raise AdapterGone("mine", "it fell over")
        return Verdict.VIOLATES

    asked = judging(ask)
    failure = go().failure
    assert failure is not None and failure.scenario == FOUND
    assert len(asked) > 1
