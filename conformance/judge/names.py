"""What a scenario's names stand for while it runs.

A name is bound to the *call* that yields its value, when the call is made; the
value is there once the call has settled.  A handler program sees its own names
before those of the script; both see the names of finished handlers, so that the
script can wait for what a handler reads.

A name also remembers the life of the realm it belongs to.  Objects of a page
that was closed, or of a user agent that was quit, are gone: the name stays, a
command on it is a mistake in the scenario.
"""

from __future__ import annotations

import attrs

from conformance.protocol import WORKER, Icon, RequestInit
from conformance.scenario.format import RequestArg
from conformance.world.content import request_body
from conformance.world.scripted import absolute

FIRST_PAGE = "p1"
EVENT = "event"
"""In a handler program, the name of the event's registration."""


@attrs.frozen
class ScenarioError(Exception):
    """The scenario asks for something that makes no sense; no implementation is to blame."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@attrs.frozen
class Binding:
    """What a name stands for: a call's value, or (a handler's ``event``) an instance."""

    realm: str
    life: int
    call: str | None = None
    instance: str | None = None


@attrs.define
class Realms:
    """Which realms are there, and which life of theirs it is."""

    _lives: dict[str, int] = attrs.field(factory=lambda: {FIRST_PAGE: 0, WORKER: 0})
    _open: set[str] = attrs.field(factory=lambda: {FIRST_PAGE, WORKER})

    def life(self, realm: str) -> int | None:
        """The present life of a realm; None when it is not there."""
        return self._lives[realm] if realm in self._open else None

    def open(self, page: str) -> None:
        self._lives[page] = self._lives.get(page, -1) + 1
        self._open.add(page)

    def close(self, page: str) -> None:
        self._open.discard(page)

    def quit(self) -> None:
        self._open.clear()

    def launch(self) -> None:
        self.open(FIRST_PAGE)
        self.open(WORKER)


@attrs.define
class Names:
    """The names that one program sees; ``shared`` is the same for all programs of a run."""

    shared: dict[str, Binding]
    own: dict[str, Binding] = attrs.field(factory=dict)

    def bind(self, name: str, binding: Binding) -> None:
        self.own[name] = self.shared[name] = binding

    def find(self, name: str) -> Binding | None:
        return self.own.get(name) or self.shared.get(name)


def split_index(name: str) -> tuple[str, int | None]:
    """``recs[2]`` is ("recs", 2); ``recs`` is ("recs", None)."""
    base, bracket, rest = name.partition("[")
    if bracket and rest.endswith("]") and rest[:-1].isdigit():
        return base, int(rest[:-1])
    return name, None


def url_of(key: str, origins: dict[str, str], where: str = "") -> str:
    """The URL of a resource key; what has ``://`` in it is one already.  Raises ScenarioError."""
    if "://" in key:
        return key
    if not key.startswith("/") and key.partition(":")[0] not in origins:
        raise ScenarioError(where, f"{key!r} is neither a path nor on a declared origin")
    return absolute(key, origins)


def request_init(
    request: str | RequestArg, origins: dict[str, str], where: str = ""
) -> RequestInit:
    """A request argument with its URL made absolute and its body made."""
    if isinstance(request, str):
        return RequestInit(url_of(request, origins, where))
    body = request_body(request.body) if isinstance(request.body, int) else request.body
    return RequestInit(
        url_of(request.url, origins, where),
        request.method,
        request.headers,
        body,
        request.mode,
        request.hold is not None,
    )


def icons_of(icons: list[Icon] | None, origins: dict[str, str]) -> list[Icon] | None:
    """Icons with absolute URLs; what is no path of ours (a data URL) stays as it is."""
    if icons is None:
        return None
    return [
        Icon(url_of(icon.src, origins), icon.sizes, icon.type) if icon.src.startswith("/") else icon
        for icon in icons
    ]
