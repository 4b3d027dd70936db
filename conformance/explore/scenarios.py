"""A trail as a scenario that anybody can run.

What the server did becomes attempts that wait at a gate before the head, before every byte
and before the end; the script opens the gates in the order of the trail, and does in between
what page, user and system did.  A handler waits at a gate until its event is to be over.

The model is deterministic between two inputs.  A trail of a scope whose order is *settled*
is met exactly; a trail that needs a race runs as near to it as one order of tasks comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import attrs
from msgspec import structs

from conformance.explore.answers import EXPOSED, FAULTS, REDIRECTS, TARGET, attempt, plan
from conformance.explore.desk import CLICK, OWN_RANGE, SETTLE_EVENTS, asked_from
from conformance.explore.scope import Scope
from conformance.explore.trail import Stride
from conformance.scenario import format as f
from spec_model import messages as m
from spec_model.state import WORKER, State

_Action = Literal["pause", "resume", "abort", "click", "accept", "refuse", "dismiss"]


def scenario_of(
    scope: Scope,
    strides: tuple[Stride, ...],
    *,
    name: str,
    title: str,
    source: tuple[str, ...],
    look: tuple[str, int] | None = None,
    races: Sequence[str] = (),
) -> f.Scenario:
    """The scenario of a trail; ``source``: the errata or rows that it shows.

    ``look``: the page and the fetch whose registration object it reads at the end; ``races``: what
    it takes and a scenario cannot ask for.
    """
    written = _Writer(scope).write(strides, name, title, source, look)
    if not races:
        return written
    notes = f"It takes a race that a scenario cannot ask for: {'; '.join(races)}."
    return structs.replace(written, notes=notes)


def _settled(call: str, stride: Stride) -> bool:
    """Whether the call's promise settled in the step that made it."""
    promises = (each for each in stride.outputs if isinstance(each, m.PromiseSettled))
    return any(each.call == call for each in promises)


@attrs.define
class _Answer:
    """One attempt as it is written: its gates, in order."""

    gate: str
    made: f.Attempt | None = None
    sent: list[int | f.Hold] = attrs.field(factory=list)
    bytes: int = 0


@attrs.define
class _Writer:
    scope: Scope
    script: list[f.Step] = attrs.field(factory=list)
    answers: dict[int, list[_Answer]] = attrs.field(factory=dict)
    names: dict[tuple[str, int], str] = attrs.field(factory=dict)
    handlers: dict[str, list[list[f.Step]]] = attrs.field(factory=dict)
    running: dict[str, tuple[str, list[f.Step], int]] = attrs.field(factory=dict)
    events: int = 0
    calls: int = 0
    fetches: int = 0
    streams: dict[str, int] = attrs.field(factory=dict)

    def write(
        self,
        strides: tuple[Stride, ...],
        name: str,
        title: str,
        source: tuple[str, ...],
        look: tuple[str, int] | None,
    ) -> f.Scenario:
        pages = range(2, self.scope.pages + 1)
        self.script += (f.Step(open_page=f"p{page}") for page in pages)
        for stride in strides:
            self._step(stride)
            self._outputs(stride)
        self.script.append(f.Step(quiet=True))
        if look is not None and look in self.names:
            self.script.append(f.Step(look=f.LookStep(self.names[look], self._name("look"))))
        scope = self.scope
        world = f.World(
            origins=["cdn"] if scope.foreign else [],
            resources=self._resources(),
            quota=scope.quota or None,
            permission=cast(Literal["granted", "denied", "prompt"], scope.permission),
        )
        listen = [*SETTLE_EVENTS, CLICK] if scope.listens else []
        worker = f.Worker(listen=listen, each=self.handlers)
        return f.Scenario(name, title, list(source), self.script, world=world, worker=worker)

    # --- the world --------------------------------------------------------------------

    def _key(self, record: int) -> str:
        return f"cdn:/r{record}" if self.scope.foreign else f"/r{record}"

    def _resources(self) -> dict[str, f.Resource]:
        found = {}
        for record in range(len(self.scope.methods)):
            attempts = [self._attempt(each) for each in self.answers.get(record, [])]
            # Whatever more is asked for is answered as the last one would have been.
            attempts.append(attempt(self.scope.last, 0, self.scope.size))
            found[self._key(record)] = f.Resource(
                size=self.scope.size,
                cors=self.scope.foreign,
                expose=EXPOSED if self.scope.exposed else [],
                attempts=attempts,
            )
        if set(REDIRECTS) & set(self.scope.faults):
            found[TARGET] = f.Resource(size=self.scope.size)
        return found

    def _attempt(self, answer: _Answer) -> f.Attempt:
        made = answer.made or f.Attempt(framing="chunked")
        fields = {name: getattr(made, name) for name in f.Attempt.__struct_fields__}
        if not made.drop:
            fields["send"] = [*answer.sent, f.Hold(f"{answer.gate}-rest")]
        fields["wait"] = f"{answer.gate}-head"
        return f.Attempt(**fields)

    def _release(self, gate: str) -> None:
        self.script.append(f.Step(release=gate))

    # --- what happened ----------------------------------------------------------------

    def _step(self, stride: Stride) -> None:
        did, before = stride.label.did, stride.before
        match did:
            case m.CallFetch():
                # In some orders the promise settles later; until then there is nothing to name.
                self._fetch(did, self.scope.order != "settled" or _settled(did.call, stride))
            case m.CallGet() | m.CallAbort() | m.CallMatch() | m.CallUpdateUI():
                self._call(did, before, _settled(did.call, stride))
            case m.CallUnregister():
                self.script.append(f.Step(unregister=self._name("gone")))
            case m.UserDid():
                action = cast(_Action, did.action)
                self.script.append(f.Step(user=f.UserStep(action, did.id)))
            case m.UserLooked():
                self.script.append(f.Step(interface=f.InterfaceStep(did.id, self._name("shown"))))
            case m.RealmBusy():
                where = did.realm
                self.script.append(f.Step(busy=where) if did.busy else f.Step(idle=where))
            case m.BodyRead():
                self._body_read(did)
            case m.EventEnded():
                gate, program, count = self.running.pop(before.event(did.event).type)
                program.append(f.Step(hold=f"{gate}-{count}"))
                self._release(f"{gate}-{count}")
            case m.PageClosed():
                self.script.append(f.Step(close_page=did.realm))
            case m.WentOnline():
                self.script.append(f.Step(online=did.online))
            case m.TimePassed():
                self.script.append(f.Step(pass_=60))
            case m.UserAgentQuit():
                self.running.clear()
                self.script.append(f.Step(quit="kill" if did.kill else "clean"))
            case m.UserAgentLaunched():
                self.names.clear()
                self.script.append(f.Step(launch=True))
            case m.Responded() | m.BytesArrived() | m.Ended():
                self._network(did, before)

    def _name(self, kind: str) -> str:
        self.calls += 1
        return f"{kind}{self.calls}"

    def _fetch(self, did: m.CallFetch, settled: bool) -> None:
        self.fetches += 1
        requests = [
            self._request(did.call, record, method)
            for record, method in enumerate(self.scope.methods)
        ]
        name = "a" if self.fetches == 1 else f"a{self.fetches}"
        self.names.setdefault((did.realm, self.fetches - 1), name)
        self.streams[did.call] = len(self.script)
        where = None if did.realm == "p1" else did.realm
        total = self.scope.total
        step = f.FetchStep("a", requests, name, where, download_total=total, wait=settled)
        self.script.append(f.Step(fetch=step))

    def _request(self, call: str, record: int, method: str) -> str | f.RequestArg:
        key, scope = self._key(record), self.scope
        if method == "GET":
            return f.RequestArg(key, headers={"Range": OWN_RANGE}) if scope.ranged else key
        hold = f"{call}-{record}" if scope.streamed else None
        return f.RequestArg(key, method, scope.upload, hold=hold)

    def _body_read(self, did: m.BodyRead) -> None:
        """The stream ends or fails; that it will fail is said where the call is made."""
        if did.failed:
            at = self.streams[did.call]
            made = self.script[at].fetch
            assert made is not None
            requests = list(made.requests)
            broken = requests[did.request]
            assert isinstance(broken, f.RequestArg)
            requests[did.request] = structs.replace(broken, fails=True)
            self.script[at] = f.Step(fetch=structs.replace(made, requests=requests))
        self._release(f"{did.call}-{did.request}")

    def _call(
        self,
        did: m.CallGet | m.CallAbort | m.CallMatch | m.CallUpdateUI,
        before: State,
        settled: bool,
    ) -> None:
        if isinstance(did, m.CallGet):
            name = self._name("got")
            live = before.agent.active(did.id)
            if live is not None:
                self.names.setdefault((did.realm, live.index), name)
            self.script.append(f.Step(get=f.GetStep(did.id, name, did.realm, wait=settled)))
        elif isinstance(did, m.CallUpdateUI):
            self._in_handler(
                before.event(did.event).type,
                f.Step(update_ui=f.UpdateUIStep(title="new", name=self._name("ui"), wait=False)),
            )
        else:
            realm, instance = before.instance(did.instance)
            where = realm.name, instance.fetch
            if isinstance(did, m.CallAbort):
                step = f.AbortStep(self.names[where], self._name("stopped"), wait=settled)
                self.script.append(f.Step(abort=step))
                return
            name = self._name("found")
            on = "event" if realm.name == WORKER else self.names[where]
            steps = (
                f.Step(match_all=f.MatchStep(on, name=name)),
                f.Step(read=f.ReadStep(name, wait="none")),
            )
            if realm.name == WORKER:
                for each in steps:
                    self._in_handler(before.events[-1].type, each)
            else:
                self.script += steps

    def _in_handler(self, event: str, step: f.Step) -> None:
        """The step is done by the handler that waits, which then waits again."""
        if event not in self.running:
            # The event is over: only the script can do it now.
            assert step.update_ui is not None
            late = f.UpdateUIStep(title="new", event=event, name=step.update_ui.name, wait=False)
            self.script.append(f.Step(update_ui=late))
            return
        gate, program, count = self.running[event]
        program += (f.Step(hold=f"{gate}-{count}"), step)
        self._release(f"{gate}-{count}")
        self.running[event] = (gate, program, count + 1)

    def _network(self, did: m.Responded | m.BytesArrived | m.Ended, before: State) -> None:
        index, record = next(
            (index, record)
            for row in before.records
            for index, record in enumerate(row)
            if record.exchange == did.exchange
        )
        answer = self.answers[index][-1]
        if record.hops:
            return  # the redirect's target answers at once
        first, scope = asked_from(self.scope, record), self.scope
        if isinstance(did, m.Responded):
            for kind in ("whole", scope.last, *FAULTS):
                made = plan(kind, first, scope.size, record.method, scope.foreign, scope.exposed)
                if made.head and (made.status, made.headers) == (did.wire.status, did.wire.headers):
                    break
            answer.made = attempt(kind, first, scope.size)
            self._release(f"{answer.gate}-head")
        elif isinstance(did, m.BytesArrived):
            gate = f"{answer.gate}-{answer.bytes}"
            answer.sent += (f.Hold(gate), 1)
            answer.bytes += 1
            self._release(gate)
        elif did.wire is None:
            answer.made = attempt("drop", first, scope.size)
            self._release(f"{answer.gate}-head")
        else:
            then: Literal["end", "reset"] = "end" if did.how == "end" else "reset"
            made_of = answer.made or f.Attempt(framing="chunked")
            fields = {name: getattr(made_of, name) for name in f.Attempt.__struct_fields__}
            answer.made = f.Attempt(**{**fields, "then": then})
            self._release(f"{answer.gate}-rest")

    def _outputs(self, stride: Stride) -> None:
        for output in stride.outputs:
            if isinstance(output, m.RequestStarted):
                rows = self.answers.setdefault(output.record, [])
                if output.url.endswith("/film"):
                    rows.append(_Answer(f"r{output.record}-{len(rows) + 1}"))
            elif isinstance(output, m.EventDispatched):
                self.events += 1
                program: list[f.Step] = []
                self.handlers.setdefault(output.name, []).append(program)
                self.running[output.name] = (f"event{self.events}", program, 1)
