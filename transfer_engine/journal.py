"""What must survive: registrations, records, flags, lengths, heads and event marks, as rows.

The promises, and what keeps each of them:

* a resolved ``fetch()`` exists: its rows are committed before it resolves;
* a true ``abort()`` stays true: ``aborted`` is committed before it resolves;
* a non-GET is never sent twice: ``sent`` is committed before the request goes out;
* a length is never ahead of durable bytes: bodies are synced before the row
  that counts them is committed (``Store`` does both in this order);
* a settle event is delivered at least once across a kill and at most once
  otherwise: the rows of a settled fetch stay until its event has ended; a clean
  close removes those whose event had been dispatched.

A journal is synchronous.  The engine calls it through ``offload`` and never
twice at once.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from transfer_engine.messages import (
    Headers,
    Icon,
    Reason,
    RecordResult,
    Result,
    StoredHead,
    StoredRequest,
)

__all__ = ["Headers", "Image", "JobRow", "Journal", "RecordRow"]


@attrs.frozen
class JobRow:
    """One background fetch.  ``key`` is never reused; ``id`` is the page's and may be.

    ``awaiting``: paused until the user accepts.  ``aborted``: abort() answered true.
    ``failure``: the result of the record that failed first.  A row with a
    ``result`` is settled and its event is still owed.
    """

    key: int
    id: str
    title: str
    icons: tuple[Icon, ...]
    download_total: int
    upload_total: int
    paused: bool = False
    awaiting: bool = False
    aborted: bool = False
    failure: Reason = ""
    result: Result = ""
    reason: Reason = ""


@attrs.frozen
class RecordRow:
    """One record.  ``body`` names the current answer's body file, ``length`` its durable bytes.

    ``seal``: the CRC-32 of a final body that has stayed (``sealing``).
    """

    job: int
    index: int
    request: StoredRequest
    request_body: str | None
    request_length: int
    body: str
    length: int = 0
    head: StoredHead | None = None
    result: RecordResult = ""
    sent: bool = False
    uploaded: int = 0
    seal: int | None = None


@attrs.frozen
class Image:
    """All that a journal holds, rows in the order of their keys."""

    jobs: tuple[JobRow, ...]
    records: tuple[RecordRow, ...]


class Journal(Protocol):
    """Durable rows.  Changes join one open transaction; ``commit`` makes all of them durable."""

    def load(self) -> Image:
        """All committed rows.  Raises StoreUnusable."""
        ...

    def put_job(self, row: JobRow) -> None:
        """Add or replace the row with this key."""
        ...

    def put_record(self, row: RecordRow) -> None:
        """Add or replace the row with this job and index."""
        ...

    def delete_job(self, key: int) -> None:
        """Remove a job and its records; nothing happens if it is not there."""
        ...

    def commit(self) -> None:
        """All changes since the last commit become durable, together or not at all."""
        ...

    def rollback(self) -> None:
        """Forget all changes since the last commit."""
        ...

    def save_room(self) -> None:
        """A commit found no room: from now on take as little as can be."""
        ...

    def close(self) -> None:
        """Roll back and let go."""
        ...
