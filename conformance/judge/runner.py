"""Runs one scenario on one implementation and keeps the trace.

The runner opens the network that the implementation asks for, builds the
scripted world, opens the adapter, and plays the scenario: the script in one
task, and one task for each worker event that has a handler program.  It judges
nothing.  Whatever the implementation does ends in a trace:

- a wait that reaches its bound ends the script (``GaveUp``), a dead or babbling
  adapter ends the run (``Broken``);
- every run that did not break ends with ``Quiet`` and then the ``end`` command;
- only a mistake of ours or of the scenario's, an implementation that will not
  start, or one that cannot do this, is an exception.

``Bound`` notes tell readers what the scenario's names stand for: the first one,
when the call is made, has the call's name (``#7`` for the answer to command
number 7); a second one has the objects that it yielded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, Protocol, runtime_checkable

import attrs
import trio

from conformance.adapter import Adapter, AdapterError, AdapterFactory, CannotStart, Surroundings
from conformance.judge.names import ScenarioError
from conformance.judge.run_log import Oracle, RunLog
from conformance.judge.run_needs import required_capabilities, step_kind
from conformance.judge.run_session import Bounds, Session, Unmet, Unsupported
from conformance.judge.run_steps import Program, Rejected
from conformance.judge.run_values import Absent
from conformance.protocol import (
    WORKER,
    AnyObservation,
    Begin,
    End,
    EndEvent,
    Implementation,
    Settled,
    WorkerEvent,
)
from conformance.scenario.format import Scenario, Step
from conformance.trace import Bound, GaveUp, Trace
from conformance.world.network import APP, Network, open_network
from conformance.world.scripted import ScriptedWorld
from conformance.world.server import Pages, ScriptedServer

__all__ = [
    "Bounds",
    "Oracle",
    "OracleFactory",
    "ScenarioError",
    "ServesPages",
    "Unsupported",
    "required_capabilities",
    "run_scenario",
]

OracleFactory = Callable[[Scenario, Implementation, Mapping[str, str]], Oracle]
"""(scenario, who is judged, origin names to base URLs) to a fresh oracle."""

Report = Callable[[str], None]
"""Told what the run is doing, a short phrase at each step."""


@runtime_checkable
class ServesPages(Protocol):
    """A factory whose implementation needs pages of its own on the scripted server."""

    pages: Pages


async def run_scenario(
    scenario: Scenario,
    factory: AdapterFactory,
    oracle_factory: OracleFactory,
    *,
    bounds: Bounds,
    progress: Report | None = None,
) -> Trace:
    """Play a scenario on a fresh adapter.

    Raises CannotStart, Unsupported (before anything was run, or when the implementation
    says so in mid-run) and ScenarioError; what the oracle raises goes through.
    """
    run = _Run(scenario, oracle_factory, bounds, progress or (lambda phrase: None))
    network = await open_network(factory.network, [APP, *scenario.world.origins])
    await run.play(factory, network)
    return run.trace(network.origins)


@attrs.define(eq=False)
class _Run:
    scenario: Scenario
    oracle_factory: OracleFactory
    bounds: Bounds
    report: Report
    log: RunLog = attrs.field(init=False)
    implementation: Implementation | None = None
    session: Session | None = None
    """While commands can be sent."""
    failure: Exception | None = None
    """Why there will be no trace."""
    ended: bool = False
    """The adapter has been told that the scenario is over."""
    script: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    def __attrs_post_init__(self) -> None:
        self.log = RunLog(self._seen, self._stop, self.bounds.entries)

    def trace(self, origins: dict[str, str]) -> Trace:
        """What was noted.  Raises the failure, if there is one."""
        if self.failure is not None:
            raise self.failure
        who = self.implementation
        assert who is not None, "a run without an implementation and without a failure"
        return Trace(
            scenario=self.scenario.scenario,
            implementation=who.name,
            version=who.version,
            capabilities=list(who.capabilities),
            origins=dict(origins),
            virtual=self.bounds.virtual,
            entries=self.log.entries,
        )

    async def play(self, factory: AdapterFactory, network: Network) -> None:
        """Open everything, run, close everything."""
        world = ScriptedWorld(self.scenario.world, network.origins, self.log.server)
        pages = factory.pages if isinstance(factory, ServesPages) else None
        server = ScriptedServer(world, pages)
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(network.serve, server.serve)
                kills = "kill" in required_capabilities(self.scenario)
                surroundings = Surroundings(world, network.connect, kills)
                async with factory.open(self.log.seen, surroundings) as adapter:
                    await self._with(adapter, world)
                nursery.cancel_scope.cancel()
        except* AdapterError as group:
            self._adapter_ended(next(_leaves(group)))

    def _adapter_ended(self, why: Exception) -> None:
        """The adapter ended by itself: it did not start, or it broke in mid-run."""
        if isinstance(why, CannotStart) or self.implementation is None:
            self.failure = self.failure or why
        else:
            self.log.broke(str(why))

    def _stop(self, failure: Exception | None) -> None:
        """End the run at once; the first failure is the one that counts."""
        self.failure = self.failure or failure
        if self.session is not None:
            self.session.nursery.cancel_scope.cancel()

    # --- from begin to end ------------------------------------------------------------

    async def _with(self, adapter: Adapter, world: ScriptedWorld) -> None:
        who = self.implementation = adapter.implementation
        self.log.name = who.name
        if lacking := required_capabilities(self.scenario) - {*who.capabilities}:
            self.failure = Unsupported(tuple(sorted(lacking)))
            return
        self.log.watch(self.oracle_factory(self.scenario, who, world.origins))
        try:
            async with trio.open_nursery() as nursery:
                self.session = Session(
                    self.scenario, adapter, world, self.log, self.bounds, nursery, self._stop
                )
                await self._whole(self.session)
        finally:
            self.session = None
        if self.log.slip is not None:
            raise self.log.slip  # through the adapter: it is not to be trusted any more
        if not self.ended:
            await self._clean_up(adapter)

    async def _whole(self, session: Session) -> None:
        world = self.scenario.world
        await session.send(
            Begin(
                scenario=self.scenario.scenario,
                origins=session.origins,
                listen=self.scenario.worker.listen,
                quota=world.quota,
                permission=world.permission,
                online=world.online,
                concurrency=world.concurrency,
            )
        )
        await self._script(session)
        self.report("quiet")
        await session.quiet()
        session.cancel_handlers()
        await session.send(End())
        self.ended = self.log.closed = True
        session.nursery.cancel_scope.cancel()

    async def _clean_up(self, adapter: Adapter) -> None:
        """The run was stopped; an adapter that still lives must not go on with it."""
        if self.log.broken:
            return
        with trio.move_on_after(self.bounds.answer):
            try:
                await adapter.send(End())
            except AdapterError as gone:
                self.log.broke(str(gone))

    # --- programs ---------------------------------------------------------------------

    async def _script(self, session: Session) -> None:
        program, steps = Program(session), self.scenario.script
        with self.script:
            try:
                for number, step in enumerate(steps, 1):
                    kind = step_kind(step).rstrip("_")
                    self.report(f"step {number} of {len(steps)}: {kind}")
                    await program.perform(step, number)
            except (Unmet, Absent) as unmet:
                self.log.note(GaveUp(str(unmet)))
            except Rejected:
                self._stop(ScenarioError(program.values.where, "only a handler can throw"))
            except ScenarioError as mistake:
                self._stop(mistake)

    def _seen(self, observation: AnyObservation) -> None:
        session = self.session
        if session is None:
            return
        if isinstance(observation, Settled):
            name, values = session.named.get(observation.call), _yielded(observation)
            if name is not None and values:
                self.log.note(Bound(name, observation.call, values))
        elif isinstance(observation, WorkerEvent):
            life = session.realms.life(WORKER)
            if life is not None:
                steps = self._program(observation.name)
                session.nursery.start_soon(self._handle, session, observation, steps, life)

    def _program(self, event: str) -> list[Step]:
        """What the handler does with this occurrence, which has been counted already."""
        worker = self.scenario.worker
        if programs := worker.each.get(event):
            return programs[min(self.log.facts.count_events(event), len(programs)) - 1]
        return worker.on.get(event, [])

    async def _handle(
        self, session: Session, event: WorkerEvent, steps: list[Step], life: int
    ) -> None:
        """Run a handler program; it ends without a word when its worker's life is over."""
        if session.realms.life(WORKER) != life:
            return
        program = Program(session, event)
        outcome: Literal["resolve", "reject"] = "resolve"
        with trio.CancelScope() as scope:
            session.handlers.add(scope)
            try:
                for number, step in enumerate(steps, 1):
                    await program.perform(step, number)
            except (Rejected, Absent):
                outcome = "reject"
            except Unmet as unmet:
                self.log.note(GaveUp(str(unmet)))
                self.script.cancel()
                return
            except ScenarioError as mistake:
                if session.realms.life(WORKER) == life:
                    self._stop(mistake)
                return
            await session.send(EndEvent(event.event, outcome))
        session.handlers.discard(scope)


def _yielded(settled: Settled) -> list[str]:
    """The objects that a call gave."""
    records = [one.record for one in settled.records or []]
    return [one for one in (settled.instance, settled.event, *records) if one is not None]


def _leaves(group: BaseExceptionGroup[AdapterError]) -> Iterator[AdapterError]:
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            yield from _leaves(one)
        else:
            yield one
