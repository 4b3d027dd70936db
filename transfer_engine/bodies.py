"""Bodies of answers as scripts have them: from the network, from a cache, from a program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from transfer_engine.errors import ScriptError

if TYPE_CHECKING:  # bodies need no disk of their own
    from transfer_engine.body_disk import FileBodyDisk


READ = 65536
"""Bytes of a piece, at most, unless a reader says otherwise."""


class ReadableBody(Protocol):
    """A stream of bytes with one reader, read once; ``async for`` gives it in pieces."""

    @property
    def disturbed(self) -> bool:
        """Whether reading has begun."""
        ...

    async def read(self, most: int = ...) -> bytes:
        """The next 1 to ``most`` bytes; empty at the end.  Raises ScriptError."""
        ...

    def __aiter__(self) -> ReadableBody: ...

    async def __anext__(self) -> bytes: ...

    def close(self) -> None:
        """Stop reading."""
        ...

    def clone(self) -> ReadableBody:
        """The same bytes once more, from the first.

        Raises ScriptError TypeError if reading has begun, or if they come only once.
        """
        ...


@runtime_checkable
class LinkableBody(ReadableBody, Protocol):
    """A body that is, or will be, a whole file."""

    async def link_into(self, disk: FileBodyDisk, name: str) -> int | None:
        """Once it is complete make its file a body of that disk too; its length.

        None, and nothing has happened, where that cannot be: then it can still be read.
        Raises as ``read`` does.
        """
        ...

    async def link_to(self, path: Path) -> bool:
        """Once it is complete make its file one at ``path`` too, where nothing may be yet.

        False, and nothing has happened, where that cannot be.  Nobody may change the file as
        long as the body is there.  Raises as ``read`` does.
        """
        ...


class InPieces(ABC):
    """``async for`` over whatever can be read."""

    @abstractmethod
    async def read(self, most: int = READ) -> bytes:
        """See ReadableBody."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if data := await self.read():
            return data
        raise StopAsyncIteration


class WholeBody(InPieces):
    """A body of known length that is read from its first byte."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._offset = 0
        self._begun = False

    @property
    def disturbed(self) -> bool:
        """See ReadableBody."""
        return self._begun

    def close(self) -> None:
        """See ReadableBody."""
        self._begun, self._offset = True, self._length


class GivenBody(WholeBody):
    """A body that a program made."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data))
        self._data = data

    async def read(self, most: int = READ) -> bytes:
        """See ReadableBody."""
        self._begun = True
        data = self._data[self._offset : self._offset + max(1, most)]
        self._offset += len(data)
        return data

    def clone(self) -> GivenBody:
        """See ReadableBody."""
        check_fresh(self)
        return GivenBody(self._data)


def check_fresh(body: ReadableBody) -> None:
    """Raises ScriptError TypeError if reading has begun."""
    if body.disturbed:
        raise ScriptError("TypeError", "the body has been read already")
