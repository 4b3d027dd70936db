"""What the judge says of one trace."""

from __future__ import annotations

import enum

import msgspec


class Verdict(enum.Enum):
    """``VIOLATES``: no admissible combination of readings and choices explains the trace."""

    CONFORMS = "conforms"
    CONFORMS_VIA = "conforms via"
    VIOLATES = "violates"
    UNSUPPORTED = "unsupported"
    INCONCLUSIVE = "inconclusive"
    BROKEN_ADAPTER = "broken adapter"


class PropertyResult(msgspec.Struct, frozen=True):
    """One property over one trace: ``holds`` None means it cannot be told from this trace.

    ``instances``: how often its premise was met (0: it holds vacuously).
    ``entry``: index of the trace entry that breaks it.
    """

    name: str
    holds: bool | None
    instances: int = 0
    entry: int | None = None
    why: str = ""


class Judgement(msgspec.Struct, frozen=True):
    """A verdict and what supports it.

    ``choices``: the smallest set of named choices that explains the trace.
    ``blame``: step ids and property names; empty with ``VIOLATES`` means undetermined.
    ``unexplained``: index of the first unexplained entry; ``explained``: how many
    entries before it were; ``allowed``: what could have come instead.
    ``largest``: the largest set of explanations held.  ``missing``: capabilities lacking.
    """

    scenario: str
    implementation: str
    version: str
    verdict: Verdict
    why: str = ""
    choices: tuple[str, ...] = ()
    blame: tuple[str, ...] = ()
    unexplained: int | None = None
    explained: int = 0
    allowed: tuple[str, ...] = ()
    properties: tuple[PropertyResult, ...] = ()
    largest: int = 0
    missing: tuple[str, ...] = ()
    seconds: float = 0.0
