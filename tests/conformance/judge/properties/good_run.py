"""A long trace in which every property is met, none vacuously.

Fetch ``a`` succeeds: /x is cut and resumed, /u is an upload, and the handler matches
and reads.  Fetch ``b`` is aborted by its page.  Fetch ``c`` fails with a 404.  One more is refused.
"""

from __future__ import annotations

from msgspec.structs import replace

from conformance.protocol import RequestInit
from tests.conformance.judge.properties.traces import ABORT, FAIL, Log, shows, url, whole

UPLOAD = RequestInit(url("/u"), "POST", {"X-Note": "five"}, body="hello")
LIMIT = 100
OVER = shows(result="success", downloaded=40, total=LIMIT, uploaded=5, uploads=5)
"""What instances of ``a`` show in the end."""


def good_run() -> Log:
    """The trace, up to its quiet."""
    log = Log().begin()
    _succeed(log)
    _abort(log)
    _fail(log)
    log.refused_fetch("c13", "QuotaExceededError", ["/never"])
    log.quiet()
    return log


def _succeed(log: Log) -> None:
    log.fetch(requests=["/x", UPLOAD], total=LIMIT)
    log.request("/u", "POST", x_note="five")
    log.head(204, 0, framing="none")
    log.resumed("/x", 13, 40)
    log.progress(shows(downloaded=13, total=LIMIT, uploads=5))
    log.progress(OVER)
    log.event(snapshot=OVER)
    log.match_all("c2", [("r1", "/x"), ("r2", "/u", "POST")])
    log.match("c3", "/x", [("r3", "/x")])
    log.match_all("c4", [("r4", "/x")], query="/x")
    log.read("r1", whole(size=40))
    log.read("r2", b"", status=204)
    log.read("r3", whole(size=40))
    log.update_ui("c11")
    log.update_ui("c12", error="InvalidStateError")
    log.end()
    log.look("i1", replace(OVER, records_available=False))
    log.match_all("c5", None, "i1", error="InvalidStateError")


def _abort(log: Log) -> None:
    log.fetch("c6", "b", ["/slow"], "i2")
    log.request("/slow")
    log.abort("c7", True, "i2")
    log.head(200, 80)
    log.abort("c8", False, "i2")
    log.event(ABORT, shows("b", "failure", "aborted"), "w2", "e2")
    log.end("e2")


def _fail(log: Log) -> None:
    log.fetch("c9", "c", ["/missing"], "i3")
    log.request("/missing")
    log.head(404, 9)
    log.write(9)
    failed = shows("c", "failure", "bad-status", downloaded=9)
    log.progress(failed, "i3")
    log.event(FAIL, failed, "w3", "e3")
    log.match_all("c10", [("r5", "/missing")], "w3")
    log.read("r5", whole("/missing", 9), status=404)
    log.end("e3")
