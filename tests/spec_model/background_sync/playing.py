"""Short words for tests of the sync system: do an input, let everything happen, look."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from spec_model.background_sync.state import (
    CallGetTags,
    CallRegister,
    Elapsed,
    Input,
    Settled,
    State,
    SyncEnded,
    SyncFired,
)
from spec_model.background_sync.system import BACKGROUND_SYNC, check
from spec_model.decide import Explain
from spec_model.editions import AMENDED, Edition


@attrs.define
class Player:
    """Plays on one state; every step is checked."""

    state: State = attrs.field(factory=State)
    edition: Edition = AMENDED
    profile: Mapping[str, str] = attrs.field(factory=dict)
    shown: list[Settled | SyncFired] = attrs.field(factory=list)
    steps: list[str] = attrs.field(factory=list)

    def do(self, *news: Input) -> list[Settled | SyncFired]:
        """Each input with all that follows; what was shown then."""
        d = Explain(self.edition, self.profile)
        before = len(self.shown)
        for each in news:
            was, self.state = self.state, BACKGROUND_SYNC.inject(self.state, each, d)
            check(was, self.state, self.edition)
            self.state = BACKGROUND_SYNC.run(self.state, d, lambda a, b: check(a, b, self.edition))
            outputs, self.state = BACKGROUND_SYNC.taken(self.state)
            self.shown += outputs
        self.steps += d.steps
        return self.shown[before:]

    def register(self, tag: str = "a", call: str = "c", realm: str = "p1") -> object:
        """Register; how the promise settled."""
        return self._settled(CallRegister(call, realm, tag))

    def tags(self) -> object:
        """getTags()."""
        return self._settled(CallGetTags("t", "p1"))

    def _settled(self, call: CallRegister | CallGetTags) -> object:
        (settled,) = [each for each in self.do(call) if isinstance(each, Settled)]
        return settled.value

    def end(self, fulfilled: bool = True, event: str = "") -> None:
        """The handler of an event ends: of the newest one, unless it is named."""
        self.do(SyncEnded(event or self.fired[-1].event, fulfilled))

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.do(Elapsed(seconds))

    @property
    def fired(self) -> list[SyncFired]:
        """Every event so far."""
        return [each for each in self.shown if isinstance(each, SyncFired)]

    @property
    def chances(self) -> list[bool]:
        """``lastChance`` of every event so far."""
        return [each.last_chance for each in self.fired]
