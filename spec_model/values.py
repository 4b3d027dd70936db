"""The specification's structs as plain immutable data.

Everything here can be compared, hashed and explored.  Names of fields are the
slots of the text in snake case.  A body is not a byte string: it is a list of
*parts*, each a range of one server answer, so that a splice of two versions
stays visible.  How much of the last answer has been stored is an *extent*, two
bounds: where every input is known, as when the model runs by itself, they are
equal; a judge that sees only what a server wrote and what a page read knows
them only as bounds, and the same steps serve both.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs

UNKNOWN = -1
"""A length or number that is not known."""


@attrs.frozen
class Extent:
    """A number of bytes between ``lo`` and ``hi``, both included."""

    lo: int = 0
    hi: int = 0

    def __add__(self, other: Extent) -> Extent:
        return Extent(self.lo + other.lo, self.hi + other.hi)

    def has(self, number: int) -> bool:
        """Whether the number can be the one meant."""
        return self.lo <= number <= self.hi


NOTHING = Extent()


def exactly(number: int) -> Extent:
    """An extent that is known."""
    return Extent(number, number)


@attrs.frozen(cache_hash=True)
class Head:
    """A response as Fetch hands it over: filtered headers, lower-case names (DM-DATA-1).

    ``exchange`` names the server's answer.  ``internal`` are the headers before
    CORS filtering.  ``null_body``: there is no body at all.  ``own_range``: the page's
    own Range header was answered (E31).  ``first`` and ``length``
    say which decoded content bytes the server's body is made of (facts of the
    world, never read by the algorithms, kept so that a mixture can be told).
    """

    exchange: int
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    internal: tuple[tuple[str, str], ...] = ()
    null_body: bool = False
    encoded: bool = False
    own_range: bool = False
    version: int = 0
    first: int = 0
    length: int = UNKNOWN

    def get(self, name: str, *, internal: bool = False) -> str | None:
        """The combined value of a header, or None."""
        source = self.internal if internal else self.headers
        values = [value for key, value in source if key == name]
        return ", ".join(values) if values else None

    @property
    def ok(self) -> bool:
        """Whether the status is an ok status (Fetch, "ok status")."""
        return 200 <= self.status <= 299


@attrs.frozen(cache_hash=True)
class Part:
    """Bytes ``first`` … of the content that one answer carried, ``length`` of them."""

    exchange: int
    key: str
    version: int
    first: int
    length: Extent


@attrs.frozen(cache_hash=True)
class RequestSpec:
    """One request of a fetch (DM-REC-1).  ``url`` is absolute; ``body`` a length in bytes or None.

    ``own_range``: the page set a Range header itself (E31).
    """

    url: str
    method: str = "GET"
    body: int | None = None
    mode: str = "cors"
    own_range: str = ""

    @property
    def origin(self) -> str:
        """Scheme, host and port of the URL."""
        return origin_of(self.url)


def origin_of(url: str) -> str:
    """Scheme, host and port, without anybody's name or password."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}"


REASONS = (
    "aborted",
    "bad-status",
    "fetch-error",
    "quota-exceeded",
    "download-total-exceeded",
)
RECORD_ENDS = ("success", *REASONS)
