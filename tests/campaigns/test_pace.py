"""What simulation costs, counted in steps of tasks, which are the same on every machine."""

from __future__ import annotations

from tests.campaigns.pace import Evening, evening
from tests.campaigns.seeded import seeded_scheduler
from tests.campaigns.story import play
from tests.transfer_engine.server import Server


def test_an_engine_that_waits_is_not_woken_by_timers_of_its_own() -> None:
    seen = Evening()

    async def test(server: Server) -> None:
        nonlocal seen
        seen = await evening(server)

    with seeded_scheduler(0):
        play(test)
    assert seen.busy > 600, "the films came at the pace of the line"
    assert seen.steps_in_the_pause < 100, "an hour, in which only what had begun has ended"
