"""A game: a level is fetched in the background, or by the page where that is not allowed.

After the example of the first explainer (2016): what cannot be had in the background is a
reason to wait, not to fail.
"""

from __future__ import annotations

from transfer_engine import BackgroundFetchUpdateUIEvent, ScriptError, ServiceWorkerRegistration

HANDLERS = {
    "backgroundfetchsuccess": "game:on_success",
    "backgroundfetchfail": "game:on_fail",
}
ASSETS = ("/level-20/map.bin", "/level-20/music.ogg", "/level-20/textures.bin")


async def get_level(page: ServiceWorkerRegistration) -> bool:
    """Whether the level is ready now; if not, the worker will say so."""
    try:
        await page.background_fetch.fetch("level-20", ASSETS, title="Level 20")
    except ScriptError as error:
        if error.name != "NotAllowedError":
            raise
        cache = await page.caches.open("level-20")
        await cache.add_all(ASSETS)  # all or nothing
        return True
    return False


async def on_success(event: BackgroundFetchUpdateUIEvent) -> None:
    """All assets came."""
    cache = await event.worker.caches.open(event.registration.id)
    for record in await event.registration.match_all():
        await cache.put(record.request, await record.response_ready())
    await event.update_ui(title="Level 20 is ready")


async def on_fail(event: BackgroundFetchUpdateUIEvent) -> None:
    """Some did not."""
    await event.update_ui(title="Level 20 could not be had")
