"""Something changed: wakes everyone who waits, remembers nothing."""

from __future__ import annotations

import trio


class Broadcast:
    """Check your condition, ``await wait()``, check again."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def fire(self) -> None:
        """Wake all who wait now."""
        if self._event.statistics().tasks_waiting:
            self._event.set()
            self._event = trio.Event()

    async def wait(self) -> None:
        """Until the next ``fire``."""
        await self._event.wait()
