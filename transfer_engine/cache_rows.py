"""What caches hold, as rows in SQLite: names of caches, requests, heads, names of bodies.

Synchronous; its owner calls it in a thread, one call at a time.  What is not said otherwise
raises sqlite3.Error.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from transfer_engine.boot_note import Durability
from transfer_engine.cache_filling import Draft
from transfer_engine.errors import ScriptError, StoreUnusable
from transfer_engine.matching import matches
from transfer_engine.messages import QueryOptions, StoredHead, StoredRequest

SCHEMA_VERSION = 2
_SCHEMA = """
CREATE TABLE cache (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE entry (
    key INTEGER PRIMARY KEY,
    cache INTEGER NOT NULL REFERENCES cache (key) ON DELETE CASCADE,
    request TEXT NOT NULL,
    response TEXT NOT NULL,
    body TEXT,
    length INTEGER NOT NULL,
    seal INTEGER
) STRICT;
CREATE INDEX entries ON entry (cache);
"""


@attrs.frozen
class Entry:
    """An answer in a cache, as its row has it."""

    key: int
    request: StoredRequest
    status: int
    headers: dict[str, str]
    url: str
    redirected: bool
    type: str
    body: str | None
    length: int

    @property
    def head(self) -> StoredHead:
        """For matching."""
        return StoredHead(self.status, tuple(self.headers.items()), self.url)


@attrs.frozen
class BodyRow:
    """The body of an entry: what must be on the disk for it."""

    key: int
    name: str
    length: int
    seal: int | None


class CacheRows:
    """The rows of one origin's caches, in one file."""

    def __init__(self, path: Path, durability: Durability) -> None:
        """Open or create.  Raises StoreUnusable for a file of another version, OSError."""
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        for pragma in (
            "trusted_schema=OFF",
            "foreign_keys=ON",
            "journal_mode=WAL",
            f"synchronous={'FULL' if durability == 'power' else 'OFF'}",
        ):
            self._db.execute(f"PRAGMA {pragma}")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version not in (0, 1, SCHEMA_VERSION):
            raise StoreUnusable(str(path), f"schema version {version} is unknown")
        if version == 0:
            self._db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
        if version == 1:
            self._db.executescript(
                "BEGIN;ALTER TABLE entry ADD COLUMN seal INTEGER;"
                f"PRAGMA user_version={SCHEMA_VERSION};COMMIT;"
            )

    def bodies(self) -> list[BodyRow]:
        """Of all entries that have one."""
        found = self._db.execute(
            "SELECT key, body, length, seal FROM entry WHERE body IS NOT NULL"
        ).fetchall()
        return [BodyRow(*row) for row in found]

    def forget(self, keys: Iterable[int]) -> None:
        """Entries go, whatever cache they are in."""
        self._db.execute("BEGIN")
        self._db.executemany("DELETE FROM entry WHERE key = ?", [(key,) for key in keys])
        self._db.execute("COMMIT")

    def open(self, name: str) -> int:
        """The key of a cache, made if there is none."""
        with self._commit():
            self._db.execute("INSERT OR IGNORE INTO cache (name) VALUES (?)", (name,))
        (key,) = self._db.execute("SELECT key FROM cache WHERE name = ?", (name,)).fetchone()
        assert isinstance(key, int)  # as the schema says
        return key

    def names(self) -> list[str]:
        """Of all caches, oldest first."""
        return [name for (name,) in self._db.execute("SELECT name FROM cache ORDER BY key")]

    def entries(self, cache: int) -> list[Entry]:
        """Of one cache, oldest first."""
        found = self._db.execute(
            "SELECT key, request, response, body, length FROM entry WHERE cache = ? ORDER BY key",
            (cache,),
        ).fetchall()
        return [_entry(row) for row in found]

    def put(self, cache: int, drafts: Iterable[Draft]) -> list[Entry]:
        """One commit; what it has replaced.  Here and not before: two may put at once.

        Raises ScriptError InvalidStateError, QuotaExceededError.
        """
        replaced: list[Entry] = []
        try:
            with self._commit():
                for draft in drafts:
                    replaced += self._replace(cache, draft)
        except sqlite3.IntegrityError:
            raise ScriptError("InvalidStateError", "the cache has been deleted") from None
        return replaced

    def _replace(self, cache: int, draft: Draft) -> list[Entry]:
        request, response = draft.request, draft.response
        replaced = [
            entry
            for entry in self.entries(cache)
            if matches(request, entry.request, entry.head, QueryOptions())
        ]
        head = {
            "status": response.status,
            "headers": response.headers,
            "url": response.url,
            "redirected": response.redirected,
            "type": response.type,
        }
        self._db.executemany("DELETE FROM entry WHERE key = ?", [(e.key,) for e in replaced])
        self._db.execute(
            "INSERT INTO entry (cache, request, response, body, length, seal) VALUES (?,?,?,?,?,?)",
            (
                *(cache, json.dumps(attrs.asdict(request)), json.dumps(head)),
                *(draft.body, draft.length, draft.seal),
            ),
        )
        return replaced

    def remove(self, entries: Iterable[Entry], cache: int | None) -> None:
        """Forget these entries, and the cache of that key, in one commit."""
        with self._commit():
            keys = [(entry.key,) for entry in entries]
            self._db.executemany("DELETE FROM entry WHERE key = ?", keys)
            if cache is not None:
                self._db.execute("DELETE FROM cache WHERE key = ?", (cache,))

    @contextmanager
    def _commit(self) -> Iterator[None]:
        """All that the block does, or nothing.  Raises ScriptError QuotaExceededError."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:  # SQLite ends one by itself when the disk is full
                self._db.execute("ROLLBACK")
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                why = "no room to write the cache down"
                raise ScriptError("QuotaExceededError", why) from error
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def _entry(row: tuple[int, str, str, str | None, int]) -> Entry:
    key, request, response, body, length = row
    asked, head = json.loads(request), json.loads(response)
    asked["headers"] = tuple((name, value) for name, value in asked["headers"])
    return Entry(key, StoredRequest(**asked), **head, body=body, length=length)
