"""HTTP/1.1 answers, whole and byte by byte, sound and not."""

from __future__ import annotations

import pytest

from transfer_engine.errors import Interrupted, PeerMisbehaved
from transfer_engine.urls import parse
from transfer_engine.wire import Chunk, End, Exchange, Head, NeedBytes

ADDRESS = parse("http://a.test/x?y")


def exchange(method: str = "GET") -> Exchange:
    made = Exchange()
    assert made.request(ADDRESS, method, ()).startswith(f"{method} /x?y HTTP/1.1\r\n".encode())
    made.end_of_request()
    return made


def listen(data: bytes, pieces: int, *, eof: bool = True, method: str = "GET") -> list[object]:
    """[status, body, end or the error's class]."""
    heard = exchange(method)
    status, body = 0, b""
    feeds = [data[i : i + pieces] for i in range(0, len(data), pieces)] + ([b""] if eof else [])
    try:
        for piece in feeds:
            heard.received(piece)
            while not isinstance(event := heard.next(), NeedBytes):
                if isinstance(event, Head):
                    status = event.status
                elif isinstance(event, Chunk):
                    body += event.data
                else:
                    return [status, body, End]
    except (Interrupted, PeerMisbehaved) as error:
        return [status, body, type(error)]
    return [status, body, NeedBytes]


OK = b"HTTP/1.1 200 OK\r\n"
ANSWERS = [
    (OK + b"Content-Length: 5\r\n\r\nhello", [200, b"hello", End]),
    (OK + b"Content-Length: 5\r\n\r\nhel", [200, b"hel", Interrupted]),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", [200, b"hello", End]),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", [200, b"hello", Interrupted]),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX", [200, b"hello", PeerMisbehaved]),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello", [200, b"", PeerMisbehaved]),
    (OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n", [0, b"", PeerMisbehaved]),
    (OK + b"\r\nhello", [200, b"hello", End]),
    (b"HTTP/1.0 200 OK\r\n\r\nhello", [200, b"hello", End]),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n", [200, b"", End]),
    (b"HTTP/1.1 103 Hint\r\n\r\n" * 17, [0, b"", PeerMisbehaved]),
    (b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\n\r\n", [0, b"", PeerMisbehaved]),
    (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", [0, b"", PeerMisbehaved]),
    (OK + b"Content-Length: +5\r\n\r\nhello", [0, b"", PeerMisbehaved]),
    (OK + b"Broken header\r\n\r\n", [0, b"", PeerMisbehaved]),
    (OK + b"X: " + b"y" * 70000, [0, b"", PeerMisbehaved]),
    (OK + b"X: y\r\n" * 300 + b"\r\n", [0, b"", PeerMisbehaved]),
    (b"hello there, this is not HTTP\r\n\r\n", [0, b"", PeerMisbehaved]),
    (b"HTTP/1.1 204 No\r\n\r\n", [204, b"", End]),
    (b"HTTP/1.1 200", [0, b"", Interrupted]),
    (b"", [0, b"", Interrupted]),
]


@pytest.mark.parametrize(("data", "expected"), ANSWERS)
@pytest.mark.parametrize("pieces", [1, 7, 1_000_000])
def test_an_answer_means_the_same_however_it_is_cut(
    data: bytes, expected: list[object], pieces: int
) -> None:
    if expected[2] is PeerMisbehaved:  # how much body precedes the fault depends on the cut
        assert listen(data, pieces)[2] is PeerMisbehaved
    else:
        assert listen(data, pieces) == expected


@pytest.mark.parametrize("pieces", [1, 999])
def test_a_server_that_says_once_that_it_closes_is_believed(pieces: int) -> None:
    heard = exchange()
    answer = OK + b"Connection: close\r\nConnection: x\r\nContent-Length: 0\r\n\r\n"
    for at in range(0, len(answer), pieces):
        heard.received(answer[at : at + pieces])
        event = heard.next()
    assert isinstance(event, Head)
    assert isinstance(heard.next(), End)
    assert not heard.reusable


def test_without_a_close_an_unfinished_answer_needs_more_bytes() -> None:
    assert listen(OK + b"Content-Length: 5\r\n\r\nhel", 3, eof=False) == [200, b"hel", NeedBytes]


def test_the_answer_to_head_has_no_body() -> None:
    answer = OK + b"Content-Length: 5\r\n\r\n"
    assert listen(answer, 3, eof=False, method="HEAD") == [200, b"", End]


def test_what_http_forbids_in_a_request_is_refused() -> None:
    with pytest.raises(PeerMisbehaved):
        Exchange().request(ADDRESS, "GET", (("x", "a\r\nb"),))
    with pytest.raises(PeerMisbehaved):
        Exchange().request(ADDRESS, "GE T", ())
