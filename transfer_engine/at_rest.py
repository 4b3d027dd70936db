"""A store that no engine has open: looked at and changed through its journal alone.

A user may pause, resume or abort what is not running.  Nothing here touches a body or
sends a byte, so a change is one commit, and the next engine on the store finds it: a
paused background fetch stays paused, an aborted one ends and delivers its event.
The store is locked meanwhile, like by an engine.
"""

from __future__ import annotations

import errno
import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import attrs

from transfer_engine.errors import NotOffered, StoreBusy, StoreUnusable
from transfer_engine.interface import Shown, ShownRecord
from transfer_engine.journal import Image, JobRow, RecordRow
from transfer_engine.plan import known_length
from transfer_engine.sealing import STEP
from transfer_engine.sqlite_journal import SqliteJournal

BodyState = Literal["whole", "damaged", "unsealed", "unfinished"]


@attrs.frozen
class Verified:
    """What became of one body.

    ``unsealed``: final, of the right length, with nothing to compare it with.
    """

    id: str
    url: str
    state: BodyState
    row: RecordRow = attrs.field(repr=False)


@attrs.define(eq=False)
class StoreAtRest:
    """The background fetches of a store; made by ``open_at_rest``.

    ``pause``, ``resume``, ``abort`` and ``forget`` return when the change is durable, and
    raise NotOffered when there is nothing to do it to.
    """

    _journal: SqliteJournal
    _bodies: Path

    def verify(self) -> list[Verified]:
        """Compare every body with its length and, if it has one, with its seal.  Slow.

        Raises StoreUnusable when a body cannot be read.
        """
        image = self._journal.load()
        ids = {row.key: row.id for row in image.jobs}
        return [
            Verified(ids[row.job], row.request.url, self._state(row), row) for row in image.records
        ]

    def _state(self, row: RecordRow) -> BodyState:
        final = row.result in ("success", "bad-status")
        try:
            length = (self._bodies / row.body).stat().st_size if row.length else 0
            if length < row.length:
                return "damaged"
            if not final:
                return "unfinished"
            if row.seal is None:
                return "unsealed"
            return "whole" if _sum(self._bodies / row.body, row.length) == row.seal else "damaged"
        except FileNotFoundError:
            return "damaged"
        except OSError as error:
            raise StoreUnusable(str(self._bodies / row.body), str(error)) from error

    def drop(self, damaged: Verified) -> None:
        """Let the next engine fetch it again.

        Raises NotOffered: only a GET is sent twice, and nothing of what has failed.
        """
        row = damaged.row
        if any(
            job.key == row.job and (job.aborted or job.result == "failure")
            for job in self._journal.load().jobs
        ):
            raise NotOffered("drop", damaged.id, "it has failed, and nothing of it is fetched")
        if row.request.method != "GET":
            raise NotOffered("drop", damaged.id, f"{row.request.method} is not sent twice")
        fresh = attrs.evolve(row, length=0, head=None, result="", seal=None)
        self._journal.put_record(fresh)
        self._journal.commit()

    def shown(self) -> list[Shown]:
        """An entry for each, oldest first; nothing is busy.  The origin is not stored."""
        image = self._journal.load()
        return [_shown(row, _records(image, row)) for row in image.jobs]

    def records(self, id: str) -> list[ShownRecord]:
        """What one is made of, in the order of its requests; empty for an unknown id."""
        image = self._journal.load()
        for row in reversed(image.jobs):
            if row.id == id:
                return [_shown_record(record) for record in _records(image, row)]
        return []

    def pause(self, id: str) -> None:
        """Let the next engine keep it as it is; only if every request is a GET."""
        row, image = self._find("pause", id)
        if row.paused:
            raise NotOffered("pause", id, "it is paused")
        if any(record.request.method != "GET" for record in _records(image, row)):
            raise NotOffered("pause", id, "a request is not a GET and could not be continued")
        self._put(attrs.evolve(row, paused=True))

    def resume(self, id: str) -> None:
        """Let the next engine go on with it."""
        row, _ = self._find("resume", id)
        if not row.paused or row.awaiting:
            raise NotOffered("resume", id, "it is not paused by the user")
        self._put(attrs.evolve(row, paused=False))

    def abort(self, id: str) -> None:
        """The next engine ends it and delivers ``backgroundfetchabort``."""
        row, _ = self._find("abort", id)
        self._put(attrs.evolve(row, aborted=True))

    def forget(self, id: str) -> None:
        """No event, nothing kept; the next engine deletes its bytes."""
        row, _ = self._find("forget", id, unsettled=False)
        self._journal.delete_job(row.key)
        self._journal.commit()

    def _find(self, action: str, id: str, *, unsettled: bool = True) -> tuple[JobRow, Image]:
        image = self._journal.load()
        for row in reversed(image.jobs):
            if row.id == id:
                if unsettled and (row.result or row.aborted):
                    raise NotOffered(action, id, "it has ended")
                return row, image
        raise NotOffered(action, id, "nothing of that id is stored")

    def _put(self, row: JobRow) -> None:
        self._journal.put_job(row)
        self._journal.commit()


@contextmanager
def open_at_rest(directory: Path) -> Iterator[StoreAtRest]:
    """Open the store of an engine that is not running.

    Raises StoreBusy while an engine has it, StoreUnusable when there is none or it cannot
    be read.
    """
    if not (directory / "journal.sqlite").is_file():
        raise StoreUnusable(str(directory), "there is no store")
    try:
        lock = os.open(directory / "bodies", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StoreUnusable(str(directory), str(error)) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno == errno.EWOULDBLOCK:
                raise StoreBusy(str(directory)) from error
            raise StoreUnusable(str(directory), str(error)) from error
        journal = SqliteJournal(directory / "journal.sqlite")
        try:
            yield StoreAtRest(journal, directory / "bodies")
        finally:
            journal.close()
    finally:
        os.close(lock)


def _sum(path: Path, length: int) -> int:
    """CRC-32 of the first bytes of a file.  Raises OSError."""
    total, left = 0, length
    with path.open("rb") as file:
        while left and (data := file.read(min(left, STEP))):
            total, left = zlib.crc32(data, total), left - len(data)
    return total


def _records(image: Image, row: JobRow) -> list[RecordRow]:
    return [record for record in image.records if record.job == row.key]


def _shown(row: JobRow, records: list[RecordRow]) -> Shown:
    ended = bool(row.result or row.aborted)
    return Shown(
        id=row.id,
        origin="",
        title=row.title,
        icons=row.icons,
        busy=False,
        paused=row.paused,
        awaiting=row.awaiting,
        dismissible=ended,
        can_pause=not (ended or row.paused) and all(r.request.method == "GET" for r in records),
        can_resume=row.paused and not (ended or row.awaiting),
        can_abort=not ended,
        downloaded=sum(record.length for record in records),
        download_total=row.download_total,
        uploaded=sum(record.uploaded for record in records),
        upload_total=row.upload_total,
        result=row.result,
        failure_reason="aborted" if row.aborted else row.reason,
    )


def _shown_record(row: RecordRow) -> ShownRecord:
    return ShownRecord(
        url=row.request.url,
        method=row.request.method,
        downloaded=row.length,
        length=None if row.head is None else known_length(row.head),
        uploaded=row.uploaded,
        upload_length=row.request_length,
        status=0 if row.head is None else row.head.status,
        result=row.result,
    )
