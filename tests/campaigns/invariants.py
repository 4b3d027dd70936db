"""What must hold after every crash and every recovery: I1 to I10, one function each.

Each takes a ``Scene`` and gives the sentences that say what is broken; none means that it
holds.  ``cut_at_kill`` scenes are those where the power went at the durability level that
does not promise to survive it: there what is *wrong* is still forbidden (I1, I2, I5, I6,
I7), what is *lost* is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import attrs

from tests.campaigns.story import BODIES, JOBS, UPLOAD, Delivery, Shore
from transfer_engine import Image, RecordRow
from transfer_engine.boot_note import Durability, Trust, read_note


class Request(Protocol):
    """What a server noted of one request."""

    @property
    def path(self) -> str:
        """With its query."""
        ...

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name."""
        ...

    @property
    def body(self) -> bytes:
        """All of it."""
        ...


class Heard(Protocol):
    """What a server noted: whole requests, and the paths of all that were begun."""

    @property
    def log(self) -> Sequence[Request]:
        """In the order of their coming."""
        ...

    @property
    def heads(self) -> list[str]:
        """As above."""
        ...


class Told(Protocol):
    """What callers were told, and the server."""

    resolved: set[str]
    aborted: set[str]
    dispatched: set[str]
    delivered: dict[str, list[Delivery]]
    shores: list[Shore]

    @property
    def server(self) -> Heard:
        """The one server."""
        ...


class Durable(Protocol):
    """What is on the disk now."""

    @property
    def durability(self) -> Durability:
        """The engine's level."""
        ...

    @property
    def boot(self) -> int | str:
        """Which boot this is."""
        ...

    @property
    def note(self) -> str:
        """See ``boot_note``."""
        ...

    def image(self) -> Image:
        """What a journal opened now would load."""
        ...

    def contents(self) -> dict[str, bytes]:
        """Every body."""
        ...

    def in_memory(self, name: str, start: int) -> int:
        """How far the kernel has a body in memory from ``start`` on."""
        ...


@attrs.define
class Crash:
    """The moment after a crash, before anything was opened.

    ``asked`` requests had come and ``shores`` recoveries had ended; ``trust`` is what the note
    on the disk says of the files; ``in_memory`` says how far the kernel has them in memory.
    """

    image: Image
    files: dict[str, bytes]
    cut: bool
    asked: int
    shores: int
    trust: Trust
    in_memory: dict[str, int]

    def kept(self, row: RecordRow) -> int:
        """Bytes of a body that the next engine need not fetch again."""
        if self.trust.tail == "there":
            return len(self.files.get(row.body, b""))
        return self.in_memory[row.body] if self.trust.tail == "in memory" else row.length


S = TypeVar("S", bound=Told, covariant=True)
D = TypeVar("D", bound=Durable, covariant=True)


@attrs.define
class Scene(Generic[S, D]):
    """A story with its crashes so far.

    ``bodies``: by path.  ``shown``: how a delivered body is compared.  ``faulty``: the disk
    has failed on the way.
    """

    story: S
    machine: D
    crashes: list[Crash] = attrs.field(factory=list)
    faulty: bool = False
    bodies: Mapping[str, bytes] = attrs.field(factory=lambda: BODIES)
    jobs: Mapping[str, list[str]] = attrs.field(factory=lambda: JOBS)
    upload: bytes = UPLOAD
    shown: Callable[[bytes], bytes] = lambda body: body

    @property
    def cut_at_kill(self) -> bool:
        """See above."""
        return self.machine.durability == "kill" and any(crash.cut for crash in self.crashes)

    def crash(self, *, cut: bool) -> None:
        """Note what is left."""
        files = self.machine.contents()
        asked, shores = len(self.story.server.log), len(self.story.shores)
        trust = read_note(self.machine.note, str(self.machine.boot))
        image = self.machine.image()
        kept = {row.body: self.machine.in_memory(row.body, row.length) for row in image.records}
        self.crashes.append(Crash(image, files, cut, asked, shores, trust, kept))


AnyScene = Scene[Told, Durable]


def path_of(row: RecordRow) -> str:
    """The path that a record asks for."""
    return urlsplit(row.request.url).path


def i1_reported_bodies_are_whole(scene: AnyScene) -> Iterator[str]:
    """A record reported complete has exactly the bytes of one representation."""
    for fetch, deliveries in scene.story.delivered.items():
        paths = [(p, scene.bodies.get(p)) for p in scene.jobs[fetch]]
        wanted = tuple(
            (201 if p.endswith("/post") else 200, None if body is None else scene.shown(body))
            for p, body in paths
        )
        for outcome, bodies in deliveries:
            if outcome != "success" or fetch == "doomed":
                continue
            if scene.faulty and any(isinstance(body, str) for body in bodies):
                continue  # a read that failed was reported as such
            if bodies != wanted:
                shown = [b if isinstance(b, str) else len(b[1]) for b in bodies]
                yield f"{fetch} was reported complete with other bytes: {shown}"


def prefixes(scene: AnyScene, image: Image, files: dict[str, bytes]) -> Iterator[str]:
    """What the rows of a disk count that its bodies do not have."""
    for row in image.records:
        path = path_of(row)
        if not row.length or row.result not in ("", "success") or path not in scene.bodies:
            continue
        content = files.get(row.body, b"")[: row.length]
        if content != scene.bodies[path][: row.length]:
            there = len(content)
            yield f"{path}: {row.length} bytes are noted, {there} are there or they are others"


def i2_no_length_is_ahead_of_its_bytes(scene: AnyScene) -> Iterator[str]:
    """What the journal counts is on the disk, as it was sent."""
    for crash in scene.crashes:
        if not crash.trust.lost:
            yield from prefixes(scene, crash.image, crash.files)
    for shore in scene.story.shores:
        yield from prefixes(scene, shore.image, shore.files)


def i3_what_was_acknowledged_is_there(scene: AnyScene) -> Iterator[str]:
    """A resolved fetch() is in the journal, or has been delivered."""
    if scene.cut_at_kill:
        return
    there = {job.id for job in scene.machine.image().jobs}
    for fetch in scene.story.resolved - there - scene.story.delivered.keys():
        yield f"{fetch} was promised and is lost"


def i4_no_abort_comes_back(scene: AnyScene) -> Iterator[str]:
    """abort() answered true: never another outcome."""
    if scene.cut_at_kill:
        return
    for fetch in scene.story.aborted:
        for outcome, _ in scene.story.delivered.get(fetch, []):
            if outcome != "aborted":
                yield f"{fetch} was aborted and ended as {outcome}"
        for job in scene.machine.image().jobs:
            if job.id == fetch and not job.aborted:
                yield f"{fetch} was aborted and its row says nothing of it"


def i5_ledgers_equal_the_disk(scene: AnyScene) -> Iterator[str]:
    """Storage in use, as the engine counts it, is what there is."""
    for shore in scene.story.shores:
        uploads = {row.request_body for row in shore.image.records if row.request_body}
        responses = sum(len(c) for name, c in shore.files.items() if name not in uploads)
        if shore.storage.responses != responses:
            yield f"{shore.storage.responses} bytes are counted, {responses} are on the disk"
        noted = sum(row.request_length for row in shore.image.records)
        if shore.storage.requests != noted:
            yield f"{shore.storage.requests} request bytes are counted, {noted} are noted"


def i6_no_orphans(scene: AnyScene) -> Iterator[str]:
    """After a recovery every file has a row."""
    for shore in scene.story.shores:
        yield from _orphans(shore)


def _orphans(shore: Shore) -> Iterator[str]:
    named = {row.body for row in shore.image.records}
    named |= {row.request_body for row in shore.image.records if row.request_body}
    for name in shore.files.keys() - named:
        yield f"{name} belongs to nobody"


def i7_recovery_is_idempotent(scene: AnyScene) -> Iterator[str]:
    """A recovery right after a recovery finds nothing to change.

    Compared where nothing had happened in between: neither a row nor a file had changed, and
    no recovery that ended early was followed by a power cut, which may bring back what was.
    """
    shores = scene.story.shores
    for crash in scene.crashes:
        cut = any(other.cut for other in scene.crashes if other.shores == crash.shores)
        if cut or not 0 < crash.shores < len(shores):
            continue
        before, after = shores[crash.shores - 1], shores[crash.shores]
        still = crash.image == before.image and crash.files == before.files
        if still and (before.image, before.files) != (after.image, after.files):
            yield "two recoveries of one store differ"


def i8_no_more_is_fetched_again_than_promised(scene: AnyScene) -> Iterator[str]:
    """After a kill nothing that was stored, after a power cut nothing that was noted.

    Holds for a GET whose head was noted and can be resumed; 0 bytes is the bound.
    """
    if scene.cut_at_kill or scene.faulty:
        return
    log = scene.story.server.log
    for number, crash in enumerate(scene.crashes):
        until = scene.crashes[number + 1].asked if number + 1 < len(scene.crashes) else len(log)
        for row in crash.image.records:
            head = row.head
            if head is None or head.get("etag") is None or row.result:
                continue
            stored = crash.kept(row)
            for asked in log[crash.asked : until]:
                first = asked.headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-")
                if asked.path == path_of(row) and int(first) < stored:
                    yield f"{asked.path} was asked for from {first}, {stored} were stored"


def i9_nothing_is_asked_for_a_finished_record(scene: AnyScene) -> Iterator[str]:
    """Once the journal says that a record is final its server hears no more of it."""
    if scene.cut_at_kill:
        return
    for crash in scene.crashes:
        for row in crash.image.records:
            later = [asked.path for asked in scene.story.server.log[crash.asked :]]
            if row.result and path_of(row) in later:
                yield f"{path_of(row)} was {row.result} and was asked for again"


def i10_no_upload_goes_out_twice(scene: AnyScene) -> Iterator[str]:
    """A request with consequences is sent at most once, and whole if it was received."""
    if scene.cut_at_kill:
        return
    heads = sum(path.endswith("/post") for path in scene.story.server.heads)
    if heads > 1:
        yield f"the upload was sent {heads} times"
    for asked in scene.story.server.log:
        if asked.path.endswith("/post") and asked.body != scene.upload:
            yield f"the upload arrived as {len(asked.body)} bytes, or others"


Invariant = Callable[[AnyScene], Iterator[str]]

INVARIANTS: tuple[Invariant, ...] = (
    i1_reported_bodies_are_whole,
    i2_no_length_is_ahead_of_its_bytes,
    i3_what_was_acknowledged_is_there,
    i4_no_abort_comes_back,
    i5_ledgers_equal_the_disk,
    i6_no_orphans,
    i7_recovery_is_idempotent,
    i8_no_more_is_fetched_again_than_promised,
    i9_nothing_is_asked_for_a_finished_record,
    i10_no_upload_goes_out_twice,
)


def broken(scene: AnyScene) -> list[str]:
    """All that does not hold: the invariant's number and what is wrong."""
    return [f"{i.__name__.split('_')[0].upper()}: {what}" for i in INVARIANTS for what in i(scene)]
