"""``bgfetch fuzz``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.adapter import AdapterFactory, AdapterGone
from conformance.cli.root import run
from conformance.fuzz.campaign import Campaign
from conformance.fuzz.machine import Judge, Unconforming
from conformance.judge.verdict import Verdict
from conformance.scenario.format import Scenario
from conformance.scenario.load import load
from tests.conformance.report.samples import judged

FAILED = Unconforming(Scenario("X", "x", [], []), judged("X", "model", Verdict.VIOLATES))


@pytest.mark.parametrize(
    ("found", "code", "last"),
    [
        (Campaign(7), 0, "model: 7 scenarios, none that the model cannot explain"),
        (
            Campaign(7, FAILED, Path("out/fuzz-3.yaml")),
            1,
            "bgfetch replay --on model out/fuzz-3.yaml",
        ),
        (Campaign(7, FAILED), 1, "bgfetch fuzz --on model --examples 5 --seed 3"),
    ],
)
def test_a_campaign_ends_with_the_line_that_repeats_its_finding(
    found: Campaign,
    code: int,
    last: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given: dict[str, object] = {}

    def campaign(factory: AdapterFactory, **options: object) -> Campaign:
        given.update(options, factory=factory.name)
        return found

    monkeypatch.setattr("conformance.fuzz.campaign.campaign", campaign)
    assert run(["fuzz", "--on", "model", "--examples", "5", "--seed", "3", "--out", "out"]) == code
    assert capsys.readouterr().out.splitlines()[-1] == last
    assert (given["factory"], given["examples"], given["random_seed"]) == ("model", 5, 3)


def test_a_finding_that_cannot_be_written_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Campaign(7, FAILED, unwritten="no room")
    monkeypatch.setattr("conformance.fuzz.campaign.campaign", lambda *_, **__: found)
    assert run(["fuzz", "--on", "model", "--examples", "5"]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("model: after 7 scenarios: model violates")
    assert said.out.endswith("bgfetch fuzz --on model --examples 5 --seed 0\n")
    assert said.err == "bgfetch: cannot write it: no room\n"


@pytest.mark.parametrize(("verdict", "code"), [(Verdict.VIOLATES, 1), (Verdict.BROKEN_ADAPTER, 2)])
def test_a_broken_adapter_is_no_violation(
    verdict: Verdict, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = Unconforming(FAILED.scenario, judged("X", "model", verdict))
    monkeypatch.setattr("conformance.fuzz.campaign.campaign", lambda *_, **__: Campaign(7, failure))
    assert run(["fuzz", "--on", "model"]) == code


@pytest.mark.parametrize(("undecided", "code"), [(3, 0), (7, 2)])
def test_what_could_not_be_decided_is_said_and_is_no_good_news_alone(
    undecided: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Campaign(7, undecided=undecided)
    monkeypatch.setattr("conformance.fuzz.campaign.campaign", lambda *_, **__: found)
    assert run(["fuzz"]) == code
    assert capsys.readouterr().out == (
        f"engine-sim: 7 scenarios, none that the model cannot explain ({undecided} undecided)\n"
    )


@pytest.mark.parametrize(
    ("quiet", "said"), [(False, "1000 scenarios\n2000 scenarios\n"), (True, "")]
)
def test_a_log_gets_a_line_now_and_then(
    quiet: bool, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def campaign(*_: object, progress: Callable[[int], None], **__: object) -> Campaign:
        for judged_so_far in range(1, 2500):
            progress(judged_so_far)
        return Campaign(2499)

    monkeypatch.setattr("conformance.fuzz.campaign.campaign", campaign)
    run(["fuzz", *(["-q"] if quiet else [])])
    assert capsys.readouterr().err == said


def test_an_adapter_that_breaks_outside_of_a_scenario_ends_with_69(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def campaign(*_: object, **__: object) -> Campaign:
        raise ExceptionGroup("x", [AdapterGone("mine", "it fell over")])

    monkeypatch.setattr("conformance.fuzz.campaign.campaign", campaign)
    assert run(["fuzz"]) == 69
    assert "it fell over" in capsys.readouterr().err


def test_an_implementation_that_goes_wrong_only_sometimes_is_found_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judgements = itertools.count()

    def judge_on(_: AdapterFactory) -> Judge:
        return lambda scenario: judged(
            scenario.scenario,
            "racy",
            Verdict.VIOLATES if next(judgements) == 6 else Verdict.CONFORMS,
        )

    monkeypatch.setattr("conformance.fuzz.campaign.judge_on", judge_on)
    out = tmp_path / "found"
    assert run(["fuzz", "--on", "model", "--examples", "20", "-q", "--out", str(out)]) == 1
    said = capsys.readouterr().out
    assert "racy violates after " in said
    assert "it goes wrong only sometimes" in said
    assert said.endswith(f"bgfetch replay --on model {out}/fuzz-0.yaml\n")
    assert load(out / "fuzz-0.yaml").script


def test_an_implementation_that_does_not_start_ends_with_69() -> None:
    assert run(["fuzz", "--on", "stdio:./no-such-program", "--examples", "1"]) == 69


def test_an_unknown_implementation_is_a_usage_error() -> None:
    assert run(["fuzz", "--on", "netscape"]) == 64


def test_a_few_examples_on_the_model_find_nothing() -> None:
    assert run(["fuzz", "--on", "model", "--examples", "3", "-q"]) == 0
