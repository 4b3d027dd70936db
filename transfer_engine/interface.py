"""What the user sees of background fetches and can do to them (DISPLAY, CLICK)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import trio

from transfer_engine.broadcast import Broadcast
from transfer_engine.errors import NotOffered
from transfer_engine.messages import Icon, Reason, RecordResult, Result
from transfer_engine.plan import known_length
from transfer_engine.state import Job

if TYPE_CHECKING:  # the engine makes the interface
    from transfer_engine.engine import Engine

MOST_SETTLED_SHOWN = 256


@attrs.frozen
class Shown:
    """One entry.  ``busy``: it may be using bandwidth; ``awaiting``: the user must accept.

    Sizes in bytes; a total is 0 when it was not given.  ``dismissible``: it has ended.
    ``can_…``: what the user is offered now.  ``trouble``: what the last attempt met, while
    nothing comes and it is made again; for people.
    """

    id: str
    origin: str
    title: str
    icons: tuple[Icon, ...]
    busy: bool
    paused: bool
    awaiting: bool
    dismissible: bool
    can_pause: bool
    can_resume: bool
    can_abort: bool
    downloaded: int = 0
    download_total: int = 0
    uploaded: int = 0
    upload_total: int = 0
    result: Result = ""
    failure_reason: Reason = ""
    trouble: str = ""


@attrs.frozen
class ShownRecord:
    """One record of an entry, in bytes.

    ``length``: how long its body will be, None while nobody knows.  ``status``: of the
    answer, 0 before there is one.  ``why``: what the last attempt met, for people.
    """

    url: str
    method: str
    downloaded: int
    length: int | None
    uploaded: int
    upload_length: int
    status: int
    result: RecordResult
    why: str = ""


class UserInterface:
    """The user's hand.  Every action is on the newest background fetch with that id.

    Each raises NotOffered when the interface does not offer it, EngineClosed when
    the engine is closed, and returns when the action is durable.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: dict[str, Job] = {}
        self._changes = Broadcast()
        self._count = 0

    def _show(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        job.listeners.append(self._changed)
        settled = [name for name, shown in self._jobs.items() if shown.result]
        for name in settled[:-MOST_SETTLED_SHOWN]:
            del self._jobs[name]
        self._changed()

    def _changed(self, job: Job | None = None) -> None:
        self._count += 1
        self._changes.fire()

    def shown(self) -> list[Shown]:
        """All entries, oldest first."""
        origin = self._engine.config.app_origin or ""
        return [
            Shown(
                id=job.id,
                origin=origin,
                title=job.title,
                icons=job.icons,
                busy=not (job.paused or job.result),
                paused=job.paused,
                awaiting=job.awaiting,
                dismissible=bool(job.result),
                can_pause=job.all_get and not (job.result or job.stop or job.paused),
                can_resume=job.paused and not (job.result or job.stop or job.awaiting),
                can_abort=not (job.result or job.stop),
                downloaded=job.downloaded,
                download_total=job.download_total,
                uploaded=job.uploaded,
                upload_total=job.upload_total,
                result=job.result,
                failure_reason=job.reason,
                trouble="" if job.result else job.trouble,
            )
            for job in self._jobs.values()
        ]

    def records(self, id: str) -> list[ShownRecord]:
        """What an entry is made of, in the order of its requests; empty for an unknown id."""
        job = self._jobs.get(id)
        return [
            ShownRecord(
                url=record.request.url,
                method=record.request.method,
                downloaded=record.body.length,
                length=None if record.body.head is None else known_length(record.body.head),
                uploaded=record.uploaded,
                upload_length=record.request_length,
                status=record.body.head.status if record.body.head else 0,
                result=record.body.result,
                why=record.why,
            )
            for record in (job.records if job is not None else ())
        ]

    def display(self) -> Display:
        """All entries now and after each change, for as long as the engine is open.

        A slow reader gets the newest state and not each one, so drawing at one's own pace
        is ``await trio.sleep(...)`` in the loop.
        """
        return Display(self)

    def _find(self, action: str, id: str, *, unsettled: bool = True) -> Job:
        self._engine._check_open()
        job = self._jobs.get(id)
        if job is None:
            raise NotOffered(action, id, "nothing of that id is shown")
        if unsettled and (job.result or job.stop):
            raise NotOffered(action, id, "it has ended")
        return job

    async def pause(self, id: str) -> None:
        """Stop transferring and keep what is stored; only if every request is a GET."""
        job = self._find("pause", id)
        if job.paused:
            raise NotOffered("pause", id, "it is paused")
        if not job.all_get:
            raise NotOffered("pause", id, "a request is not a GET and could not be continued")
        job.paused = True
        job.interrupt()
        self._changed()
        await self._engine._commit(job.row())

    async def resume(self, id: str) -> None:
        """Go on after ``pause``."""
        job = self._find("resume", id)
        if not job.paused or job.awaiting:
            raise NotOffered("resume", id, "it is not paused by the user")
        await self._go(job)

    async def accept(self, id: str) -> None:
        """Let a fetch begin that was started while the permission was ``prompt``."""
        job = self._find("accept", id)
        if not job.awaiting:
            raise NotOffered("accept", id, "it does not wait for permission")
        job.awaiting = False
        await self._go(job)

    async def _go(self, job: Job) -> None:
        job.paused = False
        job.gate.fire()
        self._changed()
        await self._engine._commit(job.row())

    async def refuse(self, id: str) -> None:
        """Abort a fetch that waits for permission."""
        job = self._find("refuse", id)
        if not job.awaiting:
            raise NotOffered("refuse", id, "it does not wait for permission")
        await self._engine._abort(job, "abort")

    async def abort(self, id: str) -> None:
        """The same as ``Registration.abort``."""
        if not await self._engine._abort(self._find("abort", id), "abort"):
            raise NotOffered("abort", id, "it has ended")

    async def click(self, id: str) -> None:
        """Dispatch ``backgroundfetchclick``; returns once it has been dispatched."""
        self._engine._click(self._find("click", id, unsettled=False))

    async def dismiss(self, id: str) -> None:
        """Take the entry away; only after the fetch has ended."""
        job = self._find("dismiss", id, unsettled=False)
        if not job.result:
            raise NotOffered("dismiss", id, "it has not ended")
        del self._jobs[id]
        self._changed()

    def withdraw(self, job: Job) -> None:
        """Show a job no longer: the worker that it was for is gone (E86)."""
        if self._jobs.get(job.id) is job:
            del self._jobs[job.id]
            self._changed()


class Display:
    """An async iterator; there is nothing to close."""

    def __init__(self, interface: UserInterface) -> None:
        self._interface = interface
        self._seen = -1

    def __aiter__(self) -> Display:
        return self

    async def __anext__(self) -> list[Shown]:
        interface = self._interface
        await trio.lowlevel.checkpoint()
        while self._seen == interface._count and not interface._engine._store.closed:
            await interface._changes.wait()
        if interface._engine._store.closed:
            raise StopAsyncIteration
        self._seen = interface._count
        return interface.shown()
