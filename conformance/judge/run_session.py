"""One running scenario as its programs see it: send a command, wait, be quiet.

Commands go out one at a time, each in a task of the run.  So a program that is
cancelled while it waits for its turn sends nothing, and a command that is out
is answered and noted even if the program that sent it has been cancelled.

**Quiet.**  The oracle says which outputs are due in every explanation.  As long
as there is one, silence is waited out.  When there is none, the implementation
*may* rest, and the judge has to make sure that it does:

- in virtual time exactly: every task is blocked, nothing can happen at this
  moment, and time itself stands still while the oracle sees nothing due;
- in real time by a grace period without a new entry.

``Quiet.bounded`` is true when the silence is final: exact, or waited for up to
the bound.  After a mere grace period it is false, and whoever reads the trace
may not conclude that something will never come.

``Quiet.discharged`` is false only in real time, and only if an unfinished answer
of the server waits at a gate that nobody opened: then an implementation may have
reasons to wait that the judge cannot see.  Being offline, or paused by the user,
is what the scenario said should be: the model knows it, and the world owes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import attrs
import msgspec
import trio

from conformance.adapter import Adapter, AdapterGone, AdapterNonsense
from conformance.judge.names import Binding, Realms
from conformance.judge.run_log import RunLog
from conformance.judge.run_needs import all_steps
from conformance.judge.simulation import wait_all_tasks_blocked
from conformance.protocol import (
    PAGE,
    Answer,
    AnyCommand,
    Capability,
    EndBody,
    Look,
    Snapshot,
    encode,
    readable,
)
from conformance.scenario.format import Scenario
from conformance.trace import Quiet
from conformance.world.scripted import ScriptedWorld


@attrs.frozen
class Bounds:
    """How long to wait, in seconds on trio's clock, and how much to note.

    ``virtual``: the clock is a mock clock that jumps when all is idle.
    ``wait``: for one condition, and for the final quiet.  ``answer``: for one command's
    answer.  ``grace``: without a new entry, before a rest is believed (real time only).
    ``poll``: between two looks, growing up to ``slowest_poll``.  ``pass_at_most``: the
    longest that ``pass`` really sleeps.  ``entries``: of one trace.
    """

    virtual: bool
    wait: float
    answer: float
    grace: float
    poll: float
    slowest_poll: float
    pass_at_most: float
    entries: int = 20_000

    @classmethod
    def simulated(cls, entries: int = 20_000) -> Bounds:
        """For a mock clock with autojump: an unmet wait costs no real time."""
        return cls(True, 3600.0, 3600.0, 0.0, 0.01, 10.0, float("inf"), entries)

    @classmethod
    def real(cls, wait: float = 10.0, grace: float = 0.03, entries: int = 20_000) -> Bounds:
        """For real time; a command's answer may take longer, since browsers start slowly."""
        return cls(False, wait, max(wait, 30.0), grace, 0.01, 0.05, 0.05, entries)


@attrs.frozen
class Unsupported(Exception):
    """The scenario needs what the implementation lacks.

    ``missing``: capabilities it did not declare; ``why``: what it said in mid-run instead.
    """

    missing: tuple[Capability, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        return self.why or "needs " + ", ".join(self.missing)


@attrs.frozen
class Unmet(Exception):
    """A wait reached its bound."""

    waiting_for: str

    def __str__(self) -> str:
        return self.waiting_for


@attrs.define(eq=False)
class _Reply:
    """Where the task of a command leaves its answer."""

    came: trio.Event = attrs.field(factory=trio.Event)
    answer: Answer | None = None


@attrs.define(eq=False)
class Session:
    """What the script and the handler programs of one run share."""

    scenario: Scenario
    adapter: Adapter
    world: ScriptedWorld
    log: RunLog
    bounds: Bounds
    nursery: trio.Nursery
    """Holds the handler programs and the commands that are out."""
    stop: Callable[[Exception | None], None]
    """Ends the run at once, with a failure or with a trace."""
    realms: Realms = attrs.field(factory=Realms)
    shared: dict[str, Binding] = attrs.field(factory=dict)
    named: dict[str, str] = attrs.field(factory=dict)
    """Call to the scenario's name for what it yields."""
    bodies: dict[str, list[EndBody]] = attrs.field(factory=dict)
    """Streamed request bodies that end when a gate is released, by the gate."""
    handlers: set[trio.CancelScope] = attrs.field(factory=set)
    """Of the handler programs that are running."""
    _turn: trio.Semaphore = attrs.field(factory=lambda: trio.Semaphore(1))
    _seq: int = 0
    _calls: int = 0

    @property
    def origins(self) -> dict[str, str]:
        return self.world.origins

    def new_call(self) -> str:
        """A call name not used before."""
        self._calls += 1
        return f"c{self._calls}"

    def cancel_handlers(self) -> None:
        """The user agent is going: its worker ends with all that it was doing."""
        for scope in self.handlers:
            scope.cancel()

    # --- commands ---------------------------------------------------------------------

    async def send(
        self,
        command: AnyCommand,
        *,
        logged: bool = True,
        first: Callable[[int], None] = lambda seq: None,
    ) -> Answer:
        """Do one command when its turn comes.

        ``first`` is called when the turn has come, with the number that the command
        gets, just before it is noted and sent.
        """
        await self._turn.acquire()
        self._seq += 1
        first(self._seq)
        reply = _Reply()
        numbered = msgspec.structs.replace(command, seq=self._seq)
        self.nursery.start_soon(self._carry, numbered, reply, logged)
        await reply.came.wait()
        assert reply.answer is not None, "a reply came without an answer"
        return reply.answer

    async def _carry(self, command: AnyCommand, reply: _Reply, logged: bool) -> None:
        try:
            if logged:
                self.log.sent(command)
            answer = await self._answer(command)
            if answer is None:  # the run has been stopped
                return
            if logged:
                self.log.answered(answer)
            if answer.unsupported is not None:
                self.stop(Unsupported(why=answer.unsupported))
                return
            reply.answer = answer
            reply.came.set()
        finally:
            self._turn.release()

    async def _answer(self, command: AnyCommand) -> Answer | None:
        name = self.adapter.implementation.name
        try:
            with trio.fail_after(self.bounds.answer):
                answer = await self.adapter.send(command)
            if answer.seq != command.seq:
                other = f"expected the answer to seq {command.seq}"
                raise AdapterNonsense(name, readable(encode(answer)), other, "Answers")
        except (AdapterGone, AdapterNonsense) as fault:
            self.log.broke(str(fault))
        except trio.TooSlowError:
            asked = f"{command.__struct_config__.tag} (seq {command.seq})"
            late = f"{name} has not answered {asked} within {self.bounds.answer:g} s"
            self.log.broke(f'{late} (see "Lines" in {PAGE})')
        else:
            return answer
        return None

    # --- waiting ----------------------------------------------------------------------

    @contextmanager
    def bounded(self, waiting_for: str) -> Generator[None]:
        """Raises Unmet when the block takes longer than the bound."""
        with trio.move_on_after(self._longest()) as scope:
            yield
        if scope.cancelled_caught:
            raise Unmet(waiting_for)

    async def until(self, waiting_for: str, met: Callable[[], bool]) -> None:
        """Wait for a condition on the facts.  Raises Unmet."""
        with self.bounded(waiting_for):
            await self.log.until(met)

    def _longest(self) -> float:
        """The bound; virtual time that the scenario lets pass itself does not count."""
        if not self.bounds.virtual:
            return self.bounds.wait
        return self.bounds.wait + sum(step.pass_ or 0.0 for step in all_steps(self.scenario))

    async def quiet(self) -> None:
        """Wait until nothing more is due, or to the bound, and note it."""
        with trio.move_on_after(self._longest()) as scope:
            await (self._rest_exactly() if self.bounds.virtual else self._rest_for_a_while())
        exact = self.bounds.virtual
        bounded = exact or scope.cancelled_caught
        self.log.note(Quiet(bounded=bounded, discharged=exact or not self.log.facts.holding))

    async def _rest_exactly(self) -> None:
        while True:
            await wait_all_tasks_blocked()
            if not self.log.pending():
                return
            # Time may pass now: the mock clock jumps to the implementation's next timer.
            await self.log.changed()

    async def _rest_for_a_while(self) -> None:
        while True:
            with trio.move_on_after(self.bounds.grace) as still:
                await self.log.changed()
            if still.cancelled_caught:
                if not self.log.pending():
                    return
                await self.log.changed()

    async def look_at_last(self, instance: str) -> None:
        """After a wait that reached its bound: what it waited for is not on its way either."""
        with trio.move_on_after(self.bounds.grace) as still:
            await self.log.changed()
        if still.cancelled_caught:
            self.log.note(Quiet(bounded=True, discharged=not self.log.facts.holding))
            await self.send(Look(instance))

    async def poll(self, instance: str, met: Callable[[Snapshot], bool]) -> None:
        """Look at an instance again and again until a condition on its snapshot is met.

        Only a look that shows something new is in the log.  A look cannot be noted
        afterwards, in a place where it was not made; so the looks made in between are only
        triggers: what they show is looked at once more, and that is noted.
        """
        shown: Snapshot | None = None
        delay = self.bounds.poll
        while True:
            glance = await self.send(Look(instance), logged=False)
            if glance.snapshot != shown or shown is None:
                shown = (await self.send(Look(instance))).snapshot
                if shown is not None and met(shown):
                    return
            await trio.sleep(delay)
            delay = min(2 * delay, self.bounds.slowest_poll)
