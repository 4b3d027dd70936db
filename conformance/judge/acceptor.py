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

from collections.abc import Callable, Iterator

import attrs

from conformance import protocol as p
from conformance.judge.effects import Effects, TooManyExplanations
from conformance.judge.facts import Facts
from conformance.judge.hypothesis import Due, Hypothesis, minimal
from conformance.judge.matching import Matching, Refusal
from conformance.judge.rest import Rest
from conformance.trace import Entry, Quiet, ServerLost, ServerRequest, ServerRequestBody
from spec_model.background_fetch import UserAgent
from spec_model.editions import AMENDED, Edition


@attrs.frozen
class Rejection:
    """No explanation admits entry ``index``."""

    index: int
    entry: Entry
    refusals: tuple[Refusal, ...]
    allowed: tuple[str, ...]


@attrs.define
class Acceptor:
    """Feed it entries in order.  ``admitted``: the choices allowed ("key=option"; None: all)."""

    edition: Edition = AMENDED
    admitted: frozenset[str] | None = None
    limit: int = 20_000
    factored: bool = True
    facts: Facts = attrs.field(factory=Facts, init=False)
    hypotheses: list[Hypothesis] = attrs.field(factory=list, init=False)
    rejection: Rejection | None = attrs.field(default=None, init=False)
    overflowed: bool = attrs.field(default=False, init=False)
    largest: int = attrs.field(default=0, init=False)
    fed: int = attrs.field(default=0, init=False)
    effects: Effects = attrs.field(init=False)
    matching: Matching = attrs.field(init=False)
    rest: Rest = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.effects = Effects(
            self.facts, self.edition, self.admitted, self.limit, self.factored
        )
        self.matching = Matching(self.facts, self.effects)
        self.rest = Rest(self.facts, self.effects)

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
        if entry.sent is not None:
            self._input(entry.sent)
        elif entry.answered is not None:
            answer = entry.answered
            self._output(index, entry, lambda h: self._answered(h, answer))
        elif entry.seen is not None:
            seen = entry.seen
            if not isinstance(seen, p.Log):
                self._output(index, entry, lambda h: self._seen(h, seen))
                self._remember(seen)
        elif entry.server is not None:
            self._server(index, entry)
        elif isinstance(entry.note, Quiet):
            self._quiet(index, entry, entry.note)

    def _server(self, index: int, entry: Entry) -> None:
        line = entry.server
        assert line is not None
        self.facts.server(line)
        if isinstance(line, ServerRequest):
            self._output(index, entry, lambda h: self.matching.request(h, line))
        elif not isinstance(line, ServerRequestBody | ServerLost):
            self._set(self.effects.close(self.hypotheses))

    def _set(self, hypotheses: list[Hypothesis]) -> None:
        self.hypotheses = hypotheses
        self.largest = max(self.largest, len(hypotheses))

    def _output(
        self, index: int, entry: Entry, match: Callable[[Hypothesis], Iterator[Hypothesis]]
    ) -> None:
        self.matching.refusals.clear()
        after = minimal(m for hypothesis in self.hypotheses for m in match(hypothesis))
        if after:
            self._set(self.effects.close(after))
        else:
            self._reject(index, entry)

    def _reject(self, index: int, entry: Entry) -> None:
        allowed = dict.fromkeys(
            text for hypothesis in self.hypotheses for text in self.rest.could_come(hypothesis)
        )
        refusals = tuple(self.matching.refusals)
        self.rejection = Rejection(index, entry, refusals, tuple(allowed))

    # --- inputs -----------------------------------------------------------------------

    def _input(self, command: p.AnyCommand) -> None:
        facts = self.facts
        facts.commands[command.seq] = command
        call = getattr(command, "call", None)
        if call is not None:
            facts.calls[call] = command
        if isinstance(command, p.ClosePage):
            # What the page has asked for may still be done, but nobody is told.
            facts.dead.update(
                ref for ref, made in facts.calls.items() if self._realm_of(made) == command.page
            )
        if isinstance(command, p.Begin):
            facts.begin = command
            facts.origins = dict(command.origins)
            agent = UserAgent(
                home=command.origins["app"],
                listening=frozenset(command.listen),
                online=command.online,
                permission=command.permission,
                quota=command.quota,
            )
            self._set([Hypothesis(agent, due=(Due("ack", str(command.seq)),))])
            return
        self._set(self.effects.close(self._given(h, command, call) for h in self.hypotheses))

    def _given(self, hypothesis: Hypothesis, command: p.AnyCommand, call: str | None) -> Hypothesis:
        if isinstance(command, p.CachePut | p.CacheKeys):
            return hypothesis
        if call is not None:
            return attrs.evolve(hypothesis, pending=(*hypothesis.pending, call))
        if isinstance(command, p.Read):
            reader = hypothesis.reader(command.record)
            if reader is not None:
                hypothesis = hypothesis.with_reader(attrs.evolve(reader, asked=True))
        elif isinstance(command, p.EndEvent):
            event = hypothesis.event(command.event)
            if event is not None:
                hypothesis = hypothesis.with_event(attrs.evolve(event, ending=True))
        elif isinstance(command, p.ClosePage):
            instances = tuple(i for i in hypothesis.instances if i.realm != command.page)
            hypothesis = attrs.evolve(hypothesis, instances=instances)
        elif isinstance(
            command, p.User | p.Online | p.SetPermission | p.Quit | p.Launch
        ):
            return attrs.evolve(hypothesis, pending=(*hypothesis.pending, f"#{command.seq}"))
        return hypothesis.owe(Due("ack", str(command.seq)))

    def _realm_of(self, command: p.AnyCommand) -> str:
        instance = getattr(command, "instance", None)
        if instance is not None:
            return self.facts.realm_of.get(instance, "")
        return str(getattr(command, "realm", ""))

    # --- outputs ----------------------------------------------------------------------

    def _seen(self, hypothesis: Hypothesis, seen: p.AnyObservation) -> Iterator[Hypothesis]:
        if isinstance(seen, p.Settled):
            yield from self.matching.settled(hypothesis, seen)
        elif isinstance(seen, p.Progress):
            yield from self.matching.progress(hypothesis, seen)
        elif isinstance(seen, p.WorkerEvent):
            yield from self.matching.event(hypothesis, seen)
        elif isinstance(seen, p.Ready):
            yield from self.matching.ready(hypothesis, seen)
        elif isinstance(seen, p.Received):
            yield from self.matching.received(hypothesis, seen)
        elif isinstance(seen, p.Body):
            yield from self.matching.body(hypothesis, seen)

    def _remember(self, seen: p.AnyObservation) -> None:
        """Facts that an observation adds, whatever the explanation."""
        if isinstance(seen, p.WorkerEvent) and seen.instance is not None:
            self.facts.realm_of.setdefault(seen.instance, p.WORKER)
        if not isinstance(seen, p.Settled):
            return
        command = self.facts.calls.get(seen.call)
        if seen.instance is not None and command is not None:
            self.facts.realm_of.setdefault(seen.instance, self._realm_of(command))
        if isinstance(command, p.CachePut) and seen.error is None:
            for hypothesis in self.hypotheses:
                reader = hypothesis.reader(command.record)
                if reader is not None:
                    spec = hypothesis.agent.fetches[reader.fetch].requests[reader.index]
                    keys = self.facts.caches.setdefault(command.cache, [])
                    if spec.url not in keys:
                        keys.append(spec.url)
                    return

    def _answered(self, hypothesis: Hypothesis, answer: p.Answer) -> Iterator[Hypothesis]:
        command = self.facts.commands.get(answer.seq)
        if getattr(command, "call", None) is not None or isinstance(
            command, p.Start | p.End | p.Stop
        ):
            yield hypothesis
            return
        for due in hypothesis.due:
            if due.kind != "ack" or due.ref != str(answer.seq):
                continue
            if (due.what == "refused") is not (answer.refused is not None):
                self.matching.refuse(due.step or "DISPLAY-7", f"refused: {answer.refused}")
                continue
            after = hypothesis.paid(due)
            if isinstance(command, p.Look) and answer.snapshot is not None:
                known = hypothesis.instance(command.instance)
                if known is not None:
                    yield from self.matching.shown(
                        after, known.handle, known.realm, known.fetch, answer.snapshot
                    )
                continue
            if isinstance(command, p.Storage) and answer.stored is not None:
                if not self.rest.stores(after, answer.stored):
                    self.matching.refuse("STORED-3", f"{answer.stored} bytes are stored")
                    continue
            yield after

    # --- silence ----------------------------------------------------------------------

    def pending(self) -> tuple[str, ...]:
        """What is due in the explanation that is nearest to rest; empty if one may rest."""
        if self.rejection is not None or self.overflowed:
            return ()
        return self._nearest_to_rest()

    def _nearest_to_rest(self) -> tuple[str, ...]:
        """What the explanation owes in which records have gone as far as they can."""
        owed = [self.rest.owed(hypothesis) for hypothesis in self.hypotheses]
        return min(owed, key=lambda o: (sum(t.startswith("RECORD") for t in o), len(o)), default=())

    def _quiet(self, index: int, entry: Entry, note: Quiet) -> None:
        resting = [r for h in self.hypotheses for r in self.rest.resting(h)]
        if note.bounded:
            # After a mere moment of grace an update without an event may be on its way still.
            resting = [self.rest.delivered(hypothesis) for hypothesis in resting]
        if resting:
            self._set(minimal(resting))
            return
        self.matching.refusals.clear()
        for text in self._nearest_to_rest():
            step, _, why = text.partition(" ")
            self.matching.refuse(step, f"nothing came: {why}")
        self._reject(index, entry)
