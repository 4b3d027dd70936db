"""What came before what, as far as a trace can tell.

The judge keeps one log.  It notes an *input* (a command, bytes that the server
is about to write) before it lets it happen, and an *output* (an answer, an
observation, a request that the server has read) after it has happened.  So the
position of an entry bounds the moment it speaks of from one side only::

    input at position i:    i ------------->      it happened at i or later
    output at position i:   <------------- i      it happened at i or earlier

A moment that has both a cause and a report is bounded from both sides: a promise
settled between the command that made the call and the observation that says so; the
attributes that ``look`` answers with were read between the command and the answer.

**A precedes B only if latest(A) <= earliest(B).**  In words:

an output noted before an input happened before it, and that is all that two
positions can say.  Two outputs, or two inputs, may have happened in either order,
and an input noted before an output is merely able to have been its cause.

One thing more is known.  An implementation pushes what one observer (a page, the
worker) sees in the order in which that observer saw it; and one instance lives
in one realm.  So two *pushed* looks at one instance are ordered as they stand in
the log.  The answer to a ``look`` is not pushed: it has its interval and no more.

A property is *broken* only by definite precedence.  Where the opposite order
would make the trace legal, the property cannot be told.

Positions are used as the clock, not the seconds that entries also carry: within
one log they order at least as much.

A killed user agent loses what it had not reported yet, at every observer.  Hence
nothing is ever concluded from the *absence* of an observation after a kill, with
one exception: promises that the text keeps across a kill (``aborting``).
"""

from __future__ import annotations

import sys

import attrs

START = -1
"""Before the first entry: nothing bounds the moment from below."""

END = sys.maxsize
"""After the last entry: nothing bounds the moment from above."""


@attrs.frozen
class Span:
    """A moment, known to lie between two positions of the log."""

    earliest: int
    latest: int

    def precedes(self, other: Span) -> bool:
        """Whether this moment was definitely not after the other one."""
        return self.latest <= other.earliest
