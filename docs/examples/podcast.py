"""A podcast app: the example of the 2018 article that introduced Background Fetch.

The page starts the download of an episode and shows how far it is; the worker moves what
came into a cache, though the page be closed by then.
"""

from __future__ import annotations

from collections.abc import Callable

from transfer_engine import (
    BackgroundFetchEvent,
    BackgroundFetchUpdateUIEvent,
    Icon,
    Registration,
    ServiceWorkerRegistration,
)

HANDLERS = {
    "backgroundfetchsuccess": "podcast:on_success",
    "backgroundfetchfail": "podcast:on_fail",
    "backgroundfetchclick": "podcast:on_click",
}


async def download_episode(page: ServiceWorkerRegistration) -> Registration:
    """What the button does."""
    return await page.background_fetch.fetch(
        "my-fetch",
        ["/ep-5.mp3", "/ep-5-artwork.jpg"],
        title="Episode 5: Interesting things.",
        icons=[Icon("/ep-5-icon.png", "300x300", "image/png")],
        download_total=60 * 1024 * 1024,
    )


async def show_progress(fetch: Registration, show: Callable[[int], None]) -> None:
    """Call ``show`` with the percentage, up to the end."""
    async for shown in fetch.progress():
        if shown.download_total:
            show(round(shown.downloaded / shown.download_total * 100))


async def on_success(event: BackgroundFetchUpdateUIEvent) -> None:
    """All is there: keep it, and say so."""
    cache = await event.worker.caches.open("downloads")
    for record in await event.registration.match_all():
        await cache.put(record.request, await record.response_ready())
    await event.update_ui(title="Episode 5 ready to listen!")


async def on_fail(event: BackgroundFetchUpdateUIEvent) -> None:
    """Something is not there."""
    await event.update_ui(title=f"Episode 5 failed: {event.registration.failure_reason}")


async def on_click(event: BackgroundFetchEvent) -> None:
    """The user has tapped the notification."""
    done = event.registration.result == "success"
    await event.worker.open_window("/latest-podcasts" if done else "/download-progress")
