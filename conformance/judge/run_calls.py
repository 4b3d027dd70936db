"""Steps that make a call: what is sent, what its outcome is named, who waits."""

from __future__ import annotations

import attrs
import msgspec

from conformance.judge.names import Binding, ScenarioError, icons_of, request_init, url_of
from conformance.judge.run_values import Values
from conformance.protocol import (
    WORKER,
    Abort,
    BgCacheRegister,
    CacheKeys,
    CachePut,
    EndBody,
    Fetch,
    Get,
    GetIds,
    Match,
    MatchAll,
    QueryOptions,
    Settled,
    SyncGetTags,
    SyncRegister,
    Synthesize,
    Unregister,
    UpdateUI,
)
from conformance.scenario.format import (
    AbortStep,
    BgCacheStep,
    CacheKeysStep,
    FetchStep,
    GetIdsStep,
    GetStep,
    GetTagsStep,
    MatchStep,
    RequestArg,
    Step,
    SyncStep,
    SynthesizeStep,
    UpdateUIStep,
)
from conformance.trace import Bound

CallCommand = (
    Fetch
    | Get
    | GetIds
    | Abort
    | Match
    | MatchAll
    | UpdateUI
    | Synthesize
    | CachePut
    | CacheKeys
    | SyncRegister
    | SyncGetTags
    | BgCacheRegister
    | Unregister
)

UNNAMED = ""
"""Stands for the call's name until the call is made."""


@attrs.frozen
class Call:
    """A call to make; ``name``: what the scenario calls its outcome; ``realm``: where it lives.

    ``held``: streamed bodies by request number, each with its gate and whether it fails.
    """

    command: CallCommand
    realm: str
    name: str | None
    wait: bool = True
    held: tuple[tuple[int, str, bool], ...] = ()


async def call_of(step: Step, values: Values) -> Call | None:
    """The call that a step makes, or None.  Raises Unmet, Absent, ScenarioError."""
    origins, where = values.session.origins, values.where
    match step:
        case Step(fetch=FetchStep() as fetch):
            realm = values.realm(fetch.realm)
            command = Fetch(
                call=UNNAMED,
                realm=realm,
                id=fetch.id,
                requests=[request_init(one, origins, where) for one in fetch.requests],
                title=fetch.title,
                icons=icons_of(fetch.icons, origins),
                download_total=fetch.download_total,
            )
            held = tuple(
                (number, one.hold, one.fails)
                for number, one in enumerate(fetch.requests)
                if isinstance(one, RequestArg) and one.hold is not None
            )
            return Call(command, realm, fetch.name, fetch.wait, held)
        case Step(get=GetStep() as get):
            realm = values.realm(get.realm)
            return Call(Get(call=UNNAMED, realm=realm, id=get.id), realm, get.name, get.wait)
        case Step(get_ids=GetIdsStep() as ids):
            realm = values.realm(ids.realm)
            return Call(GetIds(call=UNNAMED, realm=realm), realm, ids.name, ids.wait)
        case Step(abort=AbortStep() as abort):
            on, realm = await values.instance(abort.on)
            return Call(Abort(call=UNNAMED, instance=on), realm, abort.name, abort.wait)
        case Step(match=MatchStep() as match):
            return await _match(match, values, every=False)
        case Step(match_all=MatchStep() as match):
            return await _match(match, values, every=True)
        case Step(unregister=str() as name):
            return Call(Unregister(call=UNNAMED), values.realm(None), name)
    return await _worker_call(step, values)


async def _match(step: MatchStep, values: Values, *, every: bool) -> Call:
    on, realm = await values.instance(step.on)
    options = QueryOptions(step.ignore_search, step.ignore_method)
    url = None if step.url is None else url_of(step.url, values.session.origins, values.where)
    command: CallCommand
    if every:
        command = MatchAll(call=UNNAMED, instance=on, url=url, method=step.method, options=options)
    elif url is not None:
        command = Match(call=UNNAMED, instance=on, url=url, method=step.method, options=options)
    else:
        raise ScenarioError(values.where, "match needs a url")
    return Call(command, realm, step.name, step.wait)


async def _worker_call(step: Step, values: Values) -> Call | None:
    """Calls that a worker's handler typically makes, and those of the other interfaces."""
    origins, where = values.session.origins, values.where
    match step:
        case Step(update_ui=UpdateUIStep() as update):
            event = await values.event_named(update.event)
            icons = icons_of(update.icons, origins)
            command = UpdateUI(call=UNNAMED, event=event, title=update.title, icons=icons)
            return Call(command, WORKER, update.name, update.wait)
        case Step(synthesize=SynthesizeStep() as new):
            on = None if new.on is None else (await values.instance(new.on))[0]
            return Call(Synthesize(call=UNNAMED, name=new.event, instance=on), WORKER, new.name)
        case Step(cache_keys=CacheKeysStep() as keys):
            realm = values.realm(keys.realm)
            return Call(CacheKeys(call=UNNAMED, realm=realm, cache=keys.cache), realm, keys.name)
        case Step(sync=SyncStep() as sync):
            realm = values.realm(sync.realm)
            register = SyncRegister(
                call=UNNAMED,
                realm=realm,
                tag=sync.tag,
                api=sync.api,
                min_interval=sync.min_interval,
                repeating=sync.repeating,
                unregister=sync.unregister,
            )
            return Call(register, realm, sync.name, sync.wait)
        case Step(get_tags=GetTagsStep() as tags):
            realm = values.realm(tags.realm)
            return Call(SyncGetTags(call=UNNAMED, realm=realm), realm, tags.name, tags.wait)
        case Step(bgcache=BgCacheStep() as bgcache):
            realm = values.realm(bgcache.realm)
            requests = [request_init(one, origins, where) for one in bgcache.requests]
            cache = BgCacheRegister(
                call=UNNAMED, realm=realm, cache=bgcache.cache, requests=requests
            )
            return Call(cache, realm, bgcache.name, bgcache.wait)
    return None


async def make(call: Call, values: Values) -> Settled | None:
    """Make a call and bind its name; wait until it has settled, unless it says not to.

    Raises Unmet.
    """
    session, life, name = values.session, values.life(call.realm), call.name
    number = session.new_call()
    for request, gate, fails in call.held:
        body = EndBody(fetch=number, request=request, fails=fails)
        session.bodies.setdefault(gate, []).append(body)

    def bind(_: int) -> None:
        if name is not None:
            values.names.bind(name, Binding(call.realm, life, number))
            session.named[number] = name
            session.log.note(Bound(name, number))

    await session.send(msgspec.structs.replace(call.command, call=number), first=bind)
    if not call.wait:
        return None
    settled = session.log.facts.settled
    title = number if name is None else f"{number} ({name})"
    await session.until(f"{title} to settle in {values.where}", lambda: number in settled)
    return settled[number]
