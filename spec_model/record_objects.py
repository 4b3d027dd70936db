"""Record objects: what ``match()`` hands out, and how their bodies are read (CREATE).

An object captures the record's data as it is at that moment (CREATE-2.1).  Here
data is a number, the record's *generation*: as soon as the record has replaced its
data, the captured one is ``redundant``.  An object's ``responseReady`` settles by
itself (``make_ready``); its body is pulled only while somebody reads (``pull``).
"""

from __future__ import annotations

import attrs

from spec_model.decide import Decide
from spec_model.record_state import RecordState
from spec_model.values import Part

EXPOSABLE = ("", "success", "bad-status")
"""DM-DATA-4."""


@attrs.frozen
class Ready:
    """How ``responseReady`` settled: a status and headers, or an error's name."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    error: str = ""


@attrs.frozen
class RecordObject:
    """A ``BackgroundFetchRecord``.  ``handed``: bytes handed out, ``parts``: which these were."""

    name: str
    realm: str
    fetch: int
    record: int
    generation: int
    url: str
    method: str
    ready: Ready | None = None
    reading: bool = False
    handed: int = 0
    parts: tuple[Part, ...] = ()
    done: bool = False


@attrs.frozen
class Pulled:
    """What one pull gave: whether bytes came, and how the body ended ("" closed, None not yet)."""

    object: RecordObject
    chunk: bool
    end: str | None


def result_of(item: RecordObject, record: RecordState) -> str:
    """The result slot of the data that the object captured."""
    return record.result if item.generation == record.generation else "redundant"


def error_of(result: str) -> str:
    """CREATE-2.8.4.3 and .4, CREATE-2.9.3 and .4."""
    return "AbortError" if result == "aborted" else "TypeError"


def retarget(item: RecordObject, record: RecordState, d: Decide) -> RecordObject:
    """E53: a reader that has been handed nothing may go on with the data that replaced its own."""
    if item.generation == record.generation or item.handed:
        return item
    if d.choose("replaced-reader") != "retarget":
        return item
    return attrs.evolve(item, generation=record.generation)


def can_be_ready(item: RecordObject, record: RecordState, d: Decide) -> bool:
    """Whether the wait of CREATE-2.9.1 is over.

    As written it waits for a response that is null again, which never comes (and
    has nothing to copy while it still is): E52.
    """
    if item.ready is not None or not d.repaired("E52"):
        return False
    return record.response is not None or result_of(item, record) != ""


def make_ready(item: RecordObject, record: RecordState, d: Decide) -> RecordObject:
    """CREATE-2.9.2 to 2.9.4: settle ``responseReady``.

    E53: who goes on with data that has no response yet waits again, as its readers always do.
    """
    item = retarget(item, record, d)
    result = result_of(item, record)
    response = record.response
    d.take("CREATE-2.9", "CREATE-2.9.1")
    if response is None and result == "":
        return item
    d.take("CREATE-2.9.2")
    if result not in EXPOSABLE or response is None:
        d.take("CREATE-2.9.3" if result == "aborted" else "CREATE-2.9.4")
        return attrs.evolve(item, ready=Ready(error=error_of(result)))
    d.take("CREATE-2.9.2.1", "CREATE-2.9.2.2", "CREATE-2.9.2.3", "CREATE-2.9.2.4")
    d.take("CREATE-2.9.2.5", "CREATE-2.9.2.6", "CREATE-2.9.2.6.1", "CREATE-2.9.2.6.2")
    status = response.status
    if (
        status == 206
        and not response.own_range
        and d.repaired("E41")
        and d.choose("assembled-status") == "200"
    ):
        status = 200
    hidden = ("content-range", "content-length")
    headers = tuple(pair for pair in response.headers if pair[0] not in hidden)
    return attrs.evolve(item, ready=Ready(status, headers))


def can_pull(item: RecordObject, record: RecordState) -> bool:
    """Whether the wait of CREATE-2.8.1 is over for an object whose body is being read."""
    if not item.reading or item.done or item.ready is None or item.ready.error:
        return False
    result = result_of(item, record)
    return result != "" or record.stored.lo > item.handed


def pull(item: RecordObject, record: RecordState, d: Decide) -> Pulled:
    """CREATE-2.8.2 to 2.8.4: everything that is there is one slice."""
    item = retarget(item, record, d)
    result = result_of(item, record)
    d.take("CREATE-2.8", "CREATE-2.8.1", "CREATE-2.8.2", "CREATE-2.8.3")
    chunk = result in EXPOSABLE and record.stored.lo > item.handed
    if chunk:
        d.take("CREATE-2.8.3.1", "CREATE-2.8.3.2")
        item = attrs.evolve(item, handed=record.stored.lo, parts=record.parts)
    d.take("CREATE-2.8.4", "CREATE-2.8.4.1")
    if chunk:
        d.take("CREATE-2.8.4.1.1", "CREATE-2.8.4.1.2")
    end: str | None = None
    if result in ("success", "bad-status"):
        d.take("CREATE-2.8.4.2")
        end = ""
    elif result:
        d.take("CREATE-2.8.4.3" if result == "aborted" else "CREATE-2.8.4.4")
        end = error_of(result)
    d.take("CREATE-2.8.4.5")
    return Pulled(attrs.evolve(item, done=end is not None), chunk, end)
