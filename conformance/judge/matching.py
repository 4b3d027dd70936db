"""Whether an explanation can have produced an observation, and what the observation then tells.

Each matcher yields the explanations that remain.  One that cannot have produced
the observation yields nothing and leaves a *refusal*: the step whose output was
due instead, and why.  When every explanation refuses, the refusals are the blame.

There is a file for each observer: the server's log, promises, registration objects
and their snapshots, events, and record objects with their readers.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from conformance import protocol as p
from conformance.judge.hypothesis import Due, Hypothesis
from conformance.judge.match_events import Events
from conformance.judge.match_promises import Promises
from conformance.judge.match_records import Records
from conformance.judge.match_requests import Requests
from conformance.judge.match_snapshots import Snapshots
from conformance.judge.refusals import Refusals
from conformance.judge.terms import Terms
from conformance.judge.words import kind_of
from conformance.trace import ServerRequest, ServerRequestBody
from spec_model.interface import Interface

_UNANSWERED = (p.Start, p.End, p.Stop)
"""Commands whose answers say nothing."""

_SUMS_TOLD_APART = 1_000
"""Sums of requests' bodies; where there are more, any number of their bytes may be stored."""


@attrs.define
class Matching:
    """Everything that can be seen, on these terms."""

    terms: Terms
    refusals: Refusals = attrs.field(factory=Refusals)
    requests: Requests = attrs.field(init=False)
    snapshots: Snapshots = attrs.field(init=False)
    promises: Promises = attrs.field(init=False)
    events: Events = attrs.field(init=False)
    records: Records = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.requests = Requests(self.terms, self.refusals)
        self.snapshots = Snapshots(self.terms, self.refusals)
        self.promises = Promises(self.terms, self.refusals, self.snapshots)
        self.events = Events(self.refusals, self.snapshots)
        self.records = Records(self.terms, self.refusals)

    def served(
        self, hypothesis: Hypothesis, line: ServerRequest | ServerRequestBody
    ) -> Iterator[Hypothesis]:
        """What the server read."""
        self.refusals.about(hypothesis)
        if isinstance(line, ServerRequest):
            yield from self.requests.request(hypothesis, line)
        else:
            yield from self.requests.body(hypothesis, line)

    def seen(self, hypothesis: Hypothesis, seen: p.AnyObservation) -> Iterator[Hypothesis]:
        """What the implementation pushed."""
        self.refusals.about(hypothesis)
        realm = self._realm(hypothesis, seen)
        if realm in self.terms.facts.stuck:
            why = f"{kind_of(seen)} came in {realm}, where no task can have run"
            self.refusals.refuse("INFRA-3", why)
            return
        match seen:
            case p.Settled():
                command = self.terms.facts.calls.get(seen.call)
                if seen.call in self.terms.facts.unheard:
                    why = (
                        f"the promise of {seen.call} settled in {realm}, where no task can have run"
                    )
                    self.refusals.refuse("INFRA-3", why)
                elif isinstance(command, p.CachePut | p.CacheKeys):
                    yield from self.records.cached(hypothesis, command, seen)
                else:
                    yield from self.promises.settled(hypothesis, seen)
            case p.Progress():
                yield from self.events.progress(hypothesis, seen)
            case p.WorkerEvent():
                yield from self.events.event(hypothesis, seen)
            case p.Ready():
                yield from self.records.ready(hypothesis, seen)
            case p.Received():
                yield from self.records.received(hypothesis, seen)
            case p.Body():
                yield from self.records.body(hypothesis, seen)
            case p.Log():
                yield hypothesis

    def _realm(self, hypothesis: Hypothesis, seen: p.AnyObservation) -> str:
        """Where a task had to run for this; readers are not tasks of their realm."""
        match seen:
            case p.Settled():
                return self.terms.facts.home_of(seen.call)
            case p.Progress():
                known = hypothesis.instance(seen.instance)
                return "" if known is None else known.realm
            case p.WorkerEvent():
                return p.WORKER
        return ""

    def answered(self, hypothesis: Hypothesis, answer: p.Answer) -> Iterator[Hypothesis]:
        """What the implementation answered to a command."""
        self.refusals.about(hypothesis)
        command = self.terms.facts.commands.get(answer.seq)
        if isinstance(command, p.Match | p.MatchAll) and command.call in hypothesis.pending:
            if hypothesis.instance(command.instance) is not None:
                # MATCHALL-1 is over before the call returns.
                self.refusals.refuse("MATCHALL-1", f"{kind_of(answer)} came before its guard")
                return
        if getattr(command, "call", None) is not None or isinstance(command, _UNANSWERED):
            yield hypothesis
            return
        for due in hypothesis.due:
            if due.kind == "ack" and due.ref == str(answer.seq):
                yield from self._answered_as(hypothesis.paid(due), due, command, answer)

    def _answered_as(
        self, hypothesis: Hypothesis, due: Due, command: p.AnyCommand | None, answer: p.Answer
    ) -> Iterator[Hypothesis]:
        if (due.what == "refused") is not (answer.refused is not None):
            named = "the command" if command is None else command.__struct_config__.tag
            action = command.action if isinstance(command, p.User) else named
            should = "should have been refused" if due.what == "refused" else "was refused"
            why = f"{action} {should}"
            if answer.refused:
                why = f"{why} ({answer.refused})"
            self.refusals.refuse(due.step or "DISPLAY-8", why)
        elif due.what == "refused" and due.error and due.error != answer.refused:
            why = f"WebDriver's error is {due.error!r}, not {answer.refused!r}"
            self.refusals.refuse(due.step, why)
        elif isinstance(command, p.Look) and answer.snapshot is not None:
            known = hypothesis.instance(command.instance)
            if known is not None:
                where = f"a look at {command.instance}"
                yield from self.snapshots.looked(hypothesis, known, answer.snapshot, where)
        elif isinstance(command, p.Storage) and answer.stored is not None:
            if _may_be_stored(hypothesis, due, answer.stored):
                yield hypothesis
            else:
                why = f"{answer.stored} bytes are stored, it should be {due.least} to {due.most}"
                self.refusals.refuse("STORED-3", f"{why}, with or without requests' bodies")
        elif isinstance(command, p.Interface) and answer.interface is not None:
            differs = _differs(due.shows, answer.interface, self.terms.facts.titles)
            if differs is None:
                yield hypothesis
            else:
                step, why = differs
                self.refusals.refuse(step, f"the interface of {command.id!r} {why}")
        elif isinstance(command, p.ClosePage):
            yield _without_realm(hypothesis, command.page).idle(command.page)
        elif isinstance(command, p.Busy) and command.busy:
            yield hypothesis.busy(command.realm)
        elif isinstance(command, p.EndEvent) and p.WORKER not in self.terms.facts.busy:
            event = hypothesis.event(command.event)
            ended = event and attrs.evolve(event, inactive=True)
            yield hypothesis if ended is None else hypothesis.with_event(ended)
        else:
            yield hypothesis


def _may_be_stored(hypothesis: Hypothesis, due: Due, stored: int) -> bool:
    """Whether so much is stored if each request's body is kept whole, or not counted."""
    bodies = [spec.body or 0 for fetch in hypothesis.agent.fetches for spec in fetch.requests]
    sums = {0}
    for body in bodies:
        sums |= {total + body for total in sums}
        if len(sums) > _SUMS_TOLD_APART:
            return due.least <= stored <= due.most + sum(bodies)
    return any(due.least + total <= stored <= due.most + total for total in sums)


def _differs(shows: Interface | None, shown: p.Shown, titles: set[str]) -> tuple[str, str] | None:
    """The step that an interface contradicts and what it shows, if it is not the expected one.

    What the text only allows is not asked for: to show a title (it may be an old one, since
    updateUI() goes on in parallel), to stay after the end, to be dismissible then.
    """
    if shows is None or (shows.dismissible and not shown.displayed):
        return ("DISPLAY-0", "is displayed") if shown.displayed else None
    if not shown.displayed:
        return "DISPLAY-0", "is not displayed"
    if shown.title and shown.title not in titles:
        return "DISPLAY-4", f"shows the title {shown.title!r}, which nobody has given it"
    if shown.dismissible and not shows.dismissible:
        return "DISPLAY-3", "is dismissible before the end"
    for step, name, should, now in (
        ("DISPLAY-1", "origin", shows.origin, shown.origin),
        ("DISPLAY-2", "busy", shows.busy, shown.busy),
        ("DISPLAY-7", "canAbort", shows.can_abort, shown.can_abort),
        ("DISPLAY-8", "canPause", shows.can_pause, shown.can_pause),
    ):
        if should != now:
            return step, f"shows {name} {now!r} instead of {should!r}"
    return None


def _without_realm(hypothesis: Hypothesis, realm: str) -> Hypothesis:
    """The page is closed: nothing more can be seen of its objects."""
    return attrs.evolve(
        hypothesis,
        instances=tuple(i for i in hypothesis.instances if i.realm != realm),
        readers=tuple(r for r in hypothesis.readers if r.realm != realm),
    )
