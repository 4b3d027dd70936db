"""Scenario format v1: a world, a script, and what each edition of the text should do.

A scenario is data.  Its *world* says what servers and the user agent's
surroundings do; its *worker* says which events the service worker listens to
and what its handlers do; its *script* is what pages, the user and time do, in
order.  The judge interprets all three: an implementation only ever sees
commands (``conformance.protocol``).

Names.  ``as: x`` binds what a step yields (an instance, records, strings) to
``x``; later steps say ``on: x`` or ``records: x``.  In a handler program the
name ``event`` is the event's registration.  Resource keys are ``/path`` on the
origin ``app`` or ``name:/path`` on another origin.  *Gates* are names that
hold a server answer or a handler until the script says ``release: gate``.

Waiting.  A step that makes a call waits until it has settled unless
``wait: false``.  ``until`` names an observer and what it must have seen.
``quiet`` waits until nothing more can happen.  Nothing ever waits for a length
of time to decide a verdict: ``pass`` lets virtual time run, and is the
opportunity for a misstep elsewhere.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from conformance.protocol import Capability, Icon

FORMAT_VERSION = 1


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Unknown fields are errors: a misspelt field must not silently do nothing."""


# --- the world ------------------------------------------------------------------------


class Hold(_Strict, frozen=True):
    """Send nothing more until the gate is released."""

    hold: str


class Attempt(_Strict, frozen=True):
    """What the server does with one request.

    The nth request gets the nth attempt; the last one repeats.
    ``status``: None means 206 when a Range is honoured, else 200.
    ``body``: decoded body length in bytes (None: the resource's size).
    ``version``: which version of the content is served (None: the resource's).
    ``range``: whether a Range header is honoured; ``content_range`` replaces the
    header's value, ``first`` the offset of the first byte really sent and ``count``
    how many bytes the body has.  ``etag`` / ``last_modified``: None is the resource's
    own, "" none.  ``drop``: no answer at all.  ``wait``: hold before the head.
    ``send``: bytes, "rest" or a hold, in order; then ``then`` (before ``end`` all
    remaining bytes are sent).  Numbers in ``send`` count encoded bytes.
    """

    status: int | None = None
    headers: dict[str, str] = {}
    framing: Literal["length", "chunked", "close"] = "length"
    encoding: Literal["identity", "gzip"] = "identity"
    range: Literal["honour", "ignore"] = "honour"
    content_range: str | None = None
    first: int | None = None
    count: int | None = None
    body: int | None = None
    version: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    redirect: str | None = None
    drop: Literal["reset", "close"] | None = None
    wait: str | None = None
    send: list[int | Literal["rest"] | Hold] = []
    then: Literal["end", "close", "reset"] = "end"


class Resource(_Strict, frozen=True):
    """One URL: ``size`` bytes of content, which names its version and offset every 8 bytes.

    ``cors``: the answer carries ``Access-Control-Allow-Origin: *`` (matters on a
    foreign origin); ``expose``: header names in Access-Control-Expose-Headers.
    """

    size: int = 16
    version: int = 1
    etag: str = '"v1"'
    last_modified: str = ""
    cors: bool = False
    expose: list[str] = []
    attempts: list[Attempt] = []


class World(_Strict, frozen=True):
    """The surroundings.  ``origins`` are foreign origins beside ``app``; ``quota`` in bytes."""

    origins: list[str] = []
    resources: dict[str, Resource] = {}
    quota: int | None = None
    permission: Literal["granted", "denied", "prompt"] = "granted"
    online: bool = True
    concurrency: int | None = None


# --- the script -----------------------------------------------------------------------


class RequestArg(_Strict, frozen=True):
    """One request argument; ``body`` is a length in bytes (content made by the judge) or text.

    ``hold``: the body is a stream that ends when this gate is released, or ``fails`` then.
    """

    url: str
    method: str = "GET"
    body: int | str | None = None
    headers: dict[str, str] = {}
    mode: Literal["cors", "no-cors", "same-origin"] = "cors"
    hold: str | None = None
    fails: bool = False


class FetchStep(_Strict, frozen=True, rename={"name": "as", "realm": "in"}):
    """``backgroundFetch.fetch(id, requests, options)``."""

    id: str
    requests: list[str | RequestArg]
    name: str | None = None
    realm: str | None = None
    title: str | None = None
    icons: list[Icon] | None = None
    download_total: int = 0
    wait: bool = True


class GetStep(_Strict, frozen=True, rename={"name": "as", "realm": "in"}):
    """``backgroundFetch.get(id)``."""

    id: str
    name: str | None = None
    realm: str | None = None
    wait: bool = True


class GetIdsStep(_Strict, frozen=True, rename={"name": "as", "realm": "in"}):
    """``backgroundFetch.getIds()``; under ``api: bgcache`` the names of ``getRegistrations()``."""

    name: str | None = None
    realm: str | None = None
    wait: bool = True


class AbortStep(_Strict, frozen=True, rename={"name": "as"}):
    """``instance.abort()``."""

    on: str
    name: str | None = None
    wait: bool = True


class MatchStep(_Strict, frozen=True, rename={"name": "as"}):
    """``instance.match(url)`` or ``matchAll(url)``; for matchAll the URL may be left out."""

    on: str
    url: str | None = None
    method: str = "GET"
    ignore_search: bool = False
    ignore_method: bool = False
    name: str | None = None
    wait: bool = True


class ReadStep(_Strict, frozen=True):
    """Wait for ``responseReady`` of every named record and read its body.

    ``records`` is a name bound by match or match_all, or ``name[i]``.
    ``wait``: until the bodies ended, the heads are ready, or not at all.
    """

    records: str
    wait: Literal["body", "ready", "none"] = "body"


class CachePutStep(_Strict, frozen=True, rename={"name": "as", "realm": "in"}):
    """Put records into a cache, one after the other.

    ``each``: a record whose put fails is passed over (a catch per record);
    otherwise the first failure ends the handler program with a rejection.
    Without ``wait`` all are put at once.
    """

    cache: str
    records: str
    name: str | None = None
    realm: str | None = None
    each: bool = False
    wait: bool = True


class CacheKeysStep(_Strict, frozen=True, rename={"name": "as", "realm": "in"}):
    """The URLs in a cache."""

    cache: str
    name: str | None = None
    realm: str | None = None


class UpdateUIStep(_Strict, frozen=True, rename={"name": "as"}):
    """``event.updateUI({title, icons})``; ``event`` defaults to the handler's own event.

    ``event`` is a name bound by ``synthesize``, or the name of a worker event: then the
    newest event of that name, which may be over (in the script there is no other way).
    """

    title: str | None = None
    icons: list[Icon] | None = None
    event: str | None = None
    name: str | None = None
    wait: bool = True


class SynthesizeStep(_Strict, frozen=True, rename={"name": "as", "event": "type"}):
    """In the worker: ``new BackgroundFetchUpdateUIEvent(type, {registration})``.

    ``on`` None: the init is empty.
    """

    event: str
    on: str | None = None
    name: str | None = None


class LookStep(_Strict, frozen=True, rename={"name": "as"}):
    """Read an instance's attributes now."""

    on: str
    name: str | None = None


class UserStep(_Strict, frozen=True):
    """A user action on the interface of a background fetch.

    ``window``: it is WebDriver that clicks, in a session whose window is (or was) this page.
    """

    action: Literal["pause", "resume", "abort", "click", "accept", "refuse", "dismiss"]
    id: str
    window: str | None = None


class InterfaceStep(_Strict, frozen=True, rename={"name": "as"}):
    """Look at the interface of the newest background fetch with this id."""

    id: str
    name: str | None = None


class SyncStep(_Strict, frozen=True, rename={"name": "as", "realm": "in"}):
    """Register (or unregister) a one-shot, periodic or 2014 sync; ``min_interval`` in seconds."""

    tag: str
    api: Literal["sync", "periodic-sync", "sync14"] = "sync"
    min_interval: float | None = None
    repeating: bool = False
    unregister: bool = False
    name: str | None = None
    realm: str | None = None
    wait: bool = True


class GetTagsStep(_Strict, frozen=True, rename={"name": "as", "realm": "in"}):
    """``registration.sync.getTags()``."""

    name: str | None = None
    realm: str | None = None
    wait: bool = True


class BgCacheStep(_Strict, frozen=True, rename={"name": "as", "realm": "in"}):
    """``bgCache.register(cache, requests)``."""

    cache: str
    requests: list[str | RequestArg]
    name: str | None = None
    realm: str | None = None
    wait: bool = True


class Until(_Strict, frozen=True):
    """Wait until an observer has seen something; exactly one of the observers is named.

    ``request``: the server has got request number ``attempt`` for a resource.
    ``sent``: the server has finished its plan for that request.
    ``held``: an answer or a handler waits at this gate.
    ``event``: the worker has got this event ``count`` times.
    ``settled``: a call's promise settled.
    ``progress``: an instance got a progress event with at least ``downloaded`` bytes,
    or with a result when ``finished``.
    ``received``: a record's reader has at least ``length`` bytes.
    ``shows``: an instance, looked at again and again, shows at least ``downloaded``
    bytes, a result when ``finished``, unavailable records when ``closed``.
    """

    request: str | None = None
    sent: str | None = None
    attempt: int = 1
    held: str | None = None
    event: str | None = None
    count: int = 1
    settled: str | None = None
    progress: str | None = None
    downloaded: int = 0
    finished: bool = False
    received: str | None = None
    length: int = 1
    shows: str | None = None
    closed: bool = False


class Step(_Strict, frozen=True, rename={"pass_": "pass"}):
    """One step: exactly one of the fields.

    ``throw``: the handler rejects.  ``hold``: the handler waits at a gate.
    ``release``: open a gate.  ``pass``: seconds of time.  ``busy``: the script of that realm
    does not return to its event loop before ``idle``.
    """

    fetch: FetchStep | None = None
    get: GetStep | None = None
    get_ids: GetIdsStep | None = None
    abort: AbortStep | None = None
    match: MatchStep | None = None
    match_all: MatchStep | None = None
    read: ReadStep | None = None
    cache_put: CachePutStep | None = None
    cache_keys: CacheKeysStep | None = None
    update_ui: UpdateUIStep | None = None
    synthesize: SynthesizeStep | None = None
    look: LookStep | None = None
    interface: InterfaceStep | None = None
    user: UserStep | None = None
    sync: SyncStep | None = None
    get_tags: GetTagsStep | None = None
    bgcache: BgCacheStep | None = None
    open_page: str | None = None
    close_page: str | None = None
    busy: str | None = None
    idle: str | None = None
    online: bool | None = None
    permission: Literal["granted", "denied", "prompt"] | None = None
    quit: Literal["clean", "kill"] | None = None
    launch: bool | None = None
    pass_: float | None = None
    storage: str | None = None
    push: str | None = None
    unregister: str | None = None
    release: str | None = None
    hold: str | None = None
    throw: bool | None = None
    until: Until | None = None
    quiet: bool | None = None


WORKER_EVENTS = (
    "backgroundfetchsuccess",
    "backgroundfetchfail",
    "backgroundfetchabort",
    "backgroundfetchclick",
)


class Worker(_Strict, frozen=True):
    """The service worker: the names it listens to and a handler program for each.

    ``on``: a program run for each event of that name.  ``each``: one program for
    each occurrence; the last one repeats.  A call that rejects is caught: the program
    goes on and ends well, unless a ``cache_put`` without ``each`` fails or ``throw`` is met.
    """

    listen: list[str] = msgspec.field(default_factory=lambda: list(WORKER_EVENTS))
    on: dict[str, list[Step]] = {}
    each: dict[str, list[list[Step]]] = {}


# --- what should come of it -----------------------------------------------------------


class RecordExpect(_Strict, frozen=True):
    """What reading one record gave: a status and a closed body's length, or error names.

    ``made_of``: which bytes of which answers a body is put together from, in words, as in
    ``bytes 0-799 of version 1 of /film``; of a body that comes back whole only.  A byte in which
    two neighbours agree is counted to the first of them.
    """

    status: int | None = None
    length: int | None = None
    error: str | None = None
    body_error: str | None = None
    made_of: str | None = None


class Expect(_Strict, frozen=True):
    """Outcomes the model must show under one edition.  Everything left out is free.

    ``events``: worker event names in the order seen.  ``settled``: call name to
    an error name, a boolean, strings (URLs as resource keys), or "undefined" / "null" /
    "instance".  ``progress``: instance name to ``downloaded`` at each of its progress events.
    ``handled``: worker event to [result, failureReason] of its registration as it came, the
    newest.  ``order``: ``event NAME`` and ``body NAME[i]`` (which ended) in the order seen.
    ``final``: instance name to [result, failureReason] as last seen.  ``records``: name bound by
    match to what was read.  ``requests``: resource key to the Range value of each
    request ("" for none).  ``looks``: look name to attributes as a script spells them
    (``failureReason``).  ``stored``: storage name to bytes.  ``last_chance`` and ``tags``: those
    attributes of each sync event in the order seen.  ``refused``: ``ACTION ID`` of each user
    action that the interface did not offer, in the order of the script; of WebDriver's click its
    error, too (``click ID: ERROR``).  ``dropped``: resource
    key to the numbers (from 1) of its requests whose connection the user agent gave up before
    the answer was over.
    """

    events: list[str] | None = None
    settled: dict[str, bool | str | list[str]] = {}
    final: dict[str, list[str]] = {}
    records: dict[str, list[RecordExpect]] = {}
    requests: dict[str, list[str]] = {}
    looks: dict[str, dict[str, bool | int | str]] = {}
    progress: dict[str, list[int]] = {}
    handled: dict[str, list[str]] = {}
    order: list[str] = []
    stored: dict[str, int] = {}
    last_chance: list[bool] | None = None
    tags: list[str] | None = None
    refused: list[str] | None = None
    dropped: dict[str, list[int]] = {}


class Scenario(_Strict, frozen=True):
    """One scenario file.

    ``source``: rows of the source documents, scenario ids and errata it shows.
    ``needs``: capabilities beyond those its steps imply.
    ``expect``: edition name (``amended``, ``as-written``, ``amended - CLUSTER``), after
    ``+`` with answers to what it leaves open (``amended + KEY=OPTION``), to outcomes.
    """

    scenario: str
    title: str
    source: list[str]
    script: list[Step]
    format: Literal[1] = 1
    api: Literal["background-fetch", "sync", "periodic-sync", "sync14", "bgcache"] = (
        "background-fetch"
    )
    needs: list[Capability] = []
    world: World = World()
    worker: Worker = Worker()
    expect: dict[str, Expect] = {}
    notes: str = ""
