"""Hand-made traces: a log to which a test adds what the judge did and saw, line by line."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import msgspec

from conformance.judge.properties import PROPERTIES
from conformance.judge.properties.evidence import Evidence
from conformance.judge.verdict import PropertyResult
from conformance.protocol import (
    Abort,
    Answer,
    AnyCommand,
    AnyObservation,
    Begin,
    Body,
    EndEvent,
    Fetch,
    Get,
    Launch,
    Look,
    Match,
    MatchAll,
    Progress,
    Quit,
    Read,
    Ready,
    RecordInfo,
    RequestInit,
    Settled,
    Snapshot,
    UpdateUI,
    User,
    WorkerEvent,
)
from conformance.trace import (
    AnyNote,
    AnyServerEntry,
    Entry,
    Quiet,
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerRequest,
    Trace,
)
from conformance.world.content import content

ORIGINS = {"app": "http://localhost:8000", "cdn": "http://localhost:8001"}
SUCCESS, FAIL, ABORT = (f"backgroundfetch{name}" for name in ("success", "fail", "abort"))
ALL_EVENTS = (SUCCESS, FAIL, ABORT)


def url(key: str) -> str:
    """The URL of a resource key."""
    origin, path = ("app", key) if key.startswith("/") else key.split(":", 1)
    return ORIGINS[origin] + path


def shows(
    id: str = "a",
    result: str = "",
    reason: str = "",
    *,
    downloaded: int = 0,
    total: int = 0,
    uploaded: int = 0,
    uploads: int = 0,
    available: bool = True,
) -> Snapshot:
    """The attributes of an instance."""
    return Snapshot(id, uploads, uploaded, total, downloaded, result, reason, available)


DONE = shows(result="success")
ABORTED = shows(result="failure", reason="aborted")


@attrs.define
class Log:
    """A trace under construction.  Methods return the position of their first entry."""

    entries: list[Entry] = attrs.field(factory=list)
    _sequence: int = 0
    _exchanges: int = 0

    def _add(self, entry: Entry) -> int:
        """One entry; its stamps repeat its position."""
        at = len(self.entries)
        self.entries.append(msgspec.structs.replace(entry, earliest=at, latest=at))
        return at

    def send(self, command: AnyCommand) -> int:
        """A command, not answered yet."""
        self._sequence += 1
        numbered = msgspec.structs.replace(command, seq=self._sequence)
        return self._add(Entry(0, 0, sent=numbered))

    def answer(self, snapshot: Snapshot | None = None, refused: str | None = None) -> int:
        """The answer to the last command."""
        answer = Answer(self._sequence, snapshot=snapshot, refused=refused)
        return self._add(Entry(0, 0, answered=answer))

    def do(self, command: AnyCommand, refused: str | None = None) -> int:
        """A command and its answer."""
        at = self.send(command)
        self.answer(refused=refused)
        return at

    def see(self, observation: AnyObservation) -> int:
        """An observation."""
        return self._add(Entry(0, 0, seen=observation))

    def serve(self, line: AnyServerEntry) -> int:
        """A line of the server's log."""
        return self._add(Entry(0, 0, server=line))

    def note(self, note: AnyNote) -> int:
        """A note of the judge."""
        return self._add(Entry(0, 0, note=note))

    def quiet(self, discharged: bool = True) -> int:
        """The end of a trace: nothing more is to come."""
        return self.note(Quiet(discharged=discharged))

    # --- what a page and a worker do --------------------------------------------------

    def begin(self, *listen: str) -> Log:
        """The first command; by default the worker listens to every settle event."""
        self.do(Begin("test", ORIGINS, list(listen or ALL_EVENTS)))
        return self

    def fetch(
        self,
        call: str = "c1",
        id: str = "a",
        requests: Sequence[str | RequestInit] = ("/x",),
        instance: str | None = "i1",
        total: int = 0,
    ) -> int:
        """A fetch() that settled with an instance; with None it stays pending."""
        asked = [one if isinstance(one, RequestInit) else RequestInit(url(one)) for one in requests]
        at = self.do(Fetch(call, "p1", id, asked, download_total=total))
        if instance is not None:
            uploads = sum(len(one.body or "") for one in asked)
            shown = shows(id, total=total, uploads=uploads)
            self.see(Settled(call, instance=instance, snapshot=shown))
        return at

    def refused_fetch(self, call: str, error: str, requests: Sequence[str] = ("/x",)) -> int:
        """A fetch() that was rejected."""
        at = self.do(Fetch(call, "p1", "r", [RequestInit(url(one)) for one in requests]))
        self.see(Settled(call, error=error))
        return at

    def update_ui(self, call: str, event: str = "e1", error: str | None = None) -> int:
        """An updateUI() that settled; where that was seen."""
        self.do(UpdateUI(call, event, "Done"))
        return self.see(Settled(call, error=error))

    def get(self, call: str, id: str, instance: str, snapshot: Snapshot | None = None) -> int:
        """A get() that settled with an instance."""
        at = self.do(Get(call, "p1", id))
        self.see(Settled(call, instance=instance, snapshot=snapshot or shows(id)))
        return at

    def abort(self, call: str, answer: bool, instance: str = "i1") -> int:
        """An abort() that settled."""
        at = self.do(Abort(call, instance))
        self.see(Settled(call, boolean=answer))
        return at

    def user_abort(self, id: str = "a", refused: str | None = None) -> int:
        """The user aborts."""
        return self.do(User("abort", id), refused)

    def look(self, instance: str, snapshot: Snapshot) -> int:
        """An instance is looked at."""
        at = self.send(Look(instance))
        self.answer(snapshot)
        return at

    def progress(self, snapshot: Snapshot, instance: str = "i1") -> int:
        """A progress event."""
        return self.see(Progress(instance, snapshot))

    def event(
        self,
        name: str = SUCCESS,
        snapshot: Snapshot | None = DONE,
        instance: str | None = "w1",
        event: str = "e1",
    ) -> int:
        """A worker event; its handler runs until ``end``."""
        return self.see(WorkerEvent(event, name, instance, snapshot))

    def end(self, event: str = "e1") -> int:
        """The handler of an event is done."""
        return self.do(EndEvent(event))

    def match_all(
        self,
        call: str,
        records: Sequence[tuple[str, str] | tuple[str, str, str]] | None,
        instance: str = "w1",
        query: str | None = None,
        error: str | None = None,
    ) -> int:
        """A matchAll(); records are (name, key) or (name, key, method)."""
        at = self.do(MatchAll(call, instance, None if query is None else url(query)))
        self.see(Settled(call, error=error, records=_infos(records)))
        return at

    def match(
        self,
        call: str,
        query: str,
        records: Sequence[tuple[str, str]] | None,
        instance: str = "w1",
        error: str | None = None,
    ) -> int:
        """A match() of a URL."""
        at = self.do(Match(call, instance, url(query)))
        self.see(Settled(call, error=error, records=_infos(records)))
        return at

    def read(self, record: str, body: bytes, status: int = 200) -> int:
        """A record was read to its end."""
        at = self.do(Read(record))
        self.see(Ready(record, status))
        self.see(Body(record, len(body), text=body.decode("latin-1")))
        return at

    def quit(self, kill: bool) -> int:
        """The user agent is ended and launched again."""
        at = self.do(Quit(kill=kill))
        self.do(Launch())
        return at

    # --- what the server does ---------------------------------------------------------

    def request(self, key: str, method: str = "GET", range: str | None = None, **more: str) -> int:
        """A request comes; the answer is given with ``head`` and ``write``."""
        self._exchanges += 1
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        if range is not None:
            headers |= {"range": range, "accept-encoding": "identity"}
        return self.serve(ServerRequest(self._exchanges, key, method, 1, headers, 1))

    def head(
        self,
        status: int = 200,
        length: int = 16,
        *,
        version: int = 1,
        first: int = 0,
        framing: str = "length",
        encoding: str = "identity",
        **headers: str,
    ) -> int:
        """The head of the answer to the last request; ``length`` in decoded bytes."""
        named = [(name.replace("_", "-").title(), value) for name, value in headers.items()]
        return self.serve(
            ServerHead(self._exchanges, status, named, framing, version, first, length, encoding)
        )

    def write(self, decoded: int, how: str | None = "end") -> int:
        """So many bytes of the last answer, and how it ended (None: not yet)."""
        at = self.serve(ServerBytes(self._exchanges, decoded))
        if how is not None:
            self.serve(ServerEnd(self._exchanges, how))
        return at

    def exchange(self, key: str = "/x", size: int = 16, version: int = 1) -> int:
        """A plain GET, answered whole."""
        at = self.request(key)
        self.head(200, size, version=version, etag=f'"v{version}"')
        self.write(size)
        return at

    def resumed(self, key: str, at: int, size: int, *, version: int = 1, etag: str = '"v1"') -> int:
        """A GET cut after ``at`` bytes and resumed with a 206 of a version; where that came."""
        self.request(key)
        self.head(200, size, etag='"v1"')
        self.write(at, "reset")
        position = self.request(key, range=f"bytes={at}-")
        said = f"bytes {at}-{size - 1}/{size}"
        self.head(206, size - at, version=version, first=at, etag=etag, content_range=said)
        self.write(size - at)
        return position

    # --- judging ----------------------------------------------------------------------

    def trace(self) -> Trace:
        """The trace so far."""
        return Trace("test", "hand", "1", [], ORIGINS, False, list(self.entries))


def judge(name: str, trace: Trace | Log) -> PropertyResult:
    """One property over a trace."""
    made = trace.trace() if isinstance(trace, Log) else trace
    return PROPERTIES[name].check(Evidence.of(made))


def whole(key: str = "/x", size: int = 16, version: int = 1) -> bytes:
    """The content of a resource."""
    return content(key, version, 0, size)


def _infos(
    records: Sequence[tuple[str, str] | tuple[str, str, str]] | None,
) -> list[RecordInfo] | None:
    if records is None:
        return None
    return [RecordInfo(one[0], url(one[1]), *one[2:]) for one in records]


def holds(result: PropertyResult, times: int) -> None:
    """The property holds, and its premise was met so many times."""
    assert (result.holds, result.instances) == (True, times), result


def breaks(result: PropertyResult, entry: int, *words: str) -> None:
    """The property is broken at that entry, for a reason with these words."""
    assert (result.holds, result.entry) == (False, entry), result
    assert all(word in result.why for word in words), result.why


def unclear(result: PropertyResult, *words: str) -> None:
    """The property cannot be told, for a reason with these words."""
    assert result.holds is None, result
    assert all(word in result.why for word in words), result.why
