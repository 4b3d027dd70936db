"""What an engine is given: its application, its policies, its limits, its seams."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import attrs
import trio

from transfer_engine.body_disk import BodyDisk, FileBodyDisk
from transfer_engine.decisions import Decisions
from transfer_engine.errors import StoreUnusable
from transfer_engine.events import BackgroundFetchEvent
from transfer_engine.journal import Journal
from transfer_engine.messages import Permission
from transfer_engine.plan import RetryPolicy, Unavailability
from transfer_engine.pump import Pump, pump
from transfer_engine.simulated import SimulatedBodyDisk, SimulatedJournal, offload_inline
from transfer_engine.sqlite_journal import SqliteJournal
from transfer_engine.store import Offload, offload_to_thread

Handler = Callable[[BackgroundFetchEvent], Awaitable[None]]


class Connect(Protocol):
    """How connections are opened.  Raises OSError like a socket would."""

    async def __call__(self, host: str, port: int, /) -> trio.abc.Stream:
        """A byte stream to that host and port, without TLS."""
        ...


async def connect_tcp(host: str, port: int) -> trio.abc.Stream:
    """A TCP connection to wherever the name leads."""
    return await trio.open_tcp_stream(host, port)


@attrs.frozen
class Timeouts:
    """Seconds of the engine's (trio's) clock, None for never.

    ``connect``: until a connection is open, TLS included.  ``idle``: without a byte
    while an answer is due.
    """

    connect: float | None = 30.0
    idle: float | None = 120.0


NO_TIMEOUTS = Timeouts(None, None)


@attrs.frozen(kw_only=True)
class EngineConfig:
    """One application's engine.

    ``app_origin``: the origin that requests are made for (CORS, relative URLs).
    ``directory``: where ``journal.sqlite`` and ``bodies/`` live; None only with seams.
    ``handlers``: event name (``backgroundfetchsuccess``, ``…fail``, ``…abort``,
    ``…click``) to an async callable.  ``quota``: body bytes, None for no limit.
    ``concurrency``: records of one fetch in flight at once; 1 keeps request order.
    ``unavailability``: ``offline-only`` makes every network loss while online a
    fetch-error; ``network-loss`` retries GETs by ``retry``.
    ``checkpoint_interval``: seconds between two commits of growing bodies; what a kill
    can cost is what arrived in one interval.  ``chunk_size``: most body bytes
    that are received, decoded and stored at once, per record.
    """

    app_origin: str
    directory: Path | None = None
    handlers: Mapping[str, Handler] = attrs.field(factory=dict)
    quota: int | None = None
    permission: Permission = "granted"
    online: bool = True
    active_worker: bool = True
    concurrency: int | None = attrs.field(
        default=None, validator=attrs.validators.optional(attrs.validators.ge(1))
    )
    unavailability: Unavailability = "offline-only"
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    timeouts: Timeouts = attrs.field(factory=Timeouts)
    checkpoint_interval: float = 0.1
    chunk_size: int = 262144
    user_agent: str = "transfer-engine/1"
    ssl_context: ssl.SSLContext | None = None


@attrs.frozen(kw_only=True)
class Seams:
    """What an engine stands on; simulation replaces each."""

    journal: Journal
    disk: BodyDisk
    offload: Offload = offload_to_thread
    connect: Connect = connect_tcp
    pump: Pump = pump
    decisions: Decisions = attrs.field(factory=Decisions)


def real_seams(config: EngineConfig, connect: Connect = connect_tcp) -> Seams:
    """SQLite and files under ``config.directory``, threads, sockets.  Raises StoreUnusable."""
    if config.directory is None:
        raise StoreUnusable("the store", "EngineConfig.directory is not given")
    disk = FileBodyDisk(config.directory / "bodies")  # first: it holds the lock
    try:
        journal = SqliteJournal(config.directory / "journal.sqlite")
    except BaseException:
        disk.close()
        raise
    return Seams(journal=journal, disk=disk, connect=connect)


def simulated_seams(
    connect: Connect,
    journal: SimulatedJournal | None = None,
    disk: SimulatedBodyDisk | None = None,
) -> Seams:
    """Memory and inline calls.  Keep ``journal`` and ``disk`` to open the next engine on them."""
    return Seams(
        journal=SimulatedJournal() if journal is None else journal,
        disk=SimulatedBodyDisk() if disk is None else disk,
        offload=offload_inline,
        connect=connect,
    )
