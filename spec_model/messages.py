"""What the surroundings tell the model (inputs), and what it shows them (outputs).

Inputs are what pages, workers, the user, the network and the operating system do;
outputs are what any of them could observe.  Both are plain values; names of calls
and realms come from outside, names of instances, record objects and events are made
by the model.
"""

from __future__ import annotations

import attrs

from spec_model.background_fetch import FetchCall, Rejected
from spec_model.fetch_boundary import Wire
from spec_model.instances import Snapshot
from spec_model.interface import Interface
from spec_model.record_objects import Ready
from spec_model.values import Part

# --- inputs: calls --------------------------------------------------------------------


@attrs.frozen
class CallFetch:
    """``backgroundFetch.fetch()``."""

    call: str
    realm: str
    arguments: FetchCall


@attrs.frozen
class BodyRead:
    """A body that ``call`` brings along ended, or ``failed``."""

    call: str
    request: int
    failed: bool = False


@attrs.frozen
class CallGet:
    """``backgroundFetch.get(id)``."""

    call: str
    realm: str
    id: str


@attrs.frozen
class CallGetIds:
    """``backgroundFetch.getIds()``."""

    call: str
    realm: str


@attrs.frozen
class CallAbort:
    """``instance.abort()``."""

    call: str
    instance: str


@attrs.frozen
class CallMatch:
    """``instance.matchAll(url, options)``, or ``match`` when only the ``first`` is wanted."""

    call: str
    instance: str
    url: str | None = None
    method: str = "GET"
    ignore_search: bool = False
    ignore_method: bool = False
    first: bool = False


@attrs.frozen
class CallRead:
    """Wait for a record object's ``responseReady`` and read the body."""

    object: str


@attrs.frozen
class CallUpdateUI:
    """``event.updateUI()``; what is None stays as it is."""

    call: str
    event: str
    title: str | None = None


@attrs.frozen
class CallSynthesize:
    """``new BackgroundFetchUpdateUIEvent(name, init)`` by the worker's own script."""

    call: str
    name: str
    instance: str | None = None


@attrs.frozen
class CallCachePut:
    """``cache.put(record.request, await record.responseReady)``."""

    call: str
    realm: str
    cache: str
    object: str


@attrs.frozen
class CallCacheKeys:
    """The URLs in a cache."""

    call: str
    realm: str
    cache: str


@attrs.frozen
class CallUnregister:
    """``registration.unregister()``."""

    call: str
    realm: str


# --- inputs: user, surroundings -------------------------------------------------------


@attrs.frozen
class UserDid:
    """A user action on the interface of the newest fetch with this id."""

    action: str
    id: str


@attrs.frozen
class UserLooked:
    """The user looks at the interface of the newest fetch with this id."""

    id: str


@attrs.frozen
class AutomationClicked:
    """WDCLICK: a WebDriver session whose window is ``page`` clicks the interface."""

    page: str
    id: str


@attrs.frozen
class EventEnded:
    """The promises of an event's ``waitUntil`` are settled."""

    event: str


@attrs.frozen
class PageOpened:
    """A new realm."""

    realm: str


@attrs.frozen
class PageClosed:
    """A realm ends, with all that it waits for."""

    realm: str


@attrs.frozen
class RealmBusy:
    """A realm's script runs on and on (``busy``), or returns to its event loop."""

    realm: str
    busy: bool


@attrs.frozen
class WentOnline:
    """Connectivity came (``online``) or went."""

    online: bool


@attrs.frozen
class PermissionSet:
    """The state of the permission."""

    state: str


@attrs.frozen
class UserAgentQuit:
    """The user agent is gone; ``kill``: without a word."""

    kill: bool = False


@attrs.frozen
class UserAgentLaunched:
    """It is back, with one page open."""

    page: str


@attrs.frozen
class TimePassed:
    """What was thought unavailable may be back."""


@attrs.frozen
class Pushed:
    """A push message for the worker."""

    data: str


# --- inputs: the network --------------------------------------------------------------


@attrs.frozen
class Accepted:
    """The server has got a request of this attempt, and numbers the exchange."""

    fetch: int
    record: int
    attempt: int
    exchange: int


@attrs.frozen
class Uploaded:
    """So many bytes of the request's body have been transmitted."""

    exchange: int
    length: int


@attrs.frozen
class Responded:
    """The head of an answer came."""

    exchange: int
    wire: Wire


@attrs.frozen
class BytesArrived:
    """Of the answer's decoded body, ``upto`` bytes have come by now."""

    exchange: int
    upto: int


@attrs.frozen
class Ended:
    """The answer is over.  ``how``: end, close, reset, drop; ``sent``: decoded bytes in all."""

    exchange: int
    how: str
    wire: Wire | None = None
    sent: int = 0


Call = (
    CallFetch
    | CallGet
    | CallGetIds
    | CallAbort
    | CallMatch
    | CallRead
    | CallUpdateUI
    | CallSynthesize
    | CallCachePut
    | CallCacheKeys
    | CallUnregister
)
FromNetwork = Accepted | Uploaded | Responded | BytesArrived | Ended
FromOutside = (
    BodyRead
    | UserDid
    | UserLooked
    | AutomationClicked
    | EventEnded
    | PageOpened
    | PageClosed
    | RealmBusy
    | WentOnline
    | PermissionSet
    | UserAgentQuit
    | UserAgentLaunched
    | TimePassed
    | Pushed
)
Input = Call | FromOutside | FromNetwork

# --- outputs --------------------------------------------------------------------------


@attrs.frozen
class InstanceRef:
    """A promise's value: a registration object as it looks when the promise settles."""

    instance: str
    snapshot: Snapshot


@attrs.frozen
class EventRef:
    """A promise's value: an event object made by script."""

    event: str


@attrs.frozen
class RecordRef:
    """A record object among a promise's values."""

    object: str
    url: str
    method: str


@attrs.frozen
class Records:
    """A promise's value: the record objects of matchAll()."""

    found: tuple[RecordRef, ...]


@attrs.frozen
class Null:
    """A promise's value: null."""


Value = (
    Null | Rejected | InstanceRef | EventRef | Records | RecordRef | bool | tuple[str, ...] | None
)
"""How a promise settled; None is undefined."""


@attrs.frozen
class PromiseSettled:
    """A call's promise settled."""

    call: str
    value: Value


@attrs.frozen
class ProgressFired:
    """``progress`` at an instance."""

    instance: str
    snapshot: Snapshot


@attrs.frozen
class EventDispatched:
    """A worker event reached its handlers; without instance it is a push."""

    event: str
    name: str
    instance: str | None = None
    snapshot: Snapshot | None = None
    can_update_ui: bool = False
    data: str | None = None


@attrs.frozen
class RecordReady:
    """``responseReady`` of a record object that is being read settled."""

    object: str
    ready: Ready


@attrs.frozen
class BytesReceived:
    """A reader has ``length`` bytes now."""

    object: str
    length: int


@attrs.frozen
class BodyEnded:
    """A reader's body closed, or failed with ``error``; ``parts`` are the bytes it was handed."""

    object: str
    length: int
    parts: tuple[Part, ...]
    error: str = ""


@attrs.frozen
class RequestStarted:
    """A request is handed to the network.  ``first``: start of the Range, None without one."""

    fetch: int
    record: int
    attempt: int
    url: str
    method: str
    first: int | None
    body: int | None
    own_range: str = ""


@attrs.frozen
class AttemptTerminated:
    """The user agent drops the connection of an attempt that was not over."""

    fetch: int
    record: int
    attempt: int


@attrs.frozen
class Refused:
    """The interface does not offer what the user tried."""

    why: str


@attrs.frozen
class InterfaceSeen:
    """What the user sees of a background fetch; None: nothing is displayed."""

    shows: Interface | None


Output = (
    PromiseSettled
    | ProgressFired
    | EventDispatched
    | RecordReady
    | BytesReceived
    | BodyEnded
    | RequestStarted
    | AttemptTerminated
    | Refused
    | InterfaceSeen
)
