"""What a campaign has asked and what it was shown: it proves nothing about what never came.

Counted once for each run that has it, so that the numbers say in how many different runs
a command was given, something was observed, or a step of the text was taken.
"""

from __future__ import annotations

from collections import Counter

import attrs

from conformance import protocol as p
from conformance.trace import Quiet, ServerRequest, Trace


@attrs.define
class Coverage:
    """Runs by what was asked of them, what they showed, and the steps that they took."""

    runs: int = 0
    asked: Counter[str] = attrs.field(factory=Counter)
    shown: Counter[str] = attrs.field(factory=Counter)
    steps: Counter[str] = attrs.field(factory=Counter)

    def add(self, trace: Trace, steps: frozenset[str]) -> None:
        """One more run."""
        self.runs += 1
        asked, shown = set[str](), set[str]()
        for entry in trace.entries:
            if entry.sent is not None:
                asked.update(_asked(entry.sent))
            elif entry.answered is not None:
                shown.update(_answered(entry.answered))
            elif entry.seen is not None:
                shown.add(_seen(entry.seen))
            elif isinstance(entry.server, ServerRequest):
                part = "from the middle" if entry.server.headers.get("range") else "whole"
                shown.add(f"request {entry.server.method} {part}")
            elif isinstance(entry.note, Quiet):
                shown.add("silence")
        self.asked.update(asked)
        self.shown.update(shown)
        self.steps.update(steps)


def _asked(command: p.AnyCommand) -> list[str]:
    match command:
        case p.User():
            return [f"user {command.action}"]
        case p.Quit():
            return ["kill" if command.kill else "quit"]
        case p.Online():
            return ["online" if command.online else "offline"]
        case p.Busy():
            return [f"{'busy' if command.busy else 'idle'} {_kind(command.realm)}"]
        case p.EndBody():
            return ["end of a body" if not command.fails else "failure of a body"]
        case p.Begin():
            worlds = [f"permission {command.permission}"]
            worlds += ["quota"] if command.quota is not None else []
            worlds += ["one connection"] if command.concurrency is not None else []
            return worlds
        case p.Fetch():
            found = [f"fetch in {_kind(command.realm)}"]
            found += ["downloadTotal"] if command.download_total else []
            found += ["several requests"] if len(command.requests) > 1 else []
            found += ["streamed upload"] if any(r.streamed for r in command.requests) else []
            found += ["upload"] if any(r.body is not None for r in command.requests) else []
            return found
    return [type(command).__name__]


def _kind(realm: str) -> str:
    return realm if realm in ("p1", p.WORKER) else "another page"


def _answered(answer: p.Answer) -> list[str]:
    found = ["refusal of a user's action"] if answer.refused is not None else []
    found += ["attributes on a look"] if answer.snapshot is not None else []
    found += ["bytes in storage"] if answer.stored is not None else []
    return [*found, "interface"] if answer.interface is not None else found


def _seen(seen: p.AnyObservation) -> str:
    match seen:
        case p.Settled():
            what = seen.error and f"rejected with {seen.error}"
            values = ("instance", "event", "boolean", "strings", "records")
            given = (name for name in values if getattr(seen, name) is not None)
            return f"promise: {what or next(given, 'nothing')}"
        case p.Progress():
            return f"progress: {seen.snapshot.result or 'under way'}"
        case p.WorkerEvent():
            reason = seen.snapshot.failure_reason if seen.snapshot is not None else ""
            return f"event {seen.name}" + (f": {reason}" if reason else "")
        case p.Ready():
            return f"responseReady: {seen.error or seen.status}"
        case p.Body():
            return f"body: {seen.error or 'whole'}"
    return type(seen).__name__
