"""One record from its first request to its result (RECORD, and its loop in RECORD-15).

The loop looks at the flags, makes one attempt inside a cancel scope (``lane``), and looks
again.  Pause, abort and loss of the network only ever cancel the scope: when
the scope has ended, no byte of that attempt can be stored any more, so the next
request's first byte is computed from what is final (E03, E15, E16, E43).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import trio

from transfer_engine.config import EngineConfig, Seams
from transfer_engine.decisions import Decisions
from transfer_engine.errors import (
    Interrupted,
    PeerMisbehaved,
    StoreFailed,
    StoreFull,
    TotalExceeded,
    Unreachable,
)
from transfer_engine.journal import JobRow, RecordRow
from transfer_engine.lane import Lane
from transfer_engine.logs import log, shown_error, shown_url
from transfer_engine.messages import RecordResult
from transfer_engine.network import Answer, Network
from transfer_engine.plan import (
    Again,
    AwaitNetwork,
    Finish,
    Join,
    Refuse,
    RetryPolicy,
    Whole,
    failure_of,
)
from transfer_engine.sending import Upload
from transfer_engine.state import Body, Job, Meter, RecordState
from transfer_engine.store import Store
from transfer_engine.writer import Writer

Step = Finish | Again | AwaitNetwork


@attrs.define(eq=False)
class Shared:
    """What all records of an engine stand on.  ``online``: what the user agent believes."""

    config: EngineConfig
    seams: Seams
    store: Store
    meter: Meter
    network: Network
    online: bool
    grew: Callable[[Job, RecordState], None]
    whole: Callable[[Job, RecordState], None]


@attrs.define(eq=False)
class RecordTransfer:
    """The task of one record."""

    shared: Shared
    lane: Lane
    job: Job
    record: RecordState

    async def run(self) -> None:
        """Return when the record's result is final and durable."""
        record = self.record
        while not record.body.result:
            if self.job.stop:
                await self._finish("aborted")
            elif record.spoilt is not None:
                await self._rewind(record.spoilt)
            elif not self._decisions.may_send(record.request, record.sent):
                await self._finish("fetch-error")  # never sent twice
            elif self.job.paused:
                await self.job.gate.wait()
            elif not self.shared.online:
                await self._stall()
            else:
                await self._try()

    async def _stall(self) -> None:
        method = self.record.request.method
        step = self._decisions.judge_loss(method, "offline-only", False, 0, self._retry)
        if isinstance(step, Finish):
            await self._finish(step.result)
        else:
            await self.job.gate.wait()

    async def _try(self) -> None:
        """One attempt and what follows from it; a sealed attempt has no consequence."""
        await self._follow(self._attempt)

    async def _follow(self, attempt: Callable[[], Awaitable[Step]]) -> None:
        step: Step = Again()
        self.record.scope = self.lane.scope()
        try:
            step = await attempt()
            if isinstance(step, Again) and step.delay:
                log.info("%s: again in %.1f s", shown_url(self.record.request.url), step.delay)
                await trio.sleep(step.delay)
        except BaseException as error:
            if not self.lane.absorbs(error):
                raise
        else:
            self.lane.ended()
        finally:
            self.record.scope = None
        if isinstance(step, Finish):
            await self._finish(step.result)

    async def _attempt(self) -> Step:
        record = self.record
        try:
            step = await self._transfer()
            if isinstance(step, Finish):
                await self._harden()
            return step
        except (Unreachable, Interrupted) as error:
            return self._lose(error)
        except PeerMisbehaved as error:
            record.why = shown_error(error)
            log.warning("%s: %s", shown_url(record.request.url), record.why)
            return Finish("fetch-error")
        except StoreFull:
            return Finish("quota-exceeded")
        except TotalExceeded:
            return Finish("download-total-exceeded")

    def _lose(self, error: Unreachable | Interrupted) -> Step:
        record, config = self.record, self.shared.config
        record.futile += 1
        record.why = shown_error(error)
        log.info("%s: %s", shown_url(record.request.url), record.why)
        step = self._decisions.judge_loss(
            record.request.method,
            config.unavailability,
            self.shared.online,
            record.futile - 1,
            self._retry,
        )
        if isinstance(step, Again):
            self.job.trouble = record.why
            self.job.publish()  # the interface shows it
        return self._spread(step)

    async def _harden(self) -> None:
        """No result is told before its bytes are durable.  Raises StoreFull or StoreFailed."""
        record, body = self.record, self.record.body
        if record.spoilt is None and body.durable < body.length:
            length = body.length
            failed = await self.shared.store.harden([body.name])
            if failed:
                record.spoilt = failed[body.name]
            else:
                body.durable = length
        if record.spoilt is not None:
            raise record.spoilt

    async def _rewind(self, why: StoreFull | StoreFailed) -> None:
        """What a failed sync may have taken is dropped and fetched again, if there is room."""
        record, body = self.record, self.record.body
        await self.shared.store.truncate(body.name, body.durable)
        self.shared.meter.responses -= self.job.shrink(body, body.durable)
        record.spoilt = None
        record.touch()
        self.job.publish()
        if isinstance(why, StoreFull):
            await self._finish("quota-exceeded")
            return

        async def lost() -> Step:
            await trio.lowlevel.checkpoint()
            return self._lose(why)

        await self._follow(lost)

    def _spread(self, step: Step) -> Step:
        """Full jitter: those who lost one server together do not come back together."""
        if isinstance(step, Again) and step.delay:
            return Again(self.shared.seams.random.uniform(0, step.delay))
        return step

    async def _transfer(self) -> Step:
        record = self.record
        ask = self._decisions.next_request(record.request, record.body.stored)
        if isinstance(ask, Whole):
            return Finish("success")
        if record.request.method != "GET" and not record.sent:
            record.sent = True
            await self.shared.store.commit(self.job.record_row(record))
        upload = self._upload() if record.request_body is not None else None
        network = self.shared.network
        async with network.answer(self.job, record.request, ask.start, upload) as answer:
            return await self._take(answer, ask.start)

    async def _take(self, answer: Answer, start: int) -> Step:
        record, self.job.trouble = self.record, ""
        pause = self._temporarily(answer)
        if pause is not None:
            return pause
        stored = record.body.stored
        verdict = self._decisions.judge_head(record.request, start, stored, answer.head)
        if isinstance(verdict, Refuse):
            record.why = verdict.why
            return Finish("fetch-error")
        if isinstance(verdict, Whole):
            return Finish("success")
        if not isinstance(verdict, Join):
            await self._replace(answer)
        shared = self.shared
        writer = Writer(shared.store, shared.meter, shared.grew, self.job, record, verdict.part)
        try:
            while await shared.seams.pump(answer, writer, shared.config.chunk_size):
                pass
        finally:
            writer.close()
        return self._decisions.judge_end(
            record.request, answer.head, verdict.part, writer.got, record.body.length
        )

    def _temporarily(self, answer: Answer) -> Step | None:
        """What follows from a status that the policy takes for a temporary one, or None."""
        shared, record = self.shared, self.record
        step = self._decisions.judge_status(
            record.request.method,
            answer.head,
            shared.config.unavailability,
            record.futile,
            self._retry,
            shared.seams.now(),
        )
        if step is not None:
            record.futile += 1
        return step if step is None or step.told else self._spread(step)

    async def _replace(self, answer: Answer) -> None:
        """RECORD-11.R.3 and R.4: only what has been answered before becomes redundant (E17)."""
        record, old = self.record, self.record.body
        if old.head is None and old.length == 0:
            old.head = answer.head
            record.touch()
            if answer.long:
                # Without its head a body cannot be trusted after a crash, however long it is.
                await self.shared.store.commit(self.job.record_row(record))
            return
        fresh = Body(self.shared.store.create(), head=answer.head)
        self.job.replace(record, fresh)
        old.redundant = old.released = True
        self.shared.meter.responses -= old.length
        old.changed.fire()
        record.touch()
        self.job.publish()
        await self.shared.store.commit(self.job.record_row(record), delete=[old.name])

    async def _finish(self, result: RecordResult) -> None:
        """Write the result once, tell everyone, make it durable."""
        record, job = self.record, self.job
        record.body.result = result
        if result == "download-total-exceeded" and not job.stop:
            job.stop = "total"
            job.interrupt()
        else:
            job.failure = job.failure or failure_of(result)
        record.touch()
        rows: list[JobRow | RecordRow] = [job.record_row(record)]
        if result != "success":  # which changes nothing about the job
            rows.insert(0, job.row())
        await self.shared.store.commit(*rows)
        self.shared.whole(job, record)

    @property
    def _decisions(self) -> Decisions:
        return self.shared.seams.decisions

    @property
    def _retry(self) -> RetryPolicy:
        return self.shared.config.retry

    def _upload(self) -> Upload:
        record, job, store = self.record, self.job, self.shared.store
        name = record.request_body
        assert name is not None  # the caller asked

        async def read(offset: int, most: int) -> bytes:
            try:
                return await store.read(name, offset, most)
            except FileNotFoundError as error:
                raise StoreFailed(str(error)) from error

        def sent(total: int) -> None:
            # Set, not added: a redirect may send the same body again (E34).
            if total > record.uploaded and not job.result:
                job.sent(record, total)
                job.publish()

        return Upload(record.request_length, read, sent, store.sendfile(name))
