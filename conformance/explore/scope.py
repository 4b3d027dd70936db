"""Bounds of a search: what the surroundings of one background fetch may do, and how often.

A scope is data.  Every number is a budget of the whole run; ``attempts`` is how many
requests of each record may be answered badly and one more, since from then on the
server does the same to each, ``last``.  Bodies are a few symbolic bytes that arrive one
by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import attrs

from conformance.explore.answers import FAULTS

Order = Literal["settled", "news", "all"]
"""What may come between two tasks of the user agent.

``settled``: nothing; after an input every task is performed in the order of the system.
``news``: what only carries news to pages (update queues, tasks of realms, readers) is done at
once, everything else in any order.  ``all``: any order.
"""


class ImpossibleScope(ValueError):
    """A bound that no search can have; the message says which and what is possible."""


def _known_faults(_: object, __: object, faults: tuple[str, ...]) -> None:
    unknown = [fault for fault in faults if fault not in FAULTS]
    if unknown:
        known = ", ".join(FAULTS)
        raise ImpossibleScope(f"no fault {unknown[0]!r}; there are {known}")


def _between(least: int, most: int) -> Callable[[object, attrs.Attribute[int], int], None]:
    def check(_: object, field: attrs.Attribute[int], number: int) -> None:
        if not least <= number <= most:
            what = field.name.replace("_", "-")
            raise ImpossibleScope(f"{what} must be {least} to {most}, not {number}")

    return check


@attrs.frozen
class Scope:
    """One scope.  Totals and quota are in symbolic bytes, 0: none.

    - ``methods``: one record each; ``upload``: bytes of a body that is not GET's, ``streamed``:
      these bodies are streams that end or fail, and the first call is the last page's;
      ``ranged``: the page's own requests ask for all but the first byte.
    - ``pages``: page realms from the beginning; ``closes``: how many of them may be closed;
      ``matches``: calls of matchAll() whose records are all read.
    - ``looks``: whether the user looks at the interface, as often as they like.
    - ``listens``: whether the worker has handlers; ``busy``: how often it takes no event before
      all calls have settled.
    - ``kill``: whether a restart may come without a word.
    - ``foreign``: the resources are of another origin, which allows it, and lets pages see what
      it says of parts if ``exposed``; ``bursts``: bytes may come all at once, too.
    """

    name: str
    title: str
    methods: tuple[str, ...] = ("GET",)
    size: int = attrs.field(default=2, validator=_between(0, 8))
    attempts: int = attrs.field(default=2, validator=_between(1, 9))
    faults: tuple[str, ...] = attrs.field(
        default=("drop", "status", "reset"), validator=_known_faults
    )
    last: str = "whole"
    order: Order = "news"
    fetches: int = attrs.field(default=1, validator=_between(1, 3))
    pages: int = attrs.field(default=1, validator=_between(1, 3))
    closes: int = 0
    pauses: int = attrs.field(default=0, validator=_between(0, 5))
    aborts: int = attrs.field(default=0, validator=_between(0, 5))
    user_aborts: int = attrs.field(default=0, validator=_between(0, 5))
    restarts: int = attrs.field(default=0, validator=_between(0, 5))
    kill: bool = False
    offline: int = attrs.field(default=0, validator=_between(0, 5))
    gets: int = attrs.field(default=0, validator=_between(0, 5))
    matches: int = attrs.field(default=0, validator=_between(0, 5))
    updates: int = attrs.field(default=0, validator=_between(0, 5))
    unregisters: int = attrs.field(default=0, validator=_between(0, 1))
    clicks: int = attrs.field(default=0, validator=_between(0, 5))
    busy: int = attrs.field(default=0, validator=_between(0, 5))
    looks: bool = False
    permission: str = "granted"
    upload: int = attrs.field(default=1, validator=_between(0, 100_000))
    streamed: bool = False
    ranged: bool = False
    bursts: bool = False
    total: int = attrs.field(default=0, validator=_between(0, 64))
    quota: int = attrs.field(default=0, validator=_between(0, 64))
    foreign: bool = False
    exposed: bool = False
    listens: bool = True
    choices: bool = True
    """Whether every option of a choice is tried, or the defaults only."""

    def __attrs_post_init__(self) -> None:
        if not 1 <= len(self.methods) <= 4:
            raise ImpossibleScope(f"records must be 1 to 4, not {len(self.methods)}")

    @property
    def transparent(self) -> bool:
        """Whether nothing but pauses, outages and restarts keeps a fetch from its success."""
        limits = self.total or self.quota or self.unregisters or self.permission != "granted"
        honest = not self.faults and self.last in ("whole", "encoded") and not limits
        return honest and set(self.methods) == {"GET"}

    @property
    def weight(self) -> int:
        """A guess at how large it is beside others."""
        budgets = (
            *(self.pauses, self.aborts, self.user_aborts, self.restarts, self.offline, self.gets),
            *(self.matches, self.updates, self.unregisters, self.clicks, self.busy, self.closes),
        )
        record = self.attempts * (1 + len(self.faults)) * (1 + self.size)
        pages = self.fetches * self.pages * (20 if self.order == "all" else 1)
        return int(record ** len(self.methods) * pages * math.prod(2 * n + 1 for n in budgets))

    @property
    def interchangeable(self) -> bool:
        """Whether records may be exchanged for each other: nothing tells them apart by place.

        Nor by time: where every task is done at once, records are taken up in order.
        """
        alike = len(self.methods) > 1 and set(self.methods) == {"GET"} and self.order != "settled"
        return alike and not self.matches and self.fetches == 1


_ALL = (
    Scope(
        "default",
        "two records, three attempts, pause, abort, one restart, one page",
        methods=("GET", "GET"),
        attempts=3,
        pauses=1,
        aborts=1,
        restarts=1,
    ),
    Scope("one", "one record, two attempts", order="all"),
    Scope("pause", "one record, paused twice and aborted", pauses=2, aborts=1, order="all"),
    Scope(
        "user-abort",
        "two records that the user pauses and aborts",
        methods=("GET", "GET"),
        pauses=1,
        user_aborts=1,
        size=1,
        faults=("status",),
    ),
    Scope("restart", "one record, killed or ended, with an abort", restarts=1, kill=True, aborts=1),
    Scope("offline", "one record and two outages", offline=2, faults=("reset",)),
    Scope(
        "upload",
        "an upload that is paused, aborted, cut, restarted",
        methods=("POST",),
        pauses=1,
        user_aborts=1,
        restarts=1,
        size=1,
        faults=("reset", "null", "empty", "see-other"),
    ),
    Scope(
        "mixed",
        "a download and an upload, read at the end",
        methods=("GET", "POST"),
        size=1,
        faults=("status",),
        matches=1,
    ),
    Scope(
        "partial",
        "partial answers of every kind, read at the end",
        attempts=3,
        faults=("reset", "short", "star", "changed", "wrong", "long", "ignored", "empty"),
        matches=1,
        order="settled",
    ),
    Scope(
        "short-chain",
        "a body of three parts",
        attempts=3,
        size=3,
        faults=("reset", "short"),
        matches=1,
        order="settled",
    ),
    Scope(
        "redirect",
        "a download that is redirected, cut and continued",
        attempts=3,
        faults=("see-other", "reset"),
        matches=1,
        order="settled",
    ),
    Scope(
        "upload-twice",
        "two uploads, one after the other's failure",
        methods=("POST", "POST"),
        size=1,
        faults=("status", "reset"),
        aborts=1,
        order="settled",
    ),
    Scope(
        "partial-star",
        "only partial answers of unknown length",
        faults=("reset",),
        last="star",
    ),
    Scope(
        "partial-empty", "only partial answers that add nothing", faults=("reset",), last="empty"
    ),
    Scope(
        "odd-first",
        "error, encoded and unvalidated answers that are cut and continued",
        attempts=3,
        faults=("reset", "status-cut", "encoded", "weak"),
        matches=1,
        order="settled",
    ),
    Scope(
        "foreign",
        "partial answers of another origin",
        faults=("reset", "changed", "short"),
        foreign=True,
        order="settled",
    ),
    Scope("read", "a page reads early", faults=("reset", "status"), matches=1, aborts=1),
    Scope(
        "total",
        "two records and a total that is too small",
        methods=("GET", "GET"),
        faults=("status",),
        total=3,
        aborts=1,
    ),
    Scope(
        "quota",
        "two records and a quota that is too small",
        methods=("GET", "GET"),
        faults=("status",),
        size=1,
        quota=1,
        matches=1,
    ),
    Scope(
        "total-bursts",
        "two records, a total that is too small, and bytes that come together",
        methods=("GET", "GET"),
        attempts=1,
        faults=(),
        total=2,
        bursts=True,
    ),
    Scope("quota-later", "a quota with room for a part", attempts=1, faults=(), quota=1),
    Scope("start-quota", "a total that the quota has no room for", total=3, quota=2, faults=()),
    Scope(
        "prompt",
        "the user is asked",
        permission="prompt",
        pauses=1,
        faults=("status",),
        aborts=1,
    ),
    Scope("null", "answers without a body", faults=("null", "status"), matches=1),
    Scope("silent", "a worker without handlers", listens=False, faults=("status",), aborts=1),
    Scope("ui", "updateUI() while and after the event", updates=2, faults=("status",), size=1),
    Scope(
        "get", "get() and getIds(), also of nothing", gets=2, aborts=1, faults=("status",), size=1
    ),
    Scope("pages", "two pages, one may go", pages=2, closes=1, gets=1, aborts=1, attempts=1),
    Scope(
        "pages-race",
        "two pages, one may go at any moment between two tasks",
        pages=2,
        closes=1,
        gets=1,
        size=1,
        attempts=1,
        faults=(),
        order="all",
    ),
    Scope(
        "pages-read",
        "two pages that read, one may go",
        pages=2,
        closes=1,
        gets=1,
        matches=1,
        size=1,
        attempts=1,
        faults=(),
    ),
    Scope(
        "no-worker",
        "the registration goes, and the id is used again",
        unregisters=1,
        fetches=2,
        size=1,
        attempts=1,
        faults=(),
    ),
    Scope("denied", "the user has refused for good", permission="denied", faults=()),
    Scope("empty", "bodies without a byte", size=0, faults=("reset",), matches=1),
    Scope(
        "interface",
        "the user looks, pauses and aborts",
        looks=True,
        pauses=1,
        user_aborts=1,
        size=1,
        attempts=1,
        faults=(),
    ),
    Scope(
        "prompt-upload",
        "the user is asked about an upload, and looks",
        methods=("POST",),
        permission="prompt",
        size=1,
        attempts=1,
        faults=(),
        looks=True,
    ),
    Scope(
        "race",
        "a page and a worker that was clicked awake hear in any order",
        clicks=1,
        attempts=1,
        faults=(),
        order="all",
    ),
    Scope(
        "match-race",
        "matchAll() at any moment between two tasks",
        matches=1,
        size=1,
        attempts=1,
        faults=(),
        order="all",
    ),
    Scope(
        "busy",
        "a worker takes no event for a while",
        busy=1,
        aborts=1,
        gets=1,
        size=1,
        attempts=1,
        faults=(),
    ),
    Scope(
        "streams",
        "two uploads of the same id whose bodies are streams; the page of the first may go",
        methods=("POST",),
        streamed=True,
        fetches=2,
        pages=2,
        closes=1,
        size=1,
        attempts=1,
        faults=(),
    ),
    Scope("pauses", "pauses of what goes well", pauses=2, attempts=1, faults=()),
    Scope("outages", "outages of what goes well", offline=2, attempts=1, faults=()),
    Scope(
        "outage-encoded",
        "an outage of an encoded answer, choices at their defaults",
        offline=1,
        attempts=1,
        faults=(),
        last="encoded",
        choices=False,
    ),
    Scope(
        "first-part",
        "parts that nobody asked for, choices at their defaults",
        faults=("short",),
        matches=1,
        choices=False,
    ),
    Scope(
        "room",
        "a total that the quota has no room for, choices at their defaults",
        total=3,
        quota=2,
        faults=(),
        choices=False,
    ),
    Scope(
        "own-range",
        "a page asks for a part itself",
        ranged=True,
        faults=("reset",),
        matches=1,
        order="settled",
    ),
    Scope(
        "upload-moved",
        "an upload of two bytes that is redirected with its body",
        methods=("POST",),
        upload=2,
        size=1,
        faults=("moved",),
    ),
    Scope(
        "upload-large",
        "an upload of 70,000 bytes",
        methods=("POST",),
        upload=70_000,
        size=1,
        attempts=1,
        faults=(),
    ),
    Scope(
        "foreign-open",
        "partial answers of another origin that shows their headers",
        faults=("reset", "short"),
        foreign=True,
        exposed=True,
        order="settled",
    ),
    Scope("unregister", "the registration goes", unregisters=1, faults=("status",), aborts=1),
    Scope("reuse", "the id is used twice", fetches=2, size=1, aborts=1, attempts=1),
)

SCOPES = {scope.name: scope for scope in _ALL}
"""Every named scope."""

LARGE = ("default", "one", "pause")
SMALL = tuple(name for name in SCOPES if name not in LARGE)
"""Scopes of which each takes seconds."""
