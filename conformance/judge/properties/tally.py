"""A property, and how a check adds up what it found.

One trace may meet a property's premise many times.  One definite breach breaks
the property; otherwise one case that cannot be decided leaves the whole
undecided; otherwise it holds, vacuously if its premise was never met.
"""

from __future__ import annotations

from typing import Literal

import attrs

from conformance.judge.verdict import PropertyResult

Observer = Literal[
    "calls",  # what fetch(), get(), abort(), match() settled with
    "instances",  # the attributes of registration objects
    "events",  # worker events
    "records",  # responseReady and bodies
    "user",  # the user's actions and whether they were offered
    "server",  # the server's log
    "quiet",  # that nothing more was to come
]


@attrs.define
class Tally:
    """What has been found of one property so far; ``name`` is its id."""

    name: str
    _instances: int = 0
    _unclear: str = ""
    _breach: tuple[int, str] | None = None

    def met(self) -> None:
        """The premise was met and the conclusion held."""
        self._instances += 1

    def breach(self, entry: int, why: str) -> None:
        """The premise was met and the conclusion was false; the earliest entry is reported."""
        self._instances += 1
        if self._breach is None or entry < self._breach[0]:
            self._breach = (entry, why)

    def unclear(self, why: str) -> None:
        """The trace does not say whether there was a breach."""
        self._unclear = self._unclear or why

    def result(self) -> PropertyResult:
        """The verdict over everything counted."""
        if self._breach is not None:
            entry, why = self._breach
            return PropertyResult(self.name, False, self._instances, entry, why)
        if self._unclear:
            return PropertyResult(self.name, None, self._instances, None, self._unclear)
        return PropertyResult(self.name, True, self._instances)
