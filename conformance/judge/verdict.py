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


class Cause(msgspec.Struct, frozen=True):
    """A step that was done otherwise, it seems.

    ``as_if``: how, in words that follow "as if".  ``explains``: with that change alone the text
    would have led to what was seen; else the step only bears on it.
    """

    step: str
    as_if: str
    explains: bool = True


MOST_SEEN = 2
"""Steps at which a difference was seen that are blamed beside its causes."""


class Judgement(msgspec.Struct, frozen=True):
    """A verdict and what supports it.

    ``choices``: the smallest set of named choices that explains the trace.
    ``blame``: step ids and property names where the difference was seen: what was due there;
    empty with ``VIOLATES`` means undetermined.  ``causes``: the steps that were done otherwise,
    likeliest first; None: nobody has searched for them, empty: none was found.
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
    causes: tuple[Cause, ...] | None = None

    @property
    def blamed(self) -> tuple[str, ...]:
        """Everything that is blamed, likeliest first.

        What explains it, then where it was seen, then what bears on it.
        """
        found = self.causes or ()
        seen = self.blame[:MOST_SEEN] if found else self.blame
        explain = (cause.step for cause in found if cause.explains)
        bear = (cause.step for cause in found if not cause.explains)
        return tuple(dict.fromkeys((*explain, *seen, *bear)))
