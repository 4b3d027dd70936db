"""What the user sees of background fetches and can do to them (DISPLAY, CLICK)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from transfer_engine.errors import NotOffered
from transfer_engine.messages import Icon
from transfer_engine.state import Job

if TYPE_CHECKING:  # the engine makes the interface
    from transfer_engine.engine import Engine

MOST_SETTLED_SHOWN = 256


@attrs.frozen
class Shown:
    """One entry.  ``busy``: it may be using bandwidth; ``awaiting``: the user must accept."""

    id: str
    origin: str
    title: str
    icons: tuple[Icon, ...]
    busy: bool
    paused: bool
    awaiting: bool
    dismissible: bool
    can_pause: bool


class UserInterface:
    """The user's hand.  Every action is on the newest background fetch with that id.

    Each raises NotOffered when the interface does not offer it, EngineClosed when
    the engine is closed, and returns when the action is durable.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: dict[str, Job] = {}

    def _show(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        self._jobs[job.id] = job
        settled = [name for name, shown in self._jobs.items() if shown.result]
        for name in settled[:-MOST_SETTLED_SHOWN]:
            del self._jobs[name]

    def shown(self) -> list[Shown]:
        """All entries, oldest first."""
        origin = self._engine.config.app_origin
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
            )
            for job in self._jobs.values()
        ]

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
