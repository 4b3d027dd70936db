"""Request bodies from files and forms."""

from __future__ import annotations

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from random import Random

import pytest
import trio

from tests.transfer_engine.server import serving, whole
from tests.transfer_engine.world import App, finished
from transfer_engine import FileBody, Form, FormFile, Request, ScriptError


def sent(body: Form | FileBody, headers: dict[str, str]) -> tuple[str, bytes]:
    """What the server gets: content type and body."""
    got: list[tuple[str, bytes]] = []

    # Files are read in threads, of which a simulation's clock knows nothing.
    async def main() -> None:
        with trio.fail_after(20):
            async with serving() as server:
                server.on("/p", whole(b"thanks"))
                async with App(server).open() as engine:
                    reg = await engine.fetch("s", Request("/p", "POST", headers, body))
                    assert await finished(reg) == ("success", "")
                (asked,) = server.log
                got.append((asked.headers.get("content-type", ""), asked.body))

    trio.run(main)
    return got[0]


def parts(kind: str, body: bytes) -> list[tuple[str, str | None, str, bytes]]:
    """Name, file name, type and bytes of each part, read by the standard library."""
    parsed = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body
    )
    found: list[tuple[str, str | None, str, bytes]] = []
    for part in parsed.iter_parts():
        assert isinstance(part, EmailMessage)
        name = part["content-disposition"].params["name"]
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((name, part.get_filename(), part.get_content_type(), content))
    return found


def test_a_form_arrives_with_its_fields_and_files(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(range(256)) * 3000)
    form = Form(
        {
            "text": "grüße",
            "small": FormFile(b"\x00\r\n--x", "a.bin"),
            "large": FormFile(FileBody(tmp_path / "f"), "b.png", "image/png"),
        }
    )
    assert parts(*sent(form, form.headers)) == [
        ("text", None, "text/plain", "grüße".encode()),
        ("small", "a.bin", "application/octet-stream", b"\x00\r\n--x"),
        ("large", "b.png", "image/png", bytes(range(256)) * 3000),
    ]


def test_names_cannot_break_out_of_their_line() -> None:
    form = Form({'a"\r\nX: y': FormFile(b"", 'c"\r\nZ: w', "text/plain\r\nQ: v")})
    _, body = sent(form, form.headers)
    head = body.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert len(head) == 3
    assert head[1].endswith(b'name="a%22%0D%0AX: y"; filename="c%22%0D%0AZ: w"')


def test_the_boundary_comes_from_the_given_randomness() -> None:
    one, same, other = Form({}, Random(1)), Form({}, Random(1)), Form({}, Random(2))
    assert one.headers == same.headers != other.headers
    assert Form({}).headers != Form({}).headers


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"content")
    assert sent(FileBody(tmp_path / "f"), {}) == ("", b"content")


def test_a_file_that_cannot_be_read_refuses_the_call(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        sent(FileBody(tmp_path / "none"), {})
    assert caught.group_contains(ScriptError, match="TypeError")
