"""The form of a walk: what ``bgfetch explain --format json`` writes.

Everything is words, so that a reader needs no knowledge of this program.  ``version``
grows when a field changes its meaning or goes away; a new field alone is no new version.
``python -m conformance.docs`` writes the JSON Schema.
"""

from __future__ import annotations

import json
from typing import Literal

import msgspec

VERSION = 1


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step of the text, in our words; ``times`` how often it was taken in this task."""

    id: str
    says: str
    times: int = 1


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A slot took another value (``old``, ``new``), or something joined (``added``) or left."""

    slot: str
    old: str | None = None
    new: str | None = None
    added: str | None = None
    removed: str | None = None

    @property
    def sentence(self) -> str:
        """``bg "a".paused: false → true``, ``edit queue: + admit "a"``."""
        if self.added is not None:
            return f"{self.slot}: + {self.added}"
        if self.removed is not None:
            return f"{self.slot}: - {self.removed}"
        return f"{self.slot}: {self.old} → {self.new}"


class Decides(msgspec.Struct, frozen=True):
    """Something without which another state would have been reached.

    ``what``: the repair of a cluster of errata (``key``), a defect that stands in this
    edition, or a choice of the user agent.
    """

    what: Literal["repair", "defect", "choice"]
    key: str
    says: str

    @property
    def sentence(self) -> str:
        """``E13 is repaired here: a paused record notices an abort``."""
        match self.what:
            case "repair":
                return f"{self.key} is repaired here: {self.says}"
            case "defect":
                return f"{self.key} is felt here; repaired: {self.says}"
            case "choice":
                return f"the user agent chooses here: {self.key} = {self.says}"


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """What runs without a wait in between.  ``runs``: what was taken from which queue.

    ``decides``: errata and choices that matter here.  ``seen``: sentences about what pages,
    the worker and servers observe of it.
    """

    runs: str = ""
    steps: list[Step] = []
    decides: list[Decides] = []
    changes: list[Change] = []
    seen: list[str] = []


class Moment(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something happens, and all that follows from it."""

    happens: str
    tasks: list[Task] = []


class Walk(msgspec.Struct, frozen=True, tag_field="format", tag="bgfetch-explain"):
    """A scenario on the model.

    ``commit`` pins the ``document``.  ``choices`` are the freedoms that do not have their
    default.  ``world`` says what is not as usual, ``end`` what still waits when nothing
    more happens.  ``command`` makes this walk again.
    """

    version: int
    scenario: str
    title: str
    document: str
    commit: str
    edition: str
    profile: str
    choices: dict[str, str]
    world: list[str]
    moments: list[Moment]
    end: list[str]
    command: str


class Parting(msgspec.Struct, frozen=True):
    """The first place where two walks differ: in which moment (from 1), after which step.

    ``left`` and ``right`` say what each does there.
    """

    moment: int
    happens: str
    after: str
    left: str
    right: str


class Differs(msgspec.Struct, frozen=True):
    """An observation that only one walk has; on the same row what the other has in its place."""

    left: str | None
    right: str | None


class Comparison(msgspec.Struct, frozen=True, tag_field="format", tag="bgfetch-explain-comparison"):
    """Two walks of one scenario.

    ``between``: the amendments that only one reading has.  ``parting`` is null where the
    walks are the same; ``observed`` is empty where no script can tell them apart.
    """

    version: int
    left: Walk
    right: Walk
    between: list[str]
    parting: Parting | None
    observed: list[Differs]
    command: str


def encode(told: Walk | Comparison) -> str:
    """As JSON text, the same text each time."""
    return json.dumps(msgspec.to_builtins(told), indent=1, ensure_ascii=False) + "\n"


def decode(text: str | bytes) -> Walk | Comparison:
    """What ``encode`` wrote.  Raises ``msgspec.ValidationError`` or ``DecodeError``."""
    return msgspec.json.decode(text, type=Walk | Comparison)


def schema() -> str:
    """The JSON Schema as text."""
    (either,), types = msgspec.json.schema_components(
        (Walk | Comparison,), ref_template="#/$defs/{name}"
    )
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"What bgfetch explain --format json writes, version {VERSION}",
        **either,
        "$defs": types,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


Format = Literal["text", "json", "markdown"]
