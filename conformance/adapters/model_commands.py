"""Commands of the judge as inputs of the model."""

from __future__ import annotations

from urllib.parse import urldefrag

import conformance.protocol as p
from spec_model import messages as m
from spec_model.background_fetch import FetchCall
from spec_model.values import RequestSpec


def input_of(command: p.AnyCommand) -> m.Input | None:
    """The input that a command is; None for a command that needs none."""
    match command:
        case (
            p.User()
            | p.OpenPage()
            | p.ClosePage()
            | p.Online()
            | p.SetPermission()
            | p.Quit()
            | p.Launch()
            | p.Advance()
            | p.Push()
            | p.EndEvent()
            | p.EndBody()
            | p.Interface()
            | p.Busy()
        ):
            return _outside(command)
        case _:
            return _call(command)


def _outside(
    command: p.User
    | p.OpenPage
    | p.ClosePage
    | p.Online
    | p.SetPermission
    | p.Quit
    | p.Launch
    | p.Advance
    | p.Push
    | p.EndEvent
    | p.EndBody
    | p.Interface
    | p.Busy,
) -> m.Input:
    match command:
        case p.User(window=str() as window):
            return m.AutomationClicked(window, command.id)
        case p.User():
            return m.UserDid(command.action, command.id)
        case p.OpenPage():
            return m.PageOpened(command.page)
        case p.ClosePage():
            return m.PageClosed(command.page)
        case p.Online():
            return m.WentOnline(command.online)
        case p.SetPermission():
            return m.PermissionSet(command.state)
        case p.Quit():
            return m.UserAgentQuit(command.kill)
        case p.Launch():
            return m.UserAgentLaunched("p1")
        case p.Advance():
            return m.TimePassed()
        case p.Push():
            return m.Pushed(command.data)
        case p.EndBody():
            return m.BodyRead(command.fetch, command.request, command.fails)
        case p.Interface():
            return m.UserLooked(command.id)
        case p.Busy():
            return m.RealmBusy(command.realm, command.busy)
        case p.EndEvent():
            return m.EventEnded(command.event)


def _call(command: p.AnyCommand) -> m.Input | None:
    match command:
        case p.Fetch():
            return m.CallFetch(command.call, command.realm, _arguments(command))
        case p.Get():
            return m.CallGet(command.call, command.realm, command.id)
        case p.GetIds():
            return m.CallGetIds(command.call, command.realm)
        case p.Abort():
            return m.CallAbort(command.call, command.instance)
        case p.MatchAll() | p.Match():
            return m.CallMatch(
                command.call,
                command.instance,
                command.url,
                command.method,
                command.options.ignore_search,
                command.options.ignore_method,
                first=isinstance(command, p.Match),
            )
        case p.Read():
            return m.CallRead(command.record)
        case p.UpdateUI():
            return m.CallUpdateUI(command.call, command.event, command.title)
        case p.Synthesize():
            return m.CallSynthesize(command.call, command.name, command.instance)
        case p.CachePut():
            return m.CallCachePut(command.call, command.realm, command.cache, command.record)
        case p.CacheKeys():
            return m.CallCacheKeys(command.call, command.realm, command.cache)
        case p.Unregister():
            return m.CallUnregister(command.call, "p1")
        case _:
            return None


def _arguments(command: p.Fetch) -> FetchCall:
    return FetchCall(
        id=command.id,
        requests=tuple(_request(init) for init in command.requests),
        title=command.title or "",
        download_total=command.download_total,
        unread=tuple(i for i, each in enumerate(command.requests) if each.streamed),
    )


def _request(init: p.RequestInit) -> RequestSpec:
    own = {name.lower(): value for name, value in init.headers.items()}
    return RequestSpec(
        url=urldefrag(init.url).url,
        method=_method(init.method),
        body=None if init.body is None else len(init.body.encode()),
        mode=init.mode,
        own_range=own.get("range", ""),
    )


def _method(method: str) -> str:
    """Fetch, "normalize": six methods are upper-cased, the others are not."""
    upper = method.upper()
    normalized = ("DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT")
    return upper if upper in normalized else method
