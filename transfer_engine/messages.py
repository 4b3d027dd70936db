"""Plain data: requests, heads of answers, options, snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Literal

import attrs

Permission = Literal["granted", "denied", "prompt"]
Mode = Literal["cors", "same-origin", "no-cors"]
Credentials = Literal["omit", "same-origin", "include"]
Result = Literal["", "success", "failure"]
Reason = Literal[
    "", "aborted", "bad-status", "fetch-error", "quota-exceeded", "download-total-exceeded"
]
RecordResult = Literal[
    "",
    "success",
    "aborted",
    "bad-status",
    "fetch-error",
    "quota-exceeded",
    "download-total-exceeded",
]
Headers = tuple[tuple[str, str], ...]

EXPOSABLE: frozenset[RecordResult] = frozenset({"", "success", "bad-status"})
"""Results with which a script may see a record's answer (DM-DATA-4)."""


def header(headers: Headers, name: str) -> str | None:
    """The combined value of a header (names are lower case), or None."""
    values = [value for key, value in headers if key == name]
    return ", ".join(values) if values else None


@attrs.frozen
class Icon:
    """One image resource."""

    src: str
    sizes: str = ""
    type: str = ""


@attrs.frozen
class Request:
    """One request argument.

    ``url`` may be relative to the engine's ``app_origin``.  ``body`` is bytes, or an
    async iterable that ``fetch()`` reads to its end before it resolves.  ``credentials``:
    whether cookies are sent and kept: never, only at the application's own origin (without
    one, at the origin of the URL), or everywhere; with CORS the server must agree to the last.
    """

    url: str
    method: str = "GET"
    headers: dict[str, str] = attrs.field(factory=dict)
    body: bytes | AsyncIterable[bytes] | None = None
    mode: Mode = "cors"
    credentials: Credentials = "same-origin"


@attrs.frozen
class FetchOptions:
    """``download_total`` in bytes, 0 for not given."""

    title: str = ""
    icons: tuple[Icon, ...] = ()
    download_total: int = 0


@attrs.frozen
class QueryOptions:
    """How ``match`` and ``match_all`` compare (``CacheQueryOptions``)."""

    ignore_search: bool = False
    ignore_method: bool = False
    ignore_vary: bool = False


@attrs.frozen
class Snapshot:
    """What a registration object shows at one instant; sizes in bytes."""

    id: str
    upload_total: int
    uploaded: int
    download_total: int
    downloaded: int
    result: Result
    failure_reason: Reason
    records_available: bool


@attrs.frozen
class StorageUse:
    """Body bytes kept now; ``quota`` None means no limit but the disk."""

    requests: int
    responses: int
    quota: int | None


@attrs.frozen
class StoredRequest:
    """A request after its constructor: absolute URL, upper-case method, clean headers, no body."""

    url: str
    method: str
    headers: Headers
    mode: Mode
    credentials: Credentials = "same-origin"

    @property
    def own_range(self) -> bool:
        """Whether the page itself asked for a range: then the engine never adds one."""
        return header(self.headers, "range") is not None


@attrs.frozen
class StoredHead:
    """The head of an answer as kept with its body; header names in lower case.

    ``cross_origin``: only safelisted and exposed headers may be shown; ``credentialed``: the
    request had credentials, so that exposing ``*`` exposes nothing.
    """

    status: int
    headers: Headers
    url: str
    redirected: bool = False
    cross_origin: bool = False
    credentialed: bool = False

    def get(self, name: str) -> str | None:
        """The combined value of a header, or None."""
        return header(self.headers, name)

    @property
    def ok(self) -> bool:
        """Status 200 to 299."""
        return 200 <= self.status <= 299

    @property
    def encoded(self) -> bool:
        """Whether stored offsets are not offsets of what a range request counts."""
        return (self.get("content-encoding") or "identity").strip().lower() != "identity"
