"""S08 and S09: no failure without its cause."""

from __future__ import annotations

from conformance.protocol import User
from tests.conformance.judge.properties.traces import (
    ABORTED,
    Log,
    breaks,
    holds,
    judge,
    shows,
    unclear,
)

BAD = shows(result="failure", reason="bad-status")


def failing(status: int, reason: str = "bad-status", total: int = 0, sent: int = 16) -> Log:
    log = Log().begin()
    log.fetch(total=total)
    log.request("/x")
    log.head(status, sent)
    log.write(sent)
    log.progress(shows(result="failure", reason=reason, total=total))
    return log


def test_a_bad_status_was_sent() -> None:
    holds(judge("S08", failing(404)), 1)


def test_a_bad_status_that_nobody_sent_breaks_s08() -> None:
    breaks(judge("S08", failing(200)), 9, "bad-status", "no answer")


def test_a_redirect_is_no_bad_status() -> None:
    log = Log().begin()
    log.fetch()
    log.request("/x")
    log.head(302, 0, location="/y")
    at = log.progress(BAD)
    breaks(judge("S08", log), at, "no answer")


def test_more_bytes_were_sent_than_the_total() -> None:
    holds(judge("S08", failing(200, "download-total-exceeded", total=15)), 1)


def test_no_more_bytes_than_the_total_break_s08() -> None:
    broken = judge("S08", failing(200, "download-total-exceeded", total=16))
    breaks(broken, 9, "no more than 16 bytes")


def test_a_total_that_was_not_given_is_not_exceeded() -> None:
    breaks(judge("S08", failing(200, "download-total-exceeded")), 9, "no total")


def aborted(*, by: str = "") -> Log:
    log = Log().begin()
    log.fetch()
    if by == "script":
        log.abort("c2", True)
    elif by == "too late":
        log.abort("c2", False)
    elif by:
        log.do(User("refuse" if by == "refusal" else "abort", "a"))
    log.progress(ABORTED)
    return log


def test_an_abort_has_somebody_who_aborted() -> None:
    for by in ("script", "user", "refusal"):
        holds(judge("S09", aborted(by=by)), 1)


def test_an_abort_that_nobody_made_breaks_s09() -> None:
    breaks(judge("S09", aborted()), 5, "nobody did that")
    assert judge("S09", aborted(by="too late")).holds is False


def test_after_a_restart_it_is_not_known_who_aborted() -> None:
    log = Log().begin()
    log.fetch()
    log.quit(kill=True)
    log.get("c2", "a", "i2", ABORTED)
    unclear(judge("S09", log), "had ended")
