"""Traces by hand: one method a line of a trace, with numbers filled in."""

from __future__ import annotations

import attrs

from conformance import protocol as p
from conformance.trace import (
    AnyNote,
    Entry,
    Quiet,
    ServerBytes,
    ServerEnd,
    ServerHead,
    ServerRequest,
)
from conformance.world.content import content

HOME = "http://app.test"
ALL_EVENTS = [
    "backgroundfetchsuccess",
    "backgroundfetchfail",
    "backgroundfetchabort",
    "backgroundfetchclick",
]


@attrs.define
class Script:
    """Collects entries; ``fetch("a", "/x")`` and so on return the builder."""

    entries: list[Entry] = attrs.field(factory=list)
    seq: int = 0
    exchange: int = 0
    at: dict[str, int] = attrs.field(factory=dict)
    totals: dict[str, int] = attrs.field(factory=dict)
    first_heads: dict[str, dict[str, str]] = attrs.field(factory=dict)

    def _add(self, **parts: object) -> Script:
        now = float(len(self.entries))
        self.entries.append(Entry(now, now, **parts))  # type: ignore[arg-type]  # one typed field each
        return self

    def send(self, make: type[p.Command], **fields: object) -> Script:
        """A command and its plain answer."""
        self.seq += 1
        self._add(sent=make(seq=self.seq, **fields))
        return self._add(answered=p.Answer(self.seq))

    def begin(self, **world: object) -> Script:
        origins = {"app": HOME, "cdn": "http://cdn.test"}
        fields = {"scenario": "hand", "origins": origins, "listen": ALL_EVENTS} | world
        return self.send(p.Begin, **fields)

    def fetch(self, id: str, *paths: str, method: str = "GET", total: int = 0) -> Script:
        """fetch() called and resolved with instance ``i-id``."""
        self.totals[id] = total
        body = "x" * 8 if method == "POST" else None
        requests = [p.RequestInit(self.url(path), method=method, body=body) for path in paths]
        call = f"c-{id}"
        self.send(p.Fetch, call=call, realm="p1", id=id, requests=requests, download_total=total)
        uploads = sum(len(r.body or "") for r in requests)
        shown = p.Snapshot(id, download_total=total, upload_total=uploads)
        return self.seen(p.Settled(call, instance=f"i-{id}", snapshot=shown))

    def url(self, key: str) -> str:
        return HOME + key if key.startswith("/") else "http://cdn.test" + key.split(":", 1)[1]

    def seen(self, observation: p.AnyObservation) -> Script:
        return self._add(seen=observation)

    def note(self, note: AnyNote) -> Script:
        return self._add(note=note)

    def quiet(self) -> Script:
        return self.note(Quiet())

    def request(self, key: str, range_: str = "", method: str = "GET") -> Script:
        self.exchange += 1
        self.at[key] = self.exchange
        headers = {"range": range_, "accept-encoding": "identity"} if range_ else {}
        return self._add(
            server=ServerRequest(self.exchange, key, method, 1, headers, self.exchange)
        )

    def head(
        self,
        key: str,
        status: int = 200,
        length: int = 16,
        *,
        first: int = 0,
        version: int = 1,
        framing: str = "length",
        encoding: str = "identity",
        **headers: str,
    ) -> Script:
        pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if status != 206 or key not in self.first_heads:
            self.first_heads[key] = dict(pairs)
        about = (status, pairs, framing, version, first, length, encoding)
        return self._add(server=ServerHead(self.at[key], *about))

    def bytes(self, key: str, decoded: int) -> Script:
        return self._add(server=ServerBytes(self.at[key], decoded))

    def end(self, key: str, how: str = "end") -> Script:
        return self._add(server=ServerEnd(self.at[key], how))

    def serve(self, key: str, status: int = 200, length: int = 16, **more: object) -> Script:
        """A whole answer."""
        self.head(key, status, length, **more)  # type: ignore[arg-type]  # header names vary
        return self.bytes(key, length).end(key)

    def settle(self, id: str, reason: str, downloaded: int, uploaded: int = 0) -> Script:
        """The last progress event and the worker's event ``e-id`` with instance ``w-id``."""
        result = "failure" if reason else "success"
        name = {"": "success", "aborted": "abort"}.get(reason, "fail")
        shown = p.Snapshot(
            id,
            downloaded=downloaded,
            uploaded=uploaded,
            upload_total=uploaded,
            download_total=self.totals.get(id, 0),
            result=result,
            failure_reason=reason,
        )
        self.seen(p.Progress(f"i-{id}", shown))
        return self.seen(
            p.WorkerEvent(f"e-{id}", f"backgroundfetch{name}", f"w-{id}", shown, name != "abort")
        )

    def match(self, id: str, *requests: tuple[str, str]) -> Script:
        """matchAll() on the worker's instance gave records ``r0``, ``r1`` …"""
        self.send(p.MatchAll, call=f"m-{id}", instance=f"w-{id}")
        records = [p.RecordInfo(f"r{i}", self.url(k), m) for i, (k, m) in enumerate(requests)]
        return self.seen(p.Settled(f"m-{id}", records=records))

    def read(self, record: str, key: str, status: int, length: int, version: int = 1) -> Script:
        """Reading a record gave a closed body."""
        self.send(p.Read, record=record)
        shown = {n: v for n, v in self.first_heads[key].items() if n != "content-range"}
        self.seen(p.Ready(record, status, shown))
        text = content(key, version, 0, length).decode("latin-1")
        return self.seen(p.Body(record, length, text=text))

    def close(self, id: str) -> Script:
        """The settle event's handler is done, and nothing more comes."""
        return self.send(p.EndEvent, event=f"e-{id}").quiet()
