"""Registration objects and how they are kept up to date (REG, INSTANCE, UPDATE-6).

A script never sees a background fetch, only an *instance* of it in its own realm:
an object with copies of some slots.  Copies change in tasks of the realm, so two
realms may show different moments of the same fetch.
"""

from __future__ import annotations

import attrs

from spec_model.decide import Decide


@attrs.frozen
class Snapshot:
    """What the attributes of a registration object say (sizes in bytes)."""

    id: str
    upload_total: int = 0
    uploaded: int = 0
    download_total: int = 0
    downloaded: int = 0
    result: str = ""
    failure_reason: str = ""
    records_available: bool = True


@attrs.frozen
class Instance:
    """A ``BackgroundFetchRegistration`` object: ``shows`` are its slots (REG-2 to REG-9)."""

    name: str
    fetch: int
    shows: Snapshot


def update(instance: Instance, snapshot: Snapshot, d: Decide) -> tuple[Instance, bool]:
    """UPDATE-6.2 to 6.10, in a task of the instance's realm; whether ``progress`` fires."""
    shown = instance.shows
    d.take("UPDATE-6.3")
    if not snapshot.records_available and shown.records_available:
        shown = attrs.evolve(shown, records_available=False)
        instance = attrs.evolve(instance, shows=shown)
    d.take("UPDATE-6.4")
    if shown.result:
        return instance, False
    d.take("UPDATE-6.5")
    changed = attrs.evolve(
        shown,
        downloaded=snapshot.downloaded,
        uploaded=snapshot.uploaded,
        result=snapshot.result,
        failure_reason=snapshot.failure_reason,
    )
    if changed == shown:
        return instance, False
    d.take("UPDATE-6.6", "UPDATE-6.7", "UPDATE-6.8", "UPDATE-6.9", "UPDATE-6.10")
    return attrs.evolve(instance, shows=changed), True


def bring_up_to_date(instance: Instance, live: Snapshot) -> Instance:
    """E11: the registration that an event carries shows the state that the event is about."""
    return attrs.evolve(instance, shows=live)
