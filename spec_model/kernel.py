"""What every executable specification here has in common.

A specification is a small *system* of pure functions over an immutable state: an
input is injected, then tasks are performed until none is enabled; what was shown on
the way is in the state's outbox.  Every freedom is asked of a ``Decide``.  A driver
that explains, explores or judges needs nothing else, so it works for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import attrs

from spec_model.decide import Decide
from spec_model.editions import Edition
from spec_model.steps import Step

StateT = TypeVar("StateT")
InputT = TypeVar("InputT")
TaskT = TypeVar("TaskT")
OutputT = TypeVar("OutputT")

LIMIT = 100_000
"""Tasks that ``run`` performs before it says that this never ends."""


class NeverSettles(Exception):
    """The system found task after task to perform: our own bug.  ``task`` is the last of them."""

    def __init__(self, task: object) -> None:
        self.task = task
        super().__init__(f"still not settled after {LIMIT} tasks; the last was {task}")


@attrs.frozen
class System(Generic[StateT, InputT, TaskT, OutputT]):
    """One specification.

    ``enabled``: every task that could be performed now, in the order in which ``run``
    takes them; ``taken``: the outputs so far, and the state without them; ``check`` raises
    where an invariant is broken between a state and the next.
    """

    name: str
    steps: Mapping[str, Step]
    enabled: Callable[[StateT, Decide], tuple[TaskT, ...]]
    inject: Callable[[StateT, InputT, Decide], StateT]
    perform: Callable[[StateT, TaskT, Decide], StateT]
    taken: Callable[[StateT], tuple[tuple[OutputT, ...], StateT]]
    check: Callable[[StateT, StateT, Edition], None]

    def run(
        self,
        state: StateT,
        d: Decide,
        watch: Callable[[StateT, StateT], None] | None = None,
        *,
        at: int = 0,
    ) -> StateT:
        """Perform the first enabled task until there is none: deterministic.

        ``watch`` is shown the state before and after every task.  ``at``: the place in
        ``enabled`` of the task that is taken, -1 for the last.  Raises NeverSettles.
        """
        task: TaskT | None = None
        for _ in range(LIMIT):
            tasks = self.enabled(state, d)
            if not tasks:
                return state
            task = tasks[at]
            before, state = state, self.perform(state, task, d)
            if watch is not None:
                watch(before, state)
        raise NeverSettles(task)
