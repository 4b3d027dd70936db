"""What everybody does and sees, a sentence for each entry of a trace.

The words are those of the reports, where a reader sees a run.  Here nobody asks how it is
made: what a judge does to the user agent just happens, and its own looks are left out
where they say nothing new.
"""

from __future__ import annotations

import attrs

from conformance import protocol as p
from conformance import trace as t
from conformance.report.moves import Move, moves
from conformance.report.words import bytes_of, count, interface_of, quoted


@attrs.frozen
class Sentence:
    """``input``: something that happens to the user agent, not something that it shows."""

    text: str
    input: bool


def world(trace: t.Trace) -> list[str]:
    """What is not as usual when the scenario begins."""
    for entry in trace.entries:
        if isinstance(entry.sent, p.Begin):
            begin = entry.sent
            facts = [] if begin.quota is None else [f"quota of {bytes_of(begin.quota)}"]
            facts += [] if begin.permission == "granted" else [f"permission: {begin.permission}"]
            facts += [] if begin.online else ["offline"]
            limit = begin.concurrency
            facts += [] if limit is None else [f"{count(limit, 'record')} transferred at a time"]
            return facts
    return []


def sentences(trace: t.Trace) -> list[Sentence | None]:
    """A sentence for each entry; None where a reader need not know."""
    told = [_sentence(entry, move) for entry, move in zip(trace.entries, moves(trace), strict=True)]
    looks = {entry.sent.seq for entry in trace.entries if isinstance(entry.sent, p.Look)}
    named = {entry.note.call for entry in trace.entries if isinstance(entry.note, t.Bound)}
    for index, entry in enumerate(trace.entries):
        answer = entry.answered
        # Looks that a script's waits make have no name in it.
        if answer is not None and answer.seq in looks and f"#{answer.seq}" not in named:
            told[index] = None
    return told


def _sentence(entry: t.Entry, move: Move | None) -> Sentence | None:
    if move is None:
        return None
    if entry.sent is not None:
        return _command(entry.sent, move)
    if isinstance(entry.note, t.Released):
        return Sentence(f"the server goes on ({quoted(entry.note.gate)})", True)
    if isinstance(entry.note, t.GaveUp):
        return Sentence(f"the script waits in vain for {entry.note.waiting_for}", False)
    if entry.note is not None:
        return None
    answer = entry.answered
    if answer is not None and answer.stored is not None:
        return Sentence(f"{bytes_of(answer.stored)} are stored", False)
    if answer is not None and answer.interface is not None:
        return Sentence(interface_of(answer.interface), False)
    match entry.server:
        case t.ServerHeld(gate=gate):
            text = move.text.partition(" at gate ")[0].removeprefix("holds ")
            return Sentence(f"the server pauses its answer to {text} ({quoted(gate)})", False)
        case t.ServerHead() | t.ServerBytes() | t.ServerEnd():
            return Sentence(move.sentence, True)
    return Sentence(move.sentence, False)


def _command(command: p.AnyCommand, move: Move) -> Sentence | None:
    match command:
        case p.Start() | p.Begin() | p.End() | p.Stop() | p.Look() | p.Storage() | p.Interface():
            return None
        case p.Fetch(id=name, requests=requests):
            called = ", ".join(_request(each) for each in requests)
            total = command.download_total
            options = f", {{downloadTotal: {total:,}}}" if total else ""
            text = f"{move.who} calls fetch({quoted(name)}, [{called}]{options})"
        case p.Busy(realm=realm, busy=busy):
            text = f"{realm} {'is kept busy' if busy else 'goes on'}"
        case p.EndBody(request=request, fails=fails):
            text = f"the body of request {request + 1} {'fails' if fails else 'ends'}"
        case p.OpenPage(page=page):
            text = f"page {page} opens"
        case p.ClosePage(page=page):
            text = f"page {page} closes"
        case p.Online(online=online):
            text = f"the user agent {'is online again' if online else 'goes offline'}"
        case p.SetPermission(state=state):
            text = f"the permission becomes {state}"
        case p.Quit(kill=kill):
            text = f"the user agent {'is killed' if kill else 'quits'}"
        case p.Launch():
            text = "the user agent starts again, with page p1 open"
        case p.Advance(seconds=seconds):
            text = f"{seconds:g} s pass"
        case p.Push(data=data):
            text = f"a push message arrives: {quoted(data)}"
        case _:
            text = move.sentence
    return Sentence(text, True)


def _request(init: p.RequestInit) -> str:
    path = "/" + init.url.partition("://")[2].partition("/")[2]
    facts = [] if init.body is None else [bytes_of(len(init.body.encode()))]
    facts += [] if init.mode == "cors" else [init.mode]
    method = "" if init.method == "GET" and not facts else f"{init.method} "
    return method + path + (f" ({', '.join(facts)})" if facts else "")
