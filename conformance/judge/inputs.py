"""Inputs that take effect: what a call, a user or the machine does, and what becomes due.

An input was given when the judge noted it.  Its effect comes some time later, in
every way that the model allows; only what the text does before a call returns is
done at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from conformance import protocol as p
from conformance.judge.hypothesis import ABORT, CLICK, Captured, Due, Hypothesis, Locals
from conformance.judge.locals import widened
from conformance.judge.restarts import gone, subsets
from conformance.judge.terms import Terms
from spec_model import background_fetch as bf
from spec_model import process_response
from spec_model.background_fetch import BackgroundFetch, FetchCall, Rejected
from spec_model.decide import Decide
from spec_model.instances import Snapshot
from spec_model.interface import Interface, click_error, interface, newest
from spec_model.phases import RecordPhase, RegistrationPhase
from spec_model.record_state import RecordState, View
from spec_model.values import Extent, RequestSpec

_WITH_UPDATE_UI = ("backgroundfetchsuccess", "backgroundfetchfail")
ENQUEUED = "~"
"""Begins the name of a user's abort that is answered and waits in the edit queue (E02)."""
TOO_LATE = "~!"
"""The same, where the settlement of that fetch was in the queue before it."""
READING = "@"
"""Begins the name of a fetch() that was not refused and whose bodies are being read (E60)."""
AT_ONCE = ("FETCH-5", "FETCH-6.1", "FETCH-6.2")
"""Refusals that are made before the call returns."""

_USER_STEPS = {
    "abort": "DISPLAY-7",
    "refuse": "DISPLAY-11.2",
    "accept": "DISPLAY-11.2",
    "click": "DISPLAY-9",
    "dismiss": "DISPLAY-3",
}


def spec_of(request: p.RequestInit) -> RequestSpec:
    """A request argument as the model has it."""
    return RequestSpec(
        url=request.url,
        method=request.method,
        body=None if request.body is None else len(request.body),
        mode=request.mode,
        own_range=request.headers.get("Range", request.headers.get("range", "")),
    )


def call_of(command: p.Fetch) -> FetchCall:
    """The arguments of fetch() as the model has them."""
    return FetchCall(
        command.id,
        tuple(spec_of(request) for request in command.requests),
        command.title or "",
        command.download_total,
    )


def event_over(hypothesis: Hypothesis, handle: str, terms: Terms) -> Hypothesis:
    """A handler's promise is being settled; a settle event lets go of the records (E08)."""
    event = hypothesis.event(handle)
    if event is None:
        return hypothesis
    hypothesis = hypothesis.with_event(attrs.evolve(event, ending=True))
    if not event.settles:
        return hypothesis
    fetch = hypothesis.fetch(event.fetch)
    if fetch.phase is not RegistrationPhase.EVENT_ACTIVE:
        return hypothesis
    for agent, _ in terms.ask(bf.event_over, hypothesis.agent, fetch.index):
        return attrs.evolve(hypothesis, agent=agent)
    raise AssertionError("unreachable: outcomes are never empty")


@attrs.define
class Inputs:
    """What inputs do, on these terms."""

    terms: Terms

    def effect(
        self, hypothesis: Hypothesis, ref: str, command: p.AnyCommand
    ) -> Iterator[Hypothesis]:
        """The input is carried out; what it produces becomes due."""
        match command:
            case p.CachePut() | p.CacheKeys():
                return  # a cache is the page's own: what comes of a call is seen when it settles
            case p.Quit():
                yield from gone(hypothesis, ref, command, self.terms)
            case p.Launch():
                agent = attrs.evolve(hypothesis.agent, running=True)
                yield attrs.evolve(hypothesis, agent=agent).owe(Due("ack", ref[1:]))
            case p.Storage():
                box = self.terms.boxes.stored(hypothesis)
                due = Due("ack", ref[1:], "stored", least=box.lo, most=box.hi, step="STORED-3")
                yield hypothesis.owe(due)
            case p.Online():
                agent = attrs.evolve(hypothesis.agent, online=command.online)
                after = attrs.evolve(hypothesis, agent=agent).owe(Due("ack", ref[1:]))
                yield from (after,) if command.online else self._cut_off(after)
            case p.SetPermission():
                # Of the user, as connectivity is of the world: no user agent has to be there.
                yield _plain(hypothesis, command).owe(Due("ack", ref[1:]))
            case _ if not hypothesis.agent.running:
                return
            case p.Fetch():
                yield from self._fetch(hypothesis, ref, command)
            case p.Get() | p.GetIds() | p.Abort():
                yield from self._registry(hypothesis, ref, command)
            case p.Match() | p.MatchAll():
                yield from self._match(hypothesis, ref, command)
            case p.Interface():
                yield from self._interface(hypothesis, ref, command)
            case p.Synthesize():
                yield hypothesis.owe(_synthesized(ref, command))
            case p.User():
                yield from self._user(hypothesis, ref, command)
            case p.Unregister():
                yield from self._unregister(hypothesis, ref)
            case _:
                yield _plain(hypothesis, command).owe(Due("ack", ref[1:]))

    def _cut_off(self, hypothesis: Hypothesis) -> Iterator[Hypothesis]:
        """Going offline drops every connection, whatever had come by then."""
        if not hypothesis.agent.running:
            yield hypothesis
            return
        places = [
            (fetch, index)
            for fetch in hypothesis.agent.fetches
            for index in range(len(fetch.requests))
        ]
        after = [self._broken_off(hypothesis, *place) for place in places]
        needed = {choice for found in after for _, choices in found for choice in choices}
        for more in subsets(sorted(needed - hypothesis.choices)):
            made, chosen = hypothesis.choices | more, hypothesis.needing(more)
            for (fetch, index), found in zip(places, after, strict=True):
                kept = frozenset(record for record, choices in found if choices <= made)
                if not kept:
                    break
                chosen = chosen.with_locals(fetch.index, index, kept)
            else:
                yield chosen

    def _broken_off(
        self, hypothesis: Hypothesis, fetch: BackgroundFetch, index: int
    ) -> list[tuple[RecordState, frozenset[str]]]:
        spec, found = fetch.requests[index], list[tuple[RecordState, frozenset[str]]]()
        view = self.terms.boxes.view(hypothesis, fetch.index, index)
        for record in hypothesis.records[fetch.index][index]:
            exchange = self.terms.facts.exchanges.get(record.exchange) if record.exchange else None
            some = Extent(0, exchange.sent) if exchange is not None else Extent()
            for after, choices in self.terms.ask(_broken_off, record, spec, some, view):
                # A limit that was met just before has stopped the others before, too.
                if after.settled is record.settled or after.result != "download-total-exceeded":
                    found.append((widened(after, record, exchange, view), choices))
        return found

    def _least(self, hypothesis: Hypothesis, fetch: int) -> int:
        """What an object made from now on shows at least: what is surely stored (E48)."""
        if hypothesis.restarted(fetch):
            return 0
        return max(self.terms.boxes.held(hypothesis, fetch).lo, hypothesis.shown(fetch))

    # --- calls ------------------------------------------------------------------------

    def enqueues(self, command: p.AnyCommand) -> bool:
        """Whether a call enters the edit queue: a fetch() that is refused at once does not."""
        if not isinstance(command, p.Fetch):
            return isinstance(command, p.Abort)
        checked = self.terms.ask(bf.check_arguments, call_of(command))
        return any(refused is None for refused, _ in checked)

    def _fetch(self, hypothesis: Hypothesis, ref: str, command: p.Fetch) -> Iterator[Hypothesis]:
        call = call_of(command)
        taken = self._reserved(hypothesis, command.id)
        for refused, choices in self.terms.ask(_refused, hypothesis.agent, call):
            if refused is None and taken:
                refused = Rejected("TypeError", "FETCH-8.5")
            if refused is not None:
                yield self._rejected(hypothesis, ref, refused).needing(choices)
            elif any(request.streamed for request in command.requests):
                waiting = (*hypothesis.pending, f"{READING}{ref}")
                yield attrs.evolve(hypothesis, pending=waiting).needing(choices)
            else:
                yield from self._commit(hypothesis.needing(choices), ref, call)

    def bodies_read(self, hypothesis: Hypothesis, ref: str) -> Iterator[Hypothesis]:
        """FETCH-8.10 and on, for a call whose bodies are over."""
        command = self.terms.facts.calls[ref]
        assert isinstance(command, p.Fetch), ref
        if ref in self.terms.facts.unreadable:
            yield self._rejected(hypothesis, ref, Rejected("TypeError", "FETCH-8.11"))
        else:
            yield from self._commit(hypothesis, ref, call_of(command))

    def _commit(self, hypothesis: Hypothesis, ref: str, call: FetchCall) -> Iterator[Hypothesis]:
        charged = self.terms.boxes.used(hypothesis)
        for amount in sorted({charged.lo, charged.hi}):
            for result, choices in self.terms.ask(bf.commit, hypothesis.agent, call, amount):
                if isinstance(result, Rejected):
                    yield self._rejected(hypothesis, ref, result).needing(choices)
                    continue
                agent, fetch = result
                fresh: tuple[Locals, ...] = tuple(
                    frozenset({RecordState()}) for _ in fetch.requests
                )
                records = (*hypothesis.records, fresh)
                admitted = attrs.evolve(hypothesis, agent=agent, records=records)
                due = Due("settled", ref, "instance", fetch.index, step="FETCH-8.14.1")
                yield self._in_turn(admitted, due).needing(choices)

    def _rejected(self, hypothesis: Hypothesis, ref: str, refused: Rejected) -> Hypothesis:
        due = Due("settled", ref, error=refused.error, step=refused.step)
        return hypothesis.owe(due) if due.step in AT_ONCE else self._in_turn(hypothesis, due)

    def _in_turn(self, hypothesis: Hypothesis, due: Due) -> Hypothesis:
        """The edit queue does one thing after the other, and so do the tasks that it queues."""
        facts = self.terms.facts
        realm = facts.home_of(due.ref)
        ahead = (
            other.ref
            for other in hypothesis.due
            if other.kind == "settled"
            and other.step not in AT_ONCE
            and isinstance(facts.calls.get(other.ref), p.Fetch | p.Abort)
            and facts.home_of(other.ref) == realm
        )
        return hypothesis.owe(attrs.evolve(due, after=tuple(ahead)))

    def _reserved(self, hypothesis: Hypothesis, id: str) -> bool:
        """E60: the id of a call whose bodies are being read is taken."""
        facts = self.terms.facts
        waiting = (ref[1:] for ref in hypothesis.pending if ref.startswith(READING))
        # The streams of a page that was closed are gone with it.
        made = (facts.calls[ref] for ref in waiting if ref not in facts.dead)
        return any(isinstance(call, p.Fetch) and call.id == id for call in made)

    def _registry(
        self, hypothesis: Hypothesis, ref: str, command: p.Get | p.GetIds | p.Abort
    ) -> Iterator[Hypothesis]:
        agent = hypothesis.agent
        if isinstance(command, p.Get):
            for fetch, choices in self.terms.ask(bf.get, agent, command.id):
                due = Due("settled", ref, step="GET-3")
                if fetch is not None:
                    least = self._least(hypothesis, fetch.index)
                    due = Due(
                        "settled", ref, "instance", fetch.index, least=least, step="GET-4.1.2"
                    )
                yield hypothesis.owe(due).needing(choices)
        elif isinstance(command, p.GetIds):
            for ids, choices in self.terms.ask(bf.get_ids, agent):
                due = Due("settled", ref, "strings", strings=ids, step="GETIDS-2")
                yield hypothesis.owe(due).needing(choices)
        else:
            instance = hypothesis.instance(command.instance)
            if instance is None:
                return
            index = instance.fetch
            for (after, done), choices in self.terms.ask(bf.abort, agent, index, "script"):
                step = "ABORT-3.5" if done else "ABORT-3.3"
                due = Due("settled", ref, "boolean", index, flag=done, step=step)
                yield self._in_turn(attrs.evolve(hypothesis, agent=after), due).needing(choices)

    def _match(
        self, hypothesis: Hypothesis, ref: str, command: p.Match | p.MatchAll
    ) -> Iterator[Hypothesis]:
        instance = hypothesis.instance(command.instance)
        if instance is None:
            return
        fetch = hypothesis.fetch(instance.fetch)
        if not fetch.records_available:
            refused = Due("settled", ref, error="InvalidStateError", step="MATCHALL-1")
            yield hypothesis.owe(refused)
        if not instance.available:
            return
        for indexes, choices in self.terms.ask(
            bf.matching,
            fetch,
            command.url,
            command.options.ignore_search,
            command.options.ignore_method,
        ):
            single = isinstance(command, p.Match)
            found = indexes[:1] if single else indexes
            due = Due(
                "settled",
                ref,
                "undefined" if single and not found else "records",
                fetch.index,
                indexes=found,
                captured=tuple(_captured(hypothesis.records[fetch.index][i]) for i in found),
                step="MATCHALL-3.3",
            )
            yield hypothesis.owe(due).needing(choices)

    def update_ui(self, hypothesis: Hypothesis, command: p.UpdateUI) -> Iterator[Hypothesis]:
        """UPDATEUI-1 and 2 with E81, E82: the guard is passed before the call returns."""
        event = hypothesis.event(command.event)
        if event is None:
            return
        if event.trusted and event.name not in _WITH_UPDATE_UI:
            # Their interface has no updateUI: calling it is a TypeError of the language.
            step = "IDL-EVT-3" if event.name == ABORT else "IDL-EVT-4"
            yield hypothesis.owe(Due("settled", command.call, error="TypeError", step=step))
            return
        for active in {not (event.over or event.inactive), not event.ending}:
            for refused, choices in self.terms.ask(bf.update_ui, event.trusted, event.used, active):
                due = Due("settled", command.call, step="UPDATEUI-7")
                if refused is not None:
                    due = Due("settled", command.call, error=refused.error, step=refused.step)
                    yield hypothesis.owe(due).needing(choices)
                else:
                    used_ = hypothesis.with_event(attrs.evolve(event, used=True))
                    yield used_.owe(due).needing(choices)

    def _unregister(self, hypothesis: Hypothesis, ref: str) -> Iterator[Hypothesis]:
        """PRIV-1 with E86: all ends without an event; one on its way may still arrive."""
        on_their_way = [due for due in hypothesis.due if due.kind in ("event", "click", "push")]
        for agent, choices in self.terms.ask(bf.unregister, hypothesis.agent):
            after = attrs.evolve(hypothesis, agent=agent).needing(choices)
            after = after.owe(Due("settled", ref, "boolean", flag=True, step="PRIV-1"))
            for dropped in subsets(on_their_way):
                left = tuple(due for due in after.due if due not in dropped)
                yield self._never_fired(attrs.evolve(after, due=left), dropped)

    def _never_fired(self, hypothesis: Hypothesis, dropped: Iterable[Due]) -> Hypothesis:
        """E08: a settle event that nobody gets any more lets go of the records at once."""
        for due in dropped:
            active = hypothesis.fetch(due.fetch).phase if due.kind == "event" else None
            if active is RegistrationPhase.EVENT_ACTIVE:
                ended = self.terms.ask(bf.event_over, hypothesis.agent, due.fetch)
                hypothesis = attrs.evolve(hypothesis, agent=ended[0][0])
        return hypothesis

    # --- the user and the machine -----------------------------------------------------

    def abort_by_user(self, hypothesis: Hypothesis, ref: str) -> Iterator[Hypothesis]:
        """The user's abort has come to the head of the edit queue."""
        index = int(ref.removeprefix(TOO_LATE).removeprefix(ENQUEUED))
        for (agent, _), choices in self.terms.ask(bf.abort, hypothesis.agent, index, "user"):
            yield attrs.evolve(hypothesis, agent=agent).needing(choices)

    def _interface(
        self, hypothesis: Hypothesis, ref: str, command: p.Interface
    ) -> Iterator[Hypothesis]:
        for shows, choices in self.terms.ask(_seen_by_user, hypothesis.agent, command.id):
            due = Due("ack", ref[1:], "interface", shows=shows, step="DISPLAY-0")
            yield hypothesis.owe(due).needing(choices)

    def _automation(
        self, hypothesis: Hypothesis, ref: str, window: str, id: str
    ) -> Iterator[Hypothesis]:
        """WDCLICK: its error is the answer, or the click is made."""
        open_ = window not in self.terms.facts.closed
        for error, choices in self.terms.ask(click_error, hypothesis.agent, open_, id):
            after = hypothesis.needing(choices)
            index = newest(hypothesis.agent, id)
            if error is not None or index is None:
                yield after.owe(Due("ack", ref[1:], "refused", error=error or "", step="WDCLICK-0"))
            else:
                after = after.owe(Due("ack", ref[1:], step="WDCLICK-7"))
                yield self._clicked(after, index)

    def _clicked(self, hypothesis: Hypothesis, fetch: int) -> Hypothesis:
        """CLICK-1."""
        if CLICK not in hypothesis.agent.listening:
            return hypothesis
        least = self._least(hypothesis, fetch)
        return hypothesis.owe(Due("click", CLICK, fetch=fetch, least=least, step="CLICK-1"))

    def _user(self, hypothesis: Hypothesis, ref: str, command: p.User) -> Iterator[Hypothesis]:
        if command.window is not None:
            yield from self._automation(hypothesis, ref, command.window, command.id)
            return
        named = [f for f in hypothesis.agent.fetches if f.id == command.id]
        step = _USER_STEPS.get(command.action, "DISPLAY-8")
        if not named:
            yield hypothesis.owe(Due("ack", ref[1:], "refused", step=step))
            return
        latest = named[-1]
        stops = command.action == "abort" or (command.action == "refuse" and latest.prompting)
        if stops and not latest.settled and self.terms.edition.repairs("E02"):
            # The same steps as abort(): they wait in the edit queue.
            answered = hypothesis.owe(Due("ack", ref[1:], step=step))
            waiting = (*hypothesis.pending, f"{ENQUEUED}{latest.index}")
            yield attrs.evolve(answered, pending=waiting)
            over = answered.with_all_settled(latest.index)
            if over is not None:
                late = (*hypothesis.pending, f"{TOO_LATE}{latest.index}")
                yield attrs.evolve(over, pending=late)
            return
        for (agent, refused), choices in self.terms.ask(
            bf.user_action, hypothesis.agent, latest.index, command.action
        ):
            after = attrs.evolve(hypothesis, agent=agent).needing(choices)
            what = "undefined" if refused is None else "refused"
            after = after.owe(Due("ack", ref[1:], what, step=step))
            clicks = command.action == "click" and refused is None
            yield self._clicked(after, latest.index) if clicks else after
            if refused is None and latest.settled and command.action in ("click", "dismiss"):
                # DISPLAY-10: the interface *may* stay.  This one had gone by itself.
                gone = hypothesis.agent.put(attrs.evolve(latest, displayed=False))
                without = attrs.evolve(hypothesis, agent=gone).needing(choices)
                yield without.owe(Due("ack", ref[1:], "refused", step="DISPLAY-10"))


def _broken_off(
    record: RecordState, spec: RequestSpec, some: Extent, view: View, d: Decide
) -> RecordState:
    """RECORD-11.R.1 or R.8, for a record that has an attempt under way."""
    if record.phase is RecordPhase.BEFORE_HEADERS:
        return process_response.network_error(record, spec, view, d, lost=True)
    if record.phase is not RecordPhase.READING:
        return record
    if record.current is not None and record.current.null_body:
        return record
    return process_response.body_errored(record, spec, some, view, d)


def _seen_by_user(agent: bf.UserAgent, id: str, d: Decide) -> Interface | None:
    index = newest(agent, id)
    # How far it has got is drawn, and not compared.
    return None if index is None else interface(agent, index, Snapshot(id), d)


def _refused(agent: bf.UserAgent, call: FetchCall, d: Decide) -> Rejected | None:
    """What rejects before the bodies are looked at."""
    return bf.check_arguments(call, d) or bf.refuse(agent, call.id, d)


def _plain(hypothesis: Hypothesis, command: p.AnyCommand) -> Hypothesis:
    agent = hypothesis.agent
    if isinstance(command, p.SetPermission):
        agent = attrs.evolve(agent, permission=command.state)
    elif isinstance(command, p.Push) and "push" in agent.listening and agent.worker:
        hypothesis = hypothesis.owe(Due("push", "push", strings=(command.data,)))
    return attrs.evolve(hypothesis, agent=agent)


def _synthesized(ref: str, command: p.Synthesize) -> Due:
    if command.instance is None:
        return Due("settled", ref, error="TypeError", step="IDL-BFE-3")
    return Due("settled", ref, "event", step="IDL-UUE-1")


def _captured(locals_: Locals) -> Captured:
    return Captured(
        min(record.generation for record in locals_), any(not r.settled for r in locals_)
    )
