"""Records at some point of RECORD, for the tests of its functions."""

from __future__ import annotations

import attrs

from spec_model.complete_record import start
from spec_model.decide import Explain
from spec_model.editions import AMENDED
from spec_model.interruptions import interrupt
from spec_model.process_response import (
    append,
    respond,
)
from spec_model.record_state import RecordState, View
from spec_model.values import NOTHING, Head, RequestSpec, exactly

GET = RequestSpec("https://app.example/x")
POST = RequestSpec("https://app.example/x", "POST", 10)
VIEW = View()


def explain(without: str = "") -> Explain:
    return Explain(AMENDED.without(without) if without else AMENDED)


def head(status: int = 200, **headers: str) -> Head:
    """A head with a validator, unless the test says otherwise."""
    named = {"etag": '"v"'} | headers
    pairs = tuple((name.replace("_", "-"), value) for name, value in named.items() if value)
    return Head(1, status, pairs, pairs)


def started(spec: RequestSpec = GET, record: RecordState | None = None) -> RecordState:
    new = start(record or RecordState(), spec, VIEW, explain())
    assert new is not None
    return new


def reading(
    stored: int = 0, status: int = 200, spec: RequestSpec = GET, **headers: str
) -> RecordState:
    record = respond(started(spec), spec, head(status, **headers), VIEW, explain())
    return append(record, spec, exactly(stored), VIEW, explain())


def continued(*, stored: int, content_range: str, spec: RequestSpec = GET) -> RecordState:
    """A second attempt whose 206 has just come."""
    first = interrupt(reading(stored), GET, NOTHING, View(paused=True), explain())
    assert first is not None
    again = started(GET, first)
    part = attrs.evolve(head(206, content_range=content_range), exchange=2, first=stored)
    return respond(again, spec, part, VIEW, explain())
