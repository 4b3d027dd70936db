"""An ordinary head means what h11 takes it for; what is not ordinary is left to h11."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transfer_engine.plain_head import MOST_LINES, MOST_PLAIN, plain_head

OK = b"HTTP/1.1 200 OK\r\n"
FIVE = b"Content-Length: 5\r\n"


def by_h11(data: bytes) -> tuple[int, list[tuple[str, str]], bytes] | None:
    """Status, headers and what is behind the head, or None for no final head."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    parser.receive_data(data)
    try:
        event = parser.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(event, h11.Response):
        return None
    headers = [(n.decode("ascii"), v.decode("latin-1")) for n, v in event.headers]
    return event.status_code, headers, bytes(parser.trailing_data[0])


def test_an_ordinary_head_is_read_whole() -> None:
    data = OK + b'Server: x\r\nETag: "a b"\r\nEmpty: \r\n' + FIVE + b"\r\nhello"
    found = plain_head(data)
    assert found is not None
    assert found.status == 200
    assert found.length == 5
    assert not found.closes
    assert data[found.end :] == b"hello"
    assert found.headers == (
        ("server", "x"),
        ("etag", '"a b"'),
        ("empty", ""),
        ("content-length", "5"),
    )


def test_a_server_that_closes_is_heard_whatever_the_letters() -> None:
    found = plain_head(OK + b"CONNECTION: Keep-Alive, Close\r\n" + FIVE + b"\r\n")
    assert found is not None
    assert found.closes


@pytest.mark.parametrize("last", [b"X-Option", b"Keep-Alive"])
def test_a_server_that_closes_is_heard_in_the_first_of_two_lines(last: bytes) -> None:
    found = plain_head(OK + b"Connection: close\r\nConnection: " + last + b"\r\n" + FIVE + b"\r\n")
    assert found is not None
    assert found.closes


@pytest.mark.parametrize(
    "data",
    [
        OK + FIVE,  # not whole
        OK + b"\r\n",  # no length
        OK + FIVE + FIVE + b"\r\n",
        OK + b"Content-Length: +5\r\n\r\n",
        OK + b"Content-Length: 5, 5\r\n\r\n",
        OK + b"Content-Length: " + b"1" * 20 + b"\r\n\r\n",
        OK + FIVE + b"Transfer-Encoding: chunked\r\n\r\n",
        OK + FIVE + b"Folded: a\r\n b\r\n\r\n",
        OK + FIVE + b"Space : a\r\n\r\n",
        OK + FIVE + b"None\r\n\r\n",
        OK + FIVE + b"Nul: a\0b\r\n\r\n",
        OK + FIVE + b"Bare: a\rb\r\n\r\n",
        OK + FIVE + b"Bare: a\nb: c\r\n\r\n",
        b"HTTP/1.1 200 OK\n" + FIVE + b"\r\n",
        b"HTTP/1.0 200 OK\r\n" + FIVE + b"\r\n",
        b"HTTP/1.1 103 Early\r\n" + FIVE + b"\r\n",
        b"HTTP/1.1 600 Strange\r\n" + FIVE + b"\r\n",
        b"\r\n" + OK + FIVE + b"\r\n",
        OK + FIVE + b"X: y\r\n" * MOST_LINES + b"\r\n",
        OK + FIVE + b"X: " + b"y" * MOST_PLAIN + b"\r\n\r\n",
    ],
)
def test_what_is_not_ordinary_is_left_to_h11(data: bytes) -> None:
    assert plain_head(data) is None


PARTS = st.sampled_from(
    [
        *(b"HTTP/1.1 ", b"HTTP/1.0 ", b"200", b"204", b" OK", b"\r\n", b"\n", b"\r", b": ", b":"),
        *(b" ", b"\t", b"Content-Length", b"content-length: 5\r\n", b"5", b"\0", b"\x80", b"\x85"),
        *(b"a", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"X: y\r\n", b"\x7f"),
        b"\x0b",
    ]
)


@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.lists(PARTS, max_size=12))
@example([b"X: \x85y\xa0\r\n"])
def test_whatever_it_takes_h11_takes_for_the_same(parts: list[bytes]) -> None:
    data = OK + b"".join(parts) + FIVE + b"\r\nhello"
    found = plain_head(data)
    if found is not None:
        assert by_h11(data) == (found.status, list(found.headers), data[found.end :])
