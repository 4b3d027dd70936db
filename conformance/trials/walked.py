"""One trace judged once, and then others that differ from it in some place.

An acceptor is a function of what it has been fed.  So another log of the same run is
judged from the first entry that differs; and where it has come to the same explanations,
with nothing but the same entries to follow, the verdict is that of the first trace.
"""

from __future__ import annotations

import attrs

from conformance.judge.acceptor import Acceptor
from conformance.judge.memory import Memory
from conformance.trace import Entry, Trace
from spec_model.editions import AMENDED

COMPARED = 3
"""Places at which it is looked whether two walks have come together."""


def fed(trace: Trace, acceptor: Acceptor) -> Acceptor:
    """The acceptor when it has been fed the whole trace."""
    for entry in trace.entries:
        acceptor.feed(entry)
    return acceptor


@attrs.define
class Walked:
    """A trace, and the acceptor before each of its entries and after the last one."""

    trace: Trace
    admitted: frozenset[str] | None
    memory: Memory = attrs.field(factory=Memory)
    before: list[Acceptor] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        acceptor = Acceptor(AMENDED, self.admitted, memory=self.memory)
        self.before = []
        for entry in self.trace.entries:
            self.before.append(acceptor.fork())
            acceptor.feed(entry)
        self.before.append(acceptor)

    def judged(self, other: Trace) -> Acceptor:
        """The acceptor when it has been fed the other trace, or one that says the same."""
        mine, theirs = self.trace.entries, other.entries
        same = _same(zip(mine, theirs, strict=False))
        if same == len(mine) == len(theirs):
            return self.before[-1]
        tail = _same(zip(reversed(mine), reversed(theirs), strict=False))
        acceptor, compared = self.before[same].fork(), 0
        for at in range(same, len(theirs)):
            left = len(theirs) - at
            if left <= min(tail, len(mine) - same) and compared < COMPARED:
                compared += 1
                if acceptor.like(self.before[len(mine) - left]):
                    return self.before[-1]
            acceptor.feed(theirs[at])
        return acceptor


def _same(pairs: zip[tuple[Entry, Entry]]) -> int:
    """How many pairs are equal, but for the times."""
    count = 0
    for one, two in pairs:
        if (one.sent, one.answered, one.seen, one.server, one.note) != (
            two.sent,
            two.answered,
            two.seen,
            two.server,
            two.note,
        ):
            break
        count += 1
    return count
