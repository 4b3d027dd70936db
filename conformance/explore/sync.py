"""Background Sync with everything around it, as a space that can be searched whole.

The surroundings are one page that registers tags, a worker whose handlers end well or
not, a network that comes and goes, time, and a user agent that may be killed.  Budgets
bound what they do; what the text waits for (a handler's end, the network, the end of a
wait, a launch) they owe.

Canonical form.  Names of calls are never compared, numbers of waits and events only for
being equal, so both are renamed in their order; a name that nothing holds is forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import attrs

from conformance.explore.plain import Label, Move, Node, Offer, SystemSpace
from conformance.explore.search import Found
from conformance.explore.space import Marks, Sentences
from spec_model.background_sync import state as sync
from spec_model.background_sync.lifecycle import SyncState
from spec_model.background_sync.system import BACKGROUND_SYNC
from spec_model.editions import AMENDED, Edition
from spec_model.messages import UserAgentLaunched, UserAgentQuit, WentOnline

FOREVER = 1e9
"""Seconds after which every wait is over."""


@attrs.frozen(cache_hash=True)
class Budget:
    """What the surroundings may still do: calls for each of ``tags``, losses of the network,
    kills, and handlers that fail (None: as many as like to)."""

    tags: tuple[str, ...] = ("a",)
    calls: int = 2
    losses: int = 1
    kills: int = 0
    failures: int | None = None


@attrs.frozen
class Surroundings:
    """They start with this budget."""

    budget: Budget = Budget()

    def begin(self) -> Budget:
        """The whole budget."""
        return self.budget

    def offers(self, env: Budget, state: sync.State) -> Sequence[Offer[sync.Input, Budget]]:
        """What may come now."""
        return tuple(self._offers(env, state))

    def hear(
        self, env: Budget, state: sync.State, outputs: tuple[sync.Output, ...]
    ) -> tuple[Budget, tuple[sync.Input, ...]]:
        """Nothing follows at once from what is shown."""
        return env, ()

    def _offers(self, env: Budget, state: sync.State) -> Iterator[Offer[sync.Input, Budget]]:
        if not state.running:
            yield Offer(UserAgentLaunched("p1"), env, owed=True)
            return
        if env.calls:
            less = attrs.evolve(env, calls=env.calls - 1)
            for tag in env.tags:
                yield Offer(sync.CallRegister("c", "p1", tag), less)
        for event in state.events:
            yield Offer(sync.SyncEnded(event.name, True), env, owed=True)
            if env.failures is None:
                yield Offer(sync.SyncEnded(event.name, False), env)
            elif env.failures:
                failed = attrs.evolve(env, failures=env.failures - 1)
                yield Offer(sync.SyncEnded(event.name, False), failed)
        if any(wait.left for wait in state.waits):
            yield Offer(sync.Elapsed(FOREVER), env, owed=True)
        if not state.online:
            yield Offer(WentOnline(True), env, owed=True)
        elif env.losses:
            yield Offer(WentOnline(False), attrs.evolve(env, losses=env.losses - 1))
        if env.kills:
            yield Offer(UserAgentQuit(kill=True), attrs.evolve(env, kills=env.kills - 1))


_Memory = tuple[()]
_Step = Move[sync.State, Budget, sync.Input, sync.Task, sync.Output]


@attrs.frozen
class Promises:
    """What holds of Background Sync; nothing need be remembered for it."""

    sentences = Sentences(
        always={
            "one-event": "a tag has at most one event at a time",
            "offline": "no event comes while the user agent is offline",
            "given-up": "what has failed its last chance is gone, unless it was registered again",
            "kept": "a registration leaves only when its event has ended",
        },
        sometimes={
            "last-chance": "an event says that it is the last",
            "once-more": "a tag is registered again while its event runs",
            "retried": "a wait ends and the event comes again",
        },
        eventually={"fired": "what was registered and not fired since is fired"},
    )

    def begin(self) -> _Memory:
        """Nothing."""
        return ()

    def see(self, memory: _Memory, move: _Step) -> tuple[_Memory, Marks]:
        """What one step shows."""
        return memory, frozenset((*self._wrong(move), *self._reached(move)))

    def owes(self, state: sync.State, env: Budget, memory: _Memory) -> Marks:
        """A registration is owed its event until it is fired."""
        waiting = (SyncState.PENDING, SyncState.REREGISTERED)
        return frozenset({"fired"} if any(r.state in waiting for r in state.registrations) else ())

    def _wrong(self, move: _Step) -> Iterator[str]:
        before, after = move.before, move.after
        if any(n > 1 for n in Counter(event.tag for event in after.events).values()):
            yield "!one-event"
        fired = [each for each in move.outputs if isinstance(each, sync.SyncFired)]
        if fired and not after.online:
            yield "!offline"
        ended = before.event(move.did.event) if isinstance(move.did, sync.SyncEnded) else None
        for was in before.registrations:
            now = after.registration(was.tag)
            if now is None and (ended is None or ended.tag != was.tag):
                yield "!kept"
            failed = ended is not None and ended.tag == was.tag and not _fulfilled(move)
            if failed and ended and ended.last_chance and was.state is SyncState.FIRING and now:
                yield "!given-up"

    def _reached(self, move: _Step) -> Iterator[str]:
        for output in move.outputs:
            if isinstance(output, sync.SyncFired):
                if output.last_chance:
                    yield "last-chance"
                if output.step == "BS-FIRE-5.3.2.4":
                    yield "retried"
        if any(each.state is SyncState.REREGISTERED for each in move.after.registrations):
            yield "once-more"


def _fulfilled(move: _Step) -> bool:
    return isinstance(move.did, sync.SyncEnded) and move.did.fulfilled


_Node = Node[sync.State, Budget, _Memory]


SyncFound: TypeAlias = Found[Node[sync.State, Budget, _Memory], Label[sync.Input, sync.Task]]
"""What a search of Background Sync found."""


def canonical(_: _Node | None, node: _Node) -> _Node:
    """The same with numbers renamed in their order and what nothing can see left out."""
    state = node.state
    numbers = {int(each.name.removeprefix(sync.EVENT)) for each in state.events}
    numbers |= {each.number for each in state.waits}
    new = {old: at for at, old in enumerate(sorted(numbers), 1)}
    events = tuple(
        attrs.evolve(each, name=f"{sync.EVENT}{new[int(each.name.removeprefix(sync.EVENT))]}")
        for each in state.events
    )
    waits = tuple(attrs.evolve(each, number=new[each.number]) for each in state.waits)
    registrations = tuple(
        attrs.evolve(each, wait=new.get(each.wait, 0)) for each in state.registrations
    )
    renamed = attrs.evolve(
        state, events=events, waits=waits, registrations=registrations, series=len(new)
    )
    return attrs.evolve(node, state=renamed)


def sync_space(
    budget: Budget = Budget(), edition: Edition = AMENDED
) -> SystemSpace[sync.State, Budget, sync.Input, sync.Task, sync.Output, _Memory]:
    """Background Sync within a budget, with the default choices."""
    return SystemSpace(
        BACKGROUND_SYNC,
        sync.State(),
        Surroundings(budget),
        Promises(),
        edition,
        canonical,
        choose_all=False,
    )
