"""The registered properties and the door to them."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from conformance.judge.properties.aborting import abort_comes, abort_wins_once
from conformance.judge.properties.availability import availability_is_one_way
from conformance.judge.properties.bodies import no_mixtures
from conformance.judge.properties.causes import abort_is_caused, failure_is_caused
from conformance.judge.properties.evidence import Evidence
from conformance.judge.properties.headers import headers_arrive
from conformance.judge.properties.records import record_order, success_is_complete
from conformance.judge.properties.settlement import (
    event_matches_state,
    legal_pairs,
    one_settlement,
)
from conformance.judge.properties.silence import refusals_leave_no_trace, silent_after_the_end
from conformance.judge.properties.snapshots import (
    constants,
    progress_is_real,
    uploaded_grows,
    written_once,
)
from conformance.judge.properties.tally import Observer
from conformance.judge.properties.transfer import (
    download_limit,
    ranges_are_right,
    unsafe_at_most_once,
)
from conformance.judge.properties.updating import one_update_an_event
from conformance.judge.verdict import PropertyResult
from conformance.trace import Trace


@attrs.frozen
class Property:
    """A named sentence, the observers it needs, and its check over a trace's evidence."""

    id: str
    sentence: str
    observers: tuple[Observer, ...]
    check: Callable[[Evidence], PropertyResult]


_ALL = (
    Property(
        "S01",
        "A background fetch has at most one settle event (after a kill, one more in the new life).",
        ("calls", "events"),
        one_settlement,
    ),
    Property(
        "S02",
        "A settle event's name agrees with the result and reason its own registration shows.",
        ("events",),
        event_matches_state,
    ),
    Property(
        "S03",
        "Result and failure reason are both empty, or success alone, or failure with a reason.",
        ("instances",),
        legal_pairs,
    ),
    Property(
        "S04",
        "An instance's result and failure reason are written once, together.",
        ("instances",),
        written_once,
    ),
    Property(
        "S05",
        "Records become unavailable once, not before the settle event has ended; "
        "match() and matchAll() are refused exactly then.",
        ("calls", "instances", "events"),
        availability_is_one_way,
    ),
    Property(
        "S06",
        "In a success handler every record has an ok response and a body that comes to its end.",
        ("events", "records"),
        success_is_complete,
    ),
    Property(
        "S07",
        "A body that closes is one version of one resource, whole, under its own status.",
        ("records", "server"),
        no_mixtures,
    ),
    Property(
        "S08",
        "A fetch fails for bad-status only after a bad status was sent, and for "
        "download-total-exceeded only after more bytes than that.",
        ("calls", "instances", "server"),
        failure_is_caused,
    ),
    Property(
        "S09",
        "A fetch ends aborted only if a script, the user or the worker's end aborted it.",
        ("calls", "instances", "user"),
        abort_is_caused,
    ),
    Property(
        "S10",
        "At most one abort() of a fetch answers true, and then (or after the user's abort) "
        "it ends aborted; one that answers false came too late.",
        ("calls", "instances", "events", "user", "server"),
        abort_wins_once,
    ),
    Property(
        "S12",
        "With a download total no instance ever shows more downloaded bytes than that.",
        ("calls", "instances"),
        download_limit,
    ),
    Property(
        "S13",
        "Uploaded bytes never fall and never exceed uploadTotal.",
        ("instances",),
        uploaded_grows,
    ),
    Property(
        "S14",
        "Id, uploadTotal and downloadTotal are what fetch() was asked for, in every realm.",
        ("calls", "instances"),
        constants,
    ),
    Property(
        "S15",
        "A progress event shows something new, and none follows the one with the result.",
        ("instances",),
        progress_is_real,
    ),
    Property(
        "S19",
        "A fetch() that is refused asks the server for nothing.",
        ("calls", "server"),
        refusals_leave_no_trace,
    ),
    Property(
        "S21",
        "A record whose method is neither GET nor HEAD is requested at most once.",
        ("calls", "server"),
        unsafe_at_most_once,
    ),
    Property(
        "S22",
        "Nothing is requested for a fetch after its settle event, or after abort() answered true.",
        ("calls", "events", "server", "quiet"),
        silent_after_the_end,
    ),
    Property(
        "S24",
        "A range is asked for only by a GET that holds bytes, from there on, without encoding.",
        ("calls", "server"),
        ranges_are_right,
    ),
    Property(
        "S26",
        "matchAll() lists every request in order, and match(q) is the first of matchAll(q).",
        ("calls",),
        record_order,
    ),
    Property(
        "S30",
        "Of one event's updateUI() calls one fulfils, and every other is refused.",
        ("events",),
        one_update_an_event,
    ),
    Property(
        "S37",
        "A request carries the headers that its page gave it.",
        ("calls", "server"),
        headers_arrive,
    ),
    Property(
        "L03",
        "Once abort() has answered true, a worker that listens gets the abort event.",
        ("calls", "events", "quiet"),
        abort_comes,
    ),
)

PROPERTIES: dict[str, Property] = {each.id: each for each in _ALL}
"""Every registered property by id, in the order in which they are reported."""


def check_all(trace: Trace) -> tuple[PropertyResult, ...]:
    """Judge a trace by every property, in the order of ``PROPERTIES``."""
    evidence = Evidence.of(trace)
    return tuple(each.check(evidence) for each in PROPERTIES.values())
