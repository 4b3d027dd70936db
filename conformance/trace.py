"""A trace: all that the judge did and saw in one run of one scenario, in order.

Every entry carries an interval [earliest, latest] in seconds on the judge's
clock.  The judge notes an input before it sends it and an output after it has
received it, so an input happened *not before* its entry and an output *not
after* its entry.  Noting both in one log therefore gives an order that loses
nothing: whatever an implementation did between two of its own steps, it can be
explained as inputs waiting in a queue on the way in and outputs waiting in a
queue on the way out.  The server runs in the judge's process and notes bytes
before it writes them, so its entries are inputs of the same log; a request is
noted after it has been read, so it is an output.
"""

from __future__ import annotations

import msgspec

from conformance.protocol import Answer, AnyCommand, AnyObservation


class ServerEntry(msgspec.Struct, frozen=True, tag_field="server", omit_defaults=True):
    """One line of the scripted server's log.  ``exchange`` numbers request-answer pairs, from 1."""

    exchange: int


class ServerRequest(ServerEntry, frozen=True, tag="request"):
    """Output: a request head was read.  ``key``: the resource key; header names in lower case.

    ``attempt``: how many requests for that key have come, this one included.
    """

    key: str
    method: str
    attempt: int
    headers: dict[str, str]
    connection: int


class ServerRequestBody(ServerEntry, frozen=True, tag="request-body"):
    """Output: the request's body has been read to its end (``complete``) or to a break."""

    length: int
    complete: bool


class ServerHead(ServerEntry, frozen=True, tag="head"):
    """Input: the head of the answer is about to be written.

    ``version``, ``first`` and ``length`` say which content bytes the body is made of
    (decoded, before any encoding); ``framing`` how its end is marked.
    """

    status: int
    headers: list[tuple[str, str]]
    framing: str
    version: int
    first: int
    length: int
    encoding: str = "identity"


class ServerBytes(ServerEntry, frozen=True, tag="bytes"):
    """Input: body bytes are about to be written; ``decoded`` of them may be known then.

    ``written``: of a coded body, how much of its coded bytes has been written by then.
    """

    decoded: int
    written: int | None = None


class ServerEnd(ServerEntry, frozen=True, tag="end"):
    """Input: the answer ends.  ``how``: end (as framed), close (early), reset, drop (no head)."""

    how: str


class ServerHeld(ServerEntry, frozen=True, tag="held"):
    """Note: the answer waits at a gate."""

    gate: str


class ServerLost(ServerEntry, frozen=True, tag="lost"):
    """Output: the client was found gone before the answer was finished."""


AnyServerEntry = (
    ServerRequest
    | ServerRequestBody
    | ServerHead
    | ServerBytes
    | ServerEnd
    | ServerHeld
    | ServerLost
)


class Note(msgspec.Struct, frozen=True, tag_field="note", omit_defaults=True):
    """Something the judge itself did."""


class Released(Note, frozen=True, tag="released"):
    """A gate was opened."""

    gate: str


class Quiet(Note, frozen=True, tag="quiet"):
    """The judge waited until nothing more was due.

    ``bounded``: the wait ended at its bound instead, or (virtual time) exactly.
    ``discharged``: the world owes nothing (online, every answer given or held by choice).
    """

    bounded: bool = True
    discharged: bool = True


class GaveUp(Note, frozen=True, tag="gave-up"):
    """A wait of the script reached its bound; the rest of the script was not run."""

    waiting_for: str


class Broken(Note, frozen=True, tag="broken"):
    """The adapter died or spoke nonsense."""

    why: str


class Bound(Note, frozen=True, tag="bound"):
    """For readers: the script's name for what a call yielded."""

    name: str
    call: str | None = None
    values: list[str] = []


AnyNote = Released | Quiet | GaveUp | Broken | Bound


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry; exactly one of the last five fields is set."""

    earliest: float
    latest: float
    sent: AnyCommand | None = None
    answered: Answer | None = None
    seen: AnyObservation | None = None
    server: AnyServerEntry | None = None
    note: AnyNote | None = None


class Trace(msgspec.Struct, frozen=True):
    """A whole run.  ``implementation`` and ``version`` name what was judged."""

    scenario: str
    implementation: str
    version: str
    capabilities: list[str]
    origins: dict[str, str]
    virtual: bool
    entries: list[Entry]


def dump(trace: Trace) -> bytes:
    """JSON lines: a header, then an entry a line; the same trace gives the same bytes."""
    encoder = msgspec.json.Encoder(order="deterministic")
    header = {
        "scenario": trace.scenario,
        "implementation": trace.implementation,
        "version": trace.version,
        "capabilities": trace.capabilities,
        "origins": trace.origins,
        "virtual": trace.virtual,
    }
    return b"\n".join([encoder.encode(header), *map(encoder.encode, trace.entries), b""])


class _Header(msgspec.Struct, frozen=True):
    scenario: str
    implementation: str
    version: str
    capabilities: list[str]
    origins: dict[str, str]
    virtual: bool


def load(data: bytes) -> Trace:
    """Read what ``dump`` wrote.  Raises ``msgspec.DecodeError`` or ``ValidationError``."""
    first, *rest = data.splitlines()
    header = msgspec.json.decode(first, type=_Header)
    decoder = msgspec.json.Decoder(Entry)
    return Trace(
        header.scenario,
        header.implementation,
        header.version,
        header.capabilities,
        header.origins,
        header.virtual,
        [decoder.decode(line) for line in rest if line],
    )
