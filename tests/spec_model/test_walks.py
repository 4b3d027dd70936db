"""Random walks: whatever happens in whatever order, under any edition and any choices, the
invariants hold, nothing crashes, and a fetch that the world treats well ends."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from spec_model import messages as m
from spec_model.background_fetch import FetchCall, UserAgent
from spec_model.choices import CHOICES
from spec_model.editions import AMENDED, CLUSTERS, Edition
from spec_model.fetch_boundary import Wire
from spec_model.invariants import check
from spec_model.phases import RegistrationPhase
from spec_model.state import IN_FLIGHT, WORKER, Realm, State
from spec_model.system import enabled, inject, perform, run
from spec_model.values import RequestSpec
from tests.spec_model.playing import EVERY_EVENT, HOME, get, post

SIZE = 8


@attrs.define
class Drawn:
    """Answers every question by drawing; a stable choice has one answer."""

    data: st.DataObject
    edition: Edition
    answers: dict[str, str] = attrs.field(factory=dict)

    def take(self, *steps: str) -> None:
        """Nothing."""

    def repaired(self, cluster: str) -> bool:
        return self.edition.repairs(cluster)

    def choose(self, key: str, options: Sequence[str] = ()) -> str:
        if key in self.answers:
            return self.answers[key]
        known = tuple(options or CHOICES[key].options)
        answer = self.data.draw(st.sampled_from(known), label=key)
        if key in CHOICES and CHOICES[key].kind == "stable":
            self.answers[key] = answer
        return answer


@attrs.define
class Walk:
    """A model with a server that gives any answer, and everybody does anything."""

    data: st.DataObject
    decide: Drawn
    state: State
    calls: int = 0
    exchanges: int = 0
    unnoticed: list[m.RequestStarted] = attrs.field(factory=list)

    def draw(self, options: Sequence[m.Input]) -> m.Input:
        return self.data.draw(st.sampled_from(tuple(options)), label="input")

    def tell(self, news: m.Input) -> None:
        before = self.state
        self.state = inject(before, news, self.decide)
        check(before, self.state, self.decide.edition)

    def perform_some(self) -> None:
        """Any of the tasks that could be performed, any number of times."""
        for _ in range(self.data.draw(st.integers(0, 12), label="tasks")):
            tasks = enabled(self.state, self.decide)
            if not tasks:
                break
            before = self.state
            self.state = perform(before, self.data.draw(st.sampled_from(tasks)), self.decide)
            check(before, self.state, self.decide.edition)
        self.take()

    def rest(self) -> None:
        self.state = run(self.state, self.decide, lambda b, a: check(b, a, self.decide.edition))
        self.take()

    def take(self) -> None:
        outputs, self.state = self.state.taken()
        self.unnoticed += (each for each in outputs if isinstance(each, m.RequestStarted))

    def accept(self) -> None:
        while self.unnoticed:
            made = self.unnoticed.pop(0)
            self.exchanges += 1
            self.tell(m.Accepted(made.fetch, made.record, made.attempt, self.exchanges))

    # --- what can happen ---

    def possible(self) -> list[m.Input]:
        if not self.state.agent.running:
            return [m.UserAgentLaunched("p1")]
        found: list[m.Input] = [
            m.WentOnline(not self.state.agent.online),
            m.UserAgentQuit(kill=True),
            m.TimePassed(),
            *(m.UserDid(action, "a") for action in ("pause", "resume", "abort", "click", "accept")),
        ]
        self.calls += 1
        call = f"c{self.calls}"
        requests: list[tuple[RequestSpec, ...]] = [(get("/x"),), (get("/x"), post("/y"))]
        for total in (0, 10):
            calls = (FetchCall("a", each, download_total=total) for each in requests)
            found += (m.CallFetch(call, "p1", each) for each in calls)
        found.append(m.CallGet(call, "p1", "a"))
        for realm in self.state.realms:
            for instance in realm.instances:
                found += (m.CallAbort(call, instance.name), m.CallMatch(call, instance.name))
        found += (m.CallRead(each.name) for each in self.state.objects)
        found += (m.EventEnded(each.name) for each in self.state.events if each.active)
        for row in self.state.records:
            for record in row:
                if record.exchange and record.phase in IN_FLIGHT:
                    found += self.from_server(record.exchange, record.start.lo)
        return found

    def from_server(self, number: int, first: int) -> list[m.Input]:
        ranged = (("Content-Range", f"bytes {first}-{SIZE - 1}/{SIZE}"),)
        part = Wire(number, 206, ranged, "length", first=first, length=SIZE - first)
        return [
            m.Responded(number, Wire(number, 200, (), "length", length=SIZE)),
            m.Responded(number, part),
            m.Responded(number, Wire(number, 404, (), "length", length=3)),
            m.Responded(number, Wire(number, 204, (), "none", length=0)),
            m.BytesArrived(number, 3),
            m.BytesArrived(number, SIZE),
            m.Ended(number, "end", part, SIZE - first),
            m.Ended(number, "reset", part, 0),
        ]


def start(data: st.DataObject, edition: Edition) -> Walk:
    quota = data.draw(st.sampled_from([None, 12, 40]), label="quota")
    permission = data.draw(st.sampled_from(["granted", "prompt"]), label="permission")
    agent = UserAgent(HOME, EVERY_EVENT, quota=quota, permission=permission)
    state = State(agent, (Realm("p1"), Realm(WORKER)), limit=data.draw(st.sampled_from([None, 1])))
    return Walk(data, Drawn(data, edition), state)


EDITIONS = st.builds(lambda left_out: Edition("drawn", AMENDED.clusters - left_out),
                     st.frozensets(st.sampled_from(sorted(CLUSTERS)), max_size=4))  # fmt: skip


@given(st.data(), EDITIONS)
def test_the_invariants_hold_on_every_walk(data: st.DataObject, edition: Edition) -> None:
    walk = start(data, edition)
    for _ in range(data.draw(st.integers(1, 20), label="steps")):
        walk.tell(walk.draw(walk.possible()))
        walk.perform_some()
        walk.accept()


@settings(deadline=None)
@given(st.data())
def test_every_walk_ends_once_the_world_is_kind(data: st.DataObject) -> None:
    walk = start(data, AMENDED)
    for _ in range(data.draw(st.integers(1, 12), label="steps")):
        walk.tell(walk.draw(walk.possible()))
        walk.perform_some()
        walk.accept()
    if not walk.state.agent.running:
        walk.tell(m.UserAgentLaunched("p1"))
    walk.rest()
    for fetch in walk.state.agent.fetches:
        walk.tell(m.UserDid("accept" if fetch.prompting else "resume", fetch.id))
    walk.tell(m.WentOnline(True))
    for _ in range(50):
        walk.rest()
        walk.accept()
        walk.tell(m.TimePassed())
        answered = [
            (record.exchange, record)
            for row in walk.state.records
            for record in row
            if record.exchange and record.phase in IN_FLIGHT
        ]
        for number, record in answered:
            wire = Wire(number, 200, (), "length", length=SIZE)
            if record.current is None:
                walk.tell(m.Responded(number, wire))
            walk.tell(m.BytesArrived(number, SIZE))
            walk.tell(m.Ended(number, "end", wire, SIZE))
        for event in walk.state.events:
            if event.active:
                walk.tell(m.EventEnded(event.name))
    open_ = [f for f in walk.state.agent.fetches if f.phase is not RegistrationPhase.RECORDS_GONE]
    # A fetch whose id was taken over cannot be reached by the user to be resumed.
    newest = {fetch.id: fetch for fetch in walk.state.agent.fetches}
    assert [each for each in open_ if newest[each.id] is each] == []
