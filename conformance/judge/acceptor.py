"""The first oracle: can the model have produced this trace?

The acceptor keeps every explanation of the trace so far.  An input becomes
pending; an observation must be producible by some explanation; in between
everything that needs no observation is followed.  At a *quiet* point only
explanations remain in which nothing is due: silence is an observation.

It can be fed while a scenario runs (``pending`` then says what is still due) or
over a recorded trace.  When no explanation remains it stops and keeps the last
ones, for the report: what was allowed instead, and the steps to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs

from conformance import beginning
from conformance import protocol as p
from conformance.judge.effects import Effects, TooManyExplanations
from conformance.judge.facts import Facts
from conformance.judge.hypothesis import Due, Hypothesis, minimal
from conformance.judge.inputs import event_over
from conformance.judge.matching import Matching
from conformance.judge.memory import Memory
from conformance.judge.refusals import Refusal
from conformance.judge.rest import Rest
from conformance.judge.terms import Terms
from conformance.trace import (
    AnyServerEntry,
    Entry,
    Quiet,
    ServerHeld,
    ServerLost,
    ServerRequest,
    ServerRequestBody,
)
from spec_model.editions import AMENDED, Edition

_LATER = (p.User, p.Online, p.SetPermission, p.Quit, p.Launch, p.Push, p.Storage, p.Interface)
"""Commands without a call that take effect some time after they were given."""


@attrs.frozen
class Rejection:
    """No explanation admits entry ``index``; the nearest refusals come first."""

    index: int
    entry: Entry
    refusals: tuple[Refusal, ...]
    allowed: tuple[str, ...]


@attrs.frozen
class Fault:
    """What contradicts the text under every explanation and changes nothing else.

    It is kept and the trace is judged on, so that it hides nothing that comes after.
    """

    index: int
    step: str
    why: str


_HIDDEN = {"content-range": "CREATE-2.9.2.2", "content-length": "CREATE-2.9.2.3"}
"""Headers that an exposed response must not have, and the steps that remove them."""


@attrs.define
class Acceptor:
    """Feed it entries in order.  ``admitted``: the choices allowed ("key=option"; None: all).

    ``limit`` and ``factored`` as in ``Effects``; ``memory`` may be that of others, too.
    ``overflowed``: it had to give up.
    ``largest``: the most explanations held at once.
    """

    edition: Edition = AMENDED
    admitted: frozenset[str] | None = None
    limit: int = 20_000
    factored: bool = True
    memory: Memory = attrs.field(factory=Memory, repr=False)
    hypotheses: list[Hypothesis] = attrs.field(factory=list, init=False)
    rejection: Rejection | None = attrs.field(default=None, init=False)
    faults: list[Fault] = attrs.field(factory=list, init=False)
    overflowed: bool = attrs.field(default=False, init=False)
    largest: int = attrs.field(default=0, init=False)
    fed: int = attrs.field(default=0, init=False)
    facts: Facts = attrs.field(factory=Facts)
    effects: Effects = attrs.field(init=False)
    rest: Rest = attrs.field(init=False)
    matching: Matching = attrs.field(init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        terms = Terms(self.facts, self.edition, self.admitted, self.memory)
        self.effects = Effects(terms, self.limit, self.factored)
        self.rest = Rest(terms, self.effects.moves)
        self.matching = Matching(terms)

    @property
    def joined(self) -> int:
        """How often explanations were joined because they were too many to be held apart."""
        return 0 if self.effects.joins is None else self.effects.joins.count

    def fork(self) -> Acceptor:
        """Another acceptor that has been fed the same, and can be fed something else now."""
        made = Acceptor(
            self.edition, self.admitted, self.limit, self.factored, self.memory, self.facts.copy()
        )
        made.hypotheses, made._closed = self.hypotheses, self._closed
        made.rejection, made.faults = self.rejection, [*self.faults]
        made.effects.joins = attrs.evolve(self.effects.joins) if self.effects.joins else None
        made.overflowed, made.largest, made.fed = self.overflowed, self.largest, self.fed
        return made

    def like(self, other: Acceptor) -> bool:
        """Whether whatever both are fed from now on, both say the same."""
        return (
            len(self.hypotheses) == len(other.hypotheses)
            and set(self.hypotheses) == set(other.hypotheses)
            and self.facts == other.facts
            and (self.rejection is None, self.overflowed, self._closed, bool(self.faults))
            == (other.rejection is None, other.overflowed, other._closed, bool(other.faults))
        )

    # --- feeding ----------------------------------------------------------------------

    def feed(self, entry: Entry) -> None:
        """Take in the next entry; after a rejection nothing more is looked at."""
        index = self.fed
        self.fed += 1
        if self.rejection is not None or self.overflowed:
            return
        try:
            self._feed(index, entry)
        except TooManyExplanations:
            self.overflowed = True

    def _feed(self, index: int, entry: Entry) -> None:
        match = self.matching
        if entry.sent is not None:
            self._input(entry.sent)
        elif entry.answered is not None:
            answer = entry.answered
            self._output(index, entry, lambda h: match.answered(h, answer))
        elif isinstance(entry.seen, p.Log):
            pass
        elif entry.seen is not None:
            seen = entry.seen
            if isinstance(seen, p.Ready):
                self._exposed(index, seen)
            self._output(index, entry, lambda h: match.seen(h, seen))
            self._remember(seen)
        elif entry.server is not None:
            self._server(index, entry, entry.server)
        elif isinstance(entry.note, Quiet):
            self._quiet(index, entry, entry.note)

    def _server(self, index: int, entry: Entry, line: AnyServerEntry) -> None:
        self.facts.server(line)
        if isinstance(line, ServerRequest | ServerRequestBody):
            self._output(index, entry, lambda h: self.matching.served(h, line))
        elif not isinstance(line, ServerLost | ServerHeld):
            self._set(self.effects.written(self.hypotheses, line.exchange))

    def _exposed(self, index: int, seen: p.Ready) -> None:
        for header in sorted(_HIDDEN.keys() & seen.headers.keys()):
            why = f"the response of {seen.record} shows the header {header}"
            self.faults.append(Fault(index, _HIDDEN[header], why))

    def _set(self, hypotheses: list[Hypothesis], *, closed: bool = True) -> None:
        self.hypotheses = hypotheses
        self._closed = closed
        self.largest = max(self.largest, len(hypotheses))

    def _output(
        self, index: int, entry: Entry, match: Callable[[Hypothesis], Iterable[Hypothesis]]
    ) -> None:
        self.matching.refusals.clear()
        matched = (m for hypothesis in self.hypotheses for m in match(hypothesis))
        after = minimal(matched, self.effects.joins)
        if after:
            closed = self._closed and self._only_seen(after)
            self._set(after if closed else self.effects.close(after))
        else:
            self._reject(index, entry)

    def _only_seen(self, after: list[Hypothesis]) -> bool:
        """Whether something due was seen and nothing else has changed: that moves nothing.

        But where the user agent may be about to go, it could have gone after that.
        """
        before = set(map(_but_for_due, self.hypotheses))
        going = any(
            isinstance(self.facts.command(ref), p.Quit)
            for each in after
            for ref in each.pending
            if ref.startswith("#")
        )
        return not going and all(_but_for_due(each) in before for each in after)

    def _reject(self, index: int, entry: Entry) -> None:
        allowed = {
            text for hypothesis in self.hypotheses for text in self.rest.could_come(hypothesis)
        }
        refusals = self.matching.refusals.best_first()
        self.rejection = Rejection(index, entry, refusals, tuple(sorted(allowed)))

    # --- inputs -----------------------------------------------------------------------

    def _input(self, command: p.AnyCommand) -> None:
        if isinstance(command, p.Begin):
            self._begin(command)
            return
        self.facts.command_given(command)
        given = (after for h in self.hypotheses for after in self._given(h, command))
        self._set(self.effects.close(given))

    def _begin(self, command: p.Begin) -> None:
        self.facts.command_given(command)
        agent = beginning.user_agent(command)
        self._set([Hypothesis(agent, due=(Due("ack", str(command.seq)),))])

    def _given(self, hypothesis: Hypothesis, command: p.AnyCommand) -> Iterator[Hypothesis]:
        call = getattr(command, "call", None)
        if isinstance(command, p.UpdateUI):
            yield from self.effects.inputs.update_ui(hypothesis, command)
        elif call is not None:
            yield attrs.evolve(hypothesis, pending=(*hypothesis.pending, call))
        elif isinstance(command, _LATER):
            yield attrs.evolve(hypothesis, pending=(*hypothesis.pending, f"#{command.seq}"))
        else:
            if isinstance(command, p.Read):
                reader = hypothesis.reader(command.record)
                if reader is not None:
                    hypothesis = hypothesis.with_reader(reader.asked_for())
            elif isinstance(command, p.Busy) and not command.busy:
                hypothesis = hypothesis.idle(command.realm)
            elif isinstance(command, p.EndEvent):
                hypothesis = event_over(hypothesis, command.event, self.effects.terms)
            yield hypothesis.owe(Due("ack", str(command.seq)))

    # --- outputs ----------------------------------------------------------------------

    def _remember(self, seen: p.AnyObservation) -> None:
        """Facts that an observation adds, whatever the explanation."""
        facts = self.facts
        if isinstance(seen, p.WorkerEvent) and seen.instance is not None:
            facts.realm_of.setdefault(seen.instance, p.WORKER)
        if not isinstance(seen, p.Settled):
            return
        command = facts.calls.get(seen.call)
        if seen.instance is not None and command is not None:
            facts.realm_of.setdefault(seen.instance, facts.realm(command))
        if isinstance(command, p.CachePut):
            facts.told.add(seen.call)
        if isinstance(command, p.CachePut) and seen.error is None:
            for hypothesis in self.hypotheses:
                reader = hypothesis.reader(command.record)
                if reader is not None:
                    url = hypothesis.fetch(reader.fetch).requests[reader.index].url
                    facts.cached(command.cache, url)
                    return

    # --- silence ----------------------------------------------------------------------

    def pending(self) -> tuple[str, ...]:
        """What is due in the explanation that is nearest to rest; empty if one may rest."""
        if self.rejection is not None or self.overflowed:
            return ()
        return self._nearest_to_rest()

    def _nearest_to_rest(self) -> tuple[str, ...]:
        """What the explanation owes in which inputs and records have gone as far as they can."""
        owed = [(len(each.pending), self.rest.owed(each)) for each in self.hypotheses]
        _, texts = min(
            owed,
            key=lambda o: (o[0], sum(text.startswith("RECORD") for text in o[1]), len(o[1]), o[1]),
            default=(0, ()),
        )
        return texts

    def _quiet(self, index: int, entry: Entry, note: Quiet) -> None:
        if note.bounded:
            self.facts.quiet()
        resting = [r for h in self.hypotheses for r in self.rest.resting(h)]
        if note.bounded:
            # After a mere moment of grace an update without an event may be on its way still.
            resting = [self.rest.delivered(hypothesis) for hypothesis in resting]
        if resting:
            self._set(minimal(resting, self.effects.joins), closed=False)
            return
        refusals = self.matching.refusals
        refusals.clear()
        refusals.about(self.hypotheses[0])
        for text in self._nearest_to_rest():
            step, _, why = text.partition(" ")
            refusals.refuse(step, f"nothing more came, but {why} was due")
        self._reject(index, entry)


def _but_for_due(each: Hypothesis) -> tuple[int, ...]:
    """Everything but what is due, as it lies in memory: what is copied is the same."""
    parts = (each.agent, each.records, each.pending, each.instances)
    seen = (each.events, each.readers, each.finals, each.unheard)
    return tuple(map(id, (*parts, *seen, each.choices)))
