"""Something changed: wakes everyone who waits, remembers nothing."""

from __future__ import annotations

import trio


class Broadcast:
    """Check your condition, ``await wait()``, check again."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        # Made by the first who waits: of ten thousand records most are never waited for.
        self._event: trio.Event | None = None

    def fire(self) -> None:
        """Wake all who wait now."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        """Until the next ``fire``."""
        if self._event is None:
            self._event = trio.Event()
        await self._event.wait()
