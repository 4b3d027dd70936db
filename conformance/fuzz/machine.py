"""Rules move the model; what they did is a scenario; an implementation replays it.

A rule picks something that a page, a user, the network or the machine could do
*now*: its precondition reads the model's state, so that examples are about the
interesting places and shrink to few steps.  The step is done on the model at
once and appended to a script.  When the rules are over the script becomes an
ordinary scenario: everything held is released, the user agent is brought back,
and quiet is waited for.  The implementation under test replays it and its trace
is judged.  The model's own run is never compared with it: the acceptor allows
whatever any explanation allows.

A failure is an ``Unconforming`` error that carries the scenario; hypothesis
shrinks it, and the campaign writes it to a file that replays it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, ClassVar, Literal, get_args

import attrs
import msgspec
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from conformance import protocol as p
from conformance.adapter import Surroundings
from conformance.adapters.model import ModelAdapter, ModelFactory
from conformance.fuzz.worlds import KEYS, SIZE, worlds
from conformance.judge.run_needs import required_capabilities
from conformance.judge.verdict import Judgement, Verdict
from conformance.scenario.check import check
from conformance.scenario.dump import dump
from conformance.scenario.format import (
    AbortStep,
    FetchStep,
    GetStep,
    MatchStep,
    ReadStep,
    RequestArg,
    Scenario,
    Step,
    UserStep,
    Worker,
    World,
)
from conformance.trace import AnyServerEntry, ServerHeld
from conformance.world.content import request_body
from conformance.world.scripted import ScriptedWorld, absolute
from spec_model.background_fetch import BackgroundFetch

ORIGINS = {"app": "http://app.test", "cdn": "http://cdn.test"}
GOOD = frozenset({Verdict.CONFORMS, Verdict.CONFORMS_VIA})
BAD = frozenset({Verdict.VIOLATES, Verdict.BROKEN_ADAPTER})
"""What ends a campaign.  The others are undecided: a freedom that the implementation used
otherwise than the model did may leave a script waiting for a name that was never bound."""

Judge = Callable[[Scenario], Judgement]


@attrs.frozen
class Unconforming(AssertionError):
    """The implementation's trace cannot be explained.  ``scenario`` makes it do it again.

    ``steps``: how many steps of its script the rules made; the others end every script.
    """

    scenario: Scenario
    judgement: Judgement
    steps: int = 0

    def __str__(self) -> str:
        return (
            f"{self.judgement.implementation} {self.judgement.verdict.value} "
            f"after {self.steps} steps: "
            f"{self.judgement.why} (blame: {', '.join(self.judgement.blame) or 'undetermined'})"
        )


MOST_FETCHES = 2
MOST_REQUESTS = 4
MOST_RESTARTS = 2
"""In one example, of all its fetches together: explanations multiply with each of the three."""

USER_ACTIONS: tuple[Literal["pause", "resume", "abort", "accept", "refuse"], ...] = (
    *("pause", "resume", "abort"),
    *("accept", "refuse"),
)


def _needs(step: Step) -> frozenset[p.Capability]:
    """What an implementation must be able to do for this step."""
    return required_capabilities(Scenario("", "", [], [step]))


_OFFLINE = _needs(Step(online=False))
_UPLOAD = _needs(Step(fetch=FetchStep("x", [RequestArg("/a", "POST", 8)])))
_QUIT = {True: _needs(Step(quit="kill")), False: _needs(Step(quit="clean"))}
_ACTION: dict[str, frozenset[p.Capability]] = {
    action: _needs(Step(user=UserStep(action, "x"))) for action in USER_ACTIONS
}


def _reading(name: str) -> list[Step]:
    """What every settle handler does: read everything, so that wrong bytes are seen."""
    return [
        Step(match_all=MatchStep(on="event", name=name)),
        Step(read=ReadStep(records=name)),
    ]


HANDLERS = {
    "backgroundfetchsuccess": _reading("all"),
    "backgroundfetchfail": _reading("some"),
    "backgroundfetchabort": _reading("rest"),
}


class BackgroundFetchMachine(RuleBasedStateMachine):
    """Subclass it with ``judge``: how to run a scenario on the implementation under test.

    ``capabilities``: what that can do.  What it cannot is not tried: the example would only be
    judged unsupported.
    """

    judge: ClassVar[Judge]
    capabilities: ClassVar[Collection[str]] = frozenset(get_args(p.Capability))

    @initialize(world=worlds())
    def begin(self, world: World) -> None:
        """A fresh world, the model opened on it."""
        if "quota" not in self.capabilities:
            world = msgspec.structs.replace(world, quota=None)
        if "permission" not in self.capabilities:
            world = msgspec.structs.replace(world, permission="granted")
        self.world = world
        self.script: list[Step] = []
        self.held: set[str] = set()
        self.instances: dict[str, str] = {}
        self.calls: dict[str, str] = {}
        self.named = 0
        self.fetches = 0
        self.requests = 0
        self.restarts = 0
        self.ending: list[str] = []
        scripted = ScriptedWorld(world, ORIGINS, self._server)
        self.scripted = scripted
        self.model = ModelAdapter(ModelFactory(), self._seen, Surroundings(scripted))
        self._do(
            p.Begin(
                scenario="fuzz",
                origins=ORIGINS,
                listen=Worker().listen,
                quota=world.quota,
                permission=world.permission,
            )
        )

    def _server(self, entry: AnyServerEntry) -> None:
        if isinstance(entry, ServerHeld):
            self.held.add(entry.gate)

    def _seen(self, seen: p.AnyObservation) -> None:
        if isinstance(seen, p.Settled) and seen.instance is not None:
            name = self.calls.get(seen.call)
            if name is not None:
                self.instances[name] = seen.instance
        elif isinstance(seen, p.WorkerEvent):
            self.ending.append(seen.event)

    def _do(self, command: p.AnyCommand) -> None:
        self.model.do(command)
        # Handlers are the runner's business; in the model each event ends at once.
        while self.ending:
            self.model.do(p.EndEvent(event=self.ending.pop()))

    def _name(self) -> str:
        self.named += 1
        return f"n{self.named}"

    # --- what the preconditions read --------------------------------------------------

    def _can(self, needs: frozenset[str]) -> bool:
        return needs <= frozenset(self.capabilities)

    def _running(self) -> bool:
        return hasattr(self, "model") and self.model.state.agent.running

    def _restartable(self) -> bool:
        return (
            self._running()
            and bool(self.model.state.agent.fetches)
            and self.restarts < MOST_RESTARTS
            and any(map(self._can, _QUIT.values()))
        )

    def _interruptible(self) -> bool:
        online = self._running() and self.model.state.agent.online
        return online and bool(self.held) and self._can(_OFFLINE)

    def _unsettled(self) -> list[BackgroundFetch]:
        return [f for f in self.model.state.agent.fetches if not f.settled]

    def _may_fetch(self) -> bool:
        return self.fetches < MOST_FETCHES and self.requests < MOST_REQUESTS

    # --- rules ------------------------------------------------------------------------

    @precondition(lambda self: self._running() and self._may_fetch())
    @rule(
        id=st.sampled_from(["x", "y"]),
        keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True),
        post=st.sampled_from([False, False, True]),
        total=st.sampled_from([0, 0, 0, 0, SIZE - 1, SIZE, 3 * SIZE]),
    )
    def fetch(self, id: str, keys: list[str], post: bool, total: int) -> None:
        """A page starts a background fetch; its first request may be an upload."""
        keys = keys[: MOST_REQUESTS - self.requests]
        post = post and self._can(_UPLOAD)
        self.fetches += 1
        self.requests += len(keys)
        name = self._name()
        requests: list[str | RequestArg] = list(keys)
        if post:
            requests[0] = RequestArg(keys[0], "POST", 8)
        call = f"c{self.named}"
        self.calls[call] = name
        inits = [
            p.RequestInit(
                absolute(key, ORIGINS),
                "POST" if post and i == 0 else "GET",
                body=request_body(8) if post and i == 0 else None,
            )
            for i, key in enumerate(keys)
        ]
        self._do(p.Fetch(call=call, realm="p1", id=id, requests=inits, download_total=total))
        if name in self.instances:
            step = FetchStep(id, requests, name=name, download_total=total)
        else:
            step = FetchStep(id, requests, download_total=total)
        self.script.append(Step(fetch=step))

    @precondition(lambda self: self._running() and bool(self.instances))
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        """A page aborts a fetch, settled or not."""
        name = data.draw(st.sampled_from(sorted(self.instances)))
        self._do(p.Abort(call=f"a{self.named}{len(self.script)}", instance=self.instances[name]))
        self.script.append(Step(abort=AbortStep(on=name)))

    @precondition(lambda self: self._running() and bool(self._unsettled()))
    @rule(data=st.data(), action=st.sampled_from(USER_ACTIONS))
    def user(self, data: st.DataObject, action: str) -> None:
        """The user does what the interface offers, or tries to."""
        chosen = data.draw(st.sampled_from(sorted({f.id for f in self._unsettled()})))
        if not self._can(_ACTION[action]):
            return
        step = UserStep(action, chosen)  # type: ignore[arg-type]  # sampled from the literals
        self._do(p.User(action=step.action, id=chosen))
        self.script.append(Step(user=step))

    @precondition(lambda self: self._running() and bool(self.held))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """The server goes on with an answer that it held."""
        gate = data.draw(st.sampled_from(sorted(self.held)))
        self.held.discard(gate)
        self.scripted.release(gate)
        self.script.append(Step(release=gate))

    @precondition(lambda self: self._running() and self._can(_OFFLINE))
    @rule()
    def toggle_network(self) -> None:
        """The network goes or comes back."""
        online = not self.model.state.agent.online
        self._do(p.Online(online=online))
        self.script.append(Step(online=online))

    @precondition(lambda self: self._interruptible())
    @rule()
    def lose_the_network(self) -> None:
        """It goes while an answer is held, and comes back: what is missing is asked for again."""
        self.settle_down()
        self.toggle_network()
        self.toggle_network()

    @precondition(lambda self: self._restartable())
    @rule(kill=st.booleans())
    def restart(self, kill: bool) -> None:
        """The user agent is quit or killed, and comes back."""
        kill = kill if self._can(_QUIT[kill]) else not kill
        self.restarts += 1
        self._do(p.Quit(kill=kill))
        self._do(p.Launch())
        self.instances.clear()
        self.script += [Step(quit="kill" if kill else "clean"), Step(launch=True)]

    @precondition(lambda self: self._running() and bool(self._unsettled()))
    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        """A page asks for a fetch by id."""
        chosen = data.draw(st.sampled_from(sorted({f.id for f in self._unsettled()})))
        call = f"g{len(self.script)}"
        name = self._name()
        self.calls[call] = name
        self._do(p.Get(call=call, realm="p1", id=chosen))
        bound = name if name in self.instances else None
        self.script.append(Step(get=GetStep(chosen, name=bound)))

    @precondition(lambda self: self._running() and bool(self.script))
    @rule()
    def settle_down(self) -> None:
        """Nothing happens until nothing is due."""
        if self.script[-1].quiet is None:
            self.script.append(Step(quiet=True))

    # --- the end ----------------------------------------------------------------------

    def scenario(self) -> Scenario:
        """What the rules did, as a scenario that ends with everything released."""
        script = list(self.script)
        if not self.model.state.agent.online:
            script.append(Step(online=True))
        for fetch in self._unsettled():
            if fetch.paused:
                action: Literal["accept", "resume"] = "accept" if fetch.prompting else "resume"
                script.append(Step(user=UserStep(action, fetch.id)))
        script += [Step(release=gate) for gate in self._unreleased(script)]
        script.append(Step(quiet=True))
        return Scenario(
            scenario="fuzz",
            title="made by moving the model",
            source=[],
            script=script,
            world=self.world,
            worker=Worker(on=HANDLERS),
        )

    def _unreleased(self, script: list[Step]) -> list[str]:
        released = {step.release for step in script}
        gates = {
            item.hold
            for resource in self.world.resources.values()
            for attempt in resource.attempts
            for item in attempt.send
            if not isinstance(item, int | str)
        }
        return sorted(gates - released)

    def teardown(self) -> None:
        """Replay on the implementation, and judge."""
        if not getattr(self, "script", None):
            return
        scenario = self.scenario()
        check(scenario)
        judgement = type(self).judge(scenario)
        if judgement.verdict in BAD:
            note(dump(scenario))
            raise Unconforming(scenario, judgement, len(self.script))


def machine_for(
    judge: Judge, capabilities: Collection[str] = BackgroundFetchMachine.capabilities
) -> type[BackgroundFetchMachine]:
    """The machine for one implementation."""
    # A class body, as type() takes it.
    attributes: dict[str, Any] = {"judge": staticmethod(judge), "capabilities": capabilities}
    return type("BackgroundFetch", (BackgroundFetchMachine,), attributes)
