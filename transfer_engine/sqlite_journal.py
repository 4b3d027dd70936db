"""The journal in SQLite.

WAL, since readers of the file never block the engine and a commit is one
append.  At level ``power`` ``synchronous=FULL``, since the promises (a resolved fetch(),
a true abort(), a POST not sent twice) are made to people whose battery may die: each
commit waits for the disk.  That is affordable because commits are few: one per
change of state and one per ``checkpoint_interval`` or 32 MiB while bytes arrive,
with all that waits at that moment in one.  At level ``kill`` ``synchronous=NORMAL``: a
commit is a write to the kernel, which outlives the process, and a power cut takes the
last commits but never damages the file.

What is read back is input.  The file must say that it is one of ours
(``application_id``) and of this version; SQLite checks its pages (``quick_check``), and
each row carries a checksum over its key and its text, since a flipped bit in a number
is still a number.  Nothing is unpickled, views or triggers in a swapped file get no power
(``trusted_schema=OFF``), and a link in the file's place is not followed.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, get_args

import attrs

from transfer_engine.body_disk import no_room
from transfer_engine.boot_note import Durability
from transfer_engine.errors import StoreFull, StoreUnusable
from transfer_engine.journal import Image, JobRow, RecordRow
from transfer_engine.messages import (
    Credentials,
    Icon,
    Mode,
    Reason,
    RecordResult,
    Result,
    StoredHead,
    StoredRequest,
)

SCHEMA_VERSION = 2
APPLICATION_ID = 0x62676665  # "bgfe"

SHORT_LOG = 64
"""Pages of 4 KiB: SQLite's own 1,000 are more than what is kept for the last word (``spare``)."""

T = TypeVar("T", bound=str)

_SCHEMA = """
CREATE TABLE job (
    key INTEGER PRIMARY KEY,
    data TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE record (
    job INTEGER NOT NULL REFERENCES job (key) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    data TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
"""


class SqliteJournal:
    """A journal in one file, owned by one process at a time."""

    def __init__(self, path: Path, durability: Durability = "power") -> None:
        """Open or create.  Raises StoreUnusable for a foreign, damaged or newer file."""
        self._path = path
        try:
            _make_private(path)
            # The engine serialises all calls, but may make them from different threads.
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnusable(str(path), str(error)) from error
        try:
            self._db.execute("PRAGMA trusted_schema=OFF")
            self._db.execute("PRAGMA cell_size_check=ON")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._check_identity()
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(f"PRAGMA synchronous={'FULL' if durability == 'power' else 'NORMAL'}")
            self._prepare()
        except (sqlite3.Error, OSError, ValueError) as error:  # ValueError: damaged text
            self._db.close()
            raise StoreUnusable(str(path), str(error)) from error
        except StoreUnusable:
            self._db.close()
            raise

    def _pragma(self, name: str) -> int:
        (value,) = self._db.execute(f"PRAGMA {name}").fetchone()
        return int(value)

    def _check_identity(self) -> None:
        """Before anything is written to it."""
        version, owner = self._pragma("user_version"), self._pragma("application_id")
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if (version, owner, tables) == (0, 0, 0):
            return
        if owner != APPLICATION_ID:
            raise StoreUnusable(str(self._path), "it is not a journal of this engine")
        if version != SCHEMA_VERSION:
            age = "newer" if version > SCHEMA_VERSION else "older"
            why = f"its schema version {version} is {age} than {SCHEMA_VERSION}, the known one"
            raise StoreUnusable(str(self._path), why)

    def _prepare(self) -> None:
        if self._pragma("user_version") == 0:
            self._db.executescript(
                f"BEGIN;{_SCHEMA}PRAGMA application_id={APPLICATION_ID};"
                f"PRAGMA user_version={SCHEMA_VERSION};COMMIT;"
            )
        (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise StoreUnusable(str(self._path), f"damaged: {verdict}")

    def load(self) -> Image:
        """See Journal."""
        try:
            jobs = self._db.execute("SELECT key, data, checksum FROM job ORDER BY key").fetchall()
            records = self._db.execute(
                "SELECT job, position, data, checksum FROM record ORDER BY job, position"
            ).fetchall()
            image = Image(
                tuple(_job(key, _read(data, check, key)) for key, data, check in jobs),
                tuple(_record(j, at, _read(data, check, j, at)) for j, at, data, check in records),
            )
            _check_together(image)
            return image
        except (sqlite3.Error, ValueError, KeyError, TypeError, RecursionError) as error:
            raise StoreUnusable(str(self._path), f"a row makes no sense: {error}") from error

    def put_job(self, row: JobRow) -> None:
        """See Journal."""
        data = _encode(attrs.asdict(row, filter=lambda a, _: a.name != "key"))
        self._execute(
            f"INSERT INTO job VALUES (?, ?, ?) {_REPLACE}",
            (row.key, data, _checksum(data, row.key)),
        )

    def put_record(self, row: RecordRow) -> None:
        """See Journal."""
        data = _encode(_record_data(row))
        self._execute(
            f"INSERT INTO record VALUES (?, ?, ?, ?) {_REPLACE}",
            (row.job, row.index, data, _checksum(data, row.job, row.index)),
        )

    def delete_job(self, key: int) -> None:
        """See Journal."""
        self._execute("DELETE FROM job WHERE key = ?", (key,))

    def _execute(self, statement: str, values: tuple[int | str, ...] = ()) -> None:
        try:
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise self._blame(error) from error

    def commit(self) -> None:
        """See Journal."""
        if self._db.in_transaction:
            self._execute("COMMIT")

    def rollback(self) -> None:
        """See Journal."""
        if self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise self._blame(error) from error

    def save_room(self) -> None:
        """See Journal: the log is written over from its beginning much earlier than else."""
        with suppress(sqlite3.Error):  # if it matters, the next commit says so
            self._db.execute(f"PRAGMA wal_autocheckpoint={SHORT_LOG}")

    def _blame(self, error: sqlite3.Error) -> StoreFull | StoreUnusable:
        """SQLite calls only ENOSPC full; beyond a disk quota it has a write error (EDQUOT)."""
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_FULL:
            return StoreFull(0)
        if code in _MAY_BE_FULL and no_room(self._path.parent):
            return StoreFull(0)
        return StoreUnusable(str(self._path), str(error))

    def close(self) -> None:
        """See Journal."""
        try:
            self.rollback()
        finally:
            self._db.close()


_MAY_BE_FULL = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
_REPLACE = "ON CONFLICT DO UPDATE SET data = excluded.data, checksum = excluded.checksum"


def _make_private(path: Path) -> None:
    """A regular file of mode 0600.  Raises OSError for a link or anything else."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError("not a regular file")
        os.fchmod(fd, 0o600)
    finally:
        os.close(fd)


def _checksum(data: str, *key: int) -> int:
    return zlib.crc32(f"{key} {data}".encode("utf-8", "surrogatepass"))


def _read(data: str, checksum: int, *key: int) -> Json:
    if checksum != _checksum(data, *key):
        raise ValueError(f"the checksum of row {key} is wrong")
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError(f"row {key} is no object")
    return value


def _check_together(image: Image) -> None:
    """Each job has its records, from 0 on, and none is without its job."""
    count = dict.fromkeys((job.key for job in image.jobs), 0)
    for record in image.records:
        if count.get(record.job) != record.index:
            raise ValueError(f"record {record.index} of job {record.job} stands alone")
        count[record.job] += 1
    if 0 in count.values():
        raise ValueError("a job has no records")


Json = dict[str, object]

_OF_OLD: Json = {"credentials": "same-origin", "credentialed": False}
"""What rows that were written before there was such a thing mean."""

_encode = json.JSONEncoder(check_circular=False).encode


def _record_data(row: RecordRow) -> Json:
    """By hand: ``attrs.asdict`` costs more than the rest of a row."""
    request, head = row.request, row.head
    return {
        "request": {
            "url": request.url,
            "method": request.method,
            "headers": request.headers,
            "mode": request.mode,
            "credentials": request.credentials,
        },
        "request_body": row.request_body,
        "request_length": row.request_length,
        "body": row.body,
        "length": row.length,
        "head": None
        if head is None
        else {
            "status": head.status,
            "headers": head.headers,
            "url": head.url,
            "redirected": head.redirected,
            "cross_origin": head.cross_origin,
            "credentialed": head.credentialed,
        },
        "result": row.result,
        "sent": row.sent,
        "uploaded": row.uploaded,
        "seal": row.seal,
    }


def _text(data: Json, name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _number(data: Json, name: str) -> int:
    value = data[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**64:
        raise ValueError(f"{name} is no size")
    return value


def _flag(data: Json, name: str) -> bool:
    value = data[name]
    if not isinstance(value, bool):
        raise ValueError(f"{name} is no flag")
    return value


def _object(data: Json, name: str) -> Json:
    value = data[name]
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")
    return value


def _headers(data: Json) -> tuple[tuple[str, str], ...]:
    value = data["headers"]
    if not isinstance(value, list):
        raise ValueError("headers are no list")
    return tuple((str(name), str(text)) for name, text in value)


def _one_of(alternatives: tuple[T, ...], data: Json, name: str) -> T:
    for alternative in alternatives:
        if data[name] == alternative:
            return alternative
    raise ValueError(f"{name} is none of {alternatives}")


def _job(key: int, data: Json) -> JobRow:
    icons = data["icons"]
    if not isinstance(icons, list):
        raise ValueError("icons are no list")
    return JobRow(
        key=key,
        id=_text(data, "id"),
        title=_text(data, "title"),
        icons=tuple(Icon(_text(i, "src"), _text(i, "sizes"), _text(i, "type")) for i in icons),
        download_total=_number(data, "download_total"),
        upload_total=_number(data, "upload_total"),
        paused=_flag(data, "paused"),
        awaiting=_flag(data, "awaiting"),
        aborted=_flag(data, "aborted"),
        failure=_one_of(get_args(Reason), data, "failure"),
        result=_one_of(get_args(Result), data, "result"),
        reason=_one_of(get_args(Reason), data, "reason"),
    )


def _record(job: int, index: int, data: Json) -> RecordRow:
    request = _object(data, "request")
    return RecordRow(
        job=job,
        index=index,
        request=StoredRequest(
            _text(request, "url"),
            _text(request, "method"),
            _headers(request),
            _one_of(get_args(Mode), request, "mode"),
            _one_of(get_args(Credentials), {**_OF_OLD, **request}, "credentials"),
        ),
        request_body=None if data["request_body"] is None else _text(data, "request_body"),
        request_length=_number(data, "request_length"),
        body=_text(data, "body"),
        length=_number(data, "length"),
        head=None if data["head"] is None else _head(_object(data, "head")),
        result=_one_of(get_args(RecordResult), data, "result"),
        sent=_flag(data, "sent"),
        uploaded=_number(data, "uploaded"),
        seal=None if data.get("seal") is None else _number(data, "seal"),
    )


def _head(data: Json) -> StoredHead:
    return StoredHead(
        _number(data, "status"),
        _headers(data),
        _text(data, "url"),
        _flag(data, "redirected"),
        _flag(data, "cross_origin"),
        _flag({**_OF_OLD, **data}, "credentialed"),
    )
