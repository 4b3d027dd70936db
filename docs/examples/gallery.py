"""A photo app: the explainer's two cases, uploading an album and downloading one.

The upload is stored before ``fetch`` returns: the files may be deleted then, and the
process may end.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from transfer_engine import (
    BackgroundFetchUpdateUIEvent,
    FileBody,
    Form,
    FormFile,
    Registration,
    Request,
    ServiceWorkerRegistration,
)

HANDLERS = {
    "backgroundfetchsuccess": "gallery:on_success",
    "backgroundfetchfail": "gallery:on_fail",
}


async def upload(page: ServiceWorkerRegistration, photos: Iterable[Path]) -> Registration:
    """One request for each photo, as a form would send it."""
    requests = []
    for photo in photos:
        form = Form({"album": "summer", "photo": FormFile(FileBody(photo), photo.name)})
        requests.append(Request("/photos", method="POST", headers=form.headers, body=form))
    return await page.background_fetch.fetch("upload", requests, title="Uploading your photos")


async def on_success(event: BackgroundFetchUpdateUIEvent) -> None:
    """The server has accepted all; its answers are kept for the page."""
    cache = await event.worker.caches.open(event.registration.id)
    for number, record in enumerate(await event.registration.match_all()):
        await cache.put(f"/receipts/{number}", await record.response_ready())
    await event.update_ui(title="Photos uploaded")


async def on_fail(event: BackgroundFetchUpdateUIEvent) -> None:
    """Say which of the reasons it was."""
    await event.update_ui(title=f"Upload failed: {event.registration.failure_reason}")
