"""A trace in plain words: who did what to whom.

Each entry of a trace becomes a *move* between two lanes of a sequence diagram:
the pages and the worker above, the user agent in the middle, the server and
the judge below.  The same words, with the actor before them, make the sentence
that a report says about one entry.

An entry names calls, instances, records and exchanges, not lanes; which realm
they belong to is remembered while the trace is read from its start.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import msgspec

from conformance import protocol as p
from conformance import trace as t
from conformance.report.words import (
    bytes_of,
    count,
    interface_of,
    quoted,
    requests_of,
    snapshot_of,
    value_of,
)

AGENT = "user agent"
SERVER = "server"
JUDGE = "judge"


@attrs.frozen
class Move:
    """One entry.  ``who`` is the actor of ``text``; ``dull`` names a thing that is often
    repeated, so that a run of the same may be folded, and is empty for others.

    ``source`` equal to ``target`` is a note on one lane.  ``kind`` is ``input`` (the
    judge made it happen), ``output`` (the implementation showed it) or ``note``.
    """

    entry: int
    source: str
    target: str
    who: str
    text: str
    kind: str
    dull: str = ""

    @property
    def sentence(self) -> str:
        """The whole sentence, without a full stop."""
        return f"{self.who} {self.text}"


def moves(trace: t.Trace) -> list[Move | None]:
    """A move for each entry; None where there is nothing to show (an empty answer)."""
    reader = _Reader()
    return [reader.read(index, entry) for index, entry in enumerate(trace.entries)]


def lanes(all_moves: Sequence[Move | None]) -> list[str]:
    """The lanes that are used: pages in order of appearance, worker, user agent, server, judge."""
    used = [lane for move in all_moves if move for lane in (move.source, move.target)]
    fixed = (p.WORKER, AGENT, SERVER, JUDGE)
    pages = [lane for lane in dict.fromkeys(used) if lane not in fixed]
    return pages + [lane for lane in fixed if lane in used or lane == AGENT]


def _noun(lane: str) -> str:
    return f"the {lane}" if lane in (p.WORKER, AGENT, SERVER, JUDGE) else f"page {lane}"


@attrs.define
class _Reader:
    """Remembers what names stand for while a trace is read."""

    calls: dict[str, tuple[str, str]] = attrs.field(factory=dict)  # call: realm, what was called
    instances: dict[str, str] = attrs.field(factory=dict)  # instance: realm
    records: dict[str, tuple[str, str]] = attrs.field(factory=dict)  # record: realm, URL path
    exchanges: dict[int, str] = attrs.field(factory=dict)  # exchange: resource key
    sent: dict[int, p.AnyCommand] = attrs.field(factory=dict)

    def read(self, index: int, entry: t.Entry) -> Move | None:
        if entry.sent is not None:
            self.sent[entry.sent.seq] = entry.sent
            source, who, text = self.command(entry.sent)
            dull = "look" if isinstance(entry.sent, p.Look) else ""
            return Move(index, source, AGENT, who, text, "input", dull)
        if entry.answered is not None:
            return self.answer(index, entry.answered)
        if entry.seen is not None:
            realm, text = self.observation(entry.seen)
            dull = type(entry.seen).__name__ if isinstance(entry.seen, _OFTEN) else ""
            return Move(index, AGENT, realm, _noun(realm), text, "output", dull)
        if entry.server is not None:
            return self.exchange(index, entry.server)
        if entry.note is not None:
            return self.note(index, entry.note)
        return None

    # --- commands ---------------------------------------------------------------------

    def command(self, command: p.AnyCommand) -> tuple[str, str, str]:
        """Lane, actor and words of one command."""
        called = self._call(command)
        if called is not None:
            realm, what = called
            call = getattr(command, "call", "")
            if call:
                self.calls[call] = (realm, what)
            return realm, _noun(realm), what
        if isinstance(command, p.User) and command.window is not None:
            return JUDGE, "WebDriver", f"clicks the interface of {quoted(command.id)}"
        if isinstance(command, p.User):
            return JUDGE, "the user", f"{_USER[command.action]} {quoted(command.id)}"
        return JUDGE, "the judge", self._world(command)

    def _call(self, command: p.AnyCommand) -> tuple[str, str] | None:
        """Realm and words of what a script does; None for what no script does."""
        called = self._method(command)
        if called is not None:
            return called[0], f"calls {called[1]}"
        match command:
            case p.Look(instance=instance):
                return self._realm(instance), f"looks at the attributes of {instance}"
            case p.Read(record=record):
                realm, path = self._record(record)
                return realm, f"awaits responseReady of {path} and reads its body"
            case p.EndEvent(event=event, outcome=outcome):
                return p.WORKER, f"{outcome}s the promise given to {event}.waitUntil()"
            case _:
                return None

    def _method(self, command: p.AnyCommand) -> tuple[str, str] | None:
        """Realm and words of a call of one method."""
        match command:
            case p.Fetch(realm=realm, id=name, requests=requests):
                return realm, f"fetch({quoted(name)}, {requests_of(requests)})"
            case p.Get(realm=realm, id=name):
                return realm, f"get({quoted(name)})"
            case p.GetIds(realm=realm):
                return realm, "getIds()"
            case p.Abort(instance=instance):
                return self._realm(instance), f"{instance}.abort()"
            case p.MatchAll(instance=instance, url=url):
                argument = "" if url is None else quoted(_path(url))
                return self._realm(instance), f"{instance}.matchAll({argument})"
            case p.Match(instance=instance, url=url):
                return self._realm(instance), f"{instance}.match({quoted(_path(url))})"
            case _:
                return self._worker_call(command) or self._storage_call(command)

    def _worker_call(self, command: p.AnyCommand) -> tuple[str, str] | None:
        match command:
            case p.UpdateUI(event=event, title=title):
                argument = "" if title is None else f"title {quoted(title)}"
                return p.WORKER, f"{event}.updateUI({argument})"
            case p.Synthesize(name=name):
                return p.WORKER, f"new BackgroundFetchUpdateUIEvent({quoted(name)})"
            case p.Unregister():
                return p.WORKER, "registration.unregister()"
            case _:
                return None

    def _storage_call(self, command: p.AnyCommand) -> tuple[str, str] | None:
        match command:
            case p.CachePut(realm=realm, cache=cache, record=record):
                return realm, f"put({self._record(record)[1]}) of cache {quoted(cache)}"
            case p.CacheKeys(realm=realm, cache=cache):
                return realm, f"keys() of cache {quoted(cache)}"
            case p.SyncRegister(realm=realm, tag=tag, api=api, unregister=unregister):
                verb = "unregister" if unregister else "register"
                return realm, f"{verb}({quoted(tag)}) of {api}"
            case p.SyncGetTags(realm=realm):
                return realm, "getTags()"
            case p.BgCacheRegister(realm=realm, cache=cache, requests=requests):
                return realm, f"bgCache.register({quoted(cache)}, {requests_of(requests)})"
            case _:
                return None

    def _world(self, command: p.AnyCommand) -> str:
        """Words of what the judge does to the user agent."""
        match command:
            case p.Start():
                return "opens the session"
            case p.Begin(quota=quota, permission=permission, online=online):
                facts = [] if quota is None else [f"quota {bytes_of(quota)}"]
                facts += [] if permission == "granted" else [f"permission {permission}"]
                facts += [] if online else ["offline"]
                return "begins a scenario" + (f": {', '.join(facts)}" if facts else "")
            case p.End():
                return "ends the scenario"
            case p.Stop():
                return "ends the session"
            case p.Busy(realm=realm, busy=busy):
                return f"keeps {realm} busy" if busy else f"lets {realm} go on"
            case p.EndBody(request=request, fails=fails):
                return f"lets request body {request + 1} {'fail' if fails else 'end'}"
            case p.Interface(id=name):
                return f"asks what is displayed of {quoted(name)}"
            case p.OpenPage(page=page):
                return f"opens page {page}"
            case p.ClosePage(page=page):
                return f"closes page {page}"
            case p.Online(online=online):
                return "brings the user agent online" if online else "takes the user agent offline"
            case p.SetPermission(state=state):
                return f"sets the permission to {state}"
            case p.Quit(kill=kill):
                return "kills the user agent" if kill else "quits the user agent"
            case p.Launch():
                return "launches the user agent again"
            case p.Advance(seconds=seconds):
                return f"lets {seconds:g} s pass"
            case p.Storage():
                return "asks how many body bytes are stored"
            case p.Push(data=data):
                return f"delivers a push message {quoted(data)}"
            case _:
                return f"sends {type(command).__name__}"

    # --- answers and observations -----------------------------------------------------

    def answer(self, index: int, answer: p.Answer) -> Move | None:
        command = self.sent.get(answer.seq)
        lane = JUDGE if command is None else self.command(command)[0]
        if answer.refused is not None:
            text = f"is told that this is not offered: {answer.refused}"
        elif answer.unsupported is not None:
            text = f"is told that this cannot be done: {answer.unsupported}"
        elif answer.snapshot is not None:
            text = f"sees {snapshot_of(answer.snapshot)}"
        elif answer.stored is not None:
            text = f"is told that {bytes_of(answer.stored)} are stored"
        elif answer.interface is not None:
            text = f"sees that {interface_of(answer.interface)}"
        else:
            return None
        who = self.command(command)[1] if isinstance(command, p.User) else _noun(lane)
        dull = "look" if isinstance(command, p.Look) else ""
        return Move(index, AGENT, lane, who, text, "output", dull)

    def observation(self, seen: p.AnyObservation) -> tuple[str, str]:
        """Realm and words of one observation."""
        match seen:
            case p.Settled():
                return self._settled(seen)
            case p.Progress(instance=instance, snapshot=snapshot):
                return self._realm(
                    instance
                ), f"gets progress at {instance}: {snapshot_of(snapshot)}"
            case p.WorkerEvent():
                return p.WORKER, self._event(seen)
            case p.Ready(record=record, status=status, error=error):
                realm, path = self._record(record)
                what = f"rejects with {error}" if error else f"fulfils with status {status}"
                return realm, f"sees that responseReady of {path} {what}"
            case p.Received(record=record, length=length):
                realm, path = self._record(record)
                return realm, f"has read {bytes_of(length)} of {path}"
            case p.Body(record=record, length=length, error=error):
                realm, path = self._record(record)
                end = f"errors with {error}" if error else "ends"
                return realm, f"sees that the body of {path} {end} after {bytes_of(length)}"
            case p.Log(text=text):
                return AGENT, f"logs: {text}"

    def _settled(self, seen: p.Settled) -> tuple[str, str]:
        realm, what = self.calls.get(seen.call, (p.WORKER, seen.call))
        if seen.instance is not None:
            self.instances.setdefault(seen.instance, realm)
        for record in seen.records or []:
            self.records[record.record] = (realm, _path(record.url))
        # Only the name of what was called: its arguments stand at the call.
        name = what.removeprefix("calls ").partition("(")[0] + "()" if "(" in what else what
        return realm, f"sees {name} {value_of(seen)}"

    def _event(self, seen: p.WorkerEvent) -> str:
        text = f"gets {seen.name}"
        if seen.instance is not None:
            self.instances.setdefault(seen.instance, p.WORKER)
        if seen.snapshot is not None:
            text += f" for {snapshot_of(seen.snapshot)}"
        return text + (f" with tag {quoted(seen.tag)}" if seen.tag else "")

    def _realm(self, instance: str) -> str:
        return self.instances.get(instance, p.WORKER)

    def _record(self, record: str) -> tuple[str, str]:
        return self.records.get(record, (p.WORKER, record))

    # --- the server and the judge's own notes -----------------------------------------

    def exchange(self, index: int, entry: t.AnyServerEntry) -> Move:
        """The move of one line of the server's log."""
        key = self.exchanges.get(entry.exchange, f"exchange {entry.exchange}")
        match entry:
            case t.ServerRequest(key=key, method=method, attempt=attempt, headers=headers):
                self.exchanges[entry.exchange] = key
                ranged = f", range {headers['range']}" if "range" in headers else ""
                text = f"gets {method} {key} (request {attempt}{ranged})"
                return Move(index, AGENT, SERVER, "the server", text, "output")
            case t.ServerRequestBody(length=length, complete=complete):
                end = "" if complete else ", then it breaks off"
                text = f"gets {bytes_of(length)} of request body for {key}{end}"
                return Move(index, AGENT, SERVER, "the server", text, "output")
            case t.ServerLost():
                text = f"finds the client of {key} gone"
                return Move(index, AGENT, SERVER, "the server", text, "output")
            case t.ServerHeld(gate=gate):
                text = f"holds {key} at gate {gate}"
                return Move(index, SERVER, SERVER, "the server", text, "note")
            case t.ServerHead(status=status, headers=headers):
                ranged = "".join(f", {v}" for k, v in headers if k.lower() == "content-range")
                text = f"answers {key} with {status}{ranged}"
            case t.ServerBytes(decoded=decoded):
                text = f"has sent {bytes_of(decoded)} of {key}"
            case t.ServerEnd(how=how):
                text = f"{_END.get(how, how)} {key}"
        dull = "bytes" if isinstance(entry, t.ServerBytes) else ""
        return Move(index, SERVER, AGENT, "the server", text, "input", dull)

    def note(self, index: int, note: t.AnyNote) -> Move | None:
        """The move of one of the judge's notes."""
        match note:
            case t.Released(gate=gate):
                return Move(index, JUDGE, SERVER, "the judge", f"opens gate {gate}", "input")
            case t.Quiet(bounded=bounded, discharged=discharged):
                text = "sees that nothing more comes" if bounded else "sees nothing more for now"
                if not discharged:
                    text += ", but the world still owes an answer"
            case t.GaveUp(waiting_for=waiting_for):
                text = f"gives up waiting for {waiting_for}"
            case t.Broken(why=why):
                text = f"finds the adapter broken: {why}"
            case t.Bound():
                return None
        return Move(index, JUDGE, JUDGE, "the judge", text, "note")


_OFTEN = (p.Received, p.Progress)
_USER = {
    "pause": "pauses",
    "resume": "resumes",
    "abort": "aborts",
    "click": "clicks",
    "accept": "accepts",
    "refuse": "refuses",
    "dismiss": "dismisses",
}
_END = {
    "end": "ends its answer to",
    "close": "closes the connection early on",
    "reset": "resets the connection of",
    "drop": "drops the connection without an answer to",
}


def _path(url: str) -> str:
    """What a reader recognises of a URL: its path."""
    rest = url.partition("://")[2]
    return "/" + rest.partition("/")[2] if rest else url


def details(entry: t.Entry) -> str:
    """The entry itself as compact JSON, for whoever doubts the words."""
    return msgspec.json.encode(entry).decode()


def when(entry: t.Entry) -> str:
    """The entry's time in seconds."""
    return f"{entry.latest:.3f}"


__all__ = ["AGENT", "JUDGE", "SERVER", "Move", "count", "details", "lanes", "moves", "when"]
