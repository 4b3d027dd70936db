"""Answers that lie about their framing, with what each must come to: one a line.

(name, bytes, the reason a page sees, what the network says).  A page sees "" for an
answer that is sound after all.
"""

from __future__ import annotations

from tests.transfer_engine.hostile.world import OK

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FIVE = OK + b"Content-Length: 5\r\n\r\n"

FAIL = "fetch-error"
ODD = "PeerMisbehaved"
CUT = "Interrupted"

FRAMING: list[tuple[str, bytes, str, str]] = [
    (
        "two lengths",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        FAIL,
        ODD,
    ),
    (
        "the same length twice",
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "",
        "end",
    ),
    ("a list of one length", OK + b"Content-Length: 5, 5\r\n\r\nhello", "", "end"),
    ("a list of two lengths", OK + b"Content-Length: 5, 6\r\n\r\nhello", FAIL, ODD),
    (
        "a length and chunks",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        FAIL,
        ODD,
    ),
    (
        "chunked twice",
        OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        FAIL,
        ODD,
    ),
    (
        "gzip in transfer",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        FAIL,
        ODD,
    ),
    ("not chunked at last", OK + b"Transfer-Encoding: chunked, gzip\r\n\r\nx", FAIL, ODD),
    ("identity in transfer", OK + b"Transfer-Encoding: identity\r\n\r\nhello", FAIL, ODD),
    ("a chunk with a sign", CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", FAIL, ODD),
    ("a negative chunk", CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", FAIL, ODD),
    ("a chunk in 0x", CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", FAIL, ODD),
    ("a chunk with a blank", CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", FAIL, ODD),
    ("a chunk with an underscore", CHUNKED + b"1_0\r\nhello\r\n0\r\n\r\n", FAIL, ODD),
    ("a chunk of 21 digits", CHUNKED + b"0" * 20 + b"5\r\nhello\r\n0\r\n\r\n", FAIL, ODD),
    ("a chunk of no digits", CHUNKED + b"\r\nhello\r\n0\r\n\r\n", FAIL, ODD),
    ("a chunk without its end", CHUNKED + b"5\r\nhelloXX0\r\n\r\n", FAIL, ODD),
    ("a chunk with an extension", CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n", "", "end"),
    ("a trailer", CHUNKED + b"5\r\nhello\r\n0\r\nX: y\r\n\r\n", "", "end"),
    ("chunks without their last", CHUNKED + b"5\r\nhello\r\n", FAIL, CUT),
    ("a chunk cut short", CHUNKED + b"5\r\nhel", FAIL, CUT),
    ("a length cut short", FIVE + b"hel", FAIL, CUT),
    ("a length and nothing", FIVE, FAIL, CUT),
    ("garbage behind a length", FIVE + b"hello, and more", "", "end"),
    ("a second answer behind", FIVE + b"hello" + FIVE + b"other", "", "end"),
    ("garbage behind chunks", CHUNKED + b"5\r\nhello\r\n0\r\n\r\nmore", "", "end"),
    ("a folded line", OK + b"X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello", "", "end"),
    ("a folded first line", OK + b" X: a\r\nContent-Length: 5\r\n\r\nhello", FAIL, ODD),
    ("a blank before the colon", OK + b"Content-Length : 5\r\n\r\nhello", FAIL, ODD),
    ("a line without a colon", OK + b"Content-Length 5\r\n\r\nhello", FAIL, ODD),
    ("a field without a name", OK + b": 5\r\nContent-Length: 5\r\n\r\nhello", FAIL, ODD),
    ("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "", "end"),
    ("bare CR in a value", OK + b"X: a\rb\r\nContent-Length: 5\r\n\r\nhello", FAIL, ODD),
    ("NUL in a value", OK + b"X: a\0b\r\nContent-Length: 5\r\n\r\nhello", FAIL, ODD),
    ("NUL in a name", OK + b"X\0: a\r\nContent-Length: 5\r\n\r\nhello", FAIL, ODD),
    ("no HTTP at all", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", FAIL, ODD),
    ("HTTP/0.9", b"<html>hello</html>\r\n\r\n", FAIL, ODD),
    ("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\nhello", "", "end"),
    ("HTTP/2.0 in words", b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", FAIL, ODD),
    (
        "a status of two digits",
        b"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello",
        FAIL,
        ODD,
    ),
    ("a status of 999", b"HTTP/1.1 999 No\r\nContent-Length: 5\r\n\r\nhello", "bad-status", "end"),
    ("status 000", b"HTTP/1.1 000 No\r\nContent-Length: 0\r\n\r\n", FAIL, ODD),
    (
        "101 unasked",
        b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        FAIL,
        ODD,
    ),
    ("a few 1xx", b"HTTP/1.1 103 Hint\r\n\r\n" * 3 + FIVE + b"hello", "", "end"),
    ("a flood of 1xx", b"HTTP/1.1 103 Hint\r\n\r\n" * 40 + FIVE + b"hello", FAIL, ODD),
    ("204 with a body", b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello", "", "end"),
    ("304 with a body", b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\nhello", "bad-status", "end"),
    ("nothing at all", b"", FAIL, CUT),
    ("half a status line", b"HTTP/1.1 2", FAIL, CUT),
    ("a head without its end", OK + b"Content-Length: 5\r\n", FAIL, CUT),
    ("empty lines before", b"\r\n\r\n" + FIVE + b"hello", FAIL, ODD),
]

NUMBERS: list[tuple[str, bytes, str, str]] = [
    ("a length with a sign", OK + b"Content-Length: +5\r\n\r\nhello", FAIL, ODD),
    ("a negative length", OK + b"Content-Length: -5\r\n\r\nhello", FAIL, ODD),
    ("a length in hex", OK + b"Content-Length: 0x5\r\n\r\nhello", FAIL, ODD),
    ("a length with an underscore", OK + b"Content-Length: 1_0\r\n\r\nhello", FAIL, ODD),
    ("a fraction", OK + b"Content-Length: 5.0\r\n\r\nhello", FAIL, ODD),
    ("an empty length", OK + b"Content-Length:\r\n\r\nhello", FAIL, ODD),
    ("foreign digits", OK + "Content-Length: ５\r\n\r\nhello".encode(), FAIL, ODD),
    ("20 digits", OK + b"Content-Length: 99999999999999999999\r\n\r\nhello", FAIL, ODD),
    ("5,000 digits", OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello", FAIL, ODD),
    ("19 digits", OK + b"Content-Length: 9999999999999999999\r\n\r\nhello", FAIL, CUT),
    ("leading zeros", OK + b"Content-Length: 005\r\n\r\nhello", "", "end"),
]
