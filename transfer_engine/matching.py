"""From what a page passes to what is stored, and back by comparison.  Pure."""

from __future__ import annotations

import re
from typing import get_args

from transfer_engine.errors import ScriptError
from transfer_engine.messages import (
    Credentials,
    QueryOptions,
    Request,
    StoredHead,
    StoredRequest,
    header,
)
from transfer_engine.urls import BadUrl, parse, without_search
from transfer_engine.wire import FORBIDDEN_REQUEST_HEADERS

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_BAD_VALUE = re.compile(r"[\x00\r\n]")
_NORMALISED = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})


def request_of(request: str | Request, base: str, *, page: bool = True) -> StoredRequest:
    """FETCH-6.1 and 6.2: the Request constructor, as far as it can refuse.

    ``page``: whether it is a page's, which may not set what a user agent answers for.
    Raises ScriptError TypeError.
    """
    if isinstance(request, str):
        request = Request(request)
    method = request.method.upper() if request.method.upper() in _NORMALISED else request.method
    if _TOKEN.fullmatch(method) is None or method.upper() in ("CONNECT", "TRACE", "TRACK"):
        raise ScriptError("TypeError", f"the method {request.method!r} is not allowed")
    if request.credentials not in get_args(Credentials):
        raise ScriptError("TypeError", f"there is no credentials mode {request.credentials!r}")
    if request.mode not in ("cors", "same-origin"):
        raise ScriptError("TypeError", f"mode {request.mode} is not allowed")
    if method in ("GET", "HEAD") and request.body is not None:
        raise ScriptError("TypeError", f"{method} with a body")
    try:
        address = parse(request.url, base)
    except BadUrl as error:
        raise ScriptError("TypeError", str(error)) from error
    headers = _clean(request.headers, page)
    return StoredRequest(address.url, method, headers, request.mode, request.credentials)


def _clean(headers: dict[str, str], page: bool) -> tuple[tuple[str, str], ...]:
    kept: list[tuple[str, str]] = []
    for name, raw in headers.items():
        value = raw.strip(" \t\r\n")
        if _TOKEN.fullmatch(name) is None or _BAD_VALUE.search(value) or not _latin(value):
            raise ScriptError("TypeError", f"the header {name!r} cannot be sent")
        lower = name.lower()
        if not page and lower in ("cookie", "referer"):
            pass
        elif lower in FORBIDDEN_REQUEST_HEADERS or lower.startswith(("proxy-", "sec-")):
            continue
        kept.append((lower, value))
    return tuple(kept)


def _latin(value: str) -> bool:
    return all(character <= "\xff" for character in value)


def query_of(request: str | Request, base: str) -> StoredRequest:
    """The argument of ``match``.  Raises ScriptError TypeError."""
    return request_of(request, base)


def matches(
    query: StoredRequest, request: StoredRequest, head: StoredHead | None, options: QueryOptions
) -> bool:
    """Service Workers, "Request matches cached item", on copies (E74 to E76)."""
    if not options.ignore_method and request.method != "GET":
        return False
    asked, stored = query.url, request.url
    if options.ignore_search:
        asked, stored = without_search(asked), without_search(stored)
    if asked != stored:
        return False
    vary = None if head is None or options.ignore_vary else head.get("vary")
    names = [name.strip().lower() for name in (vary or "").split(",") if name.strip()]
    return all(
        name != "*" and header(query.headers, name) == header(request.headers, name)
        for name in names
    )
