"""The page and the worker script that the browser is given.

Nothing of them comes from the judge's server: the adapter answers requests for
paths under ``/.bgfetch/`` itself, before they reach the network.  Both the page
and the worker are the one file ``harness.js``; what differs is in the query of
their URL.

The worker's scope is a path where no page lies.  A page uses its registration
without being controlled by it, and since no navigation is ever within the scope,
the browser never looks for a newer script on its own: that request would reach
the judge's server and stand in its log.
"""

from __future__ import annotations

from html import escape
from importlib import resources
from urllib.parse import urlencode

PREFIX = "/.bgfetch/"
PATTERN = f"**{PREFIX}**"
SCOPE = f"{PREFIX}scope/"


def harness() -> str:
    """The text of ``harness.js``."""
    return resources.files(__package__).joinpath("harness.js").read_text(encoding="utf-8")


def page_path(realm: str, port: int, listen: list[str]) -> str:
    """Where a page named ``realm`` is; ``port`` is the switchboard's."""
    worker = f"{PREFIX}sw.js?" + urlencode(
        {"realm": "worker", "port": port, "listen": ",".join(listen)}
    )
    query = {"realm": realm, "port": port, "scope": SCOPE, "worker": worker}
    return f"{PREFIX}page.html?" + urlencode(query)


def answer(path: str) -> tuple[str, str]:
    """Content type and text for a path under ``PREFIX``, query included."""
    if path.startswith(f"{PREFIX}sw.js"):
        return "text/javascript", harness()
    # The icon is given so that the browser does not ask the judge's server for one.
    return "text/html", (
        "<!doctype html><meta charset=utf-8><title>bgfetch</title>"
        '<link rel="icon" href="data:,">'
        f'<script data-settings="{escape(path)}">{harness()}</script>'
    )
