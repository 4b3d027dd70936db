"""What the judge and an implementation say to each other.

The judge drives an implementation one *command* at a time; every command is
*answered* as soon as the call has been made or the action has been done.  What
a page, a worker or a record shows later is pushed as an *observation* the
moment it happens: a promise that settles is an observation, not an answer, so
that two calls may be pending at once and silence can be told from slowness.

The same structs travel in process (the adapters written in Python) and as one
JSON object a line (``stdio`` and ``chromium``).  The field that names the kind
is ``command`` on the way in and ``observation`` on the way out.

Names.  The judge names *calls* (``c1``), *realms* (a page's own name such as
``p1``, or ``worker``).  The implementation names what it creates: *instances*
(a ``BackgroundFetchRegistration`` object in one realm: the same object must
always get the same name, different objects different names), *records* (a
``BackgroundFetchRecord`` object) and *events* (one dispatched worker event).

Handlers.  An implementation has no handler programs of its own.  A worker
event stays active (its ``waitUntil`` pending) until the judge sends
``end_event``; meanwhile the judge may send commands whose realm is ``worker``.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

PROTOCOL_VERSION = 1

PAGE = "docs/reference/protocol.md"
"""Where all of this is written down for whoever has no Python."""

SHOWN = 200
"""Characters of a line in a message about it."""

WORKER = "worker"
"""The realm name of the service worker."""

WHOLE_BODY_LIMIT = 65536
"""Bytes: bodies up to this size come back whole, larger ones as length and SHA-256."""

Capability = Literal[
    "pause",  # user pause and resume
    "user-abort",  # user abort from the user agent's interface
    "click",  # activating the interface of one background fetch
    "quota",  # the storage quota can be set
    "permission",  # the permission can be denied or left to a prompt
    "restart",  # the user agent can be quit and launched again
    "kill",  # the user agent can be killed (-9) and launched again
    "offline",  # the user agent can be told that it is offline
    "uploads",  # requests with bodies
    "streaming",  # a record's body can be read while it is still arriving
    "many-pages",  # more than one page at a time
    "stored-bytes",  # look() of storage
    "virtual-time",  # time passes only when the judge says so
    "serial",  # records of one fetch can be transferred one at a time (concurrency 1)
    "synthetic-event",  # script-constructed events
    "sparse-totals",  # downloadTotal beyond what is transferred
    "caches",  # cache_put and cache_keys
    "push",  # push events
    "unregister",  # unregistering the service worker
    "busy-realm",  # a page or worker whose script does not return to its event loop
    "interface",  # what the user agent's interface shows of one background fetch
    "automation",  # WebDriver's command that clicks the interface of a background fetch
    "streamed-uploads",  # request bodies that are streams, which end when the judge says
    "sync",  # one-shot background sync
    "periodic-sync",
    "sync14",  # the sync of 2014, which repeats
    "bgcache",  # the 2016 background-cache interface
]

Reason = Literal[
    "", "aborted", "bad-status", "fetch-error", "quota-exceeded", "download-total-exceeded"
]
Result = Literal["", "success", "failure"]


class Snapshot(msgspec.Struct, frozen=True, rename="camel"):
    """The attributes of one registration object as a script reads them (sizes in bytes)."""

    id: str
    upload_total: int = 0
    uploaded: int = 0
    download_total: int = 0
    downloaded: int = 0
    result: str = ""
    failure_reason: str = ""
    records_available: bool = True


class RequestInit(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One request argument: ``url`` is absolute; ``body`` is the body's text.

    ``streamed``: the body is a stream that gives this text and ends at ``end_body``.
    """

    url: str
    method: str = "GET"
    headers: dict[str, str] = {}
    body: str | None = None
    mode: str = "cors"
    streamed: bool = False


class QueryOptions(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """``CacheQueryOptions`` of match() and matchAll()."""

    ignore_search: bool = False
    ignore_method: bool = False
    ignore_vary: bool = False


class Icon(msgspec.Struct, frozen=True, omit_defaults=True):
    """One image resource."""

    src: str
    sizes: str = ""
    type: str = ""


# --- commands -------------------------------------------------------------------------


class Command(msgspec.Struct, frozen=True, tag_field="command", omit_defaults=True, kw_only=True):
    """What the judge sends; ``seq`` comes back in the answer."""

    seq: int = 0


class Start(Command, frozen=True, tag="start"):
    """First command of a session: the protocol versions the judge speaks, newest first."""

    versions: list[int]


class Begin(Command, frozen=True, tag="begin"):
    """A new scenario: fresh storage, a fresh worker, one page ``p1`` of origin ``app`` open.

    ``origins`` maps origin names to base URLs (no trailing slash).  ``listen`` are
    the event names the worker has handlers for.  ``quota`` in bytes or None for
    plenty.  ``concurrency`` None means as the implementation likes.
    """

    scenario: str
    origins: dict[str, str]
    listen: list[str]
    quota: int | None = None
    permission: str = "granted"
    online: bool = True
    concurrency: int | None = None


class End(Command, frozen=True, tag="end"):
    """The scenario is over: stop everything it started."""


class Stop(Command, frozen=True, tag="stop"):
    """The session is over: exit with 0."""


class Fetch(Command, frozen=True, tag="fetch"):
    """``registration.backgroundFetch.fetch(id, requests, options)``: settles with an instance."""

    call: str
    realm: str
    id: str
    requests: list[RequestInit]
    title: str | None = None
    icons: list[Icon] | None = None
    download_total: int = 0


class EndBody(Command, frozen=True, tag="end_body"):
    """End a streamed body, or let it fail: of request ``request`` (from 0) of a ``fetch`` call."""

    fetch: str
    request: int
    fails: bool = False


class Get(Command, frozen=True, tag="get"):
    """``backgroundFetch.get(id)``: settles with an instance or undefined."""

    call: str
    realm: str
    id: str


class GetIds(Command, frozen=True, tag="get_ids"):
    """``backgroundFetch.getIds()``: settles with strings."""

    call: str
    realm: str


class Abort(Command, frozen=True, tag="abort"):
    """``instance.abort()``: settles with a boolean."""

    call: str
    instance: str


class MatchAll(Command, frozen=True, tag="match_all"):
    """``instance.matchAll(request, options)``: settles with records; ``url`` None: no argument."""

    call: str
    instance: str
    url: str | None = None
    method: str = "GET"
    options: QueryOptions = QueryOptions()


class Match(Command, frozen=True, tag="match"):
    """``instance.match(url, options)``: settles with one record or undefined."""

    call: str
    instance: str
    url: str
    method: str = "GET"
    options: QueryOptions = QueryOptions()


class Read(Command, frozen=True, tag="read"):
    """Wait for a record's ``responseReady``, then read its body: pushes Ready, Received, Body."""

    record: str


class UpdateUI(Command, frozen=True, tag="update_ui"):
    """``event.updateUI({title, icons})``; settles with undefined."""

    call: str
    event: str
    title: str | None = None
    icons: list[Icon] | None = None


class EndEvent(Command, frozen=True, tag="end_event"):
    """Settle the promise that the event's handler gave to ``waitUntil``."""

    event: str
    outcome: Literal["resolve", "reject"] = "resolve"


class Synthesize(Command, frozen=True, tag="synthesize"):
    """In the worker: ``new BackgroundFetchUpdateUIEvent(name, init)``.

    With ``instance`` the init has that registration; without, the init is empty.
    Settles with an event name, or an error.
    """

    call: str
    name: str
    instance: str | None = None


class Look(Command, frozen=True, tag="look"):
    """Read an instance's attributes now: the answer's ``snapshot``."""

    instance: str


class CachePut(Command, frozen=True, tag="cache_put"):
    """``caches.open(cache)`` then ``put(record.request, a copy of the record's response)``."""

    call: str
    realm: str
    cache: str
    record: str


class CacheKeys(Command, frozen=True, tag="cache_keys"):
    """The URLs stored in a cache, in insertion order: settles with strings."""

    call: str
    realm: str
    cache: str


class User(Command, frozen=True, tag="user"):
    """A user action on the interface of the newest background fetch with this id.

    The answer's ``refused`` says why the interface does not offer it.  A click with a ``window``
    is WebDriver's command, in a session whose window is (or was) this page; ``refused`` is its
    error then.
    """

    action: Literal["pause", "resume", "abort", "click", "accept", "refuse", "dismiss"]
    id: str
    window: str | None = None


class Interface(Command, frozen=True, tag="interface"):
    """Look at the interface of the newest fetch with this id: the answer's ``interface``."""

    id: str


class Busy(Command, frozen=True, tag="busy"):
    """A realm's script goes on and on: calls can be made there, but no task runs.

    No promise settles and no event comes until it is not ``busy`` any more, and what a
    page waits for is lost if it is closed before.
    """

    realm: str
    busy: bool


class OpenPage(Command, frozen=True, tag="open_page"):
    """Open one more page of origin ``app``."""

    page: str


class ClosePage(Command, frozen=True, tag="close_page"):
    """Close a page: its realm ends, its pending promises are gone."""

    page: str


class Online(Command, frozen=True, tag="online"):
    """Tell the user agent whether it is online; going offline drops its connections."""

    online: bool


class SetPermission(Command, frozen=True, tag="set_permission"):
    """Set the state of the ``background-fetch`` permission."""

    state: Literal["granted", "denied", "prompt"]


class Quit(Command, frozen=True, tag="quit"):
    """End the user agent; answered when it is gone.  ``kill``: with SIGKILL, at once."""

    kill: bool = False


class Launch(Command, frozen=True, tag="launch"):
    """Start the user agent again on the same storage, with page ``p1`` open."""


class Advance(Command, frozen=True, tag="advance"):
    """Let virtual time pass (seconds); sent only where time is virtual."""

    seconds: float


class Storage(Command, frozen=True, tag="storage"):
    """The answer's ``stored`` is the number of body bytes kept for background fetches."""


class Push(Command, frozen=True, tag="push"):
    """Deliver a push message to the worker."""

    data: str


class Unregister(Command, frozen=True, tag="unregister"):
    """``registration.unregister()``: settles with a boolean."""

    call: str


class SyncRegister(Command, frozen=True, tag="sync_register"):
    """``registration.sync.register(tag)`` and the periodic and 2014 forms of it."""

    call: str
    realm: str
    tag: str
    api: Literal["sync", "periodic-sync", "sync14"] = "sync"
    min_interval: float | None = None
    repeating: bool = False
    unregister: bool = False


class SyncGetTags(Command, frozen=True, tag="sync_get_tags"):
    """``registration.sync.getTags()``: settles with strings."""

    call: str
    realm: str


class BgCacheRegister(Command, frozen=True, tag="bgcache_register"):
    """``bgCache.register(name, requests)`` of the 2016 proposal."""

    call: str
    realm: str
    cache: str
    requests: list[RequestInit]


AnyCommand = (
    Start
    | Begin
    | End
    | Stop
    | Fetch
    | EndBody
    | Get
    | GetIds
    | Abort
    | MatchAll
    | Match
    | Read
    | UpdateUI
    | EndEvent
    | Synthesize
    | Look
    | CachePut
    | CacheKeys
    | User
    | Interface
    | Busy
    | OpenPage
    | ClosePage
    | Online
    | SetPermission
    | Quit
    | Launch
    | Advance
    | Storage
    | Push
    | Unregister
    | SyncRegister
    | SyncGetTags
    | BgCacheRegister
)


# --- answers --------------------------------------------------------------------------


class Implementation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to ``start``: who this is and what it can do."""

    name: str
    version: str
    protocol: int
    capabilities: list[Capability]
    language: str = ""
    homepage: str = ""


class Shown(msgspec.Struct, frozen=True, rename="camel"):
    """What the interface of a background fetch shows and offers.

    ``busy``: the sign that bandwidth is in use.  ``displayed`` false: there is none.
    """

    displayed: bool = False
    origin: str = ""
    title: str = ""
    busy: bool = False
    dismissible: bool = False
    can_abort: bool = False
    can_pause: bool = False


class Answer(
    msgspec.Struct, frozen=True, omit_defaults=True, tag_field="observation", tag="answer"
):
    """The call has been made, the action done.

    ``refused``: the interface does not offer this (a legal outcome, judged).
    ``unsupported``: the implementation cannot do this (the scenario becomes unsupported).
    """

    seq: int
    snapshot: Snapshot | None = None
    stored: int | None = None
    interface: Shown | None = None
    implementation: Implementation | None = None
    refused: str | None = None
    unsupported: str | None = None


# --- observations ---------------------------------------------------------------------


class Observation(msgspec.Struct, frozen=True, tag_field="observation", omit_defaults=True):
    """What an implementation pushes."""


class RecordInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """One ``BackgroundFetchRecord`` as match() gave it."""

    record: str
    url: str
    method: str = "GET"


class Settled(Observation, frozen=True, tag="settled"):
    """A promise settled: at most one of the fields is set; none: it fulfilled with undefined.

    ``null``: it fulfilled with null.
    """

    call: str
    error: str | None = None
    instance: str | None = None
    snapshot: Snapshot | None = None
    boolean: bool | None = None
    strings: list[str] | None = None
    records: list[RecordInfo] | None = None
    event: str | None = None
    null: bool = False


class Progress(Observation, frozen=True, tag="progress"):
    """A ``progress`` event at an instance, with its attributes read in the handler."""

    instance: str
    snapshot: Snapshot


class WorkerEvent(Observation, frozen=True, tag="event"):
    """A functional event reached a handler of the worker.

    ``instance`` and ``snapshot`` are those of ``event.registration``;
    ``can_update_ui`` tells whether the event has an ``updateUI`` method.
    """

    event: str
    name: str
    instance: str | None = None
    snapshot: Snapshot | None = None
    can_update_ui: bool = False
    tag: str | None = None
    last_chance: bool | None = None
    data: str | None = None
    cache: str | None = None
    urls: list[str] | None = None


class Ready(Observation, frozen=True, tag="ready"):
    """A record's ``responseReady`` settled: a status and headers (lower case), or an error name."""

    record: str
    status: int | None = None
    headers: dict[str, str] = {}
    error: str | None = None


class Received(Observation, frozen=True, tag="received"):
    """The reader of a record's body has so many bytes (pushed at each chunk or coalesced)."""

    record: str
    length: int


class Body(Observation, frozen=True, tag="body"):
    """A record's body ended.

    ``error``: the stream errored with that name; otherwise it closed.  ``text``
    is the body (latin-1) when ``length`` is at most 65,536, else ``sha256`` in hex.
    """

    record: str
    length: int
    error: str | None = None
    text: str | None = None
    sha256: str | None = None


class Log(Observation, frozen=True, tag="log"):
    """Something a human may want to read; never judged."""

    text: str


AnyObservation = Settled | Progress | WorkerEvent | Ready | Received | Body | Log
AnyReply = Answer | AnyObservation

_command_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand, strict=True)
_reply_decoder: msgspec.json.Decoder[AnyReply] = msgspec.json.Decoder(AnyReply, strict=True)
_encoder = msgspec.json.Encoder()


def encode(message: AnyCommand | AnyReply) -> bytes:
    """One message as one line of JSON, newline included."""
    return _encoder.encode(message) + b"\n"


def decode_command(line: bytes) -> AnyCommand:
    """Raises ``msgspec.ValidationError`` or ``msgspec.DecodeError`` with the path of the fault."""
    return _command_decoder.decode(line)


def readable(line: bytes) -> str:
    """A line for a message to a person: shortened, without what a terminal may obey."""
    text = line[: 4 * SHOWN + 1].rstrip(b"\r\n").decode(errors="backslashreplace")
    plain = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
    return plain if len(plain) <= SHOWN else plain[:SHOWN] + "…"


def section_of(line: bytes) -> str:
    """The heading of the protocol's page under which a line of JSON would belong."""
    try:
        kind = msgspec.json.decode(line, type=_Kind).observation
    except msgspec.ValidationError:
        return "Lines"
    if kind == "answer":
        return "Answers"
    return kind if kind in _OBSERVATIONS else "Observations"


class _Kind(msgspec.Struct):
    observation: str = ""


_OBSERVATIONS = {one.__struct_config__.tag for one in get_args(AnyObservation)}


def decode_reply(line: bytes) -> AnyReply:
    """Raises ``msgspec.ValidationError`` or ``msgspec.DecodeError`` with the path of the fault."""
    return _reply_decoder.decode(line)
