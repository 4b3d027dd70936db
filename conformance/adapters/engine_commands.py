"""The judge's commands, as what the engine's own interface offers.

What is answered by a promise is a call: it begins before the command is answered, and its
outcome is an observation of the page that made it.  Everything else is done at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import get_args

import attrs
import trio

import conformance.protocol as p
from conformance.adapters.engine_life import Dispatched, Life, Page, StreamedBody
from transfer_engine import (
    BackgroundFetchUpdateUIEvent,
    FetchOptions,
    Icon,
    NotOffered,
    Permission,
    QueryOptions,
    Request,
    ScriptError,
)
from transfer_engine.messages import Mode

Work = Callable[[], Awaitable[p.Settled]]

PERMISSIONS: dict[str, Permission] = {state: state for state in get_args(Permission)}
_MODES: dict[str, Mode] = {mode: mode for mode in get_args(Mode)}


@attrs.define(eq=False)
class Doing:
    """One command, done by a user agent that runs."""

    life: Life

    async def do(self, command: p.AnyCommand) -> p.Answer:
        """Answer when the call has been made, or the action is done.  Raises KeyError."""
        match command:
            case p.User():
                return p.Answer(command.seq, refused=await self._user(command))
            case p.Look():
                return p.Answer(command.seq, snapshot=self.life.look(command.instance))
            case p.Interface():
                return p.Answer(command.seq, interface=self._shown(command.id))
            case p.Storage():
                return p.Answer(command.seq, stored=self.life.engine.storage().responses)
        if not self._surroundings(command):
            await self._call(command)
        return p.Answer(command.seq)

    def _shown(self, id: str) -> p.Shown:
        """What is on display.  The pause of the protocol is a toggle, which also resumes."""
        for shown in self.life.engine.interface.shown():
            if shown.id == id:
                return p.Shown(
                    displayed=True,
                    origin=shown.origin,
                    title=shown.title,
                    busy=shown.busy,
                    dismissible=shown.dismissible,
                    can_abort=shown.can_abort,
                    can_pause=shown.can_pause or shown.can_resume,
                )
        return p.Shown()

    async def _user(self, command: p.User) -> str | None:
        """Why the interface does not offer it, or None when it is done."""
        interface = self.life.engine.interface
        actions: dict[str, Callable[[str], Awaitable[None]]] = {
            "pause": interface.pause,
            "resume": interface.resume,
            "abort": interface.abort,
            "click": interface.click,
            "accept": interface.accept,
            "refuse": interface.refuse,
            "dismiss": interface.dismiss,
        }
        try:
            await actions[command.action](command.id)
        except NotOffered as refusal:
            return refusal.why
        return None

    def _surroundings(self, command: p.AnyCommand) -> bool:
        """What needs no task; whether it was that."""
        life = self.life
        match command:
            case p.OpenPage():
                life.open_page(command.page)
            case p.ClosePage():
                life.close_page(command.page)
            case p.Busy():
                life.pages[command.realm].realm.set_busy(command.busy)
            case p.EndBody():
                life.end_stream(command.fetch, command.request, fails=command.fails)
            case p.Online():
                life.profile.online = command.online
                life.engine.set_online(command.online)
            case p.SetPermission():
                life.profile.permission = command.state
                life.engine.set_permission(PERMISSIONS[command.state])
            case p.EndEvent():
                life.end_event(command.event, rejects=command.outcome == "reject")
            case p.Push():
                life.push_message(command.data)
            case p.Read():
                life.read(command.record)
            case p.Advance():
                pass  # time passes by itself: the judge waits on the same clock
            case _:
                return False
        return True

    async def _call(self, command: p.AnyCommand) -> None:
        """What is answered by a promise."""
        made = self._of_page(command) or self._of_instance(command) or self._of_worker(command)
        assert made is not None, f"a command that nobody does: {command}"
        call, page, work = made
        await self.life.call(call, page, work)

    def _of_page(self, command: p.AnyCommand) -> tuple[str, Page, Work] | None:
        life = self.life
        match command:
            case p.Fetch(call=call, realm=realm):
                page = life.pages[realm]
                return call, page, lambda: _fetch(life, page, command)
            case p.Get(call=call, realm=realm):
                page = life.pages[realm]
                return call, page, lambda: _get(life, page, command)
            case p.GetIds(call=call, realm=realm):
                page = life.pages[realm]
                return call, page, lambda: _get_ids(page, call)
            case p.CachePut(call=call, realm=realm, cache=cache, record=record):
                page = life.pages[realm]
                return call, page, lambda: _seen(page, life.put(call, cache, record))
            case p.CacheKeys(call=call, realm=realm, cache=cache):
                page = life.pages[realm]
                return call, page, lambda: _seen(page, _cache_keys(life, call, cache))
            case p.Unregister(call=call):
                page = life.pages["p1"]
                return call, page, lambda: _seen(page, _unregister(life, call))
        return None

    def _of_instance(self, command: p.AnyCommand) -> tuple[str, Page, Work] | None:
        life = self.life
        match command:
            case p.Abort(call=call, instance=instance):
                return call, life.page_of(instance), lambda: _abort(life, call, instance)
            case p.MatchAll(call=call, instance=instance) | p.Match(call=call, instance=instance):
                page = life.page_of(instance)
                return call, page, lambda: _match(life, page, command)
        return None

    def _of_worker(self, command: p.AnyCommand) -> tuple[str, Page, Work] | None:
        life = self.life
        worker = life.pages[p.WORKER]
        match command:
            case p.UpdateUI(call=call):
                return call, worker, lambda: _update_ui(life, command)
            case p.Synthesize(call=call):
                return call, worker, lambda: _seen(worker, _synthesize(life, command))
        return None


async def _seen(page: Page, work: Awaitable[p.Settled]) -> p.Settled:
    """A promise that is not the engine's own: the page learns of it when it is free."""
    return await page.realm.mail.settled(work)


def _body(life: Life, page: Page, command: p.Fetch, number: int) -> bytes | StreamedBody | None:
    given = command.requests[number]
    if given.body is None:
        return None
    if given.streamed:
        return life.stream(command.call, number, page, given.body.encode())
    return given.body.encode()


async def _fetch(life: Life, page: Page, command: p.Fetch) -> p.Settled:
    requests = [
        Request(
            one.url,
            one.method,
            dict(one.headers),
            _body(life, page, command, number),
            _mode(one.mode),
        )
        for number, one in enumerate(command.requests)
    ]
    icons = tuple(_icons(command.icons) or ())
    options = FetchOptions(command.title or "", icons, command.download_total)
    return life.gave(command.call, page, await page.realm.fetch(command.id, requests, options))


async def _get(life: Life, page: Page, command: p.Get) -> p.Settled:
    return life.gave(command.call, page, await page.realm.get(command.id))


async def _get_ids(page: Page, call: str) -> p.Settled:
    return p.Settled(call, strings=await page.realm.get_ids())


async def _cache_keys(life: Life, call: str, cache: str) -> p.Settled:
    return p.Settled(call, strings=await life.caches.keys(cache))


async def _unregister(life: Life, call: str) -> p.Settled:
    life.profile.worker = False
    return p.Settled(call, boolean=await life.engine.unregister())


async def _abort(life: Life, call: str, instance: str) -> p.Settled:
    return p.Settled(call, boolean=await life.names.instances[instance].abort())


async def _match(life: Life, page: Page, command: p.Match | p.MatchAll) -> p.Settled:
    on = life.names.instances[command.instance]
    given = command.options
    options = QueryOptions(given.ignore_search, given.ignore_method, given.ignore_vary)
    asked = None if command.url is None else Request(command.url, command.method)
    if isinstance(command, p.MatchAll):
        return life.matched(command.call, page, await on.match_all(asked, options))
    found = await on.match(Request(command.url, command.method), options)
    if found is None:
        return p.Settled(command.call)
    return life.matched(command.call, page, [found])


async def _update_ui(life: Life, command: p.UpdateUI) -> p.Settled:
    event = life.names.events[command.event].event
    if not isinstance(event, BackgroundFetchUpdateUIEvent):
        raise ScriptError("TypeError", "this event has no updateUI")
    icons = _icons(command.icons)
    await event.update_ui(title=command.title, icons=None if icons is None else tuple(icons))
    return p.Settled(command.call)


async def _synthesize(life: Life, command: p.Synthesize) -> p.Settled:
    await trio.lowlevel.checkpoint()
    on = None if command.instance is None else life.names.instances[command.instance]
    event = BackgroundFetchUpdateUIEvent(command.name, on)
    return p.Settled(command.call, event=life.names.events.give(Dispatched(event)))


def _icons(icons: list[p.Icon] | None) -> list[Icon] | None:
    return None if icons is None else [Icon(one.src, one.sizes, one.type) for one in icons]


def _mode(mode: str) -> Mode:
    """Raises ScriptError: an enumeration's unknown value is a TypeError of the language."""
    if mode not in _MODES:
        raise ScriptError("TypeError", f"no mode {mode!r}")
    return _MODES[mode]
