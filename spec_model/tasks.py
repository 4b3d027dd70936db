"""Waiting work as data: the named tasks of the queues, and what can be performed next.

Three kinds of queue hold work.  The *edit queue* of the registration guards the map
of active fetches; the *update queue* of a fetch orders its snapshots; the *task
queue* of a realm is where scripts see things happen.  A ``Task`` names one step that
could be taken now; which of several is taken first is up to whoever drives.
"""

from __future__ import annotations

import attrs

from spec_model.background_fetch import FetchCall
from spec_model.instances import Snapshot
from spec_model.messages import Value

# --- on the edit queue ----------------------------------------------------------------


@attrs.frozen
class AdmitFetch:
    """FETCH-8.  ``ended``: streamed bodies that are over already, ``failed``: one has failed."""

    call: str
    realm: str
    arguments: FetchCall
    ended: tuple[int, ...] = ()
    failed: bool = False


@attrs.frozen
class CommitFetch:
    """FETCH-8.9 and on, for a call whose bodies had to be waited for."""

    call: str
    realm: str
    arguments: FetchCall


@attrs.frozen
class AbortFetch:
    """ABORT-3; without a call it is the user's."""

    fetch: int
    cause: str
    call: str = ""
    realm: str = ""


@attrs.frozen
class SettleFetch:
    """PERFORM-8; ``reason`` is what the records gave."""

    fetch: int
    reason: str


Edit = AdmitFetch | CommitFetch | AbortFetch | SettleFetch

# --- on the update queue of a fetch ---------------------------------------------------


@attrs.frozen
class TakeSnapshot:
    """UPDATE-1 to 6."""


@attrs.frozen
class GiveInstance:
    """GET-4.1."""

    call: str
    realm: str


@attrs.frozen
class AwaitTask:
    """GET-4.2: nothing else of this queue runs until that task has run, or can never run (E47)."""

    call: str
    realm: str


Update = TakeSnapshot | GiveInstance | AwaitTask

# --- on the task queue of a realm -----------------------------------------------------


@attrs.frozen
class SettlePromise:
    """A promise settles with a value."""

    call: str
    value: Value


@attrs.frozen
class ResolveInstance:
    """FETCH-8.14.1 or GET-4.1.1: a promise settles with this realm's instance.

    ``starts``: it is the fetch's own promise, after which requests may be made (E67).
    """

    call: str
    fetch: int
    starts: bool = False


@attrs.frozen
class ResolveRecords:
    """MATCHALL-3.3: a promise settles with new record objects."""

    call: str
    fetch: int
    found: tuple[int, ...]
    first: bool


@attrs.frozen
class Deliver:
    """UPDATE-6: a snapshot, perhaps an old one by now, reaches this realm."""

    fetch: int
    snapshot: Snapshot


RealmTask = SettlePromise | ResolveInstance | ResolveRecords | Deliver

# --- beside the queues ----------------------------------------------------------------


@attrs.frozen
class Firing:
    """A functional event on its way to the worker; settle events have no name yet."""

    fetch: int | None
    name: str = ""
    data: str | None = None


@attrs.frozen
class Reading:
    """FETCH-8.8: a call that waits for bodies; ``unread`` are the indexes of their requests.

    ``edit`` is what follows.  The id is reserved until the fetch is committed (E60).
    """

    edit: CommitFetch
    unread: tuple[int, ...]
    failed: bool = False

    @property
    def over(self) -> bool:
        """Whether FETCH-8.10 has nothing to wait for any more."""
        return self.failed or not self.unread


@attrs.frozen
class CachePut:
    """``cache.put()`` under way: it waits for the response and for the end of its body."""

    call: str
    realm: str
    cache: str
    object: str


# --- what can be performed ------------------------------------------------------------


@attrs.frozen
class RunEdit:
    """The head of the edit queue."""


@attrs.frozen
class RunRecord:
    """RECORD goes on: a request is made, or a running attempt is abandoned."""

    fetch: int
    record: int


@attrs.frozen
class RunUpdate:
    """The head of a fetch's update queue."""

    fetch: int


@attrs.frozen
class RunRealm:
    """The head of a realm's task queue."""

    realm: str


@attrs.frozen
class MakeReady:
    """A record object's ``responseReady`` settles."""

    object: str


@attrs.frozen
class PullBody:
    """A record object's reader gets what is there."""

    object: str


@attrs.frozen
class FinishPut:
    """A ``cache.put()`` ends."""

    call: str


@attrs.frozen
class FireEvent:
    """The first event that is on its way reaches the worker."""


@attrs.frozen
class ShowPrompt:
    """E68: the interface of a running fetch asks the user."""

    fetch: int


Task = (
    ShowPrompt
    | RunEdit
    | RunRecord
    | RunUpdate
    | RunRealm
    | MakeReady
    | PullBody
    | FinishPut
    | FireEvent
)
