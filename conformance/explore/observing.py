"""What observers see, in names that do not depend on the reading of the text.

Two editions name and number differently what is the same for a page, a worker or a server.
Here an output is told in the observers' own terms: a registration object by its realm and
fetch, an event by its type and fetch, a body by the bytes in it, whichever answers brought
them.  And an input that one edition was given is turned into the same input of another.
"""

from __future__ import annotations

import attrs

from spec_model import messages as m
from spec_model.background_fetch import Rejected
from spec_model.instances import Snapshot
from spec_model.record_state import RecordState
from spec_model.state import WORKER, State
from spec_model.values import Part

_NETWORK = m.Uploaded | m.Responded | m.BytesArrived | m.Ended


def public(output: m.Output, after: State) -> m.Output:
    """An output as an observer sees it; ``after`` is the state in which it was shown."""
    match output:
        case m.PromiseSettled():
            return attrs.evolve(output, value=_value(output.value, after))
        case m.ProgressFired():
            return attrs.evolve(output, instance=_instance(output.instance, after))
        case m.EventDispatched(instance=str(instance)):
            return attrs.evolve(output, event="", instance=_instance(instance, after))
        case m.EventDispatched():
            return attrs.evolve(output, event="")
        case m.RecordReady() | m.BytesReceived():
            return attrs.evolve(output, object=_object(output.object, after))
        case m.BodyEnded():
            name, parts = _object(output.object, after), _bytes(output.parts)
            return attrs.evolve(output, object=name, parts=parts)
        case m.RequestStarted() | m.AttemptTerminated():
            return attrs.evolve(output, attempt=0)
    return output


@attrs.frozen(cache_hash=True)
class Looked:
    """A page reads the attributes of its registration object."""

    page: str
    fetch: int
    snapshot: Snapshot


def looks(state: State) -> tuple[Looked, ...]:
    """What pages can read at this moment."""
    pages = (realm for realm in state.realms if realm.name != WORKER)
    return tuple(
        Looked(realm.name, each.fetch, each.shows)
        for realm in pages
        for each in sorted(realm.instances, key=lambda instance: instance.fetch)
    )


def _value(value: m.Value, after: State) -> m.Value:
    match value:
        case Rejected():
            return attrs.evolve(value, step="")
        case m.InstanceRef():
            return attrs.evolve(value, instance=_instance(value.instance, after))
        case m.Records():
            return m.Records(tuple(attrs.evolve(each, object="") for each in value.found))
        case m.RecordRef():
            return attrs.evolve(value, object="")
    return value


def _instance(name: str, after: State) -> str:
    realm, instance = after.instance(name)
    return f"{realm.name} {instance.fetch}"


def _object(name: str, after: State) -> str:
    item = after.object(name)
    alike = [each.name for each in after.objects if _place(each) == _place(item)]
    return f"{_place(item)} {alike.index(name)}"


def _place(item: object) -> tuple[object, ...]:
    return tuple(getattr(item, field) for field in ("realm", "fetch", "record"))


def _bytes(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The bytes of a body: two answers that follow each other are one, seen from here."""
    told: list[Part] = []
    for part in parts:
        part = attrs.evolve(part, exchange=0)
        last = told[-1] if told else None
        if last is not None and (last.key, last.version) == (part.key, part.version):
            if last.first + last.length.lo == part.first:
                told[-1] = attrs.evolve(last, length=last.length + part.length)
                continue
        told.append(part)
    return tuple(told)


def meant(did: m.Input, here: State, there: State) -> m.Input | None:
    """What was done ``here`` as it is done ``there``; None: nobody would hear it there."""
    match did:
        case m.Uploaded() | m.Responded() | m.BytesArrived() | m.Ended():
            return _to_network(did, here, there)
        case m.EventEnded():
            event = _event(did.event, here, there)
            return None if event is None else m.EventEnded(event)
        case m.CallUpdateUI():
            event = _event(did.event, here, there)
            return None if event is None else attrs.evolve(did, event=event)
    return did


def _event(name: str, here: State, there: State) -> str | None:
    event = here.event(name)
    alike = (
        each.name
        for each in there.events
        if (each.type, each.fetch, each.active) == (event.type, event.fetch, event.active)
    )
    return next(alike, None)


def _to_network(did: _NETWORK, here: State, there: State) -> m.Input | None:
    for fetch, row in enumerate(here.records):
        for index, record in enumerate(row):
            if did.exchange in _exchanges(record) and fetch < len(there.records):
                which = _exchanges(record).index(did.exchange)
                number = _exchanges(there.records[fetch][index])[which]
                return _numbered(did, number) if number else None
    return None


def _exchanges(record: RecordState) -> tuple[int, int]:
    """The exchange under way, and one that was abandoned and still comes (E16); 0: none."""
    late = record.loose.abandoned
    return record.exchange, late.head.exchange if late is not None else 0


def _numbered(did: _NETWORK, number: int) -> m.Input:
    if isinstance(did, m.Responded | m.Ended) and did.wire is not None:
        return attrs.evolve(did, exchange=number, wire=attrs.evolve(did.wire, exchange=number))
    return attrs.evolve(did, exchange=number)
