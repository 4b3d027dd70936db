"""What the user sees of a background fetch, and what automation does in the user's place.

The text rules an interface (DISPLAY) that no page can read.  Here it is a value,
derived from the slots whenever somebody looks: so it always shows how things are, and
what it offers is what ``user_action`` accepts.
"""

from __future__ import annotations

import attrs

from spec_model.background_fetch import UserAgent
from spec_model.decide import Decide
from spec_model.instances import Snapshot


@attrs.frozen
class Interface:
    """What is on display.  ``busy``: the sign that bandwidth is in use; sizes in bytes.

    ``can_abort`` and ``can_pause``: what the user is offered (a toggle both ways).
    """

    origin: str
    title: str
    busy: bool
    dismissible: bool
    can_abort: bool
    can_pause: bool
    uploaded: int
    downloaded: int
    result: str


def interface(agent: UserAgent, index: int, live: Snapshot, d: Decide) -> Interface | None:
    """DISPLAY for a fetch: what its interface shows now; None if it has none any more.

    ``live``: the slots of that fetch as they are.
    """
    d.take("DISPLAY-0")
    fetch = agent.fetches[index]
    if not fetch.displayed:
        return None
    d.take("DISPLAY-1", "DISPLAY-2")
    running = not fetch.settled
    # E79: as written the sign is on when everything is over.
    busy = not fetch.paused and running is d.repaired("E79")
    d.take("DISPLAY-3", "DISPLAY-4", "DISPLAY-6", "DISPLAY-7", "DISPLAY-8")
    # E80: as written nothing takes the offers away at the end.
    offers = running or not d.repaired("E80")
    only_get = all(request.method == "GET" for request in fetch.requests)
    offers_pause = offers and only_get and d.choose("pause-toggle") == "offered"
    if fetch.settled:
        d.take("DISPLAY-10")
    return Interface(
        origin=agent.home,
        title=fetch.title,
        busy=busy,
        dismissible=fetch.settled,
        can_abort=offers,
        can_pause=offers_pause,
        uploaded=live.uploaded,
        downloaded=live.downloaded,
        result=fetch.result,
    )


def newest(agent: UserAgent, id: str) -> int | None:
    """WDCLICK-5: the index of the newest fetch with this id."""
    named = (fetch.index for fetch in reversed(agent.fetches) if fetch.id == id)
    return next(named, None)


def click_error(agent: UserAgent, window: bool, id: str, d: Decide) -> str | None:
    """WDCLICK-1 to 6: the error of the WebDriver command, or None if it clicks.

    ``window``: whether the session's window is open.  E84: nothing keeps the fetches that
    are over, and nothing asks whether one is displayed.
    """
    d.take("WDCLICK-0", "WDCLICK-1")
    if not window:
        return "no such window"
    d.take("WDCLICK-2", "WDCLICK-3")
    if not agent.worker:
        d.take("WDCLICK-4")
        return "invalid service worker state"
    d.take("WDCLICK-5")
    if newest(agent, id) is None:
        d.take("WDCLICK-6")
        return "background fetch not found"
    d.take("WDCLICK-7", "WDCLICK-8")
    return None
