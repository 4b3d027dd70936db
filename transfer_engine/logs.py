"""What the engine tells the log ``transfer_engine``: which exchange, how it went; no secrets.

DEBUG: each exchange and its status.  INFO: what was lost and is tried again, and when.
WARNING: answers that cannot be used.  A URL is logged without userinfo and fragment,
and its query as an ellipsis, since queries carry tokens.  Headers are
never logged whole; ``shown_header`` is what may be said of one.
"""

from __future__ import annotations

import logging
import re
from urllib.parse import urlsplit, urlunsplit

log = logging.getLogger("transfer_engine")

SECRET_HEADERS = frozenset(
    {"authorization", "cookie", "cookie2", "proxy-authorization", "set-cookie", "set-cookie2"}
)
MOST_SHOWN = 300
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_URL = re.compile(r"(?i:https?)://[^\s'\"<>]+")
_FIELD = re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie2?)(['\"]?\s*[:=,]\s*).*")


def shown_url(url: str, *, query: bool = False) -> str:
    """A URL fit for a log, on one line."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no URL)"
    asked = parts.query if query or not parts.query else "..."
    place = parts.netloc.rpartition("@")[2]
    plain = urlunsplit((parts.scheme, place, parts.path, asked, ""))
    return _UNPRINTABLE.sub("?", plain)[:MOST_SHOWN]


def shown_header(name: str, value: str) -> str:
    """One header field fit for a log."""
    if name.lower() in SECRET_HEADERS:
        return f"{name}: (hidden)"
    return _UNPRINTABLE.sub("?", f"{name}: {value}")[:MOST_SHOWN]


def shown_error(error: BaseException) -> str:
    """An error's text, in which a peer's own words may stand, fit for a log."""
    text = _UNPRINTABLE.sub("?", str(error))
    text = _URL.sub(lambda found: shown_url(found[0]), text)
    return _FIELD.sub(r"\1\2(hidden)", text)[:MOST_SHOWN]
