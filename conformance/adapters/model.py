"""The model as an implementation: each command is an input, and everything follows at once.

There is no network and no time.  A command is injected, the model runs until it
waits, its requests meet the world's script in the head, what comes back is injected,
and so on until everything waits for the judge.  So the order of a trace is a total
order, and silence is exact.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Literal

import attrs
import trio

import conformance.protocol as p
from conformance import beginning
from conformance.adapter import Adapter, Sink, Surroundings
from conformance.adapters.model_commands import input_of
from conformance.adapters.model_sync import SyncSystem, only_sync
from conformance.adapters.model_sync import input_of as sync_input_of
from conformance.adapters.model_sync import observation_of as sync_observation
from conformance.adapters.model_sync import start as sync_start
from conformance.adapters.model_world import ModelWorld
from conformance.world.content import content
from spec_model import messages as m
from spec_model.background_fetch import Rejected, UserAgent
from spec_model.background_sync.state import Input as SyncInput
from spec_model.background_sync.state import State as SyncState
from spec_model.background_sync.system import BACKGROUND_SYNC
from spec_model.decide import Decide, Explain
from spec_model.editions import AMENDED, Edition
from spec_model.instances import Snapshot
from spec_model.kernel import InputT, OutputT, StateT, System, TaskT
from spec_model.messages import Input, Output
from spec_model.phases import RecordPhase
from spec_model.state import State
from spec_model.system import BACKGROUND_FETCH

CAPABILITIES: list[p.Capability] = [
    "pause", "user-abort", "click", "quota", "permission", "restart", "kill", "offline",
    "uploads", "streaming", "many-pages", "stored-bytes", "virtual-time", "serial",
    "synthetic-event", "sparse-totals", "caches", "push", "unregister", "busy-realm",
    "interface", "streamed-uploads", "sync", "automation",
]  # fmt: skip

MOST_RETRIES = 20
"""Times that a resource is tried again within one command, where a profile thinks it temporary."""


@attrs.frozen
class Moved:
    """One task, or the cause itself: the state before and after, and the steps in between.

    ``again`` does the same from the same state with other answers, and gives the state after.
    """

    before: object
    after: object
    steps: tuple[str, ...]
    again: Callable[[Decide], object] = attrs.field(eq=False, repr=False)


@attrs.frozen
class Explained:
    """What one cause led to: the steps that were taken, then what was shown.

    ``cause`` is a command of the judge, or what came from the world.  ``moved``: the same
    task by task; each state holds in its outbox what had been shown by then.
    """

    cause: p.AnyCommand | Input
    steps: tuple[str, ...]
    shown: tuple[object, ...]
    moved: tuple[Moved, ...] = ()


@attrs.define
class ModelFactory:
    """Opens the model: one edition of the text, and a profile of the user agent's freedoms.

    ``checked``: whether the model's invariants are checked after every step.
    ``listen`` is told what a cause led to, before that is shown; ``showing`` the number of
    each output, from 0 for each cause, just before that one is shown.

    The text leaves open in which order much of it happens.  ``backwards``: of the tasks that can
    be performed the last is taken, not the first; ``late``: tasks wait until nothing comes
    from the world any more.  What a late run does is not explained.
    """

    edition: Edition = AMENDED
    profile: Mapping[str, str] = attrs.field(factory=dict)
    checked: bool = False
    listen: Callable[[Explained], None] | None = None
    showing: Callable[[int], None] | None = None
    backwards: bool = False
    late: bool = False
    sync: SyncSystem = BACKGROUND_SYNC
    name: str = "model"
    network: Literal["loopback", "memory", "none"] = "none"

    def open(self, sink: Sink, surroundings: Surroundings) -> AbstractAsyncContextManager[Adapter]:
        """A fresh model.  Never raises."""
        return self._open(sink, surroundings)

    @asynccontextmanager
    async def _open(self, sink: Sink, surroundings: Surroundings) -> AsyncIterator[Adapter]:
        yield ModelAdapter(self, sink, surroundings)


@attrs.define(eq=False)
class ModelAdapter:
    """One open model.  ``explanation`` grows with everything that happens."""

    factory: ModelFactory
    sink: Sink
    surroundings: Surroundings
    explanation: list[Explained] = attrs.field(factory=list)
    state: State = attrs.field(init=False)
    sync: SyncState = attrs.field(factory=SyncState)
    _decide: Explain = attrs.field(init=False)
    _world: ModelWorld = attrs.field(init=False)
    _inbox: deque[Input] = attrs.field(factory=deque)
    _refused: str | None = None
    _interface: p.Shown | None = None
    _over: bool = False

    def __attrs_post_init__(self) -> None:
        self.state = State(UserAgent(home=""))
        self._decide = Explain(self.factory.edition, self.factory.profile)
        self._world = ModelWorld(self.surroundings.world, self._inbox.append)
        self.surroundings.world.watch(self._released)

    @property
    def implementation(self) -> p.Implementation:
        """Name, version, capabilities."""
        version = f"1 ({self.factory.edition.name})"
        return p.Implementation(self.factory.name, version, p.PROTOCOL_VERSION, CAPABILITIES)

    async def send(self, command: p.AnyCommand) -> p.Answer:
        """Do one command, and everything that follows from it."""
        await trio.lowlevel.checkpoint()
        return self.do(command)

    def do(self, command: p.AnyCommand) -> p.Answer:
        """The same, for callers that do not run trio."""
        seq = command.seq
        match command:
            case p.Start():
                return p.Answer(seq, implementation=self.implementation)
            case p.Begin():
                self._begin(command)
            case p.End() | p.Stop():
                self._over = True
            case p.Look():
                _, instance = self.state.instance(command.instance)
                return p.Answer(seq, snapshot=_snapshot(instance.shows))
            case p.Storage():
                return p.Answer(seq, stored=self.state.kept())
            case p.BgCacheRegister():
                return p.Answer(seq, unsupported="the model has no background cache")
            case p.SyncRegister() if command.api != "sync" or command.unregister:
                return p.Answer(seq, unsupported="the model has one-shot sync only")
            case _:
                if isinstance(command, p.Fetch):
                    self._world.asked(command.requests)
                return self._input(command)
        return p.Answer(seq)

    def _begin(self, command: p.Begin) -> None:
        self.state = beginning.state(command)
        self.sync = sync_start(command)

    def _input(self, command: p.AnyCommand) -> p.Answer:
        news = None if only_sync(command) else input_of(command)
        self._refused, self._interface = None, None
        if news is not None:
            self._cause(command, news)
            self._settle()
        return self.finish(command)

    def finish(self, command: p.AnyCommand) -> p.Answer:
        """The rest of a command that has had its effect on background fetches."""
        if (sync_news := sync_input_of(command)) is not None:
            self._sync_cause(command, sync_news)
        return p.Answer(command.seq, refused=self._refused, interface=self._interface)

    # --- running ----------------------------------------------------------------------

    def _settle(self) -> None:
        """Everything that can happen now happens."""
        retries = 0
        while True:
            if self._inbox:
                news = self._inbox.popleft()
                self._cause(news, news)
            elif not self._world.move() and not self._late_task():
                if not self._stalls_online() or retries == MOST_RETRIES:
                    return
                retries += 1
                self._inbox.append(m.TimePassed())

    def _late_task(self) -> bool:
        """Where tasks wait, perform one now; whether there was one."""
        if not self.factory.late:
            return False
        before = self.state
        tasks = BACKGROUND_FETCH.enabled(before, self._decide)
        if not tasks:
            return False
        after = BACKGROUND_FETCH.perform(before, tasks[self._turn], self._decide)
        if self.factory.checked:
            BACKGROUND_FETCH.check(before, after, self.factory.edition)
        shown, self.state = BACKGROUND_FETCH.taken(after)
        for output in shown:
            self._show(output)
        return True

    @property
    def _turn(self) -> int:
        """Which of the enabled tasks is performed."""
        return -1 if self.factory.backwards else 0

    def _stalls_online(self) -> bool:
        """Whether a record waits although the network is there: only time can help it."""
        stalled = any(
            record.phase is RecordPhase.WAITING_AVAILABLE
            for row in self.state.records
            for record in row
        )
        return stalled and self.state.agent.online and self.state.agent.running

    def _released(self, gate: str) -> None:
        if not self._over:
            self._settle()

    def _cause(self, cause: p.AnyCommand | Input, news: Input) -> None:
        """Inject, run, and show what came out."""
        self.state, shown = self._play(BACKGROUND_FETCH, self.state, cause, news)
        for number, output in enumerate(shown):
            self._showing(number)
            self._show(output)

    def _sync_cause(self, cause: p.AnyCommand, news: SyncInput) -> None:
        """The same for the sync system: the surroundings are those of both."""
        self.sync, shown = self._play(self.factory.sync, self.sync, cause, news)
        for number, output in enumerate(shown):
            self._showing(number)
            self.sink(sync_observation(output))

    def _showing(self, number: int) -> None:
        if self.factory.showing is not None:
            self.factory.showing(number)

    def _play(
        self,
        system: System[StateT, InputT, TaskT, OutputT],
        state: StateT,
        cause: p.AnyCommand | Input,
        news: InputT,
    ) -> tuple[StateT, tuple[OutputT, ...]]:
        """Inject, run until nothing is left to do, and tell the listener."""
        moved: list[Moved] = []
        at = 0

        def watch(before: StateT, after: StateT) -> None:
            nonlocal at
            if self.factory.checked:
                system.check(before, after, self.factory.edition)
            if self.factory.listen is not None:
                first = partial(system.inject, before, news)
                again = partial(first_task, system, before) if moved else first
                moved.append(Moved(before, after, tuple(self._decide.steps[at:]), again))
                at = len(self._decide.steps)

        del self._decide.steps[:]
        before, state = state, system.inject(state, news, self._decide)
        watch(before, state)
        if not self.factory.late or system.name != BACKGROUND_FETCH.name:
            state = system.run(state, self._decide, watch, at=self._turn)
        shown, state = system.taken(state)
        explained = Explained(cause, tuple(self._decide.steps), shown, tuple(moved))
        if system.name == BACKGROUND_FETCH.name or explained.steps or shown:
            self.explanation.append(explained)
            if self.factory.listen is not None:
                self.factory.listen(explained)
        return state, shown

    # --- showing ----------------------------------------------------------------------

    def _show(self, output: Output) -> None:
        match output:
            case m.RequestStarted():
                self._world.request(output)
            case m.AttemptTerminated():
                self._world.dropped(output)
            case m.Refused():
                self._refused = output.why
            case m.InterfaceSeen():
                self._interface = _interface(output)
            case m.PromiseSettled():
                self.sink(_settled(output))
            case m.ProgressFired():
                self.sink(p.Progress(output.instance, _snapshot(output.snapshot)))
            case m.EventDispatched():
                self.sink(_event(output))
            case m.RecordReady():
                self.sink(_ready(output))
            case m.BytesReceived():
                self.sink(p.Received(output.object, output.length))
            case m.BodyEnded():
                self.sink(self._body(output))

    def _body(self, ended: m.BodyEnded) -> p.Body:
        data = b"".join(
            content(self._world.key_of(part.key), part.version, part.first, part.length.lo)
            for part in ended.parts
        )
        assert len(data) == ended.length, "a body and its parts"
        error = ended.error or None
        if ended.length > p.WHOLE_BODY_LIMIT:
            digest = hashlib.sha256(data).hexdigest()
            return p.Body(ended.object, ended.length, error, sha256=digest)
        return p.Body(ended.object, ended.length, error, text=data.decode("latin-1"))


def first_task(system: System[StateT, InputT, TaskT, OutputT], state: StateT, d: Decide) -> StateT:
    """What ``run`` does first; the state as it is where nothing is enabled."""
    tasks = system.enabled(state, d)
    return system.perform(state, tasks[0], d) if tasks else state


def _snapshot(shown: Snapshot) -> p.Snapshot:
    return p.Snapshot(**attrs.asdict(shown))


def _interface(seen: m.InterfaceSeen) -> p.Shown:
    shows = seen.shows
    if shows is None:
        return p.Shown()
    return p.Shown(
        displayed=True,
        origin=shows.origin,
        title=shows.title,
        busy=shows.busy,
        dismissible=shows.dismissible,
        can_abort=shows.can_abort,
        can_pause=shows.can_pause,
    )


def _settled(output: m.PromiseSettled) -> p.Settled:
    call, value = output.call, output.value
    match value:
        case None:
            return p.Settled(call)
        case m.Null():
            return p.Settled(call, null=True)
        case Rejected():
            return p.Settled(call, error=value.error)
        case bool():
            return p.Settled(call, boolean=value)
        case m.InstanceRef():
            return p.Settled(call, instance=value.instance, snapshot=_snapshot(value.snapshot))
        case m.EventRef():
            return p.Settled(call, event=value.event)
        case m.RecordRef():
            return p.Settled(call, records=[_info(value)])
        case m.Records():
            return p.Settled(call, records=[_info(each) for each in value.found])
        case _:
            return p.Settled(call, strings=list(value))


def _info(ref: m.RecordRef) -> p.RecordInfo:
    return p.RecordInfo(ref.object, ref.url, ref.method)


def _event(output: m.EventDispatched) -> p.WorkerEvent:
    return p.WorkerEvent(
        event=output.event,
        name=output.name,
        instance=output.instance,
        snapshot=_snapshot(output.snapshot) if output.snapshot else None,
        can_update_ui=output.can_update_ui,
        data=output.data,
    )


def _ready(output: m.RecordReady) -> p.Ready:
    ready = output.ready
    if ready.error:
        return p.Ready(output.object, error=ready.error)
    return p.Ready(output.object, status=ready.status, headers=dict(ready.headers))
