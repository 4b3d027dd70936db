"""Wild runs: what the model can do at its wildest, as the log of a judge who sees it at once.

``ModelAdapter`` performs the first enabled task until there is none, so it shows one
order of things.  Here a draw decides what happens next: a task of any queue, a message
from any connection, a server that goes on writing, or the script's next command while
tasks are still waiting.  Questions that only one run can answer (which limit was met
first) are drawn as well; choices of the user agent are those of a profile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import attrs

from conformance import protocol as p
from conformance.adapter import Surroundings
from conformance.adapters.model import ModelAdapter, ModelFactory
from conformance.adapters.model_world import ModelWorld
from conformance.scenario.format import World
from conformance.trace import AnyServerEntry, Entry, Quiet, Released, ServerHeld, Trace
from conformance.trials.random_worlds import KEYS, SIZE, random_world
from conformance.world.content import request_body
from conformance.world.scripted import ScriptedWorld, absolute
from spec_model import messages as m
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

    def _show_all(self) -> None:
        shown, self.state = self.state.taken()
        for output in shown:
            self._show(output)

    def _settle(self) -> None:
        """Some of what can happen happens."""
        for _ in range(self.rng.choice((0, 1, 2, 4, 8, 64))):
            if not self.move():
                return

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
        if self.patience < 0:
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


@attrs.define
class WildRun:
    """One run being made: draws commands, and keeps the log."""

    rng: Random
    profile: Mapping[str, str]
    steps: int
    world: World = attrs.field(init=False)
    entries: list[Entry] = attrs.field(factory=list)
    model: WildModel = attrs.field(init=False)
    scripted: ScriptedWorld = attrs.field(init=False)
    held: set[str] = attrs.field(factory=set)
    pages: list[str] = attrs.field(factory=lambda: ["p1"])
    instances: dict[str, str] = attrs.field(factory=dict)
    records: dict[str, str] = attrs.field(factory=dict)
    events: list[str] = attrs.field(factory=list)
    realm_of_call: dict[str, str] = attrs.field(factory=dict)
    made: int = 0
    requests: int = 0
    restarts: int = 0

    def __attrs_post_init__(self) -> None:
        self.world = random_world(self.rng)
        self.scripted = ScriptedWorld(self.world, ORIGINS, self._server)
        factory = ModelFactory(profile=self.profile)
        self.model = WildModel(factory, self._seen, Surroundings(self.scripted), rng=self.rng)

    # --- the log ----------------------------------------------------------------------

    def _add(self, **part: object) -> None:
        now = float(len(self.entries))
        self.entries.append(Entry(now, now, **part))  # type: ignore[arg-type]  # one typed field

    def _server(self, entry: AnyServerEntry) -> None:
        if isinstance(entry, ServerHeld):
            self.held.add(entry.gate)
        self._add(server=entry)

    def _seen(self, seen: p.AnyObservation) -> None:
        self._add(seen=seen)
        if isinstance(seen, p.Settled):
            realm = self.realm_of_call[seen.call]
            if seen.instance is not None:
                self.instances[seen.instance] = realm
            for record in seen.records or ():
                self.records[record.record] = realm
            if seen.event is not None:
                self.events.append(seen.event)
        elif isinstance(seen, p.WorkerEvent):
            self.events.append(seen.event)
            if seen.instance is not None:
                self.instances[seen.instance] = p.WORKER

    def do(self, make: type[p.Command], **fields: object) -> p.Answer:
        """One command, noted before and after."""
        self.made += 1
        command: p.AnyCommand = make(seq=self.made, **fields)  # type: ignore[assignment]  # one of them
        self._add(sent=command)
        answer = self.model.do(command)
        self._add(answered=answer)
        return answer

    def _call(self, make: type[p.Command], realm: str, /, **fields: object) -> None:
        call = f"c{self.made + 1}"
        self.realm_of_call[call] = realm
        self.do(make, call=call, **fields)

    # --- the script -------------------------------------------------------------------

    def play(self) -> Trace:
        """A whole run.  Raises Circling."""
        world, rng = self.world, self.rng
        self.do(
            p.Begin,
            scenario="wild",
            origins=ORIGINS,
            listen=[name for name in EVENTS if rng.random() < 0.9],
            quota=world.quota,
            permission=world.permission,
            online=world.online,
            concurrency=world.concurrency,
        )
        self._fetch()
        for _ in range(self.steps):
            self._step()
        self._finish()
        return Trace("wild", "model", "1", [], ORIGINS, True, self.entries)

    def _step(self) -> None:
        rng = self.rng
        if not self.model.state.agent.running:
            self._launch()
            return
        options = [self._fetch, self._user, self._online, self._registry, self._settle, self._go_on]
        if self.held:
            options += [self._release] * 3
        if self.instances:
            options += [self._with_instance] * 3
        if self.records:
            options += [self._with_record] * 3
        if self.events:
            options += [self._with_event] * 2
        if self.restarts < 2:
            options.append(self._quit)
        if rng.random() < 0.2:
            options = [self._rare]
        rng.choice(options)()

    def _fetch(self) -> None:
        rng = self.rng
        if self.requests >= 3:
            return
        keys = rng.sample(KEYS, rng.choice((1, 1, 1, 2)))
        self.requests += len(keys)
        requests = [p.RequestInit(absolute(key, ORIGINS)) for key in keys]
        if rng.random() < 0.2:
            url = requests[0].url
            requests[0] = p.RequestInit(url, "POST", body=request_body(8))
        elif rng.random() < 0.05:
            requests[0] = p.RequestInit(requests[0].url, headers={"Range": "bytes=8-"})
        realm = rng.choice(self.pages)
        total = rng.choice((0, 0, 0, 0, 0, SIZE - 1, SIZE, 2 * SIZE))
        name = rng.choice(("x", "x", "y"))
        self._call(p.Fetch, realm, realm=realm, id=name, requests=requests, download_total=total)

    def _user(self) -> None:
        action = self.rng.choice(
            ("pause", "pause", "resume", "resume", "abort", "accept", "refuse", "click", "dismiss")
        )
        self.do(p.User, action=action, id="x")

    def _online(self) -> None:
        self.do(p.Online, online=not self.model.state.agent.online)

    def _registry(self) -> None:
        realm = self.rng.choice([*self.pages, p.WORKER])
        if self.rng.random() < 0.6:
            self._call(p.Get, realm, realm=realm, id=self.rng.choice(("x", "y")))
        else:
            self._call(p.GetIds, realm, realm=realm)

    def _settle(self) -> None:
        self.model.settle_down()
        self._add(note=Quiet())

    def _go_on(self) -> None:
        for _ in range(self.rng.choice((1, 3, 10))):
            if not self.model.move():
                return

    def _release(self) -> None:
        gate = self.rng.choice(sorted(self.held))
        self.held.discard(gate)
        self._add(note=Released(gate))
        self.scripted.release(gate)

    def _with_instance(self) -> None:
        rng = self.rng
        instance = rng.choice(sorted(self.instances))
        realm = self.instances[instance]
        what = rng.choice(("abort", "match", "match", "match", "look"))
        if what == "look":
            self.do(p.Look, instance=instance)
        elif what == "abort":
            self._call(p.Abort, realm, instance=instance)
        elif rng.random() < 0.3:
            url = absolute(rng.choice(KEYS), ORIGINS)
            make = rng.choice((p.Match, p.MatchAll))
            options = p.QueryOptions(ignore_method=rng.random() < 0.5)
            self._call(make, realm, instance=instance, url=url, options=options)
        else:
            self._call(p.MatchAll, realm, instance=instance)

    def _with_record(self) -> None:
        record = self.rng.choice(sorted(self.records))
        realm = self.records[record]
        if self.rng.random() < 0.9:
            self.do(p.Read, record=record)
        else:
            self._call(p.CachePut, realm, realm=realm, cache="k", record=record)

    def _with_event(self) -> None:
        event = self.rng.choice(self.events)
        if self.rng.random() < 0.3:
            self._call(p.UpdateUI, p.WORKER, event=event, title="t")
        else:
            self.do(p.EndEvent, event=event)

    def _quit(self) -> None:
        self.restarts += 1
        self.do(p.Quit, kill=self.rng.random() < 0.5)
        self.instances.clear()
        self.records.clear()
        self.events.clear()
        self.pages = ["p1"]

    def _launch(self) -> None:
        self.do(p.Launch)

    def _rare(self) -> None:
        rng = self.rng
        what = rng.randrange(8)
        if what == 0 and len(self.pages) < 2:
            self.pages.append("p2")
            self.do(p.OpenPage, page="p2")
        elif what == 1 and "p2" in self.pages:
            self.pages.remove("p2")
            self.do(p.ClosePage, page="p2")
            for names in (self.instances, self.records):
                for name in [each for each, realm in names.items() if realm == "p2"]:
                    del names[name]
        elif what == 2:
            self.do(p.Push, data=f"push {self.made}")
        elif what == 3 and rng.random() < 0.3:
            self._call(p.Unregister, "p1")
        elif what == 4:
            self.do(p.SetPermission, state=rng.choice(("granted", "denied", "prompt")))
        elif what == 5:
            self.do(p.Storage)
        elif what == 6:
            instances = [name for name, realm in self.instances.items() if realm == p.WORKER]
            instance = rng.choice([None, *instances])
            self._call(p.Synthesize, p.WORKER, name="backgroundfetchsuccess", instance=instance)
        else:
            self._call(p.CacheKeys, "p1", realm="p1", cache="k")

    def _finish(self) -> None:
        """Everything that is the world's or the script's to end is ended."""
        if not self.model.state.agent.running:
            self._launch()
        if self.rng.random() < 0.3:
            self._settle()
            return
        if not self.model.state.agent.online:
            self._online()
        for fetch in self.model.state.agent.fetches:
            if fetch.paused and not fetch.settled:
                action = "accept" if fetch.prompting else "resume"
                self.do(p.User, action=action, id=fetch.id)
        while self.held:
            self._release()
        self._settle()
        for event in self.events:
            self.do(p.EndEvent, event=event)
        self._settle()


def wild_trace(seed: int | str, profile: Mapping[str, str], steps: int) -> Trace | None:
    """The trace of one wild run; None where it went round in a circle."""
    run = WildRun(Random(seed), profile, steps)
    try:
        return run.play()
    except Circling:
        return None
