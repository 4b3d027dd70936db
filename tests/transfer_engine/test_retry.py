"""What is asked for again, when, and by whose word."""

from __future__ import annotations

import pytest
import trio

from tests.transfer_engine.server import cut, ranged, status, whole
from tests.transfer_engine.world import App, finished, simulate
from transfer_engine import Request, RetryPolicy, StoredHead
from transfer_engine.plan import Again, Unavailability, judge_status, parse_retry_after

NOW = 1_700_000_000.0
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"  # is NOW
LATER = "Tue, 14 Nov 2023 22:15:20 GMT"
POLICY = RetryPolicy(statuses=frozenset({429, 503}))


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("120", None, 120.0),
        (" 0 ", None, 0.0),
        (LATER, None, 120.0),
        (LATER, "Tue, 14 Nov 2023 22:14:20 GMT", 60.0),  # by the server's own clock
        (DATE, LATER, 0.0),
        (None, None, None),
        ("-1", None, None),
        ("+1", None, None),
        ("1_0", None, None),
        ("1.5", None, None),
        ("soon", None, None),
        ("9" * 5000, None, None),
        ("Tue, 99 Nov 2023 22:15:20 GMT", None, None),
        (LATER, "never", 120.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    value: str | None, date: str | None, seconds: float | None
) -> None:
    assert parse_retry_after(value, date, NOW) == seconds


def judged(code: int, retry_after: str | None = None, *, method: str = "GET",
           loss: bool = True, futile: int = 0) -> Again | None:  # fmt: skip
    headers = () if retry_after is None else (("retry-after", retry_after),)
    head = StoredHead(code, headers, "http://a.test/")
    policy: Unavailability = "network-loss" if loss else "offline-only"
    return judge_status(method, head, policy, futile, POLICY, NOW)


def test_only_a_get_a_named_status_and_the_policy_make_an_answer_temporary() -> None:
    assert judged(503) == Again(1.0)
    assert judged(503, futile=3) == Again(8.0)
    assert judged(503, "7") == Again(7.0, told=True)
    assert judged(503, "3600") == Again(3600.0, told=True)
    assert judged(503, "3601") is None
    assert judged(404) is None
    assert judged(500) is None
    assert judged(503, method="POST") is None
    assert judged(503, loss=False) is None
    assert judged(503, futile=8) is None
    assert judged(503, "999999") is None  # too long to be worth waiting for


def test_a_503_is_waited_out_for_as_long_as_it_says() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", status(503, retry_after="30"), status(429), whole(b"fine"))
        async with app.open(unavailability="network-loss", retry=POLICY) as engine:
            start = trio.current_time()
            reg = await engine.fetch("s", "/a")
            assert await finished(reg) == ("success", "")
            assert 30 <= trio.current_time() - start <= 32
        assert len(app.server.ranges("/a")) == 3

    simulate(test)


def test_a_503_that_never_ends_is_the_answer() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", status(503, b"no"))
        async with app.open(unavailability="network-loss", retry=POLICY) as engine:
            assert await finished(await engine.fetch("s", "/a")) == ("failure", "bad-status")
        assert len(app.server.ranges("/a")) == 9

    simulate(test)


def test_a_503_in_the_middle_keeps_what_is_stored() -> None:
    async def test(app: App) -> None:
        ten = b"0123456789"
        app.server.on("/a", cut(ten, 4), status(503), ranged(ten))
        async with app.open(unavailability="network-loss", retry=POLICY) as engine:
            assert await finished(await engine.fetch("s", "/a")) == ("success", "")
        assert app.server.ranges("/a") == ["", "bytes=4-", "bytes=4-"]

    simulate(test)


def test_a_503_to_a_post_is_the_answer() -> None:
    async def test(app: App) -> None:
        app.server.on("/a", status(503, retry_after="1"), whole(b"fine"))
        async with app.open(unavailability="network-loss", retry=POLICY) as engine:
            post = Request("/a", method="POST", body=b"once")
            assert await finished(await engine.fetch("s", post)) == ("failure", "bad-status")
        assert len(app.server.ranges("/a")) == 1

    simulate(test)


def test_waits_are_spread_by_the_given_randomness() -> None:
    async def elapsed(app: App) -> float:
        app.server.refuse = True
        async with app.open(unavailability="network-loss") as engine:
            start = trio.current_time()
            assert await finished(await engine.fetch("s", "/a")) == ("failure", "fetch-error")
            return trio.current_time() - start

    took: list[float] = []

    async def test(app: App) -> None:
        took.append(await elapsed(app))

    simulate(test)
    simulate(test)
    assert took[0] == took[1]  # one seed, one course
    assert took[0] != 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60
