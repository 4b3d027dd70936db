"""What holds of every state, and between a state and the next (checked in tests).

The public lifecycles (``lifecycle``) are a second description of the same thing.
Here the public state is derived from phases and slots before and after every step,
and the tables must have a way from one to the other.  What has to agree within one state is in
``consistency``.
"""

from __future__ import annotations

import enum
import functools
from collections import Counter
from typing import TypeVar

from spec_model import errata, lifecycle
from spec_model.background_fetch import BackgroundFetch
from spec_model.consistency import contradictions
from spec_model.editions import AMENDED, Edition
from spec_model.lifecycle import RecordState as PublicRecord
from spec_model.lifecycle import RegistrationState as PublicRegistration
from spec_model.messages import AttemptTerminated, RequestStarted
from spec_model.phases import RecordPhase, RegistrationPhase, record_state, registration_state
from spec_model.state import IN_FLIGHT, State
from spec_model.table import Row, Table
from spec_model.values import REASONS

RECORD_STRIDE = 2
"""Moves that a record may make in one step: an answer without a body comes and ends."""

_S = TypeVar("_S", bound=enum.Enum)
TriggerT = TypeVar("TriggerT", bound=enum.Enum)
_GONE = RegistrationPhase.RECORDS_GONE


class BrokenInvariant(AssertionError):
    """The model reached a state that it must never reach: our own bug."""


def public_registration(state: State, fetch: BackgroundFetch) -> PublicRegistration:
    """Where a background fetch is in its public lifecycle."""
    return registration_state(
        fetch.phase,
        result=fetch.result,
        failure_reason=fetch.failure_reason,
        paused=fetch.paused,
        prompting=fetch.prompting,
        aborted=fetch.abort in ("user", "script", "unregister"),
        overflowed=fetch.abort == "total",
        records=[record.phase for record in state.records[fetch.index]],
    )


def check(before: State, after: State, edition: Edition = AMENDED) -> None:
    """Raises BrokenInvariant.  ``before`` and ``after`` are one step apart."""
    for fetch in after.agent.fetches:
        _check_pair(fetch.result, fetch.failure_reason)
        _check_one_settle_event(after, fetch.index)
        if edition.repairs("E21"):
            _check_download_limit(after, fetch)
        _check_moves(before, after, fetch, edition)
    if edition == AMENDED:
        for said in contradictions(after):
            raise BrokenInvariant(said)
        _check_connections(before, after)
    _check_requests(before, after)
    for realm in after.realms:
        for instance in realm.instances:
            _check_pair(instance.shows.result, instance.shows.failure_reason)


def _check_pair(result: str, reason: str) -> None:
    """S03."""
    legal = reason in REASONS if result == "failure" else result in ("", "success") and not reason
    if not legal:
        raise BrokenInvariant(f"result {result!r} with failure reason {reason!r}")


def _check_one_settle_event(state: State, fetch: int) -> None:
    """S01: at most one settle event in one life of the user agent."""
    settle = [
        event
        for event in state.events
        if event.fetch == fetch
        and event.trusted
        and event.launch == state.launch
        and event.type != "backgroundfetchclick"
    ]
    if len(settle) > 1:
        raise BrokenInvariant(f"several settle events: {settle}")


def _check_download_limit(state: State, fetch: BackgroundFetch) -> None:
    """S12, where the limit is the only one that writes."""
    stored, limit = state.stored(fetch.index), fetch.download_total
    if limit and stored > limit:
        raise BrokenInvariant(f"{stored} bytes stored, {limit} allowed")


WAITING = RecordPhase.WAITING_UNPAUSED
CUT = ("aborted", "download-total-exceeded", "quota-exceeded")
"""Results of records whose answer goes no further (RECORD-14.2, RECORD-11.R.6)."""


def _check_connections(before: State, after: State) -> None:
    """RECORD-14.1 and 14.2: an attempt that is cut short is terminated, one that ended is not."""
    told = {
        (each.fetch, each.record, each.attempt)
        for each in after.outbox[len(before.outbox) :]
        if isinstance(each, AttemptTerminated)
    }
    for fetch, row in enumerate(before.records):
        for index, old in enumerate(row):
            if old.phase not in IN_FLIGHT:
                continue
            new, terminated = after.records[fetch][index], (fetch, index, old.attempts) in told
            pausing = after.agent.fetches[fetch].paused and new.phase is WAITING
            cut = not after.agent.running or pausing or new.result in CUT
            if cut and not terminated:
                raise BrokenInvariant(f"the connection of record {index} is left open")
            if terminated and old.phase is RecordPhase.READING and new.result == "success":
                raise BrokenInvariant(f"record {index} had its whole answer before it was cut")


def _check_requests(before: State, after: State) -> None:
    """RECORD-11: what was given to the network is awaited there until the server has read it."""
    given = Counter(
        (each.fetch, each.record)
        for each in after.outbox[len(before.outbox) :]
        if isinstance(each, RequestStarted)
    )
    for fetch, row in enumerate(before.records):
        for index, old in enumerate(row):
            new, more = after.records[fetch][index], given[fetch, index]
            if len(new.unseen) > len(old.unseen) + more or (more and not new.unseen):
                raise BrokenInvariant(f"record {index} awaits a request that was not made")
            asked = new.phase is RecordPhase.BEFORE_HEADERS and not more
            arrived = asked and new.exchange and new.exchange != old.exchange
            if arrived and new.unseen != old.unseen[:-1]:
                raise BrokenInvariant(f"record {index} awaits a request that has arrived")


def _check_moves(before: State, after: State, fetch: BackgroundFetch, edition: Edition) -> None:
    old = PublicRegistration.ADMITTED
    if fetch.index < len(before.agent.fetches):
        old = public_registration(before, before.agent.fetches[fetch.index])
    new = public_registration(after, fetch)
    if new not in _reach(lifecycle.REGISTRATION, old, edition, 1):
        raise BrokenInvariant(f"{fetch.id!r} went from {old.value} to {new.value}")
    for index, record in enumerate(after.records[fetch.index]):
        was = PublicRecord.WAITING
        if fetch.index < len(before.records):
            earlier = before.records[fetch.index][index]
            was = record_state(earlier.phase, earlier.result)
        now = record_state(record.phase, record.result)
        if now not in _reach(lifecycle.RECORD, was, edition, RECORD_STRIDE):
            moved = f"from {was.value} to {now.value}"
            raise BrokenInvariant(f"record {index} of {fetch.id!r} went {moved}")


@functools.cache
def _reach(table: Table[_S, TriggerT], start: _S, edition: Edition, moves: int) -> frozenset[_S]:
    """Where so many moves lead, or fewer, that this edition has."""
    found = {start}
    for _ in range(moves):
        found |= {row.dest for row in table.rows() if row.source in found and _has(edition, row)}
    return frozenset(found)


def _has(edition: Edition, row: Row[_S, TriggerT]) -> bool:
    if row.unless and edition.repairs(cluster_of(row.unless)):
        return False
    return not row.only_with or edition.repairs(cluster_of(row.only_with))


@functools.cache
def cluster_of(erratum: str) -> str:
    """The cluster that an erratum is repaired with.  Raises UnknownErratum."""
    return errata.get(erratum).cluster
