"""The door between the judge and what it judges.

A *factory* knows how to open an implementation; an open *adapter* takes one
command at a time and calls the judge's *sink* for every observation, in the
order in which they happened.  In process the sink is called at once; across a
pipe it is called as lines arrive.

What the world offers an adapter is in ``Surroundings``: real adapters get base
URLs of loopback servers in ``Begin.origins``; simulated ones open streams with
``connect``; the model alone reads the world's script, since it has no network.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

import attrs
import trio

from conformance.protocol import PAGE, Answer, AnyCommand, AnyObservation, Implementation
from conformance.world.scripted import ScriptedWorld

Sink = Callable[[AnyObservation], None]
Connect = Callable[[str, int], Awaitable[trio.abc.Stream]]


class AdapterError(Exception):
    """Base of what can be wrong with an adapter; never a verdict about conformance."""


@attrs.frozen
class CannotStart(AdapterError):
    """The implementation did not start; ``remedy`` is the next move."""

    name: str
    why: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name} would not start: {self.why}" + (
            f" ({self.remedy})" if self.remedy else ""
        )


@attrs.frozen
class AdapterGone(AdapterError):
    """The implementation's process or connection ended in mid-run, or answers no more.

    ``section`` as in AdapterNonsense; empty where it speaks no protocol.
    """

    name: str
    why: str
    section: str = ""

    def __str__(self) -> str:
        see = f' (see "{self.section}" in {PAGE})' if self.section else ""
        return f"{self.name} is gone{see}: {self.why}"


@attrs.frozen
class AdapterNonsense(AdapterError):
    """The implementation said something that the protocol does not allow.

    ``line``: what it said, fit to be shown, or empty; ``section``: the heading of the
    protocol's page under which it would belong.
    """

    name: str
    line: str
    why: str
    section: str

    def __str__(self) -> str:
        said = f": {self.line}" if self.line else ""
        see = f'see "{self.section}" in {PAGE}'
        return f"{self.name} does not speak the protocol: {self.why} ({see}){said}"


@attrs.frozen
class EndedBadly(AdapterError):
    """All scenarios are over, and the implementation did not end as it was asked to."""

    name: str
    why: str

    def __str__(self) -> str:
        return f'{self.why} (see "stop" in {PAGE})'


@attrs.frozen
class Surroundings:
    """What the world offers.  ``connect(host, port)`` raises OSError like a socket would.

    ``kills``: the scenario will kill the user agent, so that it needs a process of its own.
    """

    world: ScriptedWorld
    connect: Connect | None = None
    kills: bool = False


class Adapter(Protocol):
    """One open implementation."""

    @property
    def implementation(self) -> Implementation:
        """Name, version, capabilities."""
        ...

    async def send(self, command: AnyCommand) -> Answer:
        """Do one command.  Raises AdapterGone or AdapterNonsense."""
        ...


class AdapterFactory(Protocol):
    """How to open one kind of implementation."""

    name: str
    network: Literal["loopback", "memory", "none"]

    def open(self, sink: Sink, surroundings: Surroundings) -> AbstractAsyncContextManager[Adapter]:
        """Open it for one scenario (implementations that are slow to start may be kept warm).

        Raises CannotStart.
        """
        ...
