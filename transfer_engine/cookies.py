"""Cookies of a user agent (RFC 6265): what servers set, kept from run to run.

The rules of domain, path, expiry and ``Secure`` are those of ``http.cookiejar``; what it
leaves to its caller is settled here.  A cookie without ``Domain`` goes to that very host
only.  ``Secure`` and the prefixes ``__Secure-`` and ``__Host-`` are set over https only.
``SameSite`` is kept for requests that an application of another host makes; without a list
of public suffixes another host is taken for another site, which may withhold a cookie and
never sends one too many.  ``Domain`` may name neither a top-level domain (``com``, ``local``)
nor another public suffix that ``http.cookiejar`` knows (``co.uk``); it does not know all.

Whether a request has cookies at all is its credentials mode's matter (``hops``).

*The session is the store's*, not the process's: a cookie without an expiry is kept, too,
since a background fetch that a restart interrupts must go on as whom it began.  Changes are
written in the background, a whole file at a time: a kill may cost the newest of them, never
the file.  It holds secrets, and is made for its owner only.  Expiry goes by the time of day.
"""

from __future__ import annotations

import ipaddress
import json
import time
from http.client import HTTPResponse
from http.cookiejar import (
    Cookie,
    CookieJar,
    DefaultCookiePolicy,
    LoadError,
    MozillaCookieJar,
)
from pathlib import Path
from typing import cast
from urllib.request import Request

import trio

from transfer_engine.errors import StoreUnusable
from transfer_engine.logs import log
from transfer_engine.messages import Headers
from transfer_engine.whole_file import replace_whole

MOST_OF_A_HOST = 50
MOST_BYTES = 4096
"""Of one cookie's name and value."""
_FIELDS = (
    *("version", "name", "value", "port", "port_specified", "domain", "domain_specified"),
    *("domain_initial_dot", "path", "path_specified", "secure", "expires", "discard"),
    *("comment", "comment_url"),
)


class _Policy(DefaultCookiePolicy):
    """A request is *unverifiable* here when an application of another host makes it."""

    def __init__(self) -> None:
        super().__init__(
            rfc2965=False,
            strict_domain=True,
            strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain,
        )

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        secure = request.type == "https"
        hosts = cookie.path == "/" and not cookie.domain_specified and cookie.secure
        return (
            super().set_ok(cookie, request)
            and len(cookie.name) + len(cookie.value or "") <= MOST_BYTES
            and (secure or not cookie.secure)
            and (not cookie.name.startswith("__Secure-") or cookie.secure)
            and (not cookie.name.startswith("__Host-") or hosts)
            and (not request.unverifiable or _same_site(cookie) not in ("lax", "strict"))
        )

    def set_ok_domain(self, cookie: Cookie, request: Request) -> bool:
        host = request.host.rsplit(":", 1)[0]
        # The numbers of an address have no parent, and the jar calls localhost and its like
        # by a name under ``local``, to which any host of the local network may belong.
        if cookie.domain_specified and (
            _is_address(host) or "." not in host or "." not in cookie.domain.strip(".")
        ):
            return False
        return bool(super().set_ok_domain(cookie, request))  # typeshed has no such method

    def return_ok(self, cookie: Cookie, request: Request) -> bool:
        same_site = not (request.unverifiable and _same_site(cookie) in ("lax", "strict"))
        return same_site and super().return_ok(cookie, request)


class CookieStore:
    """Cookies, in memory and in the file ``path`` if it is given.

    For engines that share it (``EngineConfig.cookies``); a user agent has its own.
    Raises StoreUnusable.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._jar = CookieJar(_Policy())
        self._changed = False
        self._saving = trio.Lock()
        if path is not None:
            try:
                self._load(path)
            except FileNotFoundError:
                pass
            except (OSError, ValueError, TypeError, KeyError) as error:
                raise StoreUnusable(str(path), str(error)) from error

    def __len__(self) -> int:
        """How many there are, expired ones left out."""
        self._jar.clear_expired_cookies()
        return len(self._jar)

    def header(self, url: str, *, same_site: bool = True) -> str | None:
        """The value of ``Cookie`` for a request, or None.

        ``same_site``: whether the application that makes the request is at the same host.
        """
        request = Request(url, unverifiable=not same_site)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie")

    def keep(self, url: str, headers: Headers, *, same_site: bool = True) -> bool:
        """Keep what an answer from this URL sets, and forget what it ends; whether it did."""
        lines = [value for name, value in headers if name == "set-cookie"]
        if not lines:
            return False
        request = Request(url, unverifiable=not same_site)
        for line in lines:  # one by one: the jar would let an end overtake what it ends
            # All that the jar asks of a response is its header fields.
            self._jar.extract_cookies(cast(HTTPResponse, _SetCookie(line)), request)
        self._evict()
        self._changed = True
        return True

    def add_netscape_file(self, path: Path) -> None:
        """Add all cookies of a ``cookies.txt``.  Raises OSError, ValueError for another file."""
        given = MozillaCookieJar()
        try:
            given.load(str(path), ignore_discard=True, ignore_expires=True)
        except LoadError as error:
            raise ValueError(f"{path} is no cookies.txt (Netscape format): {error}") from error
        now = int(time.time())
        for cookie in given:
            if cookie.expires == 0:  # so exporters write that it ends with the session
                cookie.expires, cookie.discard = None, True
            if cookie.is_expired(now):
                continue
            # A header is latin-1 here: the server gets the bytes that are in the file.
            cookie.name = _octets(cookie.name)
            cookie.value = None if cookie.value is None else _octets(cookie.value)
            if "." not in cookie.domain:
                cookie.domain += ".local"  # so the jar calls localhost and its like
            self._jar.set_cookie(cookie)
        self._changed = True

    def clear(self) -> None:
        """Forget all."""
        self._jar.clear()
        self._changed = True

    async def save(self) -> None:
        """Write what has changed; a failure is logged, and the next call tries again."""
        async with self._saving:
            if self.path is None or not self._changed:
                return
            self._changed = False
            text = self._dump()
            try:
                await trio.to_thread.run_sync(replace_whole, self.path, text)
            except OSError as error:
                self._changed = True
                log.warning("the cookies could not be saved: %s", error)

    def _evict(self) -> None:
        """Of each domain only the newest stay, as far as the jar's order tells."""
        domains: dict[str, list[Cookie]] = {}
        for cookie in self._jar:
            domains.setdefault(cookie.domain, []).append(cookie)
        for cookies in domains.values():
            for old in cookies[:-MOST_OF_A_HOST]:
                self._jar.clear(old.domain, old.path, old.name)

    def _dump(self) -> str:
        now = int(time.time())
        kept = [
            {field: getattr(cookie, field) for field in _FIELDS} | {"rest": _rest(cookie)}
            for cookie in self._jar
            if not cookie.is_expired(now)
        ]
        return json.dumps({"version": 1, "cookies": kept})

    def _load(self, path: Path) -> None:
        data = json.loads(path.read_text("utf-8"))
        if data["version"] != 1:
            raise ValueError(f"version {data['version']} is unknown")
        for fields in data["cookies"]:
            self._jar.set_cookie(Cookie(**fields))


class _SetCookie:
    def __init__(self, line: str) -> None:
        self._line = line

    def info(self) -> _SetCookie:
        return self

    def get_all(self, name: str, default: list[str]) -> list[str]:
        return [self._line] if name == "Set-Cookie" else default


def _octets(text: str) -> str:
    return text.encode().decode("latin-1")


def _rest(cookie: Cookie) -> dict[str, str]:
    """Attributes that the jar keeps and does not know."""
    rest: dict[str, str] = vars(cookie)["_rest"]
    return rest


def _same_site(cookie: Cookie) -> str:
    given = {name.lower(): value for name, value in _rest(cookie).items()}
    return str(given.get("samesite") or "").lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
