"""What one task needs to make one attempt after another: a cancel scope that is used again.

Each attempt must be stoppable by itself, and nearly none is stopped.  To make and leave a
scope costs as much as a tenth of a small transfer, so a lane stays in its scope from attempt
to attempt, and leaves it only when it was cancelled (or the lane ends).  Nobody can cancel
it between two attempts: it is the record's (``RecordState.scope``) only while one runs.
"""

from __future__ import annotations

from types import TracebackType

import trio


class Lane:
    """``with Lane() as lane``, by the task that works in it."""

    def __init__(self) -> None:
        self._scope: trio.CancelScope | None = None

    def __enter__(self) -> Lane:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        scope, self._scope = self._scope, None
        return None if scope is None else scope.__exit__(kind, error, trace)

    def scope(self) -> trio.CancelScope:
        """What the next attempt runs in, and what cancels it."""
        if self._scope is None:
            self._scope = trio.CancelScope()
            self._scope.__enter__()
        return self._scope

    def absorbs(self, error: BaseException) -> bool:
        """An attempt was cut off by ``error``: whether that was its own scope's doing."""
        return bool(self.__exit__(type(error), error, error.__traceback__))

    def ended(self) -> None:
        """An attempt has ended by itself; one that was cancelled too late has ended so, too."""
        if self._scope is not None and self._scope.cancel_called:
            self.__exit__(None, None, None)
