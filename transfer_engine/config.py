"""What an engine is given: its application, its policies, its limits, its seams."""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Literal

import attrs
import trio

from transfer_engine.body_disk import BodyDisk, FileBodyDisk
from transfer_engine.boot_note import Durability
from transfer_engine.cookies import CookieStore
from transfer_engine.decisions import Decisions
from transfer_engine.decode import Expansion
from transfer_engine.dialing import Connect, Resolve, connect_tcp, resolve_names, resolve_to_itself
from transfer_engine.errors import StoreUnusable
from transfer_engine.events import BackgroundFetchEvent
from transfer_engine.journal import Journal
from transfer_engine.messages import Permission
from transfer_engine.plan import RetryPolicy, Unavailability
from transfer_engine.policy import Policy
from transfer_engine.pool import Limits, Turns
from transfer_engine.pump import SHORT_TURN, TURN, FastPump, Pump, pump
from transfer_engine.simulated import SimulatedBodyDisk, SimulatedJournal, offload_inline
from transfer_engine.sqlite_journal import SqliteJournal
from transfer_engine.state import Meter
from transfer_engine.store import Offload, offload_to_thread

Handler = Callable[[BackgroundFetchEvent], Awaitable[None]]
AfterClose = Literal["again", "over"]
Handlers = Handler | Sequence[Handler]
"""One handler of an event, or several in their order."""


@attrs.frozen
class Timeouts:
    """Seconds of the engine's (trio's) clock, None for never.

    ``connect``: until a connection is open, TLS included.  ``head``: until an answer's head
    is complete.  ``idle``: without a byte while an answer is due.  ``least``: bytes a second
    that an answer must bring on average over each ``window``.
    """

    connect: float | None = 30.0
    head: float | None = 120.0
    idle: float | None = 120.0
    window: float | None = 60.0
    least: float = 16.0


NO_TIMEOUTS = Timeouts(None, None, None, None)


@attrs.frozen(kw_only=True)
class EngineConfig:
    """One application's engine.

    ``app_origin``: the origin that requests are made for (CORS, relative URLs).  None says
    that no page asks but a program of the user's own, like curl: every URL must be absolute,
    no origin is foreign (no CORS, no ``Origin``), and ``Cookie`` and ``Referer`` may be set.
    ``base``: what URLs are relative to; the origin itself when it is not given.
    ``directory``: where ``journal.sqlite`` and ``bodies/`` live; None only with seams.
    ``handlers``: event name (``backgroundfetchsuccess``, ``…fail``, ``…abort``,
    ``…click``) to an async callable, or to several: they begin in their order, none waits for
    another to end, and one that fails stops no other.  ``quota``: body bytes, None for no limit.
    ``interrupted``: what becomes of a settle event whose handler is cut off when the engine is
    closed: it comes ``again`` at the next start, as after a kill, or is ``over``, as the
    specification's "at most once" has it for a user agent that ends in order.
    ``concurrency``: records of one fetch in flight at once; 1 keeps request order.
    ``unavailability``: ``offline-only`` makes every network loss while online a
    fetch-error; ``network-loss`` retries GETs by ``retry``.
    ``checkpoint_interval``: seconds between two commits of growing bodies, at level ``power``
    fewer if much arrives; what a power cut can cost is what arrived between two.
    ``chunk_size``: most body bytes that are received, decoded and stored at once, per record.
    ``policy``: where requests may go; by default https on the public Internet only.
    ``limits``: exchanges at a time, over all fetches of the engine, or of the user agent.
    ``seal_after``: seconds after which a body that is whole and still here gets a checksum,
    which is compared before it is read after a restart; None for never.
    ``cookies``: where cookies are kept, by each request's credentials mode; None for nowhere.
    ``durability``: what a promise outlives.  ``kill``: nothing acknowledged is lost by kill -9,
    and no stored byte is fetched twice; a power cut may cost what is unfinished or not yet
    delivered, but nothing is ever reported that is not there.  ``power``: nothing
    acknowledged is lost by a power cut either; every commit waits for the disk.  After kill -9
    a stored byte is fetched twice only if the kernel gave up its page in between
    (``page_cache``).
    """

    app_origin: str | None
    base: str = ""
    directory: Path | None = None
    handlers: Mapping[str, Handlers] = attrs.field(factory=dict)
    interrupted: AfterClose = "again"
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
    policy: Policy = attrs.field(factory=Policy)
    limits: Limits = attrs.field(factory=Limits)
    expansion: Expansion = attrs.field(factory=Expansion)
    seal_after: float | None = 10.0
    cookies: CookieStore | None = None
    durability: Durability = "kill"

    def listeners(self, event: str) -> tuple[Handler, ...]:
        """The handlers of an event now."""
        found = self.handlers.get(event, ())
        return (found,) if callable(found) else tuple(found)

    @property
    def base_url(self) -> str:
        """What URLs are relative to, empty for nothing."""
        return self.base or self.app_origin or ""


@attrs.frozen(kw_only=True)
class Seams:
    """What an engine stands on; simulation replaces each.

    ``random`` spreads retries; ``now`` is the time of day, in seconds since 1970.
    ``meter``: what counts bytes against a quota that several engines share; ``turns``: the
    limits of exchanges that they have together.  None for one's own.
    """

    journal: Journal
    disk: BodyDisk
    offload: Offload = offload_to_thread
    connect: Connect = connect_tcp
    resolve: Resolve = resolve_names
    pump: Pump = pump
    random: Random = attrs.field(factory=Random)
    now: Callable[[], float] = time.time
    decisions: Decisions = attrs.field(factory=Decisions)
    meter: Meter | None = None
    turns: Turns | None = None


def real_seams(config: EngineConfig, connect: Connect = connect_tcp) -> Seams:
    """SQLite and files under ``config.directory``, threads, sockets.  Raises StoreUnusable."""
    if config.directory is None:
        raise StoreUnusable("the store", "EngineConfig.directory is not given")
    # The disk first: it holds the lock.
    disk = FileBodyDisk(config.directory / "bodies", config.durability)
    try:
        journal = SqliteJournal(config.directory / "journal.sqlite", config.durability)
    except BaseException:
        disk.close()
        raise
    mover = FastPump(turn=TURN if config.durability == "kill" else SHORT_TURN)
    return Seams(journal=journal, disk=disk, connect=connect, resolve=resolve_names, pump=mover)


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
        resolve=resolve_to_itself,
        random=Random(0),
        now=trio.current_time,
    )
