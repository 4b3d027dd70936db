"""The surroundings of a background fetch within a scope: server, user, scripts, system.

They are as free as the scope lets them be and judge nothing.  Where an answer stands is
read off the record that hears it, so that there is nothing to keep but the budgets.

A request reaches its server in the step that makes it: nobody but the server could tell
the moments apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

import attrs

from conformance.explore.answers import FOREIGN, HOME, REDIRECTS, plan
from conformance.explore.plain import Offer
from conformance.explore.scope import Scope
from spec_model import messages as m
from spec_model.background_fetch import BackgroundFetch, FetchCall, UserAgent
from spec_model.fetch_boundary import Wire
from spec_model.phases import RecordPhase
from spec_model.process_response import received
from spec_model.record_state import RecordState
from spec_model.state import WORKER, Realm, State
from spec_model.tasks import AbortFetch
from spec_model.values import Head, RequestSpec

ID = "a"
FRESH = 1000
"""Numbers of new exchanges begin here; canonical ones are smaller."""

SETTLE_EVENTS = ("backgroundfetchsuccess", "backgroundfetchfail", "backgroundfetchabort")
CLICK = "backgroundfetchclick"

OWN_RANGE = "bytes=1-"
"""What the page's own requests ask for in a scope that is *ranged*."""

SLOW = 8
"""A body of more bytes than that is transmitted at once, a shorter one byte by byte."""


@attrs.frozen(cache_hash=True)
class Desk:
    """Budgets: what may still be done, each as often as its number says."""

    fetches: int = 0
    pauses: int = 0
    aborts: int = 0
    user_aborts: int = 0
    restarts: int = 0
    offline: int = 0
    gets: int = 0
    matches: int = 0
    updates: int = 0
    unregisters: int = 0
    closes: int = 0
    clicks: int = 0
    busy: int = 0


def start(scope: Scope) -> State:
    """The user agent before anything has happened."""
    agent = UserAgent(
        HOME,
        frozenset((*SETTLE_EVENTS, CLICK) if scope.listens else ()),
        permission=scope.permission,
        quota=scope.quota or None,
    )
    pages = tuple(Realm(f"p{number + 1}") for number in range(scope.pages))
    return State(agent, (*pages, Realm(WORKER)))


def call_of(scope: Scope) -> FetchCall:
    """The arguments of every ``fetch()``."""
    url = (FOREIGN if scope.foreign else HOME) + "/film"
    requests = tuple(
        RequestSpec(
            url,
            method,
            None if method == "GET" else scope.upload,
            own_range=OWN_RANGE if scope.ranged else "",
        )
        for method in scope.methods
    )
    bodies = (index for index, each in enumerate(requests) if each.body is not None)
    unread = tuple(bodies) if scope.streamed else ()
    return FetchCall(ID, requests, download_total=scope.total, unread=unread)


def asked_from(scope: Scope, record: RecordState) -> int:
    """Where the bytes begin that the record's request asks for."""
    return 1 if scope.ranged else record.start.lo


Part = Callable[[Desk, State], Iterable[Offer[m.Input, Desk]]]


def _while_running(part: Part) -> Part:
    """A user agent that is gone has nobody that could tell it anything."""
    return lambda env, state: part(env, state) if state.agent.running else ()


@attrs.frozen
class Surroundings:
    """The environment of a scope."""

    scope: Scope

    def begin(self) -> Desk:
        """All budgets are full."""
        names = [field.name for field in attrs.fields(Desk)]
        return Desk(**{name: getattr(self.scope, name) for name in names})

    def hear(
        self, env: Desk, state: State, outputs: tuple[m.Output, ...]
    ) -> tuple[Desk, tuple[m.Input, ...]]:
        """Requests are accepted; records that were found are read."""
        news: list[m.Input] = []
        for output in outputs:
            if isinstance(output, m.RequestStarted):
                number = FRESH + 10 * output.fetch + output.record
                news.append(m.Accepted(output.fetch, output.record, output.attempt, number))
            elif isinstance(output, m.PromiseSettled) and isinstance(output.value, m.Records):
                news += (m.CallRead(ref.object) for ref in output.value.found)
        return env, tuple(news)

    def offers(self, env: Desk, state: State) -> tuple[Offer[m.Input, Desk], ...]:
        """Everything that may come now."""
        return tuple(offer for part in self.parts for offer in part(env, state))

    @property
    def parts(self) -> tuple[Part, ...]:
        """``offers`` part by part: each reads little of the state."""
        records: tuple[Part, ...] = tuple(
            functools.partial(self._network, fetch, index)
            for fetch in range(self.scope.fetches)
            for index in range(len(self.scope.methods))
        )
        return (
            *(_while_running(part) for part in records),
            self._system,
            _while_running(self._people),
            _while_running(self._interface),
            _while_running(self._worker),
            _while_running(self._streams),
        )

    # --- the server -------------------------------------------------------------------

    def _network(
        self, fetch: int, index: int, env: Desk, state: State
    ) -> Iterator[Offer[m.Input, Desk]]:
        if fetch >= len(state.records):
            return
        record = state.records[fetch][index]
        late = record.loose.abandoned
        if late is not None:
            # As written an attempt that was stopped goes on for a while (E16).
            come = sum(p.length.lo for p in record.parts if p.exchange == late.head.exchange)
            yield from (Offer(news, env, owed=True) for news in self._body(record, late.head, come))
        if record.phase is RecordPhase.BEFORE_HEADERS and record.exchange:
            answers = self._answers(state, fetch, index, record)
        elif record.current is not None:
            answers = self._body(record, record.current, received(record))
        else:
            return
        yield from (Offer(news, env, owed=True) for news in answers)

    def _answers(
        self, state: State, fetch: int, index: int, record: RecordState
    ) -> Iterator[m.Input]:
        scope, number = self.scope, record.exchange
        yield from self._upload(state, fetch, index, record)
        kinds: tuple[str, ...] = (scope.last,)
        if record.attempts < scope.attempts:
            kinds = ("whole", *(kind for kind in scope.faults if kind != "reset"))
        if record.hops:
            kinds = tuple(kind for kind in kinds if kind not in REDIRECTS)
        first = asked_from(scope, record)
        for kind in kinds:
            answer = plan(kind, first, scope.size, record.method, scope.foreign, scope.exposed)
            if not answer.head:
                yield m.Ended(number, "drop")
                continue
            yield m.Responded(
                number,
                Wire(
                    number, answer.status, answer.headers, answer.framing,
                    answer.version, answer.first, answer.length, answer.encoding,
                ),
            )  # fmt: skip

    def _upload(
        self, state: State, fetch: int, index: int, record: RecordState
    ) -> Iterator[m.Input]:
        """The request's body goes out; one that was sent before goes out at once."""
        spec = state.spec(fetch, index)
        if spec.body is None or record.method != spec.method:
            return
        sent, again = state.uploaded[fetch][index], record.hops > 0 or record.attempts > 1
        if sent < spec.body or again:
            slowly = spec.body <= SLOW and not again
            yield m.Uploaded(record.exchange, sent + 1 if slowly else spec.body)

    def _body(self, record: RecordState, head: Head, come: int) -> Iterator[m.Input]:
        """An answer goes on; ``come``: bytes of it that have come."""
        if head.null_body:
            return
        wire = Wire(
            head.exchange, head.status, head.internal, "chunked",
            head.version, head.first, head.length, "gzip" if head.encoded else "identity",
        )  # fmt: skip
        if come < head.length:
            yield m.BytesArrived(head.exchange, come + 1)
            if self.scope.bursts and come + 1 < head.length:
                yield m.BytesArrived(head.exchange, head.length)
        elif head.status != 500:
            yield m.Ended(head.exchange, "end", wire, come)
        cut = "reset" in self.scope.faults and record.attempts < self.scope.attempts
        if cut or (head.status == 500 and come == head.length):
            yield m.Ended(head.exchange, "reset", wire, come)

    # --- everybody else ---------------------------------------------------------------

    def _events(self, env: Desk, state: State) -> Iterator[Offer[m.Input, Desk]]:
        for event in state.events:
            if event.active:
                yield Offer(m.EventEnded(event.name), env, owed=True)

    def _people(self, env: Desk, state: State) -> Iterator[Offer[m.Input, Desk]]:
        yield from self._events(env, state)
        yield from self._user(env, state)
        yield from self._scripts(env, state)

    def _system(self, env: Desk, state: State) -> Iterator[Offer[m.Input, Desk]]:
        if not state.agent.running:
            yield Offer(m.UserAgentLaunched("p1"), env, owed=True)
            return
        if not state.agent.online:
            yield Offer(m.WentOnline(True), env, owed=True)
        else:
            if env.offline:
                yield Offer(m.WentOnline(False), attrs.evolve(env, offline=env.offline - 1))
            waiting = (
                record.phase is RecordPhase.WAITING_AVAILABLE
                for row in state.records
                for record in row
            )
            if any(waiting):
                yield Offer(m.TimePassed(), env, owed=True)
        if env.restarts:
            fewer = attrs.evolve(env, restarts=env.restarts - 1)
            yield Offer(m.UserAgentQuit(), fewer)
            if self.scope.kill:
                yield Offer(m.UserAgentQuit(kill=True), fewer)

    def _user(self, env: Desk, state: State) -> Iterator[Offer[m.Input, Desk]]:
        live = _newest(state)
        if live is None or live.settled:
            return
        if live.prompting:
            yield Offer(m.UserDid("accept", ID), env, owed=True)
            if not any(isinstance(edit, AbortFetch) for edit in state.edits):
                yield Offer(m.UserDid("refuse", ID), env)
        elif live.paused:
            yield Offer(m.UserDid("resume", ID), env, owed=True)
        elif env.pauses:
            yield Offer(m.UserDid("pause", ID), attrs.evolve(env, pauses=env.pauses - 1))
        if env.user_aborts and not live.abort:
            fewer = attrs.evolve(env, user_aborts=env.user_aborts - 1)
            yield Offer(m.UserDid("abort", ID), fewer)

    def _interface(self, env: Desk, state: State) -> Iterator[Offer[m.Input, Desk]]:
        """What the user may do at any time, also when everything is over."""
        if not (self.scope.looks or env.clicks) or _newest(state) is None:
            return
        if self.scope.looks:
            yield Offer(m.UserLooked(ID), env)
        if env.clicks:
            yield Offer(m.UserDid("click", ID), attrs.evolve(env, clicks=env.clicks - 1))

    def _worker(self, env: Desk, state: State) -> Iterator[Offer[m.Input, Desk]]:
        """A worker that activates takes no event before all calls have settled."""
        worker = state.realm(WORKER) if self.scope.busy else None
        if worker is None:
            return
        if worker.busy:
            if not state.edits and not state.reading:
                yield Offer(m.RealmBusy(WORKER, False), env, owed=True)
        elif env.busy:
            yield Offer(m.RealmBusy(WORKER, True), attrs.evolve(env, busy=env.busy - 1))

    def _streams(self, env: Desk, state: State) -> Iterator[Offer[m.Input, Desk]]:
        """A page whose request has a stream for a body ends it, or breaks it."""
        for reading in state.reading if self.scope.streamed else ():
            call = reading.edit
            if reading.over or state.realm(call.realm) is None:
                continue
            for index in reading.unread:
                yield Offer(m.BodyRead(call.call, index), env, owed=True)
                yield Offer(m.BodyRead(call.call, index, failed=True), env)

    def _scripts(self, env: Desk, state: State) -> Iterator[Offer[m.Input, Desk]]:
        if env.fetches:
            page = f"p{self.scope.pages}" if self.scope.streamed else "p1"
            if env.fetches < self.scope.fetches or state.realm(page) is None:
                page = "p1"
            made = m.CallFetch(f"fetch{env.fetches}@{page}", page, call_of(self.scope))
            yield Offer(made, attrs.evolve(env, fetches=env.fetches - 1))
        for realm in state.realms:
            yield from self._page(env, realm)
        if env.updates:
            fewer = attrs.evolve(env, updates=env.updates - 1)
            for event in state.events:
                when = "now" if event.active else "late"
                call = f"ui{env.updates}@{event.fetch}@{when}"
                yield Offer(m.CallUpdateUI(call, event.name, "new"), fewer)
        if env.unregisters and env.fetches < self.scope.fetches:
            fewer = attrs.evolve(env, unregisters=env.unregisters - 1)
            yield Offer(m.CallUnregister(f"unregister{env.unregisters}", "p1"), fewer)

    def _page(self, env: Desk, realm: Realm) -> Iterator[Offer[m.Input, Desk]]:
        name = realm.name
        for instance in realm.instances:
            if env.aborts and name != WORKER:
                call = f"abort{env.aborts}@{instance.fetch}@{name}"
                fewer = attrs.evolve(env, aborts=env.aborts - 1)
                yield Offer(m.CallAbort(call, instance.name), fewer)
            if env.matches:
                call = f"match{env.matches}@{instance.fetch}@{name}"
                fewer = attrs.evolve(env, matches=env.matches - 1)
                yield Offer(m.CallMatch(call, instance.name), fewer)
        if name == WORKER:
            return
        if env.gets:
            fewer = attrs.evolve(env, gets=env.gets - 1)
            yield Offer(m.CallGet(f"get{env.gets}@{name}", name, ID), fewer)
        if env.closes and name != "p1":
            yield Offer(m.PageClosed(name), attrs.evolve(env, closes=env.closes - 1))


def _newest(state: State) -> BackgroundFetch | None:
    return state.agent.fetches[-1] if state.agent.fetches else None
