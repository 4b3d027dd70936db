"""From the arguments of fetch(), or the rows of a journal, to a job (FETCH, E87)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import attrs
import trio

from transfer_engine.errors import ScriptError, StoreFailed, StoreFull, StoreUnusable
from transfer_engine.journal import Image, JobRow, RecordRow
from transfer_engine.matching import request_of
from transfer_engine.messages import FetchOptions, Request, StoredRequest
from transfer_engine.plan import failure_of, recover_record
from transfer_engine.state import Body, Job, Meter, RecordState
from transfer_engine.store import Change, DeleteJob, Store

PIECE = 65536
MOST_TOTAL = 2**64 - 1


def list_requests(requests: str | Request | Iterable[str | Request]) -> list[Request]:
    """FETCH-4 and 5.  Raises ScriptError TypeError."""
    items = [requests] if isinstance(requests, str | Request) else list(requests)
    if not items:
        raise ScriptError("TypeError", "no request")
    return [Request(item) if isinstance(item, str) else item for item in items]


def check_total(total: int) -> None:
    """E69: an unsigned long long and nothing else.  Raises ScriptError TypeError."""
    if not 0 <= total <= MOST_TOTAL:
        raise ScriptError("TypeError", f"downloadTotal {total} is out of range")


@attrs.define(eq=False)
class Admission:
    """Stores what fetch() was given; on any failure nothing stays behind (S19)."""

    store: Store
    meter: Meter
    _next_key: int = 1

    async def admit(
        self,
        id: str,
        requests: list[Request],
        clean: list[StoredRequest],
        options: FetchOptions,
        awaiting: bool,
    ) -> Job:
        """FETCH-8.6 to 8.12; durable when it returns.  Raises ScriptError."""
        created: list[str] = []
        stored = 0
        key, self._next_key = self._next_key, self._next_key + 1
        try:
            records: list[RecordState] = []
            for index, (request, checked) in enumerate(zip(requests, clean, strict=True)):
                name, length = None, 0
                if request.body is not None:
                    name = self.store.create()
                    created.append(name)
                    async with aclosing(_pieces(request)) as pieces:
                        async for piece in pieces:
                            self._charge(len(piece))
                            stored += len(piece)
                            length += len(piece)
                            await self.store.append(name, piece)
                body = self.store.create()
                created.append(body)
                records.append(RecordState(index, checked, name, length, Body(body)))
            job = self._job(key, id, records, options, awaiting)
            failed = await self.store.harden(r.request_body for r in records if r.request_body)
            for why in failed.values():
                raise why
            await self.store.commit(job.row(), *map(job.record_row, records), patient=False)
        except BaseException as error:
            self.meter.requests -= stored
            await self._undo(key, created)
            if isinstance(error, StoreFull):
                raise ScriptError("QuotaExceededError", "the requests do not fit") from error
            if isinstance(error, StoreFailed):
                raise ScriptError("TypeError", str(error)) from error
            raise
        return job

    def _charge(self, length: int) -> None:
        if not self.meter.fits(length):
            raise StoreFull(length)
        self.meter.requests += length

    def _job(
        self,
        key: int,
        id: str,
        records: list[RecordState],
        options: FetchOptions,
        awaiting: bool,
    ) -> Job:
        return Job(
            key=key,
            id=id,
            title=options.title,
            icons=tuple(options.icons),
            download_total=options.download_total,
            upload_total=sum(record.request_length for record in records),
            records=records,
            paused=awaiting,
            awaiting=awaiting,
        )

    async def _undo(self, key: int, created: list[str]) -> None:
        """Another commit may have taken the rows along while this one was cancelled."""
        if not self.store.closed:
            with trio.CancelScope(shield=True):
                try:
                    await self.store.commit(DeleteJob(key), delete=created, patient=False)
                except StoreFull:
                    pass  # no room to delete in: the next start sweeps

    async def recover(self) -> tuple[list[Job], list[Change]]:
        """All jobs that a journal holds, as far as their bytes can be trusted, oldest first.

        And the rows that must be corrected for that.
        """
        image, lengths = await self.store.load()
        self._next_key = max((row.key for row in image.jobs), default=0) + 1
        jobs = [await self._restore(row, image, lengths) for row in image.jobs]
        now: list[Change] = [job.row() for job in jobs]
        now += [job.record_row(record) for job in jobs for record in job.records]
        before = (*image.jobs, *image.records)
        return jobs, [new for new, old in zip(now, before, strict=True) if new != old]

    async def _restore(self, row: JobRow, image: Image, lengths: dict[str, int]) -> Job:
        rows = [record for record in image.records if record.job == row.key]
        records = [await self._restore_record(record, lengths, row) for record in rows]
        job = Job(
            key=row.key,
            id=row.id,
            title=row.title,
            icons=row.icons,
            download_total=row.download_total,
            upload_total=row.upload_total,
            records=records,
            paused=row.paused,
            awaiting=row.awaiting,
            stop="abort" if row.aborted else "",
            failure=row.failure,
            result=row.result,
            reason=row.reason,
        )
        if row.result == "success" and any(r.body.result != "success" for r in records):
            job.result = ""  # bytes are lost and its event is owed: it goes on
        failures = [failure_of(record.body.result) for record in records]
        if "download-total-exceeded" in failures and not job.stop:
            job.stop = "total"
        job.failure = job.failure or next(filter(None, failures), "")
        return job

    async def _restore_record(
        self, row: RecordRow, lengths: dict[str, int], job: JobRow
    ) -> RecordState:
        on_disk = lengths.get(row.body)
        noted = row.length
        if row.head is not None and not row.result and (on_disk or 0) > noted:
            noted = await self.store.run(self.store.disk.trusted, row.body, noted)
        trusted = recover_record(row.request.method, row.sent, row.result, noted, on_disk)
        name = row.body
        if on_disk is not None and on_disk > trusted.length:
            await self.store.truncate(name, trusted.length)
        if trusted.length > row.length:
            for why in (await self.store.harden([name])).values():
                raise StoreUnusable(f"the body {name}", str(why)) from why
        result = trusted.result
        lost_upload = row.request_body and lengths.get(row.request_body, 0) != row.request_length
        if not result and (lost_upload or job.result == "failure"):
            result = "fetch-error"
        self.meter.responses += trusted.length
        self.meter.requests += row.request_length
        head = row.head if trusted.keep_head else None
        sealed = bool(result) and result == row.result and trusted.length == row.length
        seal = row.seal if sealed else None
        body = Body(name, trusted.length, head, result, durable=trusted.length, seal=seal)
        body.suspect = seal is not None
        return RecordState(
            row.index,
            row.request,
            row.request_body,
            row.request_length,
            body,
            uploaded=row.uploaded,
            sent=row.sent,
        )


async def _pieces(request: Request) -> AsyncGenerator[bytes, None]:
    """A request body in pieces.  Raises ScriptError TypeError if reading it fails (FETCH-8.11)."""
    body = request.body
    if isinstance(body, bytes):
        for at in range(0, len(body), PIECE):
            yield body[at : at + PIECE]
        return
    assert body is not None  # the caller asked
    iterator = aiter(body)
    while True:
        try:
            piece = await anext(iterator)
        except StopAsyncIteration:
            return
        except Exception as error:
            raise ScriptError("TypeError", f"a request body could not be read: {error}") from error
        yield piece


def clean_requests(requests: list[Request], base: str, *, page: bool = True) -> list[StoredRequest]:
    """FETCH-6 in list order.  Raises ScriptError TypeError."""
    return [request_of(request, base, page=page) for request in requests]
