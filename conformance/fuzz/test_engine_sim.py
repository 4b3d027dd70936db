"""The machine against the unbroken engine, in simulation."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from conformance.cli import adapters
from conformance.fuzz.campaign import STEPS, judge_on
from conformance.fuzz.machine import machine_for

TestEngineSim = machine_for(judge_on(adapters.column("engine-sim").factory)).TestCase
TestEngineSim.settings = settings(
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
