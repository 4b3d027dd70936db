"""URLs as a page writes them, and resource keys as the server's log names them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urljoin, urlsplit

_NORMALISED = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
_KEPT = "%!$&'()*+,;=:@/?~-._|^`{}[]\\"
_DEFAULT_PORT = {"http": ":80", "https": ":443"}


def plain(url: str) -> str:
    """A URL in one spelling: no fragment, lower-case host, no default port, bytes escaped.

    What is no URL at all stays as it is: a page may pass anything.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    host = parts.netloc.lower().removesuffix(_DEFAULT_PORT.get(parts.scheme, "\0"))
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{host}{quote(parts.path or '/', _KEPT)}{quote(query, _KEPT)}"


def method(name: str) -> str:
    """A method as the Request constructor keeps it (Fetch, "normalize a method")."""
    return name.upper() if name.upper() in _NORMALISED else name


def key_of(url: str, origins: Mapping[str, str]) -> str | None:
    """The resource key of an absolute URL: ``/path`` on ``app``, ``name:/path`` elsewhere.

    None if the URL is on no origin of this trace.
    """
    spelt = plain(url)
    for name, base in origins.items():
        root = plain(base)
        if spelt.startswith(root):
            path = "/" + spelt[len(root) :]
            return path if name == "app" else f"{name}:{path}"
    return None


def url_of(key: str, origins: Mapping[str, str]) -> str:
    """The absolute URL of a resource key; the key itself if its origin is unknown."""
    name, _, path = ("app", "", key) if key.startswith("/") else key.partition(":")
    return origins.get(name, f"{name}:") + path


def redirected(key: str, location: str, origins: Mapping[str, str]) -> str | None:
    """The resource key that a Location header of an answer for ``key`` leads to, or None."""
    try:
        return key_of(urljoin(url_of(key, origins), location), origins)
    except ValueError:
        return None
