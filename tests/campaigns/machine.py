"""A simulated machine: a disk and a journal that crash, lose, tear and fail as real ones may.

The machine outlives engines.  Each engine has one *life* on it, with its own ``Disk``, as
each process opens the store anew.  Every call of disk or journal is an *operation* and has
a number; a ``trap`` is asked before each and may end the life there or make it fail.

*What the kernel has and what the medium has.*  A file has its ``content`` (what anybody
reads) and ``good`` (what a sync has put on the medium).  A kill leaves the content; it is still
in memory, or memory was needed for something else (``Machine.after_kill``).  A power cut leaves
any file that the rules of a POSIX disk allow (``Machine.after_power_cut``):

* what was synced is there, and the name too if the directory was synced since;
* of what was appended later, any number of sectors may have been added to the size, and each
  of them may hold its data or zeros, in any order: a sector is written whole or not at all
  (where more than ``MOST_APART`` were not synced, the middle ones come all or not at all);
* a name whose directory was not synced may be missing, a deleted one may be back;
* the journal is at its last commit at level ``power``, and at any commit so far at level
  ``kill``: SQLite in WAL mode with ``synchronous=NORMAL`` loses commits, never halves one.
  No order holds between the journal and the files.

*A failed sync* is that of Linux: it fails once, and later ones say that all is well while
the pages it was about are not on the medium.  These become *holes*: zeros, whenever the
content is next read from the medium, which is at any power cut and when memory is short.
"""

from __future__ import annotations

import errno
import itertools
import math
from collections.abc import Callable, Hashable, Iterator
from random import Random

import attrs

from transfer_engine import EngineClosed, Image, JobRow, RecordRow, StoreFull, StoreUnusable
from transfer_engine.body_disk import blame
from transfer_engine.boot_note import Durability, note, read_note

SECTOR = 512
MOST_APART = 5
ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
NEEDS_NO_ROOM = frozenset({"read", "truncate", "delete", "lengths", "load"})


class PowerOrKill(EngineClosed):
    """The life has ended; nobody sees it but the machine."""


@attrs.define
class File:
    """``good`` None: never synced.  ``listed``: the name is on the medium.

    ``forgotten``: so many bytes from the first are not in memory.
    """

    content: bytes = b""
    good: bytes | None = None
    listed: bool = False
    holes: list[tuple[int, int]] = attrs.field(factory=list)
    forgotten: int = 0

    def on_medium(self, content: bytes) -> bytes:
        """Content as it is read once the page cache has gone."""
        out = bytearray(content)
        for first, end in self.holes:
            end = min(end, len(out))
            if first < end:
                out[first:end] = bytes(end - first)
        return bytes(out)

    def choices(self) -> list[bytes | None]:
        """What a power cut may leave of it; None: no such name."""
        good = self.good or b""
        if not self.content.startswith(good):  # cut since the last sync, which is a sync itself
            return [self.on_medium(self.content)]
        out: dict[bytes | None, None] = {}
        pieces = _sectors(self.content, len(good))
        if len(pieces) > MOST_APART:
            few = MOST_APART // 2
            pieces = [*pieces[:few], b"".join(pieces[few:-few]), *pieces[-few:]]
        for count in range(len(pieces) + 1):
            for there in itertools.product((True, False), repeat=count):
                kept = [p if t else bytes(len(p)) for p, t in zip(pieces, there, strict=False)]
                out[self.on_medium(good + b"".join(kept))] = None
        if not self.listed:
            out[None] = None
        return list(out)


def _sectors(content: bytes, start: int) -> list[bytes]:
    """From ``start`` on, cut where the disk's sectors end."""
    ends = [*range(start - start % SECTOR + SECTOR, len(content), SECTOR), len(content)]
    return [content[a:b] for a, b in zip([start, *ends], ends, strict=False) if a < b]


def _frozen(files: dict[str, File]) -> Hashable:
    return tuple(
        (name, file.content, file.good, file.listed, tuple(file.holes), file.forgotten)
        for name, file in sorted(files.items())
    )


Rows = tuple[dict[int, JobRow], dict[tuple[int, int], RecordRow]]


@attrs.define(eq=False)
class Machine:
    """``trap(number, operation)`` may let the life end, or raise OSError.

    ``said``: the operations.  ``dies_after`` and ``tears``: the life ends after the operation
    it was to end before, or after so many bytes of it.
    """

    durability: Durability = "kill"
    boot: int = 1
    note: str = ""
    files: dict[str, File] = attrs.field(factory=dict)
    deleted: dict[str, File] = attrs.field(factory=dict)
    commits: list[Rows] = attrs.field(factory=lambda: [({}, {})])
    trap: Callable[[int, str], None] = lambda _number, _operation: None
    count: int = 0
    said: list[str] = attrs.field(factory=list)
    dead: bool = False
    dies_after: bool = False
    tears: int = 0

    def operation(self, what: str) -> None:
        """Every call of disk or journal comes by here before it does anything."""
        if self.dead:
            raise PowerOrKill()
        self.count += 1
        self.said.append(what)
        try:
            self.trap(self.count, what)
        except OSError as error:
            if error.errno not in ROOM or what.split()[0] not in NEEDS_NO_ROOM:
                raise
        if self.dead:
            raise PowerOrKill()

    def done(self) -> None:
        """And by here when it has done it."""
        if self.dies_after:
            self.die()
            raise PowerOrKill()

    def die(self) -> None:
        """The life is over at once: no operation has any effect from here on."""
        self.dead = True

    def image(self) -> Image:
        """What a journal opened now would load."""
        jobs, records = self.commits[-1]
        return Image(
            tuple(jobs[key] for key in sorted(jobs)),
            tuple(records[place] for place in sorted(records)),
        )

    def contents(self) -> dict[str, bytes]:
        """Every body, as the kernel has it."""
        return {name: file.content for name, file in self.files.items()}

    # --- what is left after the end of a life --------------------------------------------

    def after_kill(self, *, forgetful: bool = False) -> None:
        """The kernel lives: files are as they were.

        ``forgetful``: it has put all of them out of memory since, and reads them in again.
        """
        for file in self.files.values():
            if forgetful:
                file.content = file.on_medium(file.content)
                file.forgotten = len(file.content)
        self._restart()

    def in_memory(self, name: str, start: int) -> int:
        """How far a file is in memory from ``start`` on."""
        file = self.files.get(name, File())
        return len(file.content) if start >= file.forgotten else start

    def after_power_cut(self, rng: Random, most: int) -> Iterator[Machine]:
        """Machines with every legal disk, or ``most`` of them, extremes first."""
        names = self._names()
        sides = [self._sides(name) for name in names]
        for files, upto in _pick([*sides, self._journals()], rng, most):
            yield self._cut(dict(zip(names, files, strict=True)), upto)

    def after_power_cut_by_names(self) -> Iterator[Machine]:
        """Machines with every legal journal and every legal set of names.

        Which is every disk there is, to an engine that believes no length after a power cut.
        Files are as long as they may be and as wrong: what was not synced is zeros.
        """
        names = self._names()
        sides = [self._sides(name) for name in names]
        worst = [[_worst(side), None] if None in side else [_worst(side)] for side in sides]
        for *files, upto in itertools.product(*worst, self._journals()):
            kept = [file for file in files if file is None or isinstance(file, bytes)]
            assert isinstance(upto, int)
            yield self._cut(dict(zip(names, kept, strict=True)), upto)

    def _cut(self, files: dict[str, bytes | None], upto: int) -> Machine:
        """What was on the medium at the cut is on it: a second cut cannot take it back."""
        return Machine(
            self.durability,
            self.boot + 1,
            self.note,
            {name: File(c, c, True) for name, c in files.items() if c is not None},
            commits=[self.commits[upto - 1]],
        )

    def copy(self) -> Machine:
        """The same machine, before a life."""
        return Machine(
            self.durability,
            self.boot,
            self.note,
            {name: attrs.evolve(f, holes=list(f.holes)) for name, f in self.files.items()},
            {name: attrs.evolve(f, holes=list(f.holes)) for name, f in self.deleted.items()},
            list(self.commits),
        )

    def key(self) -> Hashable:
        """Equal where the next lives cannot tell two machines apart."""
        return (
            self.durability,
            read_note(self.note, str(self.boot)),
            _frozen(self.files),
            _frozen(self.deleted),
            tuple(self.commits[-1][0].items()),
            tuple(self.commits[-1][1].items()),
        )

    def _names(self) -> list[str]:
        return sorted({*self.files, *self.deleted})

    def _journals(self) -> list[int]:
        """How many commits may be left, the most first."""
        most = len(self.commits)
        return [most] if self.durability == "power" else list(range(most, 0, -1))

    def legal_disks(self) -> int:
        """How many there are."""
        return math.prod([len(self._journals()), *(len(self._sides(n)) for n in self._names())])

    def _sides(self, name: str) -> list[bytes | None]:
        if name not in self.files:
            return [*self.deleted[name].choices(), None]
        return self.files[name].choices()

    def _restart(self) -> None:
        self.dead = self.dies_after = False
        self.tears = 0
        self.trap = lambda _number, _operation: None


def _worst(side: list[bytes | None]) -> bytes:
    contents = [content for content in side if content is not None]
    return max(reversed(contents), key=len)


def _pick(
    sides: list[list[bytes | None] | list[int]], rng: Random, most: int
) -> Iterator[tuple[list[bytes | None], int]]:
    total = 1
    for side in sides:
        total *= len(side)
    chosen: Iterator[tuple[object, ...]]
    if total <= most:
        chosen = itertools.product(*sides)
    else:
        ends = [tuple(side[0] for side in sides), tuple(side[-1] for side in sides)]
        drawn = (tuple(rng.choice(side) for side in sides) for _ in range(most - len(ends)))
        chosen = itertools.chain(ends, drawn)
    for one in chosen:
        *files, upto = one
        assert isinstance(upto, int)
        yield [file for file in files if file is None or isinstance(file, bytes)], upto


class Disk:
    """One life's view of the files.  Opening it is what ``FileBodyDisk`` does when it opens."""

    files = False

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._boot = str(machine.boot)
        self._trust = read_note(machine.note, self._boot)
        self._forget()

    def _forget(self) -> None:
        if self._trust.lost:
            for name in list(self._machine.files):
                self.truncate(name, 0)

    def trusted(self, name: str, counted: int) -> int:
        """See BodyDisk."""
        if self._trust.tail == "gone":
            return counted
        if self._trust.tail == "there":
            return len(self._machine.files[name].content)
        return self._taken_over(name, counted)

    def _taken_over(self, name: str, counted: int) -> int:
        """See ``page_cache``."""
        machine, file = self._machine, self._machine.files[name]
        end = machine.in_memory(name, counted)
        try:
            machine.operation(f"take over {name}")
        except OSError:
            return counted
        file.holes = [(first, min(last, counted)) for first, last in file.holes if first < counted]
        file.content = file.content[:end]
        file.forgotten = min(file.forgotten, end)
        file.good = file.on_medium(file.content)
        machine.done()
        return end

    def create(self, name: str, data: bytes = b"") -> None:
        """See BodyDisk."""
        self._guard(f"create {name}", len(data))
        if name in self._machine.files:
            raise blame(OSError(errno.EEXIST, "exists"), 0)
        self._machine.files[name] = File(data)
        self._machine.done()

    def append(self, name: str, data: bytes) -> None:
        """See BodyDisk."""
        file = self._machine.files[name]
        try:
            self._guard(f"append {name}", len(data))
        except PowerOrKill:
            file.content += data[: self._machine.tears]
            self._machine.tears = 0
            raise
        file.content += data
        self._machine.done()

    def _guard(self, what: str, length: int) -> None:
        try:
            self._machine.operation(what)
        except OSError as error:
            raise blame(error, length) from error

    def open(self, name: str, *, append: bool = False) -> int:
        """See BodyDisk."""
        raise NotImplementedError("bodies in memory have no descriptors")

    def read(self, name: str, offset: int, most: int) -> bytes:
        """See BodyDisk."""
        self._machine.operation(f"read {name}")
        if name not in self._machine.files:
            raise FileNotFoundError(name)
        return self._machine.files[name].content[offset : offset + most]

    def sync(self, name: str) -> None:
        """See BodyDisk."""
        machine = self._machine
        file = machine.files[name]
        if machine.durability == "kill":
            return
        try:
            machine.operation(f"sync {name}")
        except OSError:
            file.holes.append((len(file.good or b""), len(file.content)))
            raise
        self._synced(name)

    def _synced(self, name: str) -> None:
        machine, file = self._machine, self._machine.files[name]
        file.good = file.on_medium(file.content)
        if not file.listed:
            machine.deleted.clear()
            for each in machine.files.values():
                each.listed = True
        machine.done()

    def truncate(self, name: str, length: int) -> None:
        """See BodyDisk."""
        machine = self._machine
        machine.operation(f"truncate {name}")
        file = machine.files[name]
        file.content = file.content[:length]
        file.holes = [(first, min(end, length)) for first, end in file.holes if first < length]
        file.forgotten = min(file.forgotten, length)
        if machine.durability == "power":
            file.good = file.on_medium(file.content)
        machine.done()

    def delete(self, name: str) -> None:
        """See BodyDisk."""
        self._machine.operation(f"delete {name}")
        gone = self._machine.files.pop(name, None)
        if gone is not None:
            self._machine.deleted[name] = gone
        self._machine.done()

    def lengths(self) -> dict[str, int]:
        """See BodyDisk."""
        self._machine.operation("lengths")
        return {name: len(file.content) for name, file in self._machine.files.items()}

    def recovered(self) -> None:
        """See BodyDisk."""
        if self._trust.unsynced and self._machine.durability == "power":
            for name in self._machine.files:
                self.sync(name)
        self._machine.operation("note")
        self._machine.note = note(self._boot, self._machine.durability)
        self._machine.done()

    def make_room(self) -> bool:
        """See BodyDisk: here the disk is full at its worst, and nothing is kept back."""
        return False

    def check_room(self, wanted: int) -> None:
        """See BodyDisk."""

    def close(self) -> None:
        """See BodyDisk."""


class Rowbook:
    """One life's view of the journal."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.rollback()

    def load(self) -> Image:
        """See Journal."""
        self._machine.operation("load")
        return self._machine.image()

    def put_job(self, row: JobRow) -> None:
        """See Journal."""
        self._jobs[row.key] = row

    def put_record(self, row: RecordRow) -> None:
        """See Journal."""
        assert row.job in self._jobs, "a record without its job"
        self._records[row.job, row.index] = row

    def delete_job(self, key: int) -> None:
        """See Journal."""
        self._jobs.pop(key, None)
        for place in [place for place in self._records if place[0] == key]:
            del self._records[place]

    def commit(self) -> None:
        """See Journal."""
        try:
            self._machine.operation("commit")
        except OSError as error:
            refused = blame(error, 0)
            if isinstance(refused, StoreFull):
                raise refused from error
            raise StoreUnusable("the journal", str(error)) from error
        self._machine.commits.append((dict(self._jobs), dict(self._records)))
        self._machine.done()

    def rollback(self) -> None:
        """See Journal."""
        jobs, records = self._machine.commits[-1]
        self._jobs, self._records = dict(jobs), dict(records)

    def save_room(self) -> None:
        """See Journal."""

    def close(self) -> None:
        """See Journal."""
