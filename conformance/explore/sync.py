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
from spec_model.background_fetch import Rejected
from spec_model.background_sync import state as sync
from spec_model.background_sync.lifecycle import SyncState
from spec_model.background_sync.system import BACKGROUND_SYNC
from spec_model.editions import AMENDED, Edition
from spec_model.messages import (
    CallUnregister,
    PageClosed,
    PageOpened,
    PermissionSet,
    UserAgentLaunched,
    UserAgentQuit,
    WentOnline,
)

PAGE = "p1"

FOREVER = 1e9
"""Seconds after which every wait is over."""


@attrs.frozen(cache_hash=True)
class Budget:
    """What the surroundings may still do: calls for each of ``tags``, losses of the network,
    kills, ends in good order (``quits``), handlers that fail (None: as many as like to), and
    ``others``: the page closes, the permission changes, the worker goes, tags are asked for."""

    tags: tuple[str, ...] = ("a",)
    calls: int = 2
    losses: int = 1
    kills: int = 0
    failures: int | None = None
    quits: int = 0
    others: int = 0


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
            yield Offer(UserAgentLaunched(PAGE), env, owed=True)
            return
        if env.calls:
            realm = PAGE if PAGE in state.pages else sync.WORKER
            less = attrs.evolve(env, calls=env.calls - 1)
            for tag in env.tags:
                yield Offer(sync.CallRegister("c", realm, tag), less)
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
        if env.quits:
            yield Offer(UserAgentQuit(kill=False), attrs.evolve(env, quits=env.quits - 1))
        if env.others:
            less = attrs.evolve(env, others=env.others - 1)
            yield from (Offer(news, less) for news in _others(state))


def _others(state: sync.State) -> Iterator[sync.Input]:
    yield sync.CallGetTags("g", sync.WORKER)
    yield PageClosed(PAGE) if PAGE in state.pages else PageOpened(PAGE)
    for answer in ("granted", "denied", "prompt"):
        if answer != state.permission:
            yield PermissionSet(answer)
    if state.active:
        yield CallUnregister("u", sync.WORKER)


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
            "ended": "a user agent that has ended has no page, no event and no work to do",
            "listed": "getTags() gives every tag that is registered and no other",
            "refused": "register() is refused where there is a reason, and then it changes nothing",
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
        if isinstance(move.did, UserAgentQuit) and (after.todo or after.pages or after.events):
            yield "!ended"
        fired = [each for each in move.outputs if isinstance(each, sync.SyncFired)]
        if fired and not after.online:
            yield "!offline"
        ended = _ended(move)
        for was in before.registrations:
            now = after.registration(was.tag)
            mine = [each for each in ended if each.tag == was.tag]
            if now is None and not mine and before.active == after.active:
                yield "!kept"
            last = mine and mine[0].last_chance and not _fulfilled(move)
            if last and was.state is SyncState.FIRING and now and not _killed(move):
                yield "!given-up"
        if isinstance(move.did, sync.RunCall):
            yield from _wrongly_answered(move, move.did.call)

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


def _killed(move: _Step) -> bool:
    return isinstance(move.did, UserAgentQuit) and move.did.kill


def _ended(move: _Step) -> list[sync.Event]:
    """The events that this step may have ended: one of them, or all with their user agent."""
    match move.did:
        case sync.SyncEnded() | sync.CutEvent():
            event = move.before.event(move.did.event)
            return [] if event is None else [event]
        case UserAgentQuit():
            return [*move.before.events]
    return []


def _wrongly_answered(move: _Step, call: sync.Call) -> Iterator[str]:
    before, after = move.before, move.after
    answers = [each.value for each in move.outputs if isinstance(each, sync.Settled)]
    tags = tuple(each.tag for each in before.registrations)
    if isinstance(call, sync.CallGetTags) and answers != [tags]:
        yield "!listed"
    if isinstance(call, sync.CallRegister):
        refused = any(isinstance(each, Rejected) for each in answers)
        reason = not before.active or before.permission == "denied" or not before.pages
        if answers and refused is not reason:
            yield "!refused"
        if reason and after.registrations != before.registrations:
            yield "!refused"


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


SyncSpace: TypeAlias = SystemSpace[sync.State, Budget, sync.Input, sync.Task, sync.Output, _Memory]


def sync_space(
    budget: Budget = Budget(), edition: Edition = AMENDED, *, choose_all: bool = False
) -> SyncSpace:
    """Background Sync within a budget; with the default choices, or with all of them."""
    return SystemSpace(
        BACKGROUND_SYNC,
        sync.State(),
        Surroundings(budget),
        Promises(),
        edition,
        canonical,
        choose_all=choose_all,
    )
