"""A model in a test's hand: inputs go in one by one, invariants are checked after every task.

Requests are accepted as soon as they are made and numbered from 1, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import attrs

from spec_model import messages as m
from spec_model.background_fetch import FetchCall, UserAgent
from spec_model.decide import Explain
from spec_model.editions import AMENDED, Edition, edition
from spec_model.fetch_boundary import Wire
from spec_model.instances import Snapshot
from spec_model.invariants import check
from spec_model.state import WORKER, Realm, State
from spec_model.system import inject, run
from spec_model.values import RequestSpec

HOME = "https://app.example"
SETTLE = ("backgroundfetchsuccess", "backgroundfetchfail", "backgroundfetchabort")
EVERY_EVENT = frozenset({*SETTLE, "backgroundfetchclick"})

OutputT = TypeVar("OutputT")


def url(path: str) -> str:
    return HOME + path if path.startswith("/") else path


def get(path: str) -> RequestSpec:
    return RequestSpec(url(path))


def post(path: str, body: int = 10) -> RequestSpec:
    return RequestSpec(url(path), "POST", body)


@attrs.define
class Play:
    """One model; ``shown`` is all that it showed, ``requests`` all that it asked for."""

    reading: Edition | str = AMENDED
    profile: Mapping[str, str] = attrs.field(factory=dict)
    listening: frozenset[str] = EVERY_EVENT
    online: bool = True
    permission: str = "granted"
    quota: int | None = None
    limit: int | None = None
    state: State = attrs.field(init=False)
    decide: Explain = attrs.field(init=False)
    shown: list[m.Output] = attrs.field(factory=list)
    requests: list[m.RequestStarted] = attrs.field(factory=list)
    _calls: int = 0
    _wires: dict[int, tuple[Wire, int]] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        chosen = edition(self.reading) if isinstance(self.reading, str) else self.reading
        self.decide = Explain(chosen, self.profile)
        agent = UserAgent(
            HOME, self.listening, online=self.online, permission=self.permission, quota=self.quota
        )
        self.state = State(agent, (Realm("p1"), Realm(WORKER)), limit=self.limit)

    def tell(self, news: m.Input) -> tuple[m.Output, ...]:
        """Inject an input, run, accept the requests that were made; what was shown."""
        before = self.state
        self.state = inject(before, news, self.decide)
        self.look_at(before, self.state)
        self.state = run(self.state, self.decide, self.look_at)
        outputs, self.state = self.state.taken()
        self.shown += outputs
        for made in outputs:
            if isinstance(made, m.RequestStarted):
                self.requests.append(made)
                number = len(self.requests)
                self.tell(m.Accepted(made.fetch, made.record, made.attempt, number))
        return outputs

    def look_at(self, before: State, after: State) -> None:
        check(before, after, self.decide.edition)

    # --- calls ---

    def call(self) -> str:
        self._calls += 1
        return f"c{self._calls}"

    def fetch(
        self, *requests: RequestSpec, id: str = "a", total: int = 0, realm: str = "p1"
    ) -> m.Value:
        """Call fetch(); what its promise gave."""
        call = self.call()
        self.tell(m.CallFetch(call, realm, FetchCall(id, requests, download_total=total)))
        return self.value(call)

    def started(self, *requests: RequestSpec, id: str = "a", total: int = 0) -> str:
        """Call fetch(); the name of the instance that its promise gave."""
        value = self.fetch(*requests, id=id, total=total)
        assert isinstance(value, m.InstanceRef), value
        return value.instance

    def get(self, id: str = "a", realm: str = "p1") -> m.Value:
        call = self.call()
        self.tell(m.CallGet(call, realm, id))
        return self.value(call)

    def abort(self, instance: str) -> m.Value:
        call = self.call()
        self.tell(m.CallAbort(call, instance))
        return self.value(call)

    def match(
        self,
        instance: str,
        path: str | None = None,
        *,
        first: bool = False,
        ignore_search: bool = False,
    ) -> m.Value:
        call = self.call()
        address = None if path is None else url(path)
        self.tell(m.CallMatch(call, instance, address, ignore_search=ignore_search, first=first))
        return self.value(call)

    def records(self, instance: str, path: str | None = None) -> list[str]:
        """The record objects that matchAll() gives."""
        value = self.match(instance, path)
        assert isinstance(value, m.Records), value
        return [each.object for each in value.found]

    def read(self, record: str) -> None:
        self.tell(m.CallRead(record))

    def value(self, call: str) -> m.Value:
        """How a call's promise settled; fails if it did not."""
        settled = [each.value for each in self.every(m.PromiseSettled) if each.call == call]
        assert len(settled) == 1, f"{call} settled {len(settled)} times"
        return settled[0]

    # --- the network ---

    def head(
        self,
        number: int = 1,
        status: int = 200,
        *headers: tuple[str, str],
        framing: str = "length",
        length: int = 10,
        first: int = 0,
        encoding: str = "identity",
    ) -> None:
        """The head of the answer to request ``number`` (from 1), with a validator."""
        if status in (200, 206) and not any(name.lower() == "etag" for name, _ in headers):
            headers = (*headers, ("ETag", '"v"'))
        wire = Wire(number, status, headers, framing, 1, first, length, encoding)
        self._wires[number] = wire, 0
        self.tell(m.Responded(number, wire))

    def bytes(self, upto: int, number: int = 1) -> None:
        self._wires[number] = self._wires[number][0], upto
        self.tell(m.BytesArrived(number, upto))

    def end(self, number: int = 1, how: str = "end") -> None:
        wire, sent = self._wires.get(number, (None, 0))
        self.tell(m.Ended(number, how, wire, sent))

    def whole(self, number: int = 1, status: int = 200, length: int = 10) -> None:
        """A whole answer."""
        self.head(number, status, length=length)
        self.bytes(length, number)
        self.end(number)

    def part(self, number: int, first: int, last: int, complete: int | str) -> None:
        """A whole 206 with these bytes."""
        span = last - first + 1
        content_range = ("Content-Range", f"bytes {first}-{last}/{complete}")
        self.head(number, 206, content_range, first=first, length=span)
        self.bytes(span, number)
        self.end(number)

    def drop(self, number: int = 1) -> None:
        """The connection breaks without an answer."""
        self.tell(m.Ended(number, "drop"))

    # --- the user ---

    def user(self, action: str, id: str = "a") -> str | None:
        """A user action; why the interface refuses it, if it does."""
        shown = self.tell(m.UserDid(action, id))
        return next((each.why for each in shown if isinstance(each, m.Refused)), None)

    # --- what was shown ---

    def every(self, kind: type[OutputT]) -> list[OutputT]:
        return [each for each in self.shown if isinstance(each, kind)]

    @property
    def events(self) -> list[str]:
        return [each.name for each in self.every(m.EventDispatched)]

    @property
    def event(self) -> m.EventDispatched:
        """The newest worker event."""
        return self.every(m.EventDispatched)[-1]

    @property
    def ranges(self) -> list[int | None]:
        """Where each request's Range begins."""
        return [each.first for each in self.requests]

    def looks(self, instance: str) -> Snapshot:
        """The attributes of an instance now."""
        return self.state.instance(instance)[1].shows

    @property
    def outcome(self) -> tuple[str, str]:
        """Result and failure reason of the newest fetch."""
        fetch = self.state.agent.fetches[-1]
        return fetch.result, fetch.failure_reason

    def progress(self, instance: str) -> list[int]:
        """``downloaded`` of each progress event at an instance."""
        fired = self.every(m.ProgressFired)
        return [each.snapshot.downloaded for each in fired if each.instance == instance]

    def ready(self, record: str) -> int | str:
        """The status with which ``responseReady`` fulfilled, or the error's name."""
        shown = [each.ready for each in self.every(m.RecordReady) if each.object == record]
        assert len(shown) == 1, f"responseReady settled {len(shown)} times"
        return shown[0].error or shown[0].status or 0

    def body(self, record: str) -> tuple[int, str] | None:
        """Length and error ("" for a closed one) of a body that has ended."""
        ended = [each for each in self.every(m.BodyEnded) if each.object == record]
        assert len(ended) <= 1, "a body ends once"
        return (ended[0].length, ended[0].error) if ended else None
