"""One scope for attempt after attempt: what is cancelled ends, and nothing else does."""

from __future__ import annotations

import pytest
import trio

from transfer_engine.lane import Lane


async def attempt(lane: Lane, seconds: float = 0.0) -> str:
    """How an attempt of so many seconds ended."""
    lane.scope()
    try:
        await trio.sleep(seconds)
    except BaseException as error:
        if not lane.absorbs(error):
            raise
        return "cancelled"
    lane.ended()
    return "ended"


def test_attempts_that_end_by_themselves_share_one_scope() -> None:
    scopes = []

    async def main() -> None:
        with Lane() as lane:
            for _ in range(2):
                scopes.append(lane.scope())
                await attempt(lane)

    trio.run(main)
    assert scopes[0] is scopes[1]


def test_an_attempt_that_is_cancelled_ends_and_the_next_does_not() -> None:
    ends = []

    async def main() -> None:
        with Lane() as lane:
            lane.scope().cancel()
            ends.append(await attempt(lane, 1))
            ends.append(await attempt(lane))

    trio.run(main)
    assert ends == ["cancelled", "ended"]


def test_an_attempt_that_is_cancelled_too_late_has_ended_and_cuts_nothing_off_behind_it() -> None:
    reached = []

    async def main() -> None:
        with Lane() as lane:
            lane.scope().cancel()
            lane.ended()
            await trio.lowlevel.checkpoint()
            reached.append("what follows")

    trio.run(main)
    assert reached == ["what follows"]


def test_what_cancels_the_whole_task_is_not_taken_for_the_attempts_own_end() -> None:
    async def main() -> None:
        ended = []
        with trio.CancelScope() as outer, Lane() as lane:
            await attempt(lane)
            outer.cancel()
            ended.append(await attempt(lane, 1))
        assert (ended, outer.cancelled_caught) == ([], True)

    trio.run(main)


def test_an_error_between_two_attempts_leaves_the_lane_as_it_is() -> None:
    async def main() -> None:
        with Lane() as lane:
            await attempt(lane)
            raise LookupError

    with pytest.raises(LookupError):
        trio.run(main)
