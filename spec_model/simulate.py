"""One fetch from beginning to end, without any surroundings: the shortest way into the model.

Everything that could go on besides (pages that come and go, pauses, restarts, limits)
is left out here; ``spec_model.system`` has it all.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from spec_model.background_fetch import FetchCall, Rejected, UserAgent
from spec_model.decide import Explain
from spec_model.editions import AMENDED, Edition
from spec_model.editions import edition as edition_named
from spec_model.fetch_boundary import Wire
from spec_model.messages import (
    Accepted,
    BodyEnded,
    BytesArrived,
    CallFetch,
    CallMatch,
    CallRead,
    Ended,
    EventDispatched,
    Input,
    Output,
    PromiseSettled,
    RecordReady,
    Records,
    RequestStarted,
    Responded,
)
from spec_model.state import WORKER, Realm, State
from spec_model.system import inject, run
from spec_model.values import RequestSpec

HOME = "https://app.example"
SETTLE_EVENTS = ("backgroundfetchsuccess", "backgroundfetchfail", "backgroundfetchabort")
DEFAULT_SIZE = 16


@attrs.frozen
class RecordOutcome:
    """What the settle event's handler read of one record.

    ``status`` and ``length`` (bytes) of its response, or the name of the ``error``.
    """

    url: str
    status: int | None = None
    length: int | None = None
    error: str = ""


@attrs.frozen
class Simulation:
    """How a fetch went.  ``event`` is the worker event, "" when none came.

    ``steps``: the ids of all steps of the text that were taken, in order.
    """

    event: str
    result: str
    failure_reason: str
    records: tuple[RecordOutcome, ...]
    steps: tuple[str, ...]


class RefusedFetch(ValueError):
    """``fetch()`` itself rejects with the exception ``error``, which the text says at ``step``."""

    def __init__(self, refused: Rejected) -> None:
        self.error, self.step = refused.error, refused.step
        super().__init__(f"fetch() rejects with {refused.error} at {refused.step}")


def simulate(
    answers: Mapping[str, int | bytes | None],
    *,
    edition: Edition | str = AMENDED,
    download_total: int = 0,
    quota: int | None = None,
) -> Simulation:
    """Fetch the URLs of ``answers`` in one background fetch and see how it ends.

    Each URL's answer is a status (with a short body), the body of a 200, or None for
    a connection that breaks.  ``edition``: which reading of the text runs, such as
    ``"as-written"`` or ``"amended - E01"``.  ``download_total`` and ``quota`` in bytes.
    Raises RefusedFetch, UnknownCluster, or KeyError for an unknown edition.

    >>> from spec_model import simulate
    >>> season = simulate({"/episode-1.mp3": 200, "/episode-2.mp3": 404})
    >>> season.event
    'backgroundfetchfail'
    >>> season.result, season.failure_reason
    ('failure', 'bad-status')
    >>> [record.status for record in season.records]
    [200, 404]
    >>> simulate({"/episode-1.mp3": 404}, edition="as-written").event  # erratum E01
    'backgroundfetchsuccess'
    """
    chosen = edition_named(edition) if isinstance(edition, str) else edition
    return _Play(answers, Explain(chosen), quota).play(download_total)


@attrs.define
class _Play:
    answers: Mapping[str, int | bytes | None]
    decide: Explain
    quota: int | None
    state: State = attrs.field(init=False)
    shown: list[Output] = attrs.field(factory=list)
    started: list[RequestStarted] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        agent = UserAgent(HOME, frozenset(SETTLE_EVENTS), quota=self.quota)
        self.state = State(agent, (Realm("page"), Realm(WORKER)))

    def play(self, download_total: int) -> Simulation:
        requests = tuple(RequestSpec(_absolute(url)) for url in self.answers)
        call = FetchCall("simulated", requests, download_total=download_total)
        self._tell(CallFetch("fetch", "page", call))
        for output in self.shown:
            if isinstance(output, PromiseSettled) and isinstance(output.value, Rejected):
                raise RefusedFetch(output.value)
        given = list(self.answers.values())
        while self.started:
            request = self.started.pop(0)
            self._answer(request, given[request.record])
        events = [each for each in self.shown if isinstance(each, EventDispatched)]
        fetch = self.state.agent.fetches[0]
        records = self._read(events[0]) if events else ()
        return Simulation(
            event=events[0].name if events else "",
            result=fetch.result,
            failure_reason=fetch.failure_reason,
            records=records,
            steps=tuple(self.decide.steps),
        )

    def _tell(self, news: Input) -> None:
        self.state = run(inject(self.state, news, self.decide), self.decide)
        outputs, self.state = self.state.taken()
        self.shown += outputs
        self.started += (each for each in outputs if isinstance(each, RequestStarted))

    def _answer(self, request: RequestStarted, answer: int | bytes | None) -> None:
        """The server's side of one request; each record makes one, so its place numbers it."""
        number = request.record + 1
        self._tell(Accepted(request.fetch, request.record, request.attempt, number))
        if answer is None:
            self._tell(Ended(number, "drop"))
            return
        status = answer if isinstance(answer, int) else 200
        length = DEFAULT_SIZE if isinstance(answer, int) else len(answer)
        wire = Wire(number, status, (), "length", length=length)
        self._tell(Responded(number, wire))
        self._tell(BytesArrived(number, length))
        self._tell(Ended(number, "end", wire, length))

    def _read(self, event: EventDispatched) -> tuple[RecordOutcome, ...]:
        """What a handler finds: matchAll(), then every response and its body."""
        assert event.instance is not None
        self._tell(CallMatch("match", event.instance))
        found = next(
            each.value.found
            for each in self.shown
            if isinstance(each, PromiseSettled) and isinstance(each.value, Records)
        )
        for ref in found:
            self._tell(CallRead(ref.object))
        ready = {each.object: each.ready for each in self.shown if isinstance(each, RecordReady)}
        ended = {each.object: each for each in self.shown if isinstance(each, BodyEnded)}
        outcomes = []
        for url, ref in zip(self.answers, found, strict=True):
            # As written nothing is ever ready (E52).
            head, body = ready.get(ref.object), ended.get(ref.object)
            outcomes.append(
                RecordOutcome(
                    url=url,
                    status=head.status if head else None,
                    length=body.length if body else None,
                    error=(head.error if head else "") or (body.error if body else ""),
                )
            )
        return tuple(outcomes)


def _absolute(url: str) -> str:
    return HOME + url if url.startswith("/") else url
