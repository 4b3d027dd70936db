"""Background downloads and uploads that survive everything, by the Background Fetch specification.

An engine is opened on a directory and goes on with whatever that directory
holds: a closed or killed process loses no finished byte of a GET, sends no POST
twice, and delivers each outcome to a handler.

>>> import trio
>>> from transfer_engine import EngineConfig, open_engine
>>> async def done(event):
...     for record in await event.registration.match_all():
...         response = await record.response_ready()
...         async for chunk in response.body:
...             ...
>>> async def main(directory):
...     config = EngineConfig(
...         app_origin="https://example.org",
...         directory=directory,
...         handlers={"backgroundfetchsuccess": done},
...         unavailability="network-loss",
...     )
...     async with open_engine(config) as engine:
...         registration = await engine.fetch("season-2", ["/episode-1.mp3", "/episode-2.mp3"])
...         registration.on_progress(lambda shown: print(shown.downloaded))
...         await trio.sleep_forever()

To simulate, pass seams: ``open_engine(config, simulated_seams(connect, journal, disk))``
runs under trio's MockClock without a thread, a socket or a file.  ``engine.kill()``
ends it as a kill would; then ``journal.crash()``, ``disk.crash()``, and open again.
"""

from transfer_engine.at_rest import StoreAtRest, Verified, open_at_rest
from transfer_engine.bodies import LinkableBody, ReadableBody
from transfer_engine.body_disk import BodyDisk, FileBodyDisk
from transfer_engine.boot_note import Durability
from transfer_engine.caches import Cache, CachedBody, CacheStorage
from transfer_engine.config import (
    NO_TIMEOUTS,
    AfterClose,
    EngineConfig,
    Handler,
    Handlers,
    Seams,
    Timeouts,
    real_seams,
    simulated_seams,
)
from transfer_engine.cookies import CookieStore
from transfer_engine.decisions import Decisions
from transfer_engine.decode import Expansion
from transfer_engine.dialing import Connect, Resolve, connect_tcp, resolve_names, resolve_to_itself
from transfer_engine.engine import Engine, open_engine
from transfer_engine.errors import (
    EngineClosed,
    HandlerNotFound,
    Interrupted,
    NotOffered,
    PeerMisbehaved,
    RealmClosed,
    ScriptError,
    StoreBusy,
    StoreFailed,
    StoreFull,
    StoreUnusable,
    TooSlow,
    TotalExceeded,
    TransferError,
    Unreachable,
)
from transfer_engine.events import BackgroundFetchEvent, BackgroundFetchUpdateUIEvent
from transfer_engine.forms import FileBody, Form, FormFile
from transfer_engine.instances import Progress, Realm, Registration
from transfer_engine.interface import Display, Shown, ShownRecord, UserInterface
from transfer_engine.journal import Image, JobRow, Journal, RecordRow
from transfer_engine.messages import (
    Credentials,
    FetchOptions,
    Icon,
    Permission,
    QueryOptions,
    Request,
    Snapshot,
    StorageUse,
    StoredHead,
    StoredRequest,
)
from transfer_engine.plan import RetryPolicy, Unavailability
from transfer_engine.policy import OPEN, Policy
from transfer_engine.pool import NO_LIMITS, Limits
from transfer_engine.pump import FastPump, Pump, Sink, Source, pump
from transfer_engine.records import BodyReader, Record, Response
from transfer_engine.simulated import SimulatedBodyDisk, SimulatedJournal, offload_inline
from transfer_engine.sqlite_journal import SqliteJournal
from transfer_engine.state import Meter
from transfer_engine.store import Offload, offload_to_thread
from transfer_engine.user_agent import AgentDisplay, Displayed, UserAgent, open_user_agent
from transfer_engine.workers import (
    BackgroundFetchManager,
    ServiceWorkerRegistration,
    WorkerScope,
)

__all__ = [
    "AfterClose",
    "AgentDisplay",
    "BackgroundFetchEvent",
    "BackgroundFetchManager",
    "BackgroundFetchUpdateUIEvent",
    "BodyDisk",
    "BodyReader",
    "Cache",
    "CacheStorage",
    "CachedBody",
    "Connect",
    "CookieStore",
    "Credentials",
    "Decisions",
    "Display",
    "Displayed",
    "Durability",
    "Engine",
    "EngineClosed",
    "EngineConfig",
    "Expansion",
    "FastPump",
    "FetchOptions",
    "FileBody",
    "FileBodyDisk",
    "Form",
    "FormFile",
    "Handler",
    "Handlers",
    "HandlerNotFound",
    "Icon",
    "Image",
    "Interrupted",
    "JobRow",
    "Journal",
    "Limits",
    "LinkableBody",
    "Meter",
    "NO_LIMITS",
    "NO_TIMEOUTS",
    "NotOffered",
    "OPEN",
    "Offload",
    "PeerMisbehaved",
    "Permission",
    "Policy",
    "Progress",
    "Pump",
    "QueryOptions",
    "ReadableBody",
    "Realm",
    "RealmClosed",
    "Record",
    "RecordRow",
    "Registration",
    "Request",
    "Resolve",
    "Response",
    "RetryPolicy",
    "ScriptError",
    "Seams",
    "ServiceWorkerRegistration",
    "Shown",
    "ShownRecord",
    "SimulatedBodyDisk",
    "SimulatedJournal",
    "Sink",
    "Snapshot",
    "Source",
    "SqliteJournal",
    "StorageUse",
    "StoreAtRest",
    "StoreBusy",
    "StoreFailed",
    "StoreFull",
    "StoreUnusable",
    "StoredHead",
    "StoredRequest",
    "Timeouts",
    "TooSlow",
    "TotalExceeded",
    "TransferError",
    "Unavailability",
    "Unreachable",
    "UserAgent",
    "UserInterface",
    "Verified",
    "WorkerScope",
    "connect_tcp",
    "offload_inline",
    "offload_to_thread",
    "open_at_rest",
    "open_engine",
    "open_user_agent",
    "pump",
    "real_seams",
    "resolve_names",
    "resolve_to_itself",
    "simulated_seams",
]
