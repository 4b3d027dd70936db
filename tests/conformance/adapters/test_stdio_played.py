"""Real scenarios on adapters that break the protocol, or only seem to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trio

from conformance.adapters.stdio import StdioFactory
from conformance.judge.judge import judge
from conformance.judge.runner import Bounds, run_scenario
from conformance.judge.texts import Texts
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.format import FetchStep, Resource, Scenario, Step, Until, World

HERE = Path(__file__).parent
FAKE, ODD = HERE / "fake_child.py", HERE / "odd_child.py"
EXAMPLE = HERE.parents[2] / "docs" / "examples" / "minimal_adapter.py"
SCRIPT = [
    Step(fetch=FetchStep(id="f", requests=["/a"], name="f")),
    Step(until=Until(event="backgroundfetchsuccess")),
    Step(quiet=True),
]
SCENARIO = Scenario("T-1", "one record", [], SCRIPT, world=World(resources={"/a": Resource()}))


def played(*argv: str) -> Judgement:
    """The verdict on a program in Python, in a whole scenario over loopback."""
    texts = Texts()

    async def main() -> Judgement:
        factory = StdioFactory("fake", (sys.executable, *argv))
        with trio.fail_after(20):
            trace = await run_scenario(
                SCENARIO, factory, lambda *_: texts, bounds=Bounds.real(wait=5.0)
            )
        return judge(trace, fed=texts)

    return trio.run(main)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("answers-twice", 'nothing was asked (see "Answers" in docs/reference/protocol.md)'),
        ("dies-later", '(see "A session" in docs/reference/protocol.md): ended with exit code 0'),
        ("settles-another", "no call 'c0' was made (see \"settled\""),
    ],
)
def test_an_adapter_that_breaks_while_no_command_waits_is_told_what_it_did(
    fault: str, why: str
) -> None:
    judgement = played(str(FAKE), fault)
    assert judgement.verdict is Verdict.BROKEN_ADAPTER
    assert why in judgement.why


def test_whatever_the_page_leaves_free_makes_no_difference() -> None:
    judgement = played(str(ODD), sys.executable, str(EXAMPLE))
    assert judgement.verdict is Verdict.CONFORMS, judgement.why
