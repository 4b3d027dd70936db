"""The model at its wildest: what can happen next happens in random order.

``ModelAdapter`` performs the first enabled task until there is none, so it shows one
order of things.  Here a draw decides what happens next: a task of any queue, a message
from any connection, a server that goes on writing, or the script's next command while
tasks are still waiting.  Questions that only one run can answer (which limit was met
first) are drawn as well; choices of the user agent are those of a profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import attrs

from conformance import protocol as p
from conformance.adapters.model import ModelAdapter
from conformance.adapters.model_world import ModelWorld
from spec_model import messages as m
from spec_model.background_sync.state import Input as SyncInput
from spec_model.choices import CHOICES
from spec_model.decide import Explain
from spec_model.messages import FromNetwork, Input
from spec_model.system import enabled, inject, perform

ORIGINS = {"app": "http://app.test", "cdn": "http://cdn.test"}
EVENTS = (
    "backgroundfetchsuccess",
    "backgroundfetchfail",
    "backgroundfetchabort",
    "backgroundfetchclick",
    "push",
)
MOST_MOVES = 400
"""Moves of one run: more of them go round in a circle."""

MOST_ASKED = 8
"""Requests of one run; so do more of them, at a server that breaks off all that it answers."""


class Circling(RuntimeError):
    """The run found move after move: a world that never lets a fetch end."""


@attrs.define
class Drawn(Explain):
    """A profile's choices; what is nobody's choice is drawn."""

    rng: Random = attrs.field(kw_only=True)

    def choose(self, key: str, options: Sequence[str] = ()) -> str:
        """As the profile says where it is a registered choice, else any option."""
        if key not in CHOICES:
            return self.rng.choice(list(options))
        return super().choose(key, options)


class _AnyOrder(ModelWorld):
    """Exchanges go on in any order."""

    @property
    def made(self) -> int:
        """Requests so far."""
        return self._made

    def ready(self) -> list[int]:
        """The places of exchanges that need not wait."""
        return [at for at, each in enumerate(self._open) if not self._waits(each)]

    def go_on(self, at: int) -> None:
        """One action of that exchange."""
        self._next(self._open[at])


@attrs.define(eq=False)
class WildModel(ModelAdapter):
    """The model with a draw where there is an order of things."""

    rng: Random = attrs.field(factory=Random, kw_only=True)
    patience: int = MOST_MOVES
    retried: int = 0

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._decide = Drawn(self.factory.edition, self.factory.profile, rng=self.rng)
        self._world = _AnyOrder(self.surroundings.world, self._inbox.append)

    def _cause(self, cause: p.AnyCommand | Input, news: Input) -> None:
        self.state = inject(self.state, news, self._decide)
        self._show_all()

    def _sync_cause(self, cause: p.AnyCommand, news: SyncInput) -> None:
        # It begins a list of steps of its own.
        before = tuple(self._decide.steps)
        super()._sync_cause(cause, news)
        self._decide.steps[:0] = before

    def _show_all(self) -> None:
        shown, self.state = self.state.taken()
        for output in shown:
            self._show(output)

    def _settle(self) -> None:
        """Some of what can happen happens."""
        for _ in range(self.rng.choice((0, 1, 2, 4, 8, 64))):
            if not self.move():
                return

    @property
    def steps(self) -> frozenset[str]:
        """The steps of the text that have been taken."""
        return frozenset(self._decide.steps)

    def settle_down(self) -> None:
        """Everything that can happen happens.  Raises Circling."""
        while self.move():
            pass

    def move(self) -> bool:
        """One thing happens, if anything can."""
        assert isinstance(self._world, _AnyOrder)
        tasks = enabled(self.state, self._decide)
        heard = self._first_of_each()
        ready = self._world.ready()
        total = len(tasks) + len(heard) + len(ready)
        if not total:
            return self._retry()
        self.patience -= 1
        if self.patience < 0 or self._world.made > MOST_ASKED:
            raise Circling
        chosen = self.rng.randrange(total)
        if chosen < len(tasks):
            self.state = perform(self.state, tasks[chosen], self._decide)
            self._show_all()
        elif chosen < len(tasks) + len(heard):
            news = heard[chosen - len(tasks)]
            self._inbox.remove(news)
            self._cause(news, news)
        else:
            self._world.go_on(ready[chosen - len(tasks) - len(heard)])
        return True

    def _retry(self) -> bool:
        if not self._stalls_online():
            return False
        self.retried += 1
        if self.retried > 5:
            raise Circling
        self._cause(m.TimePassed(), m.TimePassed())
        return True

    def _first_of_each(self) -> list[FromNetwork]:
        first: dict[int, FromNetwork] = {}
        for news in self._inbox:
            assert isinstance(news, FromNetwork)
            first.setdefault(news.exchange, news)
        return list(first.values())
