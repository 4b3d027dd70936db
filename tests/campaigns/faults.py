"""Faults planted on purpose: engines that are wrong in one way, which a campaign must see.

Each names the invariants of which at least one must break.  A campaign that stays green on
one of these would stay green on a real engine with that fault.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from unittest import mock

import attrs

from tests.campaigns.failures import fail_everywhere
from tests.campaigns.machine import Disk, File, Machine
from tests.campaigns.recoveries import Recoveries, crash_everywhere
from tests.campaigns.simulated import RIGHT, Count, Engine, every
from transfer_engine import StoredRequest, admission, engine, plan
from transfer_engine.boot_note import Durability, note, read_note
from transfer_engine.decisions import Decisions
from transfer_engine.errors import StoreFailed, StoreFull
from transfer_engine.messages import RecordResult
from transfer_engine.state import Job, Stop
from transfer_engine.store import Store, _Batch

Found = Count | Recoveries


@attrs.frozen
class Fault:
    """``find`` runs a campaign on the wrong engine, as short as shows it."""

    name: str
    breaks: frozenset[str]
    find: Callable[[], Found]


@contextmanager
def _instead(owner: type, name: str, method: object) -> Iterator[None]:
    with mock.patch.object(owner, name, method):
        yield


async def _no_harden(store: Store, names: Iterable[str]) -> dict[str, StoreFull | StoreFailed]:
    return {}


async def _no_truncate(store: Store, name: str, length: int) -> None:
    return None


class UnlistedDisk(Disk):
    """Syncs files, never the directory."""

    def _synced(self, name: str) -> None:
        file = self._machine.files[name]
        file.good = file.content
        self._machine.done()


class HastyDisk(Disk):
    """Notes its boot before it has brought anything to order."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._boot = machine, str(machine.boot)
        self._trust = read_note(machine.note, self._boot)
        machine.note = note(self._boot, machine.durability)
        self._forget()


_harden = Store.harden


async def _harden_twice(store: Store, names: Iterable[str]) -> dict[str, StoreFull | StoreFailed]:
    wanted = list(names)
    failed = await _harden(store, wanted)
    if failed:
        store._spoilt.clear()
        return await _harden(store, wanted)
    return {}


class TwiceSender(Decisions):
    """Sends a request with consequences again."""

    def may_send(self, request: StoredRequest, sent: bool) -> bool:
        """See Decisions."""
        return True


class Restarter(Decisions):
    """Never goes on from what is stored."""

    def next_request(self, request: StoredRequest, stored: plan.Stored) -> plan.Ask | plan.Whole:
        """See Decisions."""
        return plan.Ask(0)


async def _abort_unsaved(self: engine.Engine, job: Job, how: Stop) -> bool:
    return self._runner.stop(job, how)


_load = Store.load


class KeepingDisk(Disk):
    """Deletes nothing."""

    def delete(self, name: str) -> None:
        """See BodyDisk."""
        self._machine.operation(f"delete {name}")


class ForgetfulDisk(Disk):
    """Forgets the last granule of every append."""

    def append(self, name: str, data: bytes) -> None:
        """See BodyDisk."""
        super().append(name, data)
        file: File = self._machine.files[name]
        file.content = file.content[:-1] + b"\0"


class BelievingDisk(Disk):
    """Takes what it reads for what was written, in memory or not."""

    def trusted(self, name: str, counted: int) -> int:
        """See BodyDisk."""
        self._machine.files[name].forgotten = 0
        return super().trusted(name, counted)


class WastefulDisk(Disk):
    """Leaves what is in memory."""

    def trusted(self, name: str, counted: int) -> int:
        """See BodyDisk."""
        return counted


_write = Store._write


def _delete_first(store: Store, batch: _Batch) -> None:
    for name in batch.deletions:
        if name in store._made:
            store.disk.delete(name)
    _write(store, batch)


_restore = admission.Admission._restore_record


async def _uncounted(self: admission.Admission, *args: object) -> object:
    before = self.meter.responses
    restored = await _restore(self, *args)  # type: ignore[arg-type] # passed on
    self.meter.responses = before
    return restored


def _crashes(
    engine: Engine = RIGHT, *, cuts: Iterable[bool] = (False,), level: Durability = "kill"
) -> Recoveries:
    whole = Recoveries()
    for phase in range(1, 8):
        whole = crash_everywhere(
            every(7, phase, most=56),
            levels=(level,),
            moments=("before",),
            cuts=cuts,
            engine=engine,
            stop=True,
        )
        if whole.broken:
            break
    return whole


_recover = plan.recover_record


def _never_sent(
    method: str, sent: bool, result: RecordResult, length: int, on_disk: int | None
) -> plan.Recovered:
    return _recover(method, False, result, length, on_disk)


def _resends() -> Found:
    with mock.patch.object(admission, "recover_record", _never_sent):
        return _crashes(Engine(decisions=TwiceSender))


def _patched(
    owner: type, name: str, method: object, find: Callable[[], Found]
) -> Callable[[], Found]:
    def run() -> Found:
        with _instead(owner, name, method):
            return find()

    return run


def _cut_at_power(engine: Engine = RIGHT) -> Recoveries:
    return _crashes(engine, cuts=(True,), level="power")


FAULTS = (
    Fault(
        "an offset is committed before its bytes are synced",
        frozenset({"I1", "I2", "I10"}),  # a request's body is lost as any other
        _patched(Store, "harden", _no_harden, _cut_at_power),
    ),
    Fault(
        "a torn tail is not cut off",
        frozenset({"I1", "I2", "I5"}),
        _patched(Store, "truncate", _no_truncate, _cut_at_power),
    ),
    Fault(
        "the directory is not synced",
        frozenset({"I2"}),
        lambda: _cut_at_power(Engine(disk=UnlistedDisk)),
    ),
    Fault(
        "the boot is noted before the recovery",
        frozenset({"I1", "I2"}),
        lambda: _crashes(Engine(disk=HastyDisk), cuts=(True,)),
    ),
    Fault(
        "a sync that has failed is tried again and believed",
        frozenset({"I1", "I2"}),
        _patched(
            Store,
            "harden",
            _harden_twice,
            lambda: fail_everywhere(
                every(2), errors=(errno.EIO,), levels=("power",), kinds=("cut",)
            ),
        ),
    ),
    Fault(
        "what memory has no more is believed",
        frozenset({"I1", "I2"}),
        lambda: fail_everywhere(
            every(2, most=60),
            errors=(errno.EIO,),
            levels=("power",),
            kinds=("lasting",),
            engine=Engine(disk=BelievingDisk),
        ),
    ),
    Fault(
        "what is in memory is not taken over",
        frozenset({"I8"}),
        lambda: _crashes(Engine(disk=WastefulDisk), level="power"),
    ),
    Fault(
        "an upload is sent again",
        frozenset({"I10"}),
        _resends,
    ),
    Fault(
        "a download begins anew after a kill",
        frozenset({"I8"}),
        lambda: _crashes(Engine(decisions=Restarter)),
    ),
    Fault(
        "abort() answers before it is durable",
        frozenset({"I4"}),
        _patched(engine.Engine, "_abort", _abort_unsaved, _crashes),
    ),
    Fault(
        "orphans are left",
        frozenset({"I6"}),
        lambda: _crashes(Engine(disk=KeepingDisk)),
    ),
    Fault(
        "a body is deleted before its row",
        frozenset({"I1", "I2", "I9"}),
        _patched(Store, "_write", _delete_first, _crashes),
    ),
    Fault(
        "what was recovered is not counted",
        frozenset({"I5"}),
        _patched(admission.Admission, "_restore_record", _uncounted, _crashes),
    ),
    Fault(
        "an append loses a byte",
        frozenset({"I1"}),
        lambda: _crashes(Engine(disk=ForgetfulDisk)),
    ),
)
