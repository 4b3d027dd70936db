"""What pages and the worker call, and the tasks in which their promises settle.

Every promise settles in a task of its realm, also where the text settles it from
parallel steps (E56).
"""

from __future__ import annotations

import attrs

from spec_model import background_fetch as bg
from spec_model.background_fetch import Rejected
from spec_model.decide import Decide
from spec_model.instances import Instance, update
from spec_model.messages import (
    BodyRead,
    Call,
    CallAbort,
    CallCacheKeys,
    CallCachePut,
    CallFetch,
    CallGet,
    CallGetIds,
    CallMatch,
    CallRead,
    CallSynthesize,
    CallUnregister,
    CallUpdateUI,
    EventRef,
    InstanceRef,
    Null,
    ProgressFired,
    PromiseSettled,
    RecordReady,
    RecordRef,
    Records,
    Value,
)
from spec_model.record_objects import RecordObject, error_of, result_of
from spec_model.state import WORKER, Event, Realm, State, UnknownName
from spec_model.tasks import (
    AbortFetch,
    AdmitFetch,
    CachePut,
    Deliver,
    Edit,
    GiveInstance,
    RealmTask,
    ResolveInstance,
    ResolveRecords,
    SettleFetch,
    SettlePromise,
)
from spec_model.values import RequestSpec

FLAG_WHEN_READ = "the flag of updateUI() is read"
"""E82: as written a second call may find it unset."""


def call(state: State, made: Call, d: Decide) -> State:
    """A script makes a call.  Raises UnknownName."""
    match made:
        case CallFetch():
            refused = bg.check_arguments(made.arguments, d)
            if refused is not None:
                return _settle(state, made.realm, made.call, refused)
            return state.enqueue_edit(AdmitFetch(made.call, made.realm, made.arguments))
        case CallGet():
            return _get(state, made, d)
        case CallGetIds():
            d.take("GETIDS-0")
            return _settle(state, made.realm, made.call, bg.get_ids(state.agent, d))
        case CallAbort():
            realm, instance = state.instance(made.instance)
            d.take("ABORT-0", "ABORT-1", "ABORT-2")
            return state.enqueue_edit(AbortFetch(instance.fetch, "script", made.call, realm.name))
        case CallMatch():
            return _match(state, made, d)
        case CallRead():
            return _read(state, state.object(made.object))
        case CallUpdateUI():
            return _update_ui(state, made, d)
        case CallSynthesize():
            return _synthesize(state, made, d)
        case CallCachePut():
            put = CachePut(made.call, made.realm, made.cache, made.object)
            return attrs.evolve(state, puts=(*state.puts, put))
        case CallCacheKeys():
            keys = dict(state.caches).get(made.cache, ())
            return _settle(state, made.realm, made.call, keys)
        case _:  # CallUnregister
            return _unregister(state, made, d)


def body_read(state: State, news: BodyRead, d: Decide) -> State:
    """FETCH-8.8.3, one request's branch of it: its body has been read, or has failed."""
    reading = state.reads(news.call)
    if reading is None:
        # Its call still waits for its turn on the edit queue, and then has nothing to wait for.
        return attrs.evolve(state, edits=tuple(_with_body(e, news, d) for e in state.edits))
    if reading.over or news.request not in reading.unread:
        return state
    d.take("FETCH-8.8.3", "FETCH-8.8.3.1", "FETCH-8.8.3.1.1")
    if news.failed:
        # E61: what becomes of the author's other streams is not followed.
        d.take("FETCH-8.8.3.1.2", "FETCH-8.8.3.2")
        after = attrs.evolve(reading, failed=True)
    else:
        d.take("FETCH-8.8.3.3", "FETCH-8.8.3.4")
        left = tuple(each for each in reading.unread if each != news.request)
        after = attrs.evolve(reading, unread=left)
    everything = tuple(after if each is reading else each for each in state.reading)
    state = attrs.evolve(state, reading=everything)
    d.take("FETCH-8.10")
    if after.over and d.repaired("E60"):
        state = state.enqueue_edit(after.edit)
    return state


def _with_body(edit: Edit, news: BodyRead, d: Decide) -> Edit:
    if not isinstance(edit, AdmitFetch) or edit.call != news.call:
        return edit
    d.take("FETCH-8.8.3", "FETCH-8.8.3.1", "FETCH-8.8.3.1.1")
    if news.failed:
        d.take("FETCH-8.8.3.1.2", "FETCH-8.8.3.2")
        return attrs.evolve(edit, failed=True)
    d.take("FETCH-8.8.3.3", "FETCH-8.8.3.4")
    return attrs.evolve(edit, ended=(*edit.ended, news.request))


def _settle(state: State, realm: str, name: str, value: Value) -> State:
    return state.enqueue_task(realm, SettlePromise(name, value))


def _get(state: State, made: CallGet, d: Decide) -> State:
    d.take("GET-0")
    fetch = bg.get(state.agent, made.id, d)
    if fetch is None:
        # E71: by the interface undefined becomes null.
        nothing = None if d.repaired("E71") else Null()
        return _settle(state, made.realm, made.call, nothing)
    return state.enqueue_update(fetch.index, GiveInstance(made.call, made.realm))


def _match(state: State, made: CallMatch, d: Decide) -> State:
    """MATCHALL; MATCH is its first element."""
    if made.first:
        d.take("MATCH-1", "MATCH-2")
    realm, instance = state.instance(made.instance)
    d.take("MATCHALL-1")
    fetch = state.agent.fetches[instance.fetch]
    # E77: the instance may not know yet.
    gone = not fetch.records_available and d.repaired("E77")
    if gone or not instance.shows.records_available:
        refused = Rejected("InvalidStateError", "MATCHALL-1")
        return _settle(state, realm.name, made.call, refused)
    d.take("MATCHALL-2", "MATCHALL-3")
    found = bg.matching(fetch, made.url, made.ignore_search, made.ignore_method, d)
    if made.url is not None and made.ignore_search and not d.repaired("E74"):
        # E76: the borrowed algorithm writes into the requests that it compares.
        fetch = attrs.evolve(fetch, requests=tuple(map(_emptied, fetch.requests)))
        state = state.put_fetch(fetch)
    d.take("MATCHALL-3.3", "MATCHALL-4")
    task = ResolveRecords(made.call, fetch.index, found[:1] if made.first else found, made.first)
    return state.enqueue_task(realm.name, task)


def _emptied(request: RequestSpec) -> RequestSpec:
    """With an empty query, if it is one that ``matchAll()`` compares (MATCHALL-3.2.1)."""
    if request.method != "GET":
        return request
    return attrs.evolve(request, url=request.url.split("?", 1)[0] + "?")


def _read(state: State, item: RecordObject) -> State:
    if item.reading:
        return state
    item = attrs.evolve(item, reading=True)
    state = state.put_object(item)
    return state if item.ready is None else state.say(RecordReady(item.name, item.ready))


def _update_ui(state: State, made: CallUpdateUI, d: Decide) -> State:
    event = state.event(made.event)
    if not event.can_update_ui:
        # Neither abort nor click events have the method (IDL-EVT-3, IDL-EVT-4).
        return _settle(state, WORKER, made.call, Rejected("TypeError", "IDL-UUE-2"))
    d.take("UPDATEUI-0", "UPDATEUI-1")
    used = event.ui_updated
    if used and not d.repaired("E81") and d.choose(FLAG_WHEN_READ, ("set", "unset")) == "unset":
        # E82: both calls have read the flag in parallel before either has set it.
        used = False
    refused = bg.update_ui(event.trusted, used, event.active, d)
    if refused is not None:
        d.take("UPDATEUI-1.t")
        # E81: what is thrown in parallel steps settles nothing.
        return _settle(state, WORKER, made.call, refused) if d.repaired("E81") else state
    state = state.put_event(attrs.evolve(event, ui_updated=True))
    d.take("UPDATEUI-3", "UPDATEUI-4", "UPDATEUI-5", "UPDATEUI-6")
    if made.title is not None and event.fetch is not None:
        fetch = state.agent.fetches[event.fetch]
        state = state.put_fetch(attrs.evolve(fetch, title=made.title))
    d.take("UPDATEUI-7")
    return _settle(state, WORKER, made.call, None)


def _synthesize(state: State, made: CallSynthesize, d: Decide) -> State:
    d.take("IDL-BFE-3", "IDL-UUE-1")
    if made.instance is None:
        return _settle(state, WORKER, made.call, Rejected("TypeError", "IDL-BFE-3"))
    _, instance = state.instance(made.instance)
    state, name = state.name("e")
    # Never dispatched: neither trusted nor active.
    event = Event(
        name,
        made.name,
        instance.fetch,
        state.launch,
        active=False,
        trusted=False,
        can_update_ui=True,
    )
    return _settle(state.put_event(event), WORKER, made.call, EventRef(name))


def _unregister(state: State, made: CallUnregister, d: Decide) -> State:
    """PRIV-1: everything stops at once."""
    before = state.agent
    state = attrs.evolve(state, agent=bg.unregister(before, d))
    for fetch in state.agent.fetches:
        if fetch != before.fetches[fetch.index]:
            state = state.enqueue_update(fetch.index)
    if d.repaired("E86"):
        # A settlement that was decided has nothing left to settle.
        edits = tuple(each for each in state.edits if not isinstance(each, SettleFetch))
        state = attrs.evolve(state, firing=(), edits=edits)
    return _settle(state, made.realm, made.call, True)


# --- tasks of a realm -----------------------------------------------------------------


def run_task(state: State, realm: str, task: RealmTask, d: Decide) -> State:
    """A task of this realm runs."""
    match task:
        case SettlePromise():
            return state.say(PromiseSettled(task.call, task.value))
        case ResolveInstance():
            state, instance = instance_in(state, realm, task.fetch, d)
            value = InstanceRef(instance.name, instance.shows)
            return state.say(PromiseSettled(task.call, value))
        case ResolveRecords():
            return _create(state, realm, task, d)
        case _:  # Deliver
            return _deliver(state, realm, task, d)


def instance_in(state: State, realm: str, fetch: int, d: Decide) -> tuple[State, Instance]:
    """INSTANCE: the realm's object for a fetch; a new one copies the live slots."""
    d.take("INSTANCE-1", "INSTANCE-2")
    found = state.realm(realm)
    if found is None:
        raise UnknownName(realm)
    known = found.instance_of(fetch)
    if known is not None:
        return state, known
    d.take("INSTANCE-3", "INSTANCE-4", "INSTANCE-5")
    state, name = state.name("i")
    made = Instance(name, fetch, state.snapshot(fetch))
    return state.put_realm(without_older(found.put(made), fetch, d)), made


def without_older(realm: Realm, fetch: int, d: Decide) -> Realm:
    """E48: an object shows live numbers now; snapshots on their way to it are older."""
    if not d.repaired("E48"):
        return realm
    left = (t for t in realm.tasks if not (isinstance(t, Deliver) and t.fetch == fetch))
    return attrs.evolve(realm, tasks=tuple(left))


def _create(state: State, realm: str, task: ResolveRecords, d: Decide) -> State:
    """CREATE: record objects that hold on to the data as it is now."""
    d.take("CREATE-0", "CREATE-1")
    refs = []
    for index in task.found:
        d.take("CREATE-2", "CREATE-2.1", "CREATE-2.2", "CREATE-2.3", "CREATE-2.4", "CREATE-2.5")
        d.take("CREATE-2.6", "CREATE-2.7", "CREATE-2.10")
        state, name = state.name("r")
        spec = state.spec(task.fetch, index)
        generation = state.records[task.fetch][index].generation
        item = RecordObject(name, realm, task.fetch, index, generation, spec.url, spec.method)
        state = attrs.evolve(state, objects=(*state.objects, item))
        refs.append(RecordRef(name, spec.url, spec.method))
    d.take("CREATE-3")
    value: Value = Records(tuple(refs))
    if task.first:
        value = refs[0] if refs else None
    return state.say(PromiseSettled(task.call, value))


def _deliver(state: State, realm: str, task: Deliver, d: Decide) -> State:
    """UPDATE-6.1 to 6.10."""
    d.take("UPDATE-6.1", "UPDATE-6.2")
    found = state.realm(realm)
    known = found.instance_of(task.fetch) if found else None
    if found is None or known is None:
        return state
    changed, progress = update(known, task.snapshot, d)
    state = state.put_realm(found.put(changed))
    return state.say(ProgressFired(changed.name, changed.shows)) if progress else state


# --- caches ---------------------------------------------------------------------------


def put_can_finish(state: State, put: CachePut) -> bool:
    """Whether a ``cache.put()`` has all that it waits for."""
    item = state.object(put.object)
    if item.ready is None:
        return False
    return _refusal(state, put) is not None or result_of(item, state.record_of(item)) != ""


def _refusal(state: State, put: CachePut) -> str | None:
    """The error that ``cache.put()`` rejects with before it reads the body."""
    item = state.object(put.object)
    assert item.ready is not None
    if item.ready.error:
        return item.ready.error
    return "TypeError" if item.method != "GET" or item.ready.status == 206 else None


def finish_put(state: State, name: str) -> State:
    """A ``cache.put()`` settles (Service Workers, "Cache.put")."""
    put = next(each for each in state.puts if each.call == name)
    state = attrs.evolve(state, puts=tuple(each for each in state.puts if each.call != name))
    item = state.object(put.object)
    error = _refusal(state, put)
    result = result_of(item, state.record_of(item))
    if error is None and result not in ("success", "bad-status"):
        error = error_of(result)
    if error is not None:
        return _settle(state, put.realm, put.call, Rejected(error, "CREATE-2.8.4.4"))
    caches = dict(state.caches)
    others = tuple(url for url in caches.get(put.cache, ()) if url != item.url)
    caches[put.cache] = (*others, item.url)
    return _settle(attrs.evolve(state, caches=tuple(caches.items())), put.realm, put.call, None)
