"""Request bodies that are files or forms: read piece by piece, never whole in memory.

``fetch()`` stores every request body before it resolves, whatever it was made of; these
only say what to read.  A form's boundary comes from the caller's randomness, so that a
simulation sends the same bytes each time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from random import Random, SystemRandom

import attrs
import trio

PIECE = 262144


@attrs.frozen
class FileBody:
    """A file's bytes as they are when ``fetch()`` reads them.  Raises OSError there."""

    path: Path

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with await trio.open_file(self.path, "rb") as file:
            while piece := await file.read(PIECE):
                yield piece


@attrs.frozen
class FormFile:
    """One file of a form, under the name that the server is told."""

    body: bytes | FileBody
    filename: str
    type: str = "application/octet-stream"


class Form:
    """A ``multipart/form-data`` body (RFC 7578, escapes as in HTML).

    ``Request(url, method="POST", headers=form.headers, body=form)``.
    """

    def __init__(self, fields: Mapping[str, str | FormFile], random: Random | None = None) -> None:
        self._fields = dict(fields)
        # 128 bits: no file holds it by accident, and none by intent if it cannot be known.
        self._boundary = f"form-{(random or SystemRandom()).getrandbits(128):032x}"

    @property
    def headers(self) -> dict[str, str]:
        """What a request with this body must say."""
        return {"content-type": f"multipart/form-data; boundary={self._boundary}"}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for name, value in self._fields.items():
            yield self._head(name, value)
            if isinstance(value, str):
                yield value.encode()
            elif isinstance(value.body, bytes):
                yield value.body
            else:
                async for piece in value.body:
                    yield piece
            yield b"\r\n"
        yield f"--{self._boundary}--\r\n".encode()

    def _head(self, name: str, value: str | FormFile) -> bytes:
        lines = f'--{self._boundary}\r\nContent-Disposition: form-data; name="{_escaped(name)}"'
        if isinstance(value, FormFile):
            lines += f'; filename="{_escaped(value.filename)}"'
            lines += f"\r\nContent-Type: {_one_line(value.type)}"
        return f"{lines}\r\n\r\n".encode()


def _escaped(name: str) -> str:
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
