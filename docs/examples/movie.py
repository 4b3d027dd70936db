"""A movie store: the example of the Edge documentation on progressive web apps.

A movie comes in parts.  What had come before something failed is kept, and the rest can be
fetched again; a part can be watched while it is still arriving.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from transfer_engine import (
    BackgroundFetchEvent,
    BackgroundFetchUpdateUIEvent,
    Icon,
    Registration,
    ScriptError,
    ServiceWorkerRegistration,
)

PARTS = ("/my-movie-part-1.webm", "/my-movie-part-2.webm")
HANDLERS = {
    "backgroundfetchsuccess": "movie:on_success",
    "backgroundfetchfail": "movie:on_fail",
    "backgroundfetchabort": "movie:on_abort",
    "backgroundfetchclick": "movie:on_click",
}


async def download_movie(page: ServiceWorkerRegistration) -> Registration:
    """Start it, or find the one that has been started."""
    known = await page.background_fetch.get("my-movie")
    return known or await page.background_fetch.fetch(
        "my-movie",
        PARTS,
        title="Downloading my movie",
        icons=[Icon("movie.png", "128x128", "image/png")],
        download_total=60 * 1024 * 1024,
    )


async def watch(fetch: Registration, part: str) -> AsyncIterator[bytes]:
    """The bytes of a part as they arrive."""
    record = await fetch.match(part)
    assert record is not None  # it is one of ours
    response = await record.response_ready()
    if response.body is not None:
        async for chunk in response.body:
            yield chunk


async def keep(event: BackgroundFetchEvent) -> int:
    """Put all parts that came whole into the cache; how many."""
    cache = await event.worker.caches.open("movies")
    kept = 0
    for record in await event.registration.match_all():
        try:
            response = await record.response_ready()
        except ScriptError:
            continue  # there is no answer
        if response.ok:
            await cache.put(record.request, response)
            kept += 1
    return kept


async def on_success(event: BackgroundFetchUpdateUIEvent) -> None:
    """All parts are there."""
    await keep(event)
    await event.update_ui(title="Movie download complete")


async def on_fail(event: BackgroundFetchUpdateUIEvent) -> None:
    """Some parts may be."""
    kept = await keep(event)
    await event.update_ui(title=f"Movie download failed, {kept} of {len(PARTS)} parts kept")


async def on_abort(event: BackgroundFetchEvent) -> None:
    """The user, or the page, did not want it any more."""
    await event.worker.caches.delete("movies")


async def on_click(event: BackgroundFetchEvent) -> None:
    """The user wants to see it."""
    done = event.registration.result == "success"
    await event.worker.open_window("/play-movie" if done else "/movie-download-progress")
