"""Carries out one program: the script, or what a handler does with one event.

Three things end a program early: a wait that reached its bound (``Unmet``), a
value that is not there because its call was rejected or gave undefined
(``Absent``: code in a page or a handler would throw here), and a handler's own
rejection (``Rejected``).
"""

from __future__ import annotations

from typing import Literal

import attrs
import msgspec
import trio

from conformance.judge.names import ScenarioError
from conformance.judge.run_calls import UNNAMED, Call, call_of, make
from conformance.judge.run_needs import step_kind
from conformance.judge.run_session import Session, Unmet
from conformance.judge.run_values import Values
from conformance.protocol import (
    Advance,
    Busy,
    CachePut,
    ClosePage,
    Interface,
    Launch,
    Look,
    Online,
    OpenPage,
    Push,
    Quit,
    Read,
    SetPermission,
    Snapshot,
    Storage,
    User,
    WorkerEvent,
)
from conformance.scenario.format import (
    CachePutStep,
    InterfaceStep,
    LookStep,
    ReadStep,
    Step,
    Until,
    UserStep,
)
from conformance.trace import Bound, Released


class Rejected(Exception):
    """The handler's own promise rejects."""


@attrs.define(eq=False)
class Program:
    """One sequence of steps; ``event`` is the worker event that it handles, None for the script."""

    session: Session
    event: WorkerEvent | None = None
    values: Values = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.values = Values.of(self.session, self.event)

    async def perform(self, step: Step, number: int) -> None:
        """Do step ``number`` (from 1).  Raises Unmet, Absent, Rejected, ScenarioError."""
        kind, event = step_kind(step), self.event
        program = "script" if event is None else f"handler of {event.name}"
        self.values.where = f"{program}, step {number} ({kind.rstrip('_')})"
        if not kind:
            raise ScenarioError(self.values.where, "a step has exactly one action")
        if (call := await call_of(step, self.values)) is not None:
            await make(call, self.values)
            return
        # Each of these does the steps it knows and passes over the others.
        await self._records(step)
        await self._surroundings(step)
        await self._flow(step)

    # --- records ----------------------------------------------------------------------

    async def _records(self, step: Step) -> None:
        match step:
            case Step(read=ReadStep() as read):
                await self._read(read)
            case Step(cache_put=CachePutStep() as put):
                await self._cache_put(put)

    async def _read(self, step: ReadStep) -> None:
        session, facts = self.session, self.session.log.facts
        records = await self.values.records(step.records)
        for record in records:
            await session.send(Read(record))

        def ready(record: str) -> bool:
            return record in facts.ready

        def over(record: str) -> bool:
            head = facts.ready.get(record)
            return record in facts.bodies or (head is not None and head.error is not None)

        if step.wait != "none":
            met = ready if step.wait == "ready" else over
            what = f"the {step.wait} of every record of {step.records} in {self.values.where}"
            await session.until(what, lambda: all(map(met, records)))

    async def _cache_put(self, step: CachePutStep) -> None:
        realm = self.values.realm(step.realm)
        for record in await self.values.records(step.records):
            put = CachePut(call=UNNAMED, realm=realm, cache=step.cache, record=record)
            settled = await make(Call(put, realm, step.name, step.wait), self.values)
            if settled is not None and settled.error is not None and not step.each:
                if self.event is not None:
                    raise Rejected
                return

    # --- the user, pages, the user agent ----------------------------------------------

    async def _surroundings(self, step: Step) -> None:
        session, realms = self.session, self.session.realms
        match step:
            case Step(user=UserStep() as user):
                await session.send(User(user.action, user.id, user.window))
            case Step(open_page=str() as page):
                await session.send(OpenPage(page), first=lambda _: realms.open(page))
            case Step(close_page=str() as page):
                self.values.life(page)
                await session.send(ClosePage(page), first=lambda _: realms.close(page))
            case Step(online=bool() as online):
                await session.send(Online(online))
            case Step(permission=("granted" | "denied" | "prompt") as state):
                await session.send(SetPermission(state))
            case Step(quit=("clean" | "kill") as how):
                await self._quit(how)
            case Step(launch=bool()):
                await session.send(Launch(), first=lambda _: realms.launch())
            case Step(push=str() as data):
                await session.send(Push(data))
            case Step(storage=str() as name):
                await session.send(Storage(), first=lambda seq: self._tell(name, seq))
            case Step(busy=str() as realm):
                await self._busy(realm, busy=True)
            case Step(idle=str() as realm):
                await self._busy(realm, busy=False)
            case Step(interface=InterfaceStep() as shown):
                await session.send(
                    Interface(shown.id), first=lambda seq: self._tell(shown.name, seq)
                )
            case Step(look=LookStep() as look):
                on, _ = await self.values.instance(look.on)
                await session.send(Look(on), first=lambda seq: self._tell(look.name, seq))

    async def _busy(self, realm: str, *, busy: bool) -> None:
        self.values.life(realm)
        await self.session.send(Busy(realm, busy))

    def _tell(self, name: str | None, seq: int) -> None:
        """Name an answer: ``#7`` is the answer to command number 7."""
        if name is not None:
            self.session.log.note(Bound(name, f"#{seq}"))

    async def _quit(self, how: Literal["clean", "kill"]) -> None:
        if self.event is not None:
            raise ScenarioError(self.values.where, "a handler cannot end its own user agent")
        session = self.session

        def gone(_: int) -> None:
            session.cancel_handlers()
            session.realms.quit()

        await session.send(Quit(how == "kill"), first=gone)

    # --- time, gates, waits -----------------------------------------------------------

    async def _flow(self, step: Step) -> None:
        session = self.session
        match step:
            case Step(pass_=float() | int() as seconds):
                if "virtual-time" in session.adapter.implementation.capabilities:
                    await session.send(Advance(seconds))
                await trio.sleep(min(seconds, session.bounds.pass_at_most))
            case Step(release=str() as gate):
                session.log.note(Released(gate))
                session.world.release(gate)
                session.log.wake()
                for body in session.bodies.pop(gate, []):
                    await session.send(body)
            case Step(hold=str() as gate):
                await self._hold(gate)
            case Step(throw=bool()):
                raise Rejected
            case Step(quiet=bool()):
                await session.quiet()
            case Step(until=Until() as until):
                said = ", ".join(f"{k} {v}" for k, v in msgspec.to_builtins(until).items())
                try:
                    with session.bounded(f"{said} in {self.values.where}"):
                        await self._until(until)
                except Unmet:
                    if until.shows is not None:
                        one, _ = await self.values.instance(until.shows)
                        await session.look_at_last(one)
                    raise

    async def _hold(self, gate: str) -> None:
        world, log = self.session.world, self.session.log
        if world.is_open(gate):
            return
        log.facts.paused.append(gate)
        log.wake()
        try:
            # A handler may stay here to the end of the run: that is what it is for.
            if self.event is not None:
                await log.until(lambda: world.is_open(gate))
            else:
                await self.session.until(f"gate {gate}", lambda: world.is_open(gate))
        finally:
            log.facts.paused.remove(gate)

    async def _until(self, until: Until) -> None:
        values, facts, log = self.values, self.session.log.facts, self.session.log
        match until:
            case Until(request=str() as key):
                await log.until(lambda: (key, until.attempt) in facts.requested)
            case Until(sent=str() as key):
                await log.until(lambda: facts.sent(key, until.attempt))
            case Until(held=str() as gate):
                await log.until(lambda: gate in facts.at_gate.values() or gate in facts.paused)
            case Until(event=str() as name):
                await log.until(lambda: facts.count_events(name) >= until.count)
            case Until(settled=str() as name):
                await log.until(lambda: values.settled(name) is not None)
            case Until(progress=str() as name):
                one, _ = await values.instance(name, dead=True)
                await log.until(lambda: facts.progressed(one, until.downloaded, until.finished))
            case Until(received=str() as name):
                records = await values.records(name, dead=True)
                await log.until(
                    lambda: all(facts.received.get(one, 0) >= until.length for one in records)
                )
            case Until(shows=str() as name):
                one, _ = await values.instance(name)
                await self.session.poll(one, lambda snapshot: _shows(snapshot, until))
            case _:
                raise ScenarioError(values.where, "until names no observer")


def _shows(snapshot: Snapshot, until: Until) -> bool:
    enough = snapshot.downloaded >= until.downloaded
    finished = bool(snapshot.result) or not until.finished
    return enough and finished and not (until.closed and snapshot.records_available)
