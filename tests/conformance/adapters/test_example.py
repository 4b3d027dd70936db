"""The adapter of the documentation works, and the judge sees what is wrong when it is broken."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from conformance import protocol as p
from conformance.adapter import Surroundings
from conformance.adapters.stdio import StdioFactory
from conformance.scenario.format import Attempt, Resource, World
from conformance.world.network import LoopbackNetwork
from conformance.world.scripted import ScriptedWorld
from conformance.world.server import ScriptedServer

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "minimal_adapter.py"
WORLD = World(
    resources={"/film": Resource(size=1000), "/missing": Resource(attempts=[Attempt(status=404)])}
)


async def fetch(path: str) -> list[p.AnyObservation]:
    """All that is seen of one fetch, up to its event."""
    seen: list[p.AnyObservation] = []
    told = trio.Event()

    def sink(observation: p.AnyObservation) -> None:
        seen.append(observation)
        if isinstance(observation, p.WorkerEvent):
            told.set()

    network = await LoopbackNetwork.listen(["app"])
    world = ScriptedWorld(WORLD, network.origins, lambda entry: None)
    factory = StdioFactory("example", (sys.executable, str(EXAMPLE)))
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(network.serve, ScriptedServer(world).serve)
            async with factory.open(sink, Surroundings(world)) as adapter:
                listen = ["backgroundfetchsuccess", "backgroundfetchfail"]
                await adapter.send(p.Begin("x", network.origins, listen))
                requests = [p.RequestInit(network.origins["app"] + path)]
                await adapter.send(p.Fetch("c1", "p1", "f", requests))
                await told.wait()
                await adapter.send(p.End())
            nursery.cancel_scope.cancel()
    return seen


@pytest.mark.parametrize(
    ("path", "length", "result", "reason"),
    [("/film", 1000, "success", ""), ("/missing", 16, "failure", "bad-status")],
)
def test_the_example_reports_a_fetch(path: str, length: int, result: str, reason: str) -> None:
    settled, progress, event = trio.run(fetch, path)
    assert isinstance(settled, p.Settled)
    assert settled.snapshot == p.Snapshot("f")
    last = p.Snapshot("f", downloaded=length, result=result, failure_reason=reason)
    assert progress == p.Progress(settled.instance or "", last)
    assert isinstance(event, p.WorkerEvent)
    assert (event.snapshot, event.can_update_ui) == (last, True)
    assert event.instance != settled.instance


def verdicts(adapter: Path, out: Path) -> dict[str, str]:
    """What the judge says of it in two scenarios."""
    command = shlex.join([sys.executable, str(adapter)])
    arguments = ["run", "-q", "--on", f"stdio:{command}", "--out", str(out), "SC-27", "E01"]
    module = [sys.executable, "-m", "conformance.cli"]
    subprocess.run([*module, *arguments], capture_output=True, timeout=100, check=False)
    report = json.loads((out / "report.json").read_text("utf-8"))
    found = [one["judgement"] for one in report["results"]]
    return {one["scenario"]: one["verdict"] for one in found}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "broken", "expected"),
    [
        ("", "", {"SC-27": "conforms", "E01": "conforms"}),
        (", can_update_ui=True", "", {"SC-27": "violates", "E01": "violates"}),
        ('return "bad-status"', 'return ""', {"SC-27": "conforms", "E01": "violates"}),
    ],
    ids=["as it is", "without updateUI", "a 404 taken for a success"],
)
def test_the_judge_believes_the_example_and_not_what_the_page_breaks_in_it(
    tmp_path: Path, line: str, broken: str, expected: dict[str, str]
) -> None:
    source = EXAMPLE.read_text("utf-8")
    assert line in source
    adapter = tmp_path / "adapter.py"
    adapter.write_text(source.replace(line, broken) if line else source, "utf-8")
    assert verdicts(adapter, tmp_path / "report") == expected
