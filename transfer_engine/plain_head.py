"""The head of an ordinary answer, read at one look.

Reading a head by h11 costs more than all else that a small body needs.  Nearly all heads are
ordinary: they come whole, every line is as RFC 9112 writes it, without folding and odd ends,
and one Content-Length says where the body ends.  Such a head means the same to every parser.
What is not ordinary in any way is none for this module: then h11 looks at all of it, and
what it says counts.
"""

from __future__ import annotations

import re

import attrs

from transfer_engine.messages import Headers, header

MOST_PLAIN = 8192
MOST_LINES = 64

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VISIBLE = rb"[!-~\x80-\xff]"
_LINE = rb"%b: (?:%b(?:[ \t!-~\x80-\xff]*%b)?)?\r\n" % (_TOKEN, _VISIBLE, _VISIBLE)
_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9]) [ \t!-~\x80-\xff]*\r\n((?:%b){0,%d})\r\n" % (_LINE, MOST_LINES)
)
_FIELD = re.compile(r"([^:]+): ([^\r]*)\r\n")
_LENGTH = re.compile(r"[0-9]{1,19}", re.ASCII)


@attrs.frozen
class PlainHead:
    """Status, headers (lower-case names, latin-1 values), announced length; where the body begins.

    ``closes``: the server will close the connection behind this answer.
    """

    status: int
    headers: Headers
    length: int
    end: int
    closes: bool


def plain_head(data: bytes) -> PlainHead | None:
    """The head that ``data`` begins with, or None: it is not whole, or not ordinary."""
    if data.find(b"\r\n\r\n", 0, MOST_PLAIN) < 0:
        return None
    found = _HEAD.match(data)
    if found is None:
        return None
    fields = _FIELD.findall(found[2].decode("latin-1"))
    headers = tuple([(name.lower(), value) for name, value in fields])
    named = dict(headers)
    length = named.get("content-length", "")
    if _LENGTH.fullmatch(length) is None or "transfer-encoding" in named:
        return None
    closes = named.get("connection", "")
    if len(named) < len(headers):  # some name is there twice
        if len([name for name, _ in headers if name == "content-length"]) > 1:
            return None
        closes = header(headers, "connection") or ""
    return PlainHead(int(found[1]), headers, int(length), found.end(), "close" in closes.lower())
