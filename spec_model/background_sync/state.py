"""The whole state of the sync system, and what goes in and comes out.

Work that goes on in parallel is data: a call that has not run, the rest of a call whose
promise has been resolved, a wait before a retry, an event whose handler has not ended.
"""

from __future__ import annotations

import attrs

from spec_model.background_fetch import Rejected
from spec_model.background_sync.lifecycle import SyncState
from spec_model.messages import (
    CallUnregister,
    PageClosed,
    PageOpened,
    PermissionSet,
    UserAgentLaunched,
    UserAgentQuit,
    WentOnline,
)

WORKER = "worker"
"""The realm of the service worker."""

# --- inputs and outputs ---------------------------------------------------------------


@attrs.frozen
class CallRegister:
    """``registration.sync.register(tag)``."""

    call: str
    realm: str
    tag: str


@attrs.frozen
class CallGetTags:
    """``registration.sync.getTags()``."""

    call: str
    realm: str


@attrs.frozen
class SyncEnded:
    """All promises that extended a sync event's lifetime fulfilled, or one rejected."""

    event: str
    fulfilled: bool


@attrs.frozen
class Elapsed:
    """So many seconds have passed."""

    seconds: float


Call = CallRegister | CallGetTags | CallUnregister
Input = (
    Call
    | SyncEnded
    | Elapsed
    | PageOpened
    | PageClosed
    | WentOnline
    | PermissionSet
    | UserAgentQuit
    | UserAgentLaunched
)


@attrs.frozen
class Settled:
    """A call's promise settled; None is undefined.  ``step`` settled it."""

    call: str
    value: Rejected | tuple[str, ...] | None
    step: str = attrs.field(default="", eq=False)


@attrs.frozen
class SyncFired:
    """The worker got a sync event; ``step`` fired it."""

    event: str
    tag: str
    last_chance: bool
    step: str = attrs.field(default="", eq=False)


Output = Settled | SyncFired

EVENT = "s"
"""Names of events begin so, and are then numbered: no other text's events have such names."""

# --- tasks ----------------------------------------------------------------------------


@attrs.frozen
class RunCall:
    """A method goes on in parallel."""

    call: Call


@attrs.frozen
class GoOn:
    """What register() does once its promise is resolved; ``new``: it has added the registration."""

    tag: str
    new: bool


@attrs.frozen
class Sweep:
    """The user agent has come online: one registration that was pending then is to be fired."""

    tag: str


@attrs.frozen
class EndWait:
    """The wait of this number is over."""

    wait: int


@attrs.frozen
class CutEvent:
    """The user agent has waited long enough for this event's handler."""

    event: str


Task = RunCall | GoOn | Sweep | EndWait | CutEvent

# --- the state ------------------------------------------------------------------------


@attrs.frozen
class Registration:
    """``attempts``: how many events of the present series have failed.

    ``wait``: the number of the wait that it is waiting for, 0 for none.
    """

    tag: str
    state: SyncState = SyncState.PENDING
    attempts: int = 0
    wait: int = 0


@attrs.frozen
class Wait:
    """A wait before a retry: ``left`` seconds of it."""

    number: int
    tag: str
    left: float


@attrs.frozen
class Event:
    """A dispatched event that has not ended, after ``age`` seconds."""

    name: str
    tag: str
    last_chance: bool
    age: float = 0.0


@attrs.frozen
class State:
    """Everything.  ``pages`` are top-level clients of the origin; ``active``: there is a worker.

    ``cap``: the answer to ``sync-attempts``, which a user agent gives once.  ``series``
    numbers waits and events.
    """

    pages: tuple[str, ...] = ("p1",)
    active: bool = True
    listening: bool = True
    online: bool = True
    permission: str = "granted"
    running: bool = True
    registrations: tuple[Registration, ...] = ()
    todo: tuple[RunCall | GoOn | Sweep, ...] = ()
    waits: tuple[Wait, ...] = ()
    events: tuple[Event, ...] = ()
    cap: str = ""
    series: int = 0
    outbox: tuple[Output, ...] = ()

    def registration(self, tag: str) -> Registration | None:
        """The registration with this tag (BS-DM-5: there is one at most)."""
        return next((each for each in self.registrations if each.tag == tag), None)

    def event(self, name: str) -> Event | None:
        """The event of this name, unless it is over."""
        return next((each for each in self.events if each.name == name), None)

    def put(self, changed: Registration) -> State:
        """The same with one registration changed; one that is removed leaves the list."""
        kept = [changed if each.tag == changed.tag else each for each in self.registrations]
        kept = [each for each in kept if each.state is not SyncState.REMOVED]
        return attrs.evolve(self, registrations=tuple(kept))

    def settle(
        self, call: CallRegister | CallGetTags, value: Rejected | tuple[str, ...] | None, step: str
    ) -> State:
        """A promise settles; nobody sees it once its page is closed."""
        there = call.realm == WORKER or call.realm in self.pages
        return self.say(Settled(call.call, value, step)) if there else self

    def later(self, *tasks: RunCall | GoOn | Sweep) -> State:
        """The same with more work to do."""
        return attrs.evolve(self, todo=(*self.todo, *tasks))

    def say(self, output: Output) -> State:
        """The same with something shown."""
        return attrs.evolve(self, outbox=(*self.outbox, output))

    def taken(self) -> tuple[tuple[Output, ...], State]:
        """What was shown, and the state without it."""
        return self.outbox, attrs.evolve(self, outbox=())
