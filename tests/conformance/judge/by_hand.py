"""Traces written by hand, each with the verdict that it must get.

They are about what only a judge has to know: how much a kill may have lost, what a request
that is seen afterwards tells of it, and where a limit lies that is met between two bounds.
``python -m tests.conformance.judge.by_hand`` writes them to ``by_hand/`` as recorded traces
are kept, so that a campaign of mutation can have them judged by changed models.
"""

from __future__ import annotations

from pathlib import Path

from conformance import protocol as p
from conformance.trace import Trace, dump
from conformance.world.content import content
from tests.conformance.judge.traces import HOME, Script

FOLDER = Path(__file__).parent / "by_hand"
TAG = '"v1"'


def begun(sent: int) -> Script:
    """A fetch of /x whose answer has got so far."""
    script = Script().begin().fetch("a", "/x").request("/x")
    return script.head("/x", length=48, etag=TAG).bytes("/x", sent)


def begun_untagged(sent: int) -> Script:
    """The same where nothing would tell of a change."""
    script = Script().begin().fetch("a", "/x").request("/x")
    return script.head("/x", length=48).bytes("/x", sent)


def ended(script: Script, *, kill: bool = True) -> Script:
    """The user agent goes, and comes back."""
    return script.send(p.Quit, kill=kill).send(p.Launch)


def offline(script: Script) -> Script:
    """The connection is lost, and the network comes back."""
    return script.send(p.Online, online=False).quiet().send(p.Online, online=True)


def shown(script: Script, downloaded: int) -> Script:
    """A script of the page sees so many bytes."""
    seen = p.Snapshot("a", downloaded=downloaded)
    return script.seen(p.Progress("i-a", seen))


def part(script: Script, first: int, upto: int = 48, size: int = 48) -> Script:
    """The rest is asked for, and so much of it comes."""
    script.request("/x", f"bytes={first}-")
    content_range = f"bytes {first}-{size - 1}/{size}"
    script.head("/x", 206, size - first, first=first, content_range=content_range, etag=TAG)
    script.bytes("/x", upto - first)
    return script.end("/x") if upto == size else script


def done(script: Script, downloaded: int = 48) -> Script:
    """It succeeds in a life without the page's object, and the worker reads the whole body."""
    shows = p.Snapshot("a", downloaded=downloaded, result="success")
    script.seen(p.WorkerEvent("e-a", "backgroundfetchsuccess", "w-a", shows, True))
    return read(script)


def done_live(script: Script, downloaded: int = 48) -> Script:
    """The same while the page still has its object."""
    return read(script.settle("a", "", downloaded))


def read(script: Script) -> Script:
    """The whole body."""
    return script.match("a", ("/x", "GET")).read("r0", "/x", 200, 48).close("a")


def whole(script: Script, size: int = 48) -> Script:
    """All is asked for again, and comes."""
    return script.request("/x").serve("/x", 200, size, etag=TAG)


def limited(reason: str, downloaded: int, *, total: int = 0, quota: int | None = None) -> Script:
    """48 bytes come where so many are allowed, and it ends so."""
    script = Script().begin(quota=quota).fetch("a", "/x", total=total).request("/x")
    return script.serve("/x", 200, 48, etag=TAG).settle("a", reason, downloaded).close("a")


def outage_at_once() -> Script:
    """The network goes and comes before a request was seen: its first may still arrive."""
    script = Script().begin().fetch("a", "/x")
    return script.send(p.Online, online=False).send(p.Online, online=True)


def two(other: str) -> Script:
    """A fetch of /x and another, of which /x has been asked for and has come."""
    return whole(Script().begin().fetch("a", "/x", other))


def reset_at_the_end(sent: int, reason: str, downloaded: int) -> Script:
    """The connection is reset after so many of 48 bytes."""
    script = begun(sent).end("/x", "reset").settle("a", reason, downloaded)
    return script.close("a")


def too_much(*, total: int = 0, quota: int | None = None) -> Script:
    """48 bytes are sent where fewer are allowed; who reads them has yet to show."""
    script = Script().begin(quota=quota).fetch("a", "/x", total=total).request("/x")
    return script.head("/x", length=48, etag=TAG).bytes("/x", 48)


def pause(script: Script) -> Script:
    """The user pauses it."""
    return script.send(p.User, action="pause", id="a")


def abort(script: Script) -> Script:
    """The page aborts it."""
    script.send(p.Abort, call="u", instance="i-a")
    return script.seen(p.Settled("u", boolean=True))


def over(script: Script, reason: str, downloaded: int = 0) -> Script:
    """It ends so, and nothing more comes."""
    return script.settle("a", reason, downloaded).close("a")


def failed_later(script: Script, reason: str, *, total: int = 0) -> Script:
    """All is asked for again in a life without the page's object, and that is too much, too."""
    shows = p.Snapshot("a", download_total=total, result="failure", failure_reason=reason)
    script.request("/x").serve("/x", 200, 48, etag=TAG)
    return script.seen(p.WorkerEvent("e-a", "backgroundfetchfail", "w-a", shows, True)).close("a")


def other_part(script: Script, first: int) -> Script:
    """The rest is asked for after 8 bytes, and an answer comes that begins elsewhere."""
    script.request("/x", "bytes=8-")
    content_range = f"bytes {first}-47/48"
    script.head("/x", 206, 48 - first, first=first, content_range=content_range, etag=TAG)
    shows = p.Snapshot("a", downloaded=8, result="failure", failure_reason="fetch-error")
    return script.seen(p.WorkerEvent("e-a", "backgroundfetchfail", "w-a", shows, True)).close("a")


def both_fit() -> Script:
    """Of one answer perhaps nothing was read before it broke; then the other fits exactly."""
    script = Script().begin().fetch("a", "/x", "/y", total=48).request("/x").request("/y")
    script.head("/x", length=48).bytes("/x", 16).end("/x", "reset")
    return script.serve("/y", 200, 48)


def surplus(downloaded: int) -> Script:
    """A part of 16 bytes comes, and then as many again that were not announced."""
    script = Script().begin().fetch("a", "/x").request("/x")
    script.head("/x", 206, 32, content_range="bytes 0-15/48", etag=TAG)
    shown(script.bytes("/x", 16), 16)
    return over(script.bytes("/x", 32).end("/x"), "fetch-error", downloaded)


def read_after_kill(kept: int) -> Script:
    """After a kill without a network a page reads what was kept, and aborts."""
    script = ended(begun(16).send(p.Online, online=False).quiet())
    script.send(p.Get, call="g", realm="p1", id="a")
    script.seen(p.Settled("g", instance="j-a", snapshot=p.Snapshot("a", downloaded=kept)))
    script.send(p.MatchAll, call="m", instance="j-a")
    script.seen(p.Settled("m", records=[p.RecordInfo("q", script.url("/x"), "GET")]))
    script.send(p.Read, record="q").seen(p.Ready("q", 200, script.first_heads["/x"]))
    script.seen(p.Received("q", kept)).quiet().send(p.Abort, call="u", instance="j-a")
    script.seen(p.Settled("u", boolean=True))
    text = content("/x", 1, 0, kept).decode("latin-1")
    script.seen(p.Body("q", kept, "AbortError", text=text))
    shown = p.Snapshot("a", downloaded=kept, result="failure", failure_reason="aborted")
    script.seen(p.Progress("j-a", shown))
    script.seen(p.WorkerEvent("e-a", "backgroundfetchabort", "w-a", shown, False))
    return script.close("a")


TOTAL = "download-total-exceeded"
QUOTA = "quota-exceeded"

CONFORMS = ""
WRONG_START = "RECORD-7"
WRONG_NUMBER = "UPDATE-6.6"
WRONG_RESULT = "UPDATE-6.8"
WRONG_REASON = "UPDATE-6.9"
ANOTHER = "RECORD-15"
"""The step that each has to be blamed for; "" if it conforms."""

TRACES: dict[str, tuple[Script, str]] = {
    "kill-loses-nothing": (done(part(ended(begun(16)), 16)), CONFORMS),
    "kill-loses-a-tail": (done(part(ended(begun(16)), 8)), CONFORMS),
    "kill-loses-all": (done(whole(ended(begun(16)))), CONFORMS),
    "kill-gains-nothing": (done(part(ended(begun(16)), 24)), WRONG_START),
    "kill-counts-what-was-lost": (done(part(ended(begun(16)), 8), downloaded=56), WRONG_NUMBER),
    "kill-forgets-what-came": (done(part(ended(begun(16)), 8), downloaded=40), WRONG_NUMBER),
    "quit-loses-nothing": (done(part(ended(shown(begun(16), 16), kill=False), 16)), CONFORMS),
    "quit-loses-a-tail": (done(part(ended(shown(begun(16), 16), kill=False), 8)), WRONG_START),
    "quit-loses-all": (done(whole(ended(shown(begun(16), 16), kill=False))), WRONG_START),
    "outage-loses-nothing": (done_live(part(offline(shown(begun(16), 16)), 16)), CONFORMS),
    "outage-loses-a-tail": (done_live(part(offline(shown(begun(16), 16)), 8)), WRONG_START),
    "two-kills-lose-two-tails": (
        done(part(ended(part(ended(begun(24)), 16, upto=32)), 24)),
        CONFORMS,
    ),
    "second-kill-loses-more": (done(part(ended(part(ended(begun(24)), 16, upto=32)), 8)), CONFORMS),
    "second-kill-loses-all": (done(whole(ended(part(ended(begun(24)), 16, upto=32)))), CONFORMS),
    "second-kill-gains-nothing": (
        done(part(ended(part(ended(begun(24)), 16, upto=24)), 32)),
        WRONG_START,
    ),
    "kill-after-an-outage": (
        done(part(ended(part(offline(begun(24)), 24, upto=40)), 8)),
        CONFORMS,
    ),
    "kill-after-an-outage-at-the-seam": (
        done(part(ended(part(offline(begun(24)), 24, upto=40)), 24)),
        CONFORMS,
    ),
    "kill-after-an-outage-counts-twice": (
        done(part(ended(part(offline(begun(24)), 24, upto=40)), 8), downloaded=64),
        WRONG_NUMBER,
    ),
    "untagged-begins-anew": (
        done_live(whole(offline(begun_untagged(16)))),
        CONFORMS,
    ),
    "untagged-counts-twice": (
        done_live(whole(offline(begun_untagged(16))), downloaded=64),
        WRONG_NUMBER,
    ),
    "all-that-the-total-allows": (limited("", 48, total=48), CONFORMS),
    "no-more-than-the-total-allows": (limited(TOTAL, 48, total=48), WRONG_RESULT),
    "one-more-than-the-total-allows": (limited(TOTAL, 0, total=47), CONFORMS),
    "kept-over-the-total": (limited("", 48, total=47), WRONG_RESULT),
    "all-that-the-quota-allows": (limited("", 48, quota=48), CONFORMS),
    "no-more-than-the-quota-allows": (limited(QUOTA, 0, quota=48), WRONG_RESULT),
    "one-more-than-the-quota-allows": (limited(QUOTA, 0, quota=47), CONFORMS),
    "kept-over-the-quota": (limited("", 48, quota=47), WRONG_RESULT),
    "the-total-before-the-quota": (limited(TOTAL, 0, total=40, quota=44), CONFORMS),
    "no-quota-before-the-total": (limited(QUOTA, 0, total=40, quota=44), WRONG_REASON),
    "asked-twice": (done_live(whole(Script().begin().fetch("a", "/x").request("/x"))), ANOTHER),
    "outage-before-the-request": (done_live(whole(outage_at_once())), CONFORMS),
    "outage-and-two-requests": (done_live(whole(outage_at_once().request("/x"))), CONFORMS),
    "outage-and-three-requests": (
        done_live(whole(outage_at_once().request("/x").request("/x"))),
        ANOTHER,
    ),
    "kill-before-the-request": (
        done(whole(ended(Script().begin().fetch("a", "/x")).request("/x"))),
        CONFORMS,
    ),
    "one-url-for-two-records": (whole(two("/x")).settle("a", "", 96).close("a"), CONFORMS),
    "one-url-a-third-time": (whole(two("/x")).request("/x"), ANOTHER),
    "one-of-two-again": (two("/y").request("/x"), ANOTHER),
    "another-method": (Script().begin().fetch("a", "/x").request("/x", method="PUT"), ANOTHER),
    "reset-after-the-last-byte-ends": (reset_at_the_end(48, "", 48), CONFORMS),
    "reset-after-the-last-byte-breaks": (reset_at_the_end(48, "fetch-error", 48), CONFORMS),
    "reset-before-the-last-byte-breaks": (reset_at_the_end(40, "fetch-error", 40), CONFORMS),
    "reset-before-the-last-byte-ends": (reset_at_the_end(40, "", 40), WRONG_RESULT),
    "over-the-total-and-reset": (over(too_much(total=40).end("/x", "reset"), TOTAL), CONFORMS),
    "over-the-quota-and-reset": (over(too_much(quota=40).end("/x", "reset"), QUOTA), CONFORMS),
    "over-the-total-and-paused": (over(pause(too_much(total=40)), TOTAL), CONFORMS),
    "over-the-quota-and-paused": (over(pause(too_much(quota=40)), QUOTA), CONFORMS),
    "over-the-total-and-aborted": (over(abort(too_much(total=40)), "aborted"), CONFORMS),
    "over-the-quota-and-aborted": (over(abort(too_much(quota=40)), "aborted"), CONFORMS),
    "over-the-total-and-killed": (
        failed_later(ended(too_much(total=40)), TOTAL, total=40),
        CONFORMS,
    ),
    "over-the-quota-and-killed": (failed_later(ended(too_much(quota=40)), QUOTA), CONFORMS),
    "kill-and-another-part": (other_part(ended(begun(16)), 12), CONFORMS),
    "kill-and-read-a-tail-less": (read_after_kill(8), CONFORMS),
    "more-than-the-part": (surplus(16), CONFORMS),
    "more-than-the-part-is-kept": (surplus(32), WRONG_NUMBER),
    "perhaps-over-the-total": (over(both_fit(), "fetch-error", 48), CONFORMS),
}


def trace(name: str) -> Trace:
    """One of them, whole."""
    script, _ = TRACES[name]
    origins = {"app": HOME, "cdn": "http://cdn.test"}
    return Trace(
        name, "by-hand", "1", ["kill", "restart", "offline", "pause"], origins, True, script.entries
    )


def table() -> str:
    """The verdicts, as ``conformance.mutate.replaying`` reads them."""
    head = "# Written by tests/conformance/judge/by_hand.py, which says what each is about.\n\n"
    rows = []
    for name, (_, blame) in TRACES.items():
        said = f'"violates", blame = ["{blame}"]' if blame else '"conforms"'
        rows.append(f"{name} = {{ verdict = {said} }}\n")
    return head + "".join(rows)


def write(folder: Path = FOLDER) -> None:
    """Every trace and the table of verdicts."""
    folder.mkdir(exist_ok=True)
    for name in TRACES:
        (folder / f"{name}.jsonl").write_bytes(dump(trace(name)))
    (folder / "verdicts.toml").write_text(table(), "utf-8")


if __name__ == "__main__":
    write()
