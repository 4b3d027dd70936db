"""The machine against the model itself: the acceptor admits what the model does."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings

from conformance.adapters.model import ModelFactory
from conformance.fuzz.campaign import STEPS, campaign, judge_on
from conformance.fuzz.machine import machine_for

TestModel = machine_for(judge_on(ModelFactory())).TestCase
TestModel.settings = settings(
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_the_same_seed_makes_the_same_examples(tmp_path: Path) -> None:
    runs = [campaign(ModelFactory(), examples=20, random_seed=7, out=tmp_path) for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0].examples >= 20
