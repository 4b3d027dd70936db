"""All properties over one long trace: as it is, with one fault each, and reported later."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conformance.judge.properties import PROPERTIES, check_all
from conformance.protocol import (
    Answer,
    Body,
    EndEvent,
    Look,
    Progress,
    Ready,
    Settled,
    Snapshot,
    WorkerEvent,
)
from conformance.trace import Entry, ServerRequest
from tests.conformance.judge.properties.good_run import LIMIT, OVER, good_run
from tests.conformance.judge.properties.traces import (
    ABORT,
    SUCCESS,
    Log,
    shows,
    whole,
)

Fault = Callable[[Log], None]


def broken(log: Log) -> set[str]:
    return {result.name for result in check_all(log.trace()) if result.holds is False}


def test_a_good_run_meets_every_property_and_none_vacuously() -> None:
    results = check_all(good_run().trace())
    assert [(each.name, each.holds) for each in results] == [(name, True) for name in PROPERTIES]
    assert all(each.instances > 0 for each in results)


def test_an_empty_trace_holds_vacuously() -> None:
    for result in check_all(Log().trace()):
        assert (result.holds, result.instances) == (True, 0), result


def test_every_property_names_itself_and_its_observers() -> None:
    assert list(PROPERTIES) == [
        "S01",
        "S02",
        "S03",
        "S04",
        "S05",
        "S06",
        "S07",
        "S08",
        "S09",
        "S10",
        "S12",
        "S13",
        "S14",
        "S15",
        "S19",
        "S21",
        "S22",
        "S24",
        "S26",
        "S30",
        "S37",
        "L03",
    ]
    for name, each in PROPERTIES.items():
        assert each.id == name
        assert each.sentence.endswith(".")
        assert each.observers


# --- one fault each -------------------------------------------------------------------


def position(log: Log, wanted: Callable[[Entry], bool]) -> int:
    return next(at for at, entry in enumerate(log.entries) if wanted(entry))


def show(log: Log, wanted: Callable[[Entry], bool], seen: object) -> None:
    """Replace the observation of the first such entry."""
    at = position(log, wanted)
    log.entries[at] = replace(log.entries[at], seen=seen)


def remove(log: Log, wanted: Callable[[Entry], bool]) -> None:
    del log.entries[position(log, wanted)]


def repeat(log: Log, wanted: Callable[[Entry], bool], entry: Callable[[Entry], Entry]) -> None:
    """Put a changed copy of the first such entry behind it."""
    at = position(log, wanted)
    log.entries.insert(at + 1, entry(log.entries[at]))


def dispatched(name: str) -> Callable[[Entry], bool]:
    return lambda entry: isinstance(entry.seen, WorkerEvent) and entry.seen.name == name


def settled(call: str) -> Callable[[Entry], bool]:
    return lambda entry: isinstance(entry.seen, Settled) and entry.seen.call == call


def body(record: str) -> Callable[[Entry], bool]:
    return lambda entry: isinstance(entry.seen, Body) and entry.seen.record == record


def progress(entry: Entry) -> bool:
    return isinstance(entry.seen, Progress)


def ends(event: str) -> Callable[[Entry], bool]:
    return lambda entry: isinstance(entry.sent, EndEvent) and entry.sent.event == event


def ranged(entry: Entry) -> bool:
    return isinstance(entry.server, ServerRequest) and "range" in entry.server.headers


def posted(entry: Entry) -> bool:
    return isinstance(entry.server, ServerRequest) and entry.server.method == "POST"


def second_event(log: Log) -> None:
    repeat(
        log,
        dispatched(SUCCESS),
        lambda entry: replace(entry, seen=WorkerEvent("e9", SUCCESS, "w1", OVER)),
    )


def stale_event(log: Log) -> None:
    show(log, dispatched(SUCCESS), WorkerEvent("e1", SUCCESS, "w1", shows(total=LIMIT, uploads=5)))


def failure_without_reason(log: Log) -> None:
    third = Snapshot("c", result="failure")
    repeat(log, settled("c9"), lambda entry: replace(entry, seen=Progress("i3", third)))


def released_early(log: Log) -> None:
    remove(log, ends("e1"))


def available_again(log: Log) -> None:
    log.entries.insert(position(log, settled("c5")) + 1, Entry(0, 0, sent=Look("i1", seq=99)))
    again = Answer(99, snapshot=OVER)
    log.entries.insert(position(log, settled("c5")) + 2, Entry(0, 0, answered=again))


def matched_when_over(log: Log) -> None:
    show(log, settled("c5"), Settled("c5", records=None))


def torn_body(log: Log) -> None:
    show(log, body("r1"), Body("r1", 13, error="AbortError"))


def error_page(log: Log) -> None:
    show(log, lambda entry: isinstance(entry.seen, Ready), Ready("r1", 404))


def mixed_body(log: Log) -> None:
    mixed = whole(size=40)[:16] + whole(size=40, version=2)[16:]
    show(log, body("r1"), Body("r1", 40, text=mixed.decode("latin-1")))


def short_body(log: Log) -> None:
    show(log, body("r1"), Body("r1", 13, text=whole(size=13).decode("latin-1")))


def second_win(log: Log) -> None:
    show(log, settled("c8"), Settled("c8", boolean=True))


def lost_for_nothing(log: Log) -> None:
    show(log, settled("c7"), Settled("c7", boolean=False))
    show(log, settled("c8"), Settled("c8", boolean=True))


def success_after_abort(log: Log) -> None:
    show(log, dispatched(ABORT), WorkerEvent("e2", SUCCESS, "w2", shows("b", "success")))


def too_much_downloaded(log: Log) -> None:
    show(log, progress, Progress("i1", shows(downloaded=101, total=LIMIT, uploads=5)))


def uploaded_twice(log: Log) -> None:
    repeat(log, posted, lambda entry: replace(entry, server=_numbered(entry, 99)))


def _numbered(entry: Entry, exchange: int) -> ServerRequest:
    assert isinstance(entry.server, ServerRequest)
    return replace(entry.server, exchange=exchange)


def claims_too_much(log: Log) -> None:
    at = position(log, ranged)
    request = log.entries[at].server
    assert isinstance(request, ServerRequest)
    headers = {**request.headers, "range": "bytes=14-"}
    log.entries[at] = replace(log.entries[at], server=replace(request, headers=headers))


def upload_not_listed(log: Log) -> None:
    at = position(log, settled("c2"))
    outcome = log.entries[at].seen
    assert isinstance(outcome, Settled) and outcome.records is not None
    show(log, settled("c2"), replace(outcome, records=outcome.records[:1]))


def silent_abort(log: Log) -> None:
    remove(log, dispatched(ABORT))
    remove(log, ends("e2"))


def uploaded_less(log: Log) -> None:
    less = replace(OVER, uploaded=4, records_available=False)
    at = position(log, shows_something)
    log.entries[at] = replace(log.entries[at], answered=replace_snapshot(log.entries[at], less))


def shows_something(entry: Entry) -> bool:
    return entry.answered is not None and entry.answered.snapshot is not None


def replace_snapshot(entry: Entry, shown: Snapshot) -> Answer:
    assert entry.answered is not None
    return replace(entry.answered, snapshot=shown)


def another_total(log: Log) -> None:
    show(log, progress, Progress("i1", shows(downloaded=13, total=LIMIT + 1, uploads=5)))


def nothing_new(log: Log) -> None:
    repeat(log, progress, lambda entry: entry)


def nobody_aborted(log: Log) -> None:
    for call in ("c7", "c8"):
        show(log, settled(call), Settled(call, error="InvalidStateError"))


def asked_for_after_all(log: Log) -> None:
    log.request("/never")


def asked_for_again(log: Log) -> None:
    log.request("/slow")


def second_title(log: Log) -> None:
    show(log, settled("c12"), Settled("c12"))


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (second_event, {"S01"}),
        (stale_event, {"S02"}),
        (failure_without_reason, {"S03", "S04", "S15"}),  # and then it changes
        (uploaded_less, {"S13"}),
        (another_total, {"S14"}),
        (nothing_new, {"S15"}),
        (nobody_aborted, {"S09"}),
        (asked_for_after_all, {"S19"}),
        (asked_for_again, {"S22"}),
        (second_title, {"S30"}),
        (released_early, {"S05"}),
        (available_again, {"S05"}),
        (matched_when_over, {"S05", "S26"}),  # it fulfils, and with nothing
        (torn_body, {"S06"}),
        (error_page, {"S06", "S07"}),  # and no 404 was ever sent for it
        (mixed_body, {"S07"}),
        (short_body, {"S07"}),
        (second_win, {"S10"}),
        (lost_for_nothing, {"S10"}),
        (success_after_abort, {"S10", "L03"}),  # and so the abort event never comes
        (too_much_downloaded, {"S12"}),
        (uploaded_twice, {"S21"}),
        (claims_too_much, {"S24"}),
        (upload_not_listed, {"S26"}),
        (silent_abort, {"L03"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_one_fault_breaks_exactly_what_it_should(fault: Fault, names: set[str]) -> None:
    log = good_run()
    fault(log)
    assert broken(log) == names


# --- what was reported later must not accuse ------------------------------------------


def names_in(message: object) -> set[str]:
    """The names of calls, instances, records and events that a message mentions."""
    fields = ("call", "instance", "record", "event")
    named = {str(getattr(message, field)) for field in fields if getattr(message, field, None)}
    records = getattr(message, "records", None) or ()
    return named | {info.record for info in records}


def may_come_later(first: Entry, then: Entry) -> bool:
    """Whether the report ``first`` could as well have been noted after ``then``.

    The history stays the same: only the report took longer.  Reports of one kind keep
    their order; a command cannot use a name before it was heard; and what the judge
    waited for, it waited for.
    """
    if then.note is not None or first.answered is not None:
        return False
    if first.seen is not None:
        if then.sent is not None:
            return not names_in(first.seen) & names_in(then.sent)
        return then.server is not None
    if isinstance(first.server, ServerRequest):
        if then.server is None:
            return True
        return not isinstance(then.server, ServerRequest) and (
            then.server.exchange != first.server.exchange
        )
    return False


@given(st.data())
def test_later_reports_of_a_good_run_break_nothing(data: st.DataObject) -> None:
    log = good_run()
    for _ in range(data.draw(st.integers(0, 12))):
        at = data.draw(st.integers(0, len(log.entries) - 2))
        while at + 1 < len(log.entries) and may_come_later(*log.entries[at : at + 2]):
            log.entries[at : at + 2] = log.entries[at : at + 2][::-1]
            at += 1
    assert broken(log) == set()


@given(st.data())
def test_no_order_of_entries_upsets_the_judge(data: st.DataObject) -> None:
    entries = data.draw(st.permutations(good_run().entries))
    cut = data.draw(st.integers(0, len(entries)))
    results = check_all(Log(entries[:cut]).trace())
    assert [result.name for result in results] == list(PROPERTIES)
