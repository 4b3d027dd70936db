"""What can go wrong, named by cause.

Three families, because three different readers act on them:

* what a script sees (``ScriptError``), by the names the specification gives;
* what a transfer meets (``TransferError``): ``Unreachable`` may come back,
  ``Interrupted`` lost an answer half way, ``PeerMisbehaved`` must never be retried,
  ``StoreFull`` is ours;
* what the owner of an engine must repair (``StoreUnusable``, ``EngineClosed``, ``NotOffered``).
"""

from __future__ import annotations

from typing import Literal

import attrs

ScriptErrorName = Literal[
    "TypeError", "NotAllowedError", "QuotaExceededError", "InvalidStateError", "AbortError"
]


@attrs.frozen
class ScriptError(Exception):
    """A promise was rejected; ``name`` is the error name that a web page would see."""

    name: ScriptErrorName
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


@attrs.frozen
class NotOffered(Exception):
    """The user interface does not offer this action now; nothing was changed."""

    action: str
    id: str
    why: str

    def __str__(self) -> str:
        return f"{self.action} of {self.id!r} is not offered: {self.why}"


@attrs.frozen
class EngineClosed(Exception):
    """The engine was closed or killed while a call was pending; the call's outcome is unknown.

    What had been promised before survives in the store: open an engine on it to go on.
    """

    def __str__(self) -> str:
        return "the engine is closed; open one on the same store to go on"


@attrs.frozen
class RealmClosed(Exception):
    """A page was closed while a call of its waited; what the call had asked for goes on."""

    realm: str

    def __str__(self) -> str:
        return f"the page {self.realm!r} was closed; what it asked for goes on without it"


@attrs.frozen
class StoreUnusable(Exception):
    """The store cannot be opened, read or written; ``where`` says which part of it.

    ``remedy``: what its owner may do.
    """

    where: str
    why: str
    remedy: str = "move it away to start afresh"

    def __str__(self) -> str:
        return f"{self.where} cannot be used: {self.why}; {self.remedy}"


@attrs.frozen
class StoreBusy(StoreUnusable):
    """Another engine has the store open; it is fine, and free once that one has ended."""

    why: str = "another engine has it open"
    remedy: str = "use it by that engine, or once that one has ended"

    def __str__(self) -> str:
        return f"{self.where} cannot be used: {self.why}"


@attrs.frozen
class HandlerNotFound(Exception):
    """A handler's ``module:attribute`` leads nowhere; ``name`` is what was given."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"no handler {self.name!r}: {self.why}; write it as module:attribute"


class TransferError(Exception):
    """Base of what one attempt at a transfer can meet; never seen by a script."""


@attrs.frozen
class Unreachable(TransferError):
    """No connection: name look-up, refusal, time limit.  It may come back."""

    host: str
    port: int
    why: str

    def __str__(self) -> str:
        return f"no connection to {self.host}:{self.port}: {self.why}"


@attrs.frozen
class Interrupted(TransferError):
    """The connection was lost before the answer's end as its framing promises it."""

    why: str

    def __str__(self) -> str:
        return f"the answer was cut short: {self.why}"


@attrs.frozen
class TooSlow(Interrupted):
    """The connection stands, but a time limit has passed or too little comes."""


@attrs.frozen
class StoreFailed(Interrupted):
    """The disk could not keep or give bytes, for another cause than room: it may later."""

    def __str__(self) -> str:
        return f"the disk failed: {self.why}"


@attrs.frozen
class PeerMisbehaved(TransferError):
    """The answer breaks HTTP, its own ranges, or the rules of CORS and redirects: do not retry."""

    why: str

    def __str__(self) -> str:
        return f"the answer cannot be used: {self.why}"


@attrs.frozen
class StoreFull(TransferError):
    """Bytes do not fit: the engine's quota or the disk.  Nothing of the batch was stored."""

    wanted: int

    def __str__(self) -> str:
        return f"{self.wanted} bytes do not fit into the store"


@attrs.frozen
class TotalExceeded(TransferError):
    """The next batch would pass ``downloadTotal``.  Nothing of it was stored."""

    limit: int

    def __str__(self) -> str:
        return f"more than the {self.limit} bytes of downloadTotal"
