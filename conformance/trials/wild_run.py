"""Wild runs: a script that is drawn step by step, as the log of a judge who sees all at once.

What the script does is weighed so that little of it comes to nothing: objects are used
when there are some, a gate is opened where somebody waits, and in the end the world and
the script owe nothing, as a rule.  ``python -m conformance.trials`` counts what was
asked and what was shown, since a campaign proves nothing about what it never asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import attrs

from conformance import protocol as p
from conformance.adapter import Surroundings
from conformance.adapters.model import ModelFactory
from conformance.scenario.format import World
from conformance.trace import AnyServerEntry, Entry, Quiet, Released, ServerHeld, Trace
from conformance.trials.random_worlds import KEYS, SIZE, random_world
from conformance.trials.wild import EVENTS, ORIGINS, Circling, WildModel
from conformance.world.content import request_body
from conformance.world.scripted import ScriptedWorld, absolute

PAGES = ("p1", "p2", "p3")
MOST_REQUESTS = 4
MOST_RESTARTS = 2


@attrs.define
class Names:
    """What the script may speak of: the names that it was given, with the realms they live in.

    ``bodies``: streamed request bodies that have not ended, as call and index.
    """

    instances: dict[str, str] = attrs.field(factory=dict)
    records: dict[str, str] = attrs.field(factory=dict)
    events: list[str] = attrs.field(factory=list)
    bodies: list[tuple[str, int]] = attrs.field(factory=list)
    realms: dict[str, str] = attrs.field(factory=dict)

    def shown(self, seen: p.AnyObservation) -> None:
        """Learn the names in an observation."""
        if isinstance(seen, p.Settled):
            realm = self.realms[seen.call]
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

    def forget(self, realm: str) -> None:
        """The realm has ended."""
        for names in (self.instances, self.records):
            for name in [each for each, home in names.items() if home == realm]:
                del names[name]
        self.bodies = [each for each in self.bodies if self.realms[each[0]] != realm]

    def forget_all(self) -> None:
        """The user agent is gone."""
        self.instances.clear()
        self.records.clear()
        self.events.clear()
        self.bodies.clear()


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
    busy: set[str] = attrs.field(factory=set)
    names: Names = attrs.field(factory=Names)
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
        self.names.shown(seen)

    def do(self, make: type[p.Command], **fields: object) -> p.Answer:
        """One command, noted before and after."""
        self.made += 1
        command: p.AnyCommand = make(seq=self.made, **fields)  # type: ignore[assignment]  # one of them
        self._add(sent=command)
        answer = self.model.do(command)
        self._add(answered=answer)
        return answer

    def _call(self, make: type[p.Command], realm: str, /, **fields: object) -> str:
        call = f"c{self.made + 1}"
        self.names.realms[call] = realm
        self.do(make, call=call, **fields)
        return call

    # --- the script -------------------------------------------------------------------

    def play(self) -> Trace:
        """A whole run, or the beginning of one that goes round in a circle."""
        world, rng = self.world, self.rng
        try:
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
        except Circling:
            pass
        return self.trace

    @property
    def trace(self) -> Trace:
        """The log so far."""
        return Trace("wild", "model", "1", [], ORIGINS, True, self.entries)

    def _step(self) -> None:
        rng, names = self.rng, self.names
        if not self.model.state.agent.running:
            self._launch()
            return
        options = [self._fetch, self._user, self._online, self._registry, self._settle, self._go_on]
        if self.held:
            options += [self._release] * 3
        if names.instances:
            options += [self._with_instance] * 3
        if names.records:
            options += [self._with_record] * 5
        if names.events:
            options += [self._with_event] * 3
        if names.bodies:
            options += [self._end_body] * 3
        if self.restarts < MOST_RESTARTS:
            options.append(self._quit)
        if rng.random() < 0.2:
            options = [self._rare]
        rng.choice(options)()

    # --- calls ------------------------------------------------------------------------

    def _fetch(self) -> None:
        rng = self.rng
        if self.requests >= MOST_REQUESTS:
            return
        keys = rng.sample(KEYS, rng.choice((1, 1, 1, 1, 2, 2, 3)))
        self.requests += len(keys)
        requests = [p.RequestInit(absolute(key, ORIGINS)) for key in keys]
        at = rng.randrange(len(requests))
        requests[at] = self._other_request(requests[at].url)
        realm = rng.choice([*self.pages, *self.pages, p.WORKER])
        call = self._call(
            p.Fetch,
            realm,
            realm=realm,
            id=rng.choice(("x", "x", "y")),
            requests=requests if rng.random() < 0.99 else [],
            title=rng.choice((None, None, "t0")),
            download_total=rng.choice((0, 0, 0, 0, 0, SIZE - 1, SIZE, 2 * SIZE)),
        )
        if requests[at].streamed:
            self.names.bodies.append((call, at))

    def _other_request(self, url: str) -> p.RequestInit:
        rng, draw = self.rng, self.rng.random()
        if draw < 0.1:
            return p.RequestInit(url, "POST", body=request_body(8))
        if draw < 0.2:
            return p.RequestInit(url, "POST", body=request_body(8), streamed=True)
        if draw < 0.23:
            return p.RequestInit(url, "POST")
        if draw < 0.26:
            return p.RequestInit(url, "HEAD")
        if draw < 0.3:
            return p.RequestInit(url, headers={"Range": rng.choice(("bytes=8-", "bytes=0-"))})
        if draw < 0.31:
            return p.RequestInit(url, mode="no-cors")
        if draw < 0.32:
            return p.RequestInit(url, "GET", body=request_body(8))
        return p.RequestInit(url)

    def _end_body(self) -> None:
        call, request = self.rng.choice(self.names.bodies)
        self.names.bodies.remove((call, request))
        self.do(p.EndBody, fetch=call, request=request, fails=self.rng.random() < 0.2)

    def _registry(self) -> None:
        realm = self.rng.choice([*self.pages, p.WORKER])
        if self.rng.random() < 0.6:
            self._call(p.Get, realm, realm=realm, id=self.rng.choice(("x", "x", "y")))
        else:
            self._call(p.GetIds, realm, realm=realm)

    def _with_instance(self) -> None:
        rng = self.rng
        instance = rng.choice(sorted(self.names.instances))
        realm = self.names.instances[instance]
        what = rng.choice(("abort", "match", "match", "match", "look"))
        if what == "look":
            self.do(p.Look, instance=instance)
        elif what == "abort":
            self._call(p.Abort, realm, instance=instance)
        elif rng.random() < 0.3:
            url = absolute(rng.choice(KEYS), ORIGINS) + rng.choice(("", "", "?q"))
            make = rng.choice((p.Match, p.MatchAll))
            options = p.QueryOptions(
                ignore_method=rng.random() < 0.5, ignore_search=rng.random() < 0.3
            )
            self._call(make, realm, instance=instance, url=url, options=options)
        else:
            self._call(p.MatchAll, realm, instance=instance)

    def _with_record(self) -> None:
        record = self.rng.choice(sorted(self.names.records))
        realm = self.names.records[record]
        if self.rng.random() < 0.9:
            self.do(p.Read, record=record)
        else:
            self._call(p.CachePut, realm, realm=realm, cache="k", record=record)

    def _with_event(self) -> None:
        event = self.rng.choice(self.names.events)
        if self.rng.random() < 0.3:
            title = self.rng.choice(("t1", "t2", None))
            self._call(p.UpdateUI, p.WORKER, event=event, title=title)
        else:
            self.do(p.EndEvent, event=event)

    # --- the user, the world and the machine ------------------------------------------

    def _user(self) -> None:
        action = self.rng.choice(
            ("pause", "pause", "resume", "resume", "abort", "accept", "refuse", "click", "dismiss")
        )
        self.do(p.User, action=action, id=self.rng.choice(("x", "x", "y")))

    def _online(self) -> None:
        self.do(p.Online, online=not self.model.state.agent.online)

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

    def _quit(self) -> None:
        self.restarts += 1
        self.do(p.Quit, kill=self.rng.random() < 0.5)
        self.names.forget_all()
        self.busy.clear()
        self.pages = ["p1"]

    def _launch(self) -> None:
        self.do(p.Launch)

    def _pages(self) -> None:
        rng = self.rng
        closed = [name for name in PAGES if name not in self.pages]
        others = [name for name in self.pages if name != "p1"]
        if others and (not closed or rng.random() < 0.5):
            page = rng.choice(others)
            self.pages.remove(page)
            self.busy.discard(page)
            self.do(p.ClosePage, page=page)
            self.names.forget(page)
        else:
            self.pages.append(closed[0])
            self.do(p.OpenPage, page=closed[0])

    def _busy(self) -> None:
        realm = self.rng.choice([*self.pages, p.WORKER])
        self.busy ^= {realm}
        self.do(p.Busy, realm=realm, busy=realm in self.busy)

    def _synthesize(self) -> None:
        names = self.names.instances
        instances = [name for name, realm in names.items() if realm == p.WORKER]
        instance = self.rng.choice([None, *instances])
        self._call(p.Synthesize, p.WORKER, name="backgroundfetchsuccess", instance=instance)

    def _rare(self) -> None:
        rng = self.rng
        what = rng.randrange(11)
        if what in (0, 1):
            self._pages()
        elif what == 2:
            self.do(p.Push, data=f"push {self.made}")
        elif what == 3:
            if rng.random() < 0.4:
                self._call(p.Unregister, "p1")
        elif what == 4:
            self.do(p.SetPermission, state=rng.choice(("granted", "denied", "prompt")))
        elif what == 5:
            self.do(p.Storage)
        elif what == 6:
            self._synthesize()
        elif what == 7:
            self._call(p.CacheKeys, "p1", realm="p1", cache="k")
        elif what == 8:
            self._busy()
        elif what == 9:
            self.do(p.Advance, seconds=1.0)
        else:
            self.do(p.Interface, id=rng.choice(("x", "x", "y")))

    def _finish(self) -> None:
        """Everything that is the world's or the script's to end is ended, more often than not."""
        if not self.model.state.agent.running:
            self._launch()
        if self.rng.random() < 0.3:
            self._settle()
            return
        for realm in sorted(self.busy):
            self.do(p.Busy, realm=realm, busy=False)
        while self.names.bodies:
            self._end_body()
        if not self.model.state.agent.online:
            self._online()
        for fetch in self.model.state.agent.fetches:
            if fetch.paused and not fetch.settled:
                action = "accept" if fetch.prompting else "resume"
                self.do(p.User, action=action, id=fetch.id)
        while self.held:
            self._release()
        self._settle()
        for event in self.names.events:
            self.do(p.EndEvent, event=event)
        self._settle()


def wild_run(seed: int | str, profile: Mapping[str, str], steps: int) -> WildRun:
    """A wild run that has been played."""
    run = WildRun(Random(seed), profile, steps)
    run.play()
    return run


def wild_trace(seed: int | str, profile: Mapping[str, str], steps: int) -> Trace:
    """The trace of one wild run."""
    return WildRun(Random(seed), profile, steps).play()
