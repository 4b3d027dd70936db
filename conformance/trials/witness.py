"""Can the model make this trace?  Best first: one run of the model that does is enough.

Theory.  The plain acceptor holds everything that can have happened, and soon holds too
much.  A *witness* is one run: which input takes effect when, which task is performed
when, and which output was which observation.  It is found by going on with the trace
whenever that is possible (``witness_trail``), else with the model (``witness_moves``), from
the run that is the most hopeful (``witness_hope``).  Where nothing is left to try there is
none, and the trace is impossible; where patience ends first, nobody knows.

``ordered``: one realm's tasks are seen in the order of the model, which queues them at
certain moments, and a call does all that it does before it returns.  The text runs many of
these steps in parallel: without ``ordered`` they may come later and queue their tasks in
any order, and only what is seen of one promise, one object or one reader keeps its order.
An event that was handled when the user agent was killed need not come again.

``merging``: of two updates that wait in one realm the earlier may be left out.  How events
may be merged is open (E49), and the realms need not do it alike.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Iterable
from random import Random

import attrs

from conformance.judge.memory import Memory
from conformance.trace import Trace
from conformance.trials.witness_case import Case, Node
from conformance.trials.witness_hope import Hope
from conformance.trials.witness_moves import Moves
from conformance.trials.witness_trail import Trail
from spec_model.editions import AMENDED, Edition

PATIENCE = 800
"""Moves of one attempt to find a witness."""


class Found(enum.Enum):
    """What a search has shown."""

    WITNESS = "equivalent"
    NONE = "impossible"
    TIRED = "undecided"


@attrs.frozen
class Attempt:
    """``most_lost``: requests that may get lost; ``most_cuts``: places in one write where a body
    is cut; ``hasty``: snapshots are taken as soon as something has changed; ``seed``: in which
    order equally hopeful things are tried, None as they come; ``weight`` as for ``Hope``.
    """

    most_lost: int
    most_cuts: int
    hasty: bool = False
    seed: int | None = None
    weight: int = 6


ATTEMPTS = (
    Attempt(0, 3),
    *(Attempt(lost, cuts, True, 4 * lost + cuts, 30) for lost in (2, 4) for cuts in (3, 8)),
    *(Attempt(lost, cuts, False, 100 + 4 * lost + cuts, 12) for lost in (2, 4) for cuts in (3, 8)),
)
"""What is tried, one after the other: luck comes sooner than the end of one long attempt."""


@attrs.define
class Search:
    """Looks for a run that makes ``trace``, with no other choices than those ``admitted``.

    ``memory``: what the model has answered; searches may share it.
    """

    trace: Trace
    admitted: frozenset[str] | None
    ordered: bool = False
    merging: bool = False
    edition: Edition = AMENDED
    memory: Memory = attrs.field(factory=Memory, repr=False)
    moves: int = attrs.field(default=0, init=False)

    def run(self, patience: int = PATIENCE, attempts: Iterable[Attempt] = ATTEMPTS) -> Found:
        """Search until a witness is found, everything has been tried, or patience ends."""
        for attempt in attempts:
            case = Case(
                self.trace,
                self.admitted,
                self.edition,
                self.memory,
                self.ordered,
                self.merging,
                attempt.most_cuts,
            )
            moves = Moves(case, attempt.most_lost, attempt.hasty)
            found = self._attempt(moves, Hope(case, attempt.weight), attempt.seed, patience)
            everything = case.whole and not moves.cut_off
            if found is Found.WITNESS or (found is Found.NONE and everything):
                return found
        return Found.TIRED

    def _attempt(self, moves: Moves, hope: Hope, seed: int | None, patience: int) -> Found:
        case, trail = moves.case, Trail(moves.case)
        rng = None if seed is None else Random(seed)
        start = case.start()
        # Of equally hopeful runs the one that was found last is followed: it has come further.
        heap, known = [(0, 0, start)], {start}
        while heap:
            node: Node = heapq.heappop(heap)[2]
            if node.at == len(case.events):
                return Found.WITNESS
            self.moves += 1
            patience -= 1
            if patience < 0:
                return Found.TIRED
            onwards = list(trail.onwards(node))
            others = [] if trail.must_go_on(node) else list(moves.onwards(node))
            if rng is not None:
                rng.shuffle(others)
            for after in (*reversed(others), *reversed(onwards)):
                if after not in known:
                    known.add(after)
                    heapq.heappush(heap, (-hope.of(after), -len(known), after))
        return Found.NONE
